"""Watching an experiment while it runs: checks, guardrails and progress, and never the effect on a primary metric.

Blindness is structural: the columns of primary and secondary metrics are taken out of the experiment before any
outcome is reduced, unless the registered design has a look that day.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from incrementality.design import Look  # noqa: TC001 - part of a record
from incrementality.display import DisplayMixin
from incrementality.errors import EmptyArm
from incrementality.estimates import CheckResult, LiftEstimate  # noqa: TC001 - part of a record
from incrementality.formatting import count, share
from incrementality.lift.caps import with_caps
from incrementality.lift.checks import run_checks
from incrementality.lift.comparisons import compare_arms
from incrementality.lift.guard import take_guard
from incrementality.lift.look_paths import path_of
from incrementality.lift.looks import read_look, stated_at
from incrementality.lift.monitored import monitored
from incrementality.lift.sample import take_sample
from incrementality.lift.unusable import Usable, compare_usable
from incrementality.outcomes import open_unit_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.design import DesignAnswer
    from incrementality.experiment import Experiment
    from incrementality.lift.look_records import TakenLook
    from incrementality.outcomes import UnitTable
    from incrementality.warehouse import Locator, Warehouse

__all__ = ["Health", "Progress", "watch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an experiment is.

    Attributes:
        assigned: Units on record by arm; empty where nobody was assigned yet.
        analysed: Units by arm whose windows have closed and that count today.
        planned: Units that the design plans; ``None`` without a design.
        answer_on: Day of the answer by the design; ``None`` where no first day was stated.
    """

    assigned: dict[str, int]
    analysed: dict[str, int]
    planned: int | None
    answer_on: date | None

    @property
    def share(self) -> float | None:
        """Units that count today over those planned, at most 1; ``None`` without a design."""
        return min(1.0, sum(self.analysed.values()) / self.planned) if self.planned else None

    def sentence(self) -> str:
        """Say it in words."""
        assigned, analysed = sum(self.assigned.values()), sum(self.analysed.values())
        told = f"{count(assigned)} units are assigned; " if self.assigned else ""
        told += f"{count(analysed)} count today"
        if self.planned and self.share is not None:
            told += f", {share(self.share)} of the {count(self.planned)} planned"
        return f"{told}." + (f" The answer is due on {self.answer_on}." if self.answer_on else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(DisplayMixin):
    """What may be seen of an experiment while it runs.

    Attributes:
        experiment_id: The experiment.
        question: The question it answers.
        on: The day of this watch.
        progress: How far it is.
        checks: Checks of the draw, the log and delivery; none of them reads a primary or secondary metric.
        guardrails: Effects on guardrail metrics, as absolute differences.
        look: The look that the registered design has on this day; ``None`` on every other day.
        next_look: The next day on which there is one.
        primary: Effects on primary metrics; empty but on the day of a look, and stated at that look's level.
        note: Why something is not shown.
    """

    experiment_id: str
    question: str
    on: date
    progress: Progress
    checks: tuple[CheckResult, ...] = ()
    guardrails: tuple[LiftEstimate, ...] = ()
    look: Look | None = None
    next_look: date | None = None
    primary: tuple[LiftEstimate, ...] = ()
    note: str = ""

    _shown = ("name", "metric", "passed", "sentence")

    @property
    def healthy(self) -> bool:
        """Whether no check has failed."""
        return all(check.passed is not False for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each check, guardrail and, on the day of a look, primary effect."""
        rows = [row for check in self.checks for row in check.to_dicts()]
        for name, estimates in (("guardrail", self.guardrails), ("look", self.primary)):
            rows += [{"name": name, "metric": e.metric, "passed": None, "sentence": e.sentence} for e in estimates]
        return tuple(rows)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever the records hold
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, date) else value


def watch(
    experiment: Experiment,
    locator: Locator,
    warehouse: Warehouse,
    *,
    on: date,
    progress: Progress,
    look: Look | None,
    designs: Sequence[DesignAnswer] = (),
    taken: Sequence[TakenLook] = (),
) -> Health:
    """Check a running experiment without reading its primary metrics, unless a look is registered for the day.

    Args:
        experiment: The experiment.
        locator: Where its data lies.
        warehouse: The engine.
        on: The day of the watch.
        progress: What is known of its progress without the data; ``analysed`` is filled in here.
        look: The look that the registered design has on that day.
        designs: Every version of the design on record, the oldest first.
        taken: Looks taken before, for what they have spent.

    Returns:
        Checks, guardrails and progress. Where an arm has fewer than two units that count, only progress and a note.
    """
    table = open_unit_table(warehouse, locator, with_caps(experiment, designs))
    seen = Health(experiment_id=experiment.id, question=experiment.question, on=on, progress=progress, look=look)
    try:
        sample = take_sample(_showing(table, "guardrail"))
    except EmptyArm as error:
        return replace(seen, note=f"Nothing can be compared yet: {error.message.rstrip('.')}.")
    analysed = {arm.name: sample.units(arm.name) for arm in experiment.arms}
    guard = take_guard(sample)
    usable = compare_usable(sample, guard) if sample.metrics else Usable(sample, (), ())
    return replace(
        seen,
        progress=replace(progress, analysed=analysed),
        checks=(*run_checks(sample, guard), *usable.checks),
        guardrails=_registered(usable.estimates),
        primary=() if look is None else _looked_at(table, look, designs, taken),
    )


def _looked_at(
    table: UnitTable, look: Look, designs: Sequence[DesignAnswer], taken: Sequence[TakenLook]
) -> tuple[LiftEstimate, ...]:
    """Effects on the primary metrics at the level of the look, so that interval and boundary agree."""
    sample = take_sample(_showing(table, "primary"))
    experiment = sample.experiment
    units = sum(sample.units(arm.name) for arm in experiment.arms)
    reading = read_look(experiment, designs, units=units, day=look.on, taken=taken)
    stated = experiment.model_copy(update={"alpha": look.alpha}) if reading is None else stated_at(experiment, reading)
    sample = replace(sample, table=replace(sample.table, experiment=stated))
    guard = replace(take_guard(sample), path=path_of(reading, designs))
    return _registered(monitored(sample, reading, compare_arms(sample, guard)))


def _registered(estimates: tuple[LiftEstimate, ...]) -> tuple[LiftEstimate, ...]:
    """Each comparison once: adjusted where covariates were declared."""
    adjusted = {e.metric for e in estimates if e.adjusted}
    return tuple(e for e in estimates if e.adjusted == (e.metric in adjusted))


def _showing(table: UnitTable, role: str) -> UnitTable:
    """The table with the metrics of one role alone; the population, and whose windows have closed, stay as they are."""
    metrics = tuple(
        metric.model_copy(update={"relative": False}) for metric in table.experiment.metrics if metric.role == role
    )
    columns = {name for metric in metrics for name in metric.columns}
    return replace(
        table,
        experiment=table.experiment.model_copy(update={"metrics": metrics}),
        outcomes={name: value for name, value in table.outcomes.items() if name in columns},
    )
