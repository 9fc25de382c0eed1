"""The records of a company: touches, deals and money read under contract, cleaned, matched, set aside, audited."""

from incrementality.capture.audit import Audit, AuditTargets, PastAudit, audit_company, parse_targets
from incrementality.capture.campaign_names import audit_campaigns
from incrementality.capture.company import Company, open_company
from incrementality.capture.identified import TouchIdentities, identify_touches
from incrementality.capture.identity import Identities, resolve_identities
from incrementality.capture.identity_conflicts import IdentityConflicts
from incrementality.capture.intake import Intake, Reason, TableIntake
from incrementality.capture.milestone_counts import Milestones
from incrementality.capture.milestones import milestones
from incrementality.capture.presets import PRESETS, Preset
from incrementality.capture.revenue import Revenue
from incrementality.capture.source import MoneyFormat, Source, Sources
from incrementality.capture.sources import parse_sources

__all__ = [
    "PRESETS",
    "Audit",
    "AuditTargets",
    "Company",
    "Identities",
    "IdentityConflicts",
    "Intake",
    "Milestones",
    "MoneyFormat",
    "PastAudit",
    "Preset",
    "Reason",
    "Revenue",
    "Source",
    "Sources",
    "TableIntake",
    "TouchIdentities",
    "audit_campaigns",
    "audit_company",
    "identify_touches",
    "milestones",
    "open_company",
    "parse_sources",
    "parse_targets",
    "resolve_identities",
]
