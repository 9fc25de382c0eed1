"""Assignment where the ids lie: the exported query runs in the warehouse."""

from __future__ import annotations

import json
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.assignment.dialects import dialect_named, fragment
from incrementality.assignment.queries import REFUSED, assignment_query, is_blank, is_float, spelled, unit_text
from incrementality.assignment.unit_ids import CRM_SUFFIX
from incrementality.errors import InputError, InvalidUnitId
from incrementality.tables import UNIT_ID, check_columns
from incrementality.warehouse.sql import column, literal, named, parse, render, table

if TYPE_CHECKING:
    from datetime import date

    from incrementality.assignment.plan import AssignmentPlan
    from incrementality.assignment.ramp import Phase
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["assign_in_engine", "assignment_sql"]

_CRM_LENGTHS = (15, 18)


def assign_in_engine(
    warehouse: Warehouse,
    relation: Relation,
    unit_column: str,
    plan: AssignmentPlan,
    *,
    phase: str | None = None,
    at: date | None = None,
    name: str = "assigned",
) -> Relation:
    """Assign every row of a relation in its engine, and return the temporary table that holds the answer.

    The columns are those of ``Assigned``; NULL stands for None and NaN.

    Args:
        warehouse: DuckDB, PostgreSQL or Spark.
        relation: The table with the ids.
        unit_column: The column that holds them: text or whole numbers.
        plan: The plan.
        phase: The phase's name; it may be left out where the plan has one phase.
        at: A day (UTC), in place of the phase's name.
        name: The name of the temporary table.

    Raises:
        InvalidUnitId: An id is refused; nothing is assigned then.
        ColumnNotFound: There is no such column.
        ColumnTypeError: The column holds neither text nor whole numbers.

    Examples:
        >>> from incrementality.assignment.planning import make_plan
        >>> from incrementality.warehouse import connect
        >>> with connect("duckdb:") as warehouse:
        ...     units = warehouse.materialise("units", fragment("SELECT 'c_000001' AS contact_id"))
        ...     plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        ...     answer = assign_in_engine(warehouse, units, "contact_id", plan)
        ...     warehouse.query(fragment("SELECT unit_id, arm, probability FROM assigned"))
        [('c_000001', 'holdout', 0.5)]
    """
    chosen = _chosen(plan, phase, at)
    check_columns([(unit_column, UNIT_ID)], relation.columns, source=relation.name.name)
    dialect = dialect_named(warehouse.dialect)
    query = assignment_query(plan, chosen, dialect=dialect, source=relation.name, unit=column(unit_column))
    if warehouse.dialect != "duckdb":
        _refuse(_counted(warehouse, relation.name, unit_column, plan), unit_column, engine=dialect.name)
        return warehouse.materialise(name, query)
    assigned = warehouse.materialise(name, query)  # a look at the answer costs less than a pass over the ids before
    if _holds_doubtful(warehouse, assigned):
        try:
            _refuse(_counted(warehouse, relation.name, unit_column, plan), unit_column, engine=dialect.name)
        except InvalidUnitId:
            warehouse.query(parse("DROP TABLE assigned", assigned=assigned.name))
            raise
    return assigned


def _chosen(plan: AssignmentPlan, phase: str | None, at: date | None) -> Phase:
    if phase is not None and at is not None:
        raise InputError(f"phase={phase!r} and at={at} are both given", hint="say one of the two")
    return plan.phase(phase) if at is None else plan.phase_at(at)


def assignment_sql(
    plan: AssignmentPlan,
    dialect: str,
    table_name: str,
    unit_column: str,
    *,
    phase: str | None = None,
    at: date | None = None,
) -> str:
    """Return the query that assigns a table's rows, for the engine that holds them.

    Args:
        plan: The plan.
        dialect: ``duckdb``, ``postgres``, ``spark`` (run by this package's tests), or ``bigquery``, ``snowflake``,
            ``redshift``, ``clickhouse`` (written after the makers' manuals).
        table_name: The table, ``name`` or ``schema.name``.
        unit_column: The column with the ids.
        phase: The phase's name; it may be left out where the plan has one phase.
        at: A day (UTC), in place of the phase's name.

    Raises:
        InputError: The dialect or the phase is unknown.

    Examples:
        >>> from incrementality.assignment.planning import make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        >>> print(assignment_sql(plan, "bigquery", "crm.contacts", "contact_id").splitlines()[0])
        -- Assignment of winback-2026q1, version 1, phase "1"; hash IH1
    """
    chosen, engine = _chosen(plan, phase, at), dialect_named(dialect)
    query = assignment_query(plan, chosen, dialect=engine, source=table(table_name), unit=column(unit_column))
    header = [
        f"Assignment of {plan.experiment}, version {plan.version}, phase {json.dumps(chosen.name)}; hash IH1",
        f"plan: {plan.hash}",
        f"dialect: {engine.name}; executed: {engine.executed}"
        + ("" if engine.executed else " (compare some hashes with Python before use)"),
        f"a row with the reason '{REFUSED}' has no usable id; CRM ids of 15 and 18 characters must not be mixed",
    ]
    return "\n".join([*(f"-- {line}" for line in header), render(query, engine.name, pretty=True), ""])


