"""Shifted sums of columns by group: all that means, ratios and adjustment need, without a row.

Sums are taken around a shift ``c`` near the mean, so that squares of large numbers do not cancel; records
with one shift add over days, strata and engines. Raw sums of squares lose seven digits on ordinary money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["ClusterSums", "Moments", "add_moments", "moments_of_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSums:
    """Sums over clusters of their totals; ``t_g = sum over the cluster of (y - c)``, ``n_g`` its units.

    Attributes:
        count: Clusters, shape (G,).
        nn: Sum of ``n_g**2``, shape (G,).
        ns: Sum of ``n_g * t_g``, shape (G, K).
        ss: Sum of ``t_g t_g'``, shape (G, K, K); NaN for pairs that were not asked for.
    """

    count: FloatArray
    nn: FloatArray
    ns: FloatArray
    ss: FloatArray


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
        clusters = self.clusters and ClusterSums(
            count=self.clusters.count.sum(0, keepdims=True),
            nn=self.clusters.nn.sum(0, keepdims=True),
            ns=self.clusters.ns.sum(0, keepdims=True),
            ss=self.clusters.ss.sum(0, keepdims=True),
        )
        return replace(
            self,
            groups=((),),
            n=self.n.sum(0, keepdims=True),
            count=self.count.sum(0, keepdims=True),
            sums=self.sums.sum(0, keepdims=True),
            products=self.products.sum(0, keepdims=True),
            clusters=clusters,
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
        clusters = self.clusters and ClusterSums(
            count=self.clusters.count[groups],
            nn=self.clusters.nn[groups],
            ns=self.clusters.ns[groups],
            ss=self.clusters.ss[groups],
        )
        return replace(
            self,
            groups=tuple(self.groups[i] for i in groups),
            n=self.n[groups],
            count=self.count[groups],
            sums=self.sums[groups],
            products=self.products[groups],
            clusters=clusters,
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
    parts = [_moments_of_group(values[codes == g] - c, _part(clusters, codes == g)) for g in range(len(labels))]
    return Moments(
        groups=tuple(() if groups is None else (str(label),) for label in labels),
        columns=names,
        n=np.array([float((codes == g).sum()) for g in range(len(labels))]),
        count=np.array([[float((codes == g).sum())] * len(names) for g in range(len(labels))]),
        shift=c,
        sums=np.stack([part[0] for part in parts]),
        products=np.stack([part[1] for part in parts]),
        clusters=None if clusters is None else _stack([part[2] for part in parts if part[2] is not None]),
    )


def _finite(name: str, values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=float)
    bad = int((~np.isfinite(array)).sum())
    if bad or not len(array):
        raise InputError(
            f"column {name!r} holds {bad} missing or infinite values in {len(array)} rows",
            hint="leave those rows out, or fill the column in and mark it by an indicator",
        )
    return array


def _part(values: ArrayLike | None, mask: NDArray[np.bool_]) -> NDArray[np.object_] | None:
    return None if values is None else np.asarray(values)[mask]


def _moments_of_group(
    shifted: FloatArray, clusters: NDArray[np.object_] | None
) -> tuple[FloatArray, FloatArray, ClusterSums | None]:
    totals = None
    if clusters is not None:
        _, code = np.unique(clusters, return_inverse=True)
        size = np.bincount(code).astype(float)
        t = np.column_stack([np.bincount(code, weights=column) for column in shifted.T])
        totals = ClusterSums(
            count=np.array(float(len(size))),
            nn=np.array(float(size @ size)),
            ns=size @ t,
            ss=np.asarray(t.T @ t, float),
        )
    return shifted.sum(0), shifted.T @ shifted, totals


def _stack(parts: list[ClusterSums]) -> ClusterSums:
    return ClusterSums(
        count=np.stack([part.count for part in parts]),
        nn=np.stack([part.nn for part in parts]),
        ns=np.stack([part.ns for part in parts]),
        ss=np.stack([part.ss for part in parts]),
    )


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
    return replace(
        first,
        groups=tuple(keys),
        n=stacked[0].n + stacked[1].n,
        count=stacked[0].count + stacked[1].count,
        sums=stacked[0].sums + stacked[1].sums,
        products=stacked[0].products + stacked[1].products,
        clusters=_added(stacked[0].clusters, stacked[1].clusters),
    )


def _added(first: ClusterSums | None, second: ClusterSums | None) -> ClusterSums | None:
    if first is None or second is None:
        return None
    return ClusterSums(
        count=first.count + second.count, nn=first.nn + second.nn, ns=first.ns + second.ns, ss=first.ss + second.ss
    )


def _padded(part: Moments, keys: list[tuple[str, ...]]) -> Moments:
    present = [key for key in keys if key in part.groups]
    taken = part._take([part.groups.index(key) for key in present])  # noqa: SLF001 - one module
    at = [keys.index(key) for key in present]

    def pad(array: FloatArray) -> FloatArray:
        full = np.zeros((len(keys), *array.shape[1:]))
        full[at] = array
        return full

    clusters = taken.clusters and ClusterSums(
        count=pad(taken.clusters.count), nn=pad(taken.clusters.nn), ns=pad(taken.clusters.ns), ss=pad(taken.clusters.ss)
    )
    return replace(
        taken, n=pad(taken.n), count=pad(taken.count), sums=pad(taken.sums), products=pad(taken.products),
        clusters=clusters,
    )  # fmt: skip
