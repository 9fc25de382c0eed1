"""A source that has been opened: which canonical columns it has, and by what name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.cohorts.sql_engine import clock_kinds
from incrementality.errors import ColumnNotFound, InvalidUnitId, did_you_mean
from incrementality.tables import UNIT_ID
from incrementality.warehouse.sql import column, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from incrementality.capture.source import Source
    from incrementality.warehouse import Relation, Warehouse
    from incrementality.warehouse.sql import ColumnType

__all__ = ["OpenSource", "id_family", "open_source"]

_SHOWN = 30
_FAMILIES = {"closer": "actor", "renewal_of": "opportunity_id"}


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source that has been opened.

    Attributes:
        source: How it is to be read.
        relation: Its rows, as they are written.
        found: For each canonical column that it has, its own name for it; constants have none.
        zoned: Its own columns whose times carry their zone.
    """

    source: Source
    relation: Relation
    found: Mapping[str, str]
    zoned: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The canonical columns that it gives, in the contract's order."""
        given = {*self.found, *self.source.constants} | ({"currency"} if self.source.currency else set())
        return tuple(one.name for one in self.source.table.columns if one.name in given)

    def node(self, name: str) -> exp.Expression:
        """Return what stands in a canonical column, as an expression over the source's own columns."""
        if name in self.found:
            return column(self.found[name])
        return literal(self.source.constants.get(name, self.source.currency))

    def kind(self, name: str) -> ColumnType:
        """Return the type of what stands in a canonical column; constants are text."""
        return self.relation.columns[self.found[name]] if name in self.found else "text"


def id_family(name: str) -> str:
    """Return the family of ids that a column belongs to: those that share it are of one type.

    Examples:
        >>> id_family("renewal_of"), id_family("account_id")
        ('opportunity_id', 'account_id')
    """
    return _FAMILIES.get(name, name)


def open_source(warehouse: Warehouse, source: Source) -> OpenSource:
    """Open a source and find its columns.

    Raises:
        ColumnNotFound: A column that the user named, or one that the table cannot do without, is not there.
        SourceNotFound: There is no such file or table.
        InvalidUnitId: A column of ids holds decimals.
    """
    relation = warehouse.open_as_written(source.locator)
    found: dict[str, str] = {}
    for one in source.table.columns:
        names = source.columns.get(one.name, (one.name,))
        names = names if one.name in source.chosen or not names else (*names, one.name)
        there = next((name for name in names if name in relation.columns), None)
        if there is None and one.name in source.chosen:
            raise _not_there(source, one.name, names[0], relation)
        if there is not None and (one.name not in source.constants or one.name in source.chosen):
            found[one.name] = there
    _check_needed(source, found, relation)
    _check_ids(source, found, relation)
    return OpenSource(source, relation, found, _zoned(warehouse, source, relation, found))


def _zoned(warehouse: Warehouse, source: Source, relation: Relation, found: Mapping[str, str]) -> frozenset[str]:
    times = [theirs for ours, theirs in found.items() if source.table.column(ours).kind in ("time", "day")]
    temporal = [name for name in times if relation.columns[name] == "temporal"]
    kinds = clock_kinds(warehouse, relation, temporal)
    return frozenset(name for name, kind in kinds.items() if kind == "zoned")


def _not_there(source: Source, ours: str, theirs: str, relation: Relation) -> ColumnNotFound:
    return ColumnNotFound(
        f"{source.name} has no column {theirs!r}, which is to be {ours!r}.{did_you_mean(theirs, relation.columns)}",
        hint=f"correct sources.{source.table.name}.columns; the data has: {_some(relation)}",
    )


def _check_needed(source: Source, found: Mapping[str, str], relation: Relation) -> None:
    missing = [name for name in source.table.required if name not in found and name not in source.constants]
    if missing:
        listed = ", ".join(repr(name) for name in missing)
        raise ColumnNotFound(
            f"{source.name} has no column for {listed}; the data has: {_some(relation)}",
            hint=f"write sources.{source.table.name}.columns: {{{missing[0]}: <its name there>}}, or constants",
        )


def _check_ids(source: Source, found: Mapping[str, str], relation: Relation) -> None:
    for ours, theirs in found.items():
        if source.table.column(ours).kind == "id" and relation.columns[theirs] in ("float", "decimal"):
            raise InvalidUnitId(
                f"column {theirs!r} of {source.name} is an id and holds decimals; 123.0 is never taken for 123",
                hint=UNIT_ID.hint,
            )


def _some(relation: Relation) -> str:
    names = list(relation.columns)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
