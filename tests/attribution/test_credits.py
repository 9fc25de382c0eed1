"""Totals of credit: every model adds up to the revenue; what is unknown or unallocated has rows of its own."""

import pytest

from incrementality.attribution import RULE_MODELS, RoleModel, WindowRule, Windows, credit_totals, expansion_model
from incrementality.errors import InputError
from incrementality.warehouse.sql import parse
from tests.attribution.worlds import days_before, event, journeys_of, relation, touch

FIVE = [RULE_MODELS[name] for name in ("first", "last", "linear", "time_decay", "position")]
FIRST = RULE_MODELS["first"]


@pytest.fixture
def journeys(engine):
    touches = [
        touch("a1", 30, "marketing", channel="email"),
        touch("a2", 20, "ae", channel="phone"),
        touch("a3", 10, "ae"),
        touch("b1", 400, "ae", account="b"),
    ]
    events = [event("e1", 300), event("e2", 70, account="b"), event("e3", -30, kind="contraction", account="c")]
    return journeys_of(engine, touches, events)


def test_each_model_by_channel_with_what_is_left(journeys):
    credit = credit_totals(journeys, FIVE)
    assert credit.of("linear") == {
        ("email",): pytest.approx(100),
        ("phone",): pytest.approx(100),
        ("unknown",): pytest.approx(100),
        ("unallocated",): pytest.approx(40),
    }
    assert all(sum(credit.of(model.name).values()) == pytest.approx(340) for model in FIVE)
    assert credit.revenue == dict.fromkeys(credit.models, 340)


@pytest.mark.domain("W12")
def test_all_rule_models_are_one_query(journeys):
    before = len(journeys.warehouse.statements)
    credit_totals(journeys, FIVE)
    ran = journeys.warehouse.statements[before:]
    assert sum("touch_at" in statement for statement in ran) == 1
    assert len(ran) == 2  # and what the events are worth


def test_unallocated_is_told_apart_by_kind(journeys):
    credit = credit_totals(journeys, [FIRST], by=("kind", "function"))
    assert credit.of("first") == {
        ("contraction", "unallocated"): -30,
        ("new", "marketing"): 300,
        ("new", "ae"): 0,
        ("new", "unallocated"): 70,
    }


def test_credit_by_quarter_and_month(journeys):
    credit = credit_totals(journeys, [FIRST], by=("quarter", "month", "function"))
    assert ("2026Q2", "2026-06", "marketing") in credit.cells


@pytest.mark.domain("W9")
def test_deals_are_counted_where_money_is_not(engine):
    journeys = journeys_of(engine, [touch("t", 3, "ae")], [event("e1", 5), event("e2", 7, account="z")], unit="deals")
    credit = credit_totals(journeys, FIVE, by=("function",))
    assert credit.of("linear") == {("ae",): 1_000_000, ("unallocated",): 1_000_000}
    assert credit.unit == "deals"


@pytest.mark.domain("W13")
def test_saved_is_a_label_on_a_renewal_and_never_added_to_it(engine):
    events = [event("r", 50, kind="renewal"), event("s", 50, kind="saved")]
    journeys = journeys_of(engine, [touch("t", 3, "cs")], events)
    assert credit_totals(journeys, [FIRST], by=("function",)).of("first") == {("cs",): 50, ("unallocated",): 0}
    apart = credit_totals(journeys, [FIRST], by=("kind", "function")).of("first")
    assert (apart["renewal", "cs"], apart["saved", "cs"]) == (50, 50)


@pytest.mark.domain("W10", "W12")
def test_a_model_of_some_kinds_covers_only_their_revenue(engine):
    journeys = journeys_of(engine, [touch("t", 3, "cs")], [event("n", 50), event("r", 7, kind="renewal")])
    only = FIRST.__class__("first", "", FIRST.weight, True, kinds=("renewal",))  # noqa: FBT003
    credit = credit_totals(journeys, [only], by=("function",))
    assert credit.of("first") == {("cs",): 7, ("unallocated",): 0}
    assert credit.revenue == {"first": 7}


def quoted(text):
    return f"'{text}'" if text else "CAST(NULL AS TEXT)"


def roles(rows):
    values = " UNION ALL ".join(
        f"SELECT {quoted(e)} AS event_id, {quoted(role)} AS role, {quoted(function)} AS function,"
        f" {quoted(t)} AS touch_id, {share}e0 AS share"
        for e, role, function, t, share in rows
    )
    return RoleModel("roles", "by hand", lambda _: parse(values))


