"""The verb that re-runs a rule over the logged period: what the inputs say today, against what was decided then."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts import Drift, DriftRow, decide, drift
from incrementality.cohorts.sql_engine import instant
from incrementality.errors import InputError
from incrementality.warehouse.parquet import parquet_table
from incrementality.warehouse.sql import column, literal, named, parse
from incrementality.workspace.decision_rows import entries_on_record, handed_over
from incrementality.workspace.decisions import log_of, logged_runs
from incrementality.workspace.rules import check_versions, rules_together, tables_of
from incrementality.workspace.sources import connect_tables, open_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.cohorts import Decisions, EligibilityRule
    from incrementality.warehouse import Relation, Warehouse
    from incrementality.workspace.decision_log import DecisionLog, Run
    from incrementality.workspace.project import Workspace

__all__ = ["drift_of"]

_KINDS = {
    **dict.fromkeys(("decision_id", "experiment_id", "rule_version", "reasons", "inputs_hash"), "TEXT"),
    "eligible": "BOOLEAN",
    "t0_us": "BIGINT",
}


@dataclass(frozen=True, slots=True)
class _Span:
    """Runs that follow one another without a gap."""

    since: datetime
    until: datetime
    runs: tuple[Run, ...]


def drift_of(workspace: Workspace, experiment_id: str, *, data_cut: datetime | None = None) -> Drift:
    """Run an experiment's rule again over the period that it has decided, and compare; nothing is written.

    Only decisions by the rule in force are compared: what an earlier version decided was another population.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        data_cut: Up to when the inputs are known; default: now.

    Raises:
        InputError: Nothing was decided by the rule in force.
        WorkspaceError: The rule has changed without a new version.
        LedgerDamaged: A segment of the log is damaged.
    """
    log, every = log_of(workspace), log_of(workspace).runs()
    own = logged_runs(workspace, experiment_id)
    chosen = rules_together(workspace, experiment_id, on=own[-1].since)
    check_versions(chosen, every)
    rules = {name: found.rule for name, found in chosen.items()}
    same = [run for run in own if run.rules[experiment_id].fingerprint == rules[experiment_id].fingerprint]
    if not same:
        raise InputError(
            f"version {chosen[experiment_id].version} of the rule of {experiment_id!r} has decided nothing yet",
            hint=f"run: incrementality holdout decide {experiment_id}",
        )
    log.verify(same)
    locators, settings = tables_of(workspace, chosen), workspace.configuration
    cut = data_cut or datetime.now(UTC)
    found: Counter[tuple[str, str, str | None, str | None]] = Counter()
    with connect_tables(locators, warehouse=settings.warehouse, memory_limit=settings.memory_limit) as engine:
        tables = open_tables(locators, engine)
        for k, span in enumerate(_spans(same)):
            before = [run for run in every if run.until <= span.since]
            again = _again(engine, rules, tables, span, cut, entries=(log, before, k))
            found.update(_compared(engine, log, span, again, experiment_id=experiment_id, k=k))
    return Drift(tuple(DriftRow(*key, n) for key, n in found.most_common()))


def _spans(runs: Sequence[Run]) -> list[_Span]:
    spans: list[_Span] = []
    for run in runs:
        if spans and spans[-1].until == run.since:
            spans[-1] = _Span(spans[-1].since, run.until, (*spans[-1].runs, run))
        else:
            spans.append(_Span(run.since, run.until, (run,)))
    return spans


def _again(
    engine: Warehouse,
    rules: Mapping[str, EligibilityRule],
    tables: Mapping[str, Relation],
    span: _Span,
    cut: datetime,
    *,
    entries: tuple[DecisionLog, Sequence[Run], int],
) -> Decisions:
    log, before, k = entries
    return decide(
        rules,
        tables,
        warehouse=engine,
        since=span.since,
        until=span.until,
        data_cut=max(cut, span.until),
        name=f"again_{k}",
        earlier=entries_on_record(engine, log.paths(before), name=f"entries_{k}"),
    )


def _compared(
    engine: Warehouse, log: DecisionLog, span: _Span, again: Decisions, *, experiment_id: str, k: int
) -> dict[tuple[str, str, str | None, str | None], int]:
    columns = [exp.column(name) for name in _KINDS if name != "t0_us"]
    query = parse(
        "SELECT 1 FROM log WHERE experiment_id = $id",
        log=parquet_table(log.paths(span.runs)),
        id=literal(experiment_id),
    )
    query.set("expressions", [*columns, named(parse("epoch_us(t0)"), "t0_us")])
    carried = handed_over(engine, f"carried_{k}", query, _KINDS)
    timed = parse("SELECT 1 FROM carried", carried=carried.name)
    timed.set(
        "expressions", [*(node.copy() for node in columns), named(instant(column("t0_us"), engine.dialect), "t0")]
    )
    frozen = engine.materialise(f"frozen_{k}", timed)
    own = parse("SELECT * FROM again WHERE experiment_id = $id", again=again.relation.name, id=literal(experiment_id))
    rerun = replace(again, relation=engine.materialise(f"rerun_{k}", own))
    return {(row.experiment_id, row.change, row.was, row.now): row.n for row in drift(frozen, rerun).rows}
