"""The rule: who could receive a journey, at which moment, and why not. Frozen, hashed, blind to the arm.

It reads the tables that it declares and no others. Arms, and messages and deliveries of its own journey, are refused
when it is written: they exist in one arm only, and a rule that reads them makes the arms incomparable.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from incrementality.cohorts.durations import Duration  # noqa: TC001 - pydantic reads it at run time
from incrementality.cohorts.operands import Attribute, Filter, OperandRecord, Record, Since, Until
from incrementality.cohorts.predicates import Predicate, PredicateRecord, operands_in
from incrementality.cohorts.refusals import (
    NeverWithheld,
    ReadsOwnJourney,
    RuleError,
    refuse_arm_columns,
    refuse_message_table,
    refuse_purpose,
)
from incrementality.cohorts.triggers import EventTrigger, Trigger
from incrementality.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Cap", "Condition", "EligibilityRule", "InputTable", "Reentry", "Suppression", "parse_rule"]

SuppressionKind = Literal["bounce", "complaint", "consent", "legal_hold", "open_case", "other"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class InputTable(Record):
    """A table that the rule may read, with the part that its columns play.

    ``events`` happen at an instant; ``states`` hold from a row's time until the unit's next row.
    """

    kind: Annotated[Literal["events", "states"], Field(description="events or states")]
    unit: Annotated[str, Field(min_length=1, description="The column with the unit's id.")] = "unit_id"
    at: Annotated[str, Field(min_length=1, description="When it happened, or from when on the row holds.")] = (
        "occurred_at"
    )
    time_zone: Annotated[
        Literal["UTC"] | None, Field(description="UTC, where the times carry no zone of their own.")
    ] = None
    journey: Annotated[
        str | None,
        Field(min_length=1, description="Messages: the column with the journey's name; own rows are left out."),
    ] = None


class Condition(Record):
    """A named condition; its name is the reason when it is false."""

    name: Name
    when: Predicate


class Suppression(Record):
    """What forbids sending while it is true: for one channel, or for all."""

    name: Name
    kind: SuppressionKind = "other"
    channel: Annotated[str | None, Field(description="The channel that it forbids; default: all.")] = None
    when: Predicate


class Cap(Record):
    """At most so many sends to a unit within a window; a send uses the cap during ``[t0, t0 + window)``.

    Sends are counted in shadow: a withheld send uses up the cap as a send would.
    """

    name: Name
    most: Annotated[int, Field(ge=1)]
    window: Duration
    channel: Annotated[str | None, Field(description="Only sends by this channel; default: all.")] = None
    across: Annotated[
        bool, Field(description="true: sends of all journeys decided together count; false: only own.")
    ] = False


class Reentry(Record):
    """Whether a unit may enter again: never, or once ``after`` has passed since its last entry."""

    after: Annotated[Duration | None, Field(description="Default: never.")] = None


def _reentry(value: object) -> object:
    return {} if value == "never" else value


def _attribute(value: object) -> object:
    return {"attribute": value} if isinstance(value, str) else value


AttributePath = Annotated[Attribute, BeforeValidator(_attribute)]


class EligibilityRule(Record):
    """Who could receive a journey, both arms at the same moment.

    Examples:
        >>> rule = EligibilityRule.model_validate(
        ...     {
        ...         "journey": "winback",
        ...         "purpose": "win-back",
        ...         "tables": {"logins": {"kind": "events"}, "contacts": {"kind": "states"}},
        ...         "trigger": {"event": "logins"},
        ...         "audience": [{"name": "paying", "when": {"value": "contacts.plan", "in": ["pro", "team"]}}],
        ...         "window": "14d",
        ...     }
        ... )
        >>> len(rule.fingerprint), [operand.label for operand in rule.inputs]
        (64, ['contacts.plan'])
    """

    journey: Annotated[str, Field(min_length=1, description="The journey's name, as message tables write it.")]
    purpose: Annotated[
        str, Field(min_length=1, description="What the messages are for: marketing, onboarding, win-back."),
        AfterValidator(refuse_purpose),
    ]  # fmt: skip
    tables: Annotated[dict[str, InputTable], Field(min_length=1, description="The tables that the rule may read.")]
    trigger: Annotated[Trigger, Field(description="What sets t0.")]
    audience: Annotated[tuple[Condition, ...], Field(description="All must be true.")] = ()
    suppressions: Annotated[tuple[Suppression, ...], Field(description="None may be true.")] = ()
    exit: Annotated[Predicate | None, Field(description="True: the unit has left the journey already.")] = None
    always_send: Annotated[
        Predicate | None, Field(description="True: the unit gets it in any case, outside the experiment.")
    ] = None
    channels: Annotated[tuple[str, ...], Field(description="Channels of the journey, the preferred first.")] = ()
    preference: Annotated[
        AttributePath | None, Field(description="The unit's preferred channel; where empty, the journey's order.")
    ] = None
    account: Annotated[AttributePath | None, Field(description="The account of the unit at t0.")] = None
    stratum: Annotated[AttributePath | None, Field(description="The stratum of the unit at t0.")] = None
    caps: Annotated[tuple[Cap, ...], Field(description="How often a unit may be sent to.")] = ()
    priority: Annotated[int, Field(description="The smallest goes first among journeys at the same moment.")] = 100
    reentry: Annotated[Reentry, BeforeValidator(_reentry), Field(description="never, or after: 90d.")] = Reentry()
    window: Annotated[Duration, Field(description="Outcomes count in [t0, t0 + window).")]
    maturity_lag: Annotated[Duration | None, Field(description="How late outcomes may arrive.")] = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rule's canonical JSON: the rule version of every decision."""
        content = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def predicates(self) -> tuple[PredicateRecord, ...]:
        """Every predicate, in the order in which reasons are listed."""
        lone = [predicate for predicate in (self.always_send, self.exit) if predicate is not None]
        return (*lone, *(c.when for c in self.audience), *(s.when for s in self.suppressions))

    @property
    def inputs(self) -> tuple[OperandRecord, ...]:
        """Every input that a decision depends on, each once, in a fixed order."""
        found = [operand for predicate in self.predicates for operand in operands_in(predicate)]
        return tuple(dict.fromkeys([*found, *([self.preference] if self.preference is not None else [])]))

    @property
    def labels(self) -> tuple[Attribute, ...]:
        """What is noted of a unit and decides nothing: account, then stratum."""
        return tuple(label for label in (self.account, self.stratum) if label is not None)

    def columns_of(self, table: str) -> tuple[str, ...]:
        """Return the columns that the rule reads from a table besides unit, time and journey, sorted."""
        return tuple(sorted(_columns_read(self)[table]))

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        complaints = [*_unknown_tables(self), *_wrong_kinds(self), *_repeated_names(self), *_unknown_channels(self)]
        if complaints:
            raise ValueError("\n".join(complaints))
        for name, table in self.tables.items():
            columns = {column: f"{name}.{column}" for column in (*self.columns_of(name), table.unit, table.at)}
            refuse_arm_columns({name: name, **columns})
            if table.journey is None:
                refuse_message_table({name: name, **columns})
        return self


