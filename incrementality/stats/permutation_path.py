"""Looking several times at a small holdout: each permutation draws the units anew and is followed over all looks.

The bounds of ``sequential`` meet normal statistics, and those of a small holdout of sparse revenue are far from normal.
Here the statistics of all looks so far come from the same relabelled units, so that what a look may spend is counted
on the paths that did not stop before.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.stats.boundary_crossing import Walk, crossing_probabilities
from incrementality.stats.permutation import (
    PermutationComparison,
    compare_over_sums,
    units_compared,
    welch_statistics,
)
from incrementality.stats.permutation_inversion import Tails, studentised
from incrementality.stats.permutation_stops import as_extreme, stopped_at
from incrementality.stats.permutation_sums import (
    PermutedSums,
    drawn_assignments,
    permuted_sums,
    sums_over_assignments,
)
from incrementality.stats.sequential import bound_reached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from incrementality.stats.permutation import Statistics
    from incrementality.stats.permutation_sums import Units
    from incrementality.stats.sequential import GroupSequentialBounds

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]
    IntArray = NDArray[np.intp]

__all__ = ["compare_over_path", "compare_path_by_permutation", "first_looks", "path_sums"]

_FEWEST = 2
_FARTHEST = 9.0


def compare_path_by_permutation(
    values: ArrayLike,
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
    """Compare two arms at the last of several looks by permuting the whole path, with the intervals that invert it.

    Labels are permuted among the units of a stratum that came in between the same two looks, so each look keeps its
    arms' sizes. The statistic of ``compare_by_permutation`` is computed at each look. At each look the paths still
    running whose statistic is among the largest (smallest) stop, as many so far as the bounds spend on that side if
    statistics are normal. If the treatment changes nothing for anybody, all looks together err at most as often as
    the bounds say.

    Args:
        values: One value a unit, or the ratio's numerator, shape (n,): the units of the last look.
        treated: Whether each unit was assigned to treatment, shape (n,).
        entry: The look at which each unit first counts, from 0, shape (n,).
        bounds: The registered bounds of the looks taken, the last one now.
        seed: Seed of the random numbers; the same seed gives the same answer.
        denominator: The ratio's denominator, shape (n,).
        strata: The stratum in which each unit was assigned, shape (n,).
        permutations: Permutations to draw. A look whose bound is beyond all but less than one of them cannot stop.
        accept: The rule of a re-randomised design, from assignments of shape (b, n) to True for each one it accepts.
        upward: For one-sided bounds, whether larger values of the treatment stop the test.

    Returns:
        The comparison on the scale of the look: tails and p-value are those of the normal statistic that a path
        reaches, or stops before, as often as the permutations do with what was observed. So the test
        stops exactly where the p-value is at most that of the look's bound, and there the intervals, stated at that
        level, leave out 0.

    Raises:
        InputError: As in ``compare_by_permutation``, or an arm of a stratum has fewer than 2 units at some look.

    References:
        Lan and DeMets (1983), https://doi.org/10.1093/biomet/70.3.659; Rosenberger and Lachin (2015), Randomization
        in Clinical Trials, section 6.9 (sequential monitoring by permutation),
        https://doi.org/10.1002/9781118742112; Jennison and Turnbull (1989), the repeated confidence interval approach,
        https://doi.org/10.1111/j.2517-6161.1989.tb01433.x

    Examples:
        >>> from incrementality.stats.sequential import group_sequential_bounds
        >>> from incrementality.stats.spending import Spending
        >>> rng = np.random.default_rng(1)
        >>> treated, entry = np.arange(4000) % 20 > 0, np.arange(4000) // 2000
        >>> spend = np.where(rng.random(4000) < 0.05, rng.lognormal(3, 1, 4000), 0.0)
        >>> bounds = group_sequential_bounds([0.5, 1.0], spending=Spending(kind="pocock"))
        >>> answer = compare_path_by_permutation(spend, treated, entry, bounds, seed=2, permutations=999)
        >>> answer.pvalue > 0.05, 0 in answer.effect_interval, 0 in answer.rel_interval
        (True, True, True)
    """
    units = units_compared(values, treated, denominator=denominator, strata=strata)
    look, looks = first_looks(entry, units, bounds), len(bounds.times)
    rng = np.random.default_rng(seed)
    path = path_sums(units, look, looks=looks, permutations=permutations, rng=rng, accept=accept)
    signed = "the outcome can be negative" if bool((np.asarray(values, dtype=float) < 0).any()) else ""
    return compare_over_path(path, welch_statistics, bounds, upward=upward, no_relative=signed)


def first_looks(entry: ArrayLike, units: Units, bounds: GroupSequentialBounds) -> IntArray:
    """Return the look at which each unit first counts, checked.

    Raises:
        InputError: Lengths differ, or a look is none of the bounds'.
    """
    look = np.asarray(entry)
    if look.shape != units.y.shape or not np.isin(look, np.arange(len(bounds.times))).all():
        raise InputError(
            f"the looks at which units first count differ in length from the values, or are not 0 to "
            f"{len(bounds.times) - 1}",
            hint="give each unit the number of its first look, counted from 0",
        )
    return look.astype(np.intp)


def path_sums(
    units: Units,
    entry: IntArray,
    *,
    looks: int,
    permutations: int,
    rng: np.random.Generator,
    accept: Callable[[BoolArray], BoolArray] | None = None,
) -> tuple[PermutedSums, ...]:
    """Return the sums at each look of random relabellings within strata and looks of entry.

    Args:
        units: The units of the last look.
        entry: The look at which each first counts, from 0, shape (n,).
        looks: Looks.
        permutations: Relabellings.
        rng: Source of random numbers.
        accept: The rule of a re-randomised design.

    Raises:
        InputError: An arm of a stratum has fewer than 2 units at some look.

    Examples:
        >>> units = units_compared([3.0, 0, 1, 2, 5, 1], [1, 1, 0, 0, 1, 0])
        >>> rng, entry = np.random.default_rng(1), np.array([0, 0, 0, 0, 1, 1])
        >>> first, last = path_sums(units, entry, looks=2, permutations=3, rng=rng)
        >>> first.sizes.tolist(), last.sizes.tolist()
        ([[2.0, 2.0]], [[3.0, 3.0]])
    """
    strata = int(units.stratum.max()) + 1
    cells = replace(units, stratum=entry * strata + units.stratum)
    if accept is None:
        drawn = permuted_sums(cells, permutations, rng, fewest=0)
    else:
        labels = drawn_assignments(cells, permutations, rng, accept)
        drawn = sums_over_assignments(cells, labels, fewest=0)
    missing = looks * strata - len(drawn.sizes)
    sizes = np.pad(drawn.sizes, ((0, missing), (0, 0))).reshape(looks, strata, 2).cumsum(0)
    if sizes.min() < _FEWEST:
        raise InputError(
            f"a stratum has {sizes.min():.0f} units in an arm at one of the looks; its variance needs at least 2",
            hint="merge small strata, or leave out the looks that came too early",
        )
    arms = [np.pad(arm, ((0, 0), (0, missing), (0, 0))) for arm in (drawn.treated, drawn.control)]
    sums = [np.moveaxis(arm.reshape(len(arm), looks, strata, 10), 1, 0).cumsum(0) for arm in arms]
    weight = sizes.sum(2) / sizes.sum((1, 2))[:, None]
    return tuple(
        PermutedSums(treated=sums[0][k], control=sums[1][k], sizes=sizes[k], weight=weight[k], shift=units.shift)
        for k in range(looks)
    )


def compare_over_path(
    path: Sequence[PermutedSums],
    statistics: Statistics,
    bounds: GroupSequentialBounds,
    *,
    upward: bool = True,
    no_relative: str = "",
) -> PermutationComparison:
    """Return the comparison at the last look, where the sums of each look come from the same relabellings.

    Args:
        path: The sums at each look; what was observed comes first.
        statistics: Difference and standard error of each permutation under a hypothesis, as in ``compare_over_sums``.
        bounds: The registered bounds of these looks.
        upward: For one-sided bounds, whether large statistics stop the test.
        no_relative: Why a relative effect is refused; empty where it is not.

    Examples:
        >>> from incrementality.stats.sequential import group_sequential_bounds
        >>> units = units_compared([3.0, 0, 1, 2, 5, 1], [1, 1, 0, 0, 1, 0])
        >>> rng, entry = np.random.default_rng(1), np.array([0, 0, 0, 0, 1, 1])
        >>> path = path_sums(units, entry, looks=2, permutations=199, rng=rng)
        >>> round(compare_over_path(path, welch_statistics, group_sequential_bounds([0.5, 1.0])).effect, 6)
        1.333333
    """
    paths = len(path[0].treated)
    spent, nominal = _spendable(bounds, paths), _nominal(bounds, paths)

    def tails(a: float, t: float) -> Tails:
        found = np.stack([studentised(*statistics(sums, a, t)) for sums in path])
        before = stopped_at(found[:-1], spent[:-1], sides=bounds.sides, upward=upward)
        lower, upper = (nominal(as_extreme(sign * found[-1], before, sign)) for sign in (-1, 1))
        return Tails(lower=lower, upper=upper)

    alpha = math.erfc(bounds.critical[-1] / math.sqrt(2))
    return compare_over_sums(path[-1], statistics, alpha=alpha, no_relative=no_relative, tails=tails)


def _spendable(bounds: GroupSequentialBounds, paths: int) -> list[float]:
    """What normal statistics spend on one side by each look; nothing where so few paths cannot reach its bound."""
    spent = crossing_probabilities(bounds.times, bounds.critical, bounds.lower).upper.cumsum()
    reached = special.ndtr(-np.array(bounds.critical)) * paths >= 1
    return [float(share) for share in np.where(reached, spent, 0.0)]


def _nominal(bounds: GroupSequentialBounds, paths: int) -> Callable[[float], float]:
    """From a share of paths to the tail of the normal statistic that as many normal paths reach or stop before."""
    walk, now, before = Walk.start(), bounds.times[-1], 0.0
    for k, following in enumerate(bounds.times[1:]):
        before += walk.beyond(bounds.times[k], bounds.critical[k])
        walk = walk.step(bounds.times[k], bounds.lower[k], bounds.critical[k], following=following)
    everybody = walk.beyond(now, -_FARTHEST)

    def tail(share: float) -> float:
        if len(bounds.times) == 1 or share - before >= everybody:
            return min(share, 1.0)
        return max(float(special.ndtr(-bound_reached(walk, now, share - before))), 1 / paths)

    return tail
