"""The project folder: knows where everything lies on disk, and owns the verbs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from incrementality.errors import (
    ExperimentNotFound,
    StaleReadout,
    UnsafePath,
    WorkspaceError,
    WorkspaceNotFound,
    did_you_mean,
)
from incrementality.experiment import read_experiment
from incrementality.files import exclusive, make_folder, sha256_of, write_whole
from incrementality.lift import Readout, analyze, read_novelty
from incrementality.report import render_readout
from incrementality.warehouse import Locator, connect, locate
from incrementality.workspace.arm_reuse import arm_reuse_checks
from incrementality.workspace.configuration import CONFIGURATION, EMBEDDED, read_configuration
from incrementality.workspace.experiment_data import opened
from incrementality.workspace.influence_files import influence_keeper, with_stop
from incrementality.workspace.looks import taken_looks, write_with_look
from incrementality.workspace.notebook import design_notebook_text, notebook_text
from incrementality.workspace.registered import designs_on_record
from incrementality.workspace.results import page_of, read_result, result_text
from incrementality.workspace.starter import make_workspace

if TYPE_CHECKING:
    from incrementality.experiment import Experiment
    from incrementality.warehouse import Warehouse

__all__ = ["ReadoutFiles", "Workspace"]

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LONGEST_ECHO = 60


@dataclass(frozen=True, slots=True)
class ReadoutFiles:
    """Where one readout lies: the numbers and the page."""

    result: Path
    page: Path


class Workspace:
    """A project folder with ``experiments/``, ``notebooks/`` and ``reports/``.

    Args:
        root: The folder that holds ``incrementality.yaml``.

    Raises:
        WorkspaceNotFound: It holds none.
        InputError: Its settings cannot be used.

    Examples:
        >>> import tempfile
        >>> workspace = Workspace.create(Path(tempfile.mkdtemp()) / "crm")
        >>> workspace.experiment_ids()
        ['winback-example']
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).resolve()
        if not (self.root / CONFIGURATION).is_file():
            raise WorkspaceNotFound(
                f"the folder {self.root.name!r} holds no {CONFIGURATION}",
                hint=f"make a workspace there: incrementality init {root}",
            )
        self.configuration = read_configuration(self.root / CONFIGURATION)

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    @classmethod
    def find(cls, start: Path | str | None = None) -> Workspace:
        """Return the workspace at a folder or above it; default: the current folder.

        Raises:
            WorkspaceNotFound: There is no such folder, or no workspace up to the root of the disk.
        """
        folder = Path.cwd() if start is None else Path(start).resolve()
        if not folder.is_dir():
            raise WorkspaceNotFound(
                f"there is no folder {str(start)!r}", hint="run `incrementality init DIR`, or correct --workspace"
            )
        for candidate in (folder, *folder.parents):
            if (candidate / CONFIGURATION).is_file():
                return cls(candidate)
        raise WorkspaceNotFound(
            f"no {CONFIGURATION} in {folder.name!r} or above it",
            hint="run `incrementality init DIR`, or name the workspace with --workspace DIR",
        )

    @classmethod
    def create(cls, root: Path | str, *, example: bool = True) -> Workspace:
        """Make a workspace; what is there already stays untouched, and a second call changes nothing.

        Args:
            root: The folder, made unless it is there.
            example: Whether a new workspace gets a commented example.

        Raises:
            WorkspaceError: The path is a file, or cannot be written.
        """
        make_workspace(Path(root), example=example)
        return cls(root)

    def experiment_ids(self) -> list[str]:
        """Return the ids of all experiments, sorted."""
        names = (path.parent.name for path in (self.root / "experiments").glob("*/experiment.yaml"))
        return sorted(name for name in names if _ID.fullmatch(name))

    def folder(self, experiment_id: str) -> Path:
        """Return an experiment's folder.

        Raises:
            UnsafePath: The id is a path, or its folder is a link that leaves ``experiments/``.
            ExperimentNotFound: There is no such experiment.
        """
        if not _ID.fullmatch(experiment_id):
            raise self._no_id(experiment_id)
        home = self.root / "experiments"
        folder = home / experiment_id
        if not (folder / "experiment.yaml").is_file():
            raise ExperimentNotFound(
                f"there is no experiments/{experiment_id}/experiment.yaml."
                + did_you_mean(experiment_id, self.experiment_ids()),
                hint=self._known(),
            )
        if not folder.resolve().is_relative_to(home.resolve()):
            raise UnsafePath(
                f"experiments/{experiment_id} is a link that leaves the workspace", hint="move the folder itself here"
            )
        return folder

    def _no_id(self, written: str) -> UnsafePath | ExperimentNotFound:
        steps = re.split(r"[/\\]", written)
        meant = next((known for known in self.experiment_ids() if known in steps), None)
        shown = repr(written if len(written) <= _LONGEST_ECHO else f"{written[:_LONGEST_ECHO]}...")
        error = UnsafePath if len(steps) > 1 or written.startswith(".") else ExperimentNotFound
        return error(
            f"{shown} is not an experiment's id; an id is the name of a folder in experiments/, lower case."
            + (f" Did you mean {meant!r}?" if meant else did_you_mean(written, self.experiment_ids())),
            hint=self._known(),
        )

    def _known(self) -> str:
        known = self.experiment_ids()
        return f"known here: {', '.join(known)}" if known else "write experiments/<id>/experiment.yaml; none is there"

    def experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment as its file writes it.

        Raises:
            ExperimentNotFound: There is no such experiment.
            ExperimentFileError: Its file has problems; all are listed.
        """
        return read_experiment(_shown_path(self.folder(experiment_id)))

    def files(self, experiment_id: str) -> ReadoutFiles:
        """Return where an experiment's readout lies, or will lie."""
        folder = self.folder(experiment_id)
        return ReadoutFiles(result=folder / "result.json", page=folder / "readout.html")

    def locate(self, experiment: Experiment) -> Locator:
        """Return where an experiment's data lies; written paths stay inside the workspace.

        A table without a source lies in the workspace's own warehouse.

        Raises:
            SourceNotFound: A variable is not set, or there is no such file.
            UnsafePath: A written path leaves the workspace.
            InputError: Nothing says where the data is, or the file's ending is unknown.
        """
        data, base = experiment.data, self.root / "experiments" / experiment.id
        own = data.source is None and data.table is not None and self.configuration.warehouse != EMBEDDED
        source = self.configuration.warehouse if own else data.source
        return locate(source, table=data.table, base=base, root=self.root)

    def connect(self, locator: Locator) -> Warehouse:
        """Open the engine for a source: its own warehouse, else the embedded one; a Spark workspace reads files too.

        Raises:
            InputError: The address names no engine that is known.
            EngineNotInstalled: The engine's optional dependency is missing.
        """
        warehouse = self.configuration.warehouse
        on_spark = locator.kind in {"csv", "parquet"} and warehouse.startswith("spark:")
        url = locator.url or (warehouse if on_spark else EMBEDDED)
        return connect(url, memory_limit=self.configuration.memory_limit)

    def readout(self, experiment_id: str, *, warehouse: Warehouse | None = None) -> Readout:
        """Read an experiment out and write ``result.json`` and ``readout.html``; a look enters ``looks.json``.

        Args:
            experiment_id: The experiment's id.
            warehouse: An open engine; its ``statements`` will hold the SQL that ran.

        Raises:
            IncrementalityError: Anything that cannot be used, named, with the next step; nothing is written then.
        """
        folder, experiment = self.folder(experiment_id), self.experiment(experiment_id)
        designs, taken = designs_on_record(folder), taken_looks(folder)
        manifest = self._manifest(experiment_id)
        with opened(self, experiment, warehouse) as data:
            readout = analyze(
                experiment,
                data.locator,
                data.engine,
                designs=designs,
                taken=taken,
                checks=arm_reuse_checks(self, experiment),
                keep=influence_keeper(self, experiment_id, manifest),
            )
            if data.make is not None:
                readout = replace(readout, novelty=read_novelty(experiment, data.engine, data.make))
        manifest = {**readout.manifest, **manifest, **data.manifest}
        readout = replace(readout, manifest=manifest, evidence=with_stop(self, readout))
        files = self.files(experiment_id)
        written = {files.result: result_text(readout), files.page: render_readout(readout)}
        write_with_look(folder, written, readout, taken)
        return readout

    def stored_readout(self, experiment_id: str) -> Readout:
        """Return the readout that lies on disk.

        Raises:
            StaleReadout: There is none, it cannot be read, or the experiment file has changed since.
        """
        readout = read_result(self.files(experiment_id).result, experiment_id=experiment_id)
        if readout.experiment_hash != self.experiment(experiment_id).hash:
            raise StaleReadout(
                f"experiments/{experiment_id}/experiment.yaml has changed since it was read out",
                hint=f"run again: incrementality readout {experiment_id}",
            )
        return readout

    def check(self, experiment_id: str) -> Readout:
        """Check that the page on disk is what its ``result.json`` renders to, byte for byte.

        Raises:
            StaleReadout: It is not.
        """
        files = self.files(experiment_id)
        with exclusive(files.page.parent):
            readout = self.stored_readout(experiment_id)
            page = files.page.read_bytes() if files.page.is_file() else b""
        if page != page_of(readout).encode():
            raise StaleReadout(
                f"experiments/{experiment_id}/readout.html is not what its result.json renders to",
                hint=f"run again: incrementality readout {experiment_id}",
            )
        return readout

    def notebook(self, experiment_id: str, *, design: bool = False, replace_existing: bool = False) -> Path:
        """Write ``notebooks/<id>.ipynb`` from the template, and return where it lies.

        Args:
            experiment_id: The experiment's id.
            design: Whether to write the notebook of its design, ``notebooks/<id>-design.ipynb``.
            replace_existing: Whether to write over a notebook that is there.

        Raises:
            WorkspaceError: The notebook is there already, and may hold somebody's work.
            InputError: The design is wanted of an experiment that asks for no holdout.
        """
        experiment = self.experiment(experiment_id)
        text = design_notebook_text(experiment) if design else notebook_text(experiment)
        path = self.root / "notebooks" / f"{experiment_id}{'-design' if design else ''}.ipynb"
        if path.exists() and not replace_existing:
            raise WorkspaceError(
                f"notebooks/{path.name} is there already and may hold somebody's work",
                hint="open it, or write it anew with --replace",
            )
        make_folder(path.parent)
        write_whole(path, text)
        return path

    def _manifest(self, experiment_id: str) -> dict[str, Any]:
        return {
            "experiment_file_sha256": sha256_of(self.folder(experiment_id) / "experiment.yaml"),
            "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _shown_path(path: Path) -> Path:
    """Return a path as people below the current folder would write it; elsewhere, as it is."""
    relative = Path(os.path.relpath(path))
    return path if ".." in relative.parts else relative
