"""The closed form against a second road: whole covariance matrices, conditioning by blocks, no pieces, no shortcuts.

Tolerance 1e-8, relative to the prior's standard deviation: the two roads invert matrices of different size.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from incrementality.calibration import Cell, Evidence, EvidenceSet, HyperGrid, Outliers, calibrate_cells
from incrementality.calibration.gaussian import linearise, removal
from incrementality.errors import InputError
from tests.calibration.companies import company, experiments

GRID = HyperGrid(scales=(0.1, 0.25, 0.6), redundancies=(-0.4, 0.3))


def whole_covariance(table, point, grid):
    """The prior covariance of all cells, entry by entry."""
    a, n = table.scale, len(table)
    found = np.zeros((n, n))
    for i, one in enumerate(table.cells):
        for j, other in enumerate(table.cells):
            shared = point.function * (one.function == other.function) + point.journey * (one.journey == other.journey)
            own = point.cell * (i == j)
            found[i, j] = a[i] * a[j] * (grid.level_sd**2 + point.scale**2 * (shared + own))
    return found + (0 if table.disagreement is None else grid.level**2 * table.disagreement)


def walked(table, evidence, grid, point):
    """The covariance that drift adds, experiment by experiment, cell by cell."""
    m = len(evidence)
    found = np.zeros((m, m))
    for i, one in enumerate(evidence.rows):
        for j, other in enumerate(evidence.rows):
            shared = one.off & other.off
            size = sum(table.scale[k] ** 2 for k, cell in enumerate(table.cells) if cell in shared)
            found[i, j] = grid.drift**2 * point.scale**2 * min(one.age, other.age) * size
    return found


def conditioned(table, evidence, grid, centre, forms):
    """Weights, means and variances of linear forms at each point, by conditioning one joint Normal."""
    off, y = evidence.off(table), np.array([row.estimate for row in evidence.rows])
    mean = grid.level * table.scale
    logs, means, variances = [], [], []
    for point, prior in zip(grid.points(), grid.log_prior(), strict=True):
        rows, constants = linearise(centre, off, table.overlap(), point.redundancy)
        cells = whole_covariance(table, point, grid)
        both = np.vstack([rows, forms])
        joint = both @ cells @ both.T
        m = len(y)
        joint[:m, :m] += evidence.covariance + walked(table, evidence, grid, point)
        told = np.linalg.solve(joint[:m, :m], joint[:m, m:])
        expected = rows @ mean + constants
        logs.append(prior + multivariate_normal(expected, joint[:m, :m]).logpdf(y))
        means.append(forms @ mean + told.T @ (y - expected))
        variances.append(np.diag(joint[m:, m:] - joint[m:, :m] @ told))
    weights = np.exp(np.array(logs) - max(logs))
    return weights / weights.sum(), np.array(means), np.array(variances)


@pytest.mark.oracle("posterior of calibration", "conditioning one joint Normal by blocks", "1e-8 of the prior sd")
@pytest.mark.parametrize("seed", range(4))
def test_closed_form_equals_conditioning_the_joint_normal(seed):
    table = company(seed, disagreement=seed % 2 == 1)
    evidence = experiments(table, seed)
    ours = calibrate_cells(table, evidence, grid=GRID, outliers=Outliers(probability=0.0))
    forms = np.vstack([np.eye(len(table)), np.ones(len(table))])
    weights, means, variances = conditioned(table, evidence, GRID, ours.centre, forms)
    found = ours.fair_shares(forms)
    scale = table.scale.sum()
    assert ours.weights[:, 0] == pytest.approx(weights, abs=1e-9)
    assert found.mean == pytest.approx(weights @ means, abs=1e-8 * scale)
    assert found.variance == pytest.approx(weights @ (variances + (means - weights @ means) ** 2), rel=1e-7)


@pytest.mark.oracle("posterior of calibration", "an outlier's variance put in by hand", "1e-8 of the prior sd")
def test_an_outlier_is_a_larger_variance_of_one_experiment():
    """The rank-one shortcut equals calibrating anew with each experiment's variance inflated, weighed by density."""
    table = company(3)
    evidence = experiments(table, 3, correlated=False)
    ours = calibrate_cells(table, evidence, grid=GRID, outliers=Outliers(0.2, 30.0))
    forms, m = np.eye(len(table)), len(evidence)
    joint, means, variances = [], [], []
    for k in range(-1, m):
        inflated = evidence.covariance.copy()
        if k >= 0:
            inflated[k, k] *= 30.0
        rows = tuple(
            Evidence(row.experiment, row.off, row.estimate, float(inflated[i, i]), row.age)
            for i, row in enumerate(evidence.rows)
        )
        shares, mean, variance = log_conditioned(table, EvidenceSet(rows, inflated), ours.centre, forms)
        joint.append(np.log(0.8 if k < 0 else 0.2 / m) + shares)
        means.append(mean)
        variances.append(variance)
    logs = np.array(joint).T
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    assert ours.weights == pytest.approx(weights, abs=1e-9)
    expected = np.einsum("gk,kgn->n", weights, np.array(means))
    assert ours.fair_shares(forms).mean == pytest.approx(expected, abs=1e-8 * table.scale.sum())


