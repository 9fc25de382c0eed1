"""What attribution answers: tables that print themselves; credit adds up, influence refuses to."""

from incrementality.attribution.answers.cost_allocation import (
    COST_RULES,
    AllocatedCost,
    CostAllocation,
    CostRow,
    allocate_costs,
)
from incrementality.attribution.answers.deal_tree import DealTree, FunctionBranch, TouchGroup
from incrementality.attribution.answers.function_table import FunctionRow, FunctionTable
from incrementality.attribution.answers.model_comparison import ModelComparison, RankFlip
from incrementality.attribution.answers.team_budget import JointCountsMissing, TeamBudget, TeamShare

__all__ = [
    "COST_RULES",
    "AllocatedCost",
    "CostAllocation",
    "CostRow",
    "DealTree",
    "FunctionBranch",
    "FunctionRow",
    "FunctionTable",
    "JointCountsMissing",
    "ModelComparison",
    "RankFlip",
    "TeamBudget",
    "TeamShare",
    "TouchGroup",
    "allocate_costs",
]
