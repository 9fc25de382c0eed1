"""Rule models: the share of each touch, by hand; edge cases of one and two touches; what a wrong model is told."""

from fractions import Fraction

import pytest

from incrementality.attribution import RULE_MODELS, Touch, credit_totals, rule_model
from incrementality.attribution.models import (
    capped,
    function_weights,
    last_non,
    linear,
    per_kind,
    position,
    save_event,
    time_decay,
    w_shaped,
)
from incrementality.errors import InputError, ValueNotAllowed
from incrementality.warehouse.sql import parse
from tests.attribution.worlds import CLOSE, days_before, event, journeys_of, touch

AMOUNT = 1000


def shares(engine, model, touches, **columns):
    """The share of each touch of one event worth 1000, in the order of the journey; the touch stands in its type."""
    touches = [t | {"type": t["touch_id"]} for t in touches]
    kind = columns.pop("kind", model.kinds[0] if model.kinds else "new")
    journeys = journeys_of(engine, touches, [event(amount=AMOUNT, kind=kind, **columns)])
    credit = credit_totals(journeys, [model], by=("type", "kind")).of(model.name)
    ordered = sorted(touches, key=lambda t: (t["occurred_at"], t["touch_id"]))
    return [round(credit.get((t["touch_id"], kind), 0.0) / AMOUNT, 12) for t in ordered]


def row(*functions, days=None):
    days = days or [10 * (len(functions) - k) for k in range(len(functions))]
    return [touch(f"t{k}", d, f) for k, (f, d) in enumerate(zip(functions, days, strict=True))]


FOUR = row("marketing", "sdr", "ae", "ae")


@pytest.mark.domain("M1")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first", [1, 0, 0, 0]),
        ("last", [0, 0, 0, 1]),
        ("linear", [0.25, 0.25, 0.25, 0.25]),
        ("position", [0.4, 0.1, 0.1, 0.4]),
    ],
)
def test_shipped_models_by_hand(engine, name, expected):
    assert shares(engine, RULE_MODELS[name], FOUR) == expected


@pytest.mark.domain("M1")
def test_time_decay_halves_with_each_half_life(engine):
    found = shares(engine, time_decay(10), row("ae", "ae", "ae", days=[20, 10, 0]))
    assert found == [round(x / 7, 12) for x in (1, 2, 4)]


def test_time_decay_never_vanishes(engine):
    assert shares(engine, time_decay(0.01), row("ae", "ae", days=[170, 160])) == [0.5, 0.5]


@pytest.mark.domain("M1")
@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (["email", "phone", "direct"], [0, 1, 0]),
        (["direct", "direct"], [0, 1]),
        (["email", "direct", None], [0, 0, 1]),
    ],
)
def test_the_last_touch_that_is_not_direct(engine, channels, expected):
    touches = [t | {"channel": c} for t, c in zip(row(*channels), channels, strict=True)]
    assert shares(engine, last_non("direct"), touches) == expected


@pytest.mark.parametrize("name", sorted(set(RULE_MODELS) - {"save_event"}))
def test_one_touch_takes_all(engine, name):
    assert shares(engine, RULE_MODELS[name], row("ae")) == [1]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (position(), [0.5, 0.5]),
        (position(0.6, 0.2, 0.2), [0.75, 0.25]),
        (position(0, 1, 0), [0.5, 0.5]),
        (linear(), [0.5, 0.5]),
    ],
)
def test_two_touches(engine, model, expected):
    assert shares(engine, model, row("ae", "ae")) == expected


@pytest.mark.domain("M1")
def test_any_triple_is_taken_over_its_sum(engine):
    assert shares(engine, position(30, 40, 30), FOUR) == [0.3, 0.2, 0.2, 0.3]


@pytest.mark.domain("M1")
def test_w_shaped_credits_first_creation_last_and_the_rest(engine):
    touches = row("marketing", "marketing", "sdr", "ae", "ae", days=[50, 40, 30, 20, 10])
    found = shares(engine, RULE_MODELS["w_shaped"], touches, opportunity_at=days_before(25))
    assert found == [0.3, 0.05, 0.3, 0.05, 0.3]


@pytest.mark.parametrize(
    ("created", "expected"),
    [(45, [0.6, 0.1 / 3, 0.1 / 3, 0.1 / 3, 0.3]), (60, [0.3 / 0.7, *[0.1 / 3 / 0.7] * 3, 0.3 / 0.7])],
)
def test_a_creation_at_the_first_touch_or_before_it(engine, created, expected):
    touches = row("marketing", "marketing", "sdr", "ae", "ae", days=[50, 40, 30, 20, 10])
    found = shares(engine, RULE_MODELS["w_shaped"], touches, opportunity_at=days_before(created))
    assert found == [round(x, 12) for x in expected]


def test_the_full_path_has_two_creations(engine):
    touches = row("marketing", "marketing", "sdr", "ae", "ae", days=[50, 40, 30, 20, 10])
    model = w_shaped(0.225, 0.1, at=("lead_at", "opportunity_at"), name="full_path")
    moments = {"lead_at": days_before(35), "opportunity_at": days_before(25)}
    assert shares(engine, model, touches, **moments) == [0.225, 0.225, 0.225, 0.1, 0.225]


