"""The answer to a request: every number of the design, the verdict in words, who signed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date  # noqa: TC003 - read at run time when a record comes back from JSON
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict

from incrementality.design.record import from_plain, to_plain
from incrementality.design.request import DesignRequest  # noqa: TC001 - read at run time, as dates are
from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Change",
    "Conflict",
    "CurvePoint",
    "DesignAnswer",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignAnswer(DisplayMixin):
    """The answer to a request for a holdout.

    Attributes:
        request: The request, as it was answered.
        verdict: Feasible, feasible with changes, or not feasible.
        sentence: The verdict in one sentence that can be repeated.
        reasons: What stands in the way, one sentence each.
        changes: Changes of the request, the most helpful first.
        best_change: The single change that helps most; empty where none is needed or none helps.
        way_out: What to do instead where it is not feasible; empty otherwise.
        holdout_share: Share held back.
        n: Units enrolled.
        needed: Units that the smallest effect that matters needs at this share.
        arms: Expected units of each arm.
        mde: Smallest relative effect seen with the wanted power (the variance without treatment in both arms).
        mde_unequal: The same with each arm's own variance.
        power: Power for the smallest effect that matters, by formula.
        balance: Largest standardised difference between the arms that chance gives a covariate 19 times out of 20.
        enrolment_weeks: Weeks of enrolment.
        days: Days from the first assignment to the answer, window and maturity lag included.
        answer_on: Day of the answer, where the start is known.
        dilution: Share of the effect that contamination leaves.
        guarded: The small-holdout rule and the power counted on the history.
        by_share: What could be seen with other shares.
        by_weeks: What could be seen with other weeks of enrolment.
        money: Revenue at risk and the value of the decision; ``None`` where no money was stated.
        conflicts: Live experiments, with expected overlap.
        guardrails: Negative signals.
        notes: What a reader should know about how the numbers were made.
        method_version: Version of the method.
        version: Version of this design; a changed request after sign-off makes a new one.
        supersedes: Registration hash of the signed version that this one replaces.
        sign_offs: Who approved.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    request: DesignRequest
    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...]
    changes: tuple[Change, ...]
    best_change: str
    way_out: str
    holdout_share: float
    n: int
    needed: int
    arms: tuple[PlannedArm, ...]
    mde: float | None
    mde_unequal: float | None
    power: float
    balance: float | None
    enrolment_weeks: int
    days: int
    answer_on: date | None
    dilution: float
    guarded: GuardedPower
    by_share: tuple[CurvePoint, ...]
    by_weeks: tuple[CurvePoint, ...]
    money: Money | None
    conflicts: tuple[Conflict, ...]
    guardrails: tuple[GuardrailPower, ...]
    notes: tuple[str, ...]
    method_version: str
    version: int = 1
    supersedes: str | None = None
    sign_offs: tuple[SignOff, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of request, design and method version; who signed is left out."""
        content = {k: v for k, v in self.to_dict().items() if k not in {"sign_offs", "version", "supersedes", "hash"}}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def missing_approvals(self) -> tuple[str, ...]:
        """Roles that have not signed yet."""
        signed = {sign_off.role for sign_off in self.sign_offs}
        return tuple(role for role in self.request.approvals if role not in signed)

    @property
    def signed(self) -> bool:
        """Whether every role that has to sign has signed."""
        return not self.missing_approvals

    def sign(self, *, role: str, name: str, on: date) -> DesignAnswer:
        """Return a copy that one more role has signed.

        Raises:
            InputError: The role is not asked for, has signed already, or nobody is named.
        """
        if role not in self.missing_approvals or not name.strip():
            raise InputError(
                f"{name!r} cannot sign as {role!r}; roles still open: {', '.join(self.missing_approvals) or 'none'}",
                hint="name a person and one of the open roles",
            )
        return replace(self, sign_offs=(*self.sign_offs, SignOff(role=role, name=name, on=on)))

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain JSON values."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> DesignAnswer:
        """Return the answer that ``to_dict`` wrote.

        Raises:
            InputError: A field is missing, unknown, or of another type.
        """
        return from_plain(cls, content, what="design")

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return the design in rows of a term and its value."""
        return tuple({"term": term, "value": value} for term, value in _rows(self))

    def __str__(self) -> str:
        others = [reason for reason in self.reasons if reason not in self.sentence]
        return "\n".join([self.sentence, *others, *filter(None, [self.way_out]), "", self.to_text()])

    def to_markdown(self) -> str:
        """Return the answer as Markdown."""
        from incrementality.design.wording import markdown

        return markdown(self)


def _rows(answer: DesignAnswer) -> list[tuple[str, str]]:
    from incrementality.design.wording import facts

    return [("verdict", answer.verdict), *facts(answer), ("registration hash", answer.hash[:12])]
