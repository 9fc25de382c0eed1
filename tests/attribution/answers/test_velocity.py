"""Velocity from its factors, each shown; deals by hand."""

from datetime import datetime

import numpy as np
import pytest

from incrementality.attribution.answers import measure_velocity
from incrementality.errors import InputError
from incrementality.warehouse import connect, frame_locator

DEALS = [  # kind, created, closed, outcome, amount in cents
    ("new", "2026-01-10", "2026-02-09", "won", 100_00),
    ("new", "2026-01-20", "2026-03-11", "won", 300_00),
    ("new", "2026-02-01", "2026-03-01", "lost", 500_00),
    ("new", "2025-11-01", "2026-01-05", "lost", 50_00),
    ("expansion", "2026-03-01", None, "open", 70_00),
    ("expansion", "2026-04-01", None, "open", 70_00),
]
QUARTER = {"first": datetime(2026, 1, 1), "after": datetime(2026, 4, 1)}  # noqa: DTZ001 - clean times are UTC


def measured(deals=DEALS, **period):
    kinds, created, closed, outcomes, amounts = zip(*deals, strict=True)
    with connect() as engine:
        frame = {
            "kind": np.array(kinds, dtype=object),
            "created_at": np.array(created, dtype="datetime64[us]"),
            "closed_at": np.array([c or "NaT" for c in closed], dtype="datetime64[us]"),
            "outcome": np.array(outcomes, dtype=object),
            "amount": np.array(amounts),
        }
        return measure_velocity(engine, engine.open(frame_locator(frame)), **(period or QUARTER))


@pytest.mark.domain("R7")
class TestVelocity:
    def test_each_factor_is_shown(self):
        new = next(row for row in measured().to_dicts() if row["kind"] == "new")
        assert (new["opportunities"], new["pipeline"], new["won"], new["lost"]) == (3, 900_00, 2, 2)
        assert (new["win_rate"], new["average_amount"], new["cycle_days"]) == (0.5, 200_00, 40.0)

    def test_velocity_is_the_product_over_the_cycle(self):
        new = next(row for row in measured().to_dicts() if row["kind"] == "new")
        assert new["velocity_per_day"] == pytest.approx(3 * 0.5 * 200_00 / 40)

    def test_a_kind_without_closed_deals_has_none(self):
        expansion = next(row for row in measured().to_dicts() if row["kind"] == "expansion")
        assert (expansion["opportunities"], expansion["win_rate"], expansion["velocity_per_day"]) == (1, None, None)

    def test_the_total_comes_from_sums(self):
        total = measured().to_dicts()[-1]
        assert (total["kind"], total["opportunities"], total["cycle_days"]) == ("total", 4, 40.0)


def test_the_period_is_half_open():
    day = measured(first=datetime(2026, 1, 20), after=datetime(2026, 2, 1))  # noqa: DTZ001 - clean times are UTC
    assert day.total.opportunities == 1


def test_an_empty_period_is_refused():
    with pytest.raises(InputError, match="is empty"):
        measured(first=QUARTER["after"], after=QUARTER["first"])
