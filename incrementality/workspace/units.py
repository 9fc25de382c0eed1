"""Units that are handed in to be assigned: in memory, or read from a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.errors import ColumnNotFound, EmptyTable, InputError, InvalidUnitId, did_you_mean
from incrementality.warehouse import locate
from incrementality.warehouse.sql import column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from incrementality.workspace.project import Workspace

__all__ = ["UnitBatch", "read_columns", "read_ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBatch:
    """Units to be assigned; the other columns, where they are given, have one value a unit.

    Attributes:
        ids: Ids of the experiment's unit, as text or whole numbers, shape (n,); one may stand more than once.
        accounts: The account of each unit.
        strata: The stratum of each unit, for a cohort that is drawn at once.
        decision_ids: The decision by which each unit became eligible, each once.

    Raises:
        EmptyTable: There are no units.
        InputError: A column has another length, or a decision stands twice.

    Examples:
        >>> UnitBatch(ids=["c_1", "c_2"], decision_ids=["d_1", "d_2"]).n
        2
    """

    ids: Sequence[str | int]
    accounts: Sequence[str | int] | None = field(default=None, repr=False)
    strata: Sequence[object] | None = field(default=None, repr=False)
    decision_ids: Sequence[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not len(self.ids):
            raise EmptyTable("there are no units to assign", hint="check where they come from; it may have failed")
        for name in ("accounts", "strata", "decision_ids"):
            values = getattr(self, name)
            if values is not None and len(values) != self.n:
                raise InputError(f"there are {self.n} units and {len(values)} {name}", hint="hand in one a unit")
        if self.decision_ids is not None and len(set(self.decision_ids)) < self.n:
            raise InputError("a decision stands more than once", hint="hand in each decision once")

    @property
    def n(self) -> int:
        """How many ids were handed in."""
        return len(self.ids)


def read_ids(workspace: Workspace, units: Path, unit_column: str | None) -> list[str | int]:
    """Return the ids in a column of a CSV or Parquet file, one a row.

    Raises:
        InputError: There is no such file or column, it has no rows, or an id is null.
    """
    if unit_column is None:
        raise InputError("nothing says which column holds the ids", hint="name it: --unit-column COLUMN")
    ids: list[str | int] = read_columns(workspace, units, (unit_column,))[unit_column]
    return ids


def read_columns(workspace: Workspace, file: Path, names: tuple[str, ...]) -> dict[str, list[str | int]]:
    """Return columns of a CSV or Parquet file, whose values may not be null; the order of rows is the same for all.

    Raises:
        InputError: There is no such file or column, it has no rows, or a value is null.
    """
    locator = locate(str(file.resolve()), base=file.parent)
    with workspace.connect(locator) as engine:
        relation = engine.open(locator, columns=names)
        for name in names:
            if name not in relation.columns:
                raise ColumnNotFound(
                    f"{file.name} has no column {name!r}.{did_you_mean(name, relation.columns)}",
                    hint=f"it has: {', '.join(relation.columns)}; name one with --unit-column",
                )
        rows = engine.query(exp.select(*[column(name) for name in names]).from_(relation.name))
    if not rows:
        raise EmptyTable(f"{file.name} has columns and no rows", hint="check the export; it may have failed half-way")
    found = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    for name, values in found.items():
        nulls = sum(value is None for value in values)
        if nulls:
            raise InvalidUnitId(
                f"column {name!r} of {file.name} holds {nulls:,} null unit ids in {len(values):,} rows",
                hint="fill the ids in, or remove those rows",
            )
    return found
