"""Do effects from moments err, and cover, as often as they say? Bands are four Monte-Carlo standard errors.

Each draw is a new population and a new assignment; the truth is the effect on the units of the draw (their two
outcomes are known here) or, where a test says so, on the population they come from.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from incrementality.stats import (
    Comparison,
    adjust_mean,
    compare_means,
    estimate_mean,
    independent_covariates,
    moments_of_rows,
    residual_sum,
    robust_estimate,
    small_sample_power,
)

ALPHA = 0.05
FAST, LONG = 1000, 8000


class Draw(NamedTuple):
    """One experiment: outcome columns, covariates, who is treated, and the effect that is true."""

    outcomes: dict[str, np.ndarray]
    covariates: dict[str, np.ndarray]
    treated: np.ndarray
    truth: float
    clusters: np.ndarray | None = None


def band(repetitions, rate=ALPHA):
    return 4 * math.sqrt(rate * (1 - rate) / repetitions)


def assign(rng, n, share):
    return rng.permutation(n) < round(share * n)


def unadjusted(draw, *, clustered=True):
    sides = []
    for rows in (draw.treated, ~draw.treated):
        clusters = draw.clusters[rows] if clustered and draw.clusters is not None else None
        moments = moments_of_rows({name: y[rows] for name, y in draw.outcomes.items()}, clusters=clusters)
        sides.append(estimate_mean(moments, *draw.outcomes))
    return compare_means(*sides, alpha=ALPHA)


def adjusted(draw, *, power=None):
    """Lin's adjustment as the readout makes it: HC3 below 50 units a parameter unless told, CR1 with clusters.

    CR1 is what the readout makes of clusters in plenty; ``test_clusters_truth`` has CR2.
    """
    columns = {**draw.outcomes, **draw.covariates}
    moments = moments_of_rows(columns, groups=draw.treated, clusters=draw.clusters)
    kept = independent_covariates(moments, list(draw.covariates))
    target = {name: float(draw.covariates[name].mean()) for name in kept}
    chosen = power or small_sample_power(float(moments.n.min()), len(kept))
    sides = []
    for key, rows in (("True", draw.treated), ("False", ~draw.treated)):
        arm = moments.select((key,))
        fit = adjust_mean(arm, outcomes=list(draw.outcomes), covariates=kept, target=target)
        clusters = None if draw.clusters is None else draw.clusters[rows]
        total = residual_sum(fit, {name: y[rows] for name, y in columns.items()}, power=chosen, clusters=clusters)
        sides.append(robust_estimate(fit, total, clusters=arm.clusters and float(arm.clusters.count.sum())))
    return compare_means(*sides, alpha=ALPHA)


class Answers(NamedTuple):
    """What many experiments answered."""

    comparisons: list[Comparison]
    truths: np.ndarray

    @property
    def missed(self):
        held = [t in c.effect_interval for c, t in zip(self.comparisons, self.truths, strict=True)]
        return 1 - np.mean(held)

    @property
    def rejected(self):
        return np.mean([c.pvalue < ALPHA for c in self.comparisons])

    @property
    def bias(self):
        """Mean error in its own Monte-Carlo standard errors."""
        errors = np.array([c.effect for c in self.comparisons]) - self.truths
        return errors.mean() / errors.std() * math.sqrt(len(errors))

    @property
    def standard_error(self):
        return np.mean([c.standard_error for c in self.comparisons])


def answers(seed, world, method, repetitions=FAST):
    rng = np.random.default_rng(seed)
    draws = [world(rng) for _ in range(repetitions)]
    return Answers([method(draw) for draw in draws], np.array([draw.truth for draw in draws]))


def means_world(n, share, effect=0.0):
    """Gamma outcomes; the effect is added to each treated unit."""

    def draw(rng):
        treated = assign(rng, n, share)
        return Draw({"y": rng.gamma(4, 2, n) + effect * treated}, {}, treated, effect)

    return draw


def covariate_world(n, share, *, effect=0.0, slope=0.0, population=False):
    """Spend depends on three covariates, noise grows with the first; the effect may grow with it too."""

    def draw(rng):
        before, tenure = rng.gamma(4, 5, n), rng.normal(24, 6, n)
        partner = (rng.random(n) < 0.3) * 1.0
        control = before + 0.3 * tenure + 4 * partner + rng.normal(0, 1, n) * (2 + before / 5)
        reaction, treated = effect + slope * (before - 20), assign(rng, n, share)
        covariates = {"before": before, "tenure": tenure, "partner": partner}
        truth = effect if population else float(reaction.mean())
        return Draw({"y": control + reaction * treated}, covariates, treated, truth)

    return draw


def ratio_world(n, share, *, lift=0.0):
    """Orders per session: active units have more sessions and a higher rate; the truth is the population's."""

    def draw(rng):
        activity, treated = rng.uniform(0, 4, n), assign(rng, n, share)
        sessions = 1 + rng.poisson(3 * activity)
        orders = rng.binomial(sessions, (0.2 + 0.1 * activity) * (1 + lift * treated))
        before = rng.poisson(3 * activity) * 1.0
        return Draw({"orders": orders * 1.0, "sessions": sessions * 1.0}, {"before": before}, treated, lift * 3.2 / 7)

    return draw


