"""The parts of an answer, one small record each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date  # noqa: TC003 - read at run time when a record comes back from JSON
from typing import ClassVar, Literal

from pydantic import ConfigDict

__all__ = [
    "Change",
    "Conflict",
    "CurvePoint",
    "GuardedPower",
    "GuardrailPower",
    "Money",
    "PlannedArm",
    "SignOff",
    "Verdict",
]

Verdict = Literal["feasible", "feasible with changes", "not feasible"]

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArm:
    """One arm: its name, its expected units, its share of all units."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    n: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What could be seen with a share held back and weeks of enrolment.

    Attributes:
        share: Share held back.
        weeks: Weeks of enrolment.
        n: Units enrolled.
        n_control: Units held back.
        mde: Smallest relative effect seen with the wanted power; ``None`` where no possible effect is.
        power: Power for the smallest effect that matters, by formula.
        simulated_power: The same, counted on the history; ``None`` where there is none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    share: float
    weeks: int
    n: int
    n_control: int
    mde: float | None
    power: float
    simulated_power: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedPower:
    """Whether the small-holdout rule fires, and the power counted on the history.

    Attributes:
        fires: Whether the readout will use the studentised permutation test; ``None`` for
            conversions, and where the history does not say.
        reasons: Why it fires.
        power: Power counted on the history, with the guard's critical values where it fires; ``None`` without one.
        standard_error: Monte-Carlo error of that power.
        replications: Experiments simulated.
        extra: Factor on the units, above 1 where the formula promised more than was counted.
        sentence: The same in words.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    fires: bool | None
    reasons: tuple[str, ...]
    power: float | None
    standard_error: float | None
    replications: int
    extra: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Revenue put at risk by holding back, beside what the decision is worth.

    Attributes:
        at_risk_low: Revenue forgone in the holdout where the effect is at the low end.
        at_risk_likely: The same at the smallest effect that matters, or at the prior's mean.
        at_risk_high: The same at the high end.
        basis: Where the ends come from.
        saved_cost: Cost of treatment not spent on the holdout.
        value_of_decision: Money that the likely effect is worth on all units that the decision applies to.
        decision_units: Those units.
        best_share: Share that maximises the expected money; ``None`` without a prior.
        expected_money: Expected money of test and roll-out at that share, above treating nobody.
        expected_without_test: Expected money of the better of treating everybody and nobody, untested.
        prior: The prior in words.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    at_risk_low: float
    at_risk_likely: float
    at_risk_high: float
    basis: str
    saved_cost: float
    value_of_decision: float
    decision_units: int
    best_share: float | None = None
    expected_money: float | None = None
    expected_without_test: float | None = None
    prior: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One live experiment: expected shared units, and whether it has to be settled first."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    experiment: str
    blocking: bool
    overlap: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailPower:
    """A negative signal: the rise that is seen with the wanted power (one-sided, full alpha), and the one allowed."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    detectable_rise: float | None
    largest_rise: float
    enough: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of the request and what it would do.

    Attributes:
        what: The change in words, in the imperative.
        mde: Smallest relative effect seen afterwards.
        n: Units enrolled afterwards.
        days: Days to the answer afterwards.
        enough: Whether the request is feasible with this change alone.
        sentence: Change and effect in words.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    what: str
    mde: float | None
    n: int
    days: int
    enough: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    """Who approved, in which role, on which day."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    role: str
    name: str
    on: date
