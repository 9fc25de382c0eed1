"""One unit at a time: may it get the journey's message now, and why not; the same answer as for a population."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from incrementality.cohorts import Inputs, evaluate
from incrementality.cohorts.sequence import Candidate, sequence
from incrementality.cohorts.sql_engine import clock_kinds, micros_of
from incrementality.cohorts.values import micros
from incrementality.display import DisplayMixin
from incrementality.errors import ColumnNotFound, did_you_mean
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import column, literal, named, parse
from incrementality.workspace.decisions import log_of
from incrementality.workspace.eligibility import read_eligibility
from incrementality.workspace.rules import tables_of
from incrementality.workspace.sources import connect_tables, open_tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlglot import exp

    from incrementality.cohorts import EligibilityRule, InputTable
    from incrementality.warehouse import Relation, Warehouse
    from incrementality.workspace.project import Workspace

__all__ = ["UnitVerdict", "may_receive"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitVerdict(DisplayMixin):
    """The answer for one unit at one moment; there is no arm in it.

    Attributes:
        experiment_id: The experiment.
        unit_id: The unit.
        at: The moment t0, at which the trigger is taken to fire.
        status: ``eligible``, ``ineligible`` or ``unknown``.
        reasons: Why not, or what is missing.
        channel: By which channel it would be sent.
        rule_version: The rule's fingerprint.
        inputs_hash: SHA-256 of the inputs as of ``at``.
    """

    experiment_id: str
    unit_id: str
    at: datetime
    status: str
    reasons: tuple[str, ...]
    channel: str | None
    rule_version: str
    inputs_hash: str

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return asdict(self) | {"at": self.at.isoformat(), "reasons": list(self.reasons)}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row."""
        return (self.to_dict(),)


def may_receive(workspace: Workspace, experiment_id: str, unit_id: str, *, at: datetime | None = None) -> UnitVerdict:
    """Return whether a unit may get the journey's message at a moment, its trigger having fired then.

    Inputs count as of that moment. Re-entry and caps follow from the entries on record before it.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        unit_id: The unit, as the tables write it.
        at: The moment, aware; default: now.

    Raises:
        RuleError: The rule's file has problems.
        InputError: A table cannot be used.
    """
    moment = datetime.now(UTC) if at is None else at
    eligibility = read_eligibility(workspace, experiment_id)
    rule, settings = eligibility.rule, workspace.configuration
    locators = tables_of(workspace, {experiment_id: eligibility})
    with connect_tables(locators, warehouse=settings.warehouse, memory_limit=settings.memory_limit) as engine:
        relations = open_tables(locators, engine)
        rows = {name: _rows(engine, rule, name, relations[name], unit_id) for name in rule.tables}
    verdict = evaluate(rule, Inputs(unit_id, rows), moment)
    reasons, status, channel = verdict.reasons, str(verdict.status), verdict.channel
    if verdict.eligible:
        earlier = _entries(log_of(workspace).paths(log_of(workspace).runs()), unit_id, micros(moment))
        candidate = Candidate(unit_id, micros(moment), experiment_id, verdict.channel, "asked")
        entry = next(sequence([candidate], {experiment_id: rule}, earlier={unit_id: earlier}))
        if entry.reasons:
            reasons, status, channel = entry.reasons, "ineligible", None
    return UnitVerdict(
        experiment_id=experiment_id,
        unit_id=unit_id,
        at=moment.astimezone(UTC),
        status=status,
        reasons=reasons,
        channel=channel,
        rule_version=rule.fingerprint,
        inputs_hash=verdict.inputs_hash,
    )


def _rows(
    engine: Warehouse, rule: EligibilityRule, name: str, relation: Relation, unit_id: str
) -> list[dict[str, object]]:
    """The unit's rows of one table, with the columns that the rule reads; times as datetimes."""
    spec, read = rule.tables[name], rule.columns_of(name)
    wanted = tuple(dict.fromkeys([spec.unit, spec.at, *([spec.journey] if spec.journey else []), *read]))
    if missing := [wish for wish in wanted if wish not in relation.columns]:
        raise ColumnNotFound(
            f"{name} has no column {missing[0]!r}.{did_you_mean(missing[0], relation.columns)}",
            hint=f"correct tables.{name} in eligibility.yaml",
        )
    times = {wish for wish in wanted if wish == spec.at or relation.columns[wish] == "temporal"}
    clocks = clock_kinds(engine, relation, sorted(times))
    query = parse(
        "SELECT 1 FROM source WHERE CAST($u AS TEXT) = $id",
        u=column(spec.unit),
        source=relation.name,
        id=literal(unit_id),
    )
    query.set("expressions", [named(_cell(engine, wish, times, clocks), f"c_{i}") for i, wish in enumerate(wanted)])
    return [
        {wish: _value(wish, value, spec, times, clocks) for wish, value in zip(wanted, row, strict=True)}
        for row in engine.query(query)
    ]


def _cell(engine: Warehouse, name: str, times: set[str], clocks: dict[str, Any]) -> exp.Expression:
    if name in times and clocks[name] != "text":
        return micros_of(column(name), engine.dialect, kind=clocks[name])
    return column(name)


def _value(name: str, value: Any, spec: InputTable, times: set[str], clocks: dict[str, Any]) -> object:  # noqa: ANN401
    if name == spec.unit or value is None or name not in times:
        return str(value) if name == spec.unit and value is not None else value
    if clocks[name] == "text":
        return _parsed(value)
    time = _EPOCH + timedelta(microseconds=value)
    return time if clocks[name] == "zoned" else time.replace(tzinfo=None)


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _entries(paths: Sequence[Path], unit_id: str, before: int) -> list[Candidate]:
    """What the unit entered before a moment, over all journeys, in order of time."""
    if not paths:
        return []
    query = parse(
        "SELECT unit_id, epoch_us(t0), experiment_id, would_send_channel, decision_id FROM log "
        "WHERE unit_id = $id AND NOT entry_no IS NULL AND epoch_us(t0) < $before ORDER BY t0, experiment_id",
        log=parquet_table(paths),
        id=literal(unit_id),
        before=literal(before),
    )
    with ParquetEngine() as engine:
        return [Candidate(*row) for row in engine.query(query)]
