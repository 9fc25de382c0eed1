"""The decision log: no arm in it, refused rows counted, the shadow of caps and priority, cohorts and drift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from incrementality.cohorts import ReadsOwnJourney, cohort, decide, drift, reconstruct
from incrementality.cohorts.decisions import DECISION_COLUMNS
from incrementality.errors import EmptyTable, InputError, InvalidUnitId, SourceNotFound
from incrementality.warehouse import connect, frame_locator
from incrementality.warehouse.sql import column, literal, parse

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=30)
PERIOD = {"since": START, "until": END, "data_cut": END}
TABLES = {"logins": {"kind": "events"}}
DAY = timedelta(days=1)


@pytest.fixture
def duck():
    with connect("duckdb:", threads=1) as warehouse:
        yield warehouse


@pytest.fixture
def log(duck):
    """Decide from logins given as (unit, day) and return the log."""

    def make(rules, logins, *, name="decisions", make=decide, **period):
        rows = {"unit_id": [u for u, _ in logins], "occurred_at": [START + day * DAY for _, day in logins]}
        frame = pd.DataFrame({"unit_id": np.array(rows["unit_id"], object), "occurred_at": rows["occurred_at"]})
        relations = {"logins": duck.open(frame_locator(frame))}
        return make(rules, relations, warehouse=duck, name=name, **PERIOD | period)

    return make


def rows(found, *names, order="decision_id", engine=None):
    query = parse("SELECT 1 FROM source ORDER BY $by, t0", source=found.relation.name, by=column(order))
    query.set("expressions", [column(name) for name in names])
    return (engine or found.warehouse).query(query)


@pytest.mark.domain("X2")
def test_the_log_has_no_arm(rule, log):
    found = log({"x": rule(tables=TABLES)}, [("a", 1)])
    assert tuple(found.relation.columns) == DECISION_COLUMNS
    assert not {"arm", "variant", "p_arm", "assignment"} & set(found.relation.columns)


def test_decisions_have_the_same_ids_every_time(rule, log):
    asked = {"x": rule(tables=TABLES)}
    first, second = (rows(log(asked, [("a", 1)], name=name), "decision_id", "inputs_hash") for name in ("u", "v"))
    assert first == second == [("b9b94de143323cfa80e3826f761842ff", sha256(b"").hexdigest())]


@pytest.mark.domain("X2")
def test_the_first_entry_counts_by_default(rule, log):
    found = log({"x": rule(tables=TABLES)}, [("a", 1), ("a", 2), ("b", 2)])
    assert rows(found, "unit_id", "entry_no", "eligible", "reasons", order="unit_id") == [
        ("a", 1, True, ""), ("a", None, False, "reentry"), ("b", 1, True, ""),
    ]  # fmt: skip


@pytest.mark.domain("X7")
def test_a_withheld_send_uses_up_the_cap_as_a_send_would(rule, log):
    cap = {"name": "weekly", "most": 1, "window": "7d"}
    asked = rule(tables=TABLES, caps=[cap], reentry={"after": "1d"})
    found = log({"x": asked}, [("a", day) for day in (1, 4, 8, 9)])
    assert rows(found, "entry_no", "reasons", "shadow_caps", order="unit_id") == [
        (1, "", "weekly=0/1"), (None, "cap.weekly", "weekly=1/1"),
        (2, "", "weekly=0/1"), (None, "cap.weekly", "weekly=1/1"),
    ]  # fmt: skip


@pytest.mark.domain("X7")
def test_the_loser_of_a_place_logs_the_winner(rule, log):
    cap = {"name": "weekly", "most": 1, "window": "7d", "across": True}
    rules = {
        "late": rule(tables=TABLES, caps=[cap], priority=2, journey="late"),
        "soon": rule(tables=TABLES, caps=[cap], priority=1, journey="soon"),
    }
    found = log(rules, [("a", 1)])
    assert rows(found, "experiment_id", "eligible", "reasons", order="experiment_id") == [
        ("late", False, "priority.soon"), ("soon", True, ""),
    ]  # fmt: skip


@pytest.mark.domain("D5")
def test_refused_rows_are_counted_by_reason(rule, log):
    found = log({"x": rule(tables=TABLES)}, [("a", 1), (None, 1), (" ", 1), ("b", 30), ("c", 31)])
    assert found.refused[0].rows == 5
    assert found.refused[0].reasons == {"no unit id": 2, "no time": 0, "in the future": 2}
    assert [row["n"] for row in found.to_dicts()] == [1]


@pytest.mark.domain("D5")
def test_times_without_a_zone_are_refused_unless_the_rule_says_utc(rule, duck):
    naive = duck.materialise("naive", parse("SELECT 'a' AS unit_id, CAST('2026-03-02' AS TIMESTAMP) AS occurred_at"))
    with pytest.raises(EmptyTable, match=r"time zone missing: 1.*\n.*time_zone: UTC"):
        decide({"x": rule(tables=TABLES)}, {"logins": naive}, warehouse=duck, **PERIOD)
    utc = {"logins": {"kind": "events", "time_zone": "UTC"}}
    found = decide({"x": rule(tables=utc)}, {"logins": naive}, warehouse=duck, **PERIOD)
    assert rows(found, "unit_id") == [("a",)]


@pytest.mark.domain("D5")
def test_texts_are_times_where_they_name_their_zone(rule, duck):
    texts = ["2026-03-02T01:00:00+02:00", "2026-03-02 01:00:00", "yesterday", "2026-03-03T00:00:00Z"]
    frame = pd.DataFrame({"unit_id": list("abcd"), "occurred_at": texts})
    relation = duck.open(frame_locator(frame))
    found = decide({"x": rule(tables=TABLES)}, {"logins": relation}, warehouse=duck, **PERIOD)
    assert found.refused[0].reasons == {"no unit id": 0, "no time": 1, "time zone missing": 1, "in the future": 0}
    query = parse("SELECT unit_id, CAST(t0 AS TEXT) FROM source ORDER BY unit_id", source=found.relation.name)
    assert duck.query(query) == [("a", "2026-03-01 23:00:00+00"), ("d", "2026-03-03 00:00:00+00")]


def test_decimal_ids_are_refused(rule, duck):
    relation = duck.materialise("d", parse("SELECT 1.0e0 AS unit_id, CAST('2026-03-02' AS TIMESTAMPTZ) AS occurred_at"))
    with pytest.raises(InvalidUnitId, match="holds decimals"):
        decide({"x": rule(tables=TABLES)}, {"logins": relation}, warehouse=duck, **PERIOD)


def test_a_table_that_is_not_given_is_named(rule, duck):
    with pytest.raises(SourceNotFound, match="reads the table 'logins'"):
        decide({"x": rule(tables=TABLES)}, {}, warehouse=duck, **PERIOD)


@pytest.mark.parametrize("period", [{"until": START}, {"data_cut": END - DAY}])
def test_a_period_that_is_empty_or_reaches_past_the_data_is_refused(rule, log, period):
    with pytest.raises(InputError, match="is empty or reaches past the data"):
        log({"x": rule(tables=TABLES)}, [("a", 1)], **period)


@pytest.mark.domain("X2")
def test_a_cohort_is_the_first_entries_with_their_maturity(rule, log):
    asked = rule(tables=TABLES, window="14d", maturity_lag="2d", reentry={"after": "2d"})
    found = log({"x": asked}, [("a", 1), ("a", 5), ("b", 14), ("c", 15)])
    people = cohort(found, "x")
    assert rows(people, "unit_id", "cluster", "entry_no", "mature", order="unit_id", engine=found.warehouse) == [
        ("a", "a", 1, True), ("b", "b", 1, True), ("c", "c", 1, False),
    ]  # fmt: skip
    assert (people.size, people.mature, people.left_out) == (3, 2, {"a later entry": 1})
    assert cohort(found, "x", entries="all").size == 4


def test_a_reconstructed_cohort_says_so(rule, log):
    people = cohort(log({"x": rule(tables=TABLES)}, [("a", 1)], make=reconstruct), "x")
    assert people.basis == "reconstructed"
    assert "reconstructed" in people.sentence


def test_an_unknown_experiment_has_no_cohort(rule, log):
    with pytest.raises(InputError, match="Did you mean 'winback'"):
        cohort(log({"winback": rule(tables=TABLES)}, [("a", 1)]), "winbak")


def test_drift_counts_what_a_later_run_finds(rule, log):
    asked = {"x": rule(tables=TABLES, exit={"exists": "logins", "within": "1d"}, reentry={"after": "1d"})}
    frozen = log(asked, [("a", 1), ("b", 2), ("c", 3)], name="frozen")
    again = log(asked, [("a", 1), ("b", 1.5), ("b", 2)], name="again")
    found = drift(frozen.relation, again)
    assert [(row.change, row.was, row.now, row.n) for row in found.rows] == [
        ("appeared", None, "eligible", 1),
        ("same", "eligible", "eligible", 1),
        ("vanished", "eligible", None, 1),
        ("verdict", "eligible", "ineligible: exit", 1),
    ]
    assert (found.frozen, found.changed) == (3, 3)
    assert "stays the population" in found.sentence


def test_no_drift_is_said(rule, log):
    asked = {"x": rule(tables=TABLES)}
    found = drift(log(asked, [("a", 1)], name="u").relation, log(asked, [("a", 1)], name="v"))
    assert found.sentence == "Re-running the rule confirms all 1 frozen decisions."


def test_another_rule_is_no_drift(rule, log):
    frozen = log({"x": rule(tables=TABLES)}, [("a", 1)], name="u").relation
    with pytest.raises(InputError, match="a changed rule is a new version"):
        drift(frozen, log({"x": rule(tables=TABLES, priority=7)}, [("a", 1)], name="v"))


@pytest.mark.domain("X2")
def test_a_table_of_arms_under_another_name_is_refused(rule, duck):
    query = parse("SELECT 'a' AS unit_id, CAST('2026-03-02' AS TIMESTAMPTZ) AS occurred_at")
    relation = duck.materialise("crm_assignments", query)
    with pytest.raises(ReadsOwnJourney, match="crm_assignments"):
        decide({"x": rule(tables=TABLES)}, {"logins": relation}, warehouse=duck, **PERIOD)


def test_tables_whose_names_cross_are_not_confused(rule, duck):
    query = "SELECT $unit AS unit_id, CAST('2026-03-02' AS TIMESTAMPTZ) AS occurred_at"
    one, two = (duck.materialise(n, parse(query, unit=literal(n))) for n in ("logins", "orders"))
    asked = rule(tables=TABLES | {"orders": {"kind": "events"}}, exit={"exists": "orders"})
    found = decide({"x.y": asked}, {"orders": one, "logins": two}, warehouse=duck, **PERIOD)
    assert rows(found, "unit_id") == [("orders",)]
    assert cohort(found, "x.y").size == 1


@pytest.mark.parametrize("tables", [("logins",), ("logins", "contacts")])
def test_ids_of_whole_numbers_are_the_texts_of_their_digits(rule, duck, tables):
    """Ids stay numbers on the way only where those of every table are; the log does not tell."""
    sql = "SELECT $id AS unit_id, CAST('2026-03-02' AS TIMESTAMPTZ) AS occurred_at, 'pro' AS plan"
    found = []
    for kind in ("BIGINT", "TEXT"):
        relations = {}
        for name in tables:
            unit = parse(f"CAST(42 AS {kind if name == 'logins' else 'TEXT'})")
            relations[name] = duck.materialise(f"{name}_{kind}", parse(sql, id=unit))
        states = {"contacts": {"kind": "states", "at": "occurred_at"}} if len(tables) > 1 else {}
        held = {"name": "paying", "when": {"value": "contacts.plan", "equals": "pro"}}
        asked = rule(tables=TABLES | states, audience=[held] if states else [])
        answer = decide({"x": asked}, relations, warehouse=duck, name=f"log_{kind}", **PERIOD)
        found.append(rows(answer, "decision_id", "unit_id", "eligible", "inputs_hash"))
    assert found[0] == found[1] == [(found[0][0][0], "42", True, found[0][0][3])]


def test_a_filter_of_whole_numbers_takes_them_as_floats_do(rule, duck):
    """Beyond 2^53 neighbours are one float, for the engine as for Python."""
    sql = "SELECT 'a' AS unit_id, CAST('2026-03-02' AS TIMESTAMPTZ) AS occurred_at, CAST($kind AS BIGINT) AS kind"
    logins = {n: duck.materialise(f"logins_{n}", parse(sql, kind=literal(n))) for n in (5, 2**53, 2**53 + 1)}
    fires = []
    for n, wanted in [(5, 5), (5, 5.5), (2**53, 2**53), (2**53 + 1, 2**53), (2**53, 5)]:
        asked = rule(tables=TABLES, trigger={"event": "logins", "where": {"kind": wanted}})
        found = decide({"x": asked}, {"logins": logins[n]}, warehouse=duck, name=f"log_{len(fires)}", **PERIOD)
        fires.append(len(rows(found, "unit_id")))
    assert fires == [1, 0, 1, 1, 0]


def test_a_look_back_reaches_to_its_last_microsecond_whatever_the_block(rule, log):
    """Look-backs are joined by blocks of time: none is missed at a block's edge."""
    when = {"value": {"count": "logins", "within": "1d"}, "at_least": 1}
    asked = rule(tables=TABLES, audience=[{"name": "seen", "when": when}], reentry={"after": "1h"})
    late = 1 / 86_400_000_000
    for k, first in enumerate((0, 0.3, 0.999)):
        found = log({"x": asked}, [("a", first), ("a", first + 1), ("b", first), ("b", first + 1 + late)], name=f"l{k}")
        assert rows(found, "unit_id", "eligible", order="unit_id") == [
            ("a", False), ("a", True), ("b", False), ("b", False),
        ]  # fmt: skip


