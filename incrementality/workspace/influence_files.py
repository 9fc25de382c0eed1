"""Influence values on disk: immutable files beside the workspace's answers, without a customer's id.

evidence/salt.json                                what keys are made with; never in git
evidence/<id>/influence-<sha256>.parquet          one row an account: its key, its arm, a value for each comparison
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment.erase import unit_keys
from incrementality.errors import SourceUnreadable, WorkspaceError
from incrementality.files import make_folder, staged, write_once
from incrementality.lift import KEY_BYTES, AccountInfluence, account_influence
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import parse
from incrementality.workspace.lifecycle import stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from incrementality.lift import Evidence, Readout
    from incrementality.lift.sample import Sample
    from incrementality.workspace.project import Workspace

__all__ = ["influence_keeper", "read_influence", "with_stop", "workspace_salt"]

_ENTRY = "influence"
_FORMAT = "incrementality influence 1"


def influence_keeper(
    workspace: Workspace, experiment_id: str, manifest: dict[str, Any]
) -> Callable[[Sample, Evidence], None]:
    """Return what writes an experiment's influence values when its units are at hand, and tells the manifest.

    The file's name is the hash of what it holds, so the same answer again writes nothing.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        manifest: Gets an entry: the file and its accounts, or why there is none.
    """

    def keep(sample: Sample, evidence: Evidence) -> None:
        kind = "account" if evidence.clustered else evidence.unit.lower()
        found = account_influence(sample, evidence, key=_keys(workspace_salt(workspace), kind))
        manifest[_ENTRY] = _kept(_folder(workspace) / experiment_id, found)

    return keep


def _kept(folder: Path, found: AccountInfluence) -> dict[str, Any]:
    if not found.values:
        return {"skipped": found.skipped or {"": "no comparison is kept"}}
    path = folder / f"{_ENTRY}-{_digest(found)}.parquet"
    if not path.exists():
        _write(path, found)
    told: dict[str, Any] = {"file": path.name, "accounts": len(found.keys)}
    return told | ({"skipped": found.skipped} if found.skipped else {})


def with_stop(workspace: Workspace, readout: Readout) -> Evidence | None:
    """Return what a readout leaves for later, with the day on which people stopped the experiment early."""
    early = stopped(workspace, readout.experiment_id)
    if readout.evidence is None or early is None:
        return readout.evidence
    return replace(readout.evidence, stopped=str(early.on))


def _folder(workspace: Workspace) -> Path:
    folder = workspace.root / "evidence"
    make_folder(folder)
    write_once(folder / ".gitignore", "# what belongs to single customers never enters git\n*\n")
    return folder


def workspace_salt(workspace: Workspace) -> str:
    """Return the salt of the workspace's keys, which never enters git; of several processes one decides.

    Raises:
        WorkspaceError: It cannot be read.
    """
    path = _folder(workspace) / "salt.json"
    if not path.exists():
        write_once(path, json.dumps({"format": _FORMAT, "salt": secrets.token_hex(16)}) + "\n")
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["salt"])
    except (ValueError, KeyError) as error:
        raise WorkspaceError(
            "evidence/salt.json cannot be read",
            hint="restore it from a backup; or remove the folder evidence/ and read every experiment out again",
        ) from error


def _keys(salt: str, kind: str) -> Callable[[Sequence[str]], list[bytes]]:
    """Return what makes keys of ids; the kind keeps the contact 42 apart from the account 42."""
    return lambda ids: [bytes.fromhex(key)[:KEY_BYTES] for key in unit_keys(salt, [f"{kind}/{one}" for one in ids])]


def _digest(found: AccountInfluence) -> str:
    digest = hashlib.sha256(json.dumps(_notes(found)).encode())
    for column in (found.keys, found.arm, *found.values.values()):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _notes(found: AccountInfluence) -> dict[str, str]:
    return {"format": _FORMAT, "arms": json.dumps(found.arms), "comparisons": json.dumps(list(found.values))}


def _write(path: Path, found: AccountInfluence) -> None:
    words = np.frombuffer(found.keys.tobytes(), dtype=">u8").reshape(-1, 2).astype(np.uint64)
    columns: dict[str, NDArray[np.generic]] = {
        "key_high": np.ascontiguousarray(words[:, 0]),
        "key_low": np.ascontiguousarray(words[:, 1]),
        "arm": found.arm.astype(np.int32),
    }
    columns |= {f"value_{k}": values for k, values in enumerate(found.values.values())}
    make_folder(path.parent)
    with ParquetEngine() as engine, staged(path) as temporary:
        engine.write_columns(temporary, columns, notes=_notes(found))


def read_influence(workspace: Workspace, readout: Readout, metric: str) -> AccountInfluence:
    """Return an experiment's influence values on a metric, as its readout stored them.

    Raises:
        WorkspaceError: None were stored, or the file is gone or damaged.
    """
    told = readout.manifest.get(_ENTRY, {})
    wanted = f"experiments/{readout.experiment_id}"
    if "file" not in told:
        reason = "; ".join(told.get("skipped", {}).values()) or "it was read out by an earlier version"
        raise WorkspaceError(
            f"{wanted} holds no influence values: {reason}",
            hint=f"leave it out, or run again: incrementality readout {readout.experiment_id}",
        )
    path = workspace.root / "evidence" / readout.experiment_id / str(told["file"])
    try:
        return _read(path, metric)
    except (SourceUnreadable, ValueError, KeyError) as error:
        raise WorkspaceError(
            f"the influence values of {readout.experiment_id!r} cannot be read: evidence/{readout.experiment_id}/"
            f"{path.name} is missing or damaged",
            hint=f"run again: incrementality readout {readout.experiment_id}",
        ) from error


def _read(path: Path, metric: str) -> AccountInfluence:
    with ParquetEngine() as engine:
        notes = engine.notes(path)
        comparisons = [(name, arm) for name, arm in json.loads(notes["comparisons"])]
        wanted = [k for k, (name, _) in enumerate(comparisons) if name == metric]
        named = ", ".join(["key_high", "key_low", "arm", *(f"value_{k}" for k in wanted)])
        query = parse(f"SELECT {named} FROM files ORDER BY key_high, key_low", files=parquet_table([path]))  # noqa: S608 - names of ours
        found = engine.columns(query)
    words = np.column_stack([found["key_high"], found["key_low"]]).astype(">u8")
    return AccountInfluence(
        keys=np.ascontiguousarray(words).view(f"S{KEY_BYTES}").ravel(),
        arm=found["arm"].astype(np.int64),
        arms=tuple(json.loads(notes["arms"])),
        values={comparisons[k]: found[f"value_{k}"] for k in wanted},
    )
