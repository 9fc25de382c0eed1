"""What touches, functions, channels and campaigns are called: definitions that users extend; no data here."""

from incrementality.taxonomy.campaigns import Campaign, CampaignRule, build_campaign, name_problems, parse_campaign
from incrementality.taxonomy.default_types import EXPANSION_TRIGGERS
from incrementality.taxonomy.defaults import default_taxonomy
from incrementality.taxonomy.links import UTM_FIELDS, LinkCheck, build_link, check_link, utm_fields
from incrementality.taxonomy.parse import parse_taxonomy
from incrementality.taxonomy.refusals import TaxonomyError
from incrementality.taxonomy.repair import CampaignRepairs, NameRepair, check_campaigns
from incrementality.taxonomy.taxonomy import VOCABULARY_OF, Classified, ColumnName, Taxonomy
from incrementality.taxonomy.terms import (
    RESERVED,
    UNALLOCATED,
    UNKNOWN,
    Channel,
    CreationSource,
    CreationTrigger,
    EventKind,
    Function,
    MilestoneRule,
    Outcome,
    Term,
    Topic,
    TouchType,
    Vocabulary,
    fold,
)

__all__ = [
    "EXPANSION_TRIGGERS",
    "RESERVED",
    "UNALLOCATED",
    "UNKNOWN",
    "UTM_FIELDS",
    "VOCABULARY_OF",
    "Campaign",
    "CampaignRepairs",
    "CampaignRule",
    "Channel",
    "Classified",
    "ColumnName",
    "CreationSource",
    "CreationTrigger",
    "EventKind",
    "Function",
    "LinkCheck",
    "MilestoneRule",
    "NameRepair",
    "Outcome",
    "Taxonomy",
    "TaxonomyError",
    "Term",
    "Topic",
    "TouchType",
    "Vocabulary",
    "build_campaign",
    "build_link",
    "check_campaigns",
    "check_link",
    "default_taxonomy",
    "fold",
    "name_problems",
    "parse_campaign",
    "parse_taxonomy",
    "utm_fields",
]
