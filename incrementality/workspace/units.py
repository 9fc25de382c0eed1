"""Units that are handed in to be assigned: in memory, or read from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from incrementality.errors import ColumnNotFound, EmptyTable, InputError, InvalidUnitId, did_you_mean
from incrementality.files import sha256_of
from incrementality.warehouse import locate
from incrementality.warehouse.sql import column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from incrementality.experiment import FixedCohort
    from incrementality.workspace.project import Workspace

__all__ = ["UnitBatch", "read_batch", "read_columns", "read_ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBatch:
    """Units to be assigned; the other columns, where they are given, have one value a unit.

    Attributes:
        ids: Ids of the experiment's unit, as text or whole numbers, shape (n,); one may stand more than once.
        accounts: The account of each unit.
        strata: The stratum of each unit, for a cohort that is drawn at once.
        decision_ids: The decision by which each unit became eligible, each once.
        covariates: Numbers measured before, one row a unit, for a cohort that is drawn until they are balanced.
        source: Where the units come from, for the record: a file's name, a log.
        source_sha256: The SHA-256 of that file.

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
    covariates: Sequence[Sequence[float]] | None = field(default=None, repr=False)
    source: str = "memory"
    source_sha256: str | None = None

    def __post_init__(self) -> None:
        if not len(self.ids):
            raise EmptyTable("there are no units to assign", hint="check where they come from; it may have failed")
        for name in ("accounts", "strata", "decision_ids", "covariates"):
            values = getattr(self, name)
            if values is not None and len(values) != self.n:
                raise InputError(f"there are {self.n} units and {len(values)} {name}", hint="hand in one a unit")
        if self.decision_ids is not None and len(set(self.decision_ids)) < self.n:
            raise InputError("a decision stands more than once", hint="hand in each decision once")

    @property
    def n(self) -> int:
        """How many ids were handed in."""
        return len(self.ids)


def read_batch(workspace: Workspace, file: Path, unit_column: str, *, cohort: FixedCohort | None = None) -> UnitBatch:
    """Return the units of a CSV or Parquet file, with the columns that a cohort drawn at once needs.

    Args:
        workspace: The workspace.
        file: The file, one row a unit.
        unit_column: The column with the ids.
        cohort: The cohort, as the request has it; default: units are drawn one by one.

    Raises:
        InputError: There is no such file or column, it has no rows, or a value is null.
    """
    strata = () if cohort is None else cohort.strata
    covariates = () if cohort is None or cohort.rerandomise is None else cohort.rerandomise.covariates
    found = read_columns(workspace, file, tuple(dict.fromkeys((unit_column, *strata, *covariates))))
    return UnitBatch(
        ids=found[unit_column],
        strata=_rows(found, strata, str) if strata else None,
        covariates=_rows(found, covariates, float) if covariates else None,
        source=file.name,
        source_sha256=sha256_of(file),
    )


def _rows(found: Mapping[str, Sequence[Any]], names: Sequence[str], kind: type) -> list[Any]:
    try:
        rows = [tuple(map(kind, row)) for row in zip(*(found[name] for name in names), strict=True)]
    except (TypeError, ValueError):
        raise InputError(
            f"the covariates {', '.join(names)} are not all numbers", hint="name columns of numbers, none missing"
        ) from None
    if kind is float:
        return rows
    return [row[0] if len(row) == 1 else json.dumps(row, ensure_ascii=False) for row in rows]


def read_ids(workspace: Workspace, units: Path, unit_column: str | None) -> list[str | int]:
    """Return the ids in a column of a CSV or Parquet file, one a row.

    Raises:
        InputError: There is no such file or column, it has no rows, or an id is null.
    """
    if unit_column is None:
        raise InputError("nothing says which column holds the ids", hint="name it: --unit-column COLUMN")
    ids: list[str | int] = read_columns(workspace, units, (unit_column,))[unit_column]
    return ids


def read_columns(workspace: Workspace, file: Path, names: tuple[str, ...]) -> dict[str, list[Any]]:
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
    for place, (name, values) in enumerate(found.items()):
        what = "values" if place else "unit ids"
        nulls = sum(value is None for value in values)
        if nulls:
            raise InvalidUnitId(
                f"column {name!r} of {file.name} holds {nulls:,} null {what} in {len(values):,} rows",
                hint="fill them in, or remove those rows",
            )
    return found
