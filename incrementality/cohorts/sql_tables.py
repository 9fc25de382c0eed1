"""The usable rows of each table of a rule, in SQL: what ``values.clean`` is for one unit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.operands import Sum
from incrementality.cohorts.sql_engine import HASH_LIMIT, NAIVE_STAMP, ZONED_STAMP, ClockKind, clock_kinds, micros_of
from incrementality.errors import ColumnTypeError, EmptyTable, InvalidUnitId
from incrementality.tables import GROUP, UNIT_ID, Part, check_columns
from incrementality.warehouse.sql import NUMERIC, column, literal, named, not_nan, number_of, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.cohorts.operands import Where
    from incrementality.cohorts.rule import EligibilityRule, InputTable
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["CleanTable", "check_usable", "clean_table", "constant", "is_one_of"]

_TIME = Part("time", frozenset({"temporal", "text"}), "times are instants", "export it as a timestamp with its zone")
_EXACT = 2**53
_VALUE = Part("input", NUMERIC | {"text", "temporal"}, "inputs are numbers, texts or times", "export one of these")


@dataclass(frozen=True, slots=True)
class CleanTable:
    """A table of the rule as SQL sees it.

    Attributes:
        name: As the rule names it.
        rows: The usable rows: unit_id, at_us (microseconds), then ``v_<i>`` for each column of ``columns``, ``s_<i>``
            for those that are summed, and ``w_<i>``, the column as it is, for those of whole numbers.
        columns: Columns read, in order.
        whole: Those that hold whole numbers.
        kinds: ``text``, ``number`` or ``time`` for each column.
        refusals: Counts each reason's rows: rows, then one column a reason.
        reasons: The reasons, in that order.
    """

    name: str
    rows: exp.Expression
    columns: tuple[str, ...]
    whole: frozenset[str]
    kinds: dict[str, str]
    refusals: exp.Expression
    reasons: tuple[str, ...]

    @property
    def cte(self) -> str:
        """What the usable rows are called in the query; no table of the engine is called so."""
        return f"incrementality_usable_{self.name}"

    def value(self, name: str, *, of: str | None = None) -> exp.Expression:
        """Return the node of a column's value."""
        return exp.column(f"v_{self.columns.index(name)}", table=of)

    def amount(self, name: str, *, of: str | None = None) -> exp.Expression:
        """Return the node of a column's exact amount, to be summed."""
        return exp.column(f"s_{self.columns.index(name)}", table=of)

    def test(self, where: Where, *, of: str | None = None) -> exp.Expression:
        """Return the condition that a row's columns hold the filter's values."""
        tests = [self._is_one_of(name, options, of) for name, options in where]
        return reduce(lambda left, right: exp.And(this=left, expression=right), tests) if tests else exp.true()

    def _is_one_of(self, name: str, options: Sequence[str | float], of: str | None) -> exp.Expression:
        """Whole numbers are compared as they are stored, so that an engine can pass over blocks without them."""
        if name in self.whole and all(_is_small_whole(option) for option in options):
            numbers = [literal(int(option)) for option in options]
            return exp.In(this=exp.column(f"w_{self.columns.index(name)}", table=of), expressions=numbers)
        return is_one_of(self.value(name, of=of), self.kinds[name], options, name)


def _is_small_whole(option: str | float) -> bool:
    """Whether a constant is a whole number that is the same as a float; no other one is nearest to it."""
    return not isinstance(option, str) and abs(option) < _EXACT and float(option).is_integer()


def is_one_of(node: exp.Expression, kind: str, options: Sequence[str | float], name: str) -> exp.Expression:
    """Return ``node IN (options)``, the options being of the column's type.

    Raises:
        ColumnTypeError: A text is compared with a number or the other way round.
    """
    return exp.In(this=node, expressions=[constant(option, kind, name) for option in options])


