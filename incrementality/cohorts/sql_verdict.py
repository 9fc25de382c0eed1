"""The verdict on every firing, in SQL: what ``verdict.verdict_at`` is for one unit; NULL is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.predicates import All, AnyOf, Compare, Exists, Missing, PredicateRecord, operands_in
from incrementality.cohorts.sql_engine import HASH_LIMIT, hash_of_parts, joined, part_of
from incrementality.cohorts.sql_tables import constant
from incrementality.cohorts.sql_values import input_kind
from incrementality.warehouse.sql import literal, named, parse, select_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.cohorts.operands import OperandRecord
    from incrementality.cohorts.rule import EligibilityRule
    from incrementality.cohorts.sql_tables import CleanTable

__all__ = ["judged"]

_BOUNDS = {"below": exp.LT, "at_most": exp.LTE, "above": exp.GT, "at_least": exp.GTE}


def judged(
    experiment_id: str, rule: EligibilityRule, inputs: exp.Expression, tables: Mapping[str, CleanTable], dialect: str
) -> exp.Expression:
    """Return the query of one row a firing: what the decision log holds but for re-entry, caps and priority.

    ``nth`` counts the unit's firings of the same verdict from 1.

    Args:
        experiment_id: The experiment.
        rule: The rule.
        inputs: The query of the inputs' values (``inputs_at``).
        tables: The rule's tables.
        dialect: The engine.
    """
    compiler = _Compiler(rule, tables)
    conditions = select_from(inputs)
    conditions.set("expressions", [exp.Star(), *compiler.conditions()])
    decided = select_from(conditions)
    decided.set("expressions", [exp.Star(), named(compiler.eligible(), "fits")])
    counted = select_from(decided)
    nth = parse("row_number() OVER (PARTITION BY unit_id, fits ORDER BY t0)")  # before the row grows wide
    counted.set("expressions", [exp.Star(), named(nth, "nth")])
    query = select_from(counted)
    unit = parse("CAST(unit_id AS TEXT)")
    prefix = "".join(f"{len(text)}:{text}" for text in (experiment_id, rule.fingerprint))
    id_parts = [literal(prefix), part_of(unit), part_of(parse("CAST(t0 AS TEXT)"))]
    hashed = [part_of(_hashed(i, input_kind(operand, tables))) for i, operand in enumerate(rule.inputs)]
    columns = {
        "decision_id": parse("substring($h, 1, 32)", h=hash_of_parts(id_parts, dialect)),
        "experiment_id": literal(experiment_id),
        "rule_version": literal(rule.fingerprint),
        "unit_id": unit,
        "account_id": exp.column("account_id"),
        "t0": exp.column("t0"),
        "eligible": exp.column("fits"),
        "reasons": compiler.reasons(),
        "inputs_hash": hash_of_parts(hashed, dialect),
        "would_send_channel": compiler.channel(),
        "stratum": exp.column("stratum"),
        "nth": exp.column("nth"),
    }
    query.set("expressions", [named(node, name) for name, node in columns.items()])
    return query


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A condition that must suit: its reason, the node that says so, the predicate behind it."""

    reason: str
    suits: exp.Expression
    predicate: PredicateRecord


