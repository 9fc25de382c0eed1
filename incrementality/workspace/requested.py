"""From the request in an experiment file to what a design needs: numbers stated or looked up, and what else is live."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.assignment.hashing import SPACE
from incrementality.design import (
    ContaminationRoute,
    DesignRequest,
    LiveExperiment,
    MetricBaseline,
    ReleasePlan,
    monitoring_asked,
)
from incrementality.errors import InputError
from incrementality.workspace.histories import FoundNumbers, look_up_history, query_text
from incrementality.workspace.programme import PROGRAMME, read_programme

if TYPE_CHECKING:
    from incrementality.design import DesignAnswer, MetricHistory
    from incrementality.experiment import Experiment, HoldoutRequest, PlannedMetric
    from incrementality.workspace.project import Workspace

__all__ = ["live_experiments", "release_of", "request_of", "requested", "requested_again"]


def requested(workspace: Workspace, experiment: Experiment) -> tuple[DesignRequest, MetricHistory | None]:
    """Return what an experiment asks for, and the history where its numbers are looked up in one.

    Raises:
        InputError: The file asks for no holdout, leaves out what a design cannot do without, or the history cannot
            be used.
    """
    found = look_up_history(workspace, experiment, _request(experiment))
    return _placed(workspace, experiment, found), None if found is None else found.history


def requested_again(workspace: Workspace, experiment: Experiment, answer: DesignAnswer) -> DesignRequest:
    """Return what an experiment asks for now, with the numbers that a design looked up where it asks for the same.

    A history grows; a design is of the numbers that it was made from, and only a changed question makes it stale.

    Raises:
        InputError: As in ``requested``.
    """
    request, before = _request(experiment), answer.request
    known = before.looked_up
    if request.baseline is None or known is None or known.query != query_text(request.baseline):
        return requested(workspace, experiment)[0]
    found = FoundNumbers(
        baseline=before.baseline,
        population=before.population if request.population == "auto" else request.population,
        arrivals_per_week=(
            before.arrivals_per_week if request.arrivals_per_week == "auto" else request.arrivals_per_week
        ),
        looked_up=known,
        cap=before.cap,
    )
    return _placed(workspace, experiment, found)


def _placed(workspace: Workspace, experiment: Experiment, found: FoundNumbers | None) -> DesignRequest:
    """The request among what the workspace shares: what else is live, and who is in the global holdout."""
    request = request_of(experiment, live_experiments(workspace, experiment), found)
    held = read_programme(workspace.root / PROGRAMME).holdout(experiment.unit)
    if held is None or request.scope == "global":
        return request
    return replace(request, global_holdout=round(held.end / SPACE, 6))


def request_of(
    experiment: Experiment, live: tuple[LiveExperiment, ...] = (), found: FoundNumbers | None = None
) -> DesignRequest:
    """Return what an experiment file asks for, as the design needs it.

    Args:
        experiment: The experiment, with its request.
        live: Experiments that run at the same time.
        found: What a history says, where the request names one.

    Raises:
        InputError: The file asks for no holdout, or leaves out what a design cannot do without.
    """
    asked, metric = _request(experiment), experiment.primary[0]
    numbers = found or _stated(experiment, asked)
    return DesignRequest(
        id=experiment.id,
        question=experiment.question,
        metric=metric.name,
        kind=metric.kind,
        baseline=numbers.baseline,
        population=numbers.population,
        arrivals_per_week=numbers.arrivals_per_week,
        smallest_effect=_smallest_effect(metric, numbers.baseline.mean),
        holdout_share=asked.holdout_share,
        unit=experiment.unit,
        unit_of_value=metric.unit,
        currency=asked.currency,
        owner=experiment.owner,
        scope=asked.scope,
        withholds=(*experiment.withholds.journeys, *experiment.withholds.functions),
        treatment_arms=len(experiment.treatments),
        alpha=experiment.alpha,
        power=asked.power,
        direction=metric.direction,
        starts=experiment.started,
        answer_by=asked.answer_by,
        longest_weeks=_weeks_of_enrolment(experiment, asked),
        window_days=28 if metric.window is None else max(1, round(metric.window.total_seconds() / 86400)),
        maturity_lag_days=asked.maturity_lag_days,
        looks=asked.looks,
        revenue_per_unit=asked.revenue_per_unit,
        at_risk_limit=asked.at_risk_limit,
        unit_cost=asked.unit_cost,
        layer=asked.layer,
        traffic=asked.traffic,
        live=live,
        contamination=_routes(asked),
        approvals=asked.approvals,
        release=release_of(asked),
        looked_up=numbers.looked_up,
        cap=numbers.cap if metric.winsorise is None or metric.winsorise.value is None else metric.winsorise.value,
        monitoring=monitoring_asked(asked),
        alpha_split=None if experiment.alpha_split == "holm" else experiment.alpha_split,
    )


def _weeks_of_enrolment(experiment: Experiment, asked: HoldoutRequest) -> int:
    """The most weeks in which units may enter: those asked for, and none after the last day of assignment."""
    if experiment.started is None or experiment.ended is None:
        return asked.longest_weeks
    return min(asked.longest_weeks, ((experiment.ended - experiment.started).days + 1) // 7)


def _request(experiment: Experiment) -> HoldoutRequest:
    if experiment.request is None:
        raise InputError(
            f"the file of {experiment.id!r} asks for no holdout", hint="add the section `request:` to experiment.yaml"
        )
    return experiment.request


def _stated(experiment: Experiment, asked: HoldoutRequest) -> FoundNumbers:
    baseline = asked.baseline
    if baseline is None or baseline.mean is None or asked.population == "auto" or asked.arrivals_per_week == "auto":
        raise InputError(
            f"the request of {experiment.id!r} has no baseline for {experiment.primary[0].name!r}",
            hint="write request.baseline: {mean: ...}; metrics that are no conversions need its sd too",
        )
    return FoundNumbers(
        baseline=MetricBaseline(mean=baseline.mean, sd=baseline.sd, source=baseline.source),
        population=asked.population,
        arrivals_per_week=asked.arrivals_per_week,
    )


def release_of(asked: HoldoutRequest | None) -> ReleasePlan | None:
    """Return what a request says becomes of those held out, or ``None``."""
    plan = None if asked is None else asked.release
    return None if plan is None else ReleasePlan(when=plan.when, how=plan.how, note=plan.note)


def _smallest_effect(metric: PlannedMetric, baseline: float) -> float:
    smallest = metric.smallest_effect
    if smallest is not None and smallest.relative is not None:
        return float(smallest.relative)
    if smallest is not None and smallest.absolute is not None:
        return smallest.absolute / baseline
    raise InputError(
        f"the primary metric {metric.name!r} has no smallest effect that matters",
        hint="write smallest_effect: {relative: 10%} under it: an effect below it would not change the decision",
    )


def _routes(asked: HoldoutRequest) -> tuple[ContaminationRoute, ...]:
    return tuple(ContaminationRoute(route=c.route, share=c.share, arm=c.arm) for c in asked.contamination)


def live_experiments(workspace: Workspace, experiment: Experiment) -> tuple[LiveExperiment, ...]:
    """Return the other experiments of the workspace that were assigned and are not over."""
    asked, found = experiment.request, []
    for other_id in workspace.experiment_ids():
        if other_id == experiment.id or not (workspace.folder(other_id) / "assignment.json").is_file():
            continue
        other = workspace.experiment(other_id)
        if other.ended is not None and experiment.started is not None and other.ended < experiment.started:
            continue
        layer, traffic = ("", 1.0) if other.request is None else (other.request.layer, other.request.traffic)
        if asked is not None and other_id in asked.must_not_overlap:
            layer = layer or asked.layer
        found.append(LiveExperiment(id=other_id, layer=layer, traffic=traffic, withholds=other.withholds.journeys))
    return tuple(found)
