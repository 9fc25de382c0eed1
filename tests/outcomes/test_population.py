"""Who counts: rows outside the population are counted by one reason each, and the passes stay few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.errors import ColumnNotFound, ColumnTypeError, InputError, ValueNotAllowed
from incrementality.outcomes import open_unit_table, settle
from incrementality.warehouse import connect, frame_locator

METRICS = [
    {"name": "y", "kind": "mean", "role": "primary", "window": "14d"},
    {"name": "won", "kind": "conversion", "role": "secondary", "window": "28d"},
]
MAPPED = {"eligible": "could", "t0": "decided", "data_cut": "2026-03-01", "delivered": "got"}


@pytest.fixture
def frame(rows):
    """200 rows, the first ten of each reason outside."""
    could = np.ones(200)
    could[10:20], could[20:30] = 0, np.nan
    decided = pd.Series(pd.Timestamp("2026-01-10"), index=range(200))
    decided[30:40], decided[40:50], decided[50:60] = pd.NaT, pd.Timestamp("2026-03-02"), pd.Timestamp("2026-02-02")
    decided[60:70] = pd.Timestamp("2026-02-01")  # 28 days later is the data cut: just mature
    return rows.assign(could=could, decided=decided, got=(rows["arm"] == "journey").astype(float))


def test_every_row_outside_is_counted_for_its_first_reason(plan, frame):
    frame.loc[0:9, "arm"] = None
    counted = read_out(plan(data=MAPPED, metrics=METRICS), data=frame).rows
    assert counted.refused == {
        "arm missing": 10,
        "eligibility unknown": 10,
        "not eligible": 10,
        "decision time unknown": 10,
        "decided after the data cut": 10,
        "not mature yet": 10,
    }
    assert (counted.read, counted.kept) == (200, 140)


def test_all_assigned_are_kept_where_that_is_the_population(plan, frame):
    mapping = {"eligible": "could", "population": "assigned"}
    counted = read_out(plan(data=mapping, metrics=METRICS), data=frame).rows
    assert (counted.kept, counted.refused) == (200, {})


@pytest.mark.domain("X2")
def test_the_answer_is_that_of_the_eligible_and_mature_rows_alone(plan, frame):
    inside = (frame["could"] == 1) & (frame["decided"] <= pd.Timestamp("2026-02-01"))
    ours = read_out(plan(data=MAPPED, metrics=METRICS), data=frame)
    alone = read_out(plan(metrics=METRICS), data=frame[inside])
    for first, second in zip(ours.estimates, alone.estimates, strict=True):
        assert first.effect == pytest.approx(second.effect, rel=1e-12)
        assert first.standard_error == pytest.approx(second.standard_error, rel=1e-12)
        assert first.population == "all eligible units whose outcome windows have closed (intention to treat)"


@pytest.mark.parametrize("part", ["stratum", "cluster", "covariates", "segment"])
def test_strata_clusters_adjustment_and_segments_see_the_same_rows(plan, frame, part):
    frame["g"] = np.where(frame.index % 8 < 4, "a", "b")
    frame["account"] = frame["arm"] + (frame.index // 8).astype(str)
    frame["x"] = frame["y"] + np.random.default_rng(5).normal(0, 1, 200)
    data = {"stratum": {"stratum": "g"}, "cluster": {"cluster": "account"}, "covariates": {"covariates": ["x"]}}
    changes = {"segments": ["g"]} if part == "segment" else {}
    inside = (frame["could"] == 1) & (frame["decided"] <= pd.Timestamp("2026-02-01"))
    asked = data.get(part, {})
    ours = read_out(plan(data=MAPPED | asked, metrics=METRICS, **changes), data=frame)
    alone = read_out(plan(data=asked, metrics=METRICS, **changes), data=frame[inside])
    for first, second in zip([*ours.estimates, *ours.segments], [*alone.estimates, *alone.segments], strict=True):
        assert first.effect == pytest.approx(second.effect, rel=1e-9)
        assert first.pvalue == pytest.approx(second.pvalue, rel=1e-7)


def test_outcomes_of_mapped_populations_are_reduced_in_one_pass(plan, frame):
    with connect() as warehouse:
        table = open_unit_table(warehouse, frame_locator(frame), plan(data=MAPPED, metrics=METRICS))
        before = len(warehouse.statements)
        _, reduction = settle(table)
        assert len(warehouse.statements) == before + 1
        assert reduction.moments.n.sum() == 150


@pytest.mark.parametrize("convert", [bool, int, float], ids=lambda kind: kind.__name__)
def test_flags_may_be_true_false_or_numbers(plan, rows, convert):
    flags = [convert(i % 4 > 0) for i in range(200)]
    counted = read_out(plan(data={"eligible": "could"}), data=rows.assign(could=flags)).rows
    assert counted.refused == {"not eligible": 50}


@pytest.mark.parametrize("moment", ["2026-01-10", "2026-01-10T23:59:59.999999"])
def test_a_decision_may_be_a_date_or_a_timestamp(plan, rows, moment):
    decided = pd.Series(pd.Timestamp(moment), index=rows.index)
    typed = decided.dt.date if len(moment) == 10 else decided
    mapping = {"t0": "decided", "data_cut": "2026-01-25"}
    counted = read_out(plan(data=mapping), data=rows.assign(decided=typed)).rows
    assert counted.kept == 200


REFUSED = {
    "a flag is missing": ({"eligible": "no such"}, {}, ColumnNotFound, "no column 'no such'"),
    "a flag holds 2": ({"eligible": "could"}, {"could": 2}, ValueNotAllowed, "other values in 200 rows"),
    "a flag is text": ({"delivered": "could"}, {"could": "yes"}, ColumnTypeError, "0/1 flag and has type text"),
    "a decision is text": ({"t0": "could"}, {"could": "soon"}, ColumnTypeError, "moment of decision"),
    "eligibility is an outcome": ({"eligible": "y"}, {"y": 1.0}, InputError, "an outcome too"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_say_who_counts_is_refused_by_name(plan, rows, case):
    mapping, columns, error, words = case
    with pytest.raises(error) as caught:
        read_out(plan(data=mapping), data=rows.assign(**columns))
    assert words in str(caught.value)
    assert caught.value.hint


def test_delivery_is_no_segment(plan, rows):
    with pytest.raises(InputError, match="a segment too"):
        read_out(plan(data={"delivered": "got"}, segments=["got"]), data=rows.assign(got=1))
