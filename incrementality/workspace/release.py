"""Those held out, once it is over: who they are and what the request says becomes of them.

experiments/<id>/release.json   when they were listed, how many, on what grounds; no customer rows
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from incrementality.display import DisplayMixin
from incrementality.errors import WorkspaceError
from incrementality.files import write_whole
from incrementality.workspace.holdouts import export_arms, ledger_of
from incrementality.workspace.requested import release_of
from incrementality.workspace.status import mature_on

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.experiment import Experiment
    from incrementality.workspace.project import Workspace

__all__ = ["Released", "release_units"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released(DisplayMixin):
    """The list of those held out.

    Attributes:
        experiment_id: The experiment.
        on: The day (UTC) on which they were listed.
        plan: What becomes of them, as the request says.
        despite: Why they were listed before the day that the request names; empty elsewhere.
        arm: The arm that was held out.
        counts: Units on record in each arm.
        rows: Units in the file.
        sha256: Of the file's bytes.
    """

    experiment_id: str
    on: date
    plan: str
    despite: str
    arm: str
    counts: dict[str, int]
    rows: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return {**asdict(self), "on": str(self.on)}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row an arm."""
        return tuple({"arm": arm, "n": n, "released": arm == self.arm} for arm, n in self.counts.items())


def release_units(
    workspace: Workspace, experiment_id: str, path: Path, *, despite: str = "", on: date | None = None
) -> Released:
    """Write those held out as CSV for the tool that sends, and what was done as ``release.json``.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        path: The CSV file; it is replaced, and a manifest is written beside it.
        despite: Why they are listed before the day that the request names.
        on: The day; default: today (UTC).

    Raises:
        WorkspaceError: Outcomes are not complete, or the request keeps them held out, and ``despite`` gives no reason.
        InputError: Nobody was assigned yet.
    """
    experiment, day = workspace.experiment(experiment_id), on or datetime.now(UTC).date()
    obstacle = _obstacle(workspace, experiment, day)
    if obstacle and not despite.strip():
        raise WorkspaceError(obstacle, hint="wait; or say why they are released all the same: --despite REASON")
    with ledger_of(workspace) as ledger:
        counts = {found.arm: found.units for found in ledger.counts(experiment_id)}
    manifest = export_arms(workspace, experiment_id, path, arm=experiment.control.name)
    plan = release_of(experiment.request)
    found = Released(
        experiment_id=experiment_id,
        on=day,
        plan="not stated" if plan is None else plan.sentence,
        despite=despite if obstacle else "",
        arm=experiment.control.name,
        counts=counts,
        rows=manifest.rows,
        sha256=manifest.sha256,
    )
    text = json.dumps(found.to_dict(), ensure_ascii=False, indent=1, sort_keys=True)
    write_whole(workspace.folder(experiment_id) / "release.json", text + "\n")
    return found


def _obstacle(workspace: Workspace, experiment: Experiment, day: date) -> str:
    """Return why those held out cannot be released on a day; empty where they can."""
    plan = release_of(experiment.request)
    if plan is not None and plan.when == "never":
        return f"the request of {experiment.id!r} says that those held out are never released"
    complete = mature_on(workspace, experiment)
    if complete is None:
        return f"nothing says when the outcomes of {experiment.id!r} are complete: it has no last day, or no window"
    if day < complete:
        return f"outcomes of {experiment.id!r} are complete on {complete}; releasing earlier mixes the arms"
    unread = not (workspace.folder(experiment.id) / "result.json").is_file()
    if plan is not None and plan.when == "after the answer" and unread:
        return f"the request of {experiment.id!r} releases after the answer, and it has not been read out"
    return ""
