"""The ledger in PostgreSQL: one table with a primary key; a unit's first committed assignment wins."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment.batch import CONTENT, Assignments, canonical_rows, checked_experiment, checked_ids
from incrementality.assignment.erase import ArmCount, Erasure, unit_keys
from incrementality.assignment.ledger_base import (
    Appended,
    AssignmentLedger,
    IdStorage,
    LedgerCheck,
    split_batch,
    unknown_experiment,
)
from incrementality.errors import InputError
from incrementality.warehouse import Locator, frame_locator
from incrementality.warehouse.postgres_store import PostgresStore
from incrementality.warehouse.sql import literal, parse, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlglot import exp

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["PostgresLedger"]

_LOCK = 0x1A551609  # any number that no other program uses
_COLUMNS = (*CONTENT, "assigned_at")
_SHOWN = "unit_id, version, arm, hash, probability, phase, assigned_at, source, reason"
_KINDS = {
    **dict.fromkeys(_COLUMNS, "text"),
    "version": "bigint",
    "hash": "bigint",
    "probability": "double precision",
    "erased": "boolean",
    "assigned_at": "timestamp",
}
_MAY_BE_NULL = frozenset({"hash", "probability"})
_DEFINED = ", ".join(f"{name} {kind}{'' if name in _MAY_BE_NULL else ' NOT NULL'}" for name, kind in _KINDS.items())
_TABLES = {
    "ledger": "one INTEGER PRIMARY KEY, ids VARCHAR NOT NULL, salt VARCHAR NOT NULL",
    "assignments": f"{_DEFINED}, PRIMARY KEY (experiment, unit_id)",
    "mixed": "experiment VARCHAR, unit_id VARCHAR, arm VARCHAR, PRIMARY KEY (experiment, unit_id, arm)",
    "tombstones": "unit_key VARCHAR PRIMARY KEY",
}


class PostgresLedger(AssignmentLedger):
    """An assignment ledger in a schema of a PostgreSQL database.

    A unit's first *committed* row counts, whatever its moment; a ledger in a folder, which has no one to say what
    came first, goes by the moment. The server frees what an erasure replaced at its next VACUUM.

    Args:
        url: ``postgresql://user@host/database``.
        schema: The schema; made if it is not there.
        ids: ``plain`` or ``hashed``; an existing ledger keeps what it was made with.

    Raises:
        EngineNotInstalled: psycopg 3 is missing.
        WarehouseError: No connection, or the user may not make tables there.
        InputError: The schema holds a ledger of the other kind.

    Examples:
        >>> with PostgresLedger("postgresql://analyst@db.example/crm") as ledger:  # doctest: +SKIP
        ...     ledger.counts("winback-2026q1")
        (ArmCount(experiment='winback-2026q1', arm='holdout', units=466, erased=0),)
    """

    def __init__(self, url: str, *, schema: str = "incrementality", ids: IdStorage | None = None) -> None:
        if not re.match(r"[a-z][a-z0-9_]{0,40}\Z", schema):
            raise InputError(f"{schema!r} cannot name the ledger's schema", hint="use a-z, 0-9 and _ only")
        self._url, self._schema = url, schema
        self._store = PostgresStore(url)
        self.ids, self._salt = self._settings(ids)
        if ids is not None and ids != self.ids:
            self.close()
            raise InputError(
                f"the ledger {schema!r} keeps ids {self.ids}, not {ids}", hint="leave ids out, or name another schema"
            )

    def _settings(self, ids: IdStorage | None) -> tuple[IdStorage, str]:
        with self._store.transaction():
            self._store.lock(_LOCK)
            self._store.make_schema(self._schema)
            for name, columns in _TABLES.items():
                self._store.change(parse(f"CREATE TABLE IF NOT EXISTS target ({columns})", target=self._table(name)))
            chosen = {"ids": literal(ids or "plain"), "salt": literal(secrets.token_hex(16))}
            insert = "INSERT INTO ledger (one, ids, salt) SELECT 1, $ids, $salt ON CONFLICT DO NOTHING"
            self._store.change(parse(insert, ledger=self._table("ledger"), **chosen))
            ((stored, salt),) = self._store.ask(parse("SELECT ids, salt FROM ledger", ledger=self._table("ledger")))
        return stored, salt

    def _table(self, name: str) -> exp.Table:
        return table(f"{self._schema}.{name}")

    def append(self, batch: Assignments) -> Appended:
        """Record a batch; see :meth:`AssignmentLedger.append`."""
        keys = unit_keys(self._salt, checked_ids(batch.unit_id))
        with self._store.transaction():
            self._store.lock(_LOCK, shared=True)  # erasures wait, and we for them
            gone = self._buried(keys)
            kept, refused = split_batch(batch, np.array([key in gone for key in keys], dtype=bool))
            new = self._insert(kept) if len(kept) else 0
        return Appended(rows=len(batch), kept=len(kept), refused=refused, new=new > 0)

    def _buried(self, keys: list[str]) -> set[str]:
        tombstones = self._table("tombstones")
        if not self._store.ask(parse("SELECT 1 FROM tombstones LIMIT 1", tombstones=tombstones)):
            return set()
        self._store.stage("keys", {"unit_key": "text"}, [(key,) for key in set(keys)])
        query = "SELECT t.unit_key FROM tombstones AS t JOIN staged AS s ON t.unit_key = s.unit_key"
        return {key for (key,) in self._store.ask(parse(query, tombstones=tombstones, staged=table("keys")))}

    def _insert(self, batch: Assignments) -> int:
        columns = batch.to_columns()
        columns["unit_id"] = np.array(self.stored_ids(batch.unit_id.tolist()), dtype=object)
        rows = canonical_rows(Assignments(batch.experiment, **columns))
        moments = np.array([row[-1] for row in rows], dtype=np.int64).astype("datetime64[us]").tolist()
        self._store.stage("batch", _KINDS, [(*row[:-1], moment) for row, moment in zip(rows, moments, strict=True)])
        return self._settle()

    def _settle(self) -> int:
        """Move the staged batch into the table; rows in one order, so that two writers never wait for each other."""
        places = {"batch": table("batch"), "assignments": self._table("assignments"), "mixed": self._table("mixed")}
        names = ", ".join(_COLUMNS)
        firsts = (
            f"SELECT {names} FROM (SELECT *, row_number() OVER (PARTITION BY unit_id ORDER BY assigned_at, version, "  # noqa: S608 - constants
            "arm, hash, probability, phase, source, reason) AS place FROM batch) AS ranked WHERE place = 1"
        )
        insert = f"INSERT INTO assignments ({names}) {firsts} ORDER BY unit_id ON CONFLICT DO NOTHING"
        new = self._store.change(parse(insert, **places))
        mixed = (
            "INSERT INTO mixed (experiment, unit_id, arm) SELECT DISTINCT b.experiment, b.unit_id, b.arm "
            "FROM batch AS b JOIN assignments AS a ON a.experiment = b.experiment AND a.unit_id = b.unit_id "
            "WHERE a.arm <> b.arm ORDER BY 2, 3 ON CONFLICT DO NOTHING"
        )
        self._store.change(parse(mixed, **places))
        return new

    def experiments(self) -> tuple[str, ...]:
        """Return the experiments that the ledger knows, sorted."""
        return tuple(sorted(name for (name,) in self._ask("SELECT DISTINCT experiment FROM assignments")))

    def _ask(self, query: str, experiment: str | None = None) -> list[tuple[Any, ...]]:
        places: dict[str, Any] = {name: self._table(name) for name in ("assignments", "mixed")}
        if experiment is not None:
            places["experiment"] = literal(experiment)
        return self._store.ask(parse(query, **places))

    def _known(self, experiment: str) -> str:
        if not self._ask("SELECT 1 FROM assignments WHERE experiment = $experiment LIMIT 1", experiment):
            raise unknown_experiment(checked_experiment(experiment), self.experiments())
        return experiment

    def read(self, experiment: str) -> Assignments:
        """Return the assignments of an experiment; see :meth:`AssignmentLedger.read`."""
        query = f"SELECT {_SHOWN} FROM assignments WHERE experiment = $experiment AND NOT erased"  # noqa: S608 - constants
        rows = sorted(self._ask(query, self._known(experiment)), key=lambda row: row[0])
        columns = dict(zip(_SHOWN.split(", "), zip(*rows, strict=True) if rows else [()] * 9, strict=True))
        kinds: dict[str, Any] = {
            "version": np.int64,
            "hash": np.int64,
            "probability": np.float64,
            "assigned_at": "datetime64[us]",
        }
        return Assignments(
            experiment,
            **{name: np.array(values, dtype=kinds.get(name, object)) for name, values in columns.items()},
        )

    def relation(self, experiment: str, warehouse: Warehouse) -> Relation:
        """Return the assignments as a temporary table of this database, or of the embedded engine."""
        if warehouse.dialect != "postgres":
            return warehouse.open(frame_locator(self.read(experiment).to_columns()))
        query = parse(
            f"SELECT {_SHOWN} FROM assignments WHERE experiment = $experiment AND NOT erased",  # noqa: S608 - constants
            assignments=self._table("assignments"),
            experiment=literal(self._known(experiment)),
        )
        return warehouse.materialise(f"incrementality_assignments_{secrets.token_hex(4)}", query)

    def locator(self, experiment: str) -> Locator:
        """Return the table of an experiment's assignments: a view of this database, made if it is not there."""
        name = f"{self._schema}.assigned_{hashlib.sha256(self._known(experiment).encode()).hexdigest()[:16]}"
        view = parse(
            f"CREATE OR REPLACE VIEW target AS SELECT {_SHOWN} FROM assignments "  # noqa: S608 - constants
            "WHERE experiment = $experiment AND NOT erased",
            target=table(name),
            assignments=self._table("assignments"),
            experiment=literal(experiment),
        )
        with self._store.transaction():
            self._store.lock(_LOCK)
            self._store.change(view)
        return Locator("table", table=name, url=self._url, written=name)

    def counts(self, experiment: str) -> tuple[ArmCount, ...]:
        """Return how many units each arm has, erased ones included."""
        query = (
            "SELECT arm, count(*), count(*) FILTER (WHERE erased) FROM assignments "
            "WHERE experiment = $experiment GROUP BY arm"
        )
        return tuple(ArmCount(experiment, *row) for row in sorted(self._ask(query, self._known(experiment))))

    def mixed(self, experiment: str) -> int:
        """Return how many units were recorded in more than one arm."""
        query = "SELECT count(DISTINCT unit_id) FROM mixed WHERE experiment = $experiment"
        return int(self._ask(query, self._known(experiment))[0][0])

    def erase(self, unit_ids: Iterable[str]) -> Erasure:
        """Erase units from every experiment; see :meth:`AssignmentLedger.erase`."""
        ids = sorted(set(checked_ids(unit_ids)))
        pairs = list(zip(self.stored_ids(ids), unit_keys(self._salt, ids), strict=True))
        places = {**{name: self._table(name) for name in _TABLES}, "gone": table("gone")}
        with self._store.transaction():
            self._store.lock(_LOCK)
            self._store.stage("gone", {"unit_id": "text", "unit_key": "text"}, pairs)
            new, found, touched = self._bury(places)
        counts = tuple(count for experiment in touched for count in self.counts(experiment))
        return Erasure(requested=len(ids), new=new, found=found, counts=counts)

    def _bury(self, places: dict[str, exp.Table]) -> tuple[int, int, list[str]]:
        held = "FROM assignments AS a JOIN gone AS g ON a.unit_id = g.unit_id WHERE NOT a.erased"
        touched = self._store.ask(parse(f"SELECT DISTINCT a.experiment {held}", **places))
        new = self._store.change(
            parse("INSERT INTO tombstones (unit_key) SELECT unit_key FROM gone ON CONFLICT DO NOTHING", **places)
        )
        found = self._store.change(
            parse(
                "UPDATE assignments AS a SET unit_id = g.unit_key, hash = NULL, reason = '', erased = true, "
                "assigned_at = date_trunc('day', a.assigned_at) FROM gone AS g "
                "WHERE a.unit_id = g.unit_id AND NOT a.erased",
                **places,
            )
        )
        self._store.change(parse("DELETE FROM mixed WHERE unit_id IN (SELECT unit_id FROM gone)", **places))
        return new, found, sorted(experiment for (experiment,) in touched)

    def verify(self) -> LedgerCheck:
        """Return a check without files: the server keeps its own."""
        return LedgerCheck(files=0)

    def compact(self, experiment: str | None = None) -> int:  # noqa: ARG002 - there are no files
        """Return 0: the server compacts its tables itself."""
        return 0

    def close(self) -> None:
        """Close the connection."""
        self._store.close()
