"""Baselines by hand and by statsmodels; the scoreboard names who agrees with the experiments."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from incrementality.calibration import (
    Cell,
    CellTable,
    Evidence,
    EvidenceSet,
    fit_baseline,
    score_models,
)
from incrementality.errors import InputError
from tests.calibration.companies import company, experiments

CELLS = tuple(Cell("cs", f"j{k}") for k in range(12))


def world(seed, *, factor=0.3, unlike=0.0, se=4.0):
    """Twelve journeys, one function; each cell caused its credit times a factor that differs by ``unlike``."""
    rng = np.random.default_rng(seed)
    credited = rng.uniform(50, 150, len(CELLS))
    caused = credited * rng.normal(factor, unlike, len(CELLS))
    table = CellTable(CELLS, credited, np.full(len(CELLS), 10.0), revenue=4 * credited.sum())
    rows = [
        Evidence(cell.journey, frozenset({cell}), float(caused[k] + rng.normal(0, se)), se**2)
        for k, cell in enumerate(CELLS)
    ]
    return table, EvidenceSet.independent(rows)


@pytest.mark.oracle("global scalar of credit", "statsmodels GLS without a constant", "1e-10")
def test_the_global_scalar_is_generalised_least_squares():
    table = company(2)
    evidence = experiments(table, 2)
    credited = evidence.off(table) @ table.credited
    fit = sm.GLS([row.estimate for row in evidence.rows], credited, sigma=evidence.covariance).fit()
    ours = fit_baseline("global scalar", table, evidence)
    assert ours.means == pytest.approx(fit.params[0] * table.credited, rel=1e-10)
    _, sd = ours.sums(np.ones((1, len(table))))
    own = np.sqrt(max(1.0, fit.scale) * fit.normalized_cov_params[0, 0])
    assert sd[0] == pytest.approx(own * table.credited.sum(), rel=1e-10)


def test_the_journey_ratio_takes_each_tested_journey_at_its_word():
    table, evidence = world(1)
    half = evidence.where([k < 6 for k in range(12)])
    found = fit_baseline("journey ratio", table, half)
    assert found.means[:6] == pytest.approx([row.estimate for row in half.rows])
    assert found.means[6:] == pytest.approx(fit_baseline("global scalar", table, half).means[6:])


def test_raw_credit_takes_itself_at_its_word():
    table, evidence = world(1)
    means, sds = fit_baseline("raw", table, evidence).sums(np.eye(12))
    assert means == pytest.approx(table.credited)
    assert sds.max() == 0


class TestScoreboard:
    def test_a_model_that_agrees_comes_first(self):
        table, evidence = world(3, unlike=0.05)
        wrong = CellTable(CELLS, table.credited[::-1].copy(), table.touches, table.revenue)
        board = score_models({"good": table, "turned": wrong}, evidence)
        assert board.rows[0].model == "good"

    def test_a_baseline_that_wins_is_said_to_win(self):
        """All journeys alike and well tested: one factor is the truth, and the report says so."""
        sentences = {score_models({"linear": t}, e).sentence for t, e in (world(s) for s in range(4, 10))}
        assert any("better than calibration" in sentence for sentence in sentences)

    def test_raw_credit_is_scored_and_loses(self):
        board = score_models({"linear": world(5)[0]}, world(5)[1])
        assert {row.correction for row in board.rows} == {"calibrated", "raw", "global scalar", "journey ratio"}
        assert board.rows[-1].correction == "raw"

    def test_no_model_scores_nothing(self):
        with pytest.raises(InputError, match="no attribution model"):
            score_models({}, world(1)[1])


def test_an_unknown_baseline_is_named():
    with pytest.raises(InputError, match="no baseline 'naive'"):
        fit_baseline("naive", *world(1))
