"""The small records of a request: what was looked up, what becomes of those held out."""

from datetime import date

import pytest

from incrementality.design import DesignAnswer, DesignRequest, LookUp, MetricBaseline, ReleasePlan, arms_drawn, design

USUAL = {
    "id": "winback-2026q1",
    "question": "Does the win-back journey bring customers back?",
    "metric": "reactivated",
    "kind": "conversion",
    "baseline": MetricBaseline(mean=0.05),
    "population": 5000,
    "smallest_effect": 0.5,
}


def test_a_design_registered_before_release_plans_keeps_its_hash():
    answer = design(DesignRequest(**USUAL))
    content = answer.to_dict()
    assert content["request"].pop("release") is None
    assert content["request"].pop("looked_up") is None
    assert DesignAnswer.from_dict(content).hash == answer.hash


@pytest.mark.parametrize(
    "changed",
    [
        {"release": ReleasePlan(when="after the answer", how="catch-up")},
        {"looked_up": LookUp(what="baseline", source="h.csv", query="unit: id", sentence="5 %.")},
    ],
)
def test_what_follows_and_what_was_looked_up_is_registered(changed):
    answer = design(DesignRequest(**USUAL, **changed))
    assert answer.hash != design(DesignRequest(**USUAL)).hash
    assert (
        DesignAnswer.from_dict(answer.sign(role="owner", name="Ada", on=date(2026, 1, 1)).to_dict()).hash == answer.hash
    )


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (ReleasePlan(when="never"), "Never: they stay held out."),
        (
            ReleasePlan(when="at the end", how="send", note="Two at a time."),
            "At the end, they get what they missed. Two",
        ),
    ],
)
def test_the_release_stands_among_the_facts(plan, words):
    facts = {row["term"]: row["value"] for row in design(DesignRequest(**USUAL, release=plan)).to_dicts()}
    assert facts["Those held out afterwards"].startswith(words)


def test_arms_too_small_to_judge_only_inform():
    assert arms_drawn({"a": 3}, {"a": 0.5, "b": 0.5}, unit="contact").passed is None
    assert arms_drawn({}, {"a": 0.5, "b": 0.5}, unit="contact").sentence.startswith("0 contacts")
