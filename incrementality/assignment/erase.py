"""Erasure: a tombstone is the salted hash of a unit's id; the unit vanishes from every answer but the counts by arm.

The key also tells whoever holds the ledger whether a *given* id was erased: without that an erased id would come
back with the next append. It is a pseudonym, not anonymous: guard the ledger's folder.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.display import DisplayMixin
from incrementality.errors import LedgerDamaged
from incrementality.files import make_folder, write_once
from incrementality.warehouse.duckdb_engine import file_literal
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["ArmCount", "Erasure", "Tombstones", "unit_keys"]

_NAME = re.compile(r"([0-9a-f]{64})\.txt\Z")


@dataclass(frozen=True, slots=True)
class ArmCount:
    """How many units an arm of an experiment has.

    Attributes:
        experiment: The experiment.
        arm: The arm.
        units: Its units, erased ones included.
        erased: Those of them that were erased.
    """

    experiment: str
    arm: str
    units: int
    erased: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure(DisplayMixin):
    """What an erasure did.

    Attributes:
        requested: Different ids that were asked for.
        new: Those that were not erased before.
        found: Units, counted once an experiment, whose ids stood in the ledger and do no longer.
        counts: The arms of the experiments that held some of them, after the erasure.
    """

    requested: int
    new: int
    found: int
    counts: tuple[ArmCount, ...] = field(default=())

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row an arm."""
        return tuple(asdict(count) for count in self.counts)


def unit_keys(salt: str, unit_ids: Iterable[str]) -> list[str]:
    """Return the key of each id: SHA-256 of ``salt/id``, as the engines compute it too.

    Examples:
        >>> unit_keys("00ff", ["c_1"])[0][:16]
        '315961f65ed51555'
    """
    start = hashlib.sha256(f"{salt}/".encode()).copy
    keys = []
    for unit_id in unit_ids:
        state = start()
        state.update(unit_id.encode())
        keys.append(state.hexdigest())
    return keys


class Tombstones:
    """The keys of erased units, in immutable files whose names are the hash of what they hold.

    Args:
        folder: Where the files lie; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, frozenset[str]] = {}
        self._all: frozenset[str] = frozenset()

    def keys(self) -> frozenset[str]:
        """Return the keys of all units erased so far, by any process.

        Raises:
            LedgerDamaged: A file does not hold what its name says.
        """
        unread = [path for path in self._files() if path.name not in self._read]
        for path in unread:
            self._read[path.name] = frozenset(_checked(path).split())
        if unread:
            self._all = frozenset().union(*self._read.values())
        return self._all

    def add(self, keys: Iterable[str]) -> int:
        """Bury units, durably, and return how many were not buried before."""
        fresh = sorted(set(keys) - self.keys())
        if fresh:
            text = "\n".join([*fresh, ""])
            make_folder(self._folder)
            write_once(self._folder / f"{hashlib.sha256(text.encode()).hexdigest()}.txt", text)
        return len(fresh)

    @property
    def files(self) -> int:
        """How many files there are."""
        return len(self._files())

    def damages(self) -> list[tuple[str, str]]:
        """Return the files that do not hold what their names say, each with the reason."""
        found: list[tuple[str, str]] = []
        for path in self._files():
            try:
                _checked(path)
            except LedgerDamaged as error:
                found += error.damages
        return found

    def table(self) -> exp.Expression | None:
        """Return the keys as a table to select ``unit_key`` from, or ``None`` where nobody was erased."""
        if not self.keys():
            return None
        files = exp.Array(expressions=[file_literal(self._folder / name) for name in sorted(self._read)])
        columns = "header = false, columns = {'unit_key': 'VARCHAR'}"
        return exp.Subquery(this=parse(f"SELECT unit_key FROM read_csv($files, {columns})", files=files))  # noqa: S608 - constants

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.txt"))


def _checked(path: Path) -> str:
    match, content = _NAME.match(path.name), path.read_bytes()
    if match is None or hashlib.sha256(content).hexdigest() != match.group(1):
        raise LedgerDamaged.of(
            [(path.name, "its keys are not those that its name stands for")],
            hint="restore the file from a backup; without it, erased ids could come back",
        )
    return content.decode()
