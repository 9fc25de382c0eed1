"""Who gets what: hash, global holdout, layers, ramp, fixed cohorts, accounts; the same draw in Python and in SQL."""

from incrementality.assignment.accounts import Inherited, inherit
from incrementality.assignment.assign import Assigned, assign, keep_first
from incrementality.assignment.dialects import DIALECTS, Dialect
from incrementality.assignment.fixed import FixedDraw, draw_fixed, mahalanobis_limit, rerandomise
from incrementality.assignment.hashing import cut, hash_unit, hash_units
from incrementality.assignment.in_engine import assign_in_engine, assignment_sql
from incrementality.assignment.kept import KeptCohort, keep_cohort, redraw
from incrementality.assignment.overrides import Override
from incrementality.assignment.plan import (
    AssignmentPlan,
    Cell,
    PlanArm,
    Within,
)
from incrementality.assignment.planning import make_plan, plan_for, plan_of_holdout, with_overrides, with_phase
from incrementality.assignment.ramp import ArmRange, Phase
from incrementality.assignment.slots import (
    GlobalHoldout,
    Layer,
    LayerSlot,
    close_slot,
    global_holdout,
    open_slot,
    rotate,
)
from incrementality.assignment.unit_ids import UnitType, long_crm_id

__all__ = [
    "DIALECTS",
    "ArmRange",
    "Assigned",
    "AssignmentPlan",
    "Cell",
    "Dialect",
    "FixedDraw",
    "GlobalHoldout",
    "Inherited",
    "KeptCohort",
    "Layer",
    "LayerSlot",
    "Override",
    "Phase",
    "PlanArm",
    "UnitType",
    "Within",
    "assign",
    "assign_in_engine",
    "assignment_sql",
    "close_slot",
    "cut",
    "draw_fixed",
    "global_holdout",
    "hash_unit",
    "hash_units",
    "inherit",
    "keep_cohort",
    "keep_first",
    "long_crm_id",
    "mahalanobis_limit",
    "make_plan",
    "open_slot",
    "plan_for",
    "plan_of_holdout",
    "redraw",
    "rerandomise",
    "rotate",
    "with_overrides",
    "with_phase",
]
