"""A business-to-business software company with known truth: what happened, what was captured, what was caused.

**Nouns.** *Accounts* want the product more or less (latent *intent*, and a mood that comes and goes); most never buy.
*Contacts* are people at them. *Journeys* are started by *moments*: a visit to the site, a download, a renewal that
comes up, seats that run short, an open case. Inside a journey *functions* act: marketing, SDR, AE, presales,
implementation, CS, product, support, executives, partners. One function inside one journey is a *cell*, the smallest
thing that can be switched off. What a cell does leaves *touches* behind, in the order in which teams usually come in.

**What causes what.** Intent and mood move the moments *and* the purchase, so touched accounts buy more than others,
whoever touched them: raw attribution overstates. A prospect opens a deal, sales works on it over one or more quarters,
it is won or lost. A customer uses its seats, is at risk or short of seats, renews once a year, buys more. Cells push
interest, the deal, usage, expansion or renewal, by little or much, and some do harm: promotions sell a little and cost
renewals, and pressure makes people unsubscribe, after which no e-mail reaches them. Pushes saturate, so functions
replace one another; some pairs work only together; what is won this quarter renews and grows in later ones.

**What happens without us.** Visits by search, inbound requests and self-serve upgrades leave touches too, in no
journey, and cause nothing.

**Truth.** Revenue is a deterministic function of accounts, luck, and the cells that are off. Switching a cell off and
living the same luck again gives its exact *removal effect* in this realised world; other luck gives expectations.

**Capture.** What the company's systems hold is less than what happened: late and overwritten sources, lost and
doubled touches, spellings that no mapping knows. Each fault is planted in a known number of rows.
"""

from incrementality.simulate.company.blocks import Books
from incrementality.simulate.company.capture_faults import CaptureFaults
from incrementality.simulate.company.cells import CELLS, FUNCTIONS, Cell, cells_of
from incrementality.simulate.company.holdouts import USUAL_HOLDOUTS, CompanyHoldout
from incrementality.simulate.company.making import simulate_company
from incrementality.simulate.company.simulated import SimulatedCompany
from incrementality.simulate.company.truth import CompanyTruth, FairShare, fair_shares, players_by
from incrementality.simulate.company.written import arguments_of, write_company

__all__ = [
    "CELLS",
    "FUNCTIONS",
    "USUAL_HOLDOUTS",
    "Books",
    "CaptureFaults",
    "Cell",
    "CompanyHoldout",
    "CompanyTruth",
    "FairShare",
    "SimulatedCompany",
    "arguments_of",
    "cells_of",
    "fair_shares",
    "players_by",
    "simulate_company",
    "write_company",
]
