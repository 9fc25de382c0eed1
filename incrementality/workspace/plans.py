"""The plan in force: the frozen one, or its next version where the file only lets more units enter."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from incrementality.assignment import AssignmentPlan
from incrementality.assignment.audit import salt_reuse
from incrementality.errors import WorkspaceError
from incrementality.files import exclusive, make_folder, write_once
from incrementality.workspace.asked import Asked, asked_of
from incrementality.workspace.frozen import FrozenPlan, is_erased, read_frozen, write_frozen
from incrementality.workspace.layers import LAYERS, open_layer_slot, still_holds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from incrementality.assignment import GlobalHoldout, Override
    from incrementality.workspace.project import Workspace

__all__ = ["SettledPlan", "in_turn", "ledger_folder", "plan_in_force", "settle", "today"]


@dataclass(frozen=True, slots=True)
class SettledPlan:
    """The plan that units are assigned by on a day.

    Attributes:
        frozen: All versions, the one in force last.
        flags: What the day adds, such as a wash-out.
        asked: What the file asks for.
        is_new: Whether nothing was assigned by this version before.
    """

    frozen: FrozenPlan
    flags: tuple[str, ...]
    asked: Asked
    is_new: bool


def today() -> date:
    """Return the day (UTC)."""
    return datetime.now(UTC).date()


@contextmanager
def in_turn(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's turn: of several processes one at a time freezes a plan or opens a slot.

    Raises:
        WorkspaceBusy: Another process held it for a minute.
    """
    folder = ledger_folder(workspace) / "turn"
    make_folder(folder)
    with exclusive(folder):
        yield


def ledger_folder(workspace: Workspace) -> Path:
    """Return the folder of everything that holds customers' ids; it is made with a rule that keeps it out of git."""
    folder = workspace.root / "ledger"
    make_folder(folder)
    write_once(folder / ".gitignore", "# customer rows never enter git\n*\n")
    return folder


def plan_in_force(workspace: Workspace, experiment_id: str, *, on: date | None = None) -> AssignmentPlan:
    """Return the plan that an assignment would use on a day; nothing is written.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        on: The day; default: today (UTC).

    Raises:
        WorkspaceError: The file has changed since units were assigned, other than by what lets more units enter.
    """
    asked = asked_of(workspace, experiment_id, on or today())
    frozen = read_frozen(workspace, experiment_id)
    return asked.plan if frozen is None else _next_version(frozen, asked)


def settle(workspace: Workspace, experiment_id: str, on: date, *, writing: bool = True) -> SettledPlan:
    """Settle the plan of a day, in turn: check it against the other experiments, and open its layer slot durably.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        on: The day (UTC).
        writing: Whether a version that is new is frozen; its slot is opened in any case.

    Raises:
        WorkspaceError: The file has changed; the global holdout washes out or has not begun; the salt is that of
            another experiment; an experiment that must not overlap may share units; or the slot was released after
            the experiment's end.
    """
    asked = asked_of(workspace, experiment_id, on)
    flags = _holdout_flags(asked, on)
    before = read_frozen(workspace, experiment_id)
    plan = asked.plan if before is None else _next_version(before, asked)
    _refuse_shared_salt(workspace, plan)
    if before is None:
        _refuse_overlap(workspace, asked, on)
    if plan.layer is not None and asked.layer is not None:
        if before is None:
            open_layer_slot(workspace, plan.layer, asked.layer, on)
        elif not still_holds(workspace, plan.layer, asked.layer):
            raise WorkspaceError(
                f"{experiment_id!r} has ended and its slot of the layer {asked.layer.name!r} was released: "
                "another experiment draws these units now",
                hint=f"see {LAYERS}; start a new experiment with an id of its own",
            )
    is_new = before is None or plan != before.plan
    frozen = before if before is not None and not is_new else _grown(before, plan)
    if writing and is_new:
        write_frozen(workspace, experiment_id, frozen)
    return SettledPlan(frozen, flags, asked, is_new)


def _grown(before: FrozenPlan | None, plan: AssignmentPlan) -> FrozenPlan:
    return FrozenPlan(versions=(plan,)) if before is None else replace(before, versions=(*before.versions, plan))


def _holdout_flags(asked: Asked, on: date) -> tuple[str, ...]:
    """Return what the rotation of the global holdout has to say about a day."""
    held = asked.holdout
    if held is None or held.starts is None or held.replaces is None:
        return ()
    if on < held.starts:
        raise WorkspaceError(
            f"the global holdout {held.salt!r} replaces {held.replaces!r} on {held.starts} and not on {on}",
            hint=f"wait until {held.starts}, or keep {held.replaces!r} in programme.yaml until then",
        )
    if not held.is_washing_out(on):
        return ()
    told = f"until {held.washout_ends} the global holdout {held.replaces!r} washes out: its units may still differ"
    if asked.request.washout == "refuse":
        raise WorkspaceError(
            f"{asked.experiment.id!r} cannot be assigned on {on}: {told}",
            hint=f"wait until {held.washout_ends}, or write request.washout: flag, which assigns and says so",
        )
    return (f"assigned in a wash-out: {told}",)


