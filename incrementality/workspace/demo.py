"""The demo: a workspace with a simulated holdout whose true effect is known, read out at once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceError
from incrementality.files import exclusive, make_folder, write_whole
from incrementality.simulate import crm_journey_holdout
from incrementality.workspace.configuration import CONFIGURATION
from incrementality.workspace.project import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from incrementality.lift import Readout
    from incrementality.simulate import SimulatedHoldout

__all__ = ["DEMO_MANIFEST", "Demo", "DemoRow", "check_demo_folder", "make_demo"]

_ID = "winback-demo"
DEMO_MANIFEST = "demo.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRow:
    """One comparison: the true effect on exactly these contacts, beside the estimate and its interval."""

    metric: str
    arm: str
    kind: str
    unit: str
    true_effect: float
    effect: float
    effect_ci_lower: float
    effect_ci_upper: float
    covers: bool


@dataclass(frozen=True, slots=True)
class Demo:
    """A finished demo.

    Attributes:
        readout: The readout.
        page: Where its page lies.
        rows: One row a comparison: what is true, what was estimated.
    """

    readout: Readout
    page: Path
    rows: tuple[DemoRow, ...]


def make_demo(into: Path, *, seed: int = 1) -> Demo:
    """Make a workspace with simulated data of a CRM journey holdout, and read it out.

    Args:
        into: The workspace's folder: new, empty, or an earlier demo.
        seed: Seed of the simulation; one seed always gives the same data.

    Raises:
        WorkspaceError: The folder holds something else, or cannot be written.
    """
    check_demo_folder(into)
    world = crm_journey_holdout(seed=seed)
    make_folder(into)
    _write_manifest(world, into)  # marks the folder as a demo's, even where the rest is interrupted
    make_folder(into / "data")
    write_whole(into / "data" / ".gitignore", "*\n")
    with exclusive(into / "data"):
        workspace = _write_world(world, into)
        readout = workspace.readout(_ID)
    return Demo(readout=readout, page=workspace.files(_ID).page, rows=tuple(_rows(world, readout)))


def check_demo_folder(into: Path) -> None:
    """Check that a demo may write into a folder: it is new, empty, or an earlier demo's.

    Raises:
        WorkspaceError: It holds something else.
    """
    if into.is_file():
        raise WorkspaceError(f"{into.name!r} is a file", hint="name a new folder: incrementality demo --into DIR")
    if not into.is_dir() or (into / DEMO_MANIFEST).is_file():
        return
    if any(path.suffix != ".part" for path in into.iterdir()):
        what = "a workspace" if (into / CONFIGURATION).is_file() else "something else"
        raise WorkspaceError(
            f"the folder {into.name!r} holds {what} already; the demo writes only into its own",
            hint="name a new folder: incrementality demo --into DIR",
        )


def _write_world(world: SimulatedHoldout, into: Path) -> Workspace:
    _write_manifest(world, into)
    workspace = Workspace.create(into, example=False)
    data, folder = workspace.root / "data" / f"{_ID}.csv", workspace.root / "experiments" / _ID
    make_folder(folder)
    for left in data.parent.glob(".*.tmp"):  # by a demo that was killed
        left.unlink(missing_ok=True)
    world.write_csv(data)
    write_whole(folder / "experiment.yaml", world.experiment_yaml(_ID, f"../../data/{data.name}"))
    return workspace


def _write_manifest(world: SimulatedHoldout, into: Path) -> None:
    write_whole(into / DEMO_MANIFEST, json.dumps(asdict(world.manifest), indent=1, default=str) + "\n")


def _rows(world: SimulatedHoldout, readout: Readout) -> Iterator[DemoRow]:
    for metric, arm in dict.fromkeys((estimate.metric, estimate.arm) for estimate in readout.estimates):
        estimate, truth = readout.headline(metric, arm), world.truth[metric, arm]
        yield DemoRow(
            metric=metric,
            arm=arm,
            kind=estimate.kind,
            unit=estimate.unit,
            true_effect=truth.effect,
            effect=estimate.effect,
            effect_ci_lower=estimate.effect_ci_lower,
            effect_ci_upper=estimate.effect_ci_upper,
            covers=estimate.effect_ci_lower <= truth.effect <= estimate.effect_ci_upper,
        )
