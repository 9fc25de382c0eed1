"""What the company's truth says is what brute-force re-simulation says, and what its experiments measure."""

from __future__ import annotations

from itertools import permutations
from math import factorial, sqrt

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.simulate import CompanyHoldout, cells_of, simulate_company
from incrementality.simulate.company import CELLS, FUNCTIONS, blocks, fair_shares, players_by

NEARLY_ALL = 1 - 1e-12
SMALL = {"accounts": 400, "quarters": 3}


def exported_revenue(company) -> int:
    """What the tables say: revenue events less refunds, in cents; no book of the simulator is asked."""
    tables = company.tables
    events = tables["revenue_events"]
    return int(events["amount"][events["kind"] != "saved"].sum() - tables["refunds"]["amount"].sum())


def exported_without(holdouts, seed=7) -> int:
    """The company lived again and exported again, with cells withheld from everybody."""
    return exported_revenue(simulate_company(**SMALL, seed=seed, dirty=False, holdouts=holdouts))


def withheld_from_all(**what):
    return [CompanyHoldout(name="all", share=NEARLY_ALL, **what)]


@pytest.fixture(scope="module")
def small():
    return simulate_company(**SMALL, seed=7, dirty=False, holdouts=())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_removal_of_a_function_is_what_exporting_again_without_it_shows(small, function):
    by_hand = exported_revenue(small) - exported_without(withheld_from_all(function=function))
    assert small.truth.removal_by_function[function] == by_hand


@pytest.mark.parametrize("journey", sorted({journey for _, journey in CELLS}))
def test_removal_of_a_journey_is_what_exporting_again_without_it_shows(small, journey):
    by_hand = exported_revenue(small) - exported_without(withheld_from_all(journey=journey))
    assert small.truth.removal_by_journey[journey] == by_hand


def test_baseline_is_what_is_sold_when_nobody_acts(small):
    assert small.truth.baseline == exported_without(withheld_from_all())
    assert small.truth.revenue == exported_revenue(small)


def test_fair_shares_are_means_over_all_orders_of_entry(small):
    names = ("sdr", "ae", "cs")
    cells = {name: cells_of(function=name) for name in names}
    without = {}

    def value(on):
        if on not in without:
            held = [CompanyHoldout(name=name, share=NEARLY_ALL, function=name) for name in names if name not in on]
            without[on] = exported_without(held)
        return without[on]

    by_hand = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        for place, name in enumerate(order):
            before = frozenset(order[:place])
            by_hand[name] += (value(before | {name}) - value(before)) / factorial(len(names))
    found = fair_shares(lambda off: small.counterfactual(off).revenue, cells)
    assert {share.name: share.value for share in found} == pytest.approx(by_hand, abs=1e-6)


def test_fair_shares_add_up_to_what_all_cause():
    company = simulate_company(60, quarters=2, seed=3)
    exact = company.fair_share()
    assert sum(share.value for share in exact) == pytest.approx(company.truth.caused, abs=1e-3)
    sampled = company.fair_share("cell", permutations=2)
    assert sum(share.value for share in sampled) == pytest.approx(company.truth.caused, abs=1e-3)
    assert len(sampled) == len(CELLS)


def test_fair_shares_over_other_luck_add_up_to_the_mean_of_what_all_cause():
    company = simulate_company(60, quarters=2, seed=3)
    shares = company.fair_share(permutations=2, draws=3)
    caused = [
        company.counterfactual(draw=draw).revenue - company.counterfactual(cells_of(), draw=draw).revenue
        for draw in (1, 2, 3)
    ]
    assert sum(share.value for share in shares) == pytest.approx(np.mean(caused), abs=1e-3)


def test_sampled_fair_shares_meet_the_exact_ones():
    company = simulate_company(200, quarters=2, seed=5)
    exact, sampled = company.fair_share(), company.fair_share(permutations=60, seed=2)
    off = [
        abs(one.value - other.value) / other.standard_error
        for one, other in zip(exact, sampled, strict=True)
        if other.standard_error
    ]
    assert max(off) < 4


def test_fair_share_and_interaction_hang_together_for_two():
    company = simulate_company(**SMALL, seed=2)
    one, other = cells_of(function="ae"), cells_of(function="presales")
    shares = fair_shares(lambda off: company.counterfactual(off).revenue, {"ae": one, "presales": other})
    half = company.interaction(one, other) / 2
    assert company.removal(one) == pytest.approx(shares[0].value + half)
    assert company.removal(other) == pytest.approx(shares[1].value + half)


@pytest.mark.domain("X1", "X3")
@pytest.mark.parametrize(
    "what",
    [{}, {"journey": "renewal-outreach"}, {"function": "ae", "journey": "sales-process"}, {"function": "cs"}],
    ids=["global", "journey", "function inside a journey", "function"],
)
def test_a_holdout_measures_without_bias_what_removal_is(what):
    """Many draws of the arms on one population: their mean meets the truth, which they are precise enough to miss."""
    world = simulate_company(2_000, quarters=3, seed=5, holdouts=())
    cells = cells_of(**what)
    on, off = (world.counterfactual(each).by_account.sum(axis=1) for each in ((), cells))
    measured = []
    for draw in range(1_500):
        holdout = CompanyHoldout(name=f"test-{draw}", share=0.5, **what)
        held = next(blocks.blocks_of(2_000, 3, 5, [holdout])).withheld[0]
        measured.append(world.accounts * (on[~held].mean() - off[held].mean()))
    error = np.std(measured, ddof=1) / sqrt(len(measured))
    assert abs(np.mean(measured) - world.removal(cells)) < 3 * error
    assert abs(world.removal(cells)) > 4 * error


