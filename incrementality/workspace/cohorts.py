"""Cohorts that are drawn at once: the draw, what is kept of it, and who may be handed in again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment import Assigned, assign, draw_fixed, keep_cohort, mahalanobis_limit, redraw, rerandomise
from incrementality.assignment.assign import DRAWN, NO_ARM
from incrementality.assignment.fixed import THIN_STRATUM
from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace.frozen import read_cohort, write_cohort, write_frozen

if TYPE_CHECKING:
    from datetime import datetime

    from incrementality.assignment import AssignmentPlan
    from incrementality.assignment.ledger import Ledger
    from incrementality.experiment import FixedCohort
    from incrementality.workspace.plans import SettledPlan
    from incrementality.workspace.project import Workspace
    from incrementality.workspace.units import UnitBatch

__all__ = ["draw_cohort", "draw_kept_cohort"]


def draw_cohort(
    workspace: Workspace, settled: SettledPlan, units: UnitBatch, cohort: FixedCohort, *, at: datetime
) -> SettledPlan:
    """Draw a cohort at once, keep its units, and freeze the plan with what the draw came to.

    Args:
        workspace: The workspace; its turn is held.
        settled: The plan; nothing was assigned by it yet.
        units: All units, with their strata and covariates where the request names some.
        cohort: What the request asks for.
        at: The moment (UTC).

    Raises:
        InputError: Strata or covariates are missing, a unit stands twice, or no draw was close enough.
    """
    plan = settled.frozen.plan
    if (units.strata is None) != (not cohort.strata):
        raise InputError(
            f"the request of {plan.experiment!r} names strata: {', '.join(cohort.strata) or 'none'}",
            hint="hand in the stratum of each unit where it names some, and none where it names none",
        )
    drawn, plan, told = _drawn(plan, units, cohort)
    kept = keep_cohort(plan, drawn, units.strata)
    manifest = {
        **told,
        "drawn_at": at.isoformat(timespec="seconds"),
        "source": units.source,
        "source_sha256": units.source_sha256 or _fingerprint(units),
        "units": units.n,
        "drawn": len(kept.units),
        "strata": len(set(kept.strata)),
        "strata_columns": list(cohort.strata),
        "units_in_thin_strata": int((drawn.reason == THIN_STRATUM).sum()),
        "salt": plan.rank_salt or plan.salt,
    }
    frozen = replace(settled.frozen, versions=(plan,), cohort=manifest)
    write_cohort(workspace, plan.experiment, kept)
    write_frozen(workspace, plan.experiment, frozen)
    return replace(settled, frozen=frozen)


def _drawn(
    plan: AssignmentPlan, units: UnitBatch, cohort: FixedCohort
) -> tuple[Assigned, AssignmentPlan, dict[str, Any]]:
    asked = cohort.rerandomise
    if asked is None:
        return draw_fixed(plan, list(units.ids), units.strata), plan, {}
    if units.covariates is None:
        raise InputError(
            f"{plan.experiment!r} is drawn until {', '.join(asked.covariates)} are balanced, which were not handed in",
            hint="hand in a file of units with these columns",
        )
    limit = mahalanobis_limit(asked.acceptance, len(asked.covariates))
    draw = rerandomise(
        plan, list(units.ids), np.asarray(units.covariates), limit=limit, strata=units.strata, most=asked.most
    )
    told = {"covariates": list(asked.covariates), "tries": draw.tries, "distance": draw.distance, "limit": limit}
    return draw.assigned, draw.plan, told


def _fingerprint(units: UnitBatch) -> str:
    digest = hashlib.sha256()
    for unit in sorted(map(str, units.ids)):
        digest.update(f"{unit}\n".encode())
    return digest.hexdigest()


def draw_kept_cohort(workspace: Workspace, plan: AssignmentPlan, units: UnitBatch, ledger: Ledger) -> Assigned:
    """Return what a cohort's draw gave these units; nobody enters later.

    Raises:
        WorkspaceError: A unit was not there when the cohort was drawn.
        LedgerDamaged: What was kept of the cohort has been changed.
    """
    cohort = redraw(plan, read_cohort(workspace, plan.experiment))
    places = {unit: place for place, unit in enumerate(cohort.unit_id.tolist())}
    now = assign(plan, list(units.ids))
    entering = ((now.reason == DRAWN) | (now.reason == NO_ARM)) & (now.source == "hash")
    known = np.array([unit in places for unit in now.unit_id], dtype=bool)
    _refuse_late(plan, now.unit_id[entering & ~known].tolist(), ledger)
    columns = {name: column.copy() for name, column in now.to_columns().items()}
    rows = np.array([places[unit] for unit in now.unit_id[known]], dtype=np.intp)
    for name, column in cohort.to_columns().items():
        columns[name][known] = column[rows]
    return Assigned(**columns)  # type: ignore[arg-type]


def _refuse_late(plan: AssignmentPlan, units: list[str], ledger: Ledger) -> None:
    late = int((~ledger.erased(units)).sum()) if units else 0
    if late:
        raise WorkspaceError(
            f"{late:,} units are not in the cohort of {plan.experiment!r}, which was drawn at once",
            hint="hand in the units of that draw; later ones need an experiment of their own",
        )
