"""What attribution answers: tables that print themselves; credit adds up, influence refuses to."""

from incrementality.attribution.answers.cohort_value import CohortTable, CohortValue, measure_cohorts
from incrementality.attribution.answers.cost_allocation import (
    COST_RULES,
    AllocatedCost,
    CostAllocation,
    CostRow,
    allocate_costs,
)
from incrementality.attribution.answers.deal_tree import DealTree, FunctionBranch, TouchGroup
from incrementality.attribution.answers.engagement import (
    BackTest,
    DealHistory,
    Engagement,
    EngagementTable,
    back_test_engagement,
    compare_engagement,
)
from incrementality.attribution.answers.function_table import FunctionRow, FunctionTable
from incrementality.attribution.answers.model_comparison import ModelComparison, RankFlip
from incrementality.attribution.answers.role_mix import DealRoles, RoleMix
from incrementality.attribution.answers.team_budget import JointCountsMissing, TeamBudget, TeamShare
from incrementality.attribution.answers.unit_costs import ChannelReturn, UnitCosts
from incrementality.attribution.answers.velocity import Velocity, VelocityTable, measure_velocity

__all__ = [
    "COST_RULES",
    "AllocatedCost",
    "BackTest",
    "ChannelReturn",
    "CohortTable",
    "CohortValue",
    "CostAllocation",
    "CostRow",
    "DealHistory",
    "DealRoles",
    "DealTree",
    "Engagement",
    "EngagementTable",
    "FunctionBranch",
    "FunctionRow",
    "FunctionTable",
    "JointCountsMissing",
    "ModelComparison",
    "RankFlip",
    "RoleMix",
    "TeamBudget",
    "TeamShare",
    "TouchGroup",
    "UnitCosts",
    "Velocity",
    "VelocityTable",
    "allocate_costs",
    "back_test_engagement",
    "compare_engagement",
    "measure_cohorts",
    "measure_velocity",
]
