"""The win-back world: its chance is seeded, its truth is the potential outcomes, its assignment knows nothing."""

import json
import subprocess
import sys

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.simulate import Manifest, crm_journey_holdout, regenerate, true_effects
from incrementality.simulate.holdout import content_sha256

KNOWN = ("tenure_months", "orders_last_year", "spend_last_year", "loyalty_tier", "channel", "region")
OUTCOMES = ("reactivated", "revenue", "orders", "sessions", "unsubscribed")
EVERYTHING = {
    "n": 3_000,
    "seed": 11,
    "arms": ("holdout", "mail", "mail and app"),
    "strengths": (1.0, 1.5),
    "account_size": 4.0,
    "region_shares": {"north": 0.1, "south": 0.2, "east": 0.3, "west": 0.5},
    "missing_outcomes": 30,
    "duplicated_rows": 7,
}


@pytest.fixture(scope="module")
def world():
    return crm_journey_holdout(n=50_000, seed=2)


def known(world):
    return {name: world.columns[name].tolist() for name in ("contact_id", *KNOWN)}


def test_same_arguments_give_the_same_content():
    assert crm_journey_holdout(n=500).manifest == crm_journey_holdout(n=500).manifest


def test_another_seed_gives_other_content():
    hashes = {crm_journey_holdout(n=500, seed=seed).manifest.sha256 for seed in range(5)}
    assert len(hashes) == 5


def test_manifest_regenerates_after_a_round_trip_through_json():
    manifest = crm_journey_holdout(**EVERYTHING).manifest
    stored = json.loads(json.dumps(manifest.arguments))
    again = regenerate(Manifest(manifest.function, stored, manifest.seed, manifest.sha256))
    assert again.manifest == manifest


def test_manifest_of_other_content_is_refused():
    manifest = crm_journey_holdout(n=50).manifest
    with pytest.raises(InputError, match="sha256"):
        regenerate(Manifest(manifest.function, manifest.arguments, manifest.seed, "0" * 64))


def test_manifest_of_another_function_is_refused():
    with pytest.raises(InputError, match="'another'"):
        regenerate(Manifest("another", {}, 1, "0" * 64))


def test_content_hash_sees_every_column(world):
    for name in world.columns:
        changed = {key: column[::-1] if key == name else column for key, column in world.columns.items()}
        assert content_sha256(changed) != world.manifest.sha256


@pytest.mark.parametrize("metric", OUTCOMES)
def test_truth_is_the_mean_difference_of_potential_outcomes(metric):
    world = crm_journey_holdout(**EVERYTHING)
    for arm in EVERYTHING["arms"][1:]:
        pairs = zip(world.potential[metric, arm].tolist(), world.potential[metric, "holdout"].tolist(), strict=True)
        brute_force = sum(treated - control for treated, control in pairs) / EVERYTHING["n"]
        assert world.truth[metric, arm].effect == pytest.approx(brute_force, rel=1e-9, abs=1e-12)


def test_truth_of_a_ratio_is_a_ratio_of_sums(world):
    sums = {key: column.sum() for key, column in world.potential.items()}
    truth = world.truth["orders per session", "journey"]
    assert truth.treatment_mean == sums["orders", "journey"] / sums["sessions", "journey"]
    assert truth.control_mean == sums["orders", "holdout"] / sums["sessions", "holdout"]
    assert truth.rel_effect == pytest.approx(truth.treatment_mean / truth.control_mean - 1)


def test_captured_outcome_is_the_potential_one_of_the_assigned_arm(world):
    for arm in ("holdout", "journey"):
        rows = world.columns["arm"] == arm
        for name in OUTCOMES:
            np.testing.assert_array_equal(world.columns[name][rows], world.potential[name, arm][rows])


def test_journey_helps_reactivation_and_harms_subscription(world):
    reactivated, unsubscribed = (world.truth[metric, "journey"] for metric in ("reactivated", "unsubscribed"))
    assert reactivated.control_mean == pytest.approx(0.080, abs=0.005)
    assert reactivated.treatment_mean == pytest.approx(0.095, abs=0.005)
    assert unsubscribed.control_mean == pytest.approx(0.012, abs=0.002)
    assert unsubscribed.treatment_mean == pytest.approx(0.020, abs=0.002)


def test_journey_works_best_in_the_app(world):
    effects = {}
    for channel in ("email", "app", "web"):
        among = world.columns["channel"] == channel
        effects[channel] = true_effects(world.potential, arms=("holdout", "journey"), among=among)
    app, web, email = (effects[name]["reactivated", "journey"].effect for name in ("app", "web", "email"))
    assert app > web > email > 0


def test_strength_zero_changes_nothing_for_anybody():
    world = crm_journey_holdout(n=2_000, strengths=[0])
    for name in OUTCOMES:
        np.testing.assert_array_equal(world.potential[name, "journey"], world.potential[name, "holdout"])


@pytest.mark.parametrize("arms", [("holdout", "journey"), ("control", "mail", "app", "both")])
def test_arms_have_their_shares(arms):
    n = 60_000
    world = crm_journey_holdout(n=n, arms=arms, holdout_share=0.2)
    for arm, share in world.arm_shares.items():
        assert abs((world.columns["arm"] == arm).sum() - n * share) < 4 * np.sqrt(n * share * (1 - share))


