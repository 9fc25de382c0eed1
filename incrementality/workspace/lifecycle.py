"""What people decide about an experiment on its way: declined, paused, resumed, stopped; each with who and why.

experiments/<id>/declined.json   the request was turned down; a changed request lifts it
experiments/<id>/pauses.json     entry stopped and went on again, one entry a time, only ever added to
experiments/<id>/stopped.json    entry ended before its last day, for good
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from incrementality.errors import InputError, WorkspaceError
from incrementality.files import exclusive, staged, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from incrementality.experiment import Experiment
    from incrementality.workspace.project import Workspace

__all__ = [
    "Declined",
    "Pause",
    "Stopped",
    "decline_request",
    "declined",
    "pause_entry",
    "pauses",
    "record_of",
    "refuse_entry",
    "resume_entry",
    "stop_experiment",
    "stopped",
]


_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A request that was turned down: by whom, on which day, why, and the hash of what was asked."""

    name: str
    reason: str
    on: date
    experiment_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Entry stopped, or went on again: by whom, at which moment (UTC), why."""

    what: Literal["pause", "resume"]
    name: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """An experiment that was ended early: by whom, on which day, why."""

    name: str
    reason: str
    on: date


def decline_request(
    workspace: Workspace, experiment_id: str, *, reason: str, name: str, on: date | None = None
) -> Declined:
    """Turn a request down; it stands again as soon as somebody changes it.

    Raises:
        WorkspaceError: Units are assigned already.
        InputError: Nobody is named, or no reason is given.
    """
    folder, experiment = workspace.folder(experiment_id), workspace.experiment(experiment_id)
    _check_words(name, reason)
    if (folder / "assignment.json").is_file():
        raise WorkspaceError(
            f"units of {experiment_id!r} are assigned already, so its request cannot be declined",
            hint=f"end it: incrementality holdout stop {experiment_id}",
        )
    record = Declined(name=name, reason=reason, on=on or datetime.now(UTC).date(), experiment_hash=experiment.hash)
    write_whole(folder / "declined.json", _json_of(asdict(record)))
    return record


def declined(workspace: Workspace, experiment: Experiment) -> Declined | None:
    """Return who declined the request as it stands, or ``None``.

    Raises:
        WorkspaceError: The record cannot be read.
    """
    found = _read(workspace.folder(experiment.id) / "declined.json", lambda content: Declined(**_dated(content)))
    return found if found is not None and found.experiment_hash == experiment.hash else None


def pause_entry(workspace: Workspace, experiment_id: str, *, reason: str, name: str) -> Pause:
    """Stop entry: no unit is drawn until it is resumed; those drawn keep their arm and are followed on.

    Raises:
        WorkspaceError: It does not run, or is paused already.
        InputError: Nobody is named, or no reason is given.
    """
    return _turn(workspace, experiment_id, "pause", reason=reason, name=name)


def resume_entry(workspace: Workspace, experiment_id: str, *, reason: str, name: str) -> Pause:
    """Let entry go on.

    Raises:
        WorkspaceError: It is not paused.
        InputError: Nobody is named, or no reason is given.
    """
    return _turn(workspace, experiment_id, "resume", reason=reason, name=name)


def pauses(workspace: Workspace, experiment_id: str) -> tuple[Pause, ...]:
    """Return every pause and resumption, the oldest first.

    Raises:
        WorkspaceError: The record cannot be read.
    """
    path = workspace.folder(experiment_id) / "pauses.json"
    return _read(path, lambda content: tuple(Pause(**entry) for entry in content["entries"])) or ()


def stop_experiment(
    workspace: Workspace, experiment_id: str, *, reason: str, name: str, on: date | None = None
) -> Stopped:
    """End entry before its last day, for good; those drawn are followed until their windows close.

    Raises:
        WorkspaceError: No unit is assigned, or it was stopped already.
        InputError: Nobody is named, or no reason is given.
    """
    folder = workspace.folder(experiment_id)
    _check_words(name, reason)
    _check_runs(workspace, experiment_id)
    record = Stopped(name=name, reason=reason, on=on or datetime.now(UTC).date())
    write_whole(folder / "stopped.json", _json_of(asdict(record)))
    return record


def stopped(workspace: Workspace, experiment_id: str) -> Stopped | None:
    """Return who stopped an experiment, or ``None``.

    Raises:
        WorkspaceError: The record cannot be read.
    """
    return _read(workspace.folder(experiment_id) / "stopped.json", lambda content: Stopped(**_dated(content)))


def refuse_entry(workspace: Workspace, experiment: Experiment) -> None:
    """Refuse to draw units of an experiment that is declined, paused or stopped.

    Raises:
        WorkspaceError: It is; the message says by whom and why.
    """
    turned_down, ended = declined(workspace, experiment), stopped(workspace, experiment.id)
    if turned_down is not None:
        raise _refusal(experiment.id, "declined", turned_down, "change the request, then design it again")
    if ended is not None:
        raise _refusal(experiment.id, "stopped", ended, "start a new experiment with an id of its own")
    history = pauses(workspace, experiment.id)
    if history and history[-1].what == "pause":
        raise _refusal(experiment.id, "paused", history[-1], f"incrementality holdout resume {experiment.id}")


def record_of(path: Path) -> dict[str, Any] | None:
    """Return what a record on disk holds, or ``None`` where there is none.

    Raises:
        WorkspaceError: It cannot be read.
    """
    return _read(path, dict)


def _read(path: Path, build: Callable[[dict[str, Any]], _Record]) -> _Record | None:
    if not path.is_file():
        return None
    try:
        return build(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WorkspaceError(
            f"experiments/{path.parent.name}/{path.name} cannot be read: {error}", hint="restore it from git"
        ) from error


def _dated(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "on": date.fromisoformat(content["on"])}


def _refusal(experiment_id: str, what: str, by: Declined | Pause | Stopped, hint: str) -> WorkspaceError:
    message = f"{experiment_id!r} is {what} by {by.name}: {by.reason}; no unit is drawn"
    return WorkspaceError(message, hint=hint)


def _turn(
    workspace: Workspace, experiment_id: str, what: Literal["pause", "resume"], *, reason: str, name: str
) -> Pause:
    folder = workspace.folder(experiment_id)
    _check_words(name, reason)
    _check_runs(workspace, experiment_id)
    entry = Pause(what=what, name=name, reason=reason, at=datetime.now(UTC).isoformat(timespec="seconds"))
    with exclusive(folder):
        known = pauses(workspace, experiment_id)
        if (known[-1].what if known else "resume") == what:
            raise WorkspaceError(
                f"{experiment_id!r} is {'paused already' if what == 'pause' else 'not paused'}",
                hint="see where it stands: incrementality status",
            )
        with staged(folder / "pauses.json") as temporary:
            temporary.write_text(_json_of({"entries": [asdict(row) for row in (*known, entry)]}), encoding="utf-8")
    return entry


def _check_runs(workspace: Workspace, experiment_id: str) -> None:
    if not (workspace.folder(experiment_id) / "assignment.json").is_file():
        raise WorkspaceError(
            f"no unit of {experiment_id!r} is assigned, so it does not run",
            hint=f"turn a request down with: incrementality holdout decline {experiment_id}",
        )
    ended = stopped(workspace, experiment_id)
    if ended is not None:
        raise WorkspaceError(
            f"{experiment_id!r} was stopped on {ended.on} by {ended.name}: {ended.reason}",
            hint="start a new experiment with an id of its own",
        )


def _check_words(name: str, reason: str) -> None:
    missing = [key for key, words in (("--name", name), ("--reason", reason)) if not words.strip()]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} hold no words",
            hint="say who decided and why: a reader has to understand it later",
        )


def _json_of(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"
