"""What the answer says: verdicts, changes, money, conflicts, versions, and that it comes back from JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from incrementality.design import (
    ContaminationRoute,
    DesignAnswer,
    DesignRequest,
    Guardrail,
    LiveExperiment,
    MetricBaseline,
    MetricHistory,
    baseline_of_history,
    design,
    revise,
)
from incrementality.errors import InputError
from incrementality.stats import EffectPrior, look_inflation, minimal_detectable_effect, outcome_of_rate

SMALL = {"population": 5000, "holdout_share": 0.05}


def a_request(**changed) -> DesignRequest:
    """A win-back journey that is plainly feasible; arguments change it."""
    usual = {
        "id": "winback-2026q1",
        "question": "Does the win-back journey bring customers back?",
        "metric": "reactivated",
        "kind": "conversion",
        "baseline": MetricBaseline(mean=0.05),
        "population": 200_000,
        "smallest_effect": 0.10,
        "holdout_share": 0.2,
    }
    return DesignRequest(**{**usual, **changed})


def a_crowded_request(**changed) -> DesignRequest:
    """Everything at once: dates, money, prior, live experiments, leaks, guardrails, looks."""
    return a_request(
        **{
            "population": 20_000,
            "arrivals_per_week": 3000,
            "holdout_share": 0.05,
            "starts": date(2026, 3, 2),
            "answer_by": date(2026, 9, 1),
            "maturity_lag_days": 14,
            "looks": 3,
            "revenue_per_unit": 80.0,
            "at_risk_limit": 60_000.0,
            "unit_cost": 0.1,
            "currency": "EUR",
            "prior": EffectPrior(mean=0.08, sd=0.1, source="21 past journeys"),
            "layer": "email",
            "traffic": 0.8,
            "withholds": ("winback",),
            "live": (
                LiveExperiment(id="cart-reminder", layer="email", traffic=0.4),
                LiveExperiment(id="sms-winback", layer="sms", traffic=0.5, withholds=("winback",)),
            ),
            "contamination": (ContaminationRoute(route="account managers forward the offer", share=0.03),),
            "guardrails": (Guardrail(name="unsubscribe", rate=0.002, largest_rise=0.25),),
            **changed,
        }
    )


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_five_percent_holdout_of_5000_contacts_is_not_feasible_and_has_a_way_out():
    answer = design(a_request(**SMALL))
    assert answer.verdict == "not feasible"
    assert "250 of 5,000 contacts" in plain(answer.sentence)
    assert "79 %" in plain(answer.sentence)
    assert f"{answer.mde_unequal:.0%}" == "81%"
    assert "59,6" in answer.way_out
    assert "earlier step that at least 39 %" in plain(answer.way_out)
    assert "50 % instead of 5 %" in plain(answer.best_change)


def test_the_way_out_leads_out():
    answer = design(a_request(**SMALL, smallest_effect=0.10))
    enough = int(answer.way_out.split(" contacts are needed")[0].rsplit(" ", 1)[1].replace(",", ""))
    assert design(a_request(population=enough, holdout_share=0.5)).verdict == "feasible"
    assert design(a_request(population=5000, holdout_share=0.5, baseline=MetricBaseline(mean=0.395))).power >= 0.8


def test_a_large_population_is_feasible():
    answer = design(a_request())
    assert answer.verdict == "feasible"
    assert answer.power >= 0.8
    assert answer.mde <= 0.10
    assert answer.changes == ()
    assert answer.way_out == ""


def test_one_change_that_is_enough_is_named_first():
    answer = design(a_request(population=70_000, holdout_share=0.05))
    assert answer.verdict == "feasible with changes"
    assert answer.changes[0].enough
    assert answer.changes[0].sentence in answer.sentence
    changed = design(a_request(population=70_000, holdout_share=float(plain(answer.best_change).split()[2]) / 100))
    assert changed.verdict == "feasible"


def test_several_changes_clear_the_way_together():
    answer = design(a_crowded_request(at_risk_limit=None))
    assert answer.verdict == "feasible with changes"
    assert "layer that is left" in answer.changes[0].what
    assert "; and " in answer.changes[0].what
    assert "; and " not in answer.best_change


def test_enrolment_takes_as_many_weeks_as_it_needs_and_lag_and_window_come_after():
    answer = design(a_request(population=0, arrivals_per_week=10_000, window_days=28, maturity_lag_days=14))
    assert answer.enrolment_weeks == math.ceil(answer.needed / 10_000)
    assert answer.days == 7 * answer.enrolment_weeks + 42


def test_an_answer_needed_before_the_window_ends_is_not_feasible_as_asked():
    dates = {"starts": date(2026, 3, 1), "answer_by": date(2026, 3, 15)}
    answer = design(a_request(**dates))
    assert answer.verdict == "feasible with changes"
    assert "2026-03-15" in answer.reasons[0]


def test_auto_takes_the_smallest_share_that_reaches_the_power():
    answer = design(a_request(holdout_share="auto"))
    assert answer.verdict == "feasible"
    smaller = design(a_request(holdout_share=answer.holdout_share - 0.005))
    assert smaller.power < 0.8


def test_looks_cost_units():
    once, often = design(a_request()), design(a_request(looks=5))
    assert often.needed == pytest.approx(once.needed * look_inflation(5), abs=2)
    assert often.mde > once.mde


def test_contamination_dilutes_what_can_be_seen():
    leaky = design(a_request(contamination=(ContaminationRoute(route="forwarding", share=0.2),)))
    assert leaky.mde == pytest.approx(design(a_request()).mde / 0.8, rel=1e-9)


def test_the_global_holdout_and_the_layer_take_units_away():
    answer = design(a_request(global_holdout=0.1, traffic=0.5))
    assert answer.n == 90_000


def test_the_mde_of_the_answer_is_that_of_the_formula():
    answer = design(a_request())
    expected = minimal_detectable_effect(outcome_of_rate(0.05), n_control=40_000, n_treatment=160_000) / 0.05
    assert answer.mde == pytest.approx(expected, rel=1e-12)


def test_several_arms_are_planned_at_holms_step_and_counts_add_up():
    answer = design(a_request(treatment_arms=3, holdout_share=0.25))
    assert [arm.n for arm in answer.arms] == [50_000] * 4
    assert answer.mde > design(a_request(population=100_000, holdout_share=0.5)).mde


@pytest.mark.domain("X7")
def test_overlap_with_live_experiments_is_counted_and_the_same_journey_blocks():
    answer = design(a_crowded_request())
    by_id = {conflict.experiment: conflict for conflict in answer.conflicts}
    assert by_id["cart-reminder"].overlap == 0
    assert by_id["cart-reminder"].blocking
    assert by_id["sms-winback"].overlap == answer.n // 2
    assert "neither can tell its own effect" in by_id["sms-winback"].sentence


def test_an_independent_experiment_in_another_layer_does_not_block():
    live = (LiveExperiment(id="other", layer="sms", traffic=0.5, audience_overlap=0.5),)
    answer = design(a_request(live=live))
    assert answer.verdict == "feasible"
    assert answer.conflicts[0].overlap == 50_000


@pytest.mark.domain("X8")
def test_revenue_at_risk_is_a_range_beside_the_value_of_the_decision():
    answer = design(a_request(revenue_per_unit=80.0, unit_cost=0.1, decision_units=1_000_000))
    money = answer.money
    assert money.at_risk_low == 0
    assert money.at_risk_likely == pytest.approx(40_000 * 0.1 * 0.05 * 80)
    assert money.at_risk_high == pytest.approx(2 * money.at_risk_likely)
    assert money.value_of_decision == pytest.approx(1_000_000 * (0.1 * 0.05 * 80 - 0.1))
    assert money.saved_cost == pytest.approx(4000)


def test_a_limit_on_revenue_at_risk_asks_for_a_smaller_share():
    answer = design(a_request(revenue_per_unit=80.0, at_risk_limit=26_000.0))
    assert answer.verdict == "feasible with changes"
    assert plain(answer.best_change).startswith("Hold back 16 % instead of 20 %")


def test_the_share_that_earns_most_shows_its_prior():
    prior = EffectPrior(mean=0.05, sd=0.1, source="21 past journeys")
    answer = design(a_request(revenue_per_unit=80.0, prior=prior))
    assert 0 < answer.money.best_share < 0.5
    assert "21 past journeys" in answer.money.prior


@pytest.mark.domain("X4")
def test_a_guardrail_that_the_design_cannot_watch_is_said():
    guardrail = design(a_crowded_request()).guardrails[0]
    assert not guardrail.enough
    assert "could go unseen" in guardrail.sentence


@pytest.mark.domain("X1")
@pytest.mark.parametrize("scope", ["journey", "step", "function", "trigger", "global"])
def test_any_scope_can_be_withheld(scope):
    assert design(a_request(scope=scope)).request.scope == scope


def test_the_guard_fires_on_heavy_revenue_and_power_is_counted_with_it(heavy_history):
    request = a_request(
        kind="revenue", metric="revenue", baseline=baseline_of_history(heavy_history), population=10_000,
        holdout_share=0.05, smallest_effect=1.0,
    )  # fmt: skip
    answer = design(request, heavy_history, seed=1)
    assert answer.guarded.fires
    assert answer.guarded.power is not None
    assert "15 payers" in answer.guarded.sentence
    assert design(request, heavy_history, seed=1) == answer
    assert design(request).guarded.power is None
    assert "Give the history" in design(request).guarded.sentence


def test_the_curve_is_counted_with_the_test_that_its_arms_would_get(heavy_history):
    baseline = baseline_of_history(heavy_history)
    request = a_request(kind="revenue", baseline=baseline, population=10_000, holdout_share=0.3, smallest_effect=1.0)
    counted = [point.simulated_power for point in design(request, heavy_history).by_share]
    assert None not in counted
    assert counted[0] < 0.3 < counted[-1]


def test_accounts_are_planned_by_their_design_effect(account_history):
    baseline = baseline_of_history(account_history)
    request = a_request(kind="mean", metric="usage", baseline=baseline, population=2000, smallest_effect=0.3)
    answer = design(request, account_history)
    alone = design(replace(request, baseline=replace(baseline, design_effect=1.0, units_per_cluster=1.0)))
    assert baseline.design_effect > 2
    assert answer.mde > alone.mde
    assert answer.guarded.replications > 0


def test_fewer_than_eight_accounts_in_an_arm_are_refused(account_history):
    baseline = baseline_of_history(account_history)
    answer = design(a_request(kind="mean", baseline=baseline, population=1000, holdout_share=0.05, smallest_effect=9.0))
    assert "fewer than 8" in " ".join(answer.reasons)


@pytest.mark.domain("X3")
@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_power_for_accounts_by_formula_is_the_counted_one(account_history, share):
    baseline = baseline_of_history(account_history)
    asked = {"population": 3000, "holdout_share": share, "smallest_effect": 0.2 if share == 0.5 else 0.3}
    answer = design(a_request(kind="mean", metric="usage", baseline=baseline, **asked), account_history)
    counted = answer.guarded
    assert counted.extra == 1
    assert answer.power == pytest.approx(counted.power, abs=3.5 * counted.standard_error)
    assert "CR2" in counted.sentence


def test_unequal_accounts_are_worth_less_than_equal_ones():
    stated = {"mean": 100.0, "sd": 50.0, "design_effect": 3.0, "units_per_cluster": 10.0}
    few = {"kind": "mean", "population": 400, "holdout_share": 0.5, "smallest_effect": 0.4}
    equal = design(a_request(baseline=MetricBaseline(**stated), **few))
    unequal = {"df_per_cluster": 0.3, "df_lost": 0.5, "effective_share": 0.35}
    answer = design(a_request(baseline=MetricBaseline(**stated, **unequal), **few))
    assert answer.power < equal.power
    assert "about 20 accounts, worth 7.0 of equal size" in " ".join(answer.reasons)


def test_experiments_that_the_readout_would_refuse_are_told(account_history):
    baseline = baseline_of_history(account_history)
    asked = {"population": 900, "holdout_share": 0.1, "smallest_effect": 1.0}
    answer = design(a_request(kind="mean", metric="usage", baseline=baseline, **asked), account_history)
    assert "too few or too unequal to read" in answer.guarded.sentence


def test_a_ratio_is_planned_from_its_linearised_values():
    rng = np.random.default_rng(1)
    sessions = 1.0 + rng.poisson(3, 5000)
    history = MetricHistory(values=rng.binomial(sessions.astype(int), 0.2).astype(float), denominator=sessions)
    answer = design(a_request(kind="ratio", baseline=baseline_of_history(history), population=20_000), history)
    assert answer.guarded.power == pytest.approx(answer.power, abs=0.06)


def test_a_decrease_is_planned_too():
    answer = design(a_request(direction="decrease", metric="churned"))
    assert answer.verdict == "feasible"
    assert answer.mde_unequal < answer.mde


def test_the_curves_fall_with_weeks_and_towards_half():
    answer = design(a_crowded_request())
    assert [p.mde for p in answer.by_weeks] == sorted((p.mde for p in answer.by_weeks), reverse=True)
    assert [p.mde for p in answer.by_share] == sorted((p.mde for p in answer.by_share), reverse=True)


def test_rescaling_the_currency_changes_no_decision():
    euro = a_request(kind="revenue", baseline=MetricBaseline(mean=2.0, sd=30.0), smallest_effect=0.2)
    cents = replace(euro, baseline=MetricBaseline(mean=200.0, sd=3000.0))
    assert design(cents).mde == pytest.approx(design(euro).mde, rel=1e-9)
    assert design(cents).money.at_risk_high == pytest.approx(100 * design(euro).money.at_risk_high)


@pytest.mark.parametrize("make", [a_request, a_crowded_request])
def test_an_answer_comes_back_from_json_with_its_hash(make):
    answer = design(make()).sign(role="owner", name="A. Person", on=date(2026, 2, 1))
    back = DesignAnswer.from_dict(json.loads(json.dumps(answer.to_dict(), allow_nan=False)))
    assert back == answer
    assert back.hash == answer.hash


def test_a_design_that_was_edited_by_hand_is_refused():
    content = {**design(a_request()).to_dict(), "n": 7}
    with pytest.raises(InputError, match="was registered as"):
        DesignAnswer.from_dict(content)


def test_a_full_layer_leaves_nobody_and_says_so():
    live = (LiveExperiment(id="other", layer="email", traffic=1.0),)
    answer = design(a_request(layer="email", live=live, revenue_per_unit=1.0))
    assert (answer.verdict, answer.n, answer.mde) == ("not feasible", 0, None)
    assert "0 % is left" in plain(" ".join(answer.reasons))


def test_contamination_of_more_than_a_quarter_is_in_the_way():
    answer = design(a_request(population=10**6, contamination=(ContaminationRoute(route="forwarding", share=0.3),)))
    assert answer.verdict == "feasible with changes"
    assert answer.best_change.startswith("Close the routes")


def test_arms_add_up_to_all_units():
    answer = design(a_request(treatment_arms=3, population=100_001))
    assert sum(arm.n for arm in answer.arms) == answer.n


def test_whole_numbers_and_decimals_register_alike():
    assert design(a_request(revenue_per_unit=80)).hash == design(a_request(revenue_per_unit=80.0)).hash


def test_the_hash_follows_the_request_and_not_who_signed():
    answer = design(a_request())
    assert answer.sign(role="owner", name="A", on=date(2026, 2, 1)).hash == answer.hash
    assert design(a_request(alpha=0.1)).hash != answer.hash


def test_a_changed_request_after_sign_off_makes_a_new_version():
    first = design(a_request())
    assert revise(first, a_request()) == first
    assert revise(first, a_request(alpha=0.1)).version == 1
    signed = first.sign(role="owner", name="A", on=date(2026, 2, 1))
    second = revise(signed, a_request(alpha=0.1))
    assert (second.version, second.supersedes, second.sign_offs) == (2, first.hash, ())
    assert first.version == 1


def test_signing_leaves_the_original_untouched_and_ends_when_all_have_signed():
    answer = design(a_request())
    signed = answer.sign(role="owner", name="A", on=date(2026, 2, 1)).sign(
        role="analyst", name="B", on=date(2026, 2, 2)
    )
    assert signed.signed
    assert answer.missing_approvals == ("owner", "analyst")
    with pytest.raises(InputError, match="roles still open: none"):
        signed.sign(role="owner", name="A", on=date(2026, 2, 1))


@pytest.mark.parametrize("make", [a_request, a_crowded_request])
def test_it_prints_itself_as_text_and_markdown(make):
    answer = design(make())
    assert answer.sentence in str(answer)
    assert answer.hash in answer.to_markdown()
    assert "## Sign-off" in answer.to_markdown()
    assert "term" in answer.to_html()


def test_markdown_shows_hostile_words_as_they_are():
    answer = design(a_request(question="<b>x</b> | `y` [z](http://a)\n# no"))
    assert "<b>" not in answer.to_markdown()
    assert "\n# no" not in answer.to_markdown()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"id": "Win Back"}, "id is 'Win Back'"),
        ({"question": " "}, "question"),
        ({"population": -1}, "population is -1"),
        ({"population": 0}, "population is 0"),
        ({"smallest_effect": 0.0}, "smallest_effect is 0.0"),
        ({"smallest_effect": 30.0}, "a share of at most 1"),
        ({"holdout_share": 1.0}, "holdout_share is 1.0"),
        ({"alpha": 0.9}, "alpha and power"),
        ({"kind": "revenue"}, "baseline.sd"),
        ({"baseline": MetricBaseline(mean=5.0)}, "conversion rate is 5.0"),
        ({"at_risk_limit": 10.0}, "at_risk_limit"),
        ({"looks": 0}, "looks is 0"),
        ({"starts": date(2026, 3, 1), "answer_by": date(2026, 2, 1)}, "answer_by"),
        ({"live": (LiveExperiment(id="winback-2026q1"),)}, "live"),
    ],
)
def test_a_request_that_cannot_be_is_refused_by_name(changed, message):
    with pytest.raises(InputError, match=message):
        a_request(**changed)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"id": "x"}, "this is no request: question"),
        ({**a_request().to_dict(), "colour": "red"}, "colour"),
        ({**a_request().to_dict(), "population": "many"}, "population"),
        ({**a_request().to_dict(), "alpha": 0.9}, "alpha and power"),
    ],
)
def test_a_request_from_a_file_is_checked(content, message):
    with pytest.raises(InputError, match=message):
        DesignRequest.from_dict(content)


def test_another_history_than_the_baselines_is_refused(heavy_history, account_history):
    request = a_request(kind="mean", baseline=baseline_of_history(heavy_history))
    with pytest.raises(InputError, match="not the one"):
        design(request, account_history)


def test_power_for_accounts_without_a_history_says_that_it_is_a_formula():
    baseline = MetricBaseline(mean=100.0, sd=50.0, design_effect=3.0, units_per_cluster=10.0)
    asked = DesignRequest(
        id="x", question="Why?", metric="arr", kind="mean", baseline=baseline, population=2000, smallest_effect=0.1,
        unit="contact",
    )  # fmt: skip
    assert any("hand in a history" in note for note in design(asked).notes)
