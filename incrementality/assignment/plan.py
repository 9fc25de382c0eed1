"""The plan of an assignment: everything that the draws need, in whole numbers, frozen and hashed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from incrementality.assignment.overrides import Override, canonical_overrides
from incrementality.assignment.ramp import Phase, day_of, moves
from incrementality.assignment.records import Record, Salt, made
from incrementality.assignment.slots import GlobalHoldout, LayerSlot  # noqa: TC001 - pydantic reads it
from incrementality.assignment.unit_ids import UnitType  # noqa: TC001 - pydantic reads it
from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["AssignmentPlan", "Cell", "PlanArm", "Within"]

_TWO = 2


class Cell(Record):
    """What an arm stands for where it is more than a name: function x journey x step x variant x segment.

    Examples:
        >>> Cell(journey="winback", offer="20% off").offer
        '20% off'
    """

    function: str | None = None
    journey: str | None = None
    step: str | None = None
    offer: str | None = None
    version: str | None = None
    content: str | None = None
    segment: str | None = None


class PlanArm(Record):
    """One arm: its name as the data shows it, and the variant that it stands for."""

    name: Annotated[str, Field(min_length=1)]
    cell: Cell | None = None


class Within(Record):
    """The arms of another experiment from which this one takes its units: a nested experiment.

    The parent's phase is written down, so that a later ramp of the parent does not change who may enter here; a
    new version of this plan does.
    """

    plan: AssignmentPlan
    arms: Annotated[tuple[str, ...], Field(min_length=1)]
    phase: str


class AssignmentPlan(Record):
    """How units are drawn: a pure function of the unit, the salts and this record.

    Attributes:
        scheme: The hash, always ``IH1``.
        experiment: The experiment's id.
        version: 1, 2, ...: a later change is a new version.
        salt: Of the draws ``exp`` and ``arm``; the experiment's id.
        unit_type: What is drawn, and how its ids are spelled.
        arms: The arms; the first is the control.
        phases: The ramp, by starting day.
        global_holdout: Units that no experiment may touch; it wins over all but overrides.
        layer: The slot of the layer that the experiment runs in.
        within: The parent, for a nested experiment.
        overrides: Units that are put where they are by hand.
        rank_salt: The salt of a fixed cohort's draw, where it differs (a re-randomised one).
        draws: The kind of hash that decides the arm: ``arm``, or ``global`` where the experiment is the global
            holdout itself, whose halves are its arms.

    Examples:
        >>> from incrementality.assignment.planning import make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.1, "journey": 0.9})
        >>> plan.version, plan.arm_names, [arm.lo for arm in plan.phase().ranges]
        (1, ('holdout', 'journey'), [0, 429496730])
        >>> AssignmentPlan.from_dict(plan.to_dict()) == plan
        True
    """

    scheme: Literal["IH1"] = "IH1"
    experiment: Salt
    version: Annotated[int, Field(ge=1)] = 1
    salt: Salt
    unit_type: UnitType
    arms: Annotated[tuple[PlanArm, ...], Field(min_length=_TWO)]
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    global_holdout: GlobalHoldout | None = None
    layer: LayerSlot | None = None
    within: Within | None = None
    overrides: tuple[Override, ...] = ()
    rank_salt: Salt | None = None
    draws: Literal["arm", "global"] = "arm"

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        complaints = [*_arm_complaints(self), *_phase_complaints(self), *_entry_complaints(self)]
        if complaints:
            raise ValueError("\n".join(complaints))
        object.__setattr__(self, "overrides", canonical_overrides(self.overrides, self.unit_type))
        return self

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The arms' names; the first is the control."""
        return tuple(arm.name for arm in self.arms)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of the plan."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON can hold it; what it draws is named where it is not the arm."""
        return _without_default(self.model_dump(mode="json"))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Return the plan that :meth:`to_dict` wrote.

        Raises:
            InputError: The content is no plan; each problem names its place.
        """
        return made(cls, content)

    def phase(self, name: str | None = None) -> Phase:
        """Return a phase by its name, or the only one.

        Raises:
            InputError: There is no such phase, or there are several and none is named.
        """
        names = ", ".join(phase.name for phase in self.phases)
        if name is None and len(self.phases) > 1:
            raise InputError(f"the plan has the phases {names}, and none is named", hint="say phase=... or at=...")
        for phase in self.phases:
            if name is None or phase.name == name:
                return phase
        near = did_you_mean(str(name), (phase.name for phase in self.phases))
        raise InputError(f"the plan has no phase {name!r}; it has: {names}.{near}", hint="name one of them")

    def phase_at(self, at: date) -> Phase:
        """Return the phase of a day (UTC).

        Raises:
            InputError: The first phase starts later, or a moment has no time zone.
        """
        day = day_of(at)
        begun = [phase for phase in self.phases if phase.starts is None or phase.starts <= day]
        if not begun:
            first = self.phases[0].starts
            raise InputError(f"{self.experiment!r} starts on {first}, after {day}", hint=f"wait until {first}")
        return begun[-1]


def _without_default(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out what came later than the first plans, so that these keep their hash."""
    if content["draws"] == "arm":
        del content["draws"]
    if content["within"] is not None:
        content["within"]["plan"] = _without_default(content["within"]["plan"])
    return content