def constant(value: str | float, kind: str, name: str) -> exp.Expression:
    """Return a constant as a node of the column's type.

    Raises:
        ColumnTypeError: It is of another type.
    """
    if kind != ("text" if isinstance(value, str) else "number"):
        raise ColumnTypeError(
            f"{name!r} holds values of type {kind} and is compared with {value!r}, of another type",
            hint="write the constant as the column holds it: text in quotes, numbers without; times by since or until",
        )
    return literal(value if isinstance(value, str) else float(value))


def clean_table(
    warehouse: Warehouse,
    rule: EligibilityRule,
    name: str,
    relation: Relation,
    *,
    data_cut: int,
    whole_ids: bool = False,
) -> CleanTable:
    """Return the SQL of a table's usable rows.

    Args:
        warehouse: The engine that holds it.
        rule: The rule that reads it.
        name: The table, as the rule names it.
        relation: The table in the engine.
        data_cut: Rows at or after it lie in the future, in microseconds.
        whole_ids: Keep ids of whole numbers as they are; only where those of all the rule's tables are.

    Raises:
        ColumnNotFound: A column that the rule names is missing.
        ColumnTypeError: A column has a type that its use does not allow.
        InvalidUnitId: The ids are decimals.
    """
    spec, columns = rule.tables[name], rule.columns_of(name)
    _check(spec, columns, relation, name)
    clocks = clock_kinds(warehouse, relation, [spec.at, *(c for c in columns if relation.columns[c] == "temporal")])
    at = _Clock(spec, spec.at, clocks[spec.at], warehouse.dialect)
    refused = _refusals(rule, spec, relation, at, data_cut)
    rows = parse("SELECT 1 FROM source WHERE $keep", source=relation.name, keep=_keep(refused))
    values = [named(_value(spec, c, relation, clocks, warehouse.dialect), f"v_{i}") for i, c in enumerate(columns)]
    summed = {o.column for o in rule.inputs if isinstance(o, Sum) and o.table == name}
    values += [named(_amount(c, relation), f"s_{i}") for i, c in enumerate(columns) if c in summed]
    whole = frozenset(c for c in columns if relation.columns[c] == "integer")
    values += [named(column(c), f"w_{i}") for i, c in enumerate(columns) if c in whole]
    unit = column(spec.unit) if whole_ids else _text(spec.unit)
    rows.set("expressions", [named(unit, "unit_id"), named(at.micros, "at_us"), *values])
    kinds = {c: _kind(relation.columns[c]) for c in columns}
    return CleanTable(name, rows, columns, whole, kinds, _counts(relation, refused), tuple(refused))


def check_usable(name: str, rows: int, refused: dict[str, int]) -> None:
    """Refuse a table none of whose rows can be used: what reads it would be false for everyone.

    Raises:
        EmptyTable: There are rows, and all are refused as faulty.
    """
    faulty = {reason: count for reason, count in refused.items() if reason not in {"own journey", "in the future"}}
    if rows and sum(faulty.values()) == rows:
        told = ", ".join(f"{reason}: {count:,}" for reason, count in faulty.items() if count)
        raise EmptyTable(
            f"all {rows:,} rows of {name!r} are refused ({told})",
            hint=f"check the columns of tables.{name}; write time_zone: UTC if its times are UTC without saying so",
        )


class _Clock:
    """A column of times: its microseconds, and when its zone is missing."""

    def __init__(self, spec: InputTable, name: str, kind: ClockKind, dialect: str) -> None:
        zoned = parse("regexp_matches($t, $form)", t=column(name), form=literal(ZONED_STAMP))
        naive = parse("regexp_matches($t, $form)", t=column(name), form=literal(NAIVE_STAMP))
        micros = micros_of(column(name), dialect, kind=kind)
        utc = spec.time_zone is not None
        self.missing: exp.Expression = parse("$t IS NULL", t=column(name))
        self.zoneless: exp.Expression = exp.false() if utc or kind == "zoned" else exp.true()
        self.micros: exp.Expression = micros if utc or kind == "zoned" else parse("CAST(NULL AS BIGINT)")
        if kind == "text":
            readable = parse("$a OR $b", a=zoned, b=naive)
            self.missing = parse("$t IS NULL OR NOT ($ok)", t=column(name), ok=readable)
            self.zoneless = exp.false() if utc else naive
            self.micros = parse("CASE WHEN $ok THEN $m END", ok=readable if utc else zoned, m=micros)


