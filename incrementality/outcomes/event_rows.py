"""The usable rows of an event table: whose, when (microseconds, UTC), which filters they pass, how much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.sql_engine import NAIVE_STAMP, ZONED_STAMP, clock_kinds, micros_of
from incrementality.cohorts.sql_tables import is_one_of
from incrementality.errors import EmptyTable, InvalidUnitId
from incrementality.tables import OUTCOME, UNIT_ID, Part, check_columns
from incrementality.warehouse.sql import NUMERIC, column, literal, named, not_nan, number_of, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.experiment.events import FromEvents
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["EventRows", "event_rows"]

_TIME = Part("time", frozenset({"temporal", "text"}), "times are instants", "export it as a timestamp with its zone")
_FILTER = Part("filter", NUMERIC | {"text"}, "filters compare texts and numbers", "filter on another column")


@dataclass(frozen=True, slots=True)
class EventRows:
    """An event table as SQL sees it.

    Attributes:
        name: As the experiment names it.
        rows: The usable rows: unit_id (text), at_us (microseconds), ``f_<i>`` (0/1: the row passes the filter of the
            i-th use) and ``a_<i>`` (its amount; null where it is missing).
        refused: Rows that are not used, by reason.
        read: All rows.
    """

    name: str
    rows: exp.Expression
    refused: dict[str, int]
    read: int


def event_rows(
    warehouse: Warehouse, relation: Relation, uses: Sequence[FromEvents], *, name: str, data_cut: int
) -> EventRows:
    """Return the usable rows of an event table, with the amounts and filters of its uses.

    Args:
        warehouse: The engine that holds it.
        relation: The table.
        uses: What is made of it; all name the same columns of unit and time.
        name: As the experiment names the table.
        data_cut: Rows at or after it are not used, in microseconds.

    Raises:
        ColumnNotFound: A column is missing.
        ColumnTypeError: A column has a type that its use does not allow.
        InvalidUnitId: The ids are decimals.
        EmptyTable: All rows are faulty.
    """
    first = uses[0]
    _check(uses, relation, name)
    clock = _Clock(warehouse, relation, first)
    unit = parse("CAST($u AS TEXT)", u=column(first.unit))
    reasons = {
        "no unit id": parse("$u IS NULL OR '' = trim($u)", u=unit),
        "no time": clock.missing,
        "time zone missing": clock.zoneless,
        "at or after the data cut": parse("$t >= $cut", t=clock.micros, cut=literal(data_cut)),
    }
    read, refused = _counted(warehouse, relation, reasons)
    _check_usable(name, read, refused)
    keep = reduce(
        lambda left, right: exp.And(this=left, expression=right), [parse("NOT ($r)", r=r) for r in reasons.values()]
    )
    rows = parse("SELECT 1 FROM source WHERE $keep", source=relation.name, keep=keep)
    used = [part for i, use in enumerate(uses) for part in _used(use, relation, i)]
    rows.set("expressions", [named(unit, "unit_id"), named(clock.micros, "at_us"), *used])
    return EventRows(name, rows, refused, read)


def _used(use: FromEvents, relation: Relation, i: int) -> list[exp.Expression]:
    tests = []
    for name, options in use.filters:
        kind = relation.columns[name]
        node = column(name) if kind == "text" else number_of(name, kind)
        values = tuple(value if isinstance(value, str) else float(value) for value in options)
        tests.append(is_one_of(node, "text" if kind == "text" else "number", values, name))
    test = reduce(lambda left, right: exp.And(this=left, expression=right), tests) if tests else exp.true()
    parts = [named(parse("CASE WHEN $test THEN 1 ELSE 0 END", test=test), f"f_{i}")]
    if use.column is not None:
        kind = relation.columns[use.column]
        amount = number_of(use.column, kind)
        parts.append(named(not_nan(amount) if kind == "float" else amount, f"a_{i}"))
    return parts


class _Clock:
    """The column of times: its microseconds, when it holds none, and when its zone is missing."""

    def __init__(self, warehouse: Warehouse, relation: Relation, use: FromEvents) -> None:
        kind = clock_kinds(warehouse, relation, [use.at])[use.at]
        time, utc = column(use.at), use.time_zone is not None
        micros = micros_of(time, warehouse.dialect, kind=kind)
        self.missing: exp.Expression = parse("$t IS NULL", t=time)
        self.zoneless: exp.Expression = exp.false() if utc or kind == "zoned" else exp.true()
        self.micros: exp.Expression = micros
        if kind == "text":
            zoned, naive = (
                parse("regexp_matches($t, $form)", t=time, form=literal(form)) for form in (ZONED_STAMP, NAIVE_STAMP)
            )
            readable = parse("$a OR $b", a=zoned, b=naive)
            self.missing = parse("$t IS NULL OR NOT ($ok)", t=time, ok=readable)
            self.zoneless = exp.false() if utc else naive
            self.micros = parse("CASE WHEN $ok THEN $m END", ok=readable, m=micros)


def _check(uses: Sequence[FromEvents], relation: Relation, name: str) -> None:
    first = uses[0]
    if relation.columns.get(first.unit) in {"float", "decimal"}:
        raise InvalidUnitId(
            f"column {first.unit!r} of {name} is the unit id and holds decimals; 123.0 is never taken for 123",
            hint=UNIT_ID.hint,
        )
    parts = [(first.unit, UNIT_ID), (first.at, _TIME)]
    parts += [(use.column, OUTCOME) for use in uses if use.column is not None]
    parts += [(filtered, _FILTER) for use in uses for filtered, _ in use.filters]
    check_columns(parts, relation.columns, source=name)


def _counted(
    warehouse: Warehouse, relation: Relation, reasons: dict[str, exp.Expression]
) -> tuple[int, dict[str, int]]:
    """How many rows there are, and how many are refused by the first reason that holds."""
    so_far, items = parse("TRUE"), [parse("count(*)")]
    for test in reasons.values():
        items.append(parse("count(CASE WHEN $so_far AND ($test) THEN 1 END)", so_far=so_far, test=test))
        so_far = parse("$so_far AND NOT ($test)", so_far=so_far, test=test)
    query = parse("SELECT 1 FROM source", source=relation.name)
    query.set("expressions", items)
    read, *counts = warehouse.row(query)
    return int(read), {reason: int(n) for reason, n in zip(reasons, counts, strict=True)}


def _check_usable(name: str, read: int, refused: dict[str, int]) -> None:
    faulty = {reason: n for reason, n in refused.items() if reason != "at or after the data cut"}
    if read and sum(faulty.values()) == read:
        told = ", ".join(f"{reason}: {n:,}" for reason, n in faulty.items() if n)
        raise EmptyTable(
            f"all {read:,} rows of {name!r} are refused ({told})",
            hint="check the columns that 'from' names; write time_zone: UTC if the times are UTC without saying so",
        )