@pytest.mark.domain("M18")
def test_new_business_weights_are_taken_anew_over_functions_present(engine):
    found = shares(engine, RULE_MODELS["shipped"], row("marketing", "ae", "ae", "support"))
    assert found == [round(x, 12) for x in (30 / 65, 17.5 / 65, 17.5 / 65, 0)]


@pytest.mark.domain("M1")
def test_weights_by_type_stand_apart_from_their_function(engine):
    model = function_weights({"cs": 40, "cs/t1": 20}, others=40)
    assert shares(engine, model, row("cs", "cs", "cs", "ae")) == [0.2, 0.2, 0.2, 0.4]


@pytest.mark.domain("M18")
def test_renewals_decay_with_no_function_above_60_percent(engine):
    touches = row("cs", "cs", "support", days=[60, 0, 120])
    weights = {"cs1": Fraction(1, 2), "cs2": Fraction(1), "support": Fraction(1, 4)}
    whole = sum(weights.values())
    support = weights["support"] / whole
    expected = [support, Fraction(3, 5) / 3, Fraction(3, 5) * 2 / 3]
    found = shares(engine, RULE_MODELS["shipped"], touches, kind="renewal")
    assert found == [round(float(x / sum(expected)), 12) for x in expected]


def test_a_function_alone_gets_everything_under_a_limit(engine):
    assert shares(engine, capped(time_decay(10), 0.6), row("cs", "cs", days=[10, 0])) == [
        round(x, 12) for x in (1 / 3, 2 / 3)
    ]


@pytest.mark.domain("M17")
def test_a_save_credits_the_first_intervention_after_the_flag(engine):
    touches = row("cs", "customer", "cs", "ae", "support", days=[50, 30, 20, 10, 5])
    found = shares(engine, save_event(), touches, flagged_at=days_before(40), loss_at=CLOSE)
    assert found == [0] + [round(x, 12) for x in (0.5 / 3, 0.5, 0.5 / 3, 0.5 / 3)]


@pytest.mark.domain("M17")
@pytest.mark.parametrize("flag", [None, days_before(0)])
def test_a_save_without_a_touch_since_the_flag_stays_unallocated(engine, flag):
    journeys = journeys_of(engine, row("cs"), [event(amount=70, kind="saved", flagged_at=flag)])
    credit = credit_totals(journeys, [save_event()], by=("function",), beside=())
    assert credit.of("save_event") == {("cs",): 0.0, ("unallocated",): 70.0}


@pytest.mark.domain("W12")
def test_a_model_may_follow_another_for_each_kind(engine):
    model = per_kind("mine", {"new": RULE_MODELS["first"], "renewal": time_decay(10)}, otherwise=linear())
    touches = row("ae", "ae", days=[10, 0])
    found = [shares(engine, model, touches, kind=kind) for kind in ("new", "renewal", "purchase")]
    assert found == [[1, 0], [round(1 / 3, 12), round(2 / 3, 12)], [0.5, 0.5]]


def test_a_model_of_ones_own_is_one_function(engine):
    model = rule_model("early", lambda t: parse("CASE WHEN $age > 15 THEN 3 ELSE 1 END", age=t.age_days))
    assert shares(engine, model, row("ae", "ae", days=[20, 10])) == [0.75, 0.25]


def test_a_weight_that_is_missing_weighs_nothing(engine):
    model = rule_model("held", lambda t: parse("CASE WHEN $o = 'held' THEN 1 END", o=t.outcome))
    touches = row("ae", "ae")
    touches[1]["outcome"] = "held"
    assert shares(engine, model, touches) == [0, 1]


@pytest.mark.parametrize(
    "weight", ["-1e0 * $i", "CASE WHEN $i = 1 THEN CAST('NaN' AS DOUBLE) ELSE 1e0 END", "1e0 / ($i - 1)"]
)
def test_a_weight_that_is_no_number_from_0_is_refused(engine, weight):
    with pytest.raises(ValueNotAllowed, match="'mine' weighs touches from"):
        shares(engine, rule_model("mine", lambda t: parse(weight, i=t.position)), row("ae", "ae"))


def test_a_label_in_a_model_is_data_not_sql(engine):
    hostile = "direct' OR '1'='1"
    touches = [t | {"channel": hostile} for t in row("a", "b")]
    touches[0]["channel"] = "email"
    assert shares(engine, last_non(hostile, name="hostile"), touches) == [1, 0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: position(-1, 1, 1), "no shares"),
        (lambda: position(0, 0, 0), "no shares"),
        (lambda: time_decay(0), "half-life of 0 days"),
        (lambda: capped(linear(), 0), "no share"),
        (lambda: capped(last_non("direct")), "cannot be limited"),
        (last_non, "no value to pass over"),
        (lambda: function_weights({}), "no weights"),
        (lambda: function_weights({"ae": -1}), "no weights"),
        (lambda: save_event(2), "no share"),
        (lambda: rule_model("My model", lambda t: t.k), "'My model' is no name"),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(make, said):
    with pytest.raises(InputError, match=said) as refused:
        make()
    assert refused.value.hint


def test_a_journey_has_no_such_column():
    with pytest.raises(AttributeError, match="Did you mean 'age_days'"):
        _ = Touch().age_day
