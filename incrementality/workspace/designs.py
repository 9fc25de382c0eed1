"""Verbs of a design on disk: from the request in the experiment file to an answer that can be signed.

experiments/<id>/design.json   the answer: every number, who signed, its registration hash
experiments/<id>/design.html   the same as a page to forward; design.md as text
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from incrementality.design import (
    ContaminationRoute,
    DesignAnswer,
    DesignRequest,
    LiveExperiment,
    MetricBaseline,
    design,
    revise,
)
from incrementality.errors import InputError, WorkspaceError
from incrementality.files import write_files
from incrementality.report import render_design
from incrementality.workspace.registered import read_design

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.experiment import Experiment, HoldoutRequest, PlannedMetric
    from incrementality.workspace.project import Workspace

__all__ = ["design_experiment", "design_page", "request_of", "sign_design", "stored_design"]


def design_page(workspace: Workspace, experiment_id: str) -> Path:
    """Return where an experiment's design page lies, or will lie."""
    return workspace.folder(experiment_id) / "design.html"


def request_of(experiment: Experiment, live: tuple[LiveExperiment, ...] = ()) -> DesignRequest:
    """Return what an experiment file asks for, as the design needs it.

    Args:
        experiment: The experiment, with its request.
        live: Experiments that run at the same time.

    Raises:
        InputError: The file asks for no holdout, or leaves out what a design cannot do without.
    """
    asked, metric = experiment.request, experiment.primary[0]
    if asked is None:
        raise InputError(
            f"the file of {experiment.id!r} asks for no holdout", hint="add the section `request:` to experiment.yaml"
        )
    if asked.baseline is None:
        raise InputError(
            f"the request of {experiment.id!r} has no baseline for {metric.name!r}",
            hint="write request.baseline: {mean: ...}; metrics that are no conversions need its sd too",
        )
    return DesignRequest(
        id=experiment.id,
        question=experiment.question,
        metric=metric.name,
        kind=metric.kind,
        baseline=MetricBaseline(mean=asked.baseline.mean, sd=asked.baseline.sd, source=asked.baseline.source),
        population=asked.population,
        arrivals_per_week=asked.arrivals_per_week,
        smallest_effect=_smallest_effect(metric, asked.baseline.mean),
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
        longest_weeks=asked.longest_weeks,
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
    )


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


def _live(workspace: Workspace, experiment: Experiment) -> tuple[LiveExperiment, ...]:
    """The other experiments of the workspace that were assigned and are not over, and those that must not overlap."""
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


def stored_design(workspace: Workspace, experiment_id: str) -> DesignAnswer | None:
    """Return the design on disk, or ``None``.

    Raises:
        WorkspaceError: It cannot be read.
    """
    path = workspace.folder(experiment_id) / "design.json"
    if not path.is_file():
        return None
    return read_design(path)


def design_experiment(workspace: Workspace, experiment_id: str, *, seed: int = 0) -> DesignAnswer:
    """Answer the request of an experiment file and write design.json, design.html and design.md.

    A design that somebody has signed stays on record: a request that changed since makes a new version.

    Raises:
        InputError: The file asks for no holdout, or leaves out what a design cannot do without.
    """
    experiment = workspace.experiment(experiment_id)
    request = request_of(experiment, _live(workspace, experiment))
    before = stored_design(workspace, experiment_id)
    answer = design(request, seed=seed) if before is None else revise(before, request, seed=seed)
    _store(workspace, answer, before)
    return answer


def sign_design(
    workspace: Workspace, experiment_id: str, *, role: str, name: str, on: date | None = None
) -> DesignAnswer:
    """Sign the design on disk: the request is frozen by the design's hash.

    Raises:
        WorkspaceError: There is no design, or the request has changed since it was made.
        InputError: The role is none of those that have to sign.
    """
    answer = stored_design(workspace, experiment_id)
    if answer is None:
        raise WorkspaceError(
            f"{experiment_id!r} has no design yet", hint=f"run: incrementality holdout design {experiment_id}"
        )
    experiment = workspace.experiment(experiment_id)
    if request_of(experiment, _live(workspace, experiment)) != answer.request:
        raise WorkspaceError(
            f"the request of {experiment_id!r} has changed since it was designed",
            hint=f"run: incrementality holdout design {experiment_id}, and read it again before signing",
        )
    signed = answer.sign(role=role, name=name, on=on or datetime.now(UTC).date())
    _store(workspace, signed, answer)
    return signed


def _store(workspace: Workspace, answer: DesignAnswer, before: DesignAnswer | None) -> None:
    folder = workspace.folder(answer.request.id)
    texts = {
        folder / "design.json": _json_of(answer),
        folder / "design.html": render_design(answer),
        folder / "design.md": answer.to_markdown(),
    }
    if before is not None and before.sign_offs and before.version != answer.version:
        texts[folder / f"design-v{before.version}.json"] = _json_of(before)
    write_files(texts)


def _json_of(answer: DesignAnswer) -> str:
    return json.dumps(answer.to_dict(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