def test_regions_have_their_own_shares():
    shares = {"north": 0.05, "south": 0.1, "east": 0.2, "west": 0.6}
    world = crm_journey_holdout(n=60_000, region_shares=shares)
    assert world.arm_shares["holdout"] == pytest.approx(0.4 * 0.05 + 0.3 * 0.1 + 0.2 * 0.2 + 0.1 * 0.6)
    for region, share in shares.items():
        held_out = world.columns["arm"][world.columns["region"] == region] == "holdout"
        assert abs(held_out.mean() - share) < 4 * np.sqrt(share * (1 - share) / held_out.size)


def test_assignment_is_independent_of_everything_before_it(world):
    held_out = world.columns["arm"] == "holdout"
    numbers = [world.columns[name] for name in KNOWN if world.columns[name].dtype != object]
    texts = [world.columns[name] == value for name in KNOWN[3:] for value in sorted(set(world.columns[name]))]
    chances = [world.potential[name, "holdout"] for name in OUTCOMES]
    for column in (*numbers, *texts, *chances):
        z = np.corrcoef(held_out, column)[0, 1] * np.sqrt(held_out.size)
        assert abs(z) < 4


def test_columns_known_at_assignment_do_not_depend_on_arm_or_effect():
    usual = crm_journey_holdout(n=2_000, seed=4)
    for other in ({"holdout_share": 0.7}, {"strengths": [3.0]}, {"arms": ("a", "b", "c")}, {"missing_arm": 5}):
        assert known(crm_journey_holdout(n=2_000, seed=4, **other)) == known(usual)


def test_accounts_are_unequal_and_assigned_whole():
    world = crm_journey_holdout(n=20_000, account_size=5)
    accounts, sizes = np.unique(world.columns["account_id"], return_counts=True)
    pairs = set(zip(world.columns["account_id"], world.columns["arm"], strict=True))
    assert len(pairs) == accounts.size
    assert sizes.mean() == pytest.approx(5, rel=0.1)
    assert sizes.min() == 1
    assert sizes.max() > 15


def test_contacts_of_an_account_are_alike():
    world = crm_journey_holdout(n=40_000, account_size=5)
    outcome = world.potential["reactivated", "holdout"] - world.potential["reactivated", "holdout"].mean()
    neighbours = world.columns["account_id"][1:] == world.columns["account_id"][:-1]
    within = (outcome[1:] * outcome[:-1])[neighbours].mean() / outcome.var()
    between = (outcome[1:] * outcome[:-1])[~neighbours].mean() / outcome.var()
    assert within > 0.01
    assert abs(between) < 0.05


def test_money_is_in_cents_and_heavy_tailed(world):
    revenue = world.columns["revenue"]
    np.testing.assert_array_equal(revenue, np.round(revenue, 2))
    np.testing.assert_array_equal(revenue > 0, world.columns["reactivated"] == 1)
    paid = revenue[revenue > 0]
    assert paid.mean() > 1.2 * np.median(paid)


def test_each_order_takes_a_session(world):
    assert (world.columns["sessions"] >= world.columns["orders"]).all()
    np.testing.assert_array_equal(world.columns["orders"] > 0, world.columns["reactivated"] == 1)


def test_truth_lies_in_about_95_percent_of_intervals():
    inside = 0
    for seed in range(200):
        world = crm_journey_holdout(n=8_000, seed=seed, holdout_share=0.3)
        held_out = world.columns["arm"] == "holdout"
        control, treated = world.columns["reactivated"][held_out], world.columns["reactivated"][~held_out]
        error = np.sqrt(control.var() / control.size + treated.var() / treated.size)
        inside += abs(treated.mean() - control.mean() - world.truth["reactivated", "journey"].effect) < 1.96 * error
    assert 178 <= inside <= 199  # 95 % of 200, four Monte-Carlo standard errors to either side


def test_columns_are_read_only(world):
    with pytest.raises(ValueError, match="read-only"):
        world.columns["revenue"][0] = 1.0


def test_frame_has_the_columns(world):
    frame = world.to_frame()
    assert list(frame.columns) == list(world.columns)
    assert frame["revenue"].sum() == world.columns["revenue"].sum()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"holdout_share": 0.0}, "holdout share is 0.0"),
        ({"holdout_share": 1.0}, "holdout share is 1.0"),
        ({"arms": ("only",)}, "arms is"),
        ({"arms": ()}, "arms is"),
        ({"arms": ("a", "a")}, "arms is"),
        ({"arms": ("a", " b")}, "arm ' b'"),
        ({"arms": ("a", "b\n")}, "printable"),
        ({"arms": ("a", "unplanned")}, "any other name"),
        ({"strengths": (1.0, 2.0)}, "one per treatment arm"),
        ({"strengths": (float("nan"),)}, "finite"),
        ({"account_size": 0.5}, "account_size is 0.5"),
        ({"region_shares": {"nort": 0.5}}, "Did you mean 'north'"),
        ({"region_shares": {"north": 0.5}}, "all of north, south, east, west"),
        ({"duplicated_rows": -1}, "duplicated_rows is -1"),
    ],
)
def test_arguments_are_checked(argument, message):
    with pytest.raises(InputError, match=message):
        crm_journey_holdout(**({"n": 10} | argument))


def test_import_knows_no_estimator_and_no_heavy_library():
    code = "import sys, incrementality.simulate; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    unwanted = {"pandas", "scipy", "incrementality.stats", "incrementality.lift", "incrementality.outcomes"}
    assert unwanted.isdisjoint(loaded)
