"""The trigger world: its truth is what its own potential outcomes say, and it is made again from its manifest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality.errors import InputError
from incrementality.experiment import parse_experiment
from incrementality.simulate import expansion_trigger_holdout


def test_the_same_arguments_make_the_same_world():
    one, other = expansion_trigger_holdout(accounts=80, seed=9), expansion_trigger_holdout(accounts=80, seed=9)
    assert one.manifest == other.manifest
    assert one.manifest.sha256 != expansion_trigger_holdout(accounts=80, seed=10).manifest.sha256
    assert expansion_trigger_holdout(**one.manifest.arguments).manifest == one.manifest


def test_accounts_add_up_from_their_contacts():
    world = expansion_trigger_holdout(accounts=200, seed=3)
    accounts, contacts = world.to_frame().set_index("account_id"), pd.DataFrame(world.contacts)
    teams = contacts.groupby("account_id")["net_expansion_arr"].sum()
    assert np.allclose(teams.reindex(accounts.index), accounts["net_expansion_arr"], atol=0.01)
    assert (accounts["net_revenue"] - accounts["net_expansion_arr"] + accounts["discount"]).abs().max() < 1e-6
    assert contacts.groupby("account_id")["arm"].nunique().max() == 1


@pytest.mark.domain("X3")
def test_contacts_of_one_account_may_be_drawn_apart():
    contacts = pd.DataFrame(expansion_trigger_holdout(accounts=200, seed=3, randomised="contact").contacts)
    assert contacts.groupby("account_id")["arm"].nunique().max() == 2


def test_everybody_fired_was_below_and_then_above():
    world = expansion_trigger_holdout(accounts=50, seed=4)
    usage = pd.DataFrame(world.usage).set_index(["account_id", "week"])["seats_used_share"]
    for row in world.to_frame().itertuples():
        path = usage[row.account_id]
        assert path[row.fired_week] >= 0.8
        assert (path[: row.fired_week] < 0.75).any()


def test_no_nudge_does_nothing():
    world = expansion_trigger_holdout(accounts=300, seed=5, strength=0, discount=0)
    assert {name: effect.effect for name, effect in world.truth.items()} == dict.fromkeys(world.truth, 0.0)


def test_its_file_reads_as_an_experiment():
    text = expansion_trigger_holdout(accounts=20, holdout_share=0.3).experiment_yaml("seat-limit", "accounts.csv")
    experiment = parse_experiment(text)
    assert (experiment.unit, experiment.primary[0].name) == ("account", "net_expansion_arr")
    assert float(experiment.control.share) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "wrong", [{"accounts": 0}, {"holdout_share": 1}, {"icc": 1}, {"discount": -0.1}, {"randomised": "region"}]
)
def test_what_cannot_be_simulated_is_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        expansion_trigger_holdout(**wrong)
