"""Logistic regression on counted journeys, its ridge penalty chosen and its worth scored on journeys it never saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

__all__ = ["PENALTIES", "LogisticFit", "LogisticScore", "fit_logistic", "score_logistic"]

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0)

_STEPS = 100
_HALVINGS = 30
_TOLERANCE = 1e-11
_FEWEST_FOLDS = 3
_FEWEST_PER_FOLD = 2
_STANDARD_ERRORS = 2.0
_INTERCEPT_PENALTY = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticFit:
    """A logistic regression.

    Attributes:
        intercept: Log-odds of a journey without any feature.
        coefficients: What each feature adds to the log-odds, shape (K,).
        penalty: Ridge penalty: half of it times the sum of squared coefficients was added to minus the log-likelihood.
    """

    intercept: float
    coefficients: FloatArray
    penalty: float

    def probability(self, features: ArrayLike) -> FloatArray:
        """Return the probability of each row of features, shape (N,)."""
        odds: FloatArray = special.expit(self.intercept + np.asarray(features, dtype=float) @ self.coefficients)
        return odds


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticScore:
    """A regression on all journeys, with what its kind was worth on journeys that it had not seen.

    Attributes:
        fit: The regression on all journeys, with the penalty that served best.
        auc: Chance that a journey that converted was given a higher probability than one that did not, out of sample.
        log_loss: Mean of minus the log of the probability given to what happened, out of sample.
        base_log_loss: The same where every journey is given the share that converts.
        gain: ``base_log_loss - log_loss``: above 0 where channels say something about conversion.
        gain_standard_error: Its standard error over journeys.
    """

    fit: LogisticFit
    auc: float
    log_loss: float
    base_log_loss: float
    gain: float
    gain_standard_error: float

    @property
    def beats_base_rate(self) -> bool:
        """Whether the gain is above two of its standard errors."""
        return self.gain > _STANDARD_ERRORS * self.gain_standard_error


def fit_logistic(features: ArrayLike, successes: ArrayLike, failures: ArrayLike, *, penalty: float) -> LogisticFit:
    """Fit a logistic regression with a ridge penalty to counted rows by Newton's method.

    The intercept bears no penalty, so that fitted probabilities average to the share that converts.

    Args:
        features: One row a kind of journey, shape (N, K).
        successes: Journeys of each kind that converted, shape (N,).
        failures: Journeys of each kind that did not, shape (N,).
        penalty: Ridge penalty, above 0.

    Raises:
        InputError: The penalty is not above 0, or journeys all convert, or none does.

    References:
        le Cessie and van Houwelingen (1992), Ridge estimators in logistic regression,
        https://doi.org/10.2307/2347628

    Examples:
        >>> fit = fit_logistic([[0], [1]], [10, 30], [90, 70], penalty=1e-9)
        >>> round(fit.intercept, 4), fit.coefficients.round(4).tolist()
        (-2.1972, [1.3499])
    """
    won, lost = np.asarray(successes, dtype=float), np.asarray(failures, dtype=float)
    if not (penalty > 0 and won.sum() > 0 and lost.sum() > 0):
        raise InputError(
            f"{won.sum():g} journeys converted, {lost.sum():g} did not, and the penalty is {penalty:g}; all must be "
            "above 0",
            hint="add journeys that did not convert, or leave the regression out",
        )
    X = np.column_stack([np.ones(len(won)), np.asarray(features, dtype=float)])
    problem = _Penalised(X, won, lost, np.array([_INTERCEPT_PENALTY, *([penalty] * (X.shape[1] - 1))]))
    found = np.zeros(X.shape[1])
    found[0] = np.log(won.sum() / lost.sum())
    for _ in range(_STEPS):
        step = problem.newton_step(found)
        found = problem.moved(found, step)
        if np.abs(step).max() < _TOLERANCE:
            break
    return LogisticFit(intercept=float(found[0]), coefficients=found[1:], penalty=penalty)


@dataclass(frozen=True, slots=True)
class _Penalised:
    """Minus the log-likelihood with its penalty, and steps that lower it."""

    X: FloatArray
    won: FloatArray
    lost: FloatArray
    ridge: FloatArray

    def loss(self, found: FloatArray) -> float:
        score = self.X @ found
        likelihood = self.won @ np.logaddexp(0, -score) + self.lost @ np.logaddexp(0, score)
        return float(likelihood + (self.ridge * found) @ found / 2)

    def newton_step(self, found: FloatArray) -> FloatArray:
        chance = special.expit(self.X @ found)
        journeys = self.won + self.lost
        curvature = (self.X.T * (journeys * chance * (1 - chance))) @ self.X + np.diag(self.ridge)
        gradient = self.X.T @ (self.won - journeys * chance) - self.ridge * found
        return np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)

    def moved(self, found: FloatArray, step: FloatArray) -> FloatArray:
        """Return the point after a step, halved until it does not make things worse."""
        before = self.loss(found)
        for k in range(_HALVINGS):
            after: FloatArray = found + step / 2**k
            if self.loss(after) <= before + _TOLERANCE * abs(before):
                return after
        return found


def score_logistic(
    features: ArrayLike,
    successes: ArrayLike,
    failures: ArrayLike,
    *,
    seed: int,
    folds: int = 5,
    penalties: Sequence[float] = PENALTIES,
) -> LogisticScore:
    """Choose a ridge penalty, fit, and score the procedure on journeys that it never saw.

    Every journey is put into a fold at random. For each fold, the penalty is chosen on the next one by fits on all
    others, then the regression is fitted to all but the fold and judged on it: neither fit nor penalty has seen it.

    Args:
        features: One row a kind of journey, shape (N, K).
        successes: Whole numbers of journeys of each kind that converted, shape (N,).
        failures: Whole numbers of those that did not, shape (N,).
        seed: Seed of the folds.
        folds: How many, 3 or more.
        penalties: From which the penalty is chosen.

    Raises:
        InputError: Counts are not whole, there are fewer than 3 folds, or too few journeys for them.

    References:
        Stone (1974), Cross-validatory choice and assessment of statistical predictions,
        https://doi.org/10.1111/j.2517-6161.1974.tb00994.x;
        Shao and Li (2011), Data-driven multi-touch attribution models, https://doi.org/10.1145/2020408.2020453

    Examples:
        >>> score = score_logistic([[0], [1]], [100, 300], [900, 700], seed=1)
        >>> score.beats_base_rate, round(score.auc, 2)
        (True, 0.66)
    """
    X = np.asarray(features, dtype=float)
    won, lost = _whole(successes), _whole(failures)
    if folds < _FEWEST_FOLDS or min(won.sum(), lost.sum()) < _FEWEST_PER_FOLD * folds:
        raise InputError(
            f"{won.sum()} journeys converted and {lost.sum()} did not, for {folds} folds; needed: {_FEWEST_FOLDS} "
            f"folds or more, and {_FEWEST_PER_FOLD} journeys of both kinds for each",
            hint="take a longer period, or leave the regression out",
        )
    rng = np.random.default_rng(seed)
    parts = [rng.multinomial(counts, np.full(folds, 1 / folds)).astype(float) for counts in (won, lost)]
    losses = np.array([_losses(X, parts, fold, penalties) for fold in range(folds)])
    chosen = [penalties[int(place)] for place in losses.argmin(axis=1)]
    judged = [_Judged.of(X, parts, fold, chosen[fold]) for fold in range(folds)]
    best = penalties[int(losses.sum(axis=0).argmin())]
    return _scored(fit_logistic(X, won, lost, penalty=best), judged)


def _whole(counts: ArrayLike) -> IntArray:
    amounts = np.asarray(counts, dtype=float)
    if not np.all((amounts >= 0) & (amounts == np.floor(amounts)) & np.isfinite(amounts)):
        raise InputError(
            "counts of journeys are not whole numbers, so they cannot be put into folds",
            hint="count journeys, not shares or weights of them",
        )
    return amounts.astype(np.int64)


def _losses(X: FloatArray, parts: list[FloatArray], fold: int, penalties: Sequence[float]) -> list[float]:
    """Return for each penalty the loss on the next fold of a fit on all but that and this one."""
    judge = (fold + 1) % parts[0].shape[1]
    won, lost = (part.sum(axis=1) - part[:, fold] - part[:, judge] for part in parts)
    fits = [fit_logistic(X, won, lost, penalty=penalty) for penalty in penalties]
    return [_loss(fit.probability(X), *(part[:, judge] for part in parts)) for fit in fits]


def _loss(chance: FloatArray, won: FloatArray, lost: FloatArray) -> float:
    return float(-(special.xlogy(won, chance) + special.xlog1py(lost, -chance)).sum())


@dataclass(frozen=True, slots=True)
class _Judged:
    """One fold: its journeys, what a fit without it said of them, and the base rate without it."""

    chance: FloatArray
    won: FloatArray
    lost: FloatArray
    base: float

    @classmethod
    def of(cls, X: FloatArray, parts: list[FloatArray], fold: int, penalty: float) -> _Judged:
        won, lost = (part.sum(axis=1) - part[:, fold] for part in parts)
        chance = fit_logistic(X, won, lost, penalty=penalty).probability(X)
        return cls(chance, parts[0][:, fold], parts[1][:, fold], float(won.sum() / (won.sum() + lost.sum())))

    @property
    def pairs(self) -> float:
        return float(self.won.sum() * self.lost.sum())

    @property
    def ordered(self) -> float:
        """Pairs of a journey that converted and one that did not which are in the right order; ties count half."""
        order = np.argsort(self.chance, kind="stable")
        _, first = np.unique(self.chance[order], return_index=True)
        won, lost = (np.add.reduceat(part[order], first) for part in (self.won, self.lost))
        return float(won @ (lost.cumsum() - lost / 2))

    @property
    def gains(self) -> tuple[FloatArray, FloatArray]:
        """What each journey's loss falls by against the base rate: those that converted, and those that did not."""
        return np.log(self.chance / self.base), np.log1p(-self.chance) - np.log1p(-self.base)


def _scored(fit: LogisticFit, judged: list[_Judged]) -> LogisticScore:
    n = sum(float(part.won.sum() + part.lost.sum()) for part in judged)
    gain = sum(float(part.won @ part.gains[0] + part.lost @ part.gains[1]) for part in judged) / n
    squares = sum(float(part.won @ part.gains[0] ** 2 + part.lost @ part.gains[1] ** 2) for part in judged) / n
    loss = sum(_loss(part.chance, part.won, part.lost) for part in judged) / n
    return LogisticScore(
        fit=fit,
        auc=sum(part.ordered for part in judged) / sum(part.pairs for part in judged),
        log_loss=loss,
        base_log_loss=loss + gain,
        gain=gain,
        gain_standard_error=float(np.sqrt(max(squares - gain**2, 0.0) / n)),
    )
