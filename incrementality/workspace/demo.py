"""The demo: a workspace with a simulated holdout whose true effect is known, read out at once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceError
from incrementality.simulate import crm_journey_holdout
from incrementality.workspace.files import write_whole
from incrementality.workspace.project import CONFIGURATION, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.lift import Readout

__all__ = ["Demo", "make_demo"]

_ID = "winback-demo"
_MANIFEST = "demo.json"


@dataclass(frozen=True, slots=True)
class Demo:
    """A finished demo: the true effects of exactly these contacts, beside what the readout estimated.

    Attributes:
        readout: The readout.
        page: Where its page lies.
        rows: One dictionary a comparison: metric, arm, true effect, estimate, interval, whether it covers.
    """

    readout: Readout
    page: Path
    rows: tuple[dict[str, object], ...]


def make_demo(into: Path, *, seed: int = 1) -> Demo:
    """Make a workspace with simulated data of a CRM journey holdout, and read it out.

    Args:
        into: The workspace's folder: new, empty, or an earlier demo.
        seed: Seed of the simulation; one seed always gives the same data.

    Raises:
        WorkspaceError: The folder holds something else.
    """
    _check_folder(into)
    workspace = Workspace.create(into, example=False)
    world = crm_journey_holdout(seed=seed)
    folder = workspace.root / "experiments" / _ID
    data = workspace.root / "data" / f"{_ID}.csv"
    folder.mkdir(exist_ok=True)
    data.parent.mkdir(exist_ok=True)
    world.write_csv(data)
    write_whole(folder / "experiment.yaml", world.experiment_yaml(_ID, f"../../data/{data.name}"))
    write_whole(workspace.root / _MANIFEST, json.dumps(asdict(world.manifest), indent=1, default=str) + "\n")
    readout = workspace.readout(_ID)
    rows = []
    for estimate in readout.estimates:
        truth = world.truth.get((estimate.metric, estimate.arm))
        if truth is not None and readout.headline(estimate.metric, estimate.arm) == estimate:
            rows.append(
                {
                    "metric": estimate.metric,
                    "arm": estimate.arm,
                    "true_effect": truth.effect,
                    "effect": estimate.effect,
                    "effect_ci_lower": estimate.effect_ci_lower,
                    "effect_ci_upper": estimate.effect_ci_upper,
                    "covers": estimate.effect_ci_lower <= truth.effect <= estimate.effect_ci_upper,
                    "kind": estimate.kind,
                    "unit": estimate.unit,
                }
            )
    return Demo(readout=readout, page=workspace.files(_ID).page, rows=tuple(rows))


def _check_folder(into: Path) -> None:
    if into.is_dir() and any(into.iterdir()) and not (into / _MANIFEST).is_file():
        what = "a workspace" if (into / CONFIGURATION).is_file() else "something else"
        raise WorkspaceError(
            f"the folder {into.name!r} holds {what} already; the demo writes only into its own",
            hint="name a new folder: incrementality demo --into DIR",
        )
