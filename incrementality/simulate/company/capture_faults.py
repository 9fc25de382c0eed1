"""Dirty capture: how much less the systems hold than what happened, each fault in a known number of rows."""

from __future__ import annotations

from dataclasses import dataclass, fields

from incrementality.errors import InputError

__all__ = ["CaptureFaults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFaults:
    """The share of the rows that each fault hits, from 0 to 1; rows are whole, and no row is hit twice by its kind.

    Attributes:
        late_sources: Ended deals whose creation source was logged 60 hours after creation.
        after_close_sources: Ended deals whose creation source was logged 5 days after the close.
        overwritten_sources: Ended deals whose source was another one at the close.
        missing_sources: Ended deals without any source.
        unknown_sources: Ended deals whose source is literally ``unknown``.
        edited_after_close: Ended deals that were changed 10 days after the close.
        never_logged: Expansions that billing shows and the CRM never logged: no deal, no revenue event.
        duplicate_events: Revenue events that are there twice.
        excess_refunds: Revenue events with a refund larger than their amount.
        lost_impressions: Paid impressions that were never captured, so that only clicks are left.
        lost_touches: Other touches that were never captured.
        duplicate_touches: Touches that are there twice.
        unmapped_functions: Touches of a function that no mapping knows.
        odd_spellings: Touches whose function is spelled another way.
        future_touches: Touches dated two years ahead.
        orphan_touches: Touches of an account and contact that nobody knows.
        early_touches: Touches dated 10 days before their account was created.
        lost_month: A month, ``2025-08``, of which all touches that people log by hand are lost; "" for none.
        lost_channel: A channel that vanishes from the last quarter; "" for none.
        capture_drop: Share of the deals opened in the last quarter whose source is missing beside, as far as no other
            fault hit them.
    """

    late_sources: float = 0.05
    after_close_sources: float = 0.02
    overwritten_sources: float = 0.03
    missing_sources: float = 0.03
    unknown_sources: float = 0.02
    edited_after_close: float = 0.03
    never_logged: float = 0.05
    duplicate_events: float = 0.01
    excess_refunds: float = 0.003
    lost_impressions: float = 1.0
    lost_touches: float = 0.05
    duplicate_touches: float = 0.01
    unmapped_functions: float = 0.005
    odd_spellings: float = 0.05
    future_touches: float = 0.002
    orphan_touches: float = 0.005
    early_touches: float = 0.005
    lost_month: str = ""
    lost_channel: str = ""
    capture_drop: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not isinstance(share, str) and not 0 <= share <= 1:
                raise InputError(
                    f"{field.name} is {share}; allowed: a share from 0 to 1", hint=f"leave {field.name} at its default"
                )
