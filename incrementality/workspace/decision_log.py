"""The decision log on disk: who was eligible when, and why not; written before any arm is known, and never changed.

    decisions/*.parquet   one segment a run, with the rows of all experiments that were decided together

A segment is written under a temporary name, made durable, and renamed: a run is there as a whole or not at all. Its
name is the SHA-256 of its rows and of what its footer tells: period, basis, and the version of each rule.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from incrementality.cohorts.decisions import DECISION_COLUMNS
from incrementality.errors import LedgerDamaged, SourceUnreadable
from incrementality.files import exclusive, make_folder, staged, write_once
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from incrementality.cohorts.decisions import Basis

__all__ = ["LOG_COLUMNS", "DecisionLog", "Run", "RunRule"]

LOG_COLUMNS = (*DECISION_COLUMNS, "basis")

_NOTE = "run"
_IN_ORDER = ", ".join("epoch_us(t0) AS t0" if name == "t0" else name for name in LOG_COLUMNS)


@dataclass(frozen=True, slots=True)
class RunRule:
    """The rule by which a run decided one experiment: its declared version and its fingerprint."""

    version: int
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of ``decide``: which experiments were decided together, over which period.

    Attributes:
        rules: The rule of each experiment.
        basis: ``logged`` at the time, or ``reconstructed`` later.
        since: Firings count from here on.
        until: Firings no longer count from here on.
        data_cut: The inputs were known up to here.
        decided_at: When it ran.
        refused: Rows of the input tables that were not used: experiment, table, rows, and the reasons' counts.
        rows: Decisions that it wrote.
        name: The segment's file name; empty before it is written.
    """

    rules: Mapping[str, RunRule]
    basis: Basis
    since: datetime
    until: datetime
    data_cut: datetime
    decided_at: datetime
    refused: tuple[tuple[str, str, int, Mapping[str, int]], ...] = ()
    rows: int = 0
    name: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return every field but the name as plain values."""
        return {
            "basis": self.basis,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "data_cut": self.data_cut.isoformat(),
            "decided_at": self.decided_at.isoformat(),
            "rules": {name: [rule.version, rule.fingerprint] for name, rule in sorted(self.rules.items())},
            "refused": [[name, table, rows, dict(reasons)] for name, table, rows, reasons in self.refused],
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], *, name: str) -> Run:
        """Return the run that a segment's footer tells."""
        moments = {key: datetime.fromisoformat(content[key]) for key in ("since", "until", "data_cut", "decided_at")}
        return cls(
            rules={known: RunRule(*rule) for known, rule in content["rules"].items()},
            basis=content["basis"],
            refused=tuple((e, table, rows, reasons) for e, table, rows, reasons in content["refused"]),
            rows=content["rows"],
            name=name,
            **moments,
        )


class DecisionLog:
    """The decision log in a folder; it only grows.

    Args:
        folder: The folder; made on the first write, with a rule that keeps it out of git.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> DecisionLog(Path(tempfile.mkdtemp())).runs()
        ()
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def runs(self) -> tuple[Run, ...]:
        """Return every run, in the order of their periods.

        Raises:
            LedgerDamaged: A segment cannot be read.
        """
        paths = self._paths()
        if not paths:
            return ()
        with ParquetEngine() as engine:
            found = [self._run(engine, path) for path in paths]
        return tuple(sorted(found, key=lambda run: (run.since, run.until, run.name)))

    def paths(self, runs: Iterable[Run]) -> list[Path]:
        """Return the segments of some runs."""
        return [self._folder / run.name for run in runs]

    def append(self, engine: ParquetEngine, decided: exp.Expression, run: Run, *, after: tuple[Run, ...]) -> Run | None:
        """Write a run's decisions, durably; ``None`` where another process has written since ``after`` was read.

        Args:
            engine: Holds the decisions.
            decided: A table with ``LOG_COLUMNS``.
            run: What the footer shall tell.
            after: The runs that were known when it was decided.

        Raises:
            WorkspaceError: The folder cannot be written; nothing has changed.
        """
        make_folder(self._folder)
        write_once(self._folder / ".gitignore", "# customer rows never enter git\n*\n")
        ordered = parse("SELECT 1 FROM decided ORDER BY experiment_id, decision_id", decided=decided)
        ordered.set("expressions", [exp.column(name) for name in LOG_COLUMNS])
        rows, digest = _digest(engine, decided)
        told = {**run.to_dict(), "rows": rows}
        name = f"run-{_named(digest, told)}.parquet"
        with exclusive(self._folder):
            if {path.name for path in self._paths()} != {known.name for known in after}:
                return None
            with staged(self._folder / name) as temporary:
                engine.write_query(temporary, ordered, notes={_NOTE: json.dumps(told), "rows_sha256": digest})
        return Run.from_dict(told, name=name)

    def verify(self, runs: Iterable[Run]) -> None:
        """Read segments from end to end.

        Raises:
            LedgerDamaged: Rows or footer of a segment are not those that its name stands for.
        """
        with ParquetEngine() as engine:
            damages = [(path.name, found) for path in self.paths(runs) if (found := _damage(engine, path))]
        if damages:
            raise _damaged(damages)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("run-*.parquet"))

    def _run(self, engine: ParquetEngine, path: Path) -> Run:
        try:
            return Run.from_dict(json.loads(engine.notes(path)[_NOTE]), name=path.name)
        except (SourceUnreadable, KeyError, ValueError, TypeError) as error:
            raise _damaged([(path.name, "it cannot be read")]) from error


def _digest(engine: ParquetEngine, table: exp.Expression) -> tuple[int, str]:
    """How many rows there are, and the SHA-256 of them as JSON, in order of experiment and decision."""
    query = parse(f"SELECT {_IN_ORDER} FROM decided ORDER BY experiment_id, decision_id", decided=table)  # noqa: S608 - constants
    digest, rows = hashlib.sha256(), 0
    for chunk in engine.chunks(query):
        for row in chunk:
            digest.update(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        rows += len(chunk)
    return rows, digest.hexdigest()


def _named(digest: str, told: Mapping[str, Any]) -> str:
    """A run's name; when it ran is no part of it, so the same run twice is one file."""
    content = {key: value for key, value in told.items() if key != "decided_at"}
    text = json.dumps([digest, content], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _damage(engine: ParquetEngine, path: Path) -> str | None:
    try:
        told = json.loads(engine.notes(path)[_NOTE])
        rows, digest = _digest(engine, parquet_table([path]))
    except (SourceUnreadable, KeyError, ValueError):
        return "it cannot be read"
    right = path.name == f"run-{_named(digest, told)}.parquet" and rows == told["rows"]
    return None if right else "its rows are not those that its name stands for"


def _damaged(damages: list[tuple[str, str]]) -> LedgerDamaged:
    told = "; ".join(f"{name}: {reason}" for name, reason in damages)
    hint = "restore these segments of decisions/ from a backup; the others are whole"
    return LedgerDamaged(f"the decision log is damaged: {told}", damages=damages, hint=hint)