def strata_world(effect=0.0):
    """Three strata of very different level, each with its own treated share: 30, 50 and 90 per cent."""

    def draw(rng):
        sizes, shares = (150, 250, 600), (0.3, 0.5, 0.9)
        stratum = np.repeat(np.arange(3), sizes)
        treated = np.concatenate([assign(rng, n, p) for n, p in zip(sizes, shares, strict=True)])
        reaction = effect * (1 + stratum)
        y = 10 + 5 * stratum + rng.gamma(2, 2 + stratum) + reaction * treated
        indicators = {f"stratum {s}": (stratum == s) * 1.0 for s in (1, 2)}
        return Draw({"y": y}, indicators, treated, float(reaction.mean()))

    return draw


def accounts_world(accounts, *, unequal=0.0, effect=0.0, covariate=False, share=0.5):
    """Contacts in accounts, a quarter of the variance between accounts; sizes near ten, or log-normal."""

    def draw(rng):
        size = 8 + rng.integers(0, 5, accounts) if not unequal else 1 + rng.lognormal(2, unequal, accounts).astype(int)
        account = np.repeat(np.arange(accounts), size)
        before = rng.normal(0, 1, accounts)[account] + rng.normal(0, 0.5, len(account))
        treated = assign(rng, accounts, share)[account]
        y = before + rng.normal(0, 1, accounts)[account] + rng.normal(0, 1.7, len(account)) + effect * treated
        return Draw({"y": y}, {"before": before} if covariate else {}, treated, effect, account)

    return draw


def ignoring_accounts(draw):
    return unadjusted(draw, clustered=False)


def hc2(draw):
    return adjusted(draw, power=1)


def hc3(draw):
    return adjusted(draw, power=2)


def assert_honest(found, repetitions=FAST):
    assert found.missed == pytest.approx(ALPHA, abs=band(repetitions))
    assert abs(found.bias) < 4


@pytest.mark.parametrize(("n", "share", "effect"), [(400, 0.5, 0.0), (1000, 0.1, 1.0), (40, 0.5, 0.0)])
def test_the_difference_of_means_covers(n, share, effect):
    assert_honest(answers(1, means_world(n, share, effect), unadjusted))


@pytest.mark.parametrize(("share", "effect", "slope"), [(0.5, 0.0, 0.0), (0.2, 5.0, 0.5)])
def test_adjusted_effects_cover_with_hc2(share, effect, slope):
    assert_honest(answers(2, covariate_world(1000, share, effect=effect, slope=slope), hc2))


def test_adjustment_halves_the_standard_error():
    """Correlation 0.85 with the covariates: sqrt(1 - 0.85^2) is 0.53."""
    world = covariate_world(1000, 0.5)
    ratio = answers(3, world, adjusted, 100).standard_error / answers(3, world, unadjusted, 100).standard_error
    assert ratio == pytest.approx(0.53, abs=0.03)


def test_thirty_units_an_arm_are_covered_conservatively_with_hc3():
    """Three covariates on 30 units an arm: HC3 misses 3.7 %, HC2 5.4 % (8,000 draws)."""
    found = answers(4, covariate_world(60, 0.5, effect=5.0, slope=0.5), adjusted)
    assert 0.02 < found.missed < ALPHA + band(FAST)
    assert abs(found.bias) < 4


@pytest.mark.parametrize(("method", "lift"), [(unadjusted, 0.0), (unadjusted, 0.2), (adjusted, 0.0), (adjusted, 0.2)])
def test_ratios_cover(method, lift):
    assert_honest(answers(5, ratio_world(800, 0.3, lift=lift), method))