def parse_rule(content: Mapping[str, object]) -> EligibilityRule:
    """Return the rule that a mapping writes, as YAML or JSON gives it.

    Raises:
        ReadsOwnJourney: It reads an arm, or messages of its own journey.
        NeverWithheld: Its purpose must reach everyone.
        RuleError: It cannot be used; every problem is named with its place.

    Examples:
        >>> parse_rule({"journey": "invoices", "purpose": "billing"})
        Traceback (most recent call last):
        incrementality.cohorts.refusals.NeverWithheld: the purpose 'billing' says 'billing'; contractual, ...
    """
    try:
        return EligibilityRule.model_validate(content)
    except ValidationError as error:
        findings = error.errors(include_url=False)
        causes = [(finding.get("ctx") or {}).get("error") for finding in findings]
        for cause in causes:
            if isinstance(cause, (NeverWithheld, ReadsOwnJourney)):
                raise cause from None
        problems = tuple(
            f"{'.'.join(map(str, f['loc'])) or 'rule'}: {f['msg'].removeprefix('Value error, ')}" for f in findings
        )
        raise RuleError(
            f"the rule has {len(problems)} problem(s):\n" + "\n".join(problems),
            problems=problems,
            hint="correct the keys that are named",
        ) from None


def _reads(rule: EligibilityRule) -> Iterator[tuple[str, str | None, Filter]]:
    """Every reading of a table: the table, the column if one is read, and the filter."""
    for operand in (*rule.inputs, *rule.labels):
        yield operand.table, getattr(operand, "column", None), operand.where
    yield rule.trigger.table, getattr(rule.trigger, "column", None), rule.trigger.where


def _columns_read(rule: EligibilityRule) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for table, column, where in _reads(rule):
        found[table] |= {name for name, _ in where} | ({column} if column is not None else set())
    return found


def _unknown_tables(rule: EligibilityRule) -> Iterable[str]:
    for table in dict.fromkeys(table for table, _, _ in _reads(rule)):
        if table not in rule.tables:
            allowed = ", ".join(rule.tables)
            yield f"the table {table!r} is not declared under 'tables': {allowed}.{did_you_mean(table, rule.tables)}"


def _wrong_kinds(rule: EligibilityRule) -> Iterable[str]:
    wanted = {rule.trigger.table: {"events" if isinstance(rule.trigger, EventTrigger) else "states"}}
    for operand in (*rule.inputs, *rule.labels):
        kind = "states" if isinstance(operand, (Attribute, Since, Until)) else "events"
        wanted.setdefault(operand.table, set()).add(kind)
    for name, kinds in wanted.items():
        table = rule.tables.get(name)
        for kind in sorted(kinds):
            if table is not None and table.kind != kind:
                yield f"tables.{name}: its kind is {table.kind}, and the rule reads it as {kind}; declare it twice"


def _repeated_names(rule: EligibilityRule) -> Iterable[str]:
    for place, items in (("audience", rule.audience), ("suppressions", rule.suppressions), ("caps", rule.caps)):
        names = [item.name for item in items]
        yield from (f"{place}: the name {n!r} stands more than once" for n in sorted(set(names)) if names.count(n) > 1)


def _unknown_channels(rule: EligibilityRule) -> Iterable[str]:
    named = [*((s.name, s.channel) for s in rule.suppressions), *((cap.name, cap.channel) for cap in rule.caps)]
    for name, channel in named:
        if channel is not None and channel not in rule.channels:
            allowed = ", ".join(rule.channels) or "none"
            yield f"{name!r} names the channel {channel!r}; the journey's channels: {allowed}"
    if rule.preference is not None and not rule.channels:
        yield "a 'preference' needs the journey's 'channels'"
