"""A plan as one query: ids, draws, who enters, arms. What is exported is what runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, TypeVar

from sqlglot import exp

from incrementality.assignment.assign import (
    ALL_SHIPPED,
    DRAWN,
    NO_ARM,
    NOT_IN_TRAFFIC,
    OTHER_SLOT,
    OUTSIDE_PARENT,
    STATUS_QUO,
)
from incrementality.assignment.dialects import Dialect, fragment
from incrementality.assignment.hashing import SPACE, key_prefix
from incrementality.assignment.unit_ids import BLANKS, FLOAT
from incrementality.warehouse.sql import literal, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.assignment.hashing import Kind
    from incrementality.assignment.plan import AssignmentPlan
    from incrementality.assignment.ramp import Phase
    from incrementality.assignment.unit_ids import UnitType

__all__ = ["REFUSED", "assignment_query", "is_blank", "is_float", "spelled", "unit_text"]

REFUSED = "refused"
_REFUSED = -1
_T = TypeVar("_T")
_REASONS = (STATUS_QUO, ALL_SHIPPED, OTHER_SLOT, OUTSIDE_PARENT, NOT_IN_TRAFFIC, NO_ARM)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A condition that keeps a unit out, the code of the reason, and the hash that it reads."""

    condition: exp.Expression
    code: int
    drawn: exp.Expression


@dataclass(frozen=True, slots=True)
class _Level:
    """A plan in one of its phases, and its depth: 0 is the outermost parent."""

    plan: AssignmentPlan
    phase: Phase
    depth: int

    def code(self, reason: str) -> int:
        return len(self.plan.arms) + _REASONS.index(reason)

    def name(self, part: str) -> str:
        return f"{part}_{self.depth}"


def assignment_query(
    plan: AssignmentPlan, phase: Phase, *, dialect: Dialect, source: exp.Expression, unit: exp.Expression
) -> exp.Expression:
    """Return the query that assigns each row of a source.

    Its columns are those of ``Assigned``; NULL stands for None and NaN. A row whose id is refused has the reason
    ``refused`` and nothing else.

    Args:
        plan: The plan.
        phase: One of its phases.
        dialect: The engine that it is for.
        source: The table, as a node.
        unit: The column with the ids, as a node.
    """
    levels = _levels(plan, phase)
    ids = exp.select(named(spelled(unit_text(unit), plan.unit_type, dialect), "unit_id")).from_(source.copy())
    draws = [draw for level in levels for draw in _draws(level, dialect)]
    refused = named(_refused(plan.unit_type, dialect), "refused")
    steps = [("ids", ids), ("draws", exp.select("unit_id", refused, *draws).from_("ids"))]
    for level in levels:
        unusable = level is levels[-1]
        entered = [named(_code(level, refuse=unusable), level.name("outcome"))]
        entered.append(named(_decisive(level), level.name("hash")))
        steps.append((level.name("decided"), exp.select("*", *entered).from_(steps[-1][0])))
    query = exp.select(*_columns(levels[-1])).from_(steps[-1][0])
    for name, step in steps:
        query = query.with_(name, as_=step, materialized=True if dialect.fenced and name == "draws" else None)
    return query


def _levels(plan: AssignmentPlan, phase: Phase) -> list[_Level]:
    found = [(plan, phase)]
    within = plan.within
    while within is not None:
        found.append((within.plan, within.plan.phase(within.phase)))
        within = within.plan.within
    return [_Level(p, ph, depth) for depth, (p, ph) in enumerate(reversed(found))]


def unit_text(unit: exp.Expression) -> exp.Expression:
    """Return an id as text."""
    return fragment("CAST(unit AS TEXT)", unit=unit)


def spelled(text: exp.Expression, unit_type: UnitType, dialect: Dialect) -> exp.Expression:
    """Return an id as it is hashed: composed and in lower case where the unit type says so."""
    composed = (dialect.composed_of(text) if unit_type.nfc else None) or text
    return dialect.lowered_of(composed) if unit_type.lower else composed


def is_blank(dialect: Dialect) -> exp.Expression:
    """Return the condition that ``unit_id`` has a blank at an end; the list of blanks is asked only where it may be."""
    text = (
        "CASE WHEN code BETWEEN 33 AND 126 AND last_code BETWEEN 33 AND 126 THEN FALSE "
        "ELSE TRIM(unit_id, blanks) <> unit_id END"
    )
    last = dialect.code_of(fragment("RIGHT(unit_id, 1)"))
    return fragment(text, code=dialect.code_of(exp.column("unit_id")), last_code=last, blanks=literal(BLANKS))