def test_unequal_shares_in_strata_bias_the_plain_difference():
    """High-spending strata are treated more often: the plain difference finds 4 where there is nothing."""
    found = answers(6, strata_world(), unadjusted, 200)
    assert np.mean([c.effect for c in found.comparisons]) > 3
    assert found.missed == 1


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_unequal_shares_in_strata_do_not_bias_the_stratified_difference(effect):
    assert_honest(answers(7, strata_world(effect), adjusted))


@pytest.mark.parametrize("accounts", [80, 200])
def test_accounts_of_similar_size_cover(accounts):
    assert_honest(answers(8, accounts_world(accounts, effect=0.5), unadjusted))
    assert_honest(answers(9, accounts_world(accounts, effect=0.5, covariate=True), adjusted))


@pytest.mark.parametrize("accounts", [80, 200])
def test_ignoring_accounts_finds_effects_that_are_not_there(accounts):
    """About 35 % of null experiments instead of 5 %, however many accounts there are."""
    assert answers(10, accounts_world(accounts), ignoring_accounts, 400).rejected > 0.25


def test_few_unequal_accounts_are_beyond_cr1():
    """Twelve accounts an arm, log-normal sizes of sigma 1: 9 % false positives, a known limit of CR1.

    The long grid below states the figure for more accounts, with a covariate, and for an 80/20 split.
    """
    found = answers(11, accounts_world(24, unequal=1.0), unadjusted)
    assert found.rejected == pytest.approx(0.092, abs=band(FAST, 0.092))


def test_hc2_covers_these_units_and_not_quite_the_population():
    """Effects that grow with a covariate: the units' mean effect is itself a draw, which HC2 leaves out.

    Here the effect's standard deviation is 10, the control outcome's 12: 12.2 % of the intervals miss the
    population's effect, 5.1 % these units' (8,000 draws).
    """
    found = answers(12, covariate_world(1000, 0.5, effect=5.0, slope=1.0), hc2)
    assert_honest(found)
    wider = answers(12, covariate_world(1000, 0.5, effect=5.0, slope=1.0, population=True), hc2)
    assert wider.missed == pytest.approx(0.122, abs=band(FAST, 0.122))
    assert wider.missed > found.missed


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
@pytest.mark.parametrize("n", [400, 4000])
def test_the_long_grid_of_differences_covers(n, share):
    assert_honest(answers(20, means_world(n, share), unadjusted, LONG), LONG)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "share", "method", "missed"),
    [
        (4000, 0.5, hc2, 0.05),
        (4000, 0.2, hc2, 0.05),
        (4000, 0.05, hc2, 0.05),
        (400, 0.5, hc2, 0.05),
        (400, 0.05, hc2, 0.063),
        (400, 0.05, hc3, 0.039),
        (60, 0.5, hc2, 0.054),
        (60, 0.5, hc3, 0.037),
    ],
)
def test_the_long_grid_of_adjusted_effects_misses_as_stated(n, share, method, missed):
    """With three covariates on 20 units in the smaller arm HC2 misses 6.3 %, HC3 3.9 %: the reason for HC3 there."""
    found = answers(20, covariate_world(n, share), method, LONG)
    assert found.missed == pytest.approx(missed, abs=band(LONG, missed))
    assert abs(found.bias) < 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accounts", "unequal", "share", "plain", "with_covariate"),
    [
        (80, 0.0, 0.5, 0.05, 0.05),
        (200, 0.0, 0.5, 0.05, 0.05),
        (24, 1.0, 0.5, 0.092, 0.121),
        (40, 1.0, 0.5, 0.089, 0.105),
        (80, 1.0, 0.5, 0.075, 0.083),
        (200, 1.0, 0.5, 0.061, 0.072),
        (40, 1.0, 0.2, 0.104, 0.135),
    ],
)
def test_the_long_grid_of_accounts_rejects_as_stated(accounts, unequal, share, plain, with_covariate):
    """CR1 keeps its level with accounts of similar size, and not with few very unequal ones (log-normal, sigma 1).

    False positives there: 6-10 % for the difference, 7-13 % with a covariate on the units; effects stay unbiased.
    """
    for method, covariate, rate in ((unadjusted, False, plain), (adjusted, True, with_covariate)):
        world = accounts_world(accounts, unequal=unequal, share=share, covariate=covariate)
        found = answers(21, world, method, LONG)
        assert found.rejected == pytest.approx(rate, abs=band(LONG, rate))
        assert abs(found.bias) < 4
