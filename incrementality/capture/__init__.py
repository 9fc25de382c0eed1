"""The records of a company: touches, deals and money read under contract, cleaned, matched, set aside, audited."""

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
    "Company",
    "Identities",
    "IdentityConflicts",
    "Intake",
    "Milestones",
    "MoneyFormat",
    "Preset",
    "Reason",
    "Revenue",
    "Source",
    "Sources",
    "TableIntake",
    "TouchIdentities",
    "audit_campaigns",
    "identify_touches",
    "milestones",
    "open_company",
    "parse_sources",
    "resolve_identities",
]
