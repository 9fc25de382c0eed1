"""Whole clusters randomised and looked at several times: accounts are relabelled once and followed over all looks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from incrementality.stats.clusters import cluster_mean, intraclass_correlation
from incrementality.stats.moments import moments_of_rows
from incrementality.stats.permutation import PermutationComparison, units_compared
from incrementality.stats.permutation_clusters import cluster_statistics, clusters_of_units, robust_cluster_sums
from incrementality.stats.permutation_path import compare_over_path, first_looks
from incrementality.stats.permutation_sums import PermutedSums, Units, drawn_assignments

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from incrementality.stats.sequential import GroupSequentialBounds

    BoolArray = NDArray[np.bool_]

__all__ = ["compare_cluster_path_by_permutation"]


def compare_cluster_path_by_permutation(
    values: ArrayLike,
    clusters: ArrayLike,
    treated: ArrayLike,
    entry: ArrayLike,
    bounds: GroupSequentialBounds,
    *,
    seed: int,
    denominator: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    permutations: int = 10_000,
    accept: Callable[[BoolArray], BoolArray] | None = None,
    upward: bool = True,
) -> PermutationComparison:
    """Compare two arms of whole clusters at the last of several looks by permuting the whole path.

    Labels are permuted among the clusters of a stratum whose first unit came in between the same two looks; a cluster
    keeps its label while it grows. Each look has the CR2 statistic of ``compare_clusters_by_permutation``, with the
    intra-class correlation of the units that are there.

    Args:
        values: One value a unit, or the ratio's numerator, shape (n,): the units of the last look.
        clusters: The cluster of each unit, shape (n,).
        treated: Whether each unit's cluster was assigned to treatment, shape (n,).
        entry: The look at which each unit first counts, from 0, shape (n,).
        bounds: The registered bounds of the looks taken, the last one now.
        seed: Seed of the random numbers; the same seed gives the same answer.
        denominator: The ratio's denominator, shape (n,).
        strata: The stratum in which each unit's cluster was assigned, shape (n,).
        permutations: Permutations to draw.
        accept: The rule of a re-randomised design, from assignments of shape (b, G), clusters in the order of their
            ids, to True for each one it accepts.
        upward: For one-sided bounds, whether larger values of the treatment stop the test.

    Returns:
        The comparison on the scale of the look, as in ``compare_path_by_permutation``.

    Raises:
        InputError: As in ``compare_clusters_by_permutation``, or an arm of a stratum has fewer than 2 clusters at
            some look.

    References:
        As in ``compare_clusters_by_permutation`` and ``compare_path_by_permutation``.

    Examples:
        >>> from incrementality.stats.sequential import group_sequential_bounds
        >>> account, rng = np.repeat(np.arange(40), 6), np.random.default_rng(1)
        >>> spend = rng.lognormal(0, 1, 40)[account] * (rng.random(240) < 0.3)
        >>> entry, bounds = np.arange(240) % 2, group_sequential_bounds([0.5, 1.0])
        >>> answer = compare_cluster_path_by_permutation(
        ...     spend, account, account % 2 == 0, entry, bounds, seed=1, permutations=999)
        >>> answer.pvalue > 0.05, 0 in answer.effect_interval
        (True, True)
    """
    units = units_compared(values, treated, denominator=denominator, strata=strata)
    look, looks = first_looks(entry, units, bounds), len(bounds.times)
    code, label, stratum = clusters_of_units(clusters, units)
    first = np.full(len(label), looks)
    np.minimum.at(first, code, look)
    y = np.asarray(values, dtype=float)
    x = np.ones(len(y)) if denominator is None else np.asarray(denominator, dtype=float)
    whole = Units(
        y=np.zeros(len(label)), x=None, treated=label, stratum=stratum, shift=float(y.sum() / x.sum())
    )  # fmt: skip
    cells = replace(whole, stratum=first * (int(stratum.max()) + 1) + stratum)
    labels = drawn_assignments(cells, permutations, np.random.default_rng(seed), accept)
    columns = {"y": y} if denominator is None else {"y": y, "x": x}
    path = [_at_look(columns, code, look <= k, whole, labels) for k in range(looks)]
    signed = "the outcome can be negative" if bool((y < 0).any()) else ""
    return compare_over_path(path, cluster_statistics, bounds, upward=upward, no_relative=signed)


def _at_look(
    columns: dict[str, NDArray[np.float64]], code: NDArray[np.intp], there: BoolArray, whole: Units, labels: BoolArray
) -> PermutedSums:
    """The sums of the clusters that have units at a look, of those units alone."""
    rows, code = {name: values[there] for name, values in columns.items()}, code[there]
    present, place = np.unique(code, return_inverse=True)
    size = np.bincount(place).astype(float)
    totals = np.bincount(place, weights=rows["y"]).astype(float)
    below = np.bincount(place, weights=rows["x"]).astype(float) if "x" in rows else size
    rho = float(intraclass_correlation([cluster_mean(moments_of_rows(rows, clusters=place), list(rows))]))
    units = Units(
        y=totals - whole.shift * below,
        x=below,
        treated=whole.treated[present],
        stratum=whole.stratum[present],
        shift=whole.shift,
    )
    return robust_cluster_sums(units, size, labels[:, present], rho)