def is_float(dialect: Dialect) -> exp.Expression:
    """Return the condition that ``unit_id`` is the text of a float; the pattern is asked only where it may be."""
    text = (
        "CASE WHEN code BETWEEN 43 AND 57 AND (unit_id LIKE '%.%' OR unit_id LIKE '%e%' OR unit_id LIKE '%E%') "
        "THEN REGEXP_MATCHES(unit_id, pattern) ELSE FALSE END"
    )
    return fragment(text, code=dialect.code_of(exp.column("unit_id")), pattern=literal(FLOAT))


def _refused(unit_type: UnitType, dialect: Dialect) -> exp.Expression:
    """Return the condition that ``unit_id`` is refused; most ids need no more than a look at their two ends."""
    doubts = [fragment("unit_id IS NULL"), fragment("unit_id = ''"), is_blank(dialect), is_float(dialect)]
    if unit_type.nfc and dialect.composed is None:
        return _any([*doubts, fragment("LENGTH(unit_id) <> OCTET_LENGTH(unit_id)")])
    text = "CASE WHEN code BETWEEN 58 AND 126 AND last_code BETWEEN 33 AND 126 THEN FALSE ELSE doubt END"
    last = dialect.code_of(fragment("RIGHT(unit_id, 1)"))
    return fragment(text, code=dialect.code_of(exp.column("unit_id")), last_code=last, doubt=_any(doubts))


def _any(conditions: Iterable[exp.Expression]) -> exp.Expression:
    return reduce(lambda one, other: exp.Or(this=one, expression=other), conditions)


def _case(rules: Iterable[tuple[exp.Expression, exp.Expression]], otherwise: exp.Expression) -> exp.Expression:
    ifs = [exp.If(this=condition.copy(), true=value.copy()) for condition, value in rules]
    return exp.Case(ifs=ifs, default=otherwise.copy()) if ifs else otherwise.copy()


def _draws(level: _Level, dialect: Dialect) -> list[exp.Expression]:
    """Return the hashes that a plan needs; a draw that decides nothing is left out."""
    plan = level.plan
    needed: list[tuple[Kind, str]] = [(plan.draws, plan.salt)]
    if level.phase.traffic < SPACE:
        needed.insert(0, ("exp", plan.salt))
    if plan.layer is not None:
        needed.insert(0, ("layer", plan.layer.layer))
    if plan.global_holdout is not None:
        needed.insert(0, ("global", plan.global_holdout.salt))
    columns: list[exp.Expression] = []
    for kind, salt in needed:
        prefix = literal(key_prefix(kind, salt, plan.unit_type.name))
        name = level.name("arm" if len(columns) == len(needed) - 1 else kind)  # the last one decides the arm
        columns.append(named(dialect.hash_of(fragment("prefix || unit_id", prefix=prefix)), name))
    return columns


def _entry_rules(level: _Level) -> list[_Rule]:
    """Return why a unit stays out, in the order in which it is asked."""
    plan, rules = level.plan, []
    if plan.global_holdout is not None:
        drawn = exp.column(level.name("global"))
        rules.append(_Rule(_below(drawn, plan.global_holdout.status_quo), level.code(STATUS_QUO), drawn))
        rules.append(_Rule(_below(drawn, plan.global_holdout.end), level.code(ALL_SHIPPED), drawn))
    if plan.layer is not None:
        drawn = exp.column(level.name("layer"))
        outside = exp.Not(this=exp.Paren(this=_inside(drawn, plan.layer.lo, plan.layer.hi)))
        rules.append(_Rule(outside, level.code(OTHER_SLOT), drawn))
    if plan.within is not None:
        parent = exp.column(f"hash_{level.depth - 1}")
        rules.append(_Rule(_outside_parent(level), level.code(OUTSIDE_PARENT), parent))
    if level.phase.traffic < SPACE:
        drawn = exp.column(level.name("exp"))
        outside = exp.Not(this=exp.Paren(this=_below(drawn, level.phase.traffic)))
        rules.append(_Rule(outside, level.code(NOT_IN_TRAFFIC), drawn))
    return rules


def _below(drawn: exp.Expression, edge: int) -> exp.Expression:
    return exp.LT(this=drawn.copy(), expression=literal(edge))


def _inside(drawn: exp.Expression, lo: int, hi: int) -> exp.Expression:
    return fragment("drawn >= lo AND drawn < hi", drawn=drawn, lo=literal(lo), hi=literal(hi))


