"""The verb that watches a running experiment: checks, guardrails, progress, and no effect before its day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.design import look_on, looks_of, monitoring_of
from incrementality.errors import SourceNotFound
from incrementality.lift import Health, Progress, watch
from incrementality.workspace.designs import stored_design
from incrementality.workspace.experiment_data import engine_for, opened
from incrementality.workspace.holdouts import ledger_of
from incrementality.workspace.looks import taken_looks

if TYPE_CHECKING:
    from datetime import date

    from incrementality.design import DesignAnswer
    from incrementality.workspace.project import Workspace

__all__ = ["health_of"]


def health_of(workspace: Workspace, experiment_id: str, *, on: date) -> Health:
    """Return what may be seen of an experiment on a day.

    The effect on a primary metric is among it only on a day for which the signed design registers a look.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        on: The day (UTC).

    Raises:
        InputError: The data cannot be used; the message says why and what to do.
    """
    experiment, answer = workspace.experiment(experiment_id), stored_design(workspace, experiment_id)
    progress = Progress(
        assigned=_assigned(workspace, experiment_id),
        analysed={},
        planned=None if answer is None else answer.n,
        answer_on=None if answer is None else answer.answer_on,
    )
    look = None if answer is None else look_on(answer, on)
    try:
        engine = engine_for(workspace, experiment)
    except SourceNotFound as error:
        note = f"There is no outcome data yet: {error.message.rstrip('.')}."
        seen = Health(
            experiment_id=experiment_id, question=experiment.question, on=on, progress=progress, look=look, note=note
        )
        return _with_next_look(seen, answer)
    with engine, opened(workspace, experiment, engine) as data:
        seen = watch(
            experiment,
            data.locator,
            engine,
            on=on,
            progress=progress,
            look=look,
            designs=() if answer is None else (answer,),
            taken=taken_looks(workspace.folder(experiment_id)),
        )
    return _with_next_look(seen, answer)


def _with_next_look(seen: Health, answer: DesignAnswer | None) -> Health:
    if answer is None:
        return seen
    if monitoring_of(answer.request).kind == "confidence sequence" and answer.signed:
        told = "The design is a confidence sequence: `incrementality readout` reads the effect on any day."
        return replace(seen, note=f"{seen.note} {told}".strip())
    coming = [look.on for look in looks_of(answer) if look.on > seen.on]
    return replace(seen, next_look=min(coming, default=None))


def _assigned(workspace: Workspace, experiment_id: str) -> dict[str, int]:
    if not (workspace.folder(experiment_id) / "assignment.json").is_file():
        return {}
    with ledger_of(workspace) as ledger:
        return {found.arm: found.units for found in ledger.counts(experiment_id)}
