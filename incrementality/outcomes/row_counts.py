"""How many rows count, and why the others do not: repeated and blank ids, rows without a place, mixed clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import InvalidUnitId
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from sqlglot import exp

    from incrementality.outcomes.unit_table import UnitTable
    from incrementality.warehouse import Reduction

__all__ = [
    "IdCounts",
    "count_clusters_in_several_arms",
    "count_clusters_in_several_strata",
    "count_ids",
    "count_refused",
]

_BLANKS = " \t\r\n\v\f\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdCounts:
    """Units against rows: how many ids repeat, and how many of those stand in more than one arm."""

    rows: int
    repeated_ids: int
    ids_in_several_arms: int


def count_ids(table: UnitTable) -> IdCounts | None:
    """Return how many ids repeat; ``None`` where the row number is the unit.

    Raises:
        InvalidUnitId: Ids that are null or blank.
    """
    data = table.experiment.data
    if data.unit is None:
        return None
    unit = column(data.unit)
    rows, present, distinct = table.warehouse.row(
        parse("SELECT count(*), count($u), count(DISTINCT $u) FROM source", u=unit, source=table.relation.name)
    )
    empty = _count_blank_ids(table, unit)
    if present < rows or empty:
        raise InvalidUnitId(
            f"column {data.unit!r} of {table.source} holds {rows - present:,} null and {empty:,} blank unit ids "
            f"in {rows:,} rows; a unit without an id cannot be counted once",
            hint="fill the ids in, or remove those rows and say so in the experiment's notes",
        )
    if distinct == rows:
        return IdCounts(rows=rows, repeated_ids=0, ids_in_several_arms=0)
    repeated, mixed = table.warehouse.row(
        parse(
            "SELECT count(*), count(CASE WHEN low <> high THEN 1 END) FROM "
            "(SELECT min($a) AS low, max($a) AS high FROM source GROUP BY $u HAVING count(*) > 1) AS repeated",
            a=_ordered(table, data.arm),
            u=unit,
            source=table.relation.name,
        )
    )
    return IdCounts(rows=rows, repeated_ids=repeated, ids_in_several_arms=mixed)


def _count_blank_ids(table: UnitTable, unit: exp.Expression) -> int:
    """Blank ids start with a blank or are empty: only where some do are all of them looked at."""
    if table.relation.columns[str(table.experiment.data.unit)] != "text":
        return 0
    u = parse("CAST($u AS TEXT)", u=unit)
    suspects = parse("SELECT count(CASE WHEN ascii($u) <= 32 THEN 1 END) FROM source", u=u, source=table.relation.name)
    if table.warehouse.row(suspects)[0] == 0:
        return 0
    blank = parse(
        "SELECT count(CASE WHEN trim($u, $blanks) = '' THEN 1 END) FROM source",
        u=u,
        blanks=literal(_BLANKS),
        source=table.relation.name,
    )
    return int(table.warehouse.row(blank)[0])


def count_refused(table: UnitTable, reduction: Reduction) -> dict[str, int]:
    """Return the rows that do not count, by the first reason: no arm, stratum or cluster; not in the population.

    Args:
        table: The unit table.
        reduction: The moments of the rows that count, which see rows without an arm where nothing else can be
            missing.
    """
    data = table.experiment.data
    if data.stratum is None and data.cluster is None and data.block is None and not table.rule.reasons:
        return {"arm missing": reduction.missing[0]} if reduction.missing else {}
    so_far, items = parse("TRUE"), {}
    for reason, test in (_unplaced(table) | table.rule.reasons).items():
        items[reason] = parse("count(CASE WHEN $so_far AND ($test) THEN 1 END)", so_far=so_far, test=test)
        so_far = parse("$so_far AND NOT ($test)", so_far=so_far, test=test)
    query = parse("SELECT 1 FROM source", source=table.relation.name)
    query.set("expressions", list(items.values()))
    found = zip(items, table.warehouse.row(query), strict=True)
    return {reason: int(rows) for reason, rows in found if rows}


def _unplaced(table: UnitTable) -> dict[str, exp.Expression]:
    data = table.experiment.data
    needed = {"arm missing": data.arm, "stratum missing": data.stratum, "cluster missing": data.cluster}
    needed["block missing"] = data.block
    return {reason: parse("$x IS NULL", x=column(name)) for reason, name in needed.items() if name is not None}


def count_clusters_in_several_arms(table: UnitTable) -> int:
    """Return how many clusters have units in more than one arm."""
    return _clusters_in_several(table, table.experiment.data.arm)


def count_clusters_in_several_strata(table: UnitTable) -> int:
    """Return how many clusters have units in more than one stratum."""
    stratum = table.experiment.data.stratum
    return 0 if stratum is None else _clusters_in_several(table, stratum)


def _clusters_in_several(table: UnitTable, groups: str) -> int:
    if table.cluster is None:
        return 0
    query = parse(
        "SELECT count(*) FROM (SELECT 1 AS one FROM source WHERE $c IS NOT NULL "
        "GROUP BY $c HAVING min($a) <> max($a)) AS mixed",
        c=table.cluster,
        a=_ordered(table, groups),
        source=table.relation.name,
    )
    return int(table.warehouse.row(query)[0])


def _ordered(table: UnitTable, name: str) -> exp.Expression:
    """A column as a value that has a least and a greatest in every engine."""
    value = column(name)
    return value if table.relation.columns[name] in {"integer", "text"} else parse("CAST($a AS TEXT)", a=value)
