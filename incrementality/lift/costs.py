"""What an effect costs: each extra conversion, each unit's revenue net of cost, and what the holdout was about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.formatting import count, difference, interval, level, mean
from incrementality.lift.cost_records import CostAnswer
from incrementality.stats import Interval, MeanEstimate, compare_means

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment, HoldoutRequest, PlannedMetric
    from incrementality.lift.sample import Sample
    from incrementality.stats import Moments

__all__ = ["cost_answers", "of_everything"]


@dataclass(frozen=True, slots=True)
class _Cost:
    """What treating one more unit costs, and how it moves with the effect that it is set against."""

    value: float
    variance: float
    covariance: float


def of_everything(experiment: Experiment, verdict: str) -> str:
    """Return a verdict that says what a global holdout is about: all that was sent, together."""
    if experiment.request is None or experiment.request.scope != "global":
        return verdict
    return f"{verdict} This is about everything that the holdout did not get, together, against the status quo."


def cost_answers(sample: Sample, headlines: Sequence[LiftEstimate]) -> tuple[CostAnswer, ...]:
    """Return what each extra conversion costs, and revenue net of cost, where the request states a cost.

    The cost of treating one unit is ``request.unit_cost`` and the effect on ``request.cost_metric``, such as the
    discount. Primary conversions get a cost for each extra one: the ratio of two differences, whose interval is
    Fieller's. Revenue gets its effect less the cost. Winsorised amounts get neither, since they leave money out.

    Args:
        sample: The units.
        headlines: The registered estimate of each comparison.

    References:
        Fieller (1954), https://doi.org/10.1111/j.2517-6161.1954.tb00159.x
    """
    request = sample.experiment.request
    if request is None or not (request.unit_cost or request.cost_metric):
        return ()
    metrics = {metric.name: metric for metric in sample.experiment.metrics}
    return tuple(answer for e in headlines for answer in _answers(sample, e, metrics[e.metric], request))


def _answers(sample: Sample, e: LiftEstimate, metric: PlannedMetric, request: HoldoutRequest) -> Iterator[CostAnswer]:
    conversion = metric.kind == "conversion" and metric.role == "primary"
    revenue = metric.kind == "revenue" and metric.winsorise is None and metric.name != request.cost_metric
    if not (conversion or revenue):
        return
    data = sample.experiment.data
    if request.cost_metric is not None and (data.cluster or data.stratum or data.block):
        told = (
            f"{e.metric}: not stated against {request.cost_metric}, since units were not drawn one by one; read the "
            "amount net of it as a metric of its own"
        )
        yield _answer(e, request, "not stated", None, bounds=None, sentence=f"{told}.")
        return
    yield _for_each(sample, e, metric, request) if conversion else _net(sample, e, request)


def _for_each(sample: Sample, e: LiftEstimate, metric: PlannedMetric, request: HoldoutRequest) -> CostAnswer:
    """The cost of one more conversion, or of one more avoided where fewer are better."""
    sign, one = (1.0, "extra") if metric.direction == "increase" else (-1.0, "avoided")
    what = f"cost of each {one} {e.metric}"
    cost = _cost(sample, e, request)
    gained = MeanEstimate(value=sign * e.effect, variance=e.standard_error**2, df=e.df or float("inf"))
    bounds = _bounds(e, cost, gained, sign)
    shown = _money(cost.value / gained.value, request) if gained.value > 0 else "not defined"
    if bounds is None:
        worse = gained.value <= 0 and sign * max(sign * e.effect_ci_lower, sign * e.effect_ci_upper) <= 0
        told = "there were fewer, not more" if worse else "the data do not rule out that there is none"
        sentence = f"{e.metric}, {e.arm}: what one {one} costs has no upper limit; {told} (at best estimate {shown})."
        value = cost.value / gained.value if gained.value > 0 else None
        return _answer(e, request, what, value, bounds=None, sentence=sentence)
    stated = interval(_money(bounds.lower, request), _money(bounds.upper, request))
    sentence = f"{e.metric}, {e.arm}: each {one} one costs {shown} ({level(e.alpha)} interval {stated})."
    return _answer(e, request, what, cost.value / gained.value, bounds=(bounds.lower, bounds.upper), sentence=sentence)


def _bounds(e: LiftEstimate, cost: _Cost, gained: MeanEstimate, sign: float) -> Interval | None:
    """Fieller's interval of cost over gain; a cost that is known turns the effect's own interval over."""
    low, high = sorted((sign * e.effect_ci_lower, sign * e.effect_ci_upper))
    if low <= 0:
        return None
    if cost.variance == 0:
        return Interval(lower=cost.value / high, upper=cost.value / low)
    spent = MeanEstimate(value=cost.value, variance=cost.variance, df=gained.df)
    answer = compare_means(spent, gained, alpha=e.alpha, covariance=sign * cost.covariance, df=gained.df)
    found = answer.rel_interval
    return None if found is None else Interval(lower=1 + found.lower, upper=1 + found.upper)


def _net(sample: Sample, e: LiftEstimate, request: HoldoutRequest) -> CostAnswer:
    cost = _cost(sample, e, request)
    net = e.effect - cost.value
    low, high = e.effect_ci_lower - cost.value, e.effect_ci_upper - cost.value
    if cost.variance:
        one = MeanEstimate(value=e.effect, variance=e.standard_error**2, df=e.df or float("inf"))
        other = MeanEstimate(value=cost.value, variance=cost.variance, df=e.df or float("inf"))
        answer = compare_means(one, other, alpha=e.alpha, covariance=cost.covariance, df=e.df or float("inf"))
        net, low, high = answer.effect, answer.effect_interval.lower, answer.effect_interval.upper
    per, least, most = (difference(x, kind="revenue", unit=e.unit) for x in (net, low, high))
    total = interval(*(difference(x * e.n_treatment, kind="revenue", unit=e.unit) for x in (low, high)))
    sentence = (
        f"{e.metric}, {e.arm}: {difference(e.effect, kind='revenue', unit=e.unit)} for each {sample.experiment.unit} "
        f"before cost, {per} net of {_money(cost.value, request)} ({level(e.alpha)} interval {interval(least, most)}); "
        f"over its {count(e.n_treatment)} {sample.experiment.unit}s {total}."
    )
    return _answer(e, request, f"{e.metric} net of cost", net, bounds=(low, high), sentence=sentence)


def _cost(sample: Sample, e: LiftEstimate, request: HoldoutRequest) -> _Cost:
    if request.cost_metric is None:
        return _Cost(request.unit_cost, 0.0, 0.0)
    parts = {part.metric.name: part.metric.columns for part in sample.metrics}
    columns = (parts[request.cost_metric][0], parts[e.metric][0])
    moments = sample.table.reduce(outcomes=columns, complete=True).moments
    arms: list[Moments] = [moments.select((name,)) for name in (e.arm, e.control)]
    k = arms[0].indices(columns)
    spread = [arm.covariance()[k][:, k] / float(arm.n.sum()) for arm in arms]
    effect = float(arms[0].means()[k[0]] - arms[1].means()[k[0]])
    together = spread[0] + spread[1]
    return _Cost(request.unit_cost + effect, float(together[0, 0]), float(together[0, 1]))


def _money(value: float, request: HoldoutRequest) -> str:
    return mean(value, kind="revenue", unit=request.currency)


def _answer(
    e: LiftEstimate,
    request: HoldoutRequest,
    what: str,
    value: float | None,
    *,
    bounds: tuple[float, float] | None,
    sentence: str,
) -> CostAnswer:
    return CostAnswer(
        metric=e.metric,
        arm=e.arm,
        what=what,
        value=value,
        ci_lower=None if bounds is None else bounds[0],
        ci_upper=None if bounds is None else bounds[1],
        currency=request.currency,
        sentence=sentence,
    )