class _Compiler:
    def __init__(self, rule: EligibilityRule, tables: Mapping[str, CleanTable]) -> None:
        self.rule = rule
        self._kinds = [input_kind(operand, tables) for operand in rule.inputs]
        self._at = {operand: i for i, operand in enumerate(rule.inputs)}
        self._by_channel = [s for s in rule.suppressions if s.channel is not None]

    def conditions(self) -> list[exp.Expression]:
        """``a_k`` for each condition; ``x_k`` for each suppression of a channel; ``b_k``: whether a channel is open."""
        found = [named(outcome.suits, f"a_{k}") for k, outcome in enumerate(self._outcomes())]
        found += [named(self._holds(s.when), f"x_{k}") for k, s in enumerate(self._by_channel)]
        return found + [named(self._open(channel), f"b_{k}") for k, channel in enumerate(self.rule.channels)]

    def eligible(self) -> exp.Expression:
        """Whether every condition suits and a channel is open."""
        tests: list[exp.Expression] = [exp.column(f"a_{k}") for k in range(len(self._outcomes()))]
        return _all([*tests, *([self._any_open()] if self.rule.channels else [])])

    def reasons(self) -> exp.Expression:
        """Why not, or what is missing."""
        false = [_when(parse(f"NOT a_{k}"), o.reason) for k, o in enumerate(self._outcomes())]
        if self.rule.channels:
            false += [
                _when(parse(f"NOT $opened AND x_{k}", opened=self._any_open()), f"suppressed.{s.name}")
                for k, s in enumerate(self._by_channel)
            ]
        missing = [_when(test, f"missing.{operand.label}") for operand, test in self._missing().items()]
        return parse(
            "CASE WHEN fits THEN '' WHEN NOT fits THEN $false ELSE $missing END",
            false=joined(false),
            missing=joined(missing),
        )

    def channel(self) -> exp.Expression:
        """By which channel it would be sent: the preferred one if it is open, else the first that is."""
        opened = [(channel, exp.column(f"b_{k}")) for k, channel in enumerate(self.rule.channels)]
        if not opened:
            return parse("CAST(NULL AS TEXT)")
        ifs = []
        if self.rule.preference is not None:
            wish = exp.column(f"i_{self._at[self.rule.preference]}")
            ifs = [
                exp.If(this=parse("fits AND $w = $c AND $b", w=wish, c=literal(c), b=b), true=literal(c))
                for c, b in opened
            ]
        ifs += [exp.If(this=parse("fits AND $b", b=b), true=literal(c)) for c, b in opened]
        return exp.Case(ifs=ifs)

    def _outcomes(self) -> list[_Outcome]:
        rule = self.rule
        unless = [("always_send", rule.always_send), ("exit", rule.exit)]
        early = [_Outcome(name, _not(self._holds(p)), p) for name, p in unless if p is not None]
        wanted = [_Outcome(f"audience.{c.name}", self._holds(c.when), c.when) for c in rule.audience]
        general = [s for s in rule.suppressions if s.channel is None]
        late = [_Outcome(f"suppressed.{s.name}", _not(self._holds(s.when)), s.when) for s in general]
        return [*early, *wanted, *late]

    def _missing(self) -> dict[OperandRecord, exp.Expression]:
        """For each input, the test that it is missing and that this leaves a condition unknown."""
        askers: dict[OperandRecord, list[exp.Expression]] = {}
        for k, outcome in enumerate(self._outcomes()):
            for operand in operands_in(outcome.predicate):
                askers.setdefault(operand, []).append(parse(f"a_{k} IS NULL"))
        for k, suppression in enumerate(self._by_channel):
            for operand in operands_in(suppression.when):
                askers.setdefault(operand, []).append(
                    parse(f"($opened) IS NULL AND x_{k} IS NULL", opened=self._any_open())
                )
        return {
            operand: parse(f"i_{i} IS NULL AND ($asked)", asked=_any(askers[operand]))
            for operand, i in self._at.items()
            if operand in askers
        }

    def _open(self, channel: str) -> exp.Expression:
        return _all([_not(self._holds(s.when)) for s in self._by_channel if s.channel == channel])

    def _any_open(self) -> exp.Expression:
        return exp.Paren(this=_any([exp.column(f"b_{k}") for k in range(len(self.rule.channels))]))

    def _holds(self, predicate: PredicateRecord) -> exp.Expression:
        if isinstance(predicate, All):
            return _all([self._holds(part) for part in predicate.conditions])
        if isinstance(predicate, AnyOf):
            return exp.Paren(this=_any([self._holds(part) for part in predicate.options]))
        if isinstance(predicate, Missing):
            return parse("($x IS NULL)", x=self._input(predicate.missing))
        if isinstance(predicate, Exists):
            return parse("($x > 0)", x=self._input(predicate.counted))
        if isinstance(predicate, Compare):
            return self._compares(predicate)
        return _not(self._holds(predicate.condition))

    def _input(self, operand: OperandRecord) -> exp.Expression:
        return exp.column(f"i_{self._at[operand]}")

    def _compares(self, predicate: Compare) -> exp.Expression:
        operand, kind = predicate.value, self._kinds[self._at[predicate.value]]
        node = self._input(operand)
        if kind == "duration":
            constants = [literal(value) for value in predicate.constants]
        else:
            constants = [constant(value, kind, operand.label) for value in predicate.constants]
        if predicate.test == "between":
            return parse("($x >= $low AND $x < $high)", x=node, low=constants[0], high=constants[1])
        if predicate.test in _BOUNDS:
            return exp.Paren(this=_BOUNDS[predicate.test](this=node, expression=constants[0]))
        return exp.Paren(this=exp.In(this=node, expressions=constants))


def _hashed(i: int, kind: str) -> exp.Expression:
    node = exp.column(f"i_{i}")
    if kind == "text":
        return node
    if kind != "number":
        return parse("CAST($x AS TEXT)", x=node)
    return parse(
        "CASE WHEN $x IS NULL THEN NULL WHEN abs($x) < $most THEN CAST(CAST($x AS DECIMAL(38, 6)) AS TEXT) "
        "ELSE 'beyond' END",
        x=node,
        most=literal(HASH_LIMIT),
    )


def _when(test: exp.Expression, reason: str) -> exp.Expression:
    return parse("CASE WHEN $test THEN $reason END", test=test, reason=literal(reason))


def _not(node: exp.Expression) -> exp.Expression:
    return exp.Not(this=exp.Paren(this=node))


def _all(nodes: Sequence[exp.Expression]) -> exp.Expression:
    if not nodes:
        return exp.true()
    return exp.Paren(this=reduce(lambda left, right: exp.And(this=left, expression=right), nodes))


def _any(nodes: Sequence[exp.Expression]) -> exp.Expression:
    return reduce(lambda left, right: exp.Or(this=left, expression=right), nodes) if nodes else exp.false()
