"""Open deals against won deals of the same kind, segment and age."""

import numpy as np
import pytest

from incrementality.attribution.answers import DealHistory, back_test_engagement, compare_engagement
from incrementality.errors import InputError

AE_DAYS = (1, 10, 20, 30)


def won(n, touches=None, **facts):
    known = {"kind": "new", "segment": "smb", "age": 60.0} | facts
    return [DealHistory(f"w{k}", outcome="won", touches=touches or {"ae": AE_DAYS}, **known) for k in range(n)]


def opened(touches, age=40.0, segment="smb"):
    return DealHistory("open", "new", segment, age, "open", touches)


@pytest.mark.domain("M15")
class TestOpenDeals:
    def test_won_deals_are_seen_as_they_stood_at_that_age(self):
        """At ten days a won deal had two touches, so an open one with two is in the middle."""
        row = compare_engagement([*won(20), opened({"ae": (1, 2)}, age=10.0)]).rows[0]
        assert (row.usual, row.percentile) == (2.0, 0.5)

    def test_below_the_25th_percentile_is_under_engaged(self):
        table = compare_engagement([*won(20), opened({"ae": (1,)})])
        assert [row.deal for row in table.under_engaged] == ["open"]

    def test_functions_that_usually_worked_by_then_are_named(self):
        many = won(20, {"ae": AE_DAYS, "presales": (5,), "executive": (50,)})
        assert compare_engagement([*many, opened({"ae": (1,)})]).rows[0].missing == ("presales",)

    def test_other_segments_are_no_comparison(self):
        row = compare_engagement([*won(20), opened({"ae": (1,)}, segment="enterprise")]).rows[0]
        assert (row.percentile, row.compared) == (None, 0)

    def test_few_won_deals_say_nothing(self):
        assert compare_engagement([*won(19), opened({})]).under_engaged == ()

    def test_the_sentence_claims_no_cause(self):
        assert "only an experiment can say" in compare_engagement([*won(20), opened({})]).sentence


@pytest.mark.domain("M15")
class TestBackTest:
    def test_counts_follow_a_recount_by_hand(self):
        rng = np.random.default_rng(5)
        deals = [
            DealHistory(str(k), "new", "", 60, outcome, {"ae": tuple(rng.uniform(0, 60, rng.poisson(mean)))})
            for outcome, mean, n in (("won", 8, 60), ("lost", 4, 60))
            for k in rng.permutation(10**6)[:n]
        ]
        at_30 = {d.deal: sum(day <= 30 for day in d.touches["ae"]) for d in deals}
        below = []
        for d in deals:
            others = [at_30[o.deal] for o in deals if o.outcome == "won" and o.deal != d.deal]
            rank = (sum(o < at_30[d.deal] for o in others) + sum(o == at_30[d.deal] for o in others) / 2) / len(others)
            below.append(rank < 0.25)
        test = back_test_engagement(deals, age=30)
        assert test.below == sum(below)
        assert test.below_won == sum(b for b, d in zip(below, deals, strict=True) if d.outcome == "won")
        assert test.below + test.others == len(deals)

    def test_deals_that_ended_younger_are_left_out(self):
        assert back_test_engagement(won(30, age=10.0), age=20).to_dicts()[0]["deals"] == 0


def test_a_percentile_lies_between_0_and_1():
    with pytest.raises(InputError, match="between 0 and 1"):
        compare_engagement([], below=25)


def test_the_back_test_compares_each_deal_with_the_others_one_by_one():
    """The sorted counts say what leaving each deal out of its group by hand says."""
    rng = np.random.default_rng(5)
    deals = [
        DealHistory(f"d{k}", "new", "", 60, "won" if k % 3 else "lost", {"ae": tuple(rng.uniform(0, 50, k % 7))})
        for k in range(90)
    ]
    counted = {True: [0, 0], False: [0, 0]}
    for deal in deals:
        others = [one.touched_by(30) for one in deals if one.outcome == "won" and one.deal != deal.deal]
        mine = deal.touched_by(30)
        percentile = np.mean([n < mine for n in others]) + np.mean([n == mine for n in others]) / 2
        counted[bool(percentile < 0.25)][0] += deal.outcome == "won"
        counted[bool(percentile < 0.25)][1] += 1
    found = back_test_engagement(deals, age=30)
    assert [found.below_won, found.below, found.others_won, found.others] == [*counted[True], *counted[False]]
