"""A history says what units did before anybody was assigned, who is there, and who comes each week."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from incrementality.errors import (
    ColumnNotFound,
    ColumnTypeError,
    EmptyTable,
    InputError,
    InvalidUnitId,
    ValueNotAllowed,
)
from incrementality.outcomes.past import PastColumns, past_units
from incrementality.warehouse import connect, frame_locator

FIRST = pd.Timestamp("2026-01-05")


def past(frame, **columns):
    asked = {"kind": "conversion", "unit": "id", "outcome": "bought", "t0": "entered", "window": timedelta(days=28)}
    with connect("duckdb:") as engine:
        return past_units(engine, frame_locator(frame), PastColumns(**{**asked, **columns}))


def entries(n: int = 1820, weeks: int = 26) -> pd.DataFrame:
    """Units that enter evenly over the weeks, each once; every tenth converts."""
    days = np.arange(n) % (7 * weeks)
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(n)],
            "entered": FIRST + pd.to_timedelta(days, unit="D"),
            "bought": (np.arange(n) // 182 % 10 == 0).astype(int),
            "account": [f"a{i % 182}" for i in range(n)],
        }
    )


def test_units_that_enter_once_arrive_and_nobody_waits():
    found = past(entries())
    assert (found.here_now, found.arrivals_per_week, found.weeks) == (0, 70.0, 26.0)


def test_units_whose_window_is_open_are_left_out_of_the_outcome():
    found = past(entries())
    still_open = 27 * 10  # the end is the midnight after the last of 182 days; 28 days before it is still complete
    assert (found.too_recent, len(found.values)) == (still_open, 1820 - still_open)
    assert found.values.mean() == pytest.approx(0.1, abs=1e-12)  # noqa: PD011 - no frame


def test_only_the_weeks_looked_back_on_count():
    found = past(entries(), weeks=10)
    assert (found.weeks, found.arrivals_per_week) == (10.0, 70.0)
    assert len(found.values) + found.too_recent == 700


def test_a_stated_end_replaces_the_last_entry():
    found = past(entries(), until=date(2026, 3, 2))
    assert (found.weeks, len(found.values) + found.too_recent) == (8.0, 560)


def test_a_unit_counts_once_by_its_first_entry_in_any_order_of_rows():
    again = entries().assign(entered=lambda rows: rows["entered"] + pd.Timedelta(days=3), bought=1)
    both = pd.concat([entries(), again]).sample(frac=1, random_state=4)
    found, once = past(both, until=date(2026, 7, 6)), past(entries(), until=date(2026, 7, 6))
    assert found.values.tolist() == once.values.tolist()  # noqa: PD011 - no frame


def test_units_that_come_back_are_here_and_did_not_arrive_in_the_first_week():
    standing = pd.DataFrame(
        [(f"s{i}", FIRST + pd.Timedelta(weeks=week), 0) for i in range(50) for week in range(10)],
        columns=["id", "entered", "bought"],
    )
    new = pd.DataFrame({"id": [f"n{i}" for i in range(18)], "bought": 1})
    new["entered"] = FIRST + pd.Timedelta(weeks=1) + pd.to_timedelta(7 * (np.arange(18) // 2), unit="D")
    found = past(pd.concat([standing, new]), until=date(2026, 3, 16))
    assert (found.here_now, found.arrivals_per_week) == (52, 2.0)


def test_a_list_without_moments_is_who_is_here():
    found = past(entries().drop(columns="entered"), t0=None)
    assert (found.here_now, found.arrivals_per_week, found.weeks, found.too_recent) == (1820, 0.0, None, 0)


def test_missing_outcomes_and_groups_are_counted_and_left_out():
    frame = entries().astype({"bought": "Int64"})
    frame.loc[:4, "bought"] = pd.NA
    frame.loc[5:8, "account"] = None
    found = past(frame, cluster="account")
    assert found.missing == 9
    assert len(found.values) == len(found.clusters) == 1820 - 270 - 9


def test_clusters_and_denominators_stay_with_their_unit():
    frame = entries().assign(visits=lambda rows: np.arange(len(rows)) % 5 + 1)
    found = past(frame, kind="ratio", denominator="visits", cluster="account")
    kept = frame[frame["entered"] <= FIRST + pd.Timedelta(days=154)]
    wanted = kept.groupby("account")[["bought", "visits"]].sum()
    got = pd.DataFrame({"account": found.clusters, "bought": found.values, "visits": found.denominator})  # noqa: PD011 - no frame
    pd.testing.assert_frame_equal(got.groupby("account").sum(), wanted.astype(float), check_names=False)


@pytest.mark.parametrize(
    ("frame", "columns", "error", "words"),
    [
        (entries(), {"outcome": "bougth"}, ColumnNotFound, "Did you mean 'bought'"),
        (entries(), {"t0": "account"}, ColumnTypeError, "moment of decision"),
        (entries(), {"outcome": "account"}, ColumnTypeError, "outcomes are numbers"),
        (entries().assign(bought=2), {}, ValueNotAllowed, "1,820 values besides 0 and 1"),
        (entries().assign(id=None).astype({"id": "string"}), {}, InvalidUnitId, "empty in 1,820 rows"),
        (entries(), {"window": timedelta(days=300)}, EmptyTable, "1,820 are too recent"),
        (entries(), {"until": date(2025, 1, 1)}, EmptyTable, "begins on 2026-01-05"),
        (pd.concat([entries(), entries()]), {"t0": None}, InputError, "no t0 says which"),
    ],
)
def test_a_history_that_cannot_be_used_is_refused_with_the_reason(frame, columns, error, words):
    with pytest.raises(error, match=words) as refused:
        past(frame, **columns)
    assert refused.value.hint
