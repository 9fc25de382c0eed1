"""The ledger in a folder: immutable Parquet segments that any number of processes append to, read and compact.

    ledger.json                       the salt of the tombstones; whether ids are hashed
    segments/<experiment>/*.parquet   the rows; a segment's name is the SHA-256 of what it holds, but for the moment
    tombstones/*.txt                  the keys of erased units

Writers take no lock: a segment is written under a temporary name, made durable, and renamed. Compaction takes the
folder's lock, writes the new segment, and only then deletes those that it took in.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from incrementality.assignment.batch import Assignments, canonical_rows, checked_experiment, checked_ids
from incrementality.assignment.erase import ArmCount, Erasure, Tombstones, unit_keys
from incrementality.assignment.ledger_base import (
    Appended,
    AssignmentLedger,
    IdStorage,
    LedgerCheck,
    split_batch,
    unknown_experiment,
)
from incrementality.assignment.segments import damage_of, listed, store_query, store_rows, sweep
from incrementality.assignment.views import (
    arm_counts,
    compacted_rows,
    known_rows,
    live_rows,
    mixed_units,
    unerased_units,
)
from incrementality.errors import InputError, LedgerDamaged, SourceUnreadable, WarehouseError, WorkspaceBusy
from incrementality.files import exclusive, make_folder, sync_folder, write_once
from incrementality.warehouse import frame_locator
from incrementality.warehouse.parquet import ParquetEngine, parquet_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from sqlglot import exp

    from incrementality.warehouse import Locator, Relation, Warehouse

__all__ = ["Ledger"]

_FORMAT = "incrementality assignment ledger 1"
_ATTEMPTS = 20

_Answer = TypeVar("_Answer")


class Ledger(AssignmentLedger):
    """An assignment ledger in a folder.

    Args:
        folder: The folder; made if it is not there.
        ids: ``plain`` or ``hashed``; an existing ledger keeps what it was made with.

    Raises:
        InputError: The folder holds a ledger of the other kind, or something else.

    Examples:
        >>> import tempfile
        >>> from datetime import UTC, datetime
        >>> from incrementality.assignment import assign, make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        >>> drawn = assign(plan, [f"c_{i:06d}" for i in range(1000)])
        >>> batch = Assignments.of(plan, drawn, assigned_at=datetime(2026, 1, 5, tzinfo=UTC))
        >>> with Ledger(tempfile.mkdtemp()) as ledger:
        ...     ledger.append(batch).new, ledger.append(batch).new
        ...     [(count.arm, count.units) for count in ledger.counts("winback-2026q1")]
        (True, False)
        [('holdout', 466), ('journey', 534)]
    """

    def __init__(self, folder: str | Path, *, ids: IdStorage | None = None) -> None:
        self._folder = Path(folder)
        make_folder(self._folder)
        settings = _settings(self._folder / "ledger.json", ids)
        self.ids = settings["ids"]
        self._salt = settings["salt"]
        self._segments = self._folder / "segments"
        self._tombstones = Tombstones(self._folder / "tombstones")
        self._own = threading.local()

    def append(self, batch: Assignments) -> Appended:
        """Record a batch; see :meth:`AssignmentLedger.append`."""
        checked_ids(batch.unit_id)
        kept, refused = split_batch(batch, self.erased(batch.unit_id.tolist()))
        if not len(kept):
            return Appended(rows=len(batch), kept=0, refused=refused, new=False)
        rows = canonical_rows(_with_ids(kept, self.stored_ids(kept.unit_id.tolist())))
        _, new = store_rows(self._engine(), self._segments / batch.experiment, rows)
        if self.erased(kept.unit_id.tolist()).any():  # erased while we wrote
            self.compact(batch.experiment)
        return Appended(rows=len(batch), kept=len(kept), refused=refused, new=new)

    def erased(self, unit_ids: Sequence[str]) -> NDArray[np.bool_]:
        """Say of each unit whether it was erased, shape (n,)."""
        keys = self._tombstones.keys()
        if not keys:
            return np.zeros(len(unit_ids), dtype=bool)
        return np.array([key in keys for key in unit_keys(self._salt, unit_ids)], dtype=bool)

    def experiments(self) -> tuple[str, ...]:
        """Return the experiments that the ledger knows, sorted."""
        return tuple(sorted(path.name for path in self._segments.glob("*") if any(path.glob("*.parquet"))))

    def read(self, experiment: str) -> Assignments:
        """Return the assignments of an experiment; see :meth:`AssignmentLedger.read`."""
        found = self._ask(experiment, live_rows, ParquetEngine.columns)
        found["probability"] = np.ma.filled(found["probability"], np.nan)
        return Assignments(experiment, **{name: np.asarray(column) for name, column in found.items()})

    def relation(self, experiment: str, warehouse: Warehouse) -> Relation:
        """Return the assignments as a temporary table of a DuckDB warehouse."""
        if not warehouse.reads_files or warehouse.dialect != "duckdb":
            raise InputError(
                f"the ledger is a folder, and {warehouse.dialect} cannot join it with its own tables",
                hint="read it with the embedded engine, duckdb:, or keep the ledger in that warehouse",
            )
        name = f"incrementality_assignments_{secrets.token_hex(4)}"
        return self._retried(experiment, live_rows, lambda tree: warehouse.materialise(name, tree))

    def locator(self, experiment: str) -> Locator:
        """Return the assignments as a frame in memory that the embedded engine opens."""
        return frame_locator(self.read(experiment).to_columns())

    def counts(self, experiment: str) -> tuple[ArmCount, ...]:
        """Return how many units each arm has, erased ones included."""
        found = self._ask(experiment, arm_counts, ParquetEngine.columns)
        rows = zip(found["arm"].tolist(), found["units"].tolist(), found["erased"].tolist(), strict=True)
        return tuple(ArmCount(experiment, arm, units, erased) for arm, units, erased in rows)

    def mixed(self, experiment: str) -> int:
        """Return how many units were recorded in more than one arm."""
        return self._number(experiment, mixed_units)

    def erase(self, unit_ids: Iterable[str]) -> Erasure:
        """Erase units from every experiment; see :meth:`AssignmentLedger.erase`."""
        keys = set(unit_keys(self._salt, checked_ids(unit_ids)))
        new = self._tombstones.add(keys)
        found = {experiment: self._number(experiment, unerased_units) for experiment in self.experiments()}
        touched = [experiment for experiment, units in found.items() if units]
        for experiment in touched:
            self.compact(experiment)
        counts = tuple(count for experiment in touched for count in self.counts(experiment))
        return Erasure(requested=len(keys), new=new, found=sum(found.values()), counts=counts)

    def verify(self) -> LedgerCheck:
        """Read every segment and tombstone from end to end and tell which are damaged."""
        files, damages = 0, []
        with ParquetEngine() as engine:
            for experiment in self.experiments():
                paths = listed(self._segments / experiment)
                files += len(paths)
                damages += _damages(engine, paths)
        buried = self._tombstones.damages()
        return LedgerCheck(files=files + self._tombstones.files, damages=tuple(damages + buried))

    def compact(self, experiment: str | None = None) -> int:
        """Store the same answers in one segment an experiment; see :meth:`AssignmentLedger.compact`.

        Erased units lose their ids here for good, and what killed processes left half written is deleted.

        Raises:
            LedgerDamaged: A segment is damaged; nothing has changed.
            WorkspaceBusy: Another process has been compacting all the time.
        """
        chosen = self.experiments() if experiment is None else (checked_experiment(experiment),)
        with exclusive(self._folder), ParquetEngine() as engine:
            return sum(self._compact(engine, self._segments / name) for name in chosen)

    def _compact(self, engine: ParquetEngine, folder: Path) -> int:
        sweep(folder)
        before = listed(folder)
        if not before:
            return 0
        _raise_if(_damages(engine, before))
        written, _ = store_query(engine, folder, compacted_rows(self._known(before)))
        _raise_if(_damages(engine, (written,)))
        taken_in = [path for path in before if path != written]
        for path in taken_in:
            path.unlink(missing_ok=True)
        sync_folder(folder)
        return len(taken_in)

    def close(self) -> None:
        """Close this thread's engine; the ledger can be used again."""
        engine = self._own.__dict__.pop("engine", None)
        if engine is not None:
            engine.close()

    def _engine(self) -> ParquetEngine:
        """Return the engine of this thread of this process: engines survive neither threads nor forks."""
        if getattr(self._own, "process", None) != os.getpid() or not hasattr(self._own, "engine"):
            self._own.engine, self._own.process = ParquetEngine(), os.getpid()
        engine: ParquetEngine = self._own.engine
        return engine

    def _number(self, experiment: str, view: Callable[[exp.Expression], exp.Expression]) -> int:
        return int(self._ask(experiment, view, ParquetEngine.columns)["units"][0])

    def _ask(
        self,
        experiment: str,
        view: Callable[[exp.Expression], exp.Expression],
        run: Callable[[ParquetEngine, exp.Expression], _Answer],
    ) -> _Answer:
        return self._retried(experiment, view, lambda tree: run(self._engine(), tree))

    def _retried(
        self,
        experiment: str,
        view: Callable[[exp.Expression], exp.Expression],
        run: Callable[[exp.Expression], _Answer],
    ) -> _Answer:
        """Run a query on an experiment's rows; again, where a compaction took segments away meanwhile."""
        folder = self._segments / checked_experiment(experiment)
        for _ in range(_ATTEMPTS):
            paths = listed(folder)
            if not paths:
                raise unknown_experiment(experiment, self.experiments())
            try:
                return run(view(self._known(paths)))
            except (SourceUnreadable, WarehouseError):
                if all(path.exists() for path in paths):
                    with ParquetEngine() as engine:
                        _raise_if(_damages(engine, paths))
                    raise
        raise WorkspaceBusy(
            f"the segments of {experiment!r} were compacted {_ATTEMPTS} times while they were read",
            hint="read again when the compactions are done",
        )

    def _known(self, paths: tuple[Path, ...]) -> exp.Expression:
        salt = self._salt if self.ids == "plain" else None
        return known_rows(parquet_table(paths), salt=salt, tombstones=self._tombstones.table())


