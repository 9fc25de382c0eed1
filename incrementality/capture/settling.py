"""A draft becomes a clean table: duplicates set aside, every refused and flagged row counted, with samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.drafts import empty_column
from incrementality.capture.intake import Reason, TableIntake
from incrementality.capture.samples import Sampling, samples_of
from incrementality.cohorts.sql_engine import hash_of_parts, part_of
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from incrementality.capture.drafts import Draft
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Staged", "clean", "counted", "stage"]

_MADE_KEY_LENGTH = 32
_TIMES = ("time", "day")


@dataclass(frozen=True, slots=True)
class Staged:
    """All rows of a draft, with what became of each.

    Attributes:
        draft: The draft.
        rows: The relation: the draft's columns, its key, ``refused`` and ``flags``.
        columns: The canonical columns that it has.
    """

    draft: Draft
    rows: Relation
    columns: tuple[str, ...]


def stage(warehouse: Warehouse, draft: Draft, *, name: str) -> Staged:
    """Return a draft's rows with duplicates found: of rows that share a key the first by time, then content, is kept.

    A table whose rows have no id of their own gets one from what each row says, so that the same row twice is a
    duplicate. Rows that can be read again at little cost are not stored, unless some are duplicates.

    Args:
        warehouse: The engine.
        draft: The rows and rules.
        name: A name that serves once.
    """
    key, rows = draft.table.key, _with_key(draft, warehouse.dialect)
    columns = tuple(one.name for one in draft.table.columns if one.name in {*draft.columns, key})
    keep = warehouse.view if draft.plain else warehouse.materialise
    staged = keep(f"{name}_staged", rows)
    if key:
        repeated = warehouse.materialise(f"{name}_repeated", _repeated(staged, key))
        if warehouse.row(parse("SELECT count(*) FROM keys", keys=repeated.name))[0]:
            resolved = _resolved(staged, repeated, key, draft, columns)
            again = warehouse.materialise if draft.plain else warehouse.view
            staged = again(f"{name}_resolved", resolved)
    return Staged(draft, staged, columns)


def _with_key(draft: Draft, dialect: str) -> exp.Expression:
    key, rows = draft.table.key, draft.staged()
    if not key or (key in draft.columns and draft.keyed):
        return rows
    said = [one for one in draft.columns if one != key]
    parts = [part_of(parse("CAST($x AS TEXT)", x=column(one))) for one in said]
    made = parse("SUBSTRING($h, 1, $n)", h=hash_of_parts(parts, dialect), n=literal(_MADE_KEY_LENGTH))
    if key in draft.columns:
        made = parse("COALESCE($key, $made)", key=column(key), made=made)
    query = exp.Select().from_(exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier("k"))), copy=False)
    kept = (*said, *draft.carried, "refused", "flags")
    query.set("expressions", [*map(column, kept), named(made, key)])
    return query


def _repeated(staged: Relation, key: str) -> exp.Expression:
    return parse(
        "SELECT $key AS repeated FROM staged WHERE refused IS NULL GROUP BY $key HAVING count(*) > 1",
        key=column(key),
        staged=staged.name,
    )


def _resolved(staged: Relation, repeated: Relation, key: str, draft: Draft, columns: tuple[str, ...]) -> exp.Expression:
    """The rows, those that repeat a key marked but for the first."""
    kept = [column(one) for one in (*columns, *draft.carried)]
    alone = parse(
        "SELECT 1 FROM staged WHERE NOT (refused IS NULL AND $key IN (SELECT repeated FROM keys))",
        staged=staged.name, keys=repeated.name, key=column(key),
    )  # fmt: skip
    alone.set("expressions", [*kept, column("refused"), column("flags")])
    order = exp.Order(expressions=[exp.Ordered(this=one, nulls_first=False) for one in _order(draft, columns)])
    place = exp.Window(this=parse("row_number()"), partition_by=[column(key)], order=order)
    ranked = parse(
        "SELECT * FROM staged WHERE refused IS NULL AND $key IN (SELECT repeated FROM keys)",
        staged=staged.name, keys=repeated.name, key=column(key),
    )  # fmt: skip
    ranked.set("expressions", [exp.Star(), named(place, "place")])
    several = parse("SELECT 1 FROM ranked", ranked=exp.Subquery(this=ranked, alias=_alias("p")))
    mark = named(parse("CASE WHEN place > 1 THEN 'duplicate' END"), "refused")
    several.set("expressions", [*kept, mark, column("flags")])
    return exp.Union(this=alone, expression=several, distinct=False)


def _order(draft: Draft, columns: tuple[str, ...]) -> list[exp.Expression]:
    times = [one for one in columns if draft.table.column(one).kind in _TIMES]
    return [column(one) for one in (*times, *(one for one in columns if one not in times))]


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name))


def clean(
    warehouse: Warehouse, staged: Staged, *, name: str, every: bool, whole: frozenset[str] = frozenset()
) -> Relation:
    """Return the rows that are kept, with every column of the contract; those that no source gave are empty.

    Args:
        warehouse: The engine.
        staged: The rows.
        name: A name that serves once.
        every: Whether all rows are kept, so that none need be asked.
        whole: Families of ids that are whole numbers.
    """
    text = "SELECT 1 FROM staged" if every else "SELECT 1 FROM staged WHERE refused IS NULL"
    query = parse(text, staged=staged.rows.name)
    query.set(
        "expressions",
        [
            column(one.name) if one.name in staged.columns else named(empty_column(one, whole), one.name)
            for one in staged.draft.table.columns
        ],
    )
    return warehouse.view(name, query)


def counted(warehouse: Warehouse, staged: Staged, sampling: Sampling) -> TableIntake:
    """Return how many rows were kept, refused and flagged, by reason, with their money and samples."""
    money = "amount" if "amount" in staged.columns else None
    total = parse("sum($x)", x=column(money)) if money else parse("0")
    query = parse(
        "SELECT refused, flags, count(*), $total FROM staged GROUP BY refused, flags",
        total=total,
        staged=staged.rows.name,
    )
    found = [(reason, int(flags), int(n), int(amount or 0)) for reason, flags, n, amount in warehouse.query(query)]
    names = staged.draft.flag_names
    refused = {one: _reason(one, [row for row in found if row[0] == one]) for one in {row[0] for row in found} - {None}}
    kept = [row for row in found if row[0] is None]
    flagged = {one: _reason(one, [row for row in kept if row[1] >> k & 1]) for k, one in enumerate(names)}
    noted = {one: reason for one, reason in flagged.items() if reason.rows}
    shown = samples_of(
        warehouse, staged.rows, staged.draft.table, flags=names, refused=refused, flagged=noted, sampling=sampling
    )
    return TableIntake(
        table=staged.draft.table.name,
        read=sum(row[2] for row in found),
        kept=sum(row[2] for row in kept),
        refused=tuple(shown.refused[one] for one in sorted(refused)),
        flagged=tuple(shown.flagged[one] for one in sorted(noted)),
        money_kept=sum(row[3] for row in kept) if money else None,
    )


def _reason(name: str, rows: list[tuple[str | None, int, int, int]]) -> Reason:
    return Reason(name, sum(row[2] for row in rows), sum(row[3] for row in rows))
