"""One row a unit: where a unit stands in several rows and its decisions have times, the first entry counts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from incrementality.outcomes.row_counts import IdCounts
    from incrementality.outcomes.unit_table import UnitTable

__all__ = ["LATER_ENTRY", "Entries", "first_entries"]

LATER_ENTRY = "a later entry of the same unit"
_PLACE = "incrementality_entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What became of units that stand in several rows.

    Attributes:
        later: Rows that are left out, since their unit had entered before.
        tied: Units whose first moment stands in rows of more than one arm: time does not say which is the first.
    """

    later: int
    tied: int


def first_entries(table: UnitTable, ids: IdCounts | None) -> tuple[UnitTable, Entries | None]:
    """Return the table with the first entry of each unit alone, and what was left out.

    The first entry is the earliest row with an arm in which the unit was eligible; where it never was, or where
    eligibility does not select the units, the earliest row with an arm. Rows of one moment are ordered by their other
    columns, so that the answer does not depend on the order of the rows.

    Args:
        table: The unit table; its relation is replaced by a temporary one.
        ids: How often ids repeat.

    Returns:
        The table as it is, and ``None``, where no id repeats or ``t0`` is not mapped.
    """
    data = table.experiment.data
    if ids is None or ids.repeated_ids == 0 or data.unit is None or data.t0 is None:
        return table, None
    columns = [column(name) for name in table.relation.columns]
    rows = parse(
        "SELECT 1 FROM placed WHERE $place = 1",
        placed=exp.Subquery(this=_placed(table, exp.RowNumber(), _order(table)), alias=_alias("placed")),
        place=column(_PLACE),
    )
    rows.set("expressions", columns)
    relation = table.warehouse.materialise(f"incrementality_entries_{secrets.token_hex(4)}", rows)
    kept = table.warehouse.row(parse("SELECT count(*) FROM source", source=relation.name))[0]
    found = Entries(later=ids.rows - int(kept), tied=_tied(table))
    return replace(table, relation=relation), found


def _placed(table: UnitTable, function: exp.Expression, order: list[exp.Expression]) -> exp.Expression:
    """The rows with their place among those of their unit."""
    place = exp.Window(
        this=function,
        partition_by=[column(str(table.experiment.data.unit))],
        order=exp.Order(expressions=[exp.Ordered(this=key, nulls_first=False) for key in order]),
    )
    rows = parse("SELECT 1 FROM source", source=table.relation.name)
    rows.set("expressions", [*(column(name) for name in table.relation.columns), named(place, _PLACE)])
    return rows


def _moment(table: UnitTable) -> list[exp.Expression]:
    """Entries before other rows, the earliest first."""
    enters = parse("$arm IS NOT NULL", arm=column(table.experiment.data.arm))
    if table.experiment.data.analysed == "eligible" and table.rule.eligible is not None:
        enters = parse("$enters AND $e = 1e0", enters=enters, e=table.rule.eligible)
    return [parse("CASE WHEN $enters THEN 0 ELSE 1 END", enters=enters), column(str(table.experiment.data.t0))]


def _order(table: UnitTable) -> list[exp.Expression]:
    others = sorted(name for name, kind in table.relation.columns.items() if kind != "other")
    return [*_moment(table), *(column(name) for name in others)]


def _tied(table: UnitTable) -> int:
    first = _placed(table, exp.Anonymous(this="rank"), _moment(table))
    query = parse(
        "SELECT count(*) FROM (SELECT $u AS u FROM placed WHERE $place = $one GROUP BY $u "
        "HAVING min($a) <> max($a)) AS tied",
        u=column(str(table.experiment.data.unit)),
        a=parse("CAST($a AS TEXT)", a=column(table.experiment.data.arm)),
        placed=exp.Subquery(this=first, alias=_alias("placed")),
        place=column(_PLACE),
        one=literal(1),
    )
    return int(table.warehouse.row(query)[0])


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name))
