"""Out-of-fold predictions: what a model says of a unit that it has not seen, to stand in as a covariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["cross_fitted"]

_FEWEST_FOLDS = 2


def cross_fitted(
    predict: Callable[[FloatArray, FloatArray, FloatArray], ArrayLike],
    features: ArrayLike,
    outcome: ArrayLike,
    *,
    seed: int,
    folds: int = 5,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Return for each unit the prediction of a model that was trained without it, shape (n,).

    The arm has no place here: one model for all arms, so that the prediction is as blind to the draw as a column that
    was measured before it. It then enters the experiment as a covariate like any other. Lin's regression keeps the
    estimate consistent however bad the model is; a good one narrows the interval.

    Args:
        predict: Trains on the features and outcomes of its first two arguments, shapes (m, p) and (m,), and returns
            predictions for the features of the third, shape (k, p).
        features: Measured before the decision, shape (n, p).
        outcome: The units' outcomes, shape (n,).
        seed: Seed of the folds.
        folds: How many parts; each is predicted from the others.
        groups: The randomised group of each unit, shape (n,), where accounts were: a group stays in one fold.

    Raises:
        InputError: Lengths differ, there are more folds than units or groups, or a prediction is not finite.

    References:
        Chernozhukov et al. (2018), Double/debiased machine learning, https://doi.org/10.1111/ectj.12097;
        Guo et al. (2021), Machine learning for variance reduction in online experiments,
        https://arxiv.org/abs/2106.07263

    Examples:
        >>> def nearest(train, y, new):
        ...     return y[np.abs(train[:, 0] - new).argmin(axis=1)]
        >>> cross_fitted(nearest, [[1.0], [1.1], [5.0], [5.1]], [10, 11, 50, 51], seed=1, folds=4).tolist()
        [11.0, 10.0, 51.0, 50.0]
    """
    x, y = np.asarray(features, dtype=float), np.asarray(outcome, dtype=float)
    if x.ndim != 2 or len(x) != len(y):  # noqa: PLR2004 - a matrix
        raise InputError(
            f"features have shape {x.shape} for {len(y)} outcomes; needed: one row a unit",
            hint="give features as a table with a row for each unit",
        )
    fold = _folds(np.arange(len(y)) if groups is None else np.asarray(groups), folds, seed)
    found = np.empty(len(y))
    for k in range(folds):
        out = fold == k
        found[out] = np.asarray(predict(x[~out], y[~out], x[out]), dtype=float)
    if not np.isfinite(found).all():
        raise InputError(
            f"{int((~np.isfinite(found)).sum())} predictions are missing or infinite",
            hint="look for missing features, or give the model a fallback",
        )
    return found


def _folds(groups: NDArray[np.generic], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each unit: groups in random order, dealt out in turn."""
    labels, code = np.unique(groups, return_inverse=True)
    if not _FEWEST_FOLDS <= folds <= len(labels):
        raise InputError(
            f"{folds} folds for {len(labels)} units or groups; allowed: 2 up to as many as those", hint="5 is usual"
        )
    place = np.empty(len(labels), dtype=np.int64)
    place[np.random.default_rng(seed).permutation(len(labels))] = np.arange(len(labels)) % folds
    return place[code]