def log_conditioned(table, evidence, centre, forms):
    """As ``conditioned``, with the unnormalised log weights."""
    off, y = evidence.off(table), np.array([row.estimate for row in evidence.rows])
    logs, means, variances = [], [], []
    for point, prior in zip(GRID.points(), GRID.log_prior(), strict=True):
        rows, constants = linearise(centre, off, table.overlap(), point.redundancy)
        cells = whole_covariance(table, point, GRID)
        seen = rows @ cells @ rows.T + evidence.covariance + walked(table, evidence, GRID, point)
        crossed = forms @ cells @ rows.T
        surprise = y - rows @ (GRID.level * table.scale) - constants
        logs.append(prior + multivariate_normal(cov=seen).logpdf(surprise))
        means.append(GRID.level * table.scale + crossed @ np.linalg.solve(seen, surprise))
        variances.append(np.diag(cells - crossed @ np.linalg.solve(seen, crossed.T)))
    return np.array(logs), np.array(means), np.array(variances)


def test_without_experiments_the_prior_speaks():
    table = company(1)
    total = calibrate_cells(table, EvidenceSet.independent([])).total()
    assert total.mean[0] == pytest.approx(0.3 * table.scale.sum())
    assert total.sd[0] > 0.5 * table.scale.sum() * 0.99


def test_a_perfect_global_holdout_fixes_the_total():
    table = company(2)
    everything = frozenset(table.cells)
    told = EvidenceSet.independent([Evidence("global", everything, 123.0, 1e-6)])
    total = calibrate_cells(table, told, outliers=Outliers(0.0)).total()
    assert (total.mean[0], total.sd[0]) == (pytest.approx(123.0, abs=1e-3), pytest.approx(1e-3, rel=0.01))


def test_the_order_of_cells_and_experiments_does_not_matter():
    table = company(4)
    evidence = experiments(table, 4)
    order = np.random.default_rng(1).permutation(len(table))
    turned = replace(
        table,
        cells=tuple(table.cells[i] for i in order),
        credited=table.credited[order],
        touches=table.touches[order],
        together=table.together[np.ix_(order, order)],
    )
    back = EvidenceSet(evidence.rows[::-1], evidence.covariance[::-1, ::-1].copy())
    one = calibrate_cells(table, evidence).fair_shares(np.eye(len(table)))
    other = calibrate_cells(turned, back).fair_shares(np.eye(len(table)))
    assert other.mean == pytest.approx(one.mean[order], rel=1e-8)
    assert other.sd == pytest.approx(one.sd[order], rel=1e-8)


def test_cents_or_euros_give_one_answer():
    table, hundred = company(5, overlap=False), 100.0
    evidence = experiments(table, 5)
    cents = type(table)(
        table.cells, table.credited * hundred, table.touches, table.revenue * hundred, per_touch=hundred
    )
    rows = tuple(
        Evidence(r.experiment, r.off, r.estimate * hundred, r.variance * hundred**2, r.age) for r in evidence.rows
    )
    one = calibrate_cells(table, evidence).total()
    other = calibrate_cells(cents, EvidenceSet(rows, evidence.covariance * hundred**2)).total()
    assert other.interval()[0][0] == pytest.approx(hundred * one.interval()[0][0], rel=1e-8)


