"""The ledger: sums to the cent for every model and any journey, whatever the order of rows or the number of threads."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from incrementality.attribution import RULE_MODELS, RoleModel, credit_totals, make_ledger
from incrementality.attribution.apportioning import apportion
from incrementality.errors import InputError, LedgerDoesNotReconcile, ValueNotAllowed
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse
from tests.attribution.worlds import CLOSE, days_before, event, journeys_of, touch

MODELS = list(RULE_MODELS.values())
FEW = [RULE_MODELS[name] for name in ("linear", "time_decay", "w_shaped", "shipped")]
KINDS = ["new", "renewal", "expansion", "saved", "purchase"]
FUNCTIONS = ["marketing", "sdr", "ae", "cs", "product", "customer", None]


@pytest.fixture(scope="module")
def shared():
    with connect(threads=2) as warehouse:
        yield warehouse


worlds = st.integers(0, 10**9)


def world(seed, *, events=6, touches=25):
    """Touches and events of a few accounts, with ties, missing labels and negative amounts."""
    rng = Random(seed)  # noqa: S311 - a seeded world
    accounts = ["a", "b", "c"]
    made = [
        touch(
            f"t{k:02}",
            rng.choice([0, 1, 5, 5, 30, 85, 120]),
            rng.choice(FUNCTIONS),
            account=rng.choice(accounts),
            channel=rng.choice(["email", "phone", "direct", None]),
            journey=rng.choice(["winback", None]),
        )
        for k in range(rng.randint(0, touches))
    ]
    columns = {"flagged_at": days_before(40), "opportunity_at": days_before(20)}
    wins = [
        event(
            f"e{k}",
            rng.choice([0, 1, 2, 99, 100, -101, 123_456_789_012, rng.randint(-5000, 5000)]),
            kind=rng.choice(KINDS),
            account=rng.choice(accounts),
            **columns,
        )
        for k in range(rng.randint(1, events))
    ]
    return made, wins


def rows_of(ledger, *, without=()):
    columns = [name for name in ledger.columns if name not in without]
    query = parse("SELECT 1 FROM source", source=ledger.rows.name).select(*columns, append=False)
    return sorted(ledger.warehouse.query(query), key=repr)


@settings(max_examples=8, deadline=None)
@given(seed=worlds)
def test_every_event_adds_up_to_the_cent_for_every_model(shared, seed):
    touches, events = world(seed)
    journeys = journeys_of(shared, touches, events) if touches else journeys_of(shared, [touch("x", 1, "ae")], events)
    ledger = make_ledger(journeys, MODELS)
    sums = parse("SELECT event_id, model, CAST(sum(credit) AS BIGINT) FROM s GROUP BY 1, 2", s=ledger.rows.name)
    amounts = {(e["event_id"], m.name): e["amount"] for e in events for m in MODELS if e["kind"] in (m.kinds or KINDS)}
    assert {(e, m): credit for e, m, credit in shared.query(sums)} == amounts
    assert ledger.reconcile().check().holds


@settings(max_examples=8, deadline=None)
@given(seed=worlds)
def test_no_row_is_a_cent_away_from_its_unrounded_credit(shared, seed):
    touches, events = world(seed)
    ledger = make_ledger(journeys_of(shared, [touch("x", 1, "ae"), *touches], events), MODELS)
    query = parse("SELECT coalesce(max(abs(credit - unrounded)), 0) FROM s", s=ledger.rows.name)
    assert shared.row(query)[0] < 1 + 1e-4  # 10^-12 of the largest amounts here is 10^-1 of a cent


@settings(max_examples=8, deadline=None)
@given(seed=worlds)
def test_the_order_of_rows_and_the_number_of_threads_do_not_matter(shared, seed):
    touches, events = world(seed)
    touches.append(touch("x", 1, "ae"))
    expected = rows_of(make_ledger(journeys_of(shared, touches, events), FEW))
    Random(seed).shuffle(touches)  # noqa: S311 - a seeded world
    Random(seed + 1).shuffle(events)  # noqa: S311 - a seeded world
    with connect(threads=1) as other:
        assert rows_of(make_ledger(journeys_of(other, touches, events), FEW)) == expected


@settings(max_examples=8, deadline=None)
@given(seed=worlds)
def test_renaming_a_channel_changes_nothing_but_its_name(shared, seed):
    touches, events = world(seed)
    touches.append(touch("x", 1, "ae", channel="phone"))
    renamed = [t | {"channel": {"email": "zz", "phone": "aa"}.get(t["channel"], t["channel"])} for t in touches]
    names = ("channel",)
    before = rows_of(make_ledger(journeys_of(shared, touches, events), FEW), without=names)
    assert rows_of(make_ledger(journeys_of(shared, renamed, events), FEW), without=names) == before


@settings(max_examples=8, deadline=None)
@given(seed=worlds, amount=st.integers(-10_000, 10_000), part=st.integers(-10_000, 10_000))
def test_an_event_split_in_two_moves_a_cent_a_row_at_most(shared, seed, amount, part):
    touches = [t for t in world(seed)[0] if t["account_id"] == "a"] + [touch("x", 1, "ae")]
    models = [RULE_MODELS[name] for name in ("first", "linear", "time_decay", "position")]
    one = make_ledger(journeys_of(shared, touches, [event("e", amount)]), models)
    two = make_ledger(journeys_of(shared, touches, [event("e", part), event("f", amount - part)]), models)
    labels = ("function", "type", "channel", "journey")
    assert one.reconcile().rows[0].revenue_in == two.reconcile().rows[0].revenue_in
    for model in one.models:
        whole, parts = one.totals(labels).of(model), two.totals(labels).of(model)
        assert all(abs(whole[key] - parts[key]) <= 2 for key in whole)
        assert sum(whole.values()) == sum(parts.values())


@settings(max_examples=6, deadline=None)
@given(seed=worlds, amount=st.integers(-10_000, 10_000), k=st.integers(1, 12))
def test_linear_credit_is_hamiltons_apportionment(shared, seed, amount, k):
    rng = Random(seed)  # noqa: S311 - a seeded world
    touches = [touch(f"t{j:02}", rng.randint(0, 9), f"f{j}") for j in range(k)]
    ordered = sorted(touches, key=lambda t: (t["occurred_at"], t["touch_id"]))
    ledger = make_ledger(journeys_of(shared, touches, [event("e", amount)]), [RULE_MODELS["linear"]])
    expected = {(t["function"],): c for t, c in zip(ordered, apportion(amount, [1] * k), strict=True)}
    assert ledger.totals().of("linear") == expected


def test_of_equal_remainders_the_earlier_touch_gains(shared):
    touches = [touch("b", 9, "late"), touch("a", 9, "early"), touch("c", 30, "first")]
    for amount, gains in ((100, ("first",)), (101, ("first", "early"))):
        ledger = make_ledger(journeys_of(shared, touches, [event("e", amount)]), [RULE_MODELS["linear"]])
        found = ledger.totals().of("linear")
        assert {key for key, credit in found.items() if credit == 34} == {(name,) for name in gains}


@pytest.mark.domain("M13")
def test_unknown_and_unallocated_are_lines_of_their_own(shared):
    touches = [touch("a", 3, "ae"), touch("b", 2)]
    events = [event("e1", 101), event("e2", 50, account="z")]
    ledger = make_ledger(journeys_of(shared, touches, events), [RULE_MODELS["linear"]])
    assert ledger.totals().of("linear") == {("ae",): 51, ("unknown",): 50, ("unallocated",): 50}
    assert ledger.totals(rounded=False).of("linear")["ae",] == 50.5


@pytest.mark.domain("W9")
def test_a_ledger_may_count_deals(shared):
    journeys = journeys_of(shared, [touch(f"t{k}", k, f"f{k}") for k in range(3)], [event("e", 5)], unit="deals")
    ledger = make_ledger(journeys, [RULE_MODELS["linear"]])
    assert sorted(ledger.totals().of("linear").values()) == [333_333, 333_333, 333_334]
    assert ledger.unit == "deals"


def roles_of(*shares):
    rows = " UNION ALL ".join(
        f"SELECT 'e' AS event_id, '{role}' AS role, '{function}' AS function, CAST(NULL AS TEXT) AS touch_id,"
        f" {share}e0 AS share"
        for role, function, share in shares
    )
    return RoleModel("roles", "by hand", lambda _: parse(rows))


@pytest.mark.domain("R3")
def test_95_percent_of_a_deal_leaves_5_unallocated_and_nothing_is_rescaled(shared):
    """A deal of USD 180,000 whose functions were given 22, 15, 38 and 20 %."""
    shares = [("assist", f, s) for f, s in (("marketing", 0.22), ("sdr", 0.15), ("ae", 0.38), ("presales", 0.2))]
    ledger = make_ledger(journeys_of(shared, [touch("t", 1)], [event("e", 18_000_000)]), [roles_of(*shares)])
    assert ledger.totals().of("roles") == {
        ("marketing",): 3_960_000,
        ("sdr",): 2_700_000,
        ("ae",): 6_840_000,
        ("presales",): 3_600_000,
        ("unallocated",): 900_000,
    }


@pytest.mark.domain("M11")
def test_one_function_may_be_source_and_close(shared):
    model = roles_of(("source", "cs", 0.4), ("close", "cs", 0.4), ("assist", "ae", 0.2))
    ledger = make_ledger(journeys_of(shared, [touch("t", 1)], [event("e", 101)]), [model])
    assert ledger.totals(("role", "function")).of("roles") == {
        ("source", "cs"): 41,
        ("close", "cs"): 40,
        ("assist", "ae"): 20,
    }


@pytest.mark.domain("M13")
def test_roles_that_give_more_than_there_is_are_influence_not_credit(shared):
    model = roles_of(("assist", "product", 0.75), ("assist", "sales", 0.55), ("assist", "marketing", 0.4))
    with pytest.raises(ValueNotAllowed, match="more than the whole of 1 events") as refused:
        make_ledger(journeys_of(shared, [touch("t", 1)], [event("e", 100)]), [model])
    assert "influence" in refused.value.hint


@pytest.mark.parametrize("order", [("cs", "ae", "sdr"), ("sdr", "cs", "ae")])
def test_equal_roles_without_a_touch_follow_their_names(shared, order):
    model = roles_of(*(("assist", function, 0.25) for function in order), ("close", "x", 0.25))
    ledger = make_ledger(journeys_of(shared, [touch("t", 1)], [event("e", 102)]), [model])
    assert ledger.totals().of("roles") == {("ae",): 26, ("cs",): 25, ("sdr",): 25, ("x",): 26}


def test_what_was_set_aside_is_part_of_the_proof(shared):
    ledger = make_ledger(journeys_of(shared, [touch("a", 3, "ae")], [event("e", 100)]), [RULE_MODELS["last"]])
    quarantined = {"refund_exceeds_revenue": 30, "future": 5}
    assert ledger.reconcile(revenue_in=135, quarantined=quarantined).check().holds
    with pytest.raises(LedgerDoesNotReconcile, match="revenue of 136 by 1"):
        ledger.reconcile(revenue_in=136, quarantined=quarantined).check()


def test_rounded_and_unrounded_totals_agree_with_credit_in_total(shared):
    touches, events = world(7, touches=60)
    journeys = journeys_of(shared, touches, events)
    ledger, credit = make_ledger(journeys, MODELS), credit_totals(journeys, MODELS, by=("function",))
    for model in ledger.models:
        found, expected = ledger.totals(rounded=False).of(model), credit.of(model)
        assert found == pytest.approx({key: expected[key] for key in found}, abs=1e-3, rel=1e-9)


def test_the_cell_joins_the_labels_that_experiments_switch_off(shared):
    touches = [touch("a", 3, "cs", journey="winback", variant="b"), touch("b", 2, "ae")]
    journeys = journeys_of(shared, touches, [event("e", 100, segment="small")])
    ledger = make_ledger(journeys, [RULE_MODELS["linear"]], cell=("function", "journey", "variant", "segment"))
    assert ledger.totals(("cell",)).of("linear") == {
        ("cs x winback x b x small",): 50,
        ("ae x none x none x small",): 50,
    }


def test_the_frame_holds_all_rows(shared):
    ledger = make_ledger(journeys_of(shared, [touch("a", 3, "ae")], [event("e", 100)]), [RULE_MODELS["last"]])
    frame = ledger.to_frame()
    assert list(frame.columns) == list(ledger.columns)
    assert frame.loc[0, ["event_id", "model", "function", "credit"]].tolist() == ["e", "last", "ae", 100]
    assert frame.loc[0, "event_at"] == CLOSE


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"labels": ("chanel",)}, "Did you mean 'channel'"),
        ({"labels": ("channel",)}, "without functions"),
        ({"cell": ()}, "without functions or cells"),
        ({"labels": ("function", "segment")}, "'segment' is no label"),
    ],
)
def test_labels_must_be_known(shared, options, said):
    journeys = journeys_of(shared, [touch("a", 3, "ae")], [event("e", 100)])
    with pytest.raises(InputError, match=said):
        make_ledger(journeys, [RULE_MODELS["last"]], **options)


def test_columns_to_sum_by_must_be_there(shared):
    ledger = make_ledger(journeys_of(shared, [touch("a", 3, "ae")], [event("e", 100)]), [RULE_MODELS["last"]])
    with pytest.raises(InputError, match="Did you mean 'function'"):
        ledger.totals(("functions",))


@pytest.mark.domain("W13")
def test_a_save_labels_a_renewal_and_is_no_revenue_of_its_own(shared):
    """A renewal of 300 was saved: 300 came in, and 300 are shown beside it."""
    wins = [event("r", 300, kind="renewal"), event("s", 300, kind="saved", flagged_at=days_before(40))]
    ledger = make_ledger(journeys_of(shared, [touch("a", 3, "cs")], wins), [RULE_MODELS["linear"]])
    row = ledger.reconcile().check().rows[0]
    assert (row.revenue_in, row.credited, row.beside) == (300, 300, 300)
    with pytest.raises(LedgerDoesNotReconcile, match="customers saved misses what they are worth by 5"):
        replace(ledger, beside={"linear": 295}).reconcile().check()
