"""A small holdout at a look: the whole path of looks is permuted, where the rows still show what was there before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

from incrementality.design import monitoring_of
from incrementality.lift.looks import bounds_taken
from incrementality.lift.methods import PERMUTATION_SEED, permutations_for
from incrementality.lift.permuted_units import units_to_permute
from incrementality.stats import (
    compare_cluster_path_by_permutation,
    compare_path_by_permutation,
    group_sequential_bounds,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.design import DesignAnswer, Monitoring
    from incrementality.lift.look_records import LookReading, TakenLook
    from incrementality.lift.permuted_units import PermutedUnits
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import GroupSequentialBounds, PermutationComparison

__all__ = ["LookPath", "PathAnswer", "compare_at_look", "path_of"]

_SAME = 0.005  # of the units at an earlier look: what those rebuilt may differ by
_FEWEST = 2
_LOWEST_LEVEL = 1e-4  # below, no practical number of permutations reaches the level of a look
_NO_CLOCK = "the data does not say when units were decided (data.t0)"
_OTHER_UNITS = "the rows do not hold the units that were there at the looks before"
_TOO_FEW = "an arm of a stratum had fewer than two units, or whole groups, at a look before"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPath:
    """The looks taken so far, the last one now.

    Attributes:
        bounds: What each had to reach.
        days: The day of the data cut of each look before.
        shares: Units at each look before as a share of those now; ``None`` where the record does not say.
    """

    bounds: GroupSequentialBounds
    days: tuple[str, ...]
    shares: tuple[float | None, ...]


class _Options(TypedDict):
    seed: int
    denominator: NDArray[np.float64] | None
    strata: NDArray[np.int64]
    permutations: int
    upward: bool


class PathAnswer(NamedTuple):
    """A comparison at a look, and what was permuted, in words."""

    found: PermutationComparison
    permuted: str


def path_of(look: LookReading | None, designs: Sequence[DesignAnswer]) -> LookPath | None:
    """Return the path of which a look is the end; ``None`` without a planned look.

    Args:
        look: The look.
        designs: Every version of the design on record, the oldest first.
    """
    if look is None or look.number is None:
        return None
    plan = monitoring_of(designs[-1].request)
    return LookPath(
        bounds=_bounds(look, plan),
        days=tuple(one.on for one in look.earlier),
        shares=tuple(_share(one, look, plan) for one in look.earlier),
    )


def _bounds(look: LookReading, plan: Monitoring) -> GroupSequentialBounds:
    """Bounds of the looks taken; a boundary for equal looks leaves out those that nobody took."""
    looks = [*((one.number, one.information) for one in look.earlier), (look.number or 0, look.information)]
    bounds = bounds_taken(plan, looks, alpha=look.alpha)
    if plan.spending != "equal looks":
        return bounds
    kept = [number - 1 for number, _ in looks]
    times, critical, spent = (
        tuple(values[k] for k in kept) for values in (bounds.times, bounds.critical, bounds.spent)
    )
    return replace(bounds, times=times, critical=critical, spent=spent)


def _share(one: TakenLook, look: LookReading, plan: Monitoring) -> float | None:
    if one.units is not None and look.units:
        return one.units / look.units
    return None if plan.spending == "equal looks" else one.information / look.information


def compare_at_look(sample: Sample, part: MetricSample, arm: str, path: LookPath | None) -> PathAnswer:
    """Return a comparison by permutation of the whole path, or of this look alone at its own level.

    Args:
        sample: The units, stated at the level of the look.
        part: The metric.
        arm: The treatment arm.
        path: The looks taken; ``None`` for a metric that no bound was registered for.
    """
    why = "" if path is None else _missing_clock(sample, path)
    if path is None or why:
        return _this_look_alone(sample, part, arm, why)
    units = units_to_permute(sample, part, arm, _dates(sample, path))
    why = _not_rebuilt(units, part, arm, path, control=sample.experiment.control.name)
    if why:
        return _this_look_alone(sample, part, arm, why)
    found = _compared(units, path.bounds, sample, part)
    looks = len(path.days)
    return PathAnswer(found, f" over the path of {looks + 1} looks" if looks else " at its first look")


def _missing_clock(sample: Sample, path: LookPath) -> str:
    data = sample.experiment.data
    return _NO_CLOCK if path.days and (data.t0 is None or data.data_cut is None) else ""


def _dates(sample: Sample, path: LookPath) -> list[datetime]:
    cut = sample.experiment.data.data_cut
    if not path.days or cut is None:
        return []
    return [*(datetime.combine(datetime.fromisoformat(day), time()) for day in path.days), cut.replace(tzinfo=None)]


def _not_rebuilt(units: PermutedUnits, part: MetricSample, arm: str, path: LookPath, *, control: str) -> str:
    """Why the looks before cannot be rebuilt from the rows; nothing where they can."""
    if not path.days:
        return ""
    present = [float(part.arm(name).n.sum()) for name in (arm, control)]
    arms = [float(np.sum(units.treated == treated)) for treated in (True, False)]
    so_far = np.bincount(units.entry, minlength=len(path.days) + 1).cumsum()
    if arms != present or any(
        share is None or abs(so_far[k] / so_far[-1] - share) > _SAME * share for k, share in enumerate(path.shares)
    ):
        return _OTHER_UNITS
    treated, stratum, entry = units.randomised()
    first = np.zeros((2, int(stratum.max()) + 1))
    np.add.at(first, (1 - treated[entry == 0], stratum[entry == 0]), 1)
    return _TOO_FEW if first.min() < _FEWEST else ""


def _this_look_alone(sample: Sample, part: MetricSample, arm: str, why: str) -> PathAnswer:
    """The look as if it were the only one, at the level of its bound."""
    bounds = group_sequential_bounds([1.0], alpha=sample.experiment.alpha)
    found = _compared(units_to_permute(sample, part, arm), bounds, sample, part)
    return PathAnswer(found, f" of this look alone, since {why}" if why else "")


def _compared(
    units: PermutedUnits, bounds: GroupSequentialBounds, sample: Sample, part: MetricSample
) -> PermutationComparison:
    options: _Options = {
        "seed": PERMUTATION_SEED,
        "denominator": units.denominator,
        "strata": units.stratum,
        "permutations": permutations_for(units.labels, max(sample.experiment.alpha, _LOWEST_LEVEL)),
        "upward": part.metric.direction == "increase",
    }
    if units.cluster is None:
        return compare_path_by_permutation(units.values, units.treated, units.entry, bounds, **options)
    drawn = units.values, units.cluster, units.treated
    return compare_cluster_path_by_permutation(*drawn, units.entry, bounds, **options)
