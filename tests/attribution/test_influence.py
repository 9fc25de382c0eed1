"""Influence overlaps and refuses to be summed; direct amounts add up, assisted ones do not."""

import pytest

from incrementality.attribution import Influence, InfluenceRow, check_is_credit, influence, touch_views
from incrementality.errors import InfluenceIsNoCredit, InputError
from tests.attribution.worlds import event, journeys_of, touch


@pytest.fixture
def journeys(engine):
    touches = [
        touch("a1", 30, "marketing", channel="social", type="paid_impression"),
        touch("a2", 20, "ae", channel="phone"),
        touch("a3", 10, "marketing", channel="email"),
        touch("b1", 10, "ae", account="b", channel="phone"),
        touch("b2", 5, account="b", channel="social", type="ad_click"),
    ]
    events = [event("e1", 300), event("e2", 70, account="b"), event("e3", 9, account="c")]
    return journeys_of(engine, touches, [*events, event("s", 300, kind="saved")])


@pytest.mark.domain("M13")
def test_each_function_has_all_revenue_that_it_touched(journeys):
    found = influence(journeys)
    assert [(row.label, row.events, row.influenced) for row in found.rows] == [
        ("ae", 2, 370),
        ("marketing", 1, 300),
        ("unknown", 1, 70),
    ]
    assert (found.events, found.total) == (2, 370)


@pytest.mark.domain("M13")
@pytest.mark.parametrize(
    "add", [sum, lambda found: found + 1, lambda found: 1 + found, lambda found: found.sum(), list]
)
def test_influence_refuses_to_be_added(journeys, add):
    with pytest.raises(InfluenceIsNoCredit, match=r"overlaps: its rows come to 200.0 %"):
        add(influence(journeys))


@pytest.mark.domain("M13")
def test_what_is_printed_ends_with_the_total_in_which_each_event_counts_once(journeys):
    assert influence(journeys).to_dicts()[-1] == {"function": "each event once", "events": 2, "influenced": 370}


@pytest.mark.domain("M13")
def test_an_expansion_table_of_135_percent_is_influence():
    """3.2, 2.4, 1.8 and 0.88 on a total of 6.1 million."""
    figures = {"cs": 3.2, "product": 2.4, "sales": 1.8, "marketing": 0.88}
    with pytest.raises(InfluenceIsNoCredit, match=r"come to 135.7 % of the total of 6.1"):
        check_is_credit(figures, 6.1)
    shown = Influence("function", tuple(InfluenceRow(name, 1, value) for name, value in figures.items()), 4, 6.1)
    assert shown.to_dicts()[-1]["influenced"] == 6.1


@pytest.mark.domain("M13")
def test_free_to_paid_of_170_percent_is_influence():
    with pytest.raises(InfluenceIsNoCredit, match=r"170.0 %"):
        check_is_credit({"product": 0.75, "sales": 0.55, "marketing": 0.40}, 1)


def test_figures_that_add_up_are_credit():
    check_is_credit({"cs": 0.1, "ae": 0.2, "product": 0.7}, 1)


@pytest.mark.domain("M14")
def test_direct_assisted_and_view_through(engine):
    touches = [
        touch("a1", 30, channel="social", type="paid_impression"),
        touch("a2", 20, channel="phone"),
        touch("b1", 10, account="b", channel="phone"),
        touch("b2", 5, account="b", channel="social", type="ad_click"),
        touch("b3", 6, account="b", channel="social", outcome="viewed"),
    ]
    journeys = journeys_of(engine, touches, [event("e1", 300), event("e2", 70, account="b")])
    phone, social = touch_views(journeys).rows
    assert (phone.direct, phone.assisted, phone.view_through) == (300, 70, 0)
    assert (social.direct, social.assisted, social.view_through, social.touches) == (70, 300, 300, 3)
    assert phone.direct + social.direct == 370


@pytest.mark.parametrize("ask", [influence, touch_views])
def test_a_label_must_be_known(journeys, ask):
    with pytest.raises(InputError, match="Did you mean 'channel'"):
        ask(journeys, "chanel")
