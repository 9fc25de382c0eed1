"""Which rules are decided together, whether they are those on record, and where the tables lie that they read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace.eligibility import has_eligibility, read_eligibility
from incrementality.workspace.sources import locate_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.warehouse import Locator
    from incrementality.workspace.decision_log import Run
    from incrementality.workspace.eligibility import Eligibility
    from incrementality.workspace.project import Workspace

__all__ = ["check_versions", "day_after", "midnight", "rules_together", "tables_of"]


def midnight(day: date) -> datetime:
    """Return when a day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


def day_after(day: date | None) -> datetime | None:
    """Return when a day is over, in UTC; ``None`` for no day."""
    return None if day is None else midnight(day + timedelta(days=1))


def rules_together(workspace: Workspace, experiment_id: str, *, on: datetime) -> dict[str, Eligibility]:
    """Return the rules that are decided together with an experiment's: all, where a cap counts across journeys.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        on: Other experiments whose last day was over by then are left out.

    Raises:
        RuleError: A rule's file has problems.
    """
    rules = {experiment_id: read_eligibility(workspace, experiment_id)}
    for other in workspace.experiment_ids():
        if other != experiment_id and has_eligibility(workspace, other):
            over = day_after(workspace.experiment(other).ended)
            if over is None or over > on:
                rules[other] = read_eligibility(workspace, other)
    shared = any(cap.across for found in rules.values() for cap in found.rule.caps)
    return dict(sorted(rules.items())) if shared else {experiment_id: rules[experiment_id]}


def check_versions(chosen: Mapping[str, Eligibility], runs: Sequence[Run]) -> None:
    """Check that each rule is the one that decided before, or declares a new version.

    Raises:
        WorkspaceError: A rule has changed and its version has not, or the other way round.
    """
    for name, found in chosen.items():
        known = {run.rules[name].version: run.rules[name].fingerprint for run in runs if name in run.rules}
        if known:
            _check_version(found, known)


def _check_version(found: Eligibility, known: Mapping[int, str]) -> None:
    latest, before = max(known), known.get(found.version)
    if before is not None and before != found.rule.fingerprint:
        raise WorkspaceError(
            f"the rule of {found.experiment_id!r} has changed since version {found.version} decided: {before[:12]} "
            f"then, {found.rule.fingerprint[:12]} now",
            hint=f"take the change back, or write 'version: {latest + 1}' in eligibility.yaml; what was decided stands",
        )
    same = found.version > latest and known[latest] == found.rule.fingerprint
    if found.version < latest or same:
        raise WorkspaceError(
            f"eligibility.yaml of {found.experiment_id!r} declares version {found.version}, and the log holds version "
            f"{latest}{' of the very same rule' if same else ''}",
            hint=f"write 'version: {latest}', or change the rule and write 'version: {latest + 1}'",
        )


def tables_of(workspace: Workspace, chosen: Mapping[str, Eligibility]) -> dict[str, Locator]:
    """Return where the tables lie that some rules read together; one name is one table.

    Raises:
        InputError: Two rules mean two tables by one name, or a table cannot be found.
    """
    found: dict[str, Locator] = {}
    for name, eligibility in chosen.items():
        warehouse = workspace.configuration.warehouse
        own = locate_tables(eligibility.rule.tables, eligibility.maps, root=workspace.root, warehouse=warehouse)
        for table, place in own.items():
            if found.setdefault(table, place) != place and _place(found[table]) != _place(place):
                raise InputError(
                    f"the table {table!r} of {name!r} lies elsewhere than that of a rule that is decided with it",
                    hint="name two tables by two names, or write their source once, in incrementality.yaml",
                )
    return found


def _place(locator: Locator) -> tuple[object, ...]:
    return locator.kind, locator.path, locator.table, locator.url
