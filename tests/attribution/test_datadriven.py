"""Models that learn from paths: what they credit, when they are refused, and how they enter beside the rules."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from incrementality.attribution import (
    PATH_MODELS,
    RULE_MODELS,
    ConversionGate,
    WindowRule,
    Windows,
    conversions_a_month,
    credit_totals,
    paths_of_events,
    paths_of_journeys,
    shapley_model,
    spread_credit,
)
from incrementality.errors import ColumnNotFound, InputError
from incrementality.stats import ChannelSets
from tests.attribution.worlds import CLOSE, event, journeys_of, relation, touch

AS_OF = datetime.fromisoformat("2027-06-30T00:00:00")


def paths(seed=1, *, channels=5, n=4_000, strength=0.7):
    """Journeys in which each channel moves the log-odds of a conversion by an amount of its own."""
    rng = np.random.default_rng(seed)
    walked = [rng.integers(0, channels, rng.integers(1, 6)).tolist() for _ in range(n)]
    effects = np.linspace(-strength, strength, channels)
    odds = np.array([-1.0 + sum(effects[code] for code in {*walk}) for walk in walked])
    won = rng.random(n) < 1 / (1 + np.exp(-odds))
    return paths_of_journeys([[f"c{code}" for code in walk] for walk in walked], won, value=won * 10.0, nulls=~won)


@pytest.fixture(scope="module")
def learned():
    return {name: model.credit(paths()) for name, model in PATH_MODELS.items()}


@pytest.mark.domain("M1")
@pytest.mark.parametrize("name", PATH_MODELS)
def test_every_model_shares_all_credit_and_none_below_zero(learned, name):
    answer = learned[name]
    assert answer.channels == ("c0", "c1", "c2", "c3", "c4")
    assert answer.shares.sum() == pytest.approx(1.0, rel=1e-12)
    assert (answer.shares >= 0).all()
    assert (answer.weights >= 0).all()
    assert answer.usable
    assert answer.reasons == ()
    assert name in str(answer)


@pytest.mark.parametrize("name", PATH_MODELS)
def test_events_that_are_split_add_up_to_all_conversions(learned, name):
    sets = paths().sets()
    assert spread_credit(sets, learned[name].weights).sum() == pytest.approx(sets.conversions.sum(), rel=1e-12)


def test_shapley_is_what_splitting_every_event_equally_gives(learned):
    sets = paths().sets()
    assert spread_credit(sets, learned["shapley"].weights) == pytest.approx(learned["shapley"].effects, rel=1e-12)


@pytest.mark.parametrize("name", ["shapley_rate", "regression"])
def test_channels_that_raise_conversion_more_weigh_more(learned, name):
    assert np.argsort(learned[name].effects).tolist() == [0, 1, 2, 3, 4]
    assert learned[name].weights[0] == 0.0


def test_the_regression_is_greyed_where_channels_say_nothing():
    answer = PATH_MODELS["regression"].credit(paths(3, strength=0.0))
    assert not answer.usable
    assert "predicts no better than the share that converts" in answer.reasons[0]
    assert "4,000" in answer.reasons[0]
    figures = dict(answer.figures)
    assert figures["log_loss"] == pytest.approx(figures["base_log_loss"], abs=1e-3)
    assert figures["auc"] == pytest.approx(0.5, abs=0.05)


def test_a_game_to_which_no_channel_adds_is_greyed():
    answer = shapley_model().credit(paths_of_journeys([["a"], ["b"]], [0, 0], nulls=[3, 4]))
    assert not answer.usable


def test_where_no_channel_weighs_an_event_is_split_equally():
    members = np.array([[True, True, False], [False, True, True]])
    sets = ChannelSets(members=members, conversions=np.array([6.0, 8]), value=np.zeros(2), nulls=np.zeros(2))
    assert spread_credit(sets, np.array([0.0, 0, 5])) == pytest.approx([3.0, 3.0, 8.0], rel=1e-9)
    assert spread_credit(sets, np.zeros(3)).tolist() == [3.0, 7.0, 4.0]


@pytest.mark.domain("M2")
@pytest.mark.parametrize(("mean", "usable"), [(500.0, True), (499.0, False)])
def test_fewer_than_500_conversions_a_month_grey_a_model(learned, mean, usable):
    judged = ConversionGate().judge(learned["markov"], kind="expansion", mean=mean)
    assert judged.usable is usable
    assert learned["markov"].usable
    if not usable:
        assert judged.reasons == (
            "Needs 500 conversions a month (mean of 3); expansion had 499. Shown, not counted; position-based leads.",
        )
        assert not any(row["usable"] for row in judged.to_dicts())


@pytest.mark.domain("M2")
def test_conversions_a_month_are_those_of_complete_months_of_one_kind(engine):
    times = ["2026-03-31T23:59:59", "2026-04-01", "2026-05-20", "2026-06-30T23:59:59", "2026-07-01"]
    events = [event(f"e{k}", at=datetime.fromisoformat(at)) for k, at in enumerate(times)]
    table = relation(engine, [*events, event("other", kind="renewal", at=datetime.fromisoformat("2026-05-05"))])
    july = datetime.fromisoformat("2026-07-31T12:00:00")
    assert conversions_a_month(engine, table, kind="new", as_of=july) == 1.0
    assert conversions_a_month(engine, table, kind="new", as_of=july, months=4) == 1.0
    january = datetime.fromisoformat("2027-01-01T00:00:00")
    assert conversions_a_month(engine, table, kind="new", as_of=january, months=12) == pytest.approx(5 / 12)


@pytest.mark.parametrize("changes", [{"months": 0}, {"months": 13}, {"conversions_a_month": -1}])
def test_a_gate_that_makes_no_sense_is_refused(changes):
    with pytest.raises(InputError, match="allowed: 0 or more over 1 to 12 months"):
        ConversionGate(**changes)


def world(engine, **options):
    """Two deals, one account that never bought, one that may still buy, one touch long before a deal."""
    touches = [
        touch("a1", 60, "marketing", account="a", channel="webinar"),
        touch("a2", 30, "ae", account="a", channel="phone"),
        touch("a0", 400, "marketing", account="a", channel="ads"),
        touch("b1", 10, "ae", account="b", channel="phone"),
        touch("c1", 300, "marketing", account="c", channel="webinar"),
        touch("c2", 290, "sdr", account="c", channel="phone"),
        touch("c3", 20, "marketing", account="c", channel="ads"),
        touch("d1", 5, "sdr", account="d", channel=None),
    ]
    events = [event("won1", 900, account="a"), event("won2", 100, account="b"), event("won3", 50, account="nobody")]
    return journeys_of(engine, touches, events, Windows((WindowRule("*", 90),)), **options)


def test_touches_in_no_window_are_journeys_that_did_not_convert(engine):
    found = paths_of_events(world(engine), "new", as_of=CLOSE)
    sets = found.paths.sets()
    assert found.paths.channels == ("ads", "phone", "webinar")
    assert (found.events, found.untouched, found.open) == (3, 1, 2)
    assert (sets.conversions.sum(), sets.value.sum(), sets.nulls.sum()) == (2.0, 1_000.0, 2.0)


def test_later_the_open_journeys_are_known_not_to_have_converted(engine):
    found = paths_of_events(world(engine), "new", as_of=AS_OF)
    assert (found.open, found.paths.sets().nulls.sum()) == (0, 4.0)
    assert found.paths.channels == ("ads", "phone", "unknown", "webinar")


def test_without_a_date_only_converted_journeys_are_paths(engine):
    found = paths_of_events(world(engine), "new")
    assert found.paths.sets().nulls.sum() == 0.0
    assert found.paths.transitions(1).conversions.sum() == 2.0


def test_functions_can_be_the_channels(engine):
    assert paths_of_events(world(engine), "new", as_of=CLOSE, by="function").paths.channels == (
        "ae",
        "marketing",
        "sdr",
    )
    with pytest.raises(ColumnNotFound, match=r"no column 'functoin'\. Did you mean 'function'"):
        paths_of_events(world(engine), "new", by="functoin")


@pytest.mark.domain("M1")
@pytest.mark.parametrize("name", ["markov", "shapley", "shapley_rate"])
def test_a_learned_model_enters_beside_the_rules_and_loses_nothing(engine, name):
    journeys = world(engine).keep(f"kept_{name}")
    found = paths_of_events(journeys, "new", as_of=AS_OF)
    answer = PATH_MODELS[name].credit(found.paths)
    credit = credit_totals(journeys, [answer.rule(by="channel"), RULE_MODELS["linear"]], by=("channel",))
    assert sum(credit.of(name).values()) == pytest.approx(1_050, rel=1e-12)
    assert credit.of(name)["unallocated",] == pytest.approx(50.0, rel=1e-9)
    expected = dict(
        zip(found.paths.channels, spread_credit(found.paths.sets(), answer.weights, of="value"), strict=True)
    )
    for channel in ("phone", "webinar"):
        assert credit.of(name)[channel,] == pytest.approx(expected[channel], rel=1e-9)


def test_touches_of_one_channel_share_what_it_gets(engine):
    touches = [touch(f"t{k}", k + 1, "ae", channel="phone") for k in range(4)] + [
        touch("w", 9, "ae", channel="webinar")
    ]
    journeys = journeys_of(engine, touches, [event(amount=800)]).keep("shared")
    answer = PATH_MODELS["shapley"].credit(paths_of_events(journeys, "new").paths)
    credit = credit_totals(journeys, [answer.rule(by="channel")]).of("shapley")
    assert (credit["phone",], credit["webinar",]) == (400.0, 400.0)


def test_integer_ids_serve_as_well(engine):
    touches = [touch(1, 3, "ae", account=7, channel="phone"), touch(2, 200, "ae", account=8, channel="phone")]
    found = paths_of_events(journeys_of(engine, touches, [event(5, account=7)]), "new", as_of=AS_OF)
    assert (found.events, found.paths.sets().nulls.sum()) == (1, 1.0)


WALKS = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=5),
        st.integers(0, 20),
        st.integers(0, 20),
        st.integers(0, 10**9),
    ),
    min_size=1,
    max_size=12,
).filter(lambda rows: sum(row[1] for row in rows) > 0)


@settings(max_examples=60, deadline=None)
@given(rows=WALKS, seed=st.integers(0, 9))
def test_any_journeys_are_credited_once_whatever_the_order_of_rows(rows, seed):
    def answers(listed):
        walked, won, lost, worth = zip(*listed, strict=True)
        found = paths_of_journeys(walked, won, value=np.where(np.array(won) > 0, worth, 0), nulls=lost)
        learned = [PATH_MODELS[name].credit(found) for name in ("markov", "markov_2", "shapley", "shapley_rate")]
        return found, [answer.shares for answer in learned], [answer.weights for answer in learned]

    found, shares, weights = answers(rows)
    sets = found.sets()
    for share, weight in zip(shares, weights, strict=True):
        assert share.sum() == pytest.approx(1.0, rel=1e-9)
        assert spread_credit(sets, weight).sum() == pytest.approx(found.conversions.sum(), rel=1e-9)
        assert spread_credit(sets, weight, of="value").sum() == pytest.approx(found.value.sum(), rel=1e-9)
    moved = answers([rows[i] for i in np.random.default_rng(seed).permutation(len(rows))])[1]
    assert np.array(moved) == pytest.approx(np.array(shares), rel=1e-9, abs=1e-12)