def _with_ids(batch: Assignments, ids: list[str]) -> Assignments:
    column = np.empty(len(ids), dtype=object)
    column[:] = ids
    return Assignments(batch.experiment, **{**batch.to_columns(), "unit_id": column})


def _damages(engine: ParquetEngine, paths: Iterable[Path]) -> list[tuple[str, str]]:
    found = [(f"{path.parent.name}/{path.name}", damage_of(engine, path), path) for path in paths]
    return [(name, damage) for name, damage, path in found if damage is not None and path.exists()]


def _raise_if(damages: list[tuple[str, str]]) -> None:
    if damages:
        raise LedgerDamaged.of(damages, hint="restore these segments from a backup; the others are whole")


def _settings(path: Path, ids: IdStorage | None) -> dict[str, Any]:
    """Return the ledger's settings; of several processes that make a ledger one decides."""
    if not path.exists():
        content = {"format": _FORMAT, "ids": ids or "plain", "salt": secrets.token_hex(16)}
        write_once(path, json.dumps(content, indent=2) + "\n")
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = {}
    if found.get("format") != _FORMAT or found.get("ids") not in {"plain", "hashed"} or not found.get("salt"):
        raise InputError(
            f"the folder {path.parent.name!r} holds no assignment ledger that can be read: {path.name} is not its "
            "settings",
            hint="name another folder, or restore the file from a backup",
        )
    if ids is not None and ids != found["ids"]:
        raise InputError(
            f"the ledger {path.parent.name!r} keeps ids {found['ids']}, not {ids}",
            hint="leave ids out, or name another folder",
        )
    return found
