"""What must not matter does not: the order of rows, columns and files; and revenue adds up whatever comes."""

import random
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from incrementality.capture import open_company, parse_sources
from incrementality.taxonomy import default_taxonomy
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse

AS_OF = datetime(2026, 6, 30, tzinfo=UTC)
FUNCTIONS = ("sdr", "ae", "", "Marketing", "unknown", None)


def frame(rows, *names):
    return {name: np.array([row[k] for row in rows], dtype=object) for k, name in enumerate(names)}


@pytest.fixture(scope="module")
def warehouse():
    with connect(threads=2) as opened:
        yield opened


def taken(warehouse, touches, events, refunds=(), lines=()):
    mapping = {
        "touchpoints": {"from": frame(touches, "touch_id", "account_id", "function", "occurred_at")},
        "revenue_events": {
            "from": frame(events, "event_id", "account_id", "amount", "occurred_at"),
            "constants": {"kind": "new"},
        },
    }
    if refunds:
        mapping["refunds"] = {"from": frame(refunds, "refund_id", "event_id", "amount", "refunded_at")}
    if lines:
        mapping["invoices"] = {"from": frame(lines, "line_id", "account_id", "event_id", "amount", "issued_at")}
    return open_company(parse_sources(mapping), default_taxonomy(), warehouse, as_of=AS_OF)


ids = st.sampled_from(["e1", "e2", "e3", "", "nan", "7.0"])
amounts = st.one_of(
    st.integers(-50, 5000).map(lambda cents: f"{cents / 100:.2f}"), st.sampled_from(["", "many", "0.005"])
)
days = st.sampled_from(["2026-01-05", "2026-03-01 10:00", "2026-12-01", "soon", ""])
accounts = st.sampled_from(["a1", "a2", ""])
events = st.lists(st.tuples(ids, accounts, amounts, days), min_size=1, max_size=8)
refunds = st.lists(st.tuples(st.sampled_from(["r1", "r2", "r3"]), ids, amounts, days), max_size=5)
lines = st.lists(st.tuples(st.sampled_from(["l1", "l2", "l3"]), accounts, ids, amounts, days), max_size=5)
TOUCH = [("t1", "a1", "sdr", "2026-01-01")]


@pytest.mark.domain("W11")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events, refunds=refunds, lines=lines)
def test_revenue_adds_up_whatever_comes(warehouse, events, refunds, lines):
    company = taken(warehouse, TOUCH, events, refunds, lines)
    query = parse("SELECT sum(amount) FROM events", events=company.tables["revenue_events"].name)
    assert company.revenue.reconciles
    assert company.revenue.kept == (warehouse.row(query)[0] or 0)
    for table in company.intake:
        assert table.read == table.kept + sum(one.rows for one in table.refused)
    assert company.intake["revenue_events"].read == len(events)


def told(warehouse, company):
    tables = {
        name: sorted(warehouse.query(parse("SELECT * FROM t", t=company.tables[name].name)), key=str)
        for name in ("touchpoints", "revenue_events")
    }
    return tables, [table.to_dicts() for table in company.intake], company.revenue


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_rows_does_not_matter(warehouse, seed):
    draw = random.Random(seed)  # noqa: S311 - no secret
    touches = [
        (
            f"t{draw.randrange(20)}",
            f"a{draw.randrange(3)}",
            draw.choice(FUNCTIONS),
            f"2026-01-{draw.randrange(1, 29):02d}",
        )
        for _ in range(40)
    ]
    sold = [
        (f"e{draw.randrange(6)}", f"a{draw.randrange(3)}", str(draw.randrange(100)), "2026-03-01") for _ in range(12)
    ]
    first = told(warehouse, taken(warehouse, touches, sold))
    draw.shuffle(touches)
    draw.shuffle(sold)
    assert told(warehouse, taken(warehouse, touches, sold)) == first


def test_a_company_may_be_opened_twice_in_one_engine(warehouse):
    sold = [("e1", "a1", "10", "2026-03-01")]
    first, second = taken(warehouse, TOUCH, sold), taken(warehouse, TOUCH, sold)
    assert told(warehouse, first) == told(warehouse, second)


def test_whole_numbers_stay_whole_where_every_table_has_them(warehouse):
    touches = {"touch_id": np.array([1, 2]), "account_id": np.array([7, 8]), "function": np.array(["ae", "ae"])}
    touches["occurred_at"] = np.array(["2026-01-01", "2026-01-02"], "datetime64[us]")
    won = {"account_id": np.array([7]), "amount": np.array([10]), "kind": np.array(["new"])}
    won["occurred_at"] = np.array(["2026-02-01"], "datetime64[us]")
    company = open_company(
        parse_sources({"touchpoints": touches, "revenue_events": won}), default_taxonomy(), warehouse, as_of=AS_OF
    )
    kinds = company.tables["touchpoints"].columns
    assert (kinds["touch_id"], kinds["account_id"], kinds["contact_id"]) == ("integer", "integer", "text")
    assert company.tables["revenue_events"].columns["account_id"] == "integer"


def test_an_id_that_is_text_in_one_table_is_text_in_all(warehouse):
    touches = [("t1", "7", "ae", "2026-01-01")]
    won = {"account_id": np.array([7]), "amount": np.array([10]), "occurred_at": np.array(["2026-02-01"])}
    mapping = {
        "touchpoints": {"from": frame(touches, "touch_id", "account_id", "function", "occurred_at")},
        "revenue_events": {"from": won, "constants": {"kind": "new"}},
    }
    company = open_company(parse_sources(mapping), default_taxonomy(), warehouse, as_of=AS_OF)
    places = {name: company.tables[table].name for name, table in (("t", "touchpoints"), ("e", "revenue_events"))}
    rows = parse("SELECT e.account_id FROM t AS t JOIN e AS e ON e.account_id = t.account_id", **places)
    assert warehouse.query(rows) == [("7",)]