def test_fair_shares_add_up_at_every_level():
    table = company(6)
    posterior = calibrate_cells(table, experiments(table, 6))
    by = {
        level: np.array([[getattr(cell, level) == name for cell in table.cells] for name in names], dtype=float)
        for level, names in (("function", table.functions), ("journey", table.journeys))
    }
    total = posterior.total().mean[0]
    for forms in (*by.values(), np.eye(len(table))):
        assert posterior.fair_shares(forms).mean.sum() == pytest.approx(total, abs=1e-9 * table.revenue)


def test_a_contradicting_experiment_is_seen_as_the_outlier():
    table = company(7, overlap=False)
    journey = frozenset(cell for cell in table.cells if cell.journey == "j0")
    size = sum(s for cell, s in zip(table.cells, table.scale, strict=True) if cell in journey)
    rows = [Evidence(f"x{k}", journey, 0.3 * size, (0.05 * size) ** 2) for k in range(3)]
    rows.append(Evidence("odd", journey, 2.0 * size, (0.05 * size) ** 2))
    outlying = calibrate_cells(table, EvidenceSet.independent(rows)).outlying()
    assert outlying[3] > 0.9
    assert outlying[:3].max() < 0.05


class TestRemoval:
    def test_the_linear_form_touches_the_removal(self):
        """Value and slope at the centre, against differences."""
        rng = np.random.default_rng(8)
        table = company(8)
        theta, overlap = rng.normal(20, 10, len(table)), table.overlap()
        off = rng.random((5, len(table))) < 0.4
        forms, constants = linearise(theta, off, overlap, 0.4)
        values = [removal(theta, s, overlap, 0.4) for s in off]
        assert forms @ theta + constants == pytest.approx(values)
        step = 1e-4 * np.eye(len(table))
        slopes = [
            [(removal(theta + d, s, overlap, 0.4) - removal(theta - d, s, overlap, 0.4)) / 2e-4 for d in step]
            for s in off
        ]
        assert forms == pytest.approx(np.array(slopes), abs=1e-8)

    def test_everything_off_costs_the_sum(self):
        table = company(9)
        theta = np.arange(len(table), dtype=float)
        assert removal(theta, np.ones(len(table), dtype=bool), table.overlap(), 0.5) == pytest.approx(theta.sum())

    def test_redundant_cells_cost_less_than_their_share(self):
        table = company(10)
        theta = np.full(len(table), 30.0)
        off = table.members(lambda cell: cell.journey == "j1")
        assert removal(theta, off, table.overlap(), 0.5) < theta[off].sum() < removal(theta, off, table.overlap(), -0.5)


class TestMixture:
    def test_quantiles_meet_their_probabilities(self):
        table = company(11)
        shares = calibrate_cells(table, experiments(table, 11)).fair_shares(np.eye(len(table)))
        for probability in (0.05, 0.5, 0.95):
            assert shares.below(shares.quantile(probability)) == pytest.approx(probability, abs=1e-10)

    def test_one_normal_is_a_normal(self):
        one = HyperGrid(scales=(0.25,), mixes=((0.4, 0.4, 0.2),), redundancies=(0.0,))
        table = company(12)
        total = calibrate_cells(table, EvidenceSet.independent([]), grid=one).total()
        assert total.quantile(0.95)[0] == pytest.approx(norm(total.mean[0], total.sd[0]).ppf(0.95), rel=1e-9)


def test_the_mean_alone_is_the_mixtures_mean():
    table = company(13)
    posterior = calibrate_cells(table, experiments(table, 13))
    assert posterior.mean() == pytest.approx(posterior.fair_shares(np.eye(len(table))).mean, rel=1e-9)


def test_a_cell_outside_the_ledger_is_refused():
    table = company(14)
    elsewhere = EvidenceSet.independent([Evidence("x", frozenset({Cell("f0", "elsewhere")}), 1.0, 1.0)])
    with pytest.raises(InputError, match="'x' switched off 1 cells that the ledger does not hold"):
        calibrate_cells(table, elsewhere)
