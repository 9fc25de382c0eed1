"""The verb that decides: from event tables to the decision log of both arms, and what stands of it in git.

experiments/<id>/eligibility.yaml   the rule; people write it
decisions/                          the log, append-only; never in git
experiments/<id>/decisions.json     counts by status and reason, rule versions, periods, hashes; no customer rows
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from incrementality.cohorts import decide, reconstruct
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, WorkspaceBusy, WorkspaceError
from incrementality.files import write_files
from incrementality.workspace.decision_log import DecisionLog, Run, RunRule
from incrementality.workspace.decision_rows import DecisionCount, count_decisions, decided_table, entries_on_record
from incrementality.workspace.rules import check_versions, day_after, midnight, rules_together, tables_of
from incrementality.workspace.sources import connect_tables, open_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.cohorts.decisions import Basis
    from incrementality.workspace.eligibility import Eligibility
    from incrementality.workspace.project import Workspace

__all__ = ["DecidedUnits", "decide_units", "log_of", "logged_runs"]

_SUMMARY = "decisions.json"
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedUnits(DisplayMixin):
    """What one run of ``decide`` did.

    Attributes:
        experiment_id: The experiment.
        together: The experiments that were decided in the same run, this one included.
        version: The rule's declared version.
        fingerprint: The rule's fingerprint.
        basis: ``logged`` or ``reconstructed``.
        since: From here on firings were decided; a run continues where the log ends.
        until: Up to here.
        data_cut: The inputs were known up to here.
        new: Decisions that this run added, by status and reasons.
        logged: All decisions on record, by status and reasons.
        refused: Rows of each input table that were not used, by reason.
    """

    experiment_id: str
    together: tuple[str, ...]
    version: int
    fingerprint: str
    basis: Basis
    since: datetime
    until: datetime
    data_cut: datetime
    new: tuple[DecisionCount, ...]
    logged: tuple[DecisionCount, ...]
    refused: Mapping[str, Mapping[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        moments = {name: getattr(self, name).isoformat() for name in ("since", "until", "data_cut")}
        return asdict(self) | moments

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return all decisions on record by status and reasons, the most frequent first."""
        return tuple(asdict(count) for count in self.logged)


def log_of(workspace: Workspace) -> DecisionLog:
    """Return the workspace's decision log."""
    return DecisionLog(workspace.root / "decisions")


def logged_runs(workspace: Workspace, experiment_id: str) -> tuple[Run, ...]:
    """Return the runs that decided an experiment, in the order of their periods.

    Raises:
        InputError: There is none.
        WorkspaceError: decisions.json knows runs that the log does not hold.
    """
    runs = tuple(run for run in log_of(workspace).runs() if experiment_id in run.rules)
    summary = workspace.folder(experiment_id) / _SUMMARY
    known = _segments(summary.read_text(encoding="utf-8")) if summary.is_file() else set()
    if lost := sorted(known - {run.name for run in runs}):
        raise WorkspaceError(
            f"experiments/{experiment_id}/{_SUMMARY} knows {len(lost)} segment(s) that decisions/ does not hold, the "
            f"first {lost[0]}",
            hint="restore them from a backup; the decision log is not in git",
        )
    if not runs:
        raise InputError(
            f"nothing was decided yet for {experiment_id!r}", hint=f"run: incrementality holdout decide {experiment_id}"
        )
    return runs


def _segments(text: str) -> set[str]:
    try:
        return {str(run["segment"]) for run in json.loads(text)["runs"]}
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(f"{_SUMMARY} cannot be read: {error}", hint="restore it from git") from error


def decide_units(
    workspace: Workspace,
    experiment_id: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    data_cut: datetime | None = None,
    basis: Basis = "logged",
) -> DecidedUnits:
    """Decide every firing of an experiment's trigger, for both arms, and append the decisions to the log.

    A period is decided once: the run continues where the log ends, and entries on record use up caps and re-entry.
    What arrives late for a decided period is drift, not a new decision. Where a cap counts across journeys, all
    rules of the workspace are decided in the same run.

    Args:
        workspace: The workspace.
        experiment_id: The experiment, with ``eligibility.yaml`` beside its file.
        since: Firings count from here on; default: where the log ends, else the experiment's first day.
        until: Firings no longer count from here on; default: the data cut, or the end of the last day.
        data_cut: Up to when the inputs are complete; default: now.
        basis: ``reconstructed`` marks decisions on a past period for which no log was written at the time.

    Raises:
        RuleError: The rule's file has problems.
        InputError: The period is empty, a table cannot be used, or nothing says from when on to decide.
        WorkspaceError: The rule has changed without a new version.
        WorkspaceBusy: Other processes kept writing decisions meanwhile.
    """
    cut = _known_by(_aware(data_cut))
    for _ in range(_ATTEMPTS):
        runs = log_of(workspace).runs()
        start = _start(workspace, experiment_id, _aware(since), runs)
        chosen = rules_together(workspace, experiment_id, on=start)
        check_versions(chosen, runs)
        start = max([start, *(run.until for run in runs if run.rules.keys() & chosen.keys())])
        last = day_after(workspace.experiment(experiment_id).ended)
        run = _planned(chosen, basis, since=start, until=_aware(until) or min(cut, last or cut), cut=cut)
        if start >= run.until and any(experiment_id in known.rules for known in runs):
            return _answer(workspace, experiment_id, chosen, run)
        written = _run(workspace, chosen, run, runs)
        if written is not None:
            return _answer(workspace, experiment_id, chosen, written)
    raise WorkspaceBusy(
        f"other processes wrote decisions {_ATTEMPTS} times while these were made",
        hint="run the command again when they are done",
    )


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise InputError(f"the time {moment.isoformat()} has no zone", hint="write it in UTC: 2026-03-01T06:00:00Z")
    return None if moment is None else moment.astimezone(UTC)


