"""What attribution answers: tables that print themselves; credit adds up, influence refuses to."""

from incrementality.attribution.answers.deal_tree import DealTree, FunctionBranch, TouchGroup
from incrementality.attribution.answers.function_table import FunctionRow, FunctionTable
from incrementality.attribution.answers.team_budget import JointCountsMissing, TeamBudget, TeamShare

__all__ = [
    "DealTree",
    "FunctionBranch",
    "FunctionRow",
    "FunctionTable",
    "JointCountsMissing",
    "TeamBudget",
    "TeamShare",
    "TouchGroup",
]