def _check(spec: InputTable, columns: tuple[str, ...], relation: Relation, name: str) -> None:
    if relation.columns.get(spec.unit) in {"float", "decimal"}:
        raise InvalidUnitId(
            f"column {spec.unit!r} of {name} is the unit id and holds decimals; 123.0 is never taken for 123",
            hint=UNIT_ID.hint,
        )
    parts = [(spec.unit, UNIT_ID), (spec.at, _TIME), *((column_name, _VALUE) for column_name in columns)]
    parts += [(spec.journey, GROUP)] if spec.journey is not None else []
    check_columns(parts, relation.columns, source=name)


def _refusals(
    rule: EligibilityRule, spec: InputTable, relation: Relation, at: _Clock, cut: int
) -> dict[str, exp.Expression]:
    """When a row is refused, by reason; the first that holds counts."""
    blank = parse("$u IS NULL", u=column(spec.unit))
    if relation.columns[spec.unit] == "text":
        blank = parse("$u IS NULL OR '' = trim($u)", u=_text(spec.unit))
    found = {"no unit id": blank, "no time": at.missing}
    if at.zoneless != exp.false():
        found["time zone missing"] = at.zoneless
    found["in the future"] = parse("$t >= $cut", t=at.micros, cut=literal(cut))
    if spec.journey is not None:
        journey = _text(spec.journey)
        found["no journey"] = parse("$j IS NULL", j=journey)
        found["own journey"] = parse("$j = $own", j=journey, own=literal(rule.journey))
    return found


def _keep(refused: dict[str, exp.Expression]) -> exp.Expression:
    tests = [parse("NOT ($r)", r=reason) for reason in refused.values()]
    return reduce(lambda left, right: exp.And(this=left, expression=right), tests)


def _counts(relation: Relation, refused: dict[str, exp.Expression]) -> exp.Expression:
    """All rows, and those refused by reason; blocks without a doubtful row need not be read for it."""
    first = exp.Case(
        ifs=[exp.If(this=test.copy(), true=literal(i)) for i, test in enumerate(refused.values())],
    )
    some = reduce(lambda left, right: exp.Or(this=left, expression=exp.Paren(this=right)), refused.values())
    query = parse(
        "SELECT (SELECT count(*) FROM source) FROM (SELECT $first AS reason FROM source WHERE $some) AS r",
        first=first, source=relation.name, some=some,
    )  # fmt: skip
    for i in range(len(refused)):
        query.append("expressions", parse("count(CASE WHEN reason = $i THEN 1 END)", i=literal(i)))
    return query


def _kind(kind: str) -> str:
    return "text" if kind == "text" else "time" if kind == "temporal" else "number"


def _text(name: str) -> exp.Expression:
    return parse("CAST($x AS TEXT)", x=column(name))


def _value(
    spec: InputTable, name: str, relation: Relation, clocks: dict[str, ClockKind], dialect: str
) -> exp.Expression:
    kind = relation.columns[name]
    if kind == "text":
        return _text(name)
    if kind == "temporal":
        return _Clock(spec, name, clocks[name], dialect).micros
    number = number_of(name, kind)
    return not_nan(number) if kind == "float" else number


def _amount(name: str, relation: Relation) -> exp.Expression:
    """Sums are exact, whatever the order of rows: whole numbers, or decimals of six places."""
    kind = relation.columns[name]
    if kind not in NUMERIC:
        raise ColumnTypeError(f"{name!r} is summed and holds {kind}", hint="sum a column of numbers")
    if kind == "integer":
        return column(name)
    value = number_of(name, kind) if kind != "decimal" else column(name)
    return parse("CASE WHEN abs($x) < $most THEN CAST($x AS DECIMAL(38, 6)) END", x=value, most=literal(HASH_LIMIT))
