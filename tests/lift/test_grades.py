from __future__ import annotations

import itertools

import pytest

from incrementality import CheckResult
from incrementality.lift import GRADE_RULES
from incrementality.lift.grades import grade_experiment, grade_metric, worse_of

METRICS = [
    {"name": "orders", "kind": "mean", "role": "primary"},
    {"name": "visits", "kind": "mean", "role": "primary"},
    {"name": "complaints", "kind": "mean", "role": "guardrail"},
]
EXPERIMENT_WIDE = ["sample_ratio", "arms_planned", "duplicates", "clusters", "balance"]


def result(name, *, metric=None, passed=False):
    return CheckResult(name=name, passed=passed, sentence=f"{name} found it.", metric=metric)


@pytest.mark.parametrize(
    ("name", "metric", "grade"),
    [
        ("sample_ratio", None, "do not use"),
        ("sample_ratio_complement", None, "do not use"),
        ("eligible_rate", None, "do not use"),
        ("sample_ratio_over_time", None, "do not use"),
        ("arm_probability", None, "do not use"),
        ("mixed_assignment", None, "do not use"),
        ("looks", None, "do not use"),
        ("contamination", None, "caution"),
        ("maturity", None, "caution"),
        ("arms_planned", None, "do not use"),
        ("missing_outcomes", "orders", "do not use"),
        ("missing_outcomes", "complaints", "caution"),
        ("duplicates", None, "caution"),
        ("clusters", None, "caution"),
        ("balance", None, "caution"),
        ("enough_events", "orders", "caution"),
        ("enough_units", "complaints", "caution"),
    ],
)
def test_a_failed_check_decides_the_grade_and_is_named(plan, name, metric, grade):
    passed = [result(other, passed=True) for other in EXPERIMENT_WIDE if other != name]
    found, reason = grade_experiment([*passed, result(name, metric=metric)], plan(metrics=METRICS))
    assert found == grade
    assert f"{name} found it." in reason


@pytest.mark.parametrize("passed", [True, None])
def test_checks_that_pass_or_inform_leave_trust(plan, passed):
    checks = [result(name, passed=passed) for name in EXPERIMENT_WIDE]
    assert grade_experiment(checks, plan(metrics=METRICS)) == ("trust", "Every check passed.")


def test_fatal_outweighs_caution_and_alone_gives_the_reason(plan):
    checks = [result("balance"), result("sample_ratio")]
    assert grade_experiment(checks, plan(metrics=METRICS)) == ("do not use", "sample_ratio found it.")


def test_a_metrics_own_check_concerns_that_metric():
    checks = [result("missing_outcomes", metric="orders")]
    assert grade_metric(checks, "orders")[0] == "do not use"
    assert grade_metric(checks, "visits")[0] == "trust"


@pytest.mark.parametrize(("first", "second"), list(itertools.product(["trust", "caution", "do not use"], repeat=2)))
def test_the_worse_grade_is_the_one_that_allows_less(first, second):
    order = ["do not use", "caution", "trust"]
    assert worse_of(first, second) == order[min(order.index(first), order.index(second))]


@pytest.mark.domain("G1")
def test_every_readout_prints_the_rule_table(simulated):
    readout = simulated(n=4000)
    assert readout.grade_rules == GRADE_RULES
    assert {grade for grade, _ in GRADE_RULES} == {"trust", "caution", "do not use"}
