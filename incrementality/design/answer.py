"""The answer to a request: every number of the design, the verdict in words, who signed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date  # noqa: TC003 - read at run time when a record comes back from JSON
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict

from incrementality.design.parts import (
    Change,
    Conflict,
    CurvePoint,
    GuardedPower,
    GuardrailPower,
    Money,
    PlannedArm,
    SignOff,
    Verdict,
)
from incrementality.design.record import from_plain, to_plain
from incrementality.design.request import DesignRequest  # noqa: TC001 - read at run time, as dates are
from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DesignAnswer"]

_STRICT = ConfigDict(extra="forbid")
_NOT_REGISTERED = {"sign_offs", "version", "supersedes"}
_REGISTERED_IF_ASKED = {"release", "looked_up", "monitoring", "cap", "alpha_split"}


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
        content = {k: v for k, v in to_plain(self).items() if k not in _NOT_REGISTERED}
        asked = content["request"].items()
        content["request"] = {k: v for k, v in asked if v is not None or k not in _REGISTERED_IF_ASKED}
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
        """Return every field as plain JSON values, and the registration hash."""
        return {**to_plain(self), "registration_hash": self.hash}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> DesignAnswer:
        """Return the answer that ``to_dict`` wrote.

        Raises:
            InputError: A field is missing, unknown, or of another type, or the content is not what was registered.
        """
        registered = content.get("registration_hash")
        fields = {name: value for name, value in content.items() if name != "registration_hash"}
        found = from_plain(cls, fields, what="design")
        if registered not in {None, found.hash}:
            raise InputError(
                f"the design of {found.request.id!r} was registered as {registered} and now reads {found.hash}",
                hint="take the file back from git, or revise() the design for a new version",
            )
        return found

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
