"""Influence values: how much each unit moves an estimate, which gives the covariance of any two estimates.

An estimate is the truth plus the sum of its influence values, nearly. Where two estimates share units (a control that
serves two arms, two metrics of one test, two tests of one account), the covariance is the sum of products of their
values, added up by account first: a Gram matrix, so never with a negative variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    Arms = NDArray[np.bool_]

__all__ = [
    "InfluenceValues",
    "adjusted_influence",
    "complier_influence",
    "difference_influence",
    "influence_covariance",
    "ratio_influence",
]

_FEWEST = 2
_FULL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluenceValues:
    """An estimate with the influence of each unit.

    Attributes:
        estimate: The estimate, in the metric's unit.
        values: What each unit adds to its error, shape (n,); the sum of their squares is the variance, with the
            finite-sample factor of the usual formula (``s^2 / n`` with ``n - 1``; HC2 where covariates are used).
        accounts: Whom each value belongs to, shape (n,): the account where accounts were randomised, else the unit.
    """

    estimate: float
    values: FloatArray
    accounts: NDArray[np.generic]


def difference_influence(y: ArrayLike, treated: ArrayLike, *, accounts: ArrayLike) -> InfluenceValues:
    """Return the influence values of a difference of means; their squares add up to Welch's variance.

    Args:
        y: Outcome, shape (n,).
        treated: Whether the unit is in the treatment arm, shape (n,).
        accounts: The account (or unit) of each row, shape (n,).

    Raises:
        InputError: Lengths differ, a value is missing, or an arm has fewer than two units.

    References:
        Hampel (1974), The influence curve and its role in robust estimation, https://doi.org/10.2307/2285666

    Examples:
        >>> found = difference_influence([1, 3, 2, 6], [0, 0, 1, 1], accounts=[1, 2, 3, 4])
        >>> found.estimate, round(float(found.values @ found.values), 6)
        (2.0, 5.0)
    """
    (value,), arm, ids = _checked([y], treated, accounts)
    means = _arm_means(value, arm)
    return InfluenceValues(estimate=means[1] - means[0], values=_of_means(value, arm, means), accounts=ids)


def ratio_influence(
    numerator: ArrayLike, denominator: ArrayLike, treated: ArrayLike, *, accounts: ArrayLike
) -> InfluenceValues:
    """Return the influence values of a difference of ratios, each linearised around its arm's own ratio.

    Args:
        numerator: Numerator of each unit, shape (n,).
        denominator: Denominator of each unit, shape (n,).
        treated: Whether the unit is in the treatment arm, shape (n,).
        accounts: The account (or unit) of each row, shape (n,).

    Raises:
        InputError: As for ``difference_influence``, or a denominator sums to zero in an arm.

    References:
        Deng, Knoblich and Lu (2018), Applying the Delta Method in Metric Analytics,
        https://doi.org/10.1145/3219819.3219919

    Examples:
        >>> found = ratio_influence([1, 2, 3, 5], [2, 2, 3, 2], [0, 0, 1, 1], accounts=[1, 2, 3, 4])
        >>> round(found.estimate, 3)
        0.85
    """
    (y, x), arm, ids = _checked([numerator, denominator], treated, accounts)
    below = _arm_means(x, arm)
    if 0 in below:
        raise InputError("the denominator sums to zero in an arm", hint="check the column, or choose another one")
    ratios = [above / under for above, under in zip(_arm_means(y, arm), below, strict=True)]
    linear = np.where(arm, (y - ratios[1] * x) / below[1], (y - ratios[0] * x) / below[0])
    return InfluenceValues(estimate=ratios[1] - ratios[0], values=_of_means(linear, arm, (0.0, 0.0)), accounts=ids)


def adjusted_influence(
    y: ArrayLike,
    covariates: ArrayLike,
    treated: ArrayLike,
    *,
    accounts: ArrayLike,
    estimand: Literal["units", "population"] = "population",
) -> InfluenceValues:
    """Return the influence values of Lin's adjusted difference (each arm with slopes of its own).

    Args:
        y: Outcome, shape (n,).
        covariates: Covariates from before the draw, shape (n, p) or (n,), linearly independent in each arm.
        treated: Whether the unit is in the treatment arm, shape (n,).
        accounts: The account (or unit) of each row, shape (n,).
        estimand: ``units`` for the effect on these units (squares add up to HC2); ``population`` for the effect on
            those that they come from, which adds how far the units' covariates may be from the population's. It is
            what pooling and calibration need.

    Raises:
        InputError: As for ``difference_influence``, covariates that depend on each other, or too few units.

    References:
        Lin (2013), https://doi.org/10.1214/12-AOAS583;
        Negi and Wooldridge (2021), Revisiting regression adjustment in experiments with heterogeneous treatment
        effects, https://doi.org/10.1080/07474938.2020.1824732

    Examples:
        >>> y, before = [2.0, 3.0, 5.0, 4.0, 6.0, 9.0], [1.0, 2.0, 4.0, 1.5, 2.0, 4.5]
        >>> found = adjusted_influence(y, before, [0, 0, 0, 1, 1, 1], accounts=range(6))
        >>> round(found.estimate, 3)
        2.581
    """
    (outcome,), arm, ids = _checked([y], treated, accounts)
    x = np.asarray(covariates, dtype=float).reshape(len(outcome), -1)
    centred = x - x.mean(0)
    fits = [_fit(outcome[side], centred[side]) for side in (~arm, arm)]
    values = np.zeros(len(outcome))
    for sign, side, (_, influence) in zip((-1, 1), (~arm, arm), fits, strict=True):
        values[side] = sign * influence
    slopes = fits[1][0] - fits[0][0]
    if estimand == "population":
        values += centred @ slopes[1:] / len(outcome)
    return InfluenceValues(estimate=float(slopes[0]), values=values, accounts=ids)


def _fit(y: FloatArray, centred: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return an arm's coefficients (the adjusted mean first) and the HC2 influence of its units on the first."""
    design = np.column_stack([np.ones(len(y)), centred])
    q, r = np.linalg.qr(design) if len(y) > design.shape[1] else (design, np.zeros((1, 1)))
    diagonal = np.abs(np.diag(r))
    leverage = (q * q).sum(1)
    if diagonal.min() <= _FULL * diagonal.max() or leverage.max() > 1 - _FULL:
        raise InputError(
            f"{len(y)} units of an arm cannot carry {centred.shape[1]} covariates, or a covariate fits one exactly",
            hint="declare fewer covariates, none a combination of others",
        )
    coefficients = np.linalg.solve(r, q.T @ y)
    pull = np.linalg.solve(r, q.T)[0]
    return coefficients, pull * (y - design @ coefficients) / np.sqrt(1 - leverage)


