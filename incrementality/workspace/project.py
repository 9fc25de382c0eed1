"""The project folder: knows where everything lies on disk, and owns the verbs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from incrementality.errors import (
    ExperimentNotFound,
    InputError,
    StaleReadout,
    UnsafePath,
    WorkspaceError,
    WorkspaceNotFound,
    did_you_mean,
)
from incrementality.experiment import experiment_yaml_example, read_experiment
from incrementality.lift import Readout, analyze
from incrementality.report import render_readout
from incrementality.warehouse import Locator, connect, locate
from incrementality.workspace.files import exclusive, sha256_of, write_files, write_whole
from incrementality.workspace.notebook import notebook_text

if TYPE_CHECKING:
    from incrementality.experiment import Experiment
    from incrementality.warehouse import Warehouse

__all__ = ["CONFIGURATION", "Configuration", "ReadoutFiles", "Workspace"]

CONFIGURATION = "incrementality.yaml"
_EXAMPLE = "winback-example"

_CONFIGURATION_TEXT = """\
# The workspace of `incrementality`. Everything here is reviewed in git; no customer rows are.

# Where tables live: duckdb: (embedded), postgresql://user@host/database, or spark://host:port.
# ${NAME} is read from the environment, so that no password stands here.
warehouse: "duckdb:"