def _holds_doubtful(warehouse: Warehouse, assigned: Relation) -> bool:
    """Say whether an id was refused, or CRM ids of both lengths may have met: the engine passes over other blocks."""
    wrong = fragment("reason = refused", refused=literal(REFUSED))
    doubts = [wrong, *(fragment("STRLEN(unit_id) = size", size=literal(size)) for size in _CRM_LENGTHS)]
    looks = [exp.Exists(this=exp.select("1").from_(assigned.name.copy()).where(doubt)) for doubt in doubts]
    refused, short, long = warehouse.row(exp.select(*looks))
    return bool(refused or (short and long))


def _counted(warehouse: Warehouse, source: exp.Table, unit_column: str, plan: AssignmentPlan) -> dict[str, int]:
    """Count the ids that may be refused, by reason."""
    dialect = dialect_named(warehouse.dialect)
    ids = exp.select(named(spelled(unit_text(column(unit_column)), plan.unit_type, dialect), "unit_id")).from_(source)
    conditions = {
        "null": fragment("unit_id IS NULL"),
        "empty": fragment("unit_id = ''"),
        "blank at an end": is_blank(dialect),
        "float": is_float(dialect),
        "short": fragment("LENGTH(unit_id) = 15 AND REGEXP_MATCHES(unit_id, p)", p=literal("^[A-Za-z0-9]{15}$")),
        "long": _is_long_crm_id(),
    }
    if plan.unit_type.nfc and dialect.composed is None:
        conditions["not ASCII"] = fragment("LENGTH(unit_id) <> OCTET_LENGTH(unit_id)")
    counted = [fragment("SUM(CASE WHEN wrong THEN 1 ELSE 0 END)", wrong=wrong) for wrong in conditions.values()]
    rows = warehouse.row(exp.select(*counted).from_(ids.subquery("ids")))
    return {name: int(count or 0) for name, count in zip(conditions, rows, strict=True)}


def _refuse(counts: dict[str, int], unit_column: str, *, engine: str) -> None:
    """Name the ids that are refused, if any are: two lengths alone need not be CRM ids."""
    short, long = counts.pop("short"), counts.pop("long")
    found = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    if found:
        composed = f"; {engine} cannot compose Unicode, so compose ids beyond ASCII before" if "not" in found else ""
        raise InvalidUnitId(
            f"the column {unit_column!r} holds unit ids that are refused: {found}",
            hint=f"export ids as text, trimmed, and leave out rows without an id{composed}",
        )
    if short and long:
        raise InvalidUnitId(
            f"the column {unit_column!r} holds {short} CRM ids of 15 characters and {long} of 18, "
            "which may name one record",
            hint="bring all to 18 characters with long_crm_id()",
        )


def _is_long_crm_id() -> exp.Expression:
    """Return the condition that ``unit_id`` is a CRM id of 18 characters, whose last three check the others' case."""
    matches = fragment("LENGTH(unit_id) = 18 AND REGEXP_MATCHES(unit_id, p)", p=literal("^[A-Za-z0-9]{15}[A-Z0-5]{3}$"))
    for group in range(3):
        capitals = [_is_capital(5 * group + i + 1, worth=1 << i) for i in range(5)]
        check = fragment(
            "SUBSTRING(unit_id, place, 1) = SUBSTRING(letters, 1 + capitals, 1)",
            place=literal(16 + group),
            letters=literal(CRM_SUFFIX),
            capitals=reduce(lambda one, other: exp.Add(this=one, expression=other), capitals),
        )
        matches = exp.And(this=matches, expression=check)
    return matches


def _is_capital(place: int, *, worth: int) -> exp.Expression:
    text = "CASE WHEN ASCII(SUBSTRING(unit_id, place, 1)) BETWEEN 65 AND 90 THEN worth ELSE 0 END"
    return fragment(text, place=literal(place), worth=literal(worth))
