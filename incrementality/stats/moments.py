"""Shifted sums of columns by group: all that means, ratios and adjustment need, without a row.

Sums are taken around a shift ``c`` near the mean, so that squares of large numbers do not cancel; records
with one shift add over days, strata and engines. Raw sums of squares lose seven digits on ordinary money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.cluster_sums import ClusterSums, add_cluster_sums, cluster_sums_of_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Moments", "add_moments", "moments_of_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Shifted sums of K columns in G groups.

    Attributes:
        groups: The groups' keys, e.g. ``("holdout",)`` or ``("holdout", "EU")``; length G.
        columns: The columns' names; length K.
        n: Rows, shape (G,).
        count: Rows in which the column is present, shape (G, K).
        shift: The shift ``c`` of each column, shape (K,).
        sums: Sum of ``y - c``, shape (G, K).
        products: Sum of ``(y - c)(x - d)``, shape (G, K, K), symmetric; NaN for pairs that were not asked for.
        clusters: The same by cluster, where whole clusters were randomised. A cluster whose units stand in several
            groups counts once in each, so groups are taken together only where no cluster spans them.

    Means and variances are those of complete columns: rows that miss a column are counted in ``n`` and not in its
    sums. ``complete_indices`` refuses such a column; the functions of this room ask it first.
    """

    groups: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...]
    n: FloatArray
    count: FloatArray
    shift: FloatArray
    sums: FloatArray
    products: FloatArray
    clusters: ClusterSums | None = None

    def select(self, *keys: tuple[str, ...]) -> Moments:
        """Return the groups whose keys start with one of the given prefixes."""
        kept = [i for i, group in enumerate(self.groups) if any(group[: len(key)] == key for key in keys)]
        return self._take(kept)

    def pooled(self) -> Moments:
        """Return one group that holds the units of all."""
        return replace(
            self,
            groups=((),),
            n=self.n.sum(0, keepdims=True),
            count=self.count.sum(0, keepdims=True),
            sums=self.sums.sum(0, keepdims=True),
            products=self.products.sum(0, keepdims=True),
            clusters=self.clusters and self.clusters.pooled(),
        )

    def indices(self, columns: Sequence[str]) -> list[int]:
        """Return the positions of columns."""
        return [self.columns.index(column) for column in columns]

    def complete_indices(self, columns: Sequence[str]) -> list[int]:
        """Return the positions of columns, none of which is missing in any row.

        Raises:
            InputError: A column is missing in some rows.
        """
        found = self.indices(columns)
        for name, k in zip(columns, found, strict=True):
            missing = float(self.n.sum() - self.count[:, k].sum())
            if missing:
                raise InputError(
                    f"column {name!r} is missing in {missing:,.0f} of {self.n.sum():,.0f} rows",
                    hint="reduce only the rows that have it, or fill it in and mark it by an indicator",
                )
        return found

    def _take(self, groups: list[int]) -> Moments:
        return replace(
            self,
            groups=tuple(self.groups[i] for i in groups),
            n=self.n[groups],
            count=self.count[groups],
            sums=self.sums[groups],
            products=self.products[groups],
            clusters=self.clusters and self.clusters.take(groups),
        )

    def means(self) -> FloatArray:
        """Return the means of all units, shape (K,)."""
        return np.asarray(self.shift + self.shifted_means())

    def shifted_means(self) -> FloatArray:
        """Return the means of ``y - c`` of all units, shape (K,)."""
        return np.asarray(self.sums.sum(0) / self.n.sum())

    def scatter(self) -> FloatArray:
        """Return the centred sums of squares and products of all units, shape (K, K)."""
        sums, n = self.sums.sum(0), self.n.sum()
        return np.asarray(self.products.sum(0) - np.outer(sums, sums) / n)

    def covariance(self) -> FloatArray:
        """Return the sample covariance matrix (denominator n - 1) of all units, shape (K, K)."""
        return np.asarray(self.scatter() / (self.n.sum() - 1))


