"""A company written as text files, taken in by the settings that a user would write."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest

from incrementality.capture import open_company, parse_sources
from incrementality.taxonomy import default_taxonomy
from incrementality.warehouse import connect
from incrementality.warehouse.sql import column, parse

_spec = importlib.util.spec_from_file_location("stories", Path(__file__).with_name("stories.py"))
stories = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stories)


def write_csv(path, rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def warehouse():
    with connect(threads=2) as opened:
        yield opened


@pytest.fixture
def take_in(tmp_path, warehouse):
    """Take a company in: tables are lists of rows; ``settings`` are added to a table's source."""

    def opened(tables=None, *, settings=None, company=None, taxonomy=None, **options):
        every = {"touchpoints": stories.TOUCHES, "revenue_events": stories.EVENTS} | (tables or {})
        mapping = {}
        for name, rows in every.items():
            if rows is not None:
                write_csv(tmp_path / f"{name}.csv", rows)
                mapping[name] = {"from": f"{name}.csv"} | (settings or {}).get(name, {})
        sources = parse_sources(mapping, tmp_path, company=company)
        return open_company(sources, taxonomy or default_taxonomy(), warehouse, **({"as_of": stories.AS_OF} | options))

    return opened


@pytest.fixture
def rows(warehouse):
    """The rows of a clean table, some of its columns, in order."""

    def fetched(company, table, *names):
        query = parse("SELECT 1 FROM source", source=company.tables[table].name)
        query.set("expressions", [column(name) for name in names])
        return sorted(warehouse.query(query), key=str)

    return fetched