def complier_influence(
    y: ArrayLike, delivered: ArrayLike, treated: ArrayLike, *, accounts: ArrayLike
) -> InfluenceValues:
    """Return the influence values of the effect on compliers: the effect over the difference in delivery.

    Args:
        y: Outcome, shape (n,).
        delivered: Whether the unit was delivered, shape (n,).
        treated: Whether the unit is in the treatment arm, shape (n,).
        accounts: The account (or unit) of each row, shape (n,).

    Raises:
        InputError: As for ``difference_influence``, or delivery does not differ.

    References:
        Angrist, Imbens and Rubin (1996), https://doi.org/10.1080/01621459.1996.10476902

    Examples:
        >>> found = complier_influence([1, 3, 2, 6, 7], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1], accounts=range(5))
        >>> found.estimate
        4.5
    """
    outcome = difference_influence(y, treated, accounts=accounts)
    delivery = difference_influence(delivered, treated, accounts=accounts)
    if delivery.estimate == 0:
        raise InputError("delivery is the same in both arms", hint="read the intention-to-treat effect")
    effect = outcome.estimate / delivery.estimate
    values = (outcome.values - effect * delivery.values) / delivery.estimate
    return InfluenceValues(estimate=effect, values=values, accounts=outcome.accounts)


def influence_covariance(estimates: Sequence[InfluenceValues]) -> FloatArray:
    """Return the covariance matrix of several estimates, shape (K, K), from their values added up by account.

    Two arms against one control give the variance of the control's mean; disjoint accounts give zero. The diagonal
    is the cluster-robust variance where accounts hold several rows, the usual one where they hold one. Tests with
    draws of their own share accounts by chance: their covariance here is noise around zero.

    Args:
        estimates: One or more, with accounts of one type.

    Raises:
        InputError: There is no estimate.

    References:
        Liang and Zeger (1986), sums by cluster, https://doi.org/10.1093/biomet/73.1.13

    Examples:
        >>> y = [1, 3, 2, 6]
        >>> first = difference_influence(y, [0, 0, 1, 1], accounts=["a", "b", "c", "d"])
        >>> second = difference_influence(y, [0, 0, 1, 1], accounts=["a", "b", "e", "f"])
        >>> influence_covariance([first, second]).round(6).tolist()
        [[5.0, 1.0], [1.0, 5.0]]
    """
    if not estimates:
        raise InputError("there is no estimate", hint="give one or more")
    _, code = np.unique(np.concatenate([found.accounts for found in estimates]), return_inverse=True)
    ends = np.cumsum([len(found.values) for found in estimates])[:-1]
    parts = zip(np.split(code, ends), estimates, strict=True)
    totals = np.array([np.bincount(at, weights=found.values, minlength=code.max() + 1) for at, found in parts])
    return np.asarray(totals @ totals.T)


def _arm_means(values: FloatArray, treated: Arms) -> tuple[float, float]:
    return float(values[~treated].mean()), float(values[treated].mean())


def _of_means(values: FloatArray, treated: Arms, means: tuple[float, float]) -> FloatArray:
    """Return ``(y - mean) / sqrt(n (n - 1))`` of each arm, negative for the control."""
    n1 = int(treated.sum())
    n0 = len(values) - n1
    scale = np.where(treated, 1 / np.sqrt(n1 * (n1 - 1.0)), -1 / np.sqrt(n0 * (n0 - 1.0)))
    return np.asarray((values - np.where(treated, means[1], means[0])) * scale)


def _checked(
    columns: Sequence[ArrayLike], treated: ArrayLike, accounts: ArrayLike
) -> tuple[list[FloatArray], Arms, NDArray[np.generic]]:
    values = [np.asarray(column, dtype=float) for column in columns]
    arm, ids = np.asarray(treated).astype(bool), np.asarray(accounts)
    if any(value.shape != arm.shape for value in values) or arm.shape != ids.shape or arm.ndim != 1:
        raise InputError(
            f"columns of {[value.size for value in values]} rows, {arm.size} arms and {ids.size} accounts; needed: one "
            "of each for each row",
            hint="give columns of one length",
        )
    if min(arm.sum(), (~arm).sum()) < _FEWEST or not all(np.isfinite(value).all() for value in values):
        raise InputError(
            f"{arm.sum()} and {(~arm).sum()} units with missing or infinite values among them, or fewer than two",
            hint="give each arm two units or more with finite values",
        )
    return values, arm, ids