def moments_of_rows(
    columns: Mapping[str, ArrayLike],
    *,
    groups: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    shift: Mapping[str, float] | None = None,
) -> Moments:
    """Return the moments of complete rows.

    Args:
        columns: Arrays of equal length n, one a column, without missing values.
        groups: The group of each row (one label), shape (n,); default: one group.
        clusters: The cluster of each row, shape (n,).
        shift: The shift of each column; default: its mean.

    Raises:
        InputError: There are no rows, or a column holds a missing or infinite value.

    Examples:
        >>> moments = moments_of_rows({"y": [1.0, 2.0, 6.0]})
        >>> float(moments.means()[0]), float(moments.covariance()[0, 0])
        (3.0, 7.0)
    """
    names = tuple(columns)
    values = np.column_stack([_finite(name, columns[name]) for name in names])
    c = np.array([(shift or {}).get(name, float(values[:, k].mean())) for k, name in enumerate(names)])
    labels, codes = np.unique(np.zeros(len(values)) if groups is None else np.asarray(groups), return_inverse=True)
    parts = [values[codes == g] - c for g in range(len(labels))]
    n = np.array([float(len(part)) for part in parts])
    return Moments(
        groups=tuple(() if groups is None else (str(label),) for label in labels),
        columns=names,
        n=n,
        count=np.tile(n[:, None], (1, len(names))),
        shift=c,
        sums=np.stack([part.sum(0) for part in parts]),
        products=np.stack([part.T @ part for part in parts]),
        clusters=None if clusters is None else _clusters_of_groups(parts, codes, np.asarray(clusters)),
    )


def _clusters_of_groups(parts: list[FloatArray], codes: NDArray[np.intp], clusters: NDArray[np.object_]) -> ClusterSums:
    found = [cluster_sums_of_rows(part, clusters[codes == g]) for g, part in enumerate(parts)]
    return add_cluster_sums([(sums, [g]) for g, sums in enumerate(found)], len(parts))


def _finite(name: str, values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=float)
    bad = int((~np.isfinite(array)).sum())
    if bad or not len(array):
        raise InputError(
            f"column {name!r} holds {bad} missing or infinite values in {len(array)} rows",
            hint="leave those rows out, or fill the column in and mark it by an indicator",
        )
    return array


def add_moments(first: Moments, second: Moments) -> Moments:
    """Return the moments of both sets of rows: days, files or engines add up.

    Groups are matched by key. Clusters must not span the two sets.

    Raises:
        InputError: The columns or shifts differ, or one holds clusters and the other none.

    Examples:
        >>> monday = moments_of_rows({"y": [1.0, 2.0]}, shift={"y": 2.0})
        >>> tuesday = moments_of_rows({"y": [6.0]}, shift={"y": 2.0})
        >>> float(add_moments(monday, tuesday).means()[0])
        3.0
    """
    if (first.clusters is None) != (second.clusters is None):
        raise InputError(
            "moments with clusters and moments without do not add", hint="reduce both with the same cluster column"
        )
    if first.columns != second.columns or not np.array_equal(first.shift, second.shift):
        raise InputError(
            f"moments of {first.columns} and {second.columns} have different columns or shifts and do not add",
            hint="reduce both with the same columns and the same shift",
        )
    keys = sorted(set(first.groups) | set(second.groups))
    stacked = [_padded(part, keys) for part in (first, second)]
    clustered = [(part.clusters, [keys.index(key) for key in part.groups]) for part in (first, second) if part.clusters]
    return replace(
        first,
        groups=tuple(keys),
        n=stacked[0].n + stacked[1].n,
        count=stacked[0].count + stacked[1].count,
        sums=stacked[0].sums + stacked[1].sums,
        products=stacked[0].products + stacked[1].products,
        clusters=add_cluster_sums(clustered, len(keys)) if clustered else None,
    )


def _padded(part: Moments, keys: list[tuple[str, ...]]) -> Moments:
    at = [keys.index(key) for key in part.groups]

    def pad(array: FloatArray) -> FloatArray:
        full = np.zeros((len(keys), *array.shape[1:]))
        full[at] = array
        return full

    return replace(
        part, n=pad(part.n), count=pad(part.count), sums=pad(part.sums), products=pad(part.products), clusters=None
    )
