"""Re-entry, caps and priority: what depends on earlier decisions, kept in shadow.

Every entry uses up the caps, whichever arm it will get: a withheld send counts as a send would. So the shadow is the
same in both arms. Decisions are taken one after another in the total order (t0, priority, experiment id); whether a
later one enters depends on which earlier ones did, so no single pass of SQL gives it, and the same code serves a whole
warehouse and one unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from incrementality.cohorts.values import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from incrementality.cohorts.rule import Cap, EligibilityRule

__all__ = ["Candidate", "Entry", "is_sequential", "sequence"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A decision that is eligible as far as its inputs go."""

    unit_id: str
    t0: int
    experiment_id: str
    channel: str | None
    decision_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the shadow makes of a candidate.

    Attributes:
        decision_id: The decision.
        reasons: Why it does not enter; empty when it does.
        entry_no: Counts the unit's entries into this experiment from 1; None where it does not enter.
        shadow_caps: How much of each cap was used up before it, ``name=used/most``.
    """

    decision_id: str
    reasons: tuple[str, ...]
    entry_no: int | None
    shadow_caps: str


def is_sequential(rule: EligibilityRule) -> bool:
    """Return whether the rule's entries depend on more than whether there was an earlier one."""
    return bool(rule.caps) or rule.reentry.after is not None


def sequence(
    candidates: Iterable[Candidate],
    rules: Mapping[str, EligibilityRule],
    *,
    earlier: Mapping[str, Sequence[Candidate]] | None = None,
) -> Iterator[Entry]:
    """Yield what becomes of each candidate, unit by unit.

    Args:
        candidates: In the order of their units; within a unit any order.
        rules: The rule of each experiment.
        earlier: Entries that are on record, by unit and in order of time, each before the unit's candidates: they
            stand, and count as entries and sends.

    Examples:
        >>> from incrementality.cohorts.rule import parse_rule
        >>> rule = parse_rule({"journey": "j", "purpose": "marketing", "tables": {"logins": {"kind": "events"}},
        ...                    "trigger": {"event": "logins"}, "window": "7d", "reentry": {"after": "1h"}})
        >>> hour = 3_600_000_000
        >>> times = [0, hour - 1, hour]
        >>> entries = sequence([Candidate("a", t, "x", None, str(t)) for t in times], {"x": rule})
        >>> [(entry.entry_no, entry.reasons) for entry in entries]
        [(1, ()), (None, ('reentry',)), (2, ())]
    """
    for _, found in groupby(candidates, key=lambda candidate: candidate.unit_id):
        waiting = list(found)
        entered = list((earlier or {}).get(waiting[0].unit_id, ()))
        for candidate in sorted(waiting, key=lambda c: (c.t0, rules[c.experiment_id].priority, c.experiment_id)):
            yield _enter(candidate, rules[candidate.experiment_id], entered)


def _enter(candidate: Candidate, rule: EligibilityRule, entered: list[Candidate]) -> Entry:
    """Decide one candidate, and add it to those that entered if it does."""
    own = [earlier for earlier in entered if earlier.experiment_id == candidate.experiment_id]
    reasons = ["reentry"] if own and not _may_return(candidate, rule, own[-1]) else []
    used = {cap: _users(candidate, cap, entered) for cap in rule.caps if cap.channel in (None, candidate.channel)}
    reasons += [_cap_reason(candidate, cap, users) for cap, users in used.items() if len(users) >= cap.most]
    shadow = "; ".join(f"{cap.name}={len(users)}/{cap.most}" for cap, users in used.items())
    if reasons:
        return Entry(candidate.decision_id, tuple(dict.fromkeys(reasons)), None, shadow)
    entered.append(candidate)
    return Entry(candidate.decision_id, (), len(own) + 1, shadow)


def _may_return(candidate: Candidate, rule: EligibilityRule, last: Candidate) -> bool:
    after = rule.reentry.after
    return after is not None and candidate.t0 >= last.t0 + after // MICROSECOND


def _users(candidate: Candidate, cap: Cap, entered: list[Candidate]) -> list[Candidate]:
    """The earlier entries that use the cap at the candidate's t0: each does during ``[t0, t0 + window)``."""
    since = candidate.t0 - cap.window // MICROSECOND
    return [
        earlier
        for earlier in entered
        if earlier.t0 > since
        and (cap.across or earlier.experiment_id == candidate.experiment_id)
        and cap.channel in (None, earlier.channel)
    ]


def _cap_reason(candidate: Candidate, cap: Cap, users: list[Candidate]) -> str:
    """The cap; or the journey that took its last place at the same moment."""
    before = [user for user in users if user.t0 < candidate.t0]
    return f"cap.{cap.name}" if len(before) >= cap.most else f"priority.{users[-1].experiment_id}"
