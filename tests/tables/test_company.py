"""Every table of a company is under one contract: named columns, one key, what its absence costs."""

import pytest

from incrementality.tables import COMPANY_TABLES

TABLES = [pytest.param(table, id=table.name) for table in COMPANY_TABLES.values()]


@pytest.mark.parametrize("table", TABLES)
def test_column_names_are_unique(table):
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("table", TABLES)
def test_the_key_is_one_of_the_columns(table):
    assert not table.key or table.column(table.key).kind in ("id", "label")


@pytest.mark.parametrize("table", TABLES)
def test_only_touches_are_indispensable(table):
    assert (table.without == "") == (table.name == "touchpoints")


@pytest.mark.domain("T10")
@pytest.mark.parametrize(
    "name", ["direction", "actor", "outcome", "opportunity_id", "topic", "variant", "source_system"]
)
def test_a_touchpoint_also_says_how_it_went(name):
    assert COMPANY_TABLES["touchpoints"].column(name).meaning


def test_two_files_are_the_minimum():
    assert COMPANY_TABLES["touchpoints"].required == ("occurred_at",)
    assert COMPANY_TABLES["revenue_events"].required == ("account_id", "kind", "occurred_at", "amount")