# What the embedded engine may use before it spills to a temporary folder.
memory_limit: 320MB
"""

_GITIGNORE_TEXT = """\
# customer rows never enter git
/data/
# generated answers: made again by `incrementality readout`
/experiments/*/result.json
/experiments/*/readout.html
.lock
"""


class Configuration(BaseModel):
    """The settings of a workspace, from ``incrementality.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warehouse: str = "duckdb:"
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s?(MB|GB|MiB|GiB)$")] = "320MB"


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
        self.configuration = _read_configuration(self.root / CONFIGURATION)

    @classmethod
    def find(cls, start: Path | str | None = None) -> Workspace:
        """Return the workspace at a folder or above it; default: the current folder.

        Raises:
            WorkspaceNotFound: There is none up to the root of the disk.
        """
        folder = Path.cwd() if start is None else Path(start).resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / CONFIGURATION).is_file():
                return cls(candidate)
        raise WorkspaceNotFound(
            f"no {CONFIGURATION} in {folder.name!r} or above it",
            hint="run `incrementality init DIR`, or name the workspace with --workspace DIR",
        )

    @classmethod
    def create(cls, root: Path | str, *, example: bool = True) -> Workspace:
        """Make a workspace; what is there already stays untouched.

        Raises:
            WorkspaceError: The path is a file.
        """
        root = Path(root)
        if root.is_file():
            raise WorkspaceError(f"{root.name!r} is a file", hint="name a folder that is new, empty or a workspace")
        texts = {root / CONFIGURATION: _CONFIGURATION_TEXT, root / ".gitignore": _GITIGNORE_TEXT}
        if example:
            text = experiment_yaml_example(experiment_id=_EXAMPLE)
            texts[root / "experiments" / _EXAMPLE / "experiment.yaml"] = text
        for folder in ("experiments", "notebooks", "reports"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, text)
        return cls(root)

    def experiment_ids(self) -> list[str]:
        """Return the ids of all experiments, sorted."""
        return sorted(path.parent.name for path in (self.root / "experiments").glob("*/experiment.yaml"))

    def folder(self, experiment_id: str) -> Path:
        """Return an experiment's folder.

        Raises:
            UnsafePath: The id is a path.
            ExperimentNotFound: There is no such experiment.
        """
        if not experiment_id or experiment_id in {".", ".."} or set("/\\\0") & set(experiment_id):
            raise UnsafePath(
                f"{experiment_id!r} is not an experiment's id; an id is the name of a folder in experiments/",
                hint=f"known here: {', '.join(self.experiment_ids()) or 'none yet'}",
            )
        folder = self.root / "experiments" / experiment_id
        if not (folder / "experiment.yaml").is_file():
            known = self.experiment_ids()
            raise ExperimentNotFound(
                f"there is no experiments/{experiment_id}/experiment.yaml.{did_you_mean(experiment_id, known)}",
                hint=f"known here: {', '.join(known) or 'none yet'}",
            )
        return folder

    def experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment as its file writes it."""
        return read_experiment(self.folder(experiment_id))

    def files(self, experiment_id: str) -> ReadoutFiles:
        """Return where an experiment's readout lies, or will lie."""
        folder = self.folder(experiment_id)
        return ReadoutFiles(result=folder / "result.json", page=folder / "readout.html")

    def locate(self, experiment: Experiment) -> Locator:
        """Return where an experiment's data lies; written paths stay inside the workspace."""
        return locate(
            experiment.data.source,
            table=experiment.data.table,
            base=self.root / "experiments" / experiment.id,
            root=self.root,
        )

    def connect(self, locator: Locator) -> Warehouse:
        """Open the engine for a source: its own warehouse, the workspace's, or the embedded one for files."""
        url = locator.url or locate_url(self.configuration.warehouse)
        if locator.path is not None and not url.startswith(("duckdb", "spark")):
            url = "duckdb:"
        return connect(url, memory_limit=self.configuration.memory_limit)

    def readout(self, experiment_id: str, *, warehouse: Warehouse | None = None) -> Readout:
        """Read an experiment out and write ``result.json`` and ``readout.html``.

        Args:
            experiment_id: The experiment's id.
            warehouse: An open engine; its ``statements`` will hold the SQL that ran.

        Raises:
            IncrementalityError: Anything that cannot be used, named, with the next step; nothing is written then.
        """
        experiment = self.experiment(experiment_id)
        locator = self.locate(experiment)
        if warehouse is None:
            with self.connect(locator) as engine:
                readout = analyze(experiment, locator, engine)
        else:
            readout = analyze(experiment, locator, warehouse)
        readout = replace(readout, manifest={**readout.manifest, **self._hashes(experiment_id, locator)})
        files = self.files(experiment_id)
        texts = {files.result: result_text(readout), files.page: render_readout(readout)}
        with exclusive(files.result.parent):
            write_files(texts)
        return readout

    def stored_readout(self, experiment_id: str) -> Readout:
        """Return the readout that lies on disk.

        Raises:
            StaleReadout: There is none, it cannot be read, or the experiment file has changed since.
        """
        files = self.files(experiment_id)
        if not files.result.is_file():
            raise StaleReadout(
                f"{experiment_id!r} has not been read out", hint=f"run: incrementality readout {experiment_id}"
            )
        try:
            readout = Readout.from_dict(json.loads(files.result.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise StaleReadout(
                f"experiments/{experiment_id}/result.json cannot be read: {error}",
                hint=f"run again: incrementality readout {experiment_id}",
            ) from error
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
        readout, files = self.stored_readout(experiment_id), self.files(experiment_id)
        page = files.page.read_bytes() if files.page.is_file() else b""
        if page != render_readout(readout).encode():
            raise StaleReadout(
                f"experiments/{experiment_id}/readout.html is not what its result.json renders to",
                hint=f"run again: incrementality readout {experiment_id}",
            )
        return readout

    def notebook(self, experiment_id: str, *, replace_existing: bool = False) -> Path:
        """Write ``notebooks/<id>.ipynb`` from the template of the experiment's design.

        Raises:
            WorkspaceError: The notebook is there already, and may hold somebody's work.
        """
        self.experiment(experiment_id)
        path = self.root / "notebooks" / f"{experiment_id}.ipynb"
        if path.exists() and not replace_existing:
            raise WorkspaceError(
                f"notebooks/{path.name} is there already and may hold somebody's work",
                hint="open it, or write it anew with --replace",
            )
        path.parent.mkdir(exist_ok=True)
        write_whole(path, notebook_text(experiment_id))
        return path

    def _hashes(self, experiment_id: str, locator: Locator) -> dict[str, Any]:
        hashes: dict[str, Any] = {
            "experiment_file_sha256": sha256_of(self.folder(experiment_id) / "experiment.yaml"),
            "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if locator.path is not None and locator.path.is_file():
            hashes["source_sha256"] = sha256_of(locator.path)
        return hashes


def result_text(readout: Readout) -> str:
    """Return ``result.json``: what is not finite becomes null, so that every reader of JSON can read it."""
    return json.dumps(_finite(readout.to_dict()), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value


def locate_url(url: str) -> str:
    """Return a warehouse's URL with ``${NAME}`` read from the environment."""
    located = locate(url, table="any", base=Path()) if "://" in url else None
    return url if located is None or located.url is None else located.url


def _read_configuration(path: Path) -> Configuration:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return Configuration.model_validate(content)
    except ValidationError as error:
        named = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InputError(f"{path.name}: {named}", hint="allowed keys: warehouse, memory_limit") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read: {str(error).splitlines()[0]}", hint="mend the file") from error