def _refuse_shared_salt(workspace: Workspace, plan: AssignmentPlan) -> None:
    others = [other for other in workspace.experiment_ids() if other != plan.experiment]
    frozen = [found.plan for other in others if (found := read_frozen(workspace, other)) is not None]
    mine = [reused for reused in salt_reuse([plan, *frozen]) if plan.experiment in reused.experiments]
    if mine:
        shared = ", ".join(name for name in mine[0].experiments if name != plan.experiment)
        raise WorkspaceError(
            f"{plan.experiment!r} would draw with the salt {mine[0].salt!r} of {shared}: their arms would be one draw",
            hint="one experiment has one salt; analyse the one that is there, or draw a new global holdout",
        )


def _refuse_overlap(workspace: Workspace, asked: Asked, on: date) -> None:
    """Refuse a first draw that may share units with a running experiment, where one of both says that it must not."""
    mine = asked.experiment
    for other_id in workspace.experiment_ids():
        frozen = None if other_id == mine.id else read_frozen(workspace, other_id)
        if frozen is None:
            continue
        other = workspace.experiment(other_id)
        theirs = () if other.request is None else other.request.must_not_overlap
        over = other.ended is not None and other.ended < on
        if over or not (other_id in asked.request.must_not_overlap or mine.id in theirs):
            continue
        if not _are_apart(asked.plan, frozen.plan):
            raise WorkspaceError(
                f"{mine.id!r} and {other_id!r} must not overlap, and nothing keeps their units apart",
                hint="put both into one layer (request.layer), or take the name out of must_not_overlap",
            )


def _are_apart(one: AssignmentPlan, other: AssignmentPlan) -> bool:
    """Say whether two plans can share no unit: other slots of one layer, or other arms of one parent."""
    if one.layer is not None and other.layer is not None and one.layer.layer == other.layer.layer:
        return one.layer.hi <= other.layer.lo or other.layer.hi <= one.layer.lo
    if one.within is None or other.within is None:
        return False
    same = one.within.plan.experiment == other.within.plan.experiment
    return same and set(one.within.arms).isdisjoint(other.within.arms)


def _next_version(frozen: FrozenPlan, asked: Asked) -> AssignmentPlan:
    """Return the plan in force, or its next version: more phases, more overrides, a rotated global holdout."""
    plan, wanted, fixed = frozen.plan, asked.plan, frozen.cohort is not None
    changed = _changed(frozen, asked)
    if changed:
        whole = f"the {changed} of experiments/{plan.experiment}/experiment.yaml"
        raise WorkspaceError(
            f"{whole} are not those that units were assigned by",
            hint="take the change back, or start a new experiment with an id of its own; later phases may be added "
            "under request.ramp",
        )
    overrides = _more_overrides(plan, wanted)
    same_holdout = _draw_of(plan.global_holdout) == _draw_of(wanted.global_holdout)
    if fixed or (same_holdout and not overrides and len(wanted.phases) == len(plan.phases)):
        return plan
    later = {
        "version": plan.version + 1,
        "phases": plan.phases if len(wanted.phases) == len(plan.phases) else wanted.phases,
        "global_holdout": plan.global_holdout if same_holdout else wanted.global_holdout,
        "overrides": (*plan.overrides, *overrides),
    }
    return AssignmentPlan.from_dict({**dict(plan), **later})


def _changed(frozen: FrozenPlan, asked: Asked) -> str | None:
    """Return what a changed file would move units by, or ``None``."""
    plan, wanted = frozen.plan, asked.plan
    arms = plan.phases[0].ranges, plan.arm_names
    differences = {
        "arms": (wanted.phases[0].ranges, wanted.arm_names) != arms,
        "unit and its ids": wanted.unit_type != plan.unit_type,
        "draws": (wanted.salt, wanted.draws) != (plan.salt, plan.draws),
        "layers": wanted.layer != plan.layer,
        "parents": _parent(wanted) != _parent(plan),
        "phases": not _continues(plan, wanted),
        "draws at once": (asked.request.cohort is None) != (frozen.cohort is None),
        "global holdouts": not _may_follow(plan.global_holdout, wanted.global_holdout),
        "overrides": bool(_missing_overrides(plan, wanted)),
    }
    return next((name for name, differs in differences.items() if differs), None)


def _parent(plan: AssignmentPlan) -> tuple[str, tuple[str, ...]] | None:
    return None if plan.within is None else (plan.within.plan.experiment, plan.within.arms)


def _continues(plan: AssignmentPlan, wanted: AssignmentPlan) -> bool:
    """Say whether the phases that were used stand as they were; the day of a single phase may be corrected."""
    if len(wanted.phases) < len(plan.phases):
        return False
    pairs = list(zip(plan.phases, wanted.phases, strict=False))
    if any((a.traffic, a.ranges) != (b.traffic, b.ranges) for a, b in pairs):
        return False
    return len(plan.phases) == 1 or all(a.starts == b.starts for a, b in pairs)


def _draw_of(holdout: GlobalHoldout | None) -> tuple[str, int, int] | None:
    return None if holdout is None else (holdout.salt, holdout.status_quo, holdout.end)


def _may_follow(before: GlobalHoldout | None, now: GlobalHoldout | None) -> bool:
    """Say whether a holdout may follow another: the same, the first one, or one that says that it replaces it."""
    if before is None or _draw_of(before) == _draw_of(now):
        return True
    return now is not None and now.replaces == before.salt


def _missing_overrides(plan: AssignmentPlan, wanted: AssignmentPlan) -> list[Override]:
    return [o for o in plan.overrides if o not in wanted.overrides and not is_erased(o.unit_id)]


def _more_overrides(plan: AssignmentPlan, wanted: AssignmentPlan) -> list[Override]:
    return [override for override in wanted.overrides if override not in plan.overrides]
