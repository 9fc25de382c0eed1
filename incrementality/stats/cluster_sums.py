"""Sums over clusters, where whole clusters were randomised: by group, and by group and size of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["ClusterSizes", "ClusterSums", "add_cluster_sums", "cluster_sums_of_rows", "cluster_sums_of_sizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSizes:
    """Clusters of one group and one size taken together: all that a cluster's leverage depends on is its size.

    A million clusters have at most a few thousand sizes, so these records stay small.

    Attributes:
        group: Position of the group, shape (S,).
        size: Units in each of these clusters, shape (S,).
        count: Clusters of that size, shape (S,).
        totals: Sum of ``t_g``, shape (S, K).
        products: Sum of ``t_g t_g'``, shape (S, K, K); NaN for pairs that were not asked for.
    """

    group: NDArray[np.intp]
    size: FloatArray
    count: FloatArray
    totals: FloatArray
    products: FloatArray

    def placed(self, positions: Sequence[int]) -> ClusterSizes:
        """Return the clusters with each group at a new position; clusters of groups below zero are left out."""
        at = np.asarray(positions, dtype=np.intp)[self.group]
        kept = at >= 0
        return ClusterSizes(
            group=at[kept],
            size=self.size[kept],
            count=self.count[kept],
            totals=self.totals[kept],
            products=self.products[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSums:
    """Sums over clusters of their totals; ``t_g = sum over the cluster of (y - c)``, ``n_g`` its units.

    Attributes:
        count: Clusters, shape (G,).
        nn: Sum of ``n_g**2``, shape (G,).
        ns: Sum of ``n_g * t_g``, shape (G, K).
        ss: Sum of ``t_g t_g'``, shape (G, K, K); NaN for pairs that were not asked for.
        sizes: The same by size of the cluster.
    """

    count: FloatArray
    nn: FloatArray
    ns: FloatArray
    ss: FloatArray
    sizes: ClusterSizes

    def take(self, groups: Sequence[int]) -> ClusterSums:
        """Return some of the groups, in the order given."""
        positions = np.full(len(self.count), -1, dtype=np.intp)
        positions[list(groups)] = np.arange(len(groups))
        return cluster_sums_of_sizes(self.sizes.placed(positions.tolist()), len(groups))

    def pooled(self) -> ClusterSums:
        """Return one group that holds the clusters of all."""
        return cluster_sums_of_sizes(self.sizes.placed([0] * len(self.count)), 1)


def cluster_sums_of_sizes(sizes: ClusterSizes, groups: int) -> ClusterSums:
    """Return the sums of each of a number of groups, from its clusters by size.

    Examples:
        >>> sums = cluster_sums_of_rows([[1.0], [2.0], [3.0]], ["a", "a", "b"])
        >>> sums.count.tolist(), sums.nn.tolist(), sums.ns.tolist(), sums.ss.tolist()
        ([2.0], [5.0], [[9.0]], [[[18.0]]])
    """
    size = sizes.size

    def summed(values: FloatArray) -> FloatArray:
        total = np.zeros((groups, *values.shape[1:]))
        np.add.at(total, sizes.group, values)
        return total

    return ClusterSums(
        count=summed(sizes.count),
        nn=summed(size * size * sizes.count),
        ns=summed(size[:, None] * sizes.totals),
        ss=summed(sizes.products),
        sizes=sizes,
    )


def cluster_sums_of_rows(shifted: ArrayLike, clusters: ArrayLike) -> ClusterSums:
    """Return the sums of one group from its rows.

    Args:
        shifted: Values less their shift, shape (n, K).
        clusters: The cluster of each row, shape (n,).

    Examples:
        >>> sums = cluster_sums_of_rows([[1.0], [2.0], [3.0]], ["a", "a", "b"])
        >>> sums.sizes.size.tolist(), sums.sizes.totals.tolist()
        ([1.0, 2.0], [[3.0], [3.0]])
    """
    _, code = np.unique(np.asarray(clusters), return_inverse=True)
    size = np.bincount(code)
    rows = np.asarray(shifted, dtype=float)
    totals = np.column_stack([np.bincount(code, weights=column) for column in rows.T])
    distinct, place = np.unique(size, return_inverse=True)
    by_size = np.zeros((len(distinct), rows.shape[1]))
    products = np.zeros((len(distinct), rows.shape[1], rows.shape[1]))
    np.add.at(by_size, place, totals)
    np.add.at(products, place, totals[:, :, None] * totals[:, None, :])
    sizes = ClusterSizes(
        group=np.zeros(len(distinct), dtype=np.intp),
        size=distinct.astype(float),
        count=np.bincount(place).astype(float),
        totals=by_size,
        products=products,
    )
    return cluster_sums_of_sizes(sizes, 1)


def add_cluster_sums(parts: Sequence[tuple[ClusterSums, Sequence[int]]], groups: int) -> ClusterSums:
    """Return the sums of several sets of clusters that share no cluster.

    Args:
        parts: The sums, and where each of their groups stands in the result.
        groups: Groups in the result.

    Examples:
        >>> monday = cluster_sums_of_rows([[1.0], [2.0]], ["a", "a"])
        >>> tuesday = cluster_sums_of_rows([[3.0]], ["b"])
        >>> add_cluster_sums([(monday, [0]), (tuesday, [0])], 1).count.tolist()
        [2.0]
    """
    placed = [sums.sizes.placed(positions) for sums, positions in parts]
    sizes = ClusterSizes(
        group=np.concatenate([part.group for part in placed]),
        size=np.concatenate([part.size for part in placed]),
        count=np.concatenate([part.count for part in placed]),
        totals=np.concatenate([part.totals for part in placed]),
        products=np.concatenate([part.products for part in placed]),
    )
    return cluster_sums_of_sizes(sizes, groups)
