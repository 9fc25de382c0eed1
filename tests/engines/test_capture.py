"""A company is taken in alike wherever its tables lie, as long as times and amounts are typed there."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from incrementality.capture import open_company
from incrementality.capture.source import Source, Sources
from incrementality.tables import COMPANY_TABLES
from incrementality.taxonomy import default_taxonomy
from incrementality.warehouse.sql import parse

DAY = [datetime(2026, 1, day) for day in range(1, 6)]  # noqa: DTZ001 - UTC without a zone
TABLES = {
    "touchpoints": {
        "touch_id": ["t1", "t2", "t2", "t3", "t4"],
        "account_id": ["a1", "a1", "a1", " a2 ", None],
        "function": ["SDR", "Account Executive", "ae", "cs", "cs"],
        "occurred_at": pa.array(DAY, pa.timestamp("us")),
    },
    "revenue_events": {
        "event_id": ["e1", "e2", "e2"],
        "account_id": ["a1", "a2", "a2"],
        "kind": ["new", "Expansion", "expansion"],
        "occurred_at": pa.array([DAY[4], DAY[3], DAY[3]], pa.timestamp("us")),
        "amount": [10.5, 20.25, 20.25],
    },
    "refunds": {
        "refund_id": ["r1"],
        "event_id": ["e1"],
        "amount": [1.0],
        "refunded_at": pa.array([DAY[4]], pa.timestamp("us")),
    },
}
QUERIES = {
    "touchpoints": "SELECT touch_id, account_id, function, CAST(occurred_at AS TEXT) FROM t ORDER BY touch_id",
    "revenue_events": "SELECT event_id, account_id, kind, amount FROM t ORDER BY event_id",
}


@pytest.fixture(scope="module")
def places(everywhere, tmp_path_factory):
    folder = tmp_path_factory.mktemp("company")
    found = {}
    for name, columns in TABLES.items():
        path = folder / f"capture_{name}.parquet"
        pq.write_table(pa.table(columns), path)
        found[name] = everywhere(path)
    return found


def taken(places, engine):
    copies = {name: place[engine] for name, place in places.items()}
    tables = {name: (Source(COMPANY_TABLES[name], copy.locator),) for name, copy in copies.items()}
    warehouse = copies["touchpoints"].warehouse
    company = open_company(Sources(tables), default_taxonomy(), warehouse, as_of=datetime(2026, 6, 30, tzinfo=UTC))
    rows = {name: warehouse.query(parse(text, t=company.tables[name].name)) for name, text in QUERIES.items()}
    return rows, company.revenue, [table.to_dicts() for table in company.intake]


def test_a_company_is_taken_in_alike_on_postgresql(places):
    first = taken(places, "duckdb")
    assert first[1].kept == 2975
    assert taken(places, "postgres") == first