def _arm_complaints(plan: AssignmentPlan) -> list[str]:
    names = plan.arm_names
    repeated = sorted({name for name in names if names.count(name) > 1})
    unknown = sorted({str(o.arm) for o in plan.overrides if o.arm is not None and o.arm not in names})
    forced = [override.unit_id for override in plan.overrides]
    return [
        *(f"the arm {name!r} stands more than once" for name in repeated),
        *(f"an override names the arm {name!r}; the plan has: {', '.join(names)}" for name in unknown),
        *(f"{unit!r} has more than one override" for unit in sorted({u for u in forced if forced.count(u) > 1})),
    ]


def _phase_complaints(plan: AssignmentPlan) -> list[str]:
    phases = plan.phases
    complaints = [
        f"the phase {phase.name!r} has {len(phase.ranges)} ranges for {len(plan.arms)} arms"
        for phase in phases
        if len(phase.ranges) != len(plan.arms)
    ]
    if len({phase.name for phase in phases}) < len(phases):
        complaints.append("two phases have one name")
    starts = [phase.starts for phase in phases if phase.starts is not None]
    if len(phases) > 1 and (len(starts) < len(phases) or sorted(set(starts)) != starts):
        complaints.append("phases need starting days, each later than the one before")
    moved = moves(phases)
    if moved:
        complaints.append(f"units would change their arm between the phases {moved[0]!r} and {moved[1]!r}")
    return complaints


def _entry_complaints(plan: AssignmentPlan) -> list[str]:
    draws = [("global holdout", plan.global_holdout), ("layer", plan.layer)]
    complaints = [
        f"the {name} draws {part.unit_type}s and the experiment {plan.unit_type.name}s; both must draw the same unit"
        for name, part in draws
        if part is not None and part.unit_type != plan.unit_type.name
    ]
    if plan.layer is not None and plan.layer.experiment != plan.experiment:
        complaints.append(f"the slot of {plan.layer.layer!r} belongs to {plan.layer.experiment!r}")
    others = (plan.global_holdout, plan.layer, plan.within, *plan.overrides)
    if plan.draws == "global" and any(part is not None for part in others):
        complaints.append("the global holdout draws all units: it has no holdout above it, layer, parent or override")
    return [*complaints, *(_nesting_complaints(plan, plan.within) if plan.within else [])]


def _nesting_complaints(plan: AssignmentPlan, within: Within) -> list[str]:
    parent = within.plan
    ancestors, above = [parent], parent.within
    while above is not None:
        ancestors.append(above.plan)
        above = above.plan.within
    complaints = [
        f"the salt {plan.salt!r} is that of {ancestor.experiment!r}, which this experiment lies within; "
        "the draws would be one draw"
        for ancestor in ancestors
        if ancestor.salt == plan.salt
    ]
    if parent.unit_type != plan.unit_type:
        complaints.append(f"the parent draws {parent.unit_type.name}s and the experiment {plan.unit_type.name}s")
    unknown = [arm for arm in within.arms if arm not in parent.arm_names]
    complaints += [f"the parent has no arm {arm!r}; it has: {', '.join(parent.arm_names)}" for arm in unknown]
    if within.phase not in {phase.name for phase in parent.phases}:
        complaints.append(f"the parent has no phase {within.phase!r}")
    return complaints
