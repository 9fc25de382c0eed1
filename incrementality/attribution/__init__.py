"""Who touched the revenue: journeys, models of credit, and a ledger that adds up to the cent; never what was caused."""

from incrementality.attribution.credits import SHOWN_BESIDE, UNALLOCATED, UNKNOWN, Credit, credit_totals
from incrementality.attribution.journey_columns import EVENT_COLUMNS, JOURNEY_COLUMNS, LABELS, TOUCH_COLUMNS
from incrementality.attribution.journeys import JourneyCounts, Journeys, Unit, open_journeys
from incrementality.attribution.lifecycle import anchored_events, step_events
from incrementality.attribution.models import (
    NEW_BUSINESS_WEIGHTS,
    RULE_MODELS,
    ExpansionRules,
    RoleModel,
    RuleModel,
    Touch,
    expansion_model,
    rule_model,
)
from incrementality.attribution.path_table import read_path_table
from incrementality.attribution.paths import (
    PathCounts,
    PathRule,
    Paths,
    credit_paths,
    paths_of_journeys,
    paths_of_strings,
)
from incrementality.attribution.paths_engine import EnginePaths, open_paths
from incrementality.attribution.shares import CreditModel
from incrementality.attribution.window_settings import parse_windows, windows_to_dict
from incrementality.attribution.windows import ANCHORS, ANY_KIND, WINDOW_PRESETS, Anchor, WindowRule, Windows

__all__ = [
    "ANCHORS",
    "ANY_KIND",
    "EVENT_COLUMNS",
    "JOURNEY_COLUMNS",
    "LABELS",
    "NEW_BUSINESS_WEIGHTS",
    "RULE_MODELS",
    "SHOWN_BESIDE",
    "TOUCH_COLUMNS",
    "UNALLOCATED",
    "UNKNOWN",
    "WINDOW_PRESETS",
    "Anchor",
    "Credit",
    "CreditModel",
    "EnginePaths",
    "ExpansionRules",
    "JourneyCounts",
    "Journeys",
    "PathCounts",
    "PathRule",
    "Paths",
    "RoleModel",
    "RuleModel",
    "Touch",
    "Unit",
    "WindowRule",
    "Windows",
    "anchored_events",
    "credit_paths",
    "credit_totals",
    "expansion_model",
    "open_journeys",
    "open_paths",
    "parse_windows",
    "paths_of_journeys",
    "paths_of_strings",
    "read_path_table",
    "rule_model",
    "step_events",
    "windows_to_dict",
]
