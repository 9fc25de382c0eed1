"""What is live, on which layer, maturing when: a status is derived from the files that exist, never stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from incrementality.display import DisplayMixin

if TYPE_CHECKING:
    from incrementality.experiment import Experiment
    from incrementality.workspace.project import Workspace

__all__ = ["ExperimentStatus", "Status", "programme_status", "status_of"]

Status = Literal["planned", "requested", "designed", "running", "stopped", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentStatus(DisplayMixin):
    """Where one experiment stands.

    Attributes:
        id: The experiment.
        status: ``planned`` (a file and no more), ``requested`` (it asks for a holdout), ``designed`` (the request is
            answered), ``running`` (units are assigned), ``stopped`` (its last day is over), ``read`` (read out since).
        layer: Its layer, empty where it names none.
        owner: Who decides.
        started: First day of assignment.
        ended: Last day.
        mature_on: First day on which every outcome has arrived; ``None`` where no end or no window says so.
    """

    id: str
    status: Status
    layer: str
    owner: str
    started: date | None
    ended: date | None
    mature_on: date | None

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
    """
    experiment = workspace.experiment(experiment_id)
    return ExperimentStatus(
        id=experiment_id,
        status=_status(workspace, experiment, on),
        layer="" if experiment.request is None else experiment.request.layer,
        owner=experiment.owner,
        started=experiment.started,
        ended=experiment.ended,
        mature_on=_mature_on(experiment),
    )


def programme_status(workspace: Workspace, *, on: date) -> tuple[ExperimentStatus, ...]:
    """Return where every experiment stands on a day, by id."""
    return tuple(status_of(workspace, experiment_id, on=on) for experiment_id in workspace.experiment_ids())


def _status(workspace: Workspace, experiment: Experiment, on: date) -> Status:
    folder = workspace.folder(experiment.id)
    if (folder / "result.json").is_file():
        return "read"
    if (folder / "assignment.json").is_file():
        return "stopped" if experiment.ended is not None and experiment.ended < on else "running"
    if (folder / "design.json").is_file():
        return "designed"
    return "planned" if experiment.request is None else "requested"


def _mature_on(experiment: Experiment) -> date | None:
    windows = [metric.window for metric in experiment.metrics if metric.window is not None]
    if experiment.ended is None or not windows:
        return None
    lag = 0 if experiment.request is None else experiment.request.maturity_lag_days
    return experiment.ended + max(windows) + timedelta(days=lag + 1)
