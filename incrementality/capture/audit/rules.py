"""The metrics that every audit has: formula, default target and owner, and what to do when one fails.

A target of ``None`` means that practice has no figure that fits every company: the metric is shown and fails nothing
until a company sets its own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from incrementality.capture.audit.metrics import MetricRule

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AUDIT_RULES"]

_OPERATIONS = "revenue operations"
_SALES = "sales operations"
_FINANCE = "finance"
_MARKETING = "marketing operations"

_SOURCES = (
    MetricRule(
        "capture_rate",
        "capture rate",
        "deals opened in the quarter whose creation source is named, is not 'unknown', and was written down within 24 "
        "hours / all deals opened in it",
        "higher",
        0.8,
        _OPERATIONS,
        "make creation source and trigger mandatory when a deal is opened",
    ),
    MetricRule(
        "source_missing",
        "missing sources",
        "deals opened without any creation source / all deals opened",
        "lower",
        0.05,
        _OPERATIONS,
        "ask the opener within the week, while they remember; else write 'unknown'",
    ),
    MetricRule(
        "source_unknown",
        "unknown sources",
        "deals opened whose creation source is literally 'unknown' / all deals opened",
        "lower",
        0.05,
        _OPERATIONS,
        "look for the first inbound mail, product trigger or review before the deal; 'unknown' stays if none is found",
    ),
    MetricRule(
        "source_late",
        "late sources",
        "deals whose source was written down later than 24 hours after creation and before the close / all of them",
        "lower",
        0.1,
        _OPERATIONS,
        "remind openers on the day; a source that is remembered later favours whoever came last",
    ),
    MetricRule(
        "source_after_close",
        "sources after the close",
        "deals whose source was written down after the close, and does not count / all deals opened",
        "lower",
        0.02,
        _OPERATIONS,
        "lock the field at the close",
    ),
    MetricRule(
        "source_overwritten",
        "overwritten sources",
        "deals whose source at the close is another one than at creation; the first counts / all deals opened",
        "lower",
        0.02,
        _OPERATIONS,
        "lock the field 24 hours after creation; ask who changed it and why",
    ),
    MetricRule(
        "trigger_missing",
        "sources without a trigger",
        "expansions opened that CSM, sales, product or the customer are said to have started, without what set them "
        "off / all such expansions",
        "lower",
        0.1,
        _OPERATIONS,
        "make the creation trigger mandatory beside the source",
    ),
    MetricRule(
        "edited_after_close",
        "deals edited after the close",
        "deals changed after they were closed / deals closed in the quarter",
        "lower",
        0.05,
        _SALES,
        "close the record with the deal; corrections go through a change request",
    ),
    MetricRule(
        "partner_sourced",
        "partner and referral deals",
        "deals that a partner started / all deals opened; they are no errors",
    ),
)
_LEADS = (
    MetricRule(
        "lead_linkage",
        "lead-to-opportunity linkage",
        "new-business deals opened with an earlier lead of the same deal, or of a person who plays a part in it (of "
        "the same account where parts are not recorded) / new-business deals opened",
        "higher",
        0.8,
        _MARKETING,
        "convert leads into deals rather than opening deals beside them; record who plays a part",
    ),
    MetricRule(
        "response_in_5_minutes",
        "leads answered within 5 minutes",
        "leads with a touch of sales that reached out within 5 minutes / all leads",
        "higher",
        None,
        _SALES,
        "route leads to whoever is free",
    ),
    MetricRule(
        "response_in_30_minutes",
        "leads answered within 30 minutes",
        "leads with a touch of sales that reached out within 30 minutes / all leads",
        "higher",
        None,
        _SALES,
        "route leads to whoever is free",
    ),
    MetricRule(
        "response_in_agreed_time",
        "leads answered within the agreed time",
        "leads with a touch of sales that reached out within the agreed time / all leads",
        "higher",
        None,
        _SALES,
        "agree on a time that the team can keep, and staff it",
    ),
    MetricRule(
        "response_time",
        "median response time",
        "median of the minutes from a lead to the first touch of sales that reached out, of leads that were answered "
        "within 30 days",
        "lower",
        None,
        _SALES,
        "route leads to whoever is free",
        unit="minutes",
    ),
    MetricRule(
        "stage_updates_late",
        "late stage updates",
        "stages written down later than 24 hours after they were reached / all stages with both times",
        "lower",
        0.1,
        _SALES,
        "update stages on the day of the meeting",
    ),
    MetricRule(
        "stage_update_latency",
        "median stage-update latency",
        "median of the hours from reaching a stage to writing it down",
        "lower",
        None,
        _SALES,
        "update stages on the day of the meeting",
        unit="hours",
    ),
    MetricRule(
        "loss_reasons",
        "lost deals with a reason",
        "lost deals closed in the quarter with a reason / lost deals closed in it",
        "higher",
        0.8,
        _SALES,
        "make the reason mandatory when a deal is lost",
    ),
    MetricRule(
        "reject_reasons",
        "rejected leads with a reason",
        "leads rejected, disqualified or recycled in the quarter with a reason / all of these",
        "higher",
        0.8,
        _SALES,
        "make the reason mandatory when a lead is rejected",
    ),
)
_TOUCHES = (
    MetricRule(
        "disposition_coverage",
        "disposition coverage",
        "touches that are not automatic with an outcome / all touches that are not automatic",
        "higher",
        0.8,
        _OPERATIONS,
        "make the outcome mandatory when a call or meeting is logged",
    ),
    MetricRule(
        "opens_and_clicks",
        "touches that are opens or clicks",
        "touches whose outcome is an open or a click / all touches; software opens and clicks too",
    ),
    MetricRule(
        "clicks_without_views",
        "click-only bias",
        "clicks of paid channels of which the quarter has no view / clicks of paid channels: whoever saw and did not "
        "click is invisible there",
        owner=_MARKETING,
    ),
    MetricRule(
        "one_system_accounts",
        "accounts that one system sees",
        "accounts with touches of one source system only / accounts with touches: what other systems saw may be lost",
        owner=_MARKETING,
    ),
    MetricRule(
        "missing_periods",
        "missing periods",
        "months without touches of a source system or function that had 30 or more a month before and after",
        "lower",
        0,
        _OPERATIONS,
        "look for the export or the integration that stopped, and load the month again",
        unit="count",
    ),
    MetricRule(
        "resting_on_guesses",
        "credit resting on guessed identities",
        "revenue events with a touch in the 180 days before whose person rests on a link that is not certain / all "
        "revenue events",
    ),
)
_MONEY = (
    MetricRule(
        "billing_unmatched",
        "billing that no event knows",
        "invoice lines that belong to no revenue event / all invoice lines",
        "lower",
        0.02,
        _FINANCE,
        "log the deals that billing shows",
    ),
    MetricRule(
        "never_logged",
        "never logged",
        "invoice lines of expansions (and lines without a kind) that belong to no revenue event / all such lines; "
        "their whole amount is credited to nobody",
        "lower",
        0.02,
        _FINANCE,
        "open a deal for each expansion that billing shows",
        moves=1.0,
    ),
    MetricRule(
        "credited_to_last_human",
        "credited to the last human",
        "won expansions that CSM or sales are said to have started, although a product trigger or an inbound request "
        "came in the 90 days before the close and before the deal / won expansions; the source share of their amount "
        "would move",
        owner=_OPERATIONS,
        moves=0.4,
    ),
    MetricRule(
        "cs_by_default",
        "CS-owned by default",
        "won expansions that CS is said to have started without any two-way contact of CS in the 90 days before the "
        "deal / won expansions; the source share of their amount would move",
        owner=_OPERATIONS,
        moves=0.4,
    ),
)

AUDIT_RULES: Mapping[str, MetricRule] = MappingProxyType(
    {rule.name: rule for rule in (*_SOURCES, *_LEADS, *_TOUCHES, *_MONEY)}
)
