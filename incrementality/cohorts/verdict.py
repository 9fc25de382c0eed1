"""One decision: eligible, ineligible with reasons, or unknown with what is missing. Python's side of the routine.

``evaluate`` answers "may this contact get it now?" for a service; ``sql_verdict`` says the same in SQL.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal

from incrementality.cohorts.operands import OperandRecord
from incrementality.cohorts.predicates import (
    All,
    AnyOf,
    Compare,
    Exists,
    Missing,
    PredicateRecord,
    operands_in,
)
from incrementality.cohorts.values import Inputs, UnitRows, Value, clean, micros, value_at
from incrementality.errors import ColumnTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from incrementality.cohorts.rule import EligibilityRule

__all__ = ["HASH_LIMIT", "Verdict", "decision_id", "evaluate", "holds", "parts_hash", "verdict_at"]

Values = dict[OperandRecord, Value]
HASH_LIMIT = 1e15
_DIGITS = Decimal("0.000001")
_TESTS: dict[str, Callable[[float, list[float]], bool]] = {
    "equals": lambda value, constants: value in constants,
    "in_": lambda value, constants: value in constants,
    "below": lambda value, constants: value < constants[0],
    "at_most": lambda value, constants: value <= constants[0],
    "above": lambda value, constants: value > constants[0],
    "at_least": lambda value, constants: value >= constants[0],
    "between": lambda value, constants: constants[0] <= value < constants[1],
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one unit at one moment.

    Attributes:
        eligible: True, False, or None for unknown.
        reasons: Why not, or what is missing; empty when eligible.
        channel: By which channel it would be sent; None when it would not, or when the journey has no channels.
        inputs_hash: SHA-256 of every input's value as of t0.
    """

    eligible: bool | None
    reasons: tuple[str, ...]
    channel: str | None
    inputs_hash: str

    @property
    def status(self) -> Literal["eligible", "ineligible", "unknown"]:
        """The answer in a word."""
        return "unknown" if self.eligible is None else "eligible" if self.eligible else "ineligible"


def evaluate(rule: EligibilityRule, inputs: Inputs, at: datetime) -> Verdict:
    """Return whether a unit may get the journey's message now, its trigger having fired at ``at``.

    Caps and re-entry depend on earlier entries: ``sequence`` adds them.

    Args:
        rule: The rule.
        inputs: The unit's rows; an absent table is a missing input.
        at: The moment t0, aware.

    Raises:
        ColumnTypeError: A value has another type than the constant it is compared with, or ``at`` has no zone.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from incrementality.cohorts.rule import parse_rule
        >>> rule = parse_rule({"journey": "winback", "purpose": "win-back", "window": "14d",
        ...     "tables": {"logins": {"kind": "events"}, "contacts": {"kind": "states"}},
        ...     "trigger": {"event": "logins"},
        ...     "audience": [{"name": "paying", "when": {"value": "contacts.plan", "equals": "pro"}}]})
        >>> verdict = evaluate(rule, Inputs("a", {"logins": []}), datetime(2026, 3, 1, tzinfo=UTC))
        >>> verdict.status, verdict.reasons
        ('unknown', ('missing.contacts.plan',))
    """
    return verdict_at(rule, clean(rule, inputs, data_cut=at.max.replace(tzinfo=at.tzinfo)), micros(at))


def verdict_at(rule: EligibilityRule, rows: UnitRows, t0: int) -> Verdict:
    """Return the verdict at t0 (microseconds) from rows that are cleaned already."""
    values = {operand: value_at(operand, rows, t0) for operand in rule.inputs}
    outcomes = list(_outcomes(rule, values))
    reasons = [reason for reason, suits, _ in outcomes if suits is False]
    open_channels = {channel: _channel_open(rule, channel, values) for channel in rule.channels}
    channel_fits = _any(list(open_channels.values())) if rule.channels else True
    if channel_fits is False:
        reasons += [f"suppressed.{s.name}" for s in rule.suppressions if s.channel and holds(s.when, values)]
    unknown = [predicate for _, suits, predicate in outcomes if suits is None]
    if channel_fits is None:
        unknown += [s.when for s in rule.suppressions if s.channel and holds(s.when, values) is None]
    digest = parts_hash(_hashed(values[operand]) for operand in rule.inputs)
    if reasons:
        return Verdict(eligible=False, reasons=tuple(reasons), channel=None, inputs_hash=digest)
    if unknown:
        return Verdict(eligible=None, reasons=_missing(rule, values, unknown), channel=None, inputs_hash=digest)
    channel = _channel(rule, open_channels, values)
    return Verdict(eligible=True, reasons=(), channel=channel, inputs_hash=digest)


