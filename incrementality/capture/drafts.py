"""A canonical table on its way to be clean: rows of all its sources, and the rules that refuse or flag them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.cells import Finding
from incrementality.capture.opening import id_family
from incrementality.capture.reading import first_of
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from incrementality.capture.reading import Reading
    from incrementality.tables import ColumnContract, TableContract

__all__ = ["Draft", "draft_of", "empty_column", "sql_type"]

_TYPES = {
    "time": "TIMESTAMP",
    "day": "DATE",
    "money": "BIGINT",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """Rows of a canonical table with what is known to be wrong about them.

    Attributes:
        table: The contract.
        rows: The rows: the columns, ``problem``, ``f_<flag>`` for each flag of the reading, and helpers.
        columns: The canonical columns that the rows have.
        noted: The flags of the reading.
        helpers: Columns that rules speak of and that are not kept.
        carried: Those helpers that stay beside the staged rows.
        refusals: Rules that refuse a row, after its problem; the first that holds counts.
        flags: Rules that flag it.
        plain: Whether the rows can be read again at little cost.
        keyed: Whether every source gives its rows an id.
    """

    table: TableContract
    rows: exp.Expression
    columns: tuple[str, ...]
    noted: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    refusals: tuple[Finding, ...] = ()
    flags: tuple[Finding, ...] = ()
    plain: bool = False
    keyed: bool = True

    def refusing(self, reason: str, test: exp.Expression) -> Draft:
        """Return the draft with one more rule that refuses rows."""
        return replace(self, refusals=(*self.refusals, Finding(reason, test)))

    def flagging(self, reason: str, test: exp.Expression) -> Draft:
        """Return the draft with one more rule that flags rows."""
        return replace(self, flags=(*self.flags, Finding(reason, test)))

    def beside(self, other: exp.Expression, name: str, on: exp.Expression, added: Mapping[str, str]) -> Draft:
        """Return the draft with columns of another table beside each row.

        Args:
            other: The table, whose rows are told apart by the columns that ``on`` compares.
            name: Its alias in ``on``; the draft's own is ``d``.
            on: When a row of it belongs to a row of the draft.
            added: For each helper the other table's column.
        """
        query = self._selected([column(one, of="d") for one in self._all()])
        query.set(
            "expressions",
            [*query.expressions, *(named(column(theirs, of=name), ours) for ours, theirs in added.items())],
        )
        query = query.join(exp.alias_(other, name, table=True), on=on, join_type="left", copy=False)
        return replace(self, rows=query, helpers=(*self.helpers, *added))

    def helped(self, values: Mapping[str, exp.Expression]) -> Draft:
        """Return the draft with helpers made of its columns."""
        made = [named(value, one) for one, value in values.items()]
        rows = self._selected([*map(column, self._all()), *made])
        return replace(self, rows=rows, helpers=(*self.helpers, *values))

    def changed(self, values: Mapping[str, exp.Expression]) -> Draft:
        """Return the draft with columns made anew; the rules given so far then speak of the new values."""
        kept = [named(values[one], one) if one in values else column(one) for one in self._all()]
        added = [named(value, one) for one, value in values.items() if one not in self._all()]
        columns = tuple(one.name for one in self.table.columns if one.name in {*self.columns, *values})
        return replace(self, rows=self._selected([*kept, *added]), columns=columns)

    def staged(self) -> exp.Expression:
        """Return the rows with ``refused``, the reason or null, and ``flags``, the sum of the bits of its flags."""
        refused = exp.Coalesce(this=column("problem"), expressions=[first_of(self.refusals)])
        tests = [column(f"f_{one}") for one in self.noted] + [one.test for one in self.flags]
        bits: Sequence[exp.Expression] = [
            parse("CASE WHEN $t THEN $bit ELSE 0 END", t=test, bit=literal(1 << k)) for k, test in enumerate(tests)
        ]
        total = reduce(lambda left, right: exp.Add(this=left, expression=right), bits, literal(0))
        flags = parse("CAST($total AS BIGINT)", total=total)
        return self._selected(
            [*map(column, (*self.columns, *self.carried)), named(refused, "refused"), named(flags, "flags")]
        )

    @property
    def flag_names(self) -> tuple[str, ...]:
        """The flags in the order of their bits."""
        return (*self.noted, *(one.reason for one in self.flags))

    def _all(self) -> tuple[str, ...]:
        return (*self.columns, "problem", *(f"f_{one}" for one in self.noted), *self.helpers)

    def _selected(self, items: Iterable[exp.Expression]) -> exp.Select:
        rows = exp.Subquery(this=self.rows.copy(), alias=exp.TableAlias(this=exp.to_identifier("d")))
        query = exp.Select().from_(rows, copy=False)
        query.set("expressions", list(items))
        return query


def draft_of(table: TableContract, readings: Sequence[Reading], whole: frozenset[str] = frozenset()) -> Draft:
    """Return the rows of several sources as one draft.

    Args:
        table: The contract.
        readings: The sources as queries.
        whole: Families of ids that are whole numbers.
    """
    given = {name for one in readings for name in one.columns}
    columns = tuple(one.name for one in table.columns if one.name in given)
    noted = tuple(dict.fromkeys(flag for one in readings for flag in one.flags))
    parts = [_alike(one, table, columns, noted, whole) for one in readings]
    rows = reduce(lambda left, right: exp.Union(this=left, expression=right, distinct=False), parts)
    keyed = all(table.key in one.columns for one in readings)
    return Draft(table, rows, columns, noted, plain=all(one.plain for one in readings), keyed=keyed)


def _alike(
    reading: Reading, table: TableContract, columns: tuple[str, ...], noted: tuple[str, ...], whole: frozenset[str]
) -> exp.Expression:
    items = [
        column(name) if name in reading.columns else named(empty_column(table.column(name), whole), name)
        for name in columns
    ]
    flags = [
        column(f"f_{flag}") if flag in reading.flags else named(parse("CAST(NULL AS BOOLEAN)"), f"f_{flag}")
        for flag in noted
    ]
    query = exp.Select().from_(
        exp.Subquery(this=reading.rows, alias=exp.TableAlias(this=exp.to_identifier("s"))), copy=False
    )
    query.set("expressions", [*items, column("problem"), *flags])
    return query


def sql_type(contract: ColumnContract, whole: frozenset[str] = frozenset()) -> str:
    """Return the SQL type of a clean column.

    Examples:
        >>> from incrementality.tables import COMPANY_TABLES
        >>> [sql_type(COMPANY_TABLES["refunds"].column(name)) for name in ("refund_id", "amount", "refunded_at")]
        ['TEXT', 'BIGINT', 'TIMESTAMP']
    """
    if contract.kind == "id" and id_family(contract.name) in whole:
        return "BIGINT"
    return _TYPES.get(contract.kind, "TEXT")


def empty_column(contract: ColumnContract, whole: frozenset[str] = frozenset()) -> exp.Expression:
    """Return a missing value of a clean column's type."""
    return parse(f"CAST(NULL AS {sql_type(contract, whole)})")
