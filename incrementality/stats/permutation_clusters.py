"""Whole clusters randomised: the permutation test of accounts, studentised by CR2.

Labels of whole clusters are permuted as the design drew them. If the treatment changes nothing in any account the test
is exact, however few and unequal the accounts. Its intervals assume one effect for all: with few accounts that react
differently in a lopsided split they cover 90 to 92 %, and the interval of ``cluster_means`` is the one to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.cluster_variance import robust_sums
from incrementality.stats.clusters import cluster_mean, intraclass_correlation
from incrementality.stats.moments import moments_of_rows
from incrementality.stats.permutation import (
    PermutationComparison,
    check_permutations,
    compare_over_sums,
    units_compared,
)
from incrementality.stats.permutation_sums import PermutedSums, Units, columns_of_units, drawn_assignments

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["cluster_statistics", "clusters_of_units", "compare_clusters_by_permutation", "robust_cluster_sums"]

_BLOCK = 500_000  # clusters in memory at a time, ten numbers each
_ROUNDING = 1e-12


def compare_clusters_by_permutation(
    values: ArrayLike,
    clusters: ArrayLike,
    treated: ArrayLike,
    *,
    seed: int,
    denominator: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    alpha: float = 0.05,
    permutations: int = 10_000,
    accept: Callable[[BoolArray], BoolArray] | None = None,
) -> PermutationComparison:
    """Compare the mean (or ratio) of units in two arms whose clusters were randomised whole.

    The statistic is the difference of the arms over its CR2 standard error under an exchangeable working model. The
    intra-class correlation of that model is estimated once, from both arms together.

    Args:
        values: One value a unit, or the ratio's numerator, shape (n,).
        clusters: The cluster of each unit, shape (n,).
        treated: Whether each unit's cluster was assigned to treatment, shape (n,).
        seed: Seed of the random numbers; the same seed gives the same answer.
        denominator: The ratio's denominator, shape (n,).
        strata: The stratum in which each unit's cluster was assigned, shape (n,); strata are weighted by their units.
        alpha: Error rate of the intervals, half in each tail.
        permutations: Permutations to draw.
        accept: The rule of a re-randomised design, from assignments of shape (b, G), clusters in the order of their
            ids, to True for each one it accepts.

    Raises:
        InputError: As in ``compare_by_permutation``, or a cluster lies in both arms or in several strata.

    References:
        Wu and Ding (2021), https://doi.org/10.1080/01621459.2020.1750415; Pustejovsky and Tipton (2018),
        https://doi.org/10.1080/07350015.2016.1247004

    Examples:
        >>> account, rng = np.repeat(np.arange(20), 5), np.random.default_rng(1)
        >>> y = 10 + rng.normal(size=20)[account] + rng.normal(size=100) + 4 * (account < 10)
        >>> answer = compare_clusters_by_permutation(y, account, account < 10, seed=1, permutations=999)
        >>> round(answer.effect, 2), answer.pvalue, 4 in answer.effect_interval
        (4.27, 0.002, True)
    """
    check_permutations(permutations, alpha)
    one = units_compared(values, treated, denominator=denominator, strata=strata)
    code, label, stratum = clusters_of_units(clusters, one)
    size = np.bincount(code).astype(float)
    y = np.asarray(values, dtype=float)
    x = np.ones(len(y)) if denominator is None else np.asarray(denominator, dtype=float)
    totals, below = (np.bincount(code, weights=part) for part in (y, x))
    whole = units_compared(totals, label, denominator=below, strata=stratum)
    labels = drawn_assignments(whole, permutations, np.random.default_rng(seed), accept)
    columns = {"y": y} if denominator is None else {"y": y, "x": x}
    rho = float(intraclass_correlation([cluster_mean(moments_of_rows(columns, clusters=code), list(columns))]))
    signed = "the outcome can be negative" if bool((y < 0).any()) else ""
    sums = robust_cluster_sums(whole, size, labels, rho)
    return compare_over_sums(sums, cluster_statistics, alpha=alpha, no_relative=signed)


def clusters_of_units(clusters: ArrayLike, units: Units) -> tuple[NDArray[np.intp], BoolArray, NDArray[np.intp]]:
    """Return the number of each unit's cluster, shape (n,), and the label and stratum of each cluster, shape (G,).

    Raises:
        InputError: Lengths differ, or a cluster lies in both arms or in several strata.

    Examples:
        >>> units = units_compared([3.0, 1.0, 0.0], [True, True, False])
        >>> code, label, stratum = clusters_of_units(["b", "b", "a"], units)
        >>> code.tolist(), label.tolist(), stratum.tolist()
        ([1, 1, 0], [False, True], [0, 0])
    """
    ids, code = np.unique(np.asarray(clusters), return_inverse=True)
    if len(code) != len(units.y):
        raise InputError("values and clusters differ in length", hint="give the cluster of each unit")
    label, stratum = (_of_cluster(part, code, len(ids)) for part in (units.treated, units.stratum))
    return code, label.astype(bool), stratum


def _of_cluster(
    values: NDArray[np.bool_] | NDArray[np.intp], code: NDArray[np.intp], clusters: int
) -> NDArray[np.intp]:
    first = np.zeros(clusters, dtype=np.intp)
    first[code] = values
    mixed = len(np.unique(code[first[code] != values]))
    if mixed:
        raise InputError(
            f"{mixed} clusters lie in both arms or in several strata",
            hint="give each unit the arm and the stratum of its cluster",
        )
    return first


def robust_cluster_sums(units: Units, size: FloatArray, labels: BoolArray, rho: float) -> PermutedSums:
    """Return the sums of given relabellings of clusters: products are weighted so that they add up to CR2 variances.

    Args:
        units: The clusters' totals.
        size: Units in each cluster, shape (G,).
        labels: Relabellings, shape (B, G), True for treated.
        rho: The working correlation of two units of a cluster.

    Examples:
        >>> whole = units_compared([3.0, 1.0, 0.0, 2.0], [1, 1, 0, 0], denominator=np.full(4, 2.0))
        >>> sums = robust_cluster_sums(whole, np.full(4, 2.0), np.array([[False, True, False, True]]), 0.0)
        >>> difference, error = cluster_statistics(sums, 1.0, 0.0)
        >>> difference.tolist(), error.round(3).tolist()
        ([0.5, 0.0], [0.707, 0.791])
    """
    sizes = units.sizes()
    columns, everyone = columns_of_units(units.y, units.x, units.treated), np.vstack([units.treated, labels])
    treated, control = (np.empty((len(everyone), len(sizes), 10)) for _ in range(2))
    for s in range(len(sizes)):
        inside = np.flatnonzero(units.stratum == s)
        for side, chosen in ((treated, everyone[:, inside]), (control, ~everyone[:, inside])):
            side[:, s] = _robust(columns[inside], size[inside], chosen, rho)
    weight = np.bincount(units.stratum, weights=size) / size.sum()
    return PermutedSums(treated=treated, control=control, sizes=sizes.astype(float), weight=weight, shift=units.shift)


def _robust(columns: FloatArray, size: FloatArray, chosen: BoolArray, rho: float) -> FloatArray:
    """Return the ten sums of an arm of one stratum in each relabelling, shape (B, 10)."""
    members = np.nonzero(chosen)[1].reshape(len(chosen), -1)
    sums = np.empty((len(chosen), 10))
    rows = max(1, _BLOCK // members.shape[1])
    for start in range(0, len(chosen), rows):
        block = members[start : start + rows]
        part, n = columns[block], size[block]
        plain = part[..., :4].sum(1)
        robust = robust_sums(n, np.ones_like(n), np.moveaxis(part[..., 4:], -1, 0), rho).variance
        below = plain[:, 2] + plain[:, 3]
        scale = np.divide(n.sum(-1), below, out=np.zeros(len(n)), where=below != 0)
        sums[start : start + rows] = np.column_stack([plain, (robust * scale**2).T])
    return sums


def cluster_statistics(sums: PermutedSums, a: float, t: float) -> tuple[FloatArray, FloatArray]:
    """Return difference and CR2 standard error of the arms' ratios of ``a y - t x`` to ``x``, shape (B + 1,) each.

    Examples:
        >>> whole = units_compared([3.0, 1.0, 0.0, 2.0], [1, 1, 0, 0], denominator=np.full(4, 2.0))
        >>> sums = robust_cluster_sums(whole, np.full(4, 2.0), np.zeros((0, 4), dtype=bool) , 0.0)
        >>> cluster_statistics(sums, 1.0, 0.5)[0].tolist()
        [0.0]
    """
    difference, variance = np.zeros(len(sums.treated)), np.zeros(len(sums.treated))
    for sign, arm in ((1, sums.treated), (-1, sums.control)):
        y0, y1, x0, x1, *products = np.moveaxis(arm, -1, 0)
        below = x0 + x1
        ratio = np.divide(y0 + a * y1 - t * x1, below, out=np.zeros_like(below), where=below != 0)
        moved = t + ratio
        factors = (1.0, a * a, -2 * ratio, -2 * a * moved, ratio * ratio, moved * moved)
        parts = np.stack([factor * product for factor, product in zip(factors, products, strict=True)])
        total = parts.sum(0)
        total[total < _ROUNDING * np.abs(parts).sum(0)] = 0.0
        difference += sign * (ratio @ sums.weight)
        variance += total @ sums.weight**2
    return difference, np.sqrt(variance)
