"""Who counts: the eligible whose longest window has closed, each other row under one named reason.

A rule is written once as syntax and read twice: as the filter of every pass over outcomes, and as the count of
rows by the first reason that keeps them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from incrementality.errors import InputError, ValueNotAllowed
from incrementality.tables import Part
from incrementality.warehouse.sql import column, literal, not_nan, number_of, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlglot import exp

    from incrementality.experiment import Experiment
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["FLAG", "MOMENT", "PROBABILITY", "PopulationRule", "followed_window", "longest_window", "population_rule"]

FLAG = Part(
    "0/1 flag",
    frozenset({"boolean", "decimal", "float", "integer"}),
    "eligibility and delivery are 0/1 or true/false",
    "export the column as 0 and 1, empty where it is not known",
)
MOMENT = Part(
    "moment of decision",
    frozenset({"temporal"}),
    "a decision has a date or a timestamp",
    "export the column as a date or a timestamp in UTC",
)
PROBABILITY = Part(
    "probability of the arm",
    frozenset({"decimal", "float", "integer"}),
    "a probability is a number above 0 and at most 1",
    "export the probability by which each unit was drawn into its arm, empty where it is not known",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationRule:
    """Which rows count, as syntax.

    Attributes:
        eligible: 1 for eligible, 0 for not, null for unknown; ``None`` where eligibility is not mapped.
        delivered: 1 for delivered, 0 for all others; ``None`` where delivery is not mapped.
        delivery_unknown: True where delivery is empty.
        mature: True for decisions whose longest window has closed; ``None`` where no data cut is declared.
        kept: Tests that a row must pass to count.
        reasons: What keeps a row out, in the order in which it is asked; the first that holds counts.
    """

    eligible: exp.Expression | None = None
    delivered: exp.Expression | None = None
    delivery_unknown: exp.Expression | None = None
    mature: exp.Expression | None = None
    kept: tuple[exp.Expression, ...] = ()
    reasons: dict[str, exp.Expression] = field(default_factory=dict)


def longest_window(experiment: Experiment) -> timedelta:
    """Return the longest outcome window of the metrics; zero where none states one."""
    return max((metric.window for metric in experiment.metrics if metric.window is not None), default=timedelta(0))


def followed_window(experiment: Experiment) -> timedelta:
    """Return the window that must have closed for a unit to count; a time to an event counts units still watched."""
    metrics = tuple(metric for metric in experiment.metrics if metric.kind != "time")
    return longest_window(experiment.model_copy(update={"metrics": metrics}))


def population_rule(warehouse: Warehouse, relation: Relation, experiment: Experiment, *, source: str) -> PopulationRule:
    """Return the rule that the experiment's mapping asks for, with its columns' values checked.

    Args:
        warehouse: The engine.
        relation: The table or view, whose columns have been checked.
        experiment: Maps eligibility, delivery and the moment of the decision.
        source: How the source is called in errors.

    Raises:
        InputError: Eligibility, or the moment of the decision, is an outcome too.
        ValueNotAllowed: A flag holds anything but 0, 1 and nothing.
    """
    data = experiment.data
    _check_parts(experiment)
    flags = {name: _flag(relation, name) for name in (data.eligible, data.delivered) if name is not None}
    _check_flags(warehouse, relation, flags, source)
    rule = PopulationRule()
    if data.delivered is not None:
        raw = flags[data.delivered]
        rule = replace(rule, delivered=parse("coalesce($d, 0e0)", d=raw), delivery_unknown=parse("$d IS NULL", d=raw))
    if data.eligible is not None:
        rule = _with_eligibility(rule, flags[data.eligible], filters=data.analysed == "eligible")
    if data.t0 is not None and data.data_cut is not None:
        follow_up = followed_window(experiment) + (data.maturity_lag or timedelta(0))
        rule = _with_maturity(rule, data.t0, data.data_cut, follow_up)
    return rule


def _flag(relation: Relation, name: str) -> exp.Expression:
    number = number_of(name, relation.columns[name])
    return not_nan(number) if relation.columns[name] == "float" else number


def _with_eligibility(rule: PopulationRule, eligible: exp.Expression, *, filters: bool) -> PopulationRule:
    """The rule with eligibility; it only informs where all assigned units are analysed."""
    rule = replace(rule, eligible=eligible)
    if not filters:
        return rule
    reasons = {
        "eligibility unknown": parse("$e IS NULL", e=eligible),
        "not eligible": parse("$e = 0e0", e=eligible),
    }
    return replace(rule, kept=(parse("$e = 1e0", e=eligible),), reasons=reasons)


def _with_maturity(rule: PopulationRule, name: str, cut: datetime, longest: timedelta) -> PopulationRule:
    """The rule with maturity: a decision counts once ``t0 + longest window + maturity lag <= data cut``."""
    t0 = parse("CAST($t AS TIMESTAMP)", t=column(name))
    mature = parse("$t <= $latest", t=t0, latest=_moment(cut - longest))
    reasons = {
        "decision time unknown": parse("$t IS NULL", t=t0),
        "decided after the data cut": parse("$t > $cut", t=t0, cut=_moment(cut)),
        "not mature yet": parse("$t > $latest", t=t0, latest=_moment(cut - longest)),
    }
    return replace(rule, mature=mature, kept=(*rule.kept, mature), reasons=rule.reasons | reasons)


def _moment(value: datetime) -> exp.Expression:
    written = value.replace(tzinfo=None).isoformat(sep=" ")
    return parse("CAST($moment AS TIMESTAMP)", moment=literal(written))


def _check_parts(experiment: Experiment) -> None:
    """Who counts is settled before outcomes: a filter on an outcome keeps what the treatment moved."""
    data = experiment.data
    outcomes = {name for metric in experiment.metrics for name in metric.reads}
    for part, name in _filters(experiment):
        if name in outcomes:
            raise InputError(
                f"column {name!r} is mapped as data.{part} and is an outcome too; whom the answer is about is "
                f"settled before any outcome",
                hint="map a column that was written at the moment of the decision",
            )
    if data.delivered is not None and data.delivered in {segment.column for segment in experiment.segments}:
        raise InputError(
            f"column {data.delivered!r} is mapped as data.delivered and is a segment too; units that were reached "
            f"differ from those that were not, whatever the message did",
            hint="drop the segment and read the effect on compliers",
        )


def _filters(experiment: Experiment) -> Iterator[tuple[str, str]]:
    for part, name in (("eligible", experiment.data.eligible), ("t0", experiment.data.t0)):
        if name is not None:
            yield part, name


def _check_flags(warehouse: Warehouse, relation: Relation, flags: dict[str, exp.Expression], source: str) -> None:
    asked = {name: number for name, number in flags.items() if relation.columns[name] != "boolean"}
    if not asked:
        return
    query = parse("SELECT 1 FROM source", source=relation.name)
    items = [parse("count(CASE WHEN $x <> 0e0 AND $x <> 1e0 THEN 1 END)", x=number) for number in asked.values()]
    query.set("expressions", items)
    for name, rows in zip(asked, warehouse.row(query), strict=True):
        if rows:
            raise ValueNotAllowed(
                f"column {name!r} of {source} is a 0/1 flag and holds other values in {int(rows):,} rows",
                hint=FLAG.hint,
            )
