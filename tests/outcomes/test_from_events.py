"""From decisions and events to the unit table: half-open windows, refunds, missing amounts, rows that do not count."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from incrementality.cohorts.values import micros
from incrementality.errors import ColumnNotFound, EmptyTable, InputError, InvalidUnitId, SourceNotFound
from incrementality.outcomes.from_events import units_from_events
from incrementality.warehouse import connect
from incrementality.warehouse.upload import upload

_spec = importlib.util.spec_from_file_location("journals", Path(__file__).with_name("journals.py"))
journals = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(journals)

T0 = datetime(2025, 1, 5, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine():
    with connect("duckdb:", threads=1) as warehouse:
        yield warehouse


def decision():
    return {**journals.decisions(1)[0], "unit_id": "a", "t0_us": micros(T0)}


def values(engine, *rows):
    """The one unit's columns, by name."""
    found, _ = journals.by_engine(engine, [decision()], list(rows))
    return dict(zip(journals.COLUMNS, found[0], strict=True))


def order(after, amount=10.0, status="paid", items=1, unit="a"):
    return (unit, T0 + after, amount, status, items)


@pytest.mark.domain("W16", "X11")
def test_outcomes_count_from_t0_on_and_up_to_the_end_left_out(engine):
    microsecond, window = timedelta(seconds=1), timedelta(days=14)
    assert values(engine, order(timedelta(0)))["bought"] == 1
    assert values(engine, order(window - microsecond))["bought"] == 1
    assert values(engine, order(window))["bought"] == 0
    assert values(engine, order(-microsecond))["bought"] == 0


def test_covariates_count_before_t0_only(engine):
    lookback, second = timedelta(days=10), timedelta(seconds=1)
    assert values(engine, order(-lookback))["before"] == 10
    assert values(engine, order(-second))["before"] == 10
    assert values(engine, order(timedelta(0)))["before"] == 0
    assert values(engine, order(-lookback - second))["before"] == 0


@pytest.mark.domain("W11")
def test_refunds_are_negative_amounts(engine):
    day = timedelta(days=1)
    assert values(engine, order(day, 30.0), order(2 * day, -12.5, "refunded"))["spend"] == 17.5


def test_a_missing_amount_inside_the_window_is_a_missing_outcome_and_outside_it_is_none(engine):
    day = timedelta(days=1)
    assert values(engine, order(day, None), order(day))["spend"] is None
    assert values(engine, order(8 * day, None), order(day))["spend"] == 10
    assert values(engine, order(day, None, "open"), order(day))["spend"] == 10


def test_a_unit_without_events_has_zero(engine):
    found = values(engine, order(timedelta(days=1), unit="b"))
    assert [found[name] for name in journals.COLUMNS[1:]] == [0] * 7


def test_the_unit_table_is_that_of_plain_python(engine):
    decided = journals.decisions()
    rows = journals.events(decided)
    found, made = journals.by_engine(engine, decided, rows)
    expected = journals.by_python(decided, rows)
    assert [row[0] for row in found] == [row[0] for row in expected]
    assert journals.comparable(found) == pytest.approx(journals.comparable(expected), rel=1e-12, abs=1e-9)
    assert {"arm", "t0", "eligible", "account_id", "stratum", "p_arm"} <= set(made.relation.columns)


def test_every_row_of_an_event_table_is_counted_once(engine):
    decided = journals.decisions()
    rows = journals.events(decided)
    _, made = journals.by_engine(engine, decided, rows)
    counts = dict(made.events["orders"])
    assert counts.pop("rows") == len(rows) == sum(counts.values())
    assert counts["unit not decided"] == sum(
        u == "stranger" and at is not None and at < journals.CUT for u, at, *_ in rows
    )
    assert counts["no unit id"] == sum(unit in {None, " "} for unit, *_ in rows)
    assert min(counts[name] for name in ("before t0", "in the window", "after the window", "no time")) > 0


def test_rows_at_the_data_cut_do_not_count(engine):
    decided = [{**decision(), "t0_us": micros(journals.CUT - timedelta(days=1))}]
    found, made = journals.by_engine(engine, decided, [("a", journals.CUT, 5.0, "paid", 1)])
    assert found[0][1] == 0
    assert made.events["orders"]["at or after the data cut"] == 1


def orders(engine, kinds, rows):
    return upload(engine, f"orders_{next(journals.NUMBERS)}", journals.ORDERS | kinds, rows)


ROW = ("a", "2025-01-06 00:00:00", 10.0, "paid", 1)


def made(engine, relation, asked=None):
    table, _ = journals.loaded(engine, [decision()], [])
    name = f"units_{next(journals.NUMBERS)}"
    return units_from_events(engine, table, {"orders": relation}, asked or journals.experiment(), name=name)


@pytest.mark.domain("D5")
@pytest.mark.parametrize("kind", ["TIMESTAMP", "TEXT"])
def test_times_without_a_zone_are_refused_until_the_file_says_utc(engine, kind):
    relation = orders(engine, {"at": kind}, [ROW])
    with pytest.raises(EmptyTable, match="time zone missing: 1"):
        made(engine, relation)
    utc = journals.MADE | {"time_zone": "UTC"}
    metrics = [{"name": "bought", "kind": "conversion", "role": "primary", "window": "14d", "from": utc}]
    asked = journals.experiment(metrics=metrics, data={"log": True, "data_cut": "2025-03-02"})
    assert made(engine, relation, asked).events["orders"]["in the window"] == 1


def test_what_cannot_be_used_is_refused(engine):
    with pytest.raises(InvalidUnitId, match="holds decimals"):
        made(engine, orders(engine, {"contact": "DOUBLE"}, [(1.0, *ROW[1:])]))
    with pytest.raises(ColumnNotFound, match="amount"):
        made(engine, upload(engine, f"bare_{next(journals.NUMBERS)}", {"contact": "TEXT", "at": "TIMESTAMPTZ"}, []))
    table, _ = journals.loaded(engine, [decision()], [])
    with pytest.raises(SourceNotFound, match="'orders'"):
        units_from_events(engine, table, {}, journals.experiment(), name="never")


def test_one_name_for_two_columns_is_refused(engine):
    metric = {"name": "bought", "kind": "conversion", "role": "primary", "window": "14d", "from": journals.MADE}
    again = metric | {"name": "again", "column": "bought", "window": "7d", "role": "secondary"}
    asked = journals.experiment(metrics=[metric, again])
    with pytest.raises(InputError, match="two columns called 'bought'"):
        made(engine, orders(engine, {}, []), asked)
