"""What causes what in the company: moments select intent, pushes saturate, pairs and pressure count."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.simulate import cells_of, simulate_company
from incrementality.simulate.company import CELLS
from incrementality.simulate.company.blocks import cells_off, silence_of
from incrementality.simulate.company.cells import STEPS, TOGETHER
from incrementality.simulate.company.moments import PROSPECT_MOMENTS
from incrementality.simulate.company.pushes import irritation_of, push
from incrementality.simulate.company.steps import GOALS
from incrementality.tables import COMPANY_TABLES


@pytest.fixture(scope="module")
def lived():
    company = simulate_company(8_000, quarters=3, seed=9, holdouts=())
    block = company.blocks[0]
    return block, list(block.quarters(silence_of(block, cells_off((), 3), ())))


def acting(*cells):
    acts = np.zeros((len(CELLS), 1), dtype=bool)
    for cell in cells:
        acts[CELLS.index(cell)] = True
    return acts


@pytest.mark.parametrize("moment", [name for name in PROSPECT_MOMENTS if name not in {"good_fit", "partner_knows"}])
def test_moments_select_who_wants_the_product_anyway(lived, moment):
    block, quarters = lived
    for quarter in quarters:
        prospects, met = quarter.moments["prospect"], quarter.moments[moment]
        intent = block.population.intent
        assert intent[met].mean() > intent[prospects & ~met].mean() + 0.3


def test_moments_of_prospects_and_customers_do_not_mix(lived):
    _, quarters = lived
    for quarter in quarters:
        assert not (quarter.moments["prospect"] & quarter.moments["customer"]).any()
        for name in PROSPECT_MOMENTS:
            assert not (quarter.moments[name] & ~quarter.moments["prospect"]).any()


def test_cells_act_only_where_their_journey_was_started(lived):
    _, quarters = lived
    for quarter in quarters:
        for acts, (journey, _) in zip(quarter.acts, STEPS, strict=True):
            assert not (acts & ~quarter.moments[journey.moment]).any()


def test_what_helps_saturates():
    one, other = ("marketing", "content-nurture"), ("sdr", "outbound-prospecting")
    alone = push("interest", acting(one)) + push("interest", acting(other))
    assert 0 < push("interest", acting(one, other))[0] < alone[0]


@pytest.mark.parametrize("pair", TOGETHER, ids=str)
def test_pairs_do_more_or_less_together(pair):
    goal, extra = TOGETHER[pair]
    single = [push(goal, acting(cell))[0] for cell in pair]
    both = push(goal, acting(*pair))[0]
    assert max(single) < both
    if extra < 0:
        assert both < sum(single)


def test_harm_is_not_saturated_away():
    harmful = ("marketing", "promotion-blast")
    assert push("renewal", acting(harmful))[0] < 0
    helped = [cell for cell in CELLS if cell[1] == "renewal-outreach"]
    lost = push("renewal", acting(*helped))[0] - push("renewal", acting(*helped, harmful))[0]
    assert lost == pytest.approx(-push("renewal", acting(harmful))[0])


def test_nobody_acting_pushes_nothing():
    assert all(push(goal, acting())[0] == 0 for goal in GOALS)
    assert irritation_of(acting())[0] == 0


def test_who_unsubscribed_gets_no_more_mail(lived):
    _, quarters = lived
    mailed = [
        cell
        for cell, (journey, step) in enumerate(STEPS)
        if step.function == "marketing" and journey.name != "ad-retargeting"
    ]
    gone = np.zeros_like(quarters[0].unsubscribed)
    for quarter in quarters:
        assert not quarter.acts[np.ix_(np.array(mailed), gone)].any()
        gone |= quarter.unsubscribed
    assert gone.sum() > 50


def test_customers_renew_once_a_year_at_most(lived):
    _, quarters = lived
    due = sum(quarter.moments["renewal_due"].astype(int) for quarter in quarters)
    assert due.max() == 1


def test_without_anybody_acting_there_are_no_touches_of_ours():
    company = simulate_company(1_000, quarters=2, seed=9, holdouts=())
    block = company.blocks[0]
    off = silence_of(block, cells_off(cells_of(), 2), ())
    assert not any(quarter.acts.any() for quarter in block.quarters(off))


@pytest.mark.parametrize("accounts", [1, 2, 5])
@pytest.mark.parametrize("quarters", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("dirty", [True, False])
def test_the_smallest_companies_are_whole(accounts, quarters, seed, dirty):
    company = simulate_company(accounts, quarters, seed=seed, dirty=dirty)
    assert set(company.tables) == set(COMPANY_TABLES)
    assert len(company.tables["accounts"]["account_id"]) == accounts
    assert company.counterfactual().by_account.shape == (accounts, quarters)
    assert simulate_company(accounts, quarters, seed=seed, holdouts=()).assignments["arm"].size == 0
