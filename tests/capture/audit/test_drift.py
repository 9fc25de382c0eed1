"""Drift is found from counts alone, and chance alone raises no alarm."""

import numpy as np
import pandas as pd
import pytest

from incrementality.capture.audit import Volumes, find_drift, missing_months, touch_volumes
from incrementality.capture.audit.volumes import DIMENSIONS
from incrementality.simulate import simulate_company
from incrementality.warehouse import connect, frame_locator

FIRST = 12 * 2025
STEADY = (40, 44, 38, 41, 39, 45, 42, 40, 43, 41, 38, 44)


def alarms(**channels):
    volumes = Volumes(FIRST, {("channel", name): counts for name, counts in channels.items()})
    return [(one.kind, one.label) for one in find_drift(volumes, "2025Q4")]


@pytest.mark.domain("G6")
@pytest.mark.parametrize(
    ("counts", "kind"),
    [
        ((*STEADY[:9], 0, 0, 0), "lost"),
        ((*STEADY[:9], 2, 0, 1), "lost"),
        ((0,) * 9 + (20, 22, 21), "added"),
        ((*STEADY[:9], 120, 118, 125), "volume"),
        ((*(10 * one for one in STEADY[:9]), 120, 118, 125), "volume"),
    ],
)
def test_a_series_that_changed_is_named(counts, kind):
    assert (kind, "phone") in alarms(email=tuple(20 * one for one in STEADY), phone=counts)


@pytest.mark.domain("G6")
def test_a_mix_that_shifted_is_told_even_if_no_series_doubled():
    up, down = (*STEADY[:9], 70, 72, 71), (*STEADY[:9], 24, 25, 23)
    assert alarms(email=up, phone=down) == [("mix", "")]


@pytest.mark.domain("G6")
def test_steady_counts_short_records_and_thin_series_raise_no_alarm():
    assert alarms(email=STEADY, partner=(1, 0, 2, 0, 1, 0, 0, 3, 1, 0, 0, 0)) == []
    assert find_drift(Volumes(FIRST, {("channel", "email"): (40, 40, 40, 0, 0, 0)}), "2025Q2") == ()
    assert find_drift(Volumes(FIRST, {}), "2025Q4") == ()


@pytest.mark.domain("G6")
def test_a_few_touches_from_years_before_hide_nothing():
    early = (1,) + (0,) * 35
    volumes = Volumes(
        FIRST - 36, {("channel", "email"): early + STEADY, ("channel", "phone"): (*early, *STEADY[:9], 0, 0, 0)}
    )
    assert [(one.kind, one.label) for one in find_drift(volumes, "2025Q4") if one.kind != "mix"] == [("lost", "phone")]


@pytest.mark.domain("G6")
def test_clustered_counts_with_growth_raise_few_alarms():
    """Variance twice the mean, 5 % growth a quarter: at most one alarm in 500 quarters of 12 series."""
    rng = np.random.default_rng(7)
    growth = 1.05 ** (np.arange(24) / 3)
    raised = 0
    for _ in range(500):
        means = rng.uniform(2, 60, size=(12, 1)) * growth
        counts = rng.negative_binomial(means, 0.5)
        series = {("channel", f"c{k}"): tuple(map(int, row)) for k, row in enumerate(counts)}
        raised += bool(find_drift(Volumes(FIRST, series), "2026Q4"))
    assert raised <= 1


@pytest.mark.domain("G6")
@pytest.mark.parametrize("seed", range(1, 6))
def test_no_quarter_of_a_clean_company_drifts(seed):
    simulated = simulate_company(600, 8, seed=seed, dirty=False)
    touches = {name: simulated.tables["touchpoints"][name] for name in ("occurred_at", *DIMENSIONS)}
    with connect(threads=2) as engine:
        relation = engine.open(frame_locator(pd.DataFrame(touches)))
        volumes = touch_volumes(engine, relation, as_of=simulated.as_of)
    found = [alarm for year in (2025, 2026) for k in range(1, 5) for alarm in find_drift(volumes, f"{year}Q{k}")]
    assert (found, missing_months(volumes)) == ([], ())
    assert volumes.months == 24


@pytest.mark.domain("G6")
def test_a_quarter_that_is_not_over_is_not_judged():
    running = Volumes(FIRST, {("channel", "email"): STEADY[:10]})
    assert find_drift(running, "2025Q4") == ()


@pytest.mark.domain("D7")
@pytest.mark.parametrize(
    ("counts", "months"),
    [
        ((40, 44, 38, 0, 39, 45), ["2025-04"]),
        ((40, 44, 0, 0, 39, 45), ["2025-03", "2025-04"]),
        ((40, 0, 38, 41, 0, 45), ["2025-02", "2025-05"]),
        ((40, 44, 38, 41, 39, 0), []),  # it ends: that is a channel that was lost
        ((0, 0, 38, 41, 39, 40), []),  # it began later
        ((9, 8, 9, 0, 9, 8), []),  # so few that luck empties a month
        ((90, 5, 0, 95, 6, 0, 91, 4, 0, 92, 5, 0), []),  # a rhythm of its own
    ],
)
def test_an_empty_month_is_missing_if_those_around_it_are_full(counts, months):
    assert [gap.month for gap in missing_months(Volumes(FIRST, {("source_system", "crm"): counts}))] == months
