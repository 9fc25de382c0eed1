"""Usage weights by hand, and saves that are worth at most what was at risk."""

from datetime import timedelta

import pytest

from incrementality.attribution import RULE_MODELS, WINDOW_PRESETS, credit_totals, open_journeys
from incrementality.attribution.usage import limit_saved, weigh_by_usage
from incrementality.errors import ColumnNotFound
from incrementality.warehouse import frame_locator
from incrementality.warehouse.sql import parse
from tests.attribution.worlds import CLOSE, event, found, relation, touch


def usage_of(engine, days):
    """One row a day before the close: the day and how much."""
    import pandas as pd

    rows = [{"account_id": "a", "day": (CLOSE - timedelta(days=d)).date(), "usage": float(u)} for d, u in days]
    frame = pd.DataFrame(rows)
    frame["day"] = pd.to_datetime(frame["day"]).astype("datetime64[us]")
    frame["account_id"] = frame["account_id"].astype(object)
    return engine.open(frame_locator(frame))


HABIT = [(d, 10) for d in range(28, 208)]


@pytest.mark.domain("M16")
@pytest.mark.parametrize(
    ("days", "weight"),
    [
        ([(d, 15) for d in range(28)] + HABIT, 1.5),
        ([(d, 90) for d in range(28)] + HABIT, 2.0),
        ([(d, 1) for d in range(28)] + HABIT, 0.5),
        ([(0, 12), (27, 14), (28, 10), (29, 1), (207, 90), (208, 10**9)], 1.3),
        ([(d, 15) for d in range(28)], 1.0),
        (HABIT, 1.0),
        ([(3, 5), *((d, 0) for d in range(28, 208))], 1.0),
    ],
    ids=[
        "more",
        "at most twice",
        "at least half",
        "both ends by day",
        "no habit",
        "nothing lately",
        "habit of nothing",
    ],
)
def test_usage_lately_over_the_accounts_own_habit(engine, days, weight):
    touches = weigh_by_usage(engine, relation(engine, [touch("t", 0)]), usage_of(engine, days))
    assert engine.query(parse("SELECT usage_weight FROM s", s=touches.name)) == [(weight,)]


@pytest.mark.domain("M16", "W2")
def test_credit_is_decay_times_usage(engine):
    touches = relation(engine, [touch("a", 30, "cs"), touch("b", 0, "ae"), touch("c", 0, "x", account="z")])
    usage = usage_of(engine, [(d, 10) for d in range(30, 280)] + [(d, 20) for d in range(30)])
    journeys = open_journeys(
        engine,
        weigh_by_usage(engine, touches, usage),
        relation(engine, [event(amount=500, kind="expansion")]),
        WINDOW_PRESETS["default"],
    )
    assert found(journeys, "touch_id", "usage_weight") == [("a", 1.0), ("b", 2.0)]
    credit = credit_totals(journeys, [RULE_MODELS["usage_weighted"]], by=("function",)).of("usage_weighted")
    weights = {"cs": 0.5, "ae": 2.0}
    assert credit["cs",] == pytest.approx(500 * weights["cs"] / sum(weights.values()))


@pytest.mark.domain("M17")
def test_a_save_is_worth_at_most_what_was_at_risk(engine):
    rows = [
        ("e1", 900, "saved", 600),
        ("e2", 500, "saved", 600),
        ("e3", 900, "renewal", 600),
        ("e4", 900, "saved", None),
    ]
    events = relation(engine, [event(e, a, kind=k) | {"at_risk": r} for e, a, k, r in rows])
    events = engine.materialise(
        "risky", parse("SELECT * REPLACE (CAST(CAST(at_risk AS DOUBLE) AS BIGINT) AS at_risk) FROM s", s=events.name)
    )
    found = limit_saved(engine, events)
    assert (found.limited, found.cut) == (1, 300)
    amounts = engine.query(parse("SELECT amount FROM s ORDER BY event_id", s=found.events.name))
    assert amounts == [(600,), (500,), (900,), (900,)]


def test_tables_need_their_columns(engine):
    events = relation(engine, [event()])
    with pytest.raises(ColumnNotFound, match="at risk"):
        limit_saved(engine, events)
    with pytest.raises(ColumnNotFound, match="day, usage"):
        weigh_by_usage(engine, events, events)
