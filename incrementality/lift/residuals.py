"""The sums behind robust variances of adjusted means: from the pass of the moments where it tells, else from rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.outcomes import mixed_factors
from incrementality.stats import MixedSums, expanded_residual_sum
from incrementality.warehouse import ArmFit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.experiment import Experiment
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import AdjustedMean
    from incrementality.warehouse import Reduction

__all__ = ["Fit", "residual_sums"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One metric's adjusted means by arm, and how their variance is formed.

    Attributes:
        part: The metric's units.
        means: The adjusted mean of each arm.
        power: The power of ``1 - h`` (1: HC2, 2: HC3).
    """

    part: MetricSample
    means: dict[str, AdjustedMean]
    power: int


def residual_sums(sample: Sample, fits: Sequence[Fit], *, complete: bool) -> list[dict[str, float]]:
    """Return for each metric the sum behind each arm's variance; one pass over the rows serves all that need it.

    Args:
        sample: The units.
        fits: Metrics with the same arms and covariates.
        complete: Whether only rows count in which all their outcomes are present.
    """
    told = [_expanded(fit, sample.experiment) for fit in fits]
    asked = [fit for fit, sums in zip(fits, told, strict=True) if not sums]
    arms = [ArmFit(value=sample.values[arm], adjusted=tuple(fit.means[arm] for fit in asked)) for arm in fits[0].means]
    formed = sample.table.residual_sums(arms, power=fits[0].power, complete=complete) if asked else []
    by_metric = iter([dict(zip(fits[0].means, sums, strict=True)) for sums in zip(*formed, strict=True)])
    return [sums or next(by_metric) for sums in told]


def _expanded(fit: Fit, experiment: Experiment) -> dict[str, float]:
    """The sums of all arms, or of none where one of them is not certain."""
    found: dict[str, float] = {}
    for arm, mean in fit.means.items():
        mixed = _mixed_sums(fit.part.reduction, arm, mean, experiment) if fit.power == 1 else None
        total = None if mixed is None else expanded_residual_sum(mean, mixed)
        if total is None:
            return {}
        found[arm] = total
    return found


def _mixed_sums(reduction: Reduction, arm: str, mean: AdjustedMean, experiment: Experiment) -> MixedSums | None:
    if len(mean.outcomes) != 1 or len(mean.covariates) != 1 or mean.covariates[0] not in reduction.maximum:
        return None
    covariate = mean.covariates[0]
    factors = mixed_factors(experiment, mean.outcomes[0], covariate)
    if not all(reduction.has(product) for product in factors.values()):
        return None
    groups = [i for i, group in enumerate(reduction.moments.groups) if group[0] == arm]
    return MixedSums(
        sums={powers: reduction.sum_of(product, groups) for powers, product in factors.items()},
        shift=float(reduction.moments.shift[reduction.moments.columns.index(covariate)]),
        lowest=reduction.minimum[covariate],
        highest=reduction.maximum[covariate],
    )
