"""Experiments predicted from one another, against calibrating anew without each."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.calibration import (
    Evidence,
    EvidenceSet,
    HyperGrid,
    Outliers,
    calibrate_cells,
    forward_in_time,
    interval_score,
    leave_one_out,
)
from incrementality.errors import InputError
from tests.calibration.companies import company, experiments

GRID = HyperGrid(scales=(0.1, 0.25, 0.6), redundancies=(-0.4, 0.3))


@pytest.mark.oracle("experiments left out", "calibrating anew without each one", "1e-8")
@pytest.mark.parametrize("seed", [1, 2])
def test_leaving_one_out_is_calibrating_without_it(seed):
    """Without shared noise, drift and outliers the predicted estimate is the removal plus its own noise."""
    table = company(seed)
    evidence = experiments(table, seed, correlated=False, ages=False)
    posterior = calibrate_cells(table, evidence, grid=GRID, outliers=Outliers(0.0))
    for k, row in enumerate(evidence.rows):
        rest = calibrate_cells(
            table, evidence.without(k), grid=GRID, outliers=Outliers(0.0), centre=posterior.centre
        ).removals(evidence.off(table)[k : k + 1])
        found = posterior.given_others(k)
        assert found.mean == pytest.approx(rest.mean, rel=1e-8)
        assert found.variance == pytest.approx(rest.variance + row.variance, rel=1e-8)


def test_shared_noise_predicts():
    """Two tests of one journey on one control: the noise of the one is known from the other."""
    table = company(3, overlap=False)
    journey = frozenset(cell for cell in table.cells if cell.journey == "j0")
    rows = tuple(Evidence(f"x{k}", journey, 50.0 + 10 * k, 100.0) for k in range(2))
    apart = EvidenceSet(rows, np.diag([100.0, 100.0]))
    joined = EvidenceSet(rows, np.array([[100.0, 90.0], [90.0, 100.0]]))
    plain = Outliers(0.0)
    spread = [calibrate_cells(table, known, outliers=plain).given_others(1).sd[0] for known in (apart, joined)]
    assert spread[1] < 0.6 * spread[0]


def test_probabilities_are_uniform_where_the_world_is_the_prior():
    """200 worlds drawn from the model itself: the probabilities given to what came look uniform."""
    rng = np.random.default_rng(11)
    table = company(4, functions=2, journeys=3, overlap=False)
    grid = HyperGrid(scales=(0.25,), mixes=((1 / 3, 1 / 3, 1 / 3),), redundancies=(0.0,), drift=0.0)
    a = table.scale
    pits = []
    for _ in range(200):
        parts = [rng.normal(size=k) for k in (1, 2, 3, 6)]
        by_function, by_journey = np.repeat(parts[1], 3), np.tile(parts[2], 2)
        mixed = np.sqrt(1 / 3) * (by_function + by_journey + parts[3])
        theta = a * (0.3 + 0.5 * parts[0][0] + 0.25 * mixed)
        off = [table.members(lambda cell, j=j: cell.journey == j) for j in table.journeys]
        rows = [
            Evidence(
                str(k),
                frozenset(c for c, o in zip(table.cells, s, strict=True) if o),
                theta[s].sum() + rng.normal(0, 9),
                81.0,
            )
            for k, s in enumerate(off)
        ]
        told = calibrate_cells(table, EvidenceSet.independent(rows), grid=grid, outliers=Outliers(0.0))
        pits.append(float(told.given_others(0).below(rows[0].estimate)[0]))
    assert np.mean(pits) == pytest.approx(0.5, abs=3 * np.sqrt(1 / 12 / 200))
    assert np.var(pits) == pytest.approx(1 / 12, abs=3 * np.sqrt(1 / 180 / 200))


class TestPredictions:
    def test_one_row_an_experiment_and_scores(self):
        table = company(5)
        told = leave_one_out(table, experiments(table, 5))
        assert len(told.rows) == 5
        assert sum(told.histogram()) == 5
        assert told.error > 0
        assert 0 <= told.covered <= 1

    def test_forward_in_time_knows_only_the_past(self):
        """The first quarter's experiments are not predicted; changing a later one changes no earlier prediction."""
        table = company(6, overlap=False)
        journeys = [frozenset(c for c in table.cells if c.journey == j) for j in table.journeys]
        ages = (3, 2, 1, 0)

        def told(last):
            rows = [
                Evidence(j, off, last if age == 0 else 40.0, 25.0, age)
                for j, off, age in zip("abcd", journeys, ages, strict=True)
            ]
            return {r.experiment: r.mean for r in forward_in_time(table, EvidenceSet.independent(rows)).rows}

        one, other = told(40.0), told(400.0)
        assert set(one) == {"b", "c", "d"}
        assert [one[k] for k in "bc"] == pytest.approx([other[k] for k in "bc"])
        assert one["d"] == pytest.approx(other["d"], rel=1e-6)

    def test_one_experiment_predicts_nothing(self):
        table = company(7)
        with pytest.raises(InputError, match="1 experiments cannot"):
            leave_one_out(table, experiments(table, 7).where([True, False, False, False, False]))

    def test_one_quarter_has_no_past(self):
        table = company(8)
        with pytest.raises(InputError, match="one quarter"):
            forward_in_time(table, experiments(table, 8, ages=False))


def test_the_interval_score_pays_for_width_and_for_missing():
    assert interval_score(0, 10, 5, confidence=0.9) == 10
    assert interval_score(0, 10, -1, confidence=0.9) == 30
