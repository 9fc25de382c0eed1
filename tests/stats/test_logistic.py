"""Logistic regression on counted journeys against statsmodels, scipy, and what must be true."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, special

from incrementality.errors import InputError
from incrementality.stats import fit_logistic, score_logistic


def counts(seed, *, k=5, rows=40, strength=0.8):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 2, (rows, k)).astype(float)
    beta = rng.normal(0, strength, k)
    journeys = rng.integers(5, 400, rows)
    won = rng.binomial(journeys, special.expit(-1.5 + X @ beta))
    return X, won, journeys - won


@pytest.mark.oracle("logistic regression", "statsmodels", "1e-8")
@pytest.mark.parametrize("seed", range(3))
def test_without_a_penalty_it_is_that_of_statsmodels(seed):
    X, won, lost = counts(seed)
    model = sm.GLM(np.column_stack([won, lost]), sm.add_constant(X), family=sm.families.Binomial())
    theirs = model.fit(tol=1e-13).params
    ours = fit_logistic(X, won, lost, penalty=1e-12)
    assert (ours.intercept, *ours.coefficients) == pytest.approx(theirs, rel=1e-8)


@pytest.mark.oracle("ridge logistic regression", "scipy's quasi-Newton minimiser on single rows", "1e-6")
@pytest.mark.parametrize("penalty", [0.5, 30.0])
def test_with_a_penalty_it_is_the_minimum_over_single_rows(penalty):
    X, won, lost = counts(4, k=3)
    rows, y = (
        np.repeat(np.vstack([X, X]), np.concatenate([won, lost]), axis=0),
        np.repeat([1.0, 0.0], [won.sum(), lost.sum()]),
    )

    def loss(b):
        score = b[0] + rows @ b[1:]
        return np.logaddexp(0, score).sum() - y @ score + penalty * b[1:] @ b[1:] / 2

    theirs = optimize.minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7})
    ours = fit_logistic(X, won, lost, penalty=penalty)
    assert (ours.intercept, *ours.coefficients) == pytest.approx(theirs.x, rel=1e-5, abs=1e-6)


def test_fitted_probabilities_average_to_the_share_that_converts():
    X, won, lost = counts(5)
    fit = fit_logistic(X, won, lost, penalty=50.0)
    assert (won + lost) @ fit.probability(X) == pytest.approx(won.sum(), rel=1e-9)


def test_features_that_part_the_journeys_cleanly_still_have_an_answer():
    fit = fit_logistic([[0.0], [1.0]], [0, 50], [50, 0], penalty=0.1)
    assert 2 < fit.coefficients[0] < 20


def test_a_channel_that_matters_beats_the_base_rate():
    X, won, lost = counts(6)
    score = score_logistic(X, won, lost, seed=1)
    assert score.beats_base_rate
    assert score.auc > 0.6
    assert score.log_loss < score.base_log_loss


def test_channels_that_say_nothing_rarely_beat_it():
    beaten = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X, journeys = rng.integers(0, 2, (30, 6)).astype(float), rng.integers(20, 100, 30)
        won = rng.binomial(journeys, 0.2)
        beaten.append(score_logistic(X, won, journeys - won, seed=seed).beats_base_rate)
    assert sum(beaten) <= 5


@pytest.mark.oracle("area under the curve, out of sample", "every pair of journeys compared, fold by fold", "1e-12")
def test_the_area_under_the_curve_counts_pairs():
    X, won, lost = counts(7, rows=12, k=2)
    folds = 3
    rng = np.random.default_rng(9)
    parts = [rng.multinomial(n, np.full(folds, 1 / folds)).astype(float) for n in (won, lost)]
    score = score_logistic(X, won, lost, seed=9, folds=folds, penalties=(1.0,))
    right, pairs, loss = 0.0, 0.0, 0.0
    for fold in range(folds):
        rest = [part.sum(axis=1) - part[:, fold] for part in parts]
        chance = fit_logistic(X, *rest, penalty=1.0).probability(X)
        held, gone = (part[:, fold] for part in parts)
        right += sum(
            held[i] * gone[j] * ((chance[i] > chance[j]) + (chance[i] == chance[j]) / 2)
            for i in range(12)
            for j in range(12)
        )
        pairs += held.sum() * gone.sum()
        loss -= held @ np.log(chance) + gone @ np.log(1 - chance)
    assert score.auc == pytest.approx(right / pairs, rel=1e-12)
    assert score.log_loss == pytest.approx(loss / (won.sum() + lost.sum()), rel=1e-9)


def test_the_same_seed_scores_the_same():
    X, won, lost = counts(8)
    once, again, other = (score_logistic(X, won, lost, seed=seed).log_loss for seed in (1, 1, 2))
    assert once == again != other


@pytest.mark.parametrize(
    ("won", "lost", "told"),
    [
        ([4, 3], [100, 100], "7 journeys converted"),
        ([10.5, 30], [100, 100], "not whole numbers"),
        ([1, -1], [9, 9], "not whole"),
    ],
)
def test_counts_that_cannot_be_put_into_folds_are_refused(won, lost, told):
    with pytest.raises(InputError, match=told):
        score_logistic([[0.0], [1.0]], won, lost, seed=1)


def test_journeys_that_all_convert_are_refused():
    with pytest.raises(InputError, match="0 did not"):
        fit_logistic([[1.0]], [5], [0], penalty=1.0)
