"""Looks the numbers of a request up in a history instead of asking for them: baseline, spread, who is there, who comes.

The design room gets arrays and counts; only this verb sees the warehouse.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from incrementality.design import LookUp, MetricHistory, baseline_of_history
from incrementality.errors import InputError
from incrementality.files import sha256_of
from incrementality.formatting import count, mean
from incrementality.outcomes.past import PastColumns, past_units
from incrementality.warehouse import locate
from incrementality.workspace.configuration import CONFIGURATION, EMBEDDED
from incrementality.workspace.sources import Sources, locate_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.design import MetricBaseline
    from incrementality.experiment import Baseline, Experiment, HoldoutRequest, PlannedMetric
    from incrementality.outcomes.past import PastUnits
    from incrementality.warehouse import Locator
    from incrementality.workspace.project import Workspace

__all__ = ["FoundNumbers", "look_up_history", "query_text"]

_BARE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*){0,2}")
_FILE = re.compile(r"\.(csv|tsv|gz|parquet|pq|duckdb|ddb|db)$", re.IGNORECASE)
_TWO_SIDED = 1.959964
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNumbers:
    """What a request does not state and a history says.

    Attributes:
        baseline: The primary metric without treatment.
        population: Units that are eligible now.
        arrivals_per_week: Units that become eligible each week.
        looked_up: Where that was found, with the finding in words; ``None`` where nothing was looked up.
        history: The rows behind it, for power that is counted.
        cap: Where the metric is winsorised its cap: the stated one, or that quantile of the history.
    """

    baseline: MetricBaseline
    population: int
    arrivals_per_week: float
    looked_up: LookUp | None = None
    history: MetricHistory | None = None
    cap: float | None = None


def look_up_history(workspace: Workspace, experiment: Experiment, request: HoldoutRequest) -> FoundNumbers | None:
    """Return what the history that a request names says; ``None`` where it states its numbers.

    Args:
        workspace: The workspace; written paths start at the experiment's folder and stay inside it.
        experiment: The experiment, whose first primary metric is looked up.
        request: Its request.

    Raises:
        InputError: The history is not there, lacks a column, or holds nothing that can be used.
        WarehouseError: The engine refused.
    """
    asked, metric = request.baseline, experiment.primary[0]
    if asked is None or not asked.looked_up:
        return None
    if metric.kind in {"time", "quantile"}:
        raise InputError(
            f"the baseline of {metric.name!r} cannot be looked up: kind {metric.kind} is more than a column of sums",
            hint="state request.baseline: {mean: ..., sd: ...}; of a time, those of the days up to the window",
        )
    locator = _located(workspace, experiment.id, asked)
    with workspace.connect(locator) as engine:
        found = past_units(engine, locator, _columns(metric, asked))
    cap = _cap(metric, found)
    history = MetricHistory(
        values=found.values if cap is None else np.minimum(found.values, cap),
        denominator=found.denominator,
        clusters=found.clusters,
        source=f"looked up in {locator.written}",
    )
    baseline = baseline_of_history(history)
    return FoundNumbers(
        baseline=baseline,
        population=found.here_now if request.population == "auto" else request.population,
        arrivals_per_week=(
            found.arrivals_per_week if request.arrivals_per_week == "auto" else request.arrivals_per_week
        ),
        looked_up=LookUp(
            what=", ".join(["baseline", *_counted(request)]),
            source=locator.written,
            query=query_text(asked),
            sentence=f"{'; '.join(_told(experiment, metric, found, baseline))}.",
            sha256=sha256_of(locator.path) if locator.path is not None and locator.path.is_file() else None,
        ),
        history=history,
        cap=cap,
    )


def _cap(metric: PlannedMetric, found: PastUnits) -> float | None:
    """The stated cap, or the order statistic of earlier units at the asked share; ``None`` without winsorising."""
    asked = metric.winsorise
    if asked is None or asked.at is None or asked.value is not None:
        return None if asked is None else asked.value
    ordered = np.sort(found.values)
    return float(ordered[math.ceil(asked.at * len(ordered) - _ROUNDING) - 1])


def _counted(request: HoldoutRequest) -> list[str]:
    return [name for name in ("population", "arrivals_per_week") if getattr(request, name) == "auto"]


def query_text(asked: Baseline) -> str:
    """Return what a baseline asks of a history, as the request writes it.

    Examples:
        >>> from incrementality.experiment import Baseline
        >>> query_text(Baseline.model_validate({"from": "history.csv", "unit": "contact_id", "t0": "entered"}))
        'from: history.csv, unit: contact_id, t0: entered, weeks: 26'
    """
    content = asked.model_dump(mode="json", exclude={"mean", "sd", "source"}, by_alias=True)
    content["weeks"] = asked.weeks
    return ", ".join(f"{name}: {value}" for name, value in content.items())


def _located(workspace: Workspace, experiment_id: str, asked: Baseline) -> Locator:
    """A table that the workspace's ``sources`` name, a file or a warehouse, or a table of the workspace's own."""
    source, table, warehouse = asked.history, asked.table, workspace.configuration.warehouse
    known = workspace.configuration.sources
    if source is not None and table is None and source in known:
        maps = (Sources(tables=known, base=workspace.root, file=CONFIGURATION),)
        return locate_tables([source], maps, root=workspace.root, warehouse=warehouse)[source]
    if source is not None and table is None and _BARE_NAME.fullmatch(source) and not _FILE.search(source):
        source, table = None, source
    own = source is None and warehouse != EMBEDDED
    base = workspace.root / "experiments" / experiment_id
    return locate(warehouse if own else source, table=table, base=base, root=workspace.root)


def _columns(metric: PlannedMetric, asked: Baseline) -> PastColumns:
    ratio = metric.kind == "ratio"
    return PastColumns(
        kind=metric.kind,
        unit=asked.unit or "",
        outcome=(asked.numerator if ratio else asked.column) or metric.reads[0],
        denominator=(asked.denominator or metric.reads[1]) if ratio else None,
        t0=asked.t0,
        cluster=asked.cluster,
        window=metric.window or timedelta(0),
        weeks=asked.weeks,
        until=asked.until,
    )


def _told(experiment: Experiment, metric: PlannedMetric, found: PastUnits, baseline: MetricBaseline) -> Iterator[str]:
    """Yield what was found: who is there and comes, the metric with its margin, who was left out."""
    unit = experiment.unit
    if found.weeks is None:
        yield f"{count(found.here_now)} {unit}s"
    else:
        yield f"{count(round(found.arrivals_per_week))} {unit}s a week over the last {found.weeks:.0f} weeks"
    if found.weeks is not None and found.here_now:
        yield f"{count(found.here_now)} of them there in the last 7 days"
    margin = _TWO_SIDED * (baseline.sd or 0.0) * (baseline.design_effect / len(found.values)) ** 0.5
    shown, spread = (mean(x, kind=metric.kind, unit=metric.unit) for x in (baseline.mean, margin))
    within = "" if metric.window is None else f" within {metric.window.days} days"
    yield f"{metric.name} {shown} ± {spread}{within}, from {count(len(found.values))} {unit}s"
    if found.too_recent:
        yield f"{count(found.too_recent)} are too recent to be counted"
    cap = _cap(metric, found)
    if cap is not None:
        yield f"values above {mean(cap, kind=metric.kind, unit=metric.unit)} count as that much"
    if found.missing:
        yield f"{count(found.missing)} have no outcome"
