"""One visit that several channels claim; campaigns that overlap on one deal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from incrementality.attribution import RULE_MODELS, WINDOW_PRESETS, credit_totals, open_journeys, settle_channels
from incrementality.errors import ColumnNotFound, InputError
from incrementality.warehouse import connect, frame_locator
from incrementality.warehouse.sql import parse

ORDER = ("paid_search", "email", "direct")


def settled(*touches, order=ORDER, **settings):
    """The touches that stay and what gave way, of rows (minute, channel, contact)."""
    minutes, channels, contacts = zip(*touches, strict=True)
    frame = {
        "touch_id": np.arange(len(touches)),
        "account_id": np.full(len(touches), 1),
        "contact_id": np.array(contacts, dtype=object),
        "channel": np.array(channels, dtype=object),
        "occurred_at": np.datetime64("2026-01-05T10:00", "us") + np.array(minutes) * np.timedelta64(1, "m"),
    }
    with connect() as engine:
        found = settle_channels(engine, engine.open(frame_locator(frame)), order, **settings)
        kept = engine.query(parse("SELECT touch_id FROM source ORDER BY 1", source=found.touches.name))
        return [k for (k,) in kept], found.set_aside


@pytest.mark.domain("M12")
class TestPrecedence:
    def test_the_channel_that_goes_first_keeps_the_visit(self):
        """An advertisement was clicked, a minute later the address was typed."""
        assert settled((0, "paid_search", "p"), (1, "direct", "p")) == ([0], {"direct": 1})

    def test_a_later_visit_is_another_one(self):
        assert settled((0, "paid_search", "p"), (31, "direct", "p"))[0] == [0, 1]

    def test_exactly_the_span_is_still_one_visit(self):
        assert settled((0, "paid_search", "p"), (30, "direct", "p"))[0] == [0]

    def test_another_person_is_another_visit(self):
        assert settled((0, "paid_search", "p"), (1, "direct", "q"))[0] == [0, 1]

    def test_nobody_in_particular_is_left_alone(self):
        assert settled((0, "paid_search", None), (1, "direct", None))[0] == [0, 1]

    def test_channels_outside_the_order_neither_take_nor_lose(self):
        assert settled((0, "paid_search", "p"), (1, "phone", "p"))[0] == [0, 1]

    def test_two_touches_of_one_channel_stay(self):
        assert settled((0, "email", "p"), (1, "email", "p"))[0] == [0, 1]

    def test_whatever_the_order_of_rows(self):
        rows = [(0, "direct", "p"), (5, "email", "p"), (36, "direct", "p"), (40, "paid_search", "p")]
        found = {
            tuple(sorted(rows[i] for i in [order[k] for k in settled(*(rows[i] for i in order))[0]]))
            for order in itertools.islice(itertools.permutations(range(4)), 0, None, 5)
        }
        assert found == {((5, "email", "p"), (40, "paid_search", "p"))}


@pytest.mark.domain("M12")
def test_overlapping_campaigns_of_one_deal_share_it_and_add_up():
    """Two campaigns ran at the same time and both touched the deal: credit by campaign adds up to its amount."""
    touches = {
        "touch_id": np.array([1, 2, 3]),
        "account_id": np.full(3, 7),
        "function": np.array(["marketing"] * 3, dtype=object),
        "campaign": np.array(["spring", "webinar", "spring"], dtype=object),
        "occurred_at": np.array(["2026-01-05", "2026-01-06", "2026-01-20"], dtype="datetime64[us]"),
    }
    events = {
        "event_id": np.array([1]),
        "account_id": np.array([7]),
        "kind": np.array(["new"], dtype=object),
        "occurred_at": np.array(["2026-02-04"], dtype="datetime64[us]"),
        "amount": np.array([900]),
    }
    with connect() as engine:
        opened = [engine.open(frame_locator(frame)) for frame in (touches, events)]
        credit = credit_totals(
            open_journeys(engine, *opened, WINDOW_PRESETS["default"]), [RULE_MODELS["linear"]], by=("campaign",)
        )
        found = {row["campaign"]: row["linear"] for row in credit.to_dicts()}
    assert found["spring"] == pytest.approx(600)
    assert found["webinar"] == pytest.approx(300)


class TestRefusals:
    @pytest.mark.parametrize("order", [(), ("email",), ("email", "email")])
    def test_an_order_of_one_is_none(self, order):
        with pytest.raises(InputError, match="no order of channels"):
            settled((0, "email", "p"), order=order)

    def test_no_minutes_are_no_visit(self):
        with pytest.raises(InputError, match="0 minutes"):
            settled((0, "email", "p"), within_minutes=0)

    def test_without_people_a_visit_cannot_be_told(self):
        with connect() as engine:
            touches = engine.open(frame_locator({"account_id": np.array([1])}))
            with pytest.raises(ColumnNotFound, match="'contact_id', 'channel', 'occurred_at'"):
                settle_channels(engine, touches, ORDER)
