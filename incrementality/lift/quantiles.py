"""Quantiles of the arms compared by order statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.lift.readout import ArmMean
from incrementality.lift.stating import lift_estimate
from incrementality.stats import (
    Comparison,
    compare_quantiles,
    estimate_quantile,
    normal_quantile,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment
    from incrementality.lift.sample import MetricSample
    from incrementality.outcomes import UnitRows

__all__ = ["quantile_estimates", "quantile_means"]


def quantile_estimates(part: MetricSample, experiment: Experiment, rows: UnitRows) -> tuple[LiftEstimate, ...]:
    """Return each arm's quantile against the control's, with the interval of their difference.

    The standard error is that of a normal interval of the same width: order-statistic intervals have none of their
    own. No relative effect is stated, since its interval would need another method.

    Raises:
        InputError: Too few units, or too few accounts, for an interval of that quantile.
    """
    control, found = experiment.control.name, []
    for arm in experiment.treatments:
        one, other = (_values(experiment, rows, name) for name in (arm.name, control))
        accounts = None if one[1] is None or other[1] is None else (one[1], other[1])
        answer = compare_quantiles(one[0], other[0], _share(part), alpha=experiment.alpha, accounts=accounts)
        width = answer.interval.upper - answer.interval.lower
        comparison = Comparison(
            effect=answer.effect,
            standard_error=width / (2 * normal_quantile(1 - experiment.alpha / 2)),
            df=float("inf"),
            pvalue=answer.pvalue,
            effect_interval=answer.interval,
            rel_effect=None,
            rel_interval=None,
        )
        means = (answer.treatment, answer.control)
        method = _method(part, experiment)
        found.append(lift_estimate(part, experiment, arm.name, comparison, means=means, method=method))
    return tuple(found)


def quantile_means(part: MetricSample, experiment: Experiment, rows: UnitRows) -> tuple[ArmMean, ...]:
    """Return the quantile of each arm with its order-statistic interval, control first.

    Raises:
        InputError: As for ``quantile_estimates``.
    """
    found = []
    for arm in (experiment.control, *experiment.treatments):
        values, accounts = _values(experiment, rows, arm.name)
        answer = estimate_quantile(values, _share(part), alpha=experiment.alpha, accounts=accounts)
        width = answer.interval.upper - answer.interval.lower
        found.append(
            ArmMean(
                metric=part.metric.name,
                arm=arm.name,
                n=len(values),
                mean=answer.value,
                standard_error=width / (2 * normal_quantile(1 - experiment.alpha / 2)),
                ci_lower=answer.interval.lower,
                ci_upper=answer.interval.upper,
            )
        )
    return tuple(found)


def _share(part: MetricSample) -> float:
    if part.metric.quantile is None:
        raise InputError(f"metric {part.metric.name!r} states no quantile", hint="write quantile: 0.9")
    return part.metric.quantile


def _values(experiment: Experiment, rows: UnitRows, arm: str) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    kept = rows.arm == [each.name for each in experiment.arms].index(arm)
    return rows.outcomes[0][kept], None if rows.cluster is None else rows.cluster[kept]


def _method(part: MetricSample, experiment: Experiment) -> str:
    what = f"difference of {_share(part):g} quantiles, order statistics"
    if experiment.data.cluster is not None:
        return f"{what} by Woodruff over whole groups of {experiment.data.cluster}, limits combined by MOVER"
    return f"{what}, exact binomial limits combined by MOVER"
