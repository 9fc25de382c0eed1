"""The verb that audits the records that attribution reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incrementality.capture.audit import audit_company
from incrementality.capture.rates import minor_digits
from incrementality.display import DisplayMixin
from incrementality.workspace.attributing import open_workspace_company
from incrementality.workspace.audit_records import earlier_audits, keep_audit
from incrementality.workspace.definition_log import check_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from incrementality.capture import Intake, Revenue
    from incrementality.capture.audit import Audit
    from incrementality.warehouse import Warehouse
    from incrementality.workspace.project import Workspace

__all__ = ["DataAudit", "audit_data"]


@dataclass(frozen=True, slots=True)
class DataAudit(DisplayMixin):
    """What became of a company's records.

    Attributes:
        audit: The quarter's metrics, each with its formula, owner, target and trend.
        intake: Every table: rows read, kept, refused and flagged by reason, with samples.
        revenue: Where every minor unit of revenue went.
        missing: For each table that is not there, what its absence costs.
        sentences: What to know, in words.
    """

    audit: Audit
    intake: Intake
    revenue: Revenue
    missing: dict[str, str]
    sentences: tuple[str, ...]

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a metric of the audit."""
        return self.audit.to_dicts()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "sentences": list(self.sentences),
            "audit": self.audit.to_dict(),
            "intake": list(self.intake.to_dicts()),
            "revenue": list(self.revenue.to_dicts()),
            "missing": dict(self.missing),
        }


def audit_data(
    workspace: Workspace,
    period: str | None = None,
    *,
    warehouse: Warehouse | None = None,
    hash_ids: bool = False,
    at: datetime | None = None,
) -> DataAudit:
    """Take the company's tables in, tell what became of every row, and hold the records against their targets.

    The audit is put on record below ``audits/``, with a log of issues that people edit.

    Args:
        workspace: The workspace; its ``attribution.yaml`` says where the tables lie.
        period: The quarter that is audited; default: the last one that is over.
        warehouse: An open engine.
        hash_ids: Whether ids of samples are hashed under the workspace's salt.
        at: Until when the records reach where the settings do not say (UTC); default: now.

    Raises:
        IncrementalityError: Anything that cannot be used, named, with the next step.
    """
    with open_workspace_company(workspace, warehouse=warehouse, hash_ids=hash_ids, at=at) as (company, settings):
        audit = audit_company(company, settings.targets, earlier_audits(workspace), quarter=period)
        definitions = check_definitions(workspace, audit.quarter).sentence
        told = (audit.sentence, *_sentences(company.intake, company.revenue), *audit.alarms)
        sentences = (*told, *filter(None, [definitions]))
        keep_audit(workspace, audit)
        return DataAudit(audit, company.intake, company.revenue, dict(company.missing), sentences)


def _sentences(intake: Intake, revenue: Revenue) -> Iterator[str]:
    read, kept = sum(table.read for table in intake), sum(table.kept for table in intake)
    yield f"{kept:,} of {read:,} rows in {len(intake.tables)} tables are kept; the others are refused, by reason."
    digits = minor_digits(revenue.currency)
    aside = f"{revenue.currency} {revenue.set_aside / 10**digits:,.{digits}f} of revenue are set aside".strip()
    held = "holds" if revenue.reconciles else "DOES NOT HOLD"
    yield f"{aside}; stated + rebilled = kept + refunded + set aside {held}, to the unit."
