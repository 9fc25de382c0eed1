"""The quarterly audit: every metric that the tables allow, against its target and earlier audits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.capture.audit.counting import Readings, together
from incrementality.capture.audit.deals import billing_readings, deal_readings, expansion_readings
from incrementality.capture.audit.drift import find_drift, missing_months
from incrementality.capture.audit.leads import linkage_readings, response_readings, stage_readings
from incrementality.capture.audit.metrics import AuditMetric, Reading
from incrementality.capture.audit.qualities import lost_deals
from incrementality.capture.audit.quarters import quarter_ended_by, quarter_index, quarter_name
from incrementality.capture.audit.report import Audit, PastAudit
from incrementality.capture.audit.targets import AuditTargets
from incrementality.capture.audit.touches import guess_readings, touch_readings
from incrementality.capture.audit.volumes import touch_volumes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from incrementality.capture.audit.drift import MissingMonth
    from incrementality.capture.company import Company

__all__ = ["audit_company"]

_NEEDS = {
    "opportunities": (
        "capture_rate",
        "source_missing",
        "source_unknown",
        "source_late",
        "source_after_close",
        "source_overwritten",
        "trigger_missing",
        "edited_after_close",
        "partner_sourced",
        "loss_reasons",
    ),
    "opportunities and stages": ("lead_linkage",),
    "stages": (
        "response_in_5_minutes",
        "response_in_30_minutes",
        "response_in_agreed_time",
        "response_time",
        "stage_updates_late",
        "stage_update_latency",
        "reject_reasons",
    ),
    "touchpoints": (
        "disposition_coverage",
        "opens_and_clicks",
        "clicks_without_views",
        "one_system_accounts",
        "missing_periods",
    ),
    "contacts with identifiers": ("resting_on_guesses",),
    "invoices": ("billing_unmatched", "never_logged"),
    "opportunities of revenue events": ("credited_to_last_human", "cs_by_default"),
}


def audit_company(
    company: Company,
    targets: AuditTargets | None = None,
    earlier: Sequence[PastAudit] = (),
    *,
    quarter: str | None = None,
) -> Audit:
    """Audit a company's records: what was captured, when, and how much credit rests on what was not.

    Nothing is changed. Partner and referral deals are no errors, and ``unknown`` is a value with an allowed rate of
    its own, kept apart from a source that is missing.

    Args:
        company: The company.
        targets: Targets, owners and floors; default: those that ship.
        earlier: Earlier audits, for the trend; those of the same quarter or later ones are left out.
        quarter: The quarter, like ``2026Q1``; default: the last one that was over when the records end.

    Raises:
        InputError: The quarter is not written as one.

    Examples:
        >>> from datetime import datetime
        >>> import numpy as np
        >>> from incrementality.capture import open_company, parse_sources
        >>> from incrementality.taxonomy import default_taxonomy
        >>> from incrementality.warehouse import connect
        >>> deals = {"opportunity_id": np.array(["o1", "o2"]), "account_id": np.array(["a", "b"]),
        ...     "created_at": np.array(["2026-02-01", "2026-02-02"]), "closed_at": np.array(["2026-03-01"] * 2),
        ...     "outcome": np.array(["won", "won"]), "amount": np.array([100, 50]),
        ...     "creation_source": np.array(["csm", "unknown"])}
        >>> touches = {"account_id": np.array(["a"]), "occurred_at": np.array(["2026-02-01"])}
        >>> of_cs = {"from": touches, "constants": {"function": "cs"}}
        >>> sources = {"opportunities": {"from": deals}, "touchpoints": of_cs}
        >>> with connect() as engine:
        ...     company = open_company(
        ...         parse_sources(sources), default_taxonomy(), engine, as_of=datetime(2026, 4, 30))
        ...     audit = audit_company(company)
        >>> audit.quarter, audit["capture_rate"].value, audit["source_unknown"].last.money
        ('2026Q1', 0.5, 5000)
        >>> audit.unmeasured["never_logged"]
        'there is no table of invoices'
    """
    aims = targets or AuditTargets()
    audited = quarter_ended_by(company.as_of) if quarter is None else quarter_name(quarter_index(quarter))
    volumes = touch_volumes(company.warehouse, company.tables["touchpoints"], as_of=company.as_of)
    gaps = missing_months(volumes)
    found = {**_readings(company, aims), "missing_periods": _of_gaps(gaps, audited)}
    past = sorted((one for one in earlier if one.quarter < audited), key=lambda one: one.quarter)
    metrics = tuple(
        AuditMetric(rule, audited, found[name].by_quarter, found[name].total, _said(past, name))
        for name, rule in aims.rules.items()
        if name in found
    )
    unmeasured = {name: _why(name) for name in aims.rules if name not in found}
    return Audit(
        audited,
        company.as_of.date().isoformat(),
        company.currency,
        metrics,
        unmeasured,
        gaps,
        find_drift(volumes, audited),
        lost_deals(company),
        _insufficient({one.rule.name: one for one in metrics}, aims.floors, audited),
        frozenset(name for one in past for name in one.missing),
    )


def _readings(company: Company, aims: AuditTargets) -> dict[str, Readings]:
    tables, found = company.tables, touch_readings(company)
    if "opportunities" in tables:
        found |= deal_readings(company) | expansion_readings(company)
    if {"opportunities", "stages"} <= set(tables):
        found |= linkage_readings(company)
    if "stages" in tables:
        found |= stage_readings(company) | response_readings(company, aims.response_functions, aims.agreed_minutes)
    if "invoices" in tables:
        found |= billing_readings(company)
    return found | guess_readings(company)


def _of_gaps(gaps: Iterable[MissingMonth], audited: str) -> Readings:
    """Missing months by quarter; the audited one is there even if none is missing."""
    months = [f"{one.month[:4]}Q{(int(one.month[5:]) + 2) // 3}" for one in gaps]
    return together(Reading(quarter, months.count(quarter), 0) for quarter in sorted({*months, audited}))


def _said(past: Iterable[PastAudit], name: str) -> tuple[tuple[str, float], ...]:
    return tuple((one.quarter, one.values[name]) for one in past if name in one.values)


def _why(name: str) -> str:
    table = next(table for table, names in _NEEDS.items() if name in names)
    return f"there is no table of {table}"


def _insufficient(metrics: Mapping[str, AuditMetric], floors: Mapping[str, float], quarter: str) -> str:
    """Return which floor of completeness the quarter breaks."""

    def value(name: str) -> float | None:
        return metrics[name].value if name in metrics else None

    missing, unknown = value("source_missing"), value("source_unknown")
    measured = {
        "capture rate": (value("capture_rate"), floors["capture_rate"], "below"),
        "share of missing and unknown sources": (
            None if missing is None or unknown is None else missing + unknown,
            floors["unknown_share"],
            "above",
        ),
        "lead-to-opportunity linkage": (value("lead_linkage"), floors["lead_linkage"], "below"),
    }
    broken = [
        f"the {what} of {quarter} is {100 * found:.3g} %, {side} the floor of {100 * floor:.3g} %"
        for what, (found, floor, side) in measured.items()
        if found is not None and (found < floor if side == "below" else found > floor)
    ]
    return f"Insufficient data: {'; '.join(broken)}." if broken else ""
