"""Who touched the revenue: journeys, models of credit, and a ledger that adds up to the cent; never what was caused."""

from incrementality.attribution.bootstrap import CreditInterval, CreditIntervals, bootstrap_credit
from incrementality.attribution.credits import Credit, credit_totals
from incrementality.attribution.grains import GrainRow, Grains, count_grains
from incrementality.attribution.influence import Influence, InfluenceRow, check_is_credit, influence
from incrementality.attribution.journey_columns import EVENT_COLUMNS, JOURNEY_COLUMNS, LABELS, TOUCH_COLUMNS
from incrementality.attribution.journeys import JourneyCounts, Journeys, Unit, open_journeys
from incrementality.attribution.labels import SHOWN_BESIDE, UNALLOCATED, UNKNOWN
from incrementality.attribution.ledger import LEDGER_LABELS, CreditLedger, LedgerTotals, make_ledger
from incrementality.attribution.ledger_files import read_ledger, write_ledger
from incrementality.attribution.lifecycle import anchored_events, step_events
from incrementality.attribution.models import (
    NEW_BUSINESS_WEIGHTS,
    PATH_MODELS,
    RULE_MODELS,
    ConversionGate,
    ExpansionRules,
    PathCredit,
    PathModel,
    RoleModel,
    RuleModel,
    Touch,
    conversions_a_month,
    expansion_model,
    markov_model,
    regression_model,
    rule_model,
    shapley_model,
    spread_credit,
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
from incrementality.attribution.paths_events import EventPaths, paths_of_events
from incrementality.attribution.precedence import SettledChannels, settle_channels
from incrementality.attribution.reconciliation import Reconciliation, ReconciliationRow
from incrementality.attribution.settings import ATTRIBUTION_SECTIONS, parse_attribution
from incrementality.attribution.shares import CreditModel
from incrementality.attribution.specification import LEADING, AttributionSpec
from incrementality.attribution.usage import SavedAmounts, limit_saved, weigh_by_usage
from incrementality.attribution.views import TouchView, TouchViews, touch_views
from incrementality.attribution.window_settings import parse_windows, windows_to_dict
from incrementality.attribution.windows import ANCHORS, ANY_KIND, WINDOW_PRESETS, Anchor, WindowRule, Windows

__all__ = [
    "ANCHORS",
    "ANY_KIND",
    "ATTRIBUTION_SECTIONS",
    "EVENT_COLUMNS",
    "JOURNEY_COLUMNS",
    "LABELS",
    "LEADING",
    "LEDGER_LABELS",
    "NEW_BUSINESS_WEIGHTS",
    "PATH_MODELS",
    "RULE_MODELS",
    "SHOWN_BESIDE",
    "TOUCH_COLUMNS",
    "UNALLOCATED",
    "UNKNOWN",
    "WINDOW_PRESETS",
    "Anchor",
    "AttributionSpec",
    "ConversionGate",
    "Credit",
    "CreditInterval",
    "CreditIntervals",
    "CreditLedger",
    "CreditModel",
    "EnginePaths",
    "EventPaths",
    "ExpansionRules",
    "GrainRow",
    "Grains",
    "Influence",
    "InfluenceRow",
    "JourneyCounts",
    "Journeys",
    "LedgerTotals",
    "PathCounts",
    "PathCredit",
    "PathModel",
    "PathRule",
    "Paths",
    "Reconciliation",
    "ReconciliationRow",
    "RoleModel",
    "RuleModel",
    "SavedAmounts",
    "SettledChannels",
    "Touch",
    "TouchView",
    "TouchViews",
    "Unit",
    "WindowRule",
    "Windows",
    "anchored_events",
    "bootstrap_credit",
    "check_is_credit",
    "conversions_a_month",
    "count_grains",
    "credit_paths",
    "credit_totals",
    "expansion_model",
    "influence",
    "limit_saved",
    "make_ledger",
    "markov_model",
    "open_journeys",
    "open_paths",
    "parse_attribution",
    "parse_windows",
    "paths_of_events",
    "paths_of_journeys",
    "paths_of_strings",
    "read_ledger",
    "read_path_table",
    "regression_model",
    "rule_model",
    "settle_channels",
    "shapley_model",
    "spread_credit",
    "step_events",
    "touch_views",
    "weigh_by_usage",
    "windows_to_dict",
    "write_ledger",
]
