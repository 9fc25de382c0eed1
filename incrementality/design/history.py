"""The metric's history, from rows or moments, in the few numbers that a design rests on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.design.inputs import MetricBaseline
from incrementality.errors import InputError
from incrementality.stats import moments_of_rows, outcome_of_moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.stats import Moments

__all__ = ["MetricHistory", "baseline_of_history", "baseline_of_moments"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricHistory:
    """One row a unit of the past, from before anybody was assigned.

    Attributes:
        values: The metric, or the ratio's numerator, shape (n,).
        denominator: The ratio's denominator, shape (n,).
        clusters: The randomised cluster of each unit, such as its account, shape (n,).
        source: Where the rows come from.
    """

    values: NDArray[np.float64]
    denominator: NDArray[np.float64] | None = None
    clusters: NDArray[np.object_] | None = None
    source: str = "history"


def baseline_of_history(history: MetricHistory) -> MetricBaseline:
    """Return the baseline that a history gives.

    Payers and skewness are those of the randomised unit: of clusters' totals where clusters are randomised.

    Raises:
        InputError: The history is too short, holds missing values, or does not vary.

    Examples:
        >>> import numpy as np
        >>> baseline = baseline_of_history(MetricHistory(values=np.array([0.0, 0.0, 4.0, 8.0])))
        >>> baseline.mean, round(baseline.sd, 3), baseline.payer_share
        (3.0, 3.83, 0.5)
    """
    columns = {"y": history.values}
    if history.denominator is not None:
        columns["x"] = history.denominator
    below = None if history.denominator is None else "x"
    moments = moments_of_rows(columns, clusters=history.clusters)
    totals = _linearised(history, outcome_of_moments(moments, "y", below).mean)
    spread = totals - totals.mean()
    return baseline_of_moments(
        moments,
        "y",
        below,
        payer_share=_payer_share(history),
        skewness=float((spread**3).mean() / (spread**2).mean() ** 1.5),
        kurtosis=float((spread**4).mean() / (spread**2).mean() ** 2 - 3),
        source=f"{history.source}: {len(history.values):,} units",
        fingerprint=_fingerprint(history),
    )


def baseline_of_moments(
    moments: Moments,
    numerator: str,
    denominator: str | None = None,
    *,
    payer_share: float | None = None,
    skewness: float | None = None,
    kurtosis: float | None = None,
    source: str = "history",
    fingerprint: str | None = None,
) -> MetricBaseline:
    """Return the baseline that moments of a history give.

    Args:
        moments: Moments of the history, by cluster where clusters will be randomised.
        numerator: The metric's column, or the ratio's numerator.
        denominator: The ratio's denominator.
        payer_share: Share of units with a value other than zero, where it is known.
        skewness: Skewness of the values (of clusters' totals), where it is known.
        kurtosis: Their excess kurtosis, where it is known.
        source: Where the rows come from.
        fingerprint: SHA-256 of the rows, where there is one.

    Raises:
        InputError: Fewer than two units, a column with missing rows, or no variation.

    Examples:
        >>> from incrementality.stats import moments_of_rows
        >>> baseline_of_moments(moments_of_rows({"y": [1.0, 3.0]}), "y").mean
        2.0
    """
    outcome = outcome_of_moments(moments, numerator, denominator)
    return MetricBaseline(
        mean=outcome.mean,
        sd=outcome.variance**0.5,
        payer_share=payer_share,
        skewness=skewness,
        kurtosis=kurtosis,
        design_effect=outcome.design_effect,
        units_per_cluster=outcome.units_per_cluster,
        df_per_cluster=outcome.df_per_cluster,
        df_lost=outcome.df_lost,
        effective_share=outcome.effective_share,
        n=round(float(moments.n.sum())),
        source=source,
        fingerprint=fingerprint,
    )


def _linearised(history: MetricHistory, mean: float) -> NDArray[np.float64]:
    values = np.asarray(history.values, dtype=float)
    below = np.ones(len(values)) if history.denominator is None else np.asarray(history.denominator, dtype=float)
    residual = values - mean * below
    if history.clusters is not None:
        residual = np.bincount(np.unique(history.clusters, return_inverse=True)[1], weights=residual).astype(float)
    if not residual.any():
        raise InputError("the history's values are all the same", hint="check the column and the period")
    return np.asarray(residual, dtype=float)


def _payer_share(history: MetricHistory) -> float:
    paid = np.asarray(history.values) != 0
    if history.clusters is not None:
        paid = np.bincount(np.unique(history.clusters, return_inverse=True)[1], weights=paid.astype(float)) > 0
    return float(paid.mean())


def _fingerprint(history: MetricHistory) -> str:
    digest = hashlib.sha256()
    for part in (history.values, history.denominator):
        digest.update(b"-" if part is None else np.ascontiguousarray(part, dtype="<f8").tobytes())
    if history.clusters is not None:
        digest.update(np.unique(history.clusters, return_inverse=True)[1].astype("<i8").tobytes())
    return digest.hexdigest()
