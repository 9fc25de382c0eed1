"""Who could receive a journey, when (t0), and why not: the same routine for both arms, blind to the arm.

A rule is written once and evaluated twice with the same answer: in the engine for a whole population, and in Python
for one unit at a time. Nothing here knows an arm: it is looked up only after a decision is logged.
"""

from incrementality.cohorts.cohort import Cohort, cohort
from incrementality.cohorts.decide import decide, reconstruct
from incrementality.cohorts.decisions import Decisions, Refused
from incrementality.cohorts.drift import Drift, DriftRow, drift
from incrementality.cohorts.predicates import All, AnyOf, Compare, Exists, Missing, Not
from incrementality.cohorts.refusals import NeverWithheld, ReadsOwnJourney, RuleError
from incrementality.cohorts.replay import Decision, decide_unit
from incrementality.cohorts.rule import Cap, Condition, EligibilityRule, InputTable, Reentry, Suppression, parse_rule
from incrementality.cohorts.values import Inputs
from incrementality.cohorts.verdict import Verdict, evaluate

__all__ = [
    "All",
    "AnyOf",
    "Cap",
    "Cohort",
    "Compare",
    "Condition",
    "Decision",
    "Decisions",
    "Drift",
    "DriftRow",
    "EligibilityRule",
    "Exists",
    "InputTable",
    "Inputs",
    "Missing",
    "NeverWithheld",
    "Not",
    "ReadsOwnJourney",
    "Reentry",
    "Refused",
    "RuleError",
    "Suppression",
    "Verdict",
    "cohort",
    "decide",
    "decide_unit",
    "drift",
    "evaluate",
    "parse_rule",
    "reconstruct",
]