def _known_by(data_cut: datetime | None) -> datetime:
    now = datetime.now(UTC)
    if data_cut is not None and data_cut > now:
        raise InputError(
            f"the data cut {data_cut.isoformat()} lies in the future; a firing that is not there yet would never be "
            "decided",
            hint="leave --data-cut out, or give a moment up to which the tables are complete",
        )
    return data_cut or now


def _start(workspace: Workspace, experiment_id: str, since: datetime | None, runs: Sequence[Run]) -> datetime:
    own = [run for run in runs if experiment_id in run.rules]
    if since is not None and own and since < own[0].since:
        raise InputError(
            f"the log of {experiment_id!r} starts at {own[0].since.isoformat()}; what lies before was not decided, and "
            "the decisions on record do not know of it",
            hint="leave --since out to continue where the log ends, or start a new experiment",
        )
    started = workspace.experiment(experiment_id).started
    first = since or (own[-1].until if own else None if started is None else midnight(started))
    if first is None:
        raise InputError(
            f"nothing says from when on {experiment_id!r} is decided",
            hint="give --since, or write 'started' in experiment.yaml",
        )
    return first


def _planned(
    chosen: Mapping[str, Eligibility], basis: Basis, *, since: datetime, until: datetime, cut: datetime
) -> Run:
    rules = {name: RunRule(found.version, found.rule.fingerprint) for name, found in chosen.items()}
    return Run(rules=rules, basis=basis, since=since, until=until, data_cut=cut, decided_at=datetime.now(UTC))


def _run(workspace: Workspace, chosen: Mapping[str, Eligibility], run: Run, runs: tuple[Run, ...]) -> Run | None:
    """Decide a run's period in the engine and write it; ``None`` where another process was faster."""
    log, settings, locators = log_of(workspace), workspace.configuration, tables_of(workspace, chosen)
    with connect_tables(locators, warehouse=settings.warehouse, memory_limit=settings.memory_limit) as engine:
        found = (decide if run.basis == "logged" else reconstruct)(
            {name: eligibility.rule for name, eligibility in chosen.items()},
            open_tables(locators, engine),
            warehouse=engine,
            since=run.since,
            until=run.until,
            data_cut=run.data_cut,
            earlier=entries_on_record(engine, log.paths(runs)),
        )
        refused = tuple((r.experiment_id, r.table, r.rows, dict(r.reasons)) for r in found.refused)
        with decided_table(engine, found, memory_limit=settings.memory_limit) as (writer, table):
            return log.append(writer, table, replace(run, refused=refused), after=runs)


def _answer(workspace: Workspace, experiment_id: str, chosen: Mapping[str, Eligibility], run: Run) -> DecidedUnits:
    """Bring decisions.json up to date for all that were decided, and say what the run did."""
    log = log_of(workspace)
    runs = log.runs()
    summaries = {name: _summary(log, name, [known for known in runs if name in known.rules]) for name in chosen}
    write_files({workspace.folder(name) / _SUMMARY: text for name, text in summaries.items()})
    return DecidedUnits(
        experiment_id=experiment_id,
        together=tuple(run.rules),
        version=run.rules[experiment_id].version,
        fingerprint=run.rules[experiment_id].fingerprint,
        basis=run.basis,
        since=run.since,
        until=run.until,
        data_cut=run.data_cut,
        new=count_decisions(log.paths([run] if run.name else []), experiment_id),
        logged=count_decisions(log.paths(known for known in runs if experiment_id in known.rules), experiment_id),
        refused={table: dict(why) for name, table, _, why in run.refused if name == experiment_id},
    )


def _summary(log: DecisionLog, experiment_id: str, runs: Sequence[Run]) -> str:
    told = [_told(run, experiment_id) for run in runs]
    counts = [asdict(count) for count in count_decisions(log.paths(runs), experiment_id)]
    rules = {run.rules[experiment_id].version: run.rules[experiment_id].fingerprint for run in runs}
    content = {
        "experiment": experiment_id,
        "rules": [{"version": version, "fingerprint": rules[version]} for version in sorted(rules)],
        "counts": counts,
        "runs": told,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _told(run: Run, experiment_id: str) -> dict[str, Any]:
    content = run.to_dict()
    return {
        "segment": run.name,
        **{name: content[name] for name in ("basis", "since", "until", "data_cut", "decided_at")},
        "version": run.rules[experiment_id].version,
        "together": sorted(run.rules),
        "refused": {table: {"rows": rows, **why} for name, table, rows, why in run.refused if name == experiment_id},
    }
