"""Every decision on one unit over a period, in Python: what ``decide`` is for a population, with the same answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.cohorts.firing import firings
from incrementality.cohorts.sequence import Candidate, Entry, sequence
from incrementality.cohorts.values import Inputs, clean
from incrementality.cohorts.verdict import Verdict, decision_id, verdict_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from incrementality.cohorts.rule import EligibilityRule

__all__ = ["Decision", "decide_unit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One row of the decision log; there is no arm in it.

    Attributes:
        decision_id: The same for the same experiment, rule, unit and moment.
        experiment_id: The experiment.
        unit_id: The unit.
        t0: When the trigger fired, in microseconds since 1970 (UTC).
        entry_no: Counts the unit's entries from 1; None where there is no entry.
        eligible: True, False, or None for unknown.
        reasons: Why not, or what is missing.
        inputs_hash: SHA-256 of the inputs as of t0.
        would_send_channel: By which channel it would be sent.
        shadow_caps: How much of each cap was used up before.
    """

    decision_id: str
    experiment_id: str
    unit_id: str
    t0: int
    entry_no: int | None
    eligible: bool | None
    reasons: tuple[str, ...]
    inputs_hash: str
    would_send_channel: str | None
    shadow_caps: str


def decide_unit(
    rules: Mapping[str, EligibilityRule], inputs: Inputs, *, since: datetime, until: datetime, data_cut: datetime
) -> list[Decision]:
    """Return every decision on one unit in ``[since, until)``, by experiment and time.

    Args:
        rules: The rule of each experiment; those decided together share caps with ``across`` and priorities.
        inputs: The unit's rows.
        since: Firings count from here on.
        until: Firings no longer count from here on.
        data_cut: Rows at or after it lie in the future.

    Examples:
        >>> from datetime import UTC, datetime, timedelta
        >>> from incrementality.cohorts.rule import parse_rule
        >>> rule = parse_rule({"journey": "j", "purpose": "marketing", "tables": {"logins": {"kind": "events"}},
        ...                    "trigger": {"event": "logins"}, "window": "7d"})
        >>> start = datetime(2026, 1, 1, tzinfo=UTC)
        >>> rows = [{"unit_id": "a", "occurred_at": start + timedelta(days=day)} for day in (1, 2)]
        >>> end = start + timedelta(days=31)
        >>> found = decide_unit({"x": rule}, Inputs("a", {"logins": rows}), since=start, until=end, data_cut=end)
        >>> [(decision.entry_no, decision.reasons) for decision in found]
        [(1, ()), (None, ('reentry',))]
    """
    found: dict[Candidate, Verdict] = {}
    for name, rule in rules.items():
        rows = clean(rule, inputs, data_cut=data_cut)
        for t0 in firings(rule, rows, since=since, until=until):
            verdict, key = verdict_at(rule, rows, t0), decision_id(name, rule, inputs.unit_id, t0)
            found[Candidate(inputs.unit_id, t0, name, verdict.channel, key)] = verdict
    entries = sequence([candidate for candidate, verdict in found.items() if verdict.eligible], rules)
    shadow = {entry.decision_id: entry for entry in entries}
    return [_decision(candidate, verdict, shadow.get(candidate.decision_id)) for candidate, verdict in found.items()]


def _decision(candidate: Candidate, verdict: Verdict, entry: Entry | None) -> Decision:
    refused = entry is not None and bool(entry.reasons)
    return Decision(
        decision_id=candidate.decision_id,
        experiment_id=candidate.experiment_id,
        unit_id=candidate.unit_id,
        t0=candidate.t0,
        entry_no=None if entry is None else entry.entry_no,
        eligible=False if refused else verdict.eligible,
        reasons=entry.reasons if entry is not None and refused else verdict.reasons,
        inputs_hash=verdict.inputs_hash,
        would_send_channel=None if refused else verdict.channel,
        shadow_caps="" if entry is None else entry.shadow_caps,
    )