def test_the_shadow_is_the_same_in_batches_of_any_size(rule, log, monkeypatch):
    """Units are not cut where a batch ends: firings stream out of the engine, and entries back into it."""
    cap = {"name": "weekly", "most": 2, "window": "7d"}
    asked = {"x": rule(tables=TABLES, caps=[cap], reentry={"after": "1d"})}
    logins = [(unit, day) for unit in "abc" for day in (1, 1.5, 2, 3, 9, 10, 11)]
    found = []
    for size in (1, 2, 1000):
        for module in ("incrementality.cohorts.shadow", "incrementality.warehouse.duckdb_engine"):
            monkeypatch.setattr(f"{module}._BATCH", size)
        answer = log(asked, logins, name=f"log_{size}")
        found.append(rows(answer, "decision_id", "entry_no", "eligible", "reasons", "shadow_caps"))
    assert found[0] == found[1] == found[2]
    assert [row[1] for row in found[0] if row[2]].count(4) == 3


def test_a_shadow_without_a_candidate_is_empty(rule, log):
    never = [{"name": "never", "when": {"value": {"count": "logins", "within": "1d"}, "at_least": 99}}]
    found = log({"x": rule(tables=TABLES, audience=never, reentry={"after": "1d"})}, [("a", 1)])
    assert rows(found, "eligible", "shadow_caps") == [(False, "")]
