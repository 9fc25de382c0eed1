"""Worlds with known truth, written from the domain: sample data, demo, truth tests.

The judge does not know the judged: nothing here imports an estimator.
"""

from incrementality.simulate.company import CaptureFaults, CompanyHoldout, SimulatedCompany, cells_of, simulate_company
from incrementality.simulate.hazards import annual_recurring_revenue, numeric_hazards, zero_inflated_revenue
from incrementality.simulate.holdout import Manifest, SimulatedHoldout
from incrementality.simulate.journey import crm_journey_holdout, regenerate
from incrementality.simulate.scenarios import SCENARIOS, WorkedScenario
from incrementality.simulate.trigger import SimulatedTrigger, expansion_trigger_holdout
from incrementality.simulate.truth import TrueEffect, true_effects

__all__ = [
    "SCENARIOS",
    "CaptureFaults",
    "CompanyHoldout",
    "Manifest",
    "SimulatedCompany",
    "SimulatedHoldout",
    "SimulatedTrigger",
    "TrueEffect",
    "WorkedScenario",
    "annual_recurring_revenue",
    "cells_of",
    "crm_journey_holdout",
    "expansion_trigger_holdout",
    "numeric_hazards",
    "regenerate",
    "simulate_company",
    "true_effects",
    "zero_inflated_revenue",
]
