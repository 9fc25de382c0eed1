"""What a further experiment would teach, against calibrating with it."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.calibration import (
    Candidate,
    Cell,
    CellTable,
    Evidence,
    EvidenceSet,
    HyperGrid,
    Outliers,
    calibrate_cells,
    rank_experiments,
)
from incrementality.errors import InputError
from tests.calibration.companies import company, experiments

ONE_POINT = HyperGrid(scales=(0.25,), mixes=((0.4, 0.4, 0.2),), redundancies=(0.3,))


@pytest.mark.oracle("drop of variance by a further test", "calibrating with any result of it", "1e-8")
def test_the_drop_is_what_calibrating_with_the_test_gives():
    """At one point of the grid the variance after the test is known before it, whatever it will measure."""
    table = company(1)
    evidence = experiments(table, 1, correlated=False, ages=False)
    members = np.array([[cell.function == name for cell in table.cells] for name in table.functions], dtype=float)
    now = calibrate_cells(table, evidence, grid=ONE_POINT, outliers=Outliers(0.0))
    inside = frozenset(cell for cell in table.cells if (cell.function, cell.journey) in {("f0", "j0"), ("f1", "j0")})
    off = np.array([cell in inside for cell in table.cells])
    _, before, drops = now.after_test(members, off, 64.0)
    for result in (-300.0, 40.0):
        rows = (*evidence.rows, Evidence("new", inside, result, 64.0))
        covariance = np.diag([row.variance for row in rows])
        later = calibrate_cells(
            table, EvidenceSet(rows, covariance), grid=ONE_POINT, outliers=Outliers(0.0), centre=now.centre
        )
        assert before[0] - drops[0] == pytest.approx(later.fair_shares(members).variance, rel=1e-8)


def test_the_value_of_deciding_is_what_deciding_after_it_gains():
    """100,000 simulated readouts of a test on one cell, decided one by one; three Monte-Carlo errors."""
    cells = (Cell("cs", "renewal"),)
    table = CellTable(cells, np.array([100.0]), np.array([10.0]), revenue=1000.0)
    now = calibrate_cells(table, EvidenceSet.independent([]), grid=ONE_POINT)
    cost, error = 45.0, 20.0
    told = rank_experiments(now, [Candidate("x", frozenset(cells), error, 10.0)], costs={"cs": cost}).rows[0]
    rng = np.random.default_rng(3)
    mean, variance = now.total().mean[0], now.total().variance[0]
    truth = rng.normal(mean, np.sqrt(variance), 100_000)
    seen = truth + rng.normal(0, error, len(truth))
    later = mean + variance / (variance + error**2) * (seen - mean)
    gained = np.where(later > cost, truth - cost, 0) - (truth - cost if mean > cost else 0)
    assert told.decision_value == pytest.approx(gained.mean(), abs=3 * gained.std() / np.sqrt(len(truth)))


class TestRanking:
    CELLS = tuple(Cell(f, j) for f in ("cs", "product") for j in ("a", "b"))
    TABLE = CellTable(CELLS, np.array([400.0, 10.0, 400.0, 10.0]), np.full(4, 10.0), revenue=5_000.0)

    def ranked(self, *evidence, costs=None, **candidates):
        now = calibrate_cells(self.TABLE, EvidenceSet.independent(evidence))
        listed = [Candidate(name, frozenset(off), se, risk) for name, (off, se, risk) in candidates.items()]
        return rank_experiments(now, listed, costs=costs)

    def journey(self, name):
        return [cell for cell in self.CELLS if cell.journey == name]

    def test_large_and_untested_comes_first(self):
        found = self.ranked(small=(self.journey("b"), 20, 100), large=(self.journey("a"), 20, 100))
        assert [row.candidate.name for row in found.rows] == ["large", "small"]
        assert "Run large next" in found.sentence

    def test_what_was_tested_teaches_less(self):
        known = Evidence("a", frozenset(self.journey("a")), 240.0, 100.0)
        fresh, again = (
            next(r for r in self.ranked(*seen, a=(self.journey("a"), 20, 100)).rows) for seen in ((), (known,))
        )
        assert again.variance_drop < 0.5 * fresh.variance_drop

    def test_a_function_inside_a_tested_journey_is_the_better_question(self):
        """The journey as a whole is known; how its functions share it is not."""
        known = Evidence("a", frozenset(self.journey("a")), 240.0, 25.0)
        found = self.ranked(known, again=(self.journey("a"), 20, 100), inside=(self.CELLS[:1], 20, 100))
        assert found.rows[0].candidate.name == "inside"

    def test_risk_is_what_it_costs_to_know(self):
        found = self.ranked(dear=(self.journey("a"), 20, 1_000), cheap=(self.journey("a"), 20, 100))
        assert found.rows[0].candidate.name == "cheap"

    def test_a_decision_that_is_clear_needs_no_test(self):
        found = self.ranked(costs={"cs": 1e6}, a=(self.journey("a"), 20, 100))
        assert found.rows[0].decision_value == pytest.approx(0.0, abs=1e-6)


class TestRefusals:
    NOW = calibrate_cells(TestRanking.TABLE, EvidenceSet.independent([]))

    def test_no_candidate(self):
        with pytest.raises(InputError, match="no experiment"):
            rank_experiments(self.NOW, [])

    def test_a_cell_outside_the_ledger(self):
        with pytest.raises(InputError, match="does not hold"):
            rank_experiments(self.NOW, [Candidate("x", frozenset({Cell("cs", "elsewhere")}), 1, 1)])

    def test_a_cost_of_nobody(self):
        one = [Candidate("x", frozenset(TestRanking.CELLS[:1]), 1, 1)]
        with pytest.raises(InputError, match="costs name marketing"):
            rank_experiments(self.NOW, one, costs={"marketing": 1.0})

    @pytest.mark.parametrize("facts", [(frozenset(), 1, 1), (frozenset({Cell("cs", "a")}), 0, 1)])
    def test_a_candidate_without_design(self, facts):
        with pytest.raises(InputError, match="take both numbers from its design"):
            Candidate("x", *facts)