def holds(predicate: PredicateRecord, values: Mapping[OperandRecord, Value]) -> bool | None:
    """Return whether a predicate is true, false, or unknown (None), by Kleene's logic."""
    if isinstance(predicate, All):
        found = [holds(part, values) for part in predicate.conditions]
        return False if False in found else None if None in found else True
    if isinstance(predicate, AnyOf):
        return _any([holds(part, values) for part in predicate.options])
    if isinstance(predicate, Missing):
        return values[predicate.missing] is None
    if isinstance(predicate, Exists):
        count = values[predicate.counted]
        return None if count is None else count != 0
    if isinstance(predicate, Compare):
        return _compares(predicate, values[predicate.value])
    inner = holds(predicate.condition, values)
    return None if inner is None else not inner


def decision_id(experiment_id: str, rule: EligibilityRule, unit_id: str, t0: int) -> str:
    """Return the id of a decision: the same experiment, rule, unit and moment (microseconds) give the same id.

    It knows nothing of the arm and nothing of the inputs, so re-running a rule finds the same decisions again.
    """
    return parts_hash([experiment_id, rule.fingerprint, unit_id, str(t0)])[:32]


def parts_hash(parts: Iterator[str | None] | list[str]) -> str:
    """Return the SHA-256 of texts, each with its length before it, so that no two lists look alike.

    Examples:
        >>> parts_hash(["ab", "c"]) == parts_hash(["a", "bc"])
        False
    """
    text = "".join("-" if part is None else f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def _any(found: list[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def _compares(predicate: Compare, value: Value) -> bool | None:
    constants = predicate.constants
    if value is None:
        return None
    if isinstance(value, str) or isinstance(constants[0], str):
        if not (isinstance(value, str) and isinstance(constants[0], str)):
            raise ColumnTypeError(
                f"{predicate.value.label!r} is {value!r} and is compared with {constants[0]!r}, of another type",
                hint="write the constant as the column holds it: text in quotes, numbers without",
            )
        return value in constants
    return _TESTS[predicate.test](value, [float(constant) for constant in constants])


def _outcomes(rule: EligibilityRule, values: Values) -> Iterator[tuple[str, bool | None, PredicateRecord]]:
    """Each condition that must suit: its reason, whether it suits, and the predicate behind it."""
    for reason, predicate in (("always_send", rule.always_send), ("exit", rule.exit)):
        if predicate is not None:
            yield reason, _not(holds(predicate, values)), predicate
    for condition in rule.audience:
        yield f"audience.{condition.name}", holds(condition.when, values), condition.when
    for suppression in rule.suppressions:
        if suppression.channel is None:
            yield f"suppressed.{suppression.name}", _not(holds(suppression.when, values)), suppression.when


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001 - a value, not a switch
    return None if answer is None else not answer


def _channel_open(rule: EligibilityRule, channel: str, values: Values) -> bool | None:
    found = [_not(holds(s.when, values)) for s in rule.suppressions if s.channel == channel]
    return False if False in found else None if None in found else True


def _channel(rule: EligibilityRule, open_channels: dict[str, bool | None], values: Values) -> str | None:
    """The preferred channel if it is open, else the first of the journey's that is."""
    wish = None if rule.preference is None else values[rule.preference]
    order = sorted(rule.channels, key=lambda channel: channel != wish)
    return next((channel for channel in order if open_channels[channel]), None)


def _missing(rule: EligibilityRule, values: Values, unknown: list[PredicateRecord]) -> tuple[str, ...]:
    asked = {operand for predicate in unknown for operand in operands_in(predicate)}
    return tuple(f"missing.{operand.label}" for operand in rule.inputs if operand in asked and values[operand] is None)


def _hashed(value: Value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if not abs(value) < HASH_LIMIT:
        return "beyond"
    return format(Decimal(repr(value)).quantize(_DIGITS, ROUND_HALF_UP) + 0, "f")
