"""From an experiment file and what the programme shares to the plan that they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from incrementality.assignment import AssignmentPlan, Phase, Within, cut, plan_for, plan_of_holdout, with_phase
from incrementality.assignment.ramp import arm_ranges
from incrementality.errors import InputError, WorkspaceError, did_you_mean
from incrementality.experiment import HoldoutRequest
from incrementality.workspace.frozen import read_frozen
from incrementality.workspace.layers import proposed_slot
from incrementality.workspace.overrides import read_overrides
from incrementality.workspace.programme import PROGRAMME, Programme, SharedLayer, read_programme

if TYPE_CHECKING:
    from datetime import date

    from incrementality.assignment import GlobalHoldout
    from incrementality.experiment import Experiment, Nesting, RampPhase
    from incrementality.workspace.project import Workspace

__all__ = ["Asked", "asked_of"]

_NO_REQUEST = HoldoutRequest(decision="none is written down")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an experiment file and the programme ask for.

    Attributes:
        experiment: The experiment.
        request: Its request; the defaults where it has none.
        plan: The plan, version 1, with the layer slot that the experiment holds or would open.
        layer: The layer, as the programme has it; ``None`` where the request names none.
        holdout: The global holdout of the experiment's unit.
    """

    experiment: Experiment
    request: HoldoutRequest
    plan: AssignmentPlan
    layer: SharedLayer | None
    holdout: GlobalHoldout | None


def asked_of(workspace: Workspace, experiment_id: str, on: date) -> Asked:
    """Return what an experiment asks for; nothing is written.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        on: The day (UTC): it says which slots are free, and in which phase a parent is.

    Raises:
        InputError: The files do not fit together; the message says how.
        WorkspaceError: It lies within an experiment that has no plan yet.
    """
    experiment = workspace.experiment(experiment_id)
    request = experiment.request or _NO_REQUEST
    programme = read_programme(workspace.root / PROGRAMME)
    holdout = _holdout(programme, experiment, request)
    layer = programme.layer(request.layer) if request.layer else None
    frozen = read_frozen(workspace, experiment_id)
    slot = None if frozen is None else frozen.plan.layer
    if layer is not None:
        slot = proposed_slot(workspace, experiment, layer, request.traffic, on, frozen=slot)
    if request.scope == "global":
        plan = _holdout_itself(programme, experiment, holdout)
    else:
        plan = plan_for(
            experiment,
            unit_type=programme.unit_type(experiment.unit),
            traffic=1 if layer is not None else request.traffic,
            global_holdout=holdout,
            layer=None if layer is None else slot,
            within=None if request.within is None else _within(workspace, experiment_id, request.within, on),
            overrides=read_overrides(workspace, experiment),
        )
    return Asked(experiment, request, _ramped(plan, request.ramp), layer, holdout)


def _holdout(programme: Programme, experiment: Experiment, request: HoldoutRequest) -> GlobalHoldout | None:
    holdout = programme.holdout(experiment.unit)
    if holdout is None and (programme.global_holdouts or request.scope == "global"):
        units = ", ".join(held.unit for held in programme.global_holdouts) or "nothing"
        raise InputError(
            f"{experiment.id!r} draws {experiment.unit}s, and {PROGRAMME} holds out {units} only: its units could not "
            "be kept out",
            hint=f"add a global holdout of the unit {experiment.unit} there, or draw another unit",
        )
    return holdout


def _holdout_itself(programme: Programme, experiment: Experiment, holdout: GlobalHoldout | None) -> AssignmentPlan:
    shares = {arm.share for arm in experiment.arms}
    if holdout is None or len(experiment.arms) != 2 or max(shares) - min(shares) > Fraction(1, 1000):  # noqa: PLR2004
        raise InputError(
            f"{experiment.id!r} is the global holdout: its two halves are its arms, 50% each",
            hint="name two arms of 50%: the control is the status quo, the other gets all that was shipped",
        )
    arms = [experiment.control.name, *(arm.name for arm in experiment.treatments)]
    return plan_of_holdout(experiment.id, holdout, arms, unit_type=programme.unit_type(experiment.unit))


def _within(workspace: Workspace, experiment_id: str, nesting: Nesting, on: date) -> Within:
    known = workspace.experiment_ids()
    if nesting.experiment == experiment_id or nesting.experiment not in known:
        raise InputError(
            f"{experiment_id!r} lies within {nesting.experiment!r}, which is no other experiment here."
            f"{did_you_mean(nesting.experiment, known)}",
            hint="correct request.within.experiment",
        )
    frozen = read_frozen(workspace, nesting.experiment)
    if frozen is None:
        raise WorkspaceError(
            f"{experiment_id!r} takes its units from {nesting.experiment!r}, which has none yet",
            hint=f"first run: incrementality holdout assign {nesting.experiment} --units FILE",
        )
    if frozen.cohort is not None:
        raise InputError(
            f"{nesting.experiment!r} was drawn at once, so one unit's id does not say its arm",
            hint="nest within an experiment whose units are drawn one by one",
        )
    plan = frozen.plan
    phase = plan.phase_at(on) if len(plan.phases) > 1 else plan.phase()
    return Within(plan=plan, arms=nesting.arms, phase=phase.name)


def _ramped(plan: AssignmentPlan, ramp: tuple[RampPhase, ...]) -> AssignmentPlan:
    if not ramp:
        return plan
    only = plan.phases[0]
    shares = _shares(plan, ramp[0])
    first = Phase(
        name="1",
        starts=ramp[0].starts,
        traffic=cut(ramp[0].traffic),
        ranges=only.ranges if shares is None else arm_ranges(shares),
    )
    ramped = AssignmentPlan.from_dict({**dict(plan), "phases": (first,)})
    for phase in ramp[1:]:
        ramped = with_phase(ramped, phase.starts, traffic=phase.traffic, shares=_shares(plan, phase))
    return AssignmentPlan.from_dict({**dict(ramped), "version": 1})


def _shares(plan: AssignmentPlan, phase: RampPhase) -> list[Fraction] | None:
    if phase.shares is None:
        return None
    unknown = sorted(set(phase.shares) ^ set(plan.arm_names))
    if unknown:
        raise InputError(
            f"the shares of the phase of {phase.starts} and the arms differ in {', '.join(map(repr, unknown))}",
            hint=f"give each arm its share, 0 if it does not take part yet: {', '.join(plan.arm_names)}",
        )
    return [phase.shares[name] for name in plan.arm_names]
