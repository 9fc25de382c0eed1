"""Models of credit: records of functions, each one query in the engine."""

from incrementality.attribution.models.datadriven import (
    PATH_MODELS,
    PathModel,
    markov_model,
    regression_model,
    shapley_model,
)
from incrementality.attribution.models.decays import capped, time_decay, usage_weighted
from incrementality.attribution.models.expansion import ExpansionRules, expansion_roles
from incrementality.attribution.models.gates import ConversionGate, conversions_a_month
from incrementality.attribution.models.groups import NEW_BUSINESS_WEIGHTS, function_weights, per_kind, save_event
from incrementality.attribution.models.path_credit import PathCredit, spread_credit
from incrementality.attribution.models.positions import first, last, last_non, linear, position, w_shaped
from incrementality.attribution.models.registry import RULE_MODELS
from incrementality.attribution.models.roles import RoleModel, expansion_model
from incrementality.attribution.models.rules import RuleModel, Touch, rule_model

__all__ = [
    "NEW_BUSINESS_WEIGHTS",
    "PATH_MODELS",
    "RULE_MODELS",
    "ConversionGate",
    "ExpansionRules",
    "PathCredit",
    "PathModel",
    "RoleModel",
    "RuleModel",
    "Touch",
    "capped",
    "conversions_a_month",
    "expansion_model",
    "expansion_roles",
    "first",
    "function_weights",
    "last",
    "last_non",
    "linear",
    "markov_model",
    "per_kind",
    "position",
    "regression_model",
    "rule_model",
    "save_event",
    "shapley_model",
    "spread_credit",
    "time_decay",
    "usage_weighted",
    "w_shaped",
]
