"""The analysis population: one row a unit that entered, with t0, cluster, stratum and whether its outcomes are in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from incrementality.cohorts.sql_engine import micros_of
from incrementality.cohorts.values import MICROSECOND, micros
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from incrementality.cohorts.decisions import Basis, Decisions
    from incrementality.cohorts.rule import EligibilityRule
    from incrementality.warehouse import Relation

__all__ = ["Cohort", "cohort"]

Entries = Literal["first", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort(DisplayMixin):
    """Who entered, both arms; the arm is appended later by ``decision_id``.

    Attributes:
        relation: decision_id, unit_id, cluster, stratum, t0 (UTC), entry_no, rule_version, mature, basis. The cluster
            is the account where the rule names one, else the unit.
        experiment_id: The experiment.
        rule_version: The rule's fingerprint.
        basis: ``logged`` or ``reconstructed``.
        entries: ``first``: one row a unit; ``all``: one row an entry.
        size: Rows.
        mature: Rows whose outcomes are complete: t0 + window + maturity lag lies within the data.
        left_out: Decisions that are no row, by status and reasons.
    """

    relation: Relation
    experiment_id: str
    rule_version: str
    basis: Basis
    entries: Entries
    size: int
    mature: int
    left_out: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """The cohort in words."""
        rebuilt = " It was reconstructed: no log was written at the time." if self.basis == "reconstructed" else ""
        return f"{self.size:,} entered {self.experiment_id}; the outcomes of {self.mature:,} are complete.{rebuilt}"

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return the rows that entered and those left out by reason."""
        entered = {"decision": "entered", "n": self.size}
        return (entered, *({"decision": reason, "n": n} for reason, n in self.left_out.items()))


def cohort(decisions: Decisions, experiment_id: str, *, entries: Entries = "first") -> Cohort:
    """Return the population of one experiment.

    Args:
        decisions: The decision log.
        experiment_id: The experiment.
        entries: ``first`` (default): one row a unit. ``all``: re-entries are rows, and their units are not independent.

    Raises:
        InputError: The log holds no such experiment.
    """
    rule = decisions.rules.get(experiment_id)
    if rule is None:
        raise InputError(
            f"the log holds no experiment {experiment_id!r}; it holds: {', '.join(decisions.rules)}."
            + did_you_mean(experiment_id, decisions.rules),
            hint="name one of them",
        )
    warehouse = decisions.warehouse
    name = f"{decisions.relation.name.name}_{experiment_id.replace('.', '_')}_{entries}_cohort"
    relation = warehouse.materialise(name, _rows(decisions, experiment_id, rule, entries))
    size, mature = warehouse.row(
        parse("SELECT count(*), count(CASE WHEN mature THEN 1 END) FROM source", source=relation.name)
    )
    return Cohort(
        relation=relation,
        experiment_id=experiment_id,
        rule_version=rule.fingerprint,
        basis=decisions.basis,
        entries=entries,
        size=size,
        mature=mature,
        left_out=_left_out(decisions, experiment_id, entries),
    )


def _rows(decisions: Decisions, experiment_id: str, rule: EligibilityRule, entries: Entries) -> exp.Expression:
    follow_up = rule.window + (rule.maturity_lag or timedelta(0))
    return parse(
        "SELECT decision_id, unit_id, $cluster AS cluster, stratum, t0, entry_no, rule_version, "
        "$t0 + $follow_up <= $cut AS mature, $basis AS basis FROM log "
        "WHERE experiment_id = $experiment AND eligible AND ($every OR entry_no = 1)",
        cluster=column("unit_id" if rule.account is None else "account_id"),
        t0=micros_of(column("t0"), decisions.warehouse.dialect, kind="zoned"),
        follow_up=literal(follow_up // MICROSECOND),
        cut=literal(micros(decisions.data_cut)),
        basis=literal(decisions.basis),
        log=decisions.relation.name,
        experiment=literal(experiment_id),
        every=literal(entries == "all"),
    )


def _left_out(decisions: Decisions, experiment_id: str, entries: Entries) -> dict[str, int]:
    query = parse(
        "SELECT CASE WHEN eligible THEN 'a later entry' WHEN NOT eligible THEN 'ineligible: ' || reasons "
        "ELSE 'unknown: ' || reasons END AS why, count(*) AS n FROM log WHERE experiment_id = $experiment "
        "AND NOT (coalesce(eligible, FALSE) AND ($every OR coalesce(entry_no, 1) = 1)) "
        "GROUP BY 1 ORDER BY n DESC, why",
        log=decisions.relation.name,
        experiment=literal(experiment_id),
        every=literal(entries == "all"),
    )
    return dict(decisions.warehouse.query(query))