@pytest.mark.domain("R3")
def test_roles_may_rest_on_no_touch_and_leave_a_part_unallocated(engine):
    journeys = journeys_of(engine, [touch("t", 3, "ae", channel="phone")], [event("e1", 100)])
    model = roles([("e1", "source", None, None, 0.4), ("e1", "close", "cs", "t", 0.55)])
    assert credit_totals(journeys, [model, FIRST], by=("role", "function", "channel")).of("roles") == {
        ("close", "cs", "phone"): pytest.approx(55),
        ("source", "unknown", "unknown"): pytest.approx(40),
        ("none", "ae", "phone"): 0,
        ("none", "unallocated", "unallocated"): pytest.approx(5),
    }


@pytest.mark.domain("M3", "M5")
def test_the_expansion_model_joins_the_others(engine):
    """An alert on day 0, the customer's mail on day 35, a call of the CSM on day 42, who signs on day 49."""
    touches = [
        touch("alert", 49, "product", type="usage_limit_approached", direction="automatic"),
        touch("mail", 14, "customer", type="email", direction="inbound", topic="upgrade"),
        touch("call", 7, "cs", type="check_in", outcome="connected", topic="upgrade"),
        touch("signed", 0, "cs", type="check_in", outcome="signed", topic="upgrade"),
    ]
    opportunity = {"opportunity_id": "o", "created_at": days_before(14), "creation_source": None, "self_serve": False}
    opportunity |= {"creation_trigger": None, "closer_function": "cs", "renewal_of": None}
    opportunities = relation(engine, [opportunity])
    opportunities = engine.materialise(
        "opportunities_",
        parse(
            "SELECT * REPLACE (CAST(created_at AS TIMESTAMP) AS created_at, CAST(self_serve AS BOOLEAN) AS self_serve)"
            " FROM s",
            s=opportunities.name,
        ),
    )
    journeys = journeys_of(engine, touches, [event("e", 100, kind="expansion", opportunity_id="o")])
    credit = credit_totals(journeys, [expansion_model(opportunities), RULE_MODELS["last"]], by=("function",))
    assert credit.of("expansion") == {
        ("product",): pytest.approx(40),
        ("cs",): pytest.approx(50),
        ("customer",): pytest.approx(10),
        ("unallocated",): 0,
    }
    assert credit.of("last")["cs",] == 100


@pytest.mark.parametrize(
    ("models", "by", "said"),
    [
        ([], ("channel",), "no model"),
        ([FIRST, FIRST], ("channel",), "two models are called 'first'"),
        ([FIRST], ("chanel",), "Did you mean 'channel'"),
        ([FIRST], ("kind",), "names no label of a touch"),
    ],
)
def test_what_cannot_be_answered_is_refused(journeys, models, by, said):
    with pytest.raises(InputError, match=said):
        credit_totals(journeys, models, by)


def test_a_model_that_is_not_there(journeys):
    with pytest.raises(InputError, match="Did you mean 'first'"):
        credit_totals(journeys, [FIRST]).of("frist")


def test_no_touch_counts_twice_for_one_event_and_windows_part_events(engine):
    windows = Windows((WindowRule("*", 5),))
    journeys = journeys_of(engine, [touch("t", 3, "ae"), touch("u", 6, "cs")], [event("e1", 10)], windows)
    assert credit_totals(journeys, FIVE, by=("function",)).cells.keys() == {("ae",), ("unallocated",)}


def test_kinds_side_by_side_are_credited_as_each_alone(engine):
    touches = [touch(f"t{k}", 10 * k, f) for k, f in enumerate(("marketing", "ae", "cs", "ae"), start=1)]
    kinds = ("new", "renewal", "expansion", "saved", "other")
    events = [event(kind, amount=1000, kind=kind, flagged_at=days_before(25)) for kind in kinds]
    models = [RULE_MODELS["shipped"], RULE_MODELS["linear"]]
    by = ("kind", "function")
    together = credit_totals(journeys_of(engine, touches, events), models, by=by)
    for one in events:
        alone = credit_totals(journeys_of(engine, touches, [one]), models, by=by)
        mine = {key: amount for key, amount in together.of("shipped").items() if key[0] == one["kind"]}
        assert mine == pytest.approx(alone.of("shipped")) != {}


def test_kinds_left_out_do_not_change_the_others(engine):
    touches = [touch("t1", 20, "marketing"), touch("t2", 10, "ae")]
    new, saved = (event(kind, amount=1000, kind=kind, flagged_at=days_before(15)) for kind in ("new", "saved"))
    models = [RULE_MODELS["shipped"]]
    both = credit_totals(journeys_of(engine, touches, [new, saved]), models, by=("function",))
    assert both == credit_totals(journeys_of(engine, touches, [new]), models, by=("function",))
