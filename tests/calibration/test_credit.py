"""Incremental credit: shares add up, removals do not, and evidence is told from prior."""

import numpy as np
import pytest

from incrementality.calibration import (
    CausedExceedsRevenue,
    Cell,
    CellTable,
    Evidence,
    EvidenceSet,
    calibrate_cells,
    incremental_credit,
)
from tests.calibration.companies import company, experiments

CELLS = tuple(Cell(f, j) for f in ("cs", "marketing", "product") for j in ("onboarding", "winback"))


def table(revenue=2_000.0, **facts):
    return CellTable(CELLS, np.full(6, 100.0), np.full(6, 10.0), revenue=revenue, **facts)


def measured(*rows):
    return EvidenceSet.independent([Evidence(name, frozenset(off), value, sd**2) for name, off, value, sd in rows])


def journey(name):
    return {cell for cell in CELLS if cell.journey == name}


@pytest.mark.domain("R12")
class TestTable:
    def test_fair_shares_add_up_to_the_total_at_every_level(self):
        posterior = calibrate_cells(company(1), experiments(company(1), 1))
        for by in ("function", "journey"):
            credit = incremental_credit(posterior, by=by)
            assert sum(row.fair_share.mean for row in credit.rows) == pytest.approx(credit.total.mean, abs=1e-9)

    def test_the_interaction_closes_the_removals(self):
        credit = incremental_credit(calibrate_cells(company(2), experiments(company(2), 2)))
        removed = sum(row.removal.mean for row in credit.rows)
        assert removed + credit.interaction == pytest.approx(credit.total.mean)

    def test_total_and_baseline_are_the_revenue(self):
        credit = incremental_credit(calibrate_cells(table(), measured(("g", CELLS, 250.0, 30.0))))
        assert credit.total.mean + credit.baseline.mean == pytest.approx(2_000)
        assert credit.baseline.low == pytest.approx(2_000 - credit.total.high)

    def test_without_overlap_a_removal_is_the_fair_share(self):
        credit = incremental_credit(calibrate_cells(table(), measured(("w", journey("winback"), 90.0, 20.0))))
        for row in credit.rows:
            assert row.removal.mean == pytest.approx(row.fair_share.mean)


class TestEvidence:
    def test_a_journey_holdout_cannot_split_credit_between_its_functions(self):
        """It fixes the journey; how the functions share it stays the prior's."""
        tests = measured(("w", journey("winback"), 90.0, 1.0), ("o", journey("onboarding"), 90.0, 1.0))
        posterior = calibrate_cells(table(), tests)
        assert all(row.prior_driven for row in incremental_credit(posterior).rows)
        assert not any(row.prior_driven for row in incremental_credit(posterior, by="journey").rows)

    def test_a_function_withheld_inside_its_journeys_is_evidence(self):
        product = {cell for cell in CELLS if cell.function == "product"}
        credit = incremental_credit(calibrate_cells(table(), measured(("p", product, 150.0, 5.0))))
        assert [row.name for row in credit.rows if not row.prior_driven] == ["product"]
        assert "Experiments speak of product;" in credit.sentence

    def test_a_global_holdout_is_evidence_of_the_level_and_not_of_the_split(self):
        credit = incremental_credit(calibrate_cells(table(), measured(("g", CELLS, 200.0, 5.0))))
        assert credit.level > 0.99
        assert all(row.split < 0.01 for row in credit.rows)

    def test_without_experiments_everything_is_prior(self):
        credit = incremental_credit(calibrate_cells(table(), EvidenceSet.independent([])))
        assert (credit.level, max(row.split for row in credit.rows)) == (0.0, pytest.approx(0.0, abs=1e-3))
        assert "every row is prior-driven" in credit.sentence


@pytest.mark.domain("R11")
class TestRecalibration:
    PRODUCT = frozenset(cell for cell in CELLS if cell.function == "product")

    def test_credit_that_evidence_shows_to_be_off_is_marked(self):
        row = incremental_credit(calibrate_cells(table(), measured(("p", self.PRODUCT, 30.0, 5.0)))).row("product")
        assert row.recalibrate
        assert row.factor.mean == pytest.approx(row.fair_share.mean / 200.0)

    def test_credit_that_evidence_confirms_is_not(self):
        row = incremental_credit(calibrate_cells(table(), measured(("p", self.PRODUCT, 198.0, 5.0)))).row("product")
        assert not row.recalibrate

    def test_the_prior_alone_recalibrates_nothing(self):
        credit = incremental_credit(calibrate_cells(table(), EvidenceSet.independent([])))
        assert not any(row.recalibrate for row in credit.rows)


class TestImpossible:
    def test_more_caused_than_earned_is_refused(self):
        with pytest.raises(CausedExceedsRevenue, match="caused more than the revenue of 600"):
            incremental_credit(calibrate_cells(table(600.0), measured(("g", CELLS, 900.0, 10.0))))

    def test_a_programme_that_harms_has_its_probability(self):
        credit = incremental_credit(calibrate_cells(table(), measured(("g", CELLS, -100.0, 40.0))))
        assert credit.loses > 0.9
        assert credit.baseline.mean > 2_000


def test_a_function_never_credited_can_still_earn():
    cells = CellTable(CELLS[:2], np.array([100.0, 0.0]), np.array([10.0, 50.0]), revenue=500.0, per_touch=2.0)
    told = EvidenceSet.independent([Evidence("x", frozenset({CELLS[1]}), 60.0, 25.0)])
    row = incremental_credit(calibrate_cells(cells, told), by="journey").row("winback")
    assert row.factor is None
    assert row.fair_share.mean > 40