def test_who_is_held_out_lives_the_life_without_and_who_is_not_the_life_with():
    holdout = CompanyHoldout(name="test", share=0.4, journey="renewal-outreach")
    company = simulate_company(2_000, quarters=3, seed=4, holdouts=[holdout])
    held = company.blocks[0].withheld[0]
    ran = company.counterfactual(withheld=True).by_account
    assert np.array_equal(ran[held], company.counterfactual(holdout.cells).by_account[held])
    assert np.array_equal(ran[~held], company.counterfactual().by_account[~held])


def test_a_holdout_that_ends_withholds_until_its_last_quarter():
    holdout = CompanyHoldout(name="test", share=NEARLY_ALL, journey="renewal-outreach", first=1, last=2)
    company = simulate_company(500, quarters=4, seed=4, holdouts=[holdout])
    ran = company.counterfactual(withheld=True)
    assert np.array_equal(ran.by_account, company.counterfactual(holdout.cells, since=1, until=2).by_account)
    assert np.array_equal(ran.by_account[:, 0], company.counterfactual().by_account[:, 0])


def test_later_quarters_feel_what_earlier_ones_left_out():
    company = simulate_company(2_000, quarters=4, seed=4)
    cells = cells_of(function="cs")
    assert company.removal(cells, since=0, until=0, quarter=0) > 0
    assert company.removal(cells, since=0, until=0, quarter=1) > 0
    assert company.removal(cells, since=2, quarter=1) == 0


def test_an_account_that_no_cell_reached_lives_the_same_life_without_it():
    company = simulate_company(2_000, quarters=2, seed=6, dirty=False, holdouts=())
    touches, cells = company.tables["touchpoints"], cells_of(journey="outbound-prospecting")
    reached = np.unique(touches["account_id"][touches["journey"] == "outbound-prospecting"].astype(str))
    untouched = ~np.isin(company.tables["accounts"]["account_id"].astype(str), reached)
    everything, without = company.counterfactual(), company.counterfactual(cells)
    assert untouched.sum() > 1_000
    assert np.array_equal(everything.by_account[untouched], without.by_account[untouched])
    assert not np.array_equal(everything.by_account, without.by_account)


def test_other_luck_scatters_around_its_mean():
    company = simulate_company(2_000, quarters=2, seed=6)
    mean, error = company.expected_removal(cells_of(function="cs"), draws=12)
    assert 0 < error < mean
    assert mean != company.removal(cells_of(function="cs"))


@pytest.fixture(scope="module")
def large():
    return simulate_company(20_000, seed=1, dirty=False, holdouts=())


def test_triggers_select_the_intent_they_profit_from(large):
    """Accounts that saw an advertisement buy much more than others, and the advertisement is not why."""
    tables = large.tables
    touched = np.unique(
        tables["touchpoints"]["account_id"][tables["touchpoints"]["journey"] == "ad-retargeting"].astype(str)
    )
    shown = np.isin(tables["accounts"]["account_id"].astype(str), touched)
    new = tables["revenue_events"]["kind"] == "new"
    account = np.searchsorted(
        tables["accounts"]["account_id"].astype(str), tables["revenue_events"]["account_id"][new].astype(str)
    )
    bought = np.bincount(account, tables["revenue_events"]["amount"][new], minlength=large.accounts)
    naive = shown.sum() * (bought[shown].mean() - bought[~shown].mean())
    assert naive > 10 * abs(large.removal(cells_of(journey="ad-retargeting")))


def test_something_does_harm_and_something_helps(large):
    truth = large.truth
    assert truth.removal_by_journey["promotion-blast"] < 0
    assert truth.removal_by_journey["renewal-outreach"] > 0.03 * truth.revenue
    assert 0.1 * truth.revenue < truth.caused < 0.6 * truth.revenue


def test_functions_replace_one_another(large):
    assert large.interaction(cells_of(journey="content-nurture"), cells_of(journey="webinar-to-demo")) < 0


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda company: company.counterfactual([("sdr", "save-desk")]), "no cell"),
        (lambda company: company.counterfactual(since=3), "from quarter 3"),
        (lambda company: company.expected_removal((), draws=1), "draws is 1"),
        (lambda company: company.fair_share("journey"), "coalitions"),
        (lambda company: company.fair_share("channel"), "'channel'"),
        (lambda company: company.fair_share(permutations=1), "permutations is 1"),
        (lambda _: cells_of(function="markting"), "'markting'"),
        (lambda _: cells_of(function="sdr", journey="save-desk"), "no part"),
    ],
)
def test_what_the_company_does_not_know_is_refused_by_name(call, named):
    with pytest.raises(InputError, match=named) as refused:
        call(simulate_company(20, quarters=2))
    assert refused.value.hint


def test_players_cover_every_cell_once():
    for kind in ("function", "journey", "cell"):
        cells = [cell for each in players_by(kind).values() for cell in each]
        assert sorted(cells) == sorted(CELLS)
