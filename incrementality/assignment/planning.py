"""Plans are made from shares, and changed into their next version: a phase more, overrides more."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from incrementality.assignment.hashing import cut
from incrementality.assignment.plan import AssignmentPlan
from incrementality.assignment.ramp import arm_ranges
from incrementality.assignment.unit_ids import UnitType
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from incrementality.assignment.hashing import Share
    from incrementality.assignment.overrides import Override
    from incrementality.assignment.plan import Cell, Within
    from incrementality.assignment.slots import GlobalHoldout, LayerSlot
    from incrementality.experiment import Experiment

__all__ = ["make_plan", "plan_for", "plan_of_holdout", "with_overrides", "with_phase"]


def make_plan(
    experiment: str,
    shares: Mapping[str, Share],
    *,
    unit_type: str | UnitType = "contact",
    salt: str | None = None,
    traffic: Share = 1,
    starts: date | None = None,
    global_holdout: GlobalHoldout | None = None,
    layer: LayerSlot | None = None,
    within: Within | None = None,
    overrides: Sequence[Override] = (),
    cells: Mapping[str, Cell] | None = None,
) -> AssignmentPlan:
    """Return a plan of one phase.

    Args:
        experiment: The experiment's id, which is also the salt.
        shares: Each arm's share of those who enter, the control first; the sum is at most 1.
        unit_type: What is drawn.
        salt: Another salt than the id.
        traffic: The share of units that enters.
        starts: The first day.
        global_holdout: Units that no experiment may touch.
        layer: The experiment's slot of its layer.
        within: The parent, for a nested experiment.
        overrides: Units that are put where they are by hand.
        cells: What arms stand for, by their names.

    Raises:
        InputError: Something does not fit; the message says what.

    Examples:
        >>> make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5}, traffic=0.5).phase().probabilities
        (0.25, 0.25)
    """
    named = cells or {}
    unit = unit_type if isinstance(unit_type, UnitType) else {"name": unit_type}
    return AssignmentPlan.from_dict(
        {
            "experiment": experiment,
            "salt": salt or experiment,
            "unit_type": unit,
            "arms": [{"name": name, "cell": named.get(name)} for name in shares],
            "phases": [
                {"name": "1", "starts": starts, "traffic": cut(traffic), "ranges": arm_ranges(list(shares.values()))}
            ],
            "global_holdout": global_holdout,
            "layer": layer,
            "within": within,
            "overrides": tuple(overrides),
        }
    )


def plan_for(
    experiment: Experiment,
    *,
    unit_type: UnitType | None = None,
    traffic: Share = 1,
    global_holdout: GlobalHoldout | None = None,
    layer: LayerSlot | None = None,
    within: Within | None = None,
    overrides: Sequence[Override] = (),
    cells: Mapping[str, Cell] | None = None,
) -> AssignmentPlan:
    """Return the plan of an experiment file: its arms with the control first, its unit, its first day.

    Raises:
        InputError: Something does not fit; the message says what.
    """
    arms = [experiment.control, *experiment.treatments]
    total = sum((arm.share for arm in arms), Fraction(0))
    return make_plan(
        experiment.id,
        {arm.name: arm.share / total for arm in arms},
        unit_type=unit_type or experiment.unit,
        traffic=traffic,
        starts=experiment.started,
        global_holdout=global_holdout,
        layer=layer,
        within=within,
        overrides=overrides,
        cells=cells,
    )


def plan_of_holdout(
    experiment: str, holdout: GlobalHoldout, arms: Sequence[str], *, unit_type: UnitType | None = None
) -> AssignmentPlan:
    """Return the plan of the experiment that is a global holdout: its halves are the arms, all others stay out.

    Args:
        experiment: The experiment's id.
        holdout: The global holdout.
        arms: The arm of the status-quo half, which is the control, and that of the all-shipped half.
        unit_type: How ids are spelled; default: as they are.

    Raises:
        InputError: There are not two arms.

    Examples:
        >>> from incrementality.assignment.slots import global_holdout
        >>> plan = plan_of_holdout("gh-2026", global_holdout("gh-2026h1", 0.05), ["status quo", "all shipped"])
        >>> plan.draws, [round(share, 4) for share in plan.phase().probabilities]
        ('global', [0.025, 0.025])
    """
    if len(arms) != 2:  # noqa: PLR2004 - the halves
        raise InputError(
            f"a global holdout has two halves, and {experiment!r} has {len(arms)} arms",
            hint="name two arms, the control (status quo: gets nothing new) first",
        )
    edges = [0, holdout.status_quo, holdout.end]
    return AssignmentPlan.from_dict(
        {
            "experiment": experiment,
            "salt": holdout.salt,
            "unit_type": unit_type or {"name": holdout.unit_type},
            "arms": [{"name": name} for name in arms],
            "phases": [{"name": "1", "starts": holdout.starts, "ranges": _ranges_between(edges)}],
            "draws": "global",
        }
    )


def _ranges_between(edges: Sequence[int]) -> list[dict[str, int]]:
    return [{"lo": lo, "hi": hi} for lo, hi in pairwise(edges)]


def with_phase(
    plan: AssignmentPlan,
    starts: date,
    *,
    traffic: Share | None = None,
    shares: Sequence[Share] | None = None,
    name: str | None = None,
) -> AssignmentPlan:
    """Return the next version of a plan, with one more phase.

    Args:
        plan: The plan; its first phase needs a starting day.
        starts: The new phase's first day (UTC).
        traffic: The share of units that enters; default: as before.
        shares: Each arm's share of those who enter, in the order of the arms; default: as before.
        name: The phase's name; default: its number.

    Raises:
        InputError: A unit would change its arm, or the days are not in order.

    Examples:
        >>> from datetime import date
        >>> from incrementality.assignment.hashing import SPACE
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5}, traffic=0.1, starts=date(2026, 1, 5))
        >>> plan = with_phase(plan, date(2026, 1, 12), traffic=0.5)
        >>> plan.version, plan.phase_at(date(2026, 1, 20)).traffic / SPACE
        (2, 0.5)
    """
    last = plan.phases[-1]
    phase = {
        "name": name or str(len(plan.phases) + 1),
        "starts": starts,
        "traffic": last.traffic if traffic is None else cut(traffic),
        "ranges": last.ranges if shares is None else arm_ranges(shares, before=plan.phases[0].ranges),
    }
    return _next(plan, phases=(*plan.phases, phase))


def with_overrides(plan: AssignmentPlan, overrides: Sequence[Override]) -> AssignmentPlan:
    """Return the next version of a plan, with more overrides.

    Raises:
        InputError: A unit has one already, or an arm is unknown.
    """
    return _next(plan, overrides=(*plan.overrides, *overrides))


def _next(plan: AssignmentPlan, **changes: object) -> AssignmentPlan:
    return AssignmentPlan.from_dict({**dict(plan), "version": plan.version + 1, **changes})
