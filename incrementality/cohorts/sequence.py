"""Re-entry, caps and priority: what depends on earlier decisions, kept in shadow.

Every entry uses up the caps, whichever arm it will get: a withheld send counts as a send would. So the shadow is the
same in both arms. Decisions are taken one after another in the total order (t0, priority, experiment id); whether a
later one enters depends on which earlier ones did, so no single pass of SQL gives it, and the same code serves a whole
warehouse and one unit.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from incrementality.cohorts.values import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

    from incrementality.cohorts.rule import EligibilityRule

__all__ = ["Candidate", "Entry", "is_sequential", "sequence"]


class Candidate(NamedTuple):
    """A decision that is eligible as far as its inputs go."""

    unit_id: str
    t0: int
    experiment_id: str
    channel: str | None
    decision_id: str


class Entry(NamedTuple):
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
    limits = {name: _Limits.of(rule) for name, rule in rules.items()}
    on_record = earlier or {}
    for unit_id, found in groupby(candidates, key=itemgetter(0)):
        waiting = sorted(found, key=lambda c: (c.t0, limits[c.experiment_id].priority, c.experiment_id))
        entered = list(on_record.get(unit_id, ()))
        own: dict[str, _Own] = {}
        for entry in entered:
            own[entry.experiment_id] = _Own(entry.t0, own.get(entry.experiment_id, _NEVER).entries + 1)
        for candidate in waiting:
            yield _enter(candidate, limits[candidate.experiment_id], entered, own)


class _Own(NamedTuple):
    """A unit's entries into one experiment: when the last was, and how many there are."""

    last: int
    entries: int


_NEVER = _Own(0, 0)


class _CapLimit(NamedTuple):
    name: str
    most: int
    window: int
    channel: str | None
    across: bool


class _Limits(NamedTuple):
    """What a rule says of its entries, in microseconds."""

    priority: int
    after: int | None
    caps: tuple[_CapLimit, ...]

    @classmethod
    def of(cls, rule: EligibilityRule) -> Self:
        after = rule.reentry.after
        caps = [_CapLimit(cap.name, cap.most, cap.window // MICROSECOND, cap.channel, cap.across) for cap in rule.caps]
        return cls(rule.priority, None if after is None else after // MICROSECOND, tuple(caps))


def _enter(candidate: Candidate, limits: _Limits, entered: list[Candidate], own: dict[str, _Own]) -> Entry:
    """Decide one candidate, and add it to those that entered if it does."""
    last, entries = own.get(candidate.experiment_id, _NEVER)
    returns = not entries or (limits.after is not None and candidate.t0 >= last + limits.after)
    reasons = [] if returns else ["reentry"]
    shadow = []
    for cap in limits.caps:
        if cap.channel is None or cap.channel == candidate.channel:
            users = _users(candidate, cap, entered)
            shadow.append(f"{cap.name}={len(users)}/{cap.most}")
            if len(users) >= cap.most:
                reasons.append(_cap_reason(candidate, cap, users))
    caps = "; ".join(shadow)
    if reasons:
        return Entry(candidate.decision_id, tuple(dict.fromkeys(reasons)), None, caps)
    entered.append(candidate)
    own[candidate.experiment_id] = _Own(candidate.t0, entries + 1)
    return Entry(candidate.decision_id, (), entries + 1, caps)


def _users(candidate: Candidate, cap: _CapLimit, entered: Sequence[Candidate]) -> list[Candidate]:
    """The entries that use the cap at the candidate's t0, the latest first: each does during ``[t0, t0 + window)``."""
    since, users = candidate.t0 - cap.window, []
    for earlier in reversed(entered):  # in order of time: what lies further back uses the cap no longer
        if earlier.t0 <= since:
            break
        of_channel = cap.channel is None or cap.channel == earlier.channel
        if of_channel and (cap.across or earlier.experiment_id == candidate.experiment_id):
            users.append(earlier)
    return users


def _cap_reason(candidate: Candidate, cap: _CapLimit, users: list[Candidate]) -> str:
    """The cap; or the journey that took its last place at the same moment."""
    before = [user for user in users if user.t0 < candidate.t0]
    return f"cap.{cap.name}" if len(before) >= cap.most else f"priority.{users[0].experiment_id}"
