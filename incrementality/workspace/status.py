"""What is live, on which layer, maturing when: a status is derived from the files that exist, never stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from incrementality.display import DisplayMixin
from incrementality.workspace.lifecycle import declined, pauses, record_of, stopped

if TYPE_CHECKING:
    from incrementality.experiment import Experiment
    from incrementality.workspace.project import Workspace

__all__ = ["ExperimentStatus", "Status", "mature_on", "programme_status", "status_of"]

Status = Literal[
    "planned",
    "requested",
    "declined",
    "designed",
    "running",
    "paused",
    "stopped",
    "read",
    "decided",
    "calibrated",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentStatus(DisplayMixin):
    """Where one experiment stands.

    Attributes:
        id: The experiment.
        status: ``planned`` (a file and no more), ``requested`` (it asks for a holdout), ``declined`` (that was turned
            down), ``designed`` (the request is answered), ``running`` (units are assigned), ``paused`` (none enter for
            now), ``stopped`` (its last day is over), ``read`` (read out since), ``decided`` (somebody concluded),
            ``calibrated`` (it has entered a calibration).
        layer: Its layer, empty where it names none.
        owner: Who decides.
        started: First day of assignment.
        ended: Last day: the planned one, or the day on which it was stopped before.
        mature_on: First day on which every outcome has arrived; ``None`` where no end or no window says so.
        note: Who declined, paused or stopped it and why, or what was decided; empty elsewhere.
    """

    id: str
    status: Status
    layer: str
    owner: str
    started: date | None
    ended: date | None
    mature_on: date | None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return {name: str(value) if isinstance(value, date) else value for name, value in asdict(self).items()}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row."""
        return (self.to_dict(),)


def status_of(workspace: Workspace, experiment_id: str, *, on: date) -> ExperimentStatus:
    """Return where an experiment stands on a day.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        on: The day (UTC) that it is asked for.

    Raises:
        WorkspaceError: A record beside the experiment cannot be read.
    """
    experiment = workspace.experiment(experiment_id)
    status, note = _status(workspace, experiment, on)
    return ExperimentStatus(
        id=experiment_id,
        status=status,
        layer="" if experiment.request is None else experiment.request.layer,
        owner=experiment.owner,
        started=experiment.started,
        ended=_last_day(workspace, experiment),
        mature_on=mature_on(workspace, experiment),
        note=note,
    )


def programme_status(workspace: Workspace, *, on: date) -> tuple[ExperimentStatus, ...]:
    """Return where every experiment stands on a day, by id."""
    return tuple(status_of(workspace, experiment_id, on=on) for experiment_id in workspace.experiment_ids())


def mature_on(workspace: Workspace, experiment: Experiment) -> date | None:
    """Return the first day on which every outcome has arrived: the last day, the longest window, the lag.

    ``None`` where no last day or no window says so.
    """
    windows = [metric.window for metric in experiment.metrics if metric.window is not None]
    last = _last_day(workspace, experiment)
    if last is None or not windows:
        return None
    lag = 0 if experiment.request is None else experiment.request.maturity_lag_days
    return last + max(windows) + timedelta(days=lag + 1)


def _last_day(workspace: Workspace, experiment: Experiment) -> date | None:
    ended = stopped(workspace, experiment.id)
    days = [day for day in (experiment.ended, None if ended is None else ended.on) if day is not None]
    return min(days, default=None)


def _status(workspace: Workspace, experiment: Experiment, on: date) -> tuple[Status, str]:
    folder = workspace.folder(experiment.id)
    if (folder / "calibrated.json").is_file():
        return "calibrated", ""
    decision = record_of(folder / "decision.json")
    if decision is not None:
        return "decided", f"{decision.get('decision', '')}, by {decision.get('name', '')}: {decision.get('reason', '')}"
    if (folder / "result.json").is_file():
        return "read", ""
    drawn = (folder / "assignment.json").is_file()
    return _running(workspace, experiment, on) if drawn else _asked(workspace, experiment)


def _asked(workspace: Workspace, experiment: Experiment) -> tuple[Status, str]:
    turned_down = declined(workspace, experiment)
    if turned_down is not None:
        return "declined", f"by {turned_down.name} on {turned_down.on}: {turned_down.reason}"
    if (workspace.folder(experiment.id) / "design.json").is_file():
        return "designed", ""
    return ("planned" if experiment.request is None else "requested"), ""


def _running(workspace: Workspace, experiment: Experiment, on: date) -> tuple[Status, str]:
    ended = stopped(workspace, experiment.id)
    if ended is not None:
        return "stopped", f"by {ended.name} on {ended.on}: {ended.reason}"
    if experiment.ended is not None and experiment.ended < on:
        return "stopped", ""
    known = pauses(workspace, experiment.id)
    if known and known[-1].what == "pause":
        return "paused", f"by {known[-1].name} on {known[-1].at[:10]}: {known[-1].reason}"
    return "running", ""