def _outside_parent(level: _Level) -> exp.Expression:
    within = level.plan.within
    if within is None:
        return exp.false()
    parent = within.plan
    codes = [literal(parent.arm_names.index(arm)) for arm in within.arms]
    drawn_in = exp.In(this=exp.column(f"outcome_{level.depth - 1}"), expressions=codes)
    forced_in = [o.unit_id for o in parent.overrides if o.arm in within.arms]
    forced_out = [o.unit_id for o in parent.overrides if o.arm not in within.arms]
    forced = [(_is_one_of(ids), value) for ids, value in ((forced_in, exp.false()), (forced_out, exp.true())) if ids]
    return _case(forced, exp.Not(this=drawn_in)) if forced else exp.Not(this=drawn_in)


def _is_one_of(ids: Sequence[str]) -> exp.Expression:
    return exp.In(this=exp.column("unit_id"), expressions=[literal(unit_id) for unit_id in ids])


def _code(level: _Level, *, refuse: bool) -> exp.Expression:
    """Return the number of the arm that a unit gets, or the code of the reason that keeps it out."""
    rules: list[tuple[exp.Expression, exp.Expression]] = []
    rules += [(exp.column("refused"), literal(_REFUSED))] if refuse else []
    rules += [(rule.condition, literal(rule.code)) for rule in _entry_rules(level)]
    ranges, drawn, reached = level.phase.ranges, exp.column(level.name("arm")), 0
    for number, arm in enumerate(ranges):  # what lies below the last bound went to an arm already
        inside = _below(drawn, arm.hi) if arm.lo == reached else _inside(drawn, arm.lo, arm.hi)
        rules.append((inside, literal(number)))
        reached = arm.hi if arm.lo == reached else -1
    return _case(rules[:-1], rules[-1][1]) if reached == SPACE else _case(rules, literal(level.code(NO_ARM)))


def _reasons(level: _Level) -> list[str]:
    """Return the reasons for which a unit can stay out under a plan."""
    codes = {rule.code for rule in _entry_rules(level)}
    return [reason for reason in _REASONS if reason == NO_ARM or level.code(reason) in codes]


def _decisive(level: _Level) -> exp.Expression:
    """Return the hash that decided."""
    return _case(((rule.condition, rule.drawn) for rule in _entry_rules(level)), exp.column(level.name("arm")))


def _columns(level: _Level) -> list[exp.Expression]:
    """Return the columns of ``Assigned``."""
    plan, phase, null = level.plan, level.phase, exp.null()
    outcome, refused = exp.column(level.name("outcome")), exp.column("refused")
    drawn = [exp.EQ(this=outcome, expression=literal(i)) for i in range(len(plan.arms))]
    forced = [_is_one_of([override.unit_id]) for override in plan.overrides]
    reached = [*forced, *drawn]
    arms = [*(override.arm for override in plan.overrides), *plan.arm_names]
    chances = [*(1.0 for _ in forced), *phase.probabilities]
    guard = [(refused, null)] if forced else []  # an outcome speaks for itself
    names = [null if arm is None else literal(arm) for arm in arms]
    numbers = [null if arm is None else literal(chance) for arm, chance in zip(arms, chances, strict=True)]
    reasons = _reasons(level)
    stayed_out = [exp.EQ(this=outcome, expression=literal(level.code(reason))) for reason in reasons]
    why = [(refused, REFUSED), *_paired(forced, (o.reason for o in plan.overrides)), *_paired(stayed_out, reasons)]
    return [
        exp.column("unit_id"),
        named(_typed([*guard, *_paired(reached, names)], "text"), "arm"),
        named(_case([(refused, null)], exp.column(level.name("hash"))), "hash"),
        named(_typed([*guard, *_paired(reached, numbers)], "double"), "probability"),
        named(literal(phase.name), "phase"),
        named(_case([(condition, literal("override")) for condition in forced], literal("hash")), "source"),
        named(_case([(condition, literal(reason)) for condition, reason in why], literal(DRAWN)), "reason"),
    ]


def _paired(conditions: Iterable[exp.Expression], values: Iterable[_T]) -> list[tuple[exp.Expression, _T]]:
    return list(zip(conditions, values, strict=True))


def _typed(rules: Sequence[tuple[exp.Expression, exp.Expression]], kind: str) -> exp.Expression:
    return exp.cast(_case(rules, exp.null()), kind)
