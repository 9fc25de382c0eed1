"""Checks of who counts and who was reached: eligibility and maturity alike in all arms, delivery, contamination."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from incrementality.estimates import CheckResult
from incrementality.formatting import count, difference, p_value, share
from incrementality.lift.compliers import arm_compliance, delivered_units, smallest_effect
from incrementality.lift.draws import planned_shares
from incrementality.lift.thresholds import (
    CHANCE,
    CONTAMINATION_WITHOUT_PLAN,
    FEWEST_TO_TEST,
    LARGE_DIFFERENCE,
    LARGE_DIFFERENCE_CHANCE,
    SHARE_OF_SMALLEST_EFFECT,
)
from incrementality.lift.wording import counted
from incrementality.outcomes.standing import ELIGIBLE, FOLLOWED, LEAKED, MATURE, UNASKED, UNKNOWN
from incrementality.stats import Balance, compare_covariates, compare_means, estimate_mean, sample_ratio_test

if TYPE_CHECKING:
    from incrementality.lift.sample import Sample
    from incrementality.outcomes import Standing

__all__ = ["CONTAMINATION_RULE", "delivery_checks", "eligibility_checks"]

CONTAMINATION_RULE = (
    "Rule: the share of the control that was delivered, over the difference in delivery, times the far end of the "
    "interval bounds the bias; it fails above a quarter of the smallest effect that matters, or, where none is "
    "planned, where more than 1 % of the control was delivered."
)
_FEWEST_EXPECTED = 5
_DOES_NOT_DECIDE = " It does not decide here, since all assigned units are analysed."


def eligibility_checks(sample: Sample) -> list[CheckResult]:
    """Return the checks of who counts: the draw among those outside, the eligible rate, maturity."""
    found, standing = [], sample.standing
    if standing is not None and standing.outside is not None:
        found += [_complement(sample, standing.outside), _eligible_rate(sample, standing)]
    if standing is not None and standing.has(MATURE):
        found.append(_maturity(sample, standing))
    elif sample.experiment.data.t0 is not None:
        told = "No data cut is declared (data.data_cut), so units whose windows are still open cannot be told apart."
        found.append(CheckResult(name="maturity", passed=None, sentence=told))
    return found


def delivery_checks(sample: Sample) -> list[CheckResult]:
    """Return the checks of who was reached; none where delivery is not mapped."""
    if sample.standing is None or sample.experiment.data.delivered is None:
        return []
    return [_delivery(sample, sample.standing), _contamination(sample)]


def _deciding(sample: Sample, *, failed: bool) -> bool | None:
    """A failure decides where eligibility selects the units, and informs where it does not."""
    if not failed:
        return True
    return False if sample.experiment.data.analysed == "eligible" else None


def _complement(sample: Sample, outside: dict[tuple[str, ...], int]) -> CheckResult:
    """Units that were not eligible, or not known to be, against planned shares."""
    arms, name = sample.experiment.arms, "sample_ratio_complement"
    counts = [sum(n for group, n in outside.items() if group[0] == arm.name) for arm in arms]
    if not sum(counts):
        return CheckResult(name=name, passed=True, sentence="Every assigned unit was eligible.")
    by_stratum: dict[str | None, int] = {}
    for (_, *stratum), n in outside.items():
        by_stratum[stratum[0] if stratum else None] = by_stratum.get(stratum[0] if stratum else None, 0) + n
    shares = planned_shares(sample, by_stratum)
    answer = sample_ratio_test(counts, shares)
    rows = tuple(
        {"arm": arm.name, "n": n, "expected": expected, "share_planned": planned, "pvalue": answer.pvalue}
        for arm, n, expected, planned in zip(arms, counts, answer.expected, shares, strict=True)
    )
    if min(answer.expected) < _FEWEST_EXPECTED:
        told = f"Only {counted(sum(counts), 'unit')} outside the eligible: too few to compare with the plan."
        return CheckResult(name=name, passed=None, sentence=told, table=rows)
    passed = _deciding(sample, failed=answer.pvalue < CHANCE)
    told = f"Among units that were not eligible the arms have the planned sizes ({p_value(answer.pvalue)})."
    if passed is not True:
        told = (
            "Among units that were not eligible the arms' sizes differ from the plan by more than chance allows "
            f"({p_value(answer.pvalue)}): eligibility, or its log, depends on the arm."
        )
    return CheckResult(
        name=name, passed=passed, sentence=told + (_DOES_NOT_DECIDE if passed is None else ""), table=rows
    )


def _eligible_rate(sample: Sample, standing: Standing) -> CheckResult:
    """The share of eligible, and of unknown, each arm against the control; by p-value or by size."""
    treatments = sample.experiment.treatments
    answers = {arm.name: _compared(sample, standing, arm.name) for arm in treatments}
    off = [arm for arm, answer in answers.items() if _differs(answer, len(treatments))]
    smallest = min(float(p) for answer in answers.values() for p in answer.pvalues)
    passed = _deciding(sample, failed=bool(off))
    told = f"The arms have the same share of eligible units ({p_value(smallest)})."
    if off:
        told = (
            f"The share of eligible units differs from the control in {', '.join(off)} ({p_value(smallest)}): "
            "the treatment, or who kept the log, moved eligibility."
        )
    return CheckResult(
        name="eligible_rate",
        passed=passed,
        sentence=told + (_DOES_NOT_DECIDE if passed is None else ""),
        table=tuple(_rate_row(standing, arm.name, answers.get(arm.name)) for arm in sample.experiment.arms),
    )


def _compared(sample: Sample, standing: Standing, arm: str) -> Balance:
    moments, control = standing.moments, sample.experiment.control.name
    strata = sorted({group[1:] for group in moments.groups})
    pairs = [(moments.select((arm, *s)), moments.select((control, *s))) for s in strata]
    return compare_covariates(pairs, [ELIGIBLE, UNKNOWN])


def _differs(answer: Balance, tests: int) -> bool:
    return any(
        float(p) < CHANCE / tests or (abs(float(d)) > LARGE_DIFFERENCE and float(p) < LARGE_DIFFERENCE_CHANCE / tests)
        for d, p in zip(answer.differences, answer.pvalues, strict=True)
    )


def _rate_row(standing: Standing, arm: str, answer: Balance | None) -> dict[str, object]:
    n, eligible = standing.units(arm), standing.count(ELIGIBLE, arm)
    row: dict[str, object] = {
        "arm": arm,
        "n": n,
        "eligible": eligible,
        "share_eligible": eligible / n,
        "unknown": standing.count(UNKNOWN, arm),
    }
    if answer is not None:
        row |= {"standardised_difference": _finite(answer.differences[0]), "pvalue": float(answer.pvalues[0])}
    return row


def _finite(value: float) -> float | None:
    """What has no limit has no number in a table."""
    return float(value) if math.isfinite(value) else None


def _maturity(sample: Sample, standing: Standing) -> CheckResult:
    """The share of the population whose windows have closed; arms decided at different times are not alike."""
    arms, control = sample.experiment.arms, sample.experiment.control.name
    followed = {arm.name: standing.count(FOLLOWED, arm.name) for arm in arms}
    mature = {arm.name: standing.count(MATURE, arm.name) for arm in arms}
    young = sum(followed.values()) - sum(mature.values())
    told = f"Of the units, {share(1 - young / sum(followed.values()))} have windows that had closed by the data cut"
    pvalue = None
    if young >= FEWEST_TO_TEST:
        shares = {name: estimate_mean(standing.moments.select((name,)), MATURE, FOLLOWED) for name in followed}
        pvalue = min(compare_means(shares[a.name], shares[control]).pvalue for a in sample.experiment.treatments)
        told += f" ({p_value(pvalue)} for the arms being alike)"
    failed = pvalue is not None and pvalue < CHANCE / len(sample.experiment.treatments)
    told += ", differently by arm: the arms were decided at different times and are not alike" if failed else ""
    return CheckResult(
        name="maturity",
        passed=False if failed else None,
        sentence=f"{told}. {counted(young, 'unit')} left out.",
        table=tuple(
            {"arm": name, "n": n, "mature": mature[name], "share_mature": mature[name] / n}
            for name, n in followed.items()
        ),
    )


def _delivery(sample: Sample, standing: Standing) -> CheckResult:
    """The share delivered in each arm, and delivery outside the eligible; it informs."""
    rows = []
    for arm in (sample.experiment.control, *sample.experiment.treatments):
        n, reached = sample.units(arm.name), delivered_units(sample, arm.name)
        row: dict[str, object] = {"arm": arm.name, "n": n, "delivered": reached, "share_delivered": reached / n}
        if standing.has(LEAKED):
            row["delivered_not_eligible"] = standing.count(LEAKED, arm.name)
        rows.append(row | {"unknown": standing.count(UNASKED, arm.name)})
    treated = [row for row in rows if row["arm"] != sample.experiment.control.name]
    told = "Delivered: " + ", ".join(f"{share(float(str(row['share_delivered'])))} of {row['arm']}" for row in treated)
    leaked = sum(int(str(row.get("delivered_not_eligible", 0))) for row in rows)
    unknown = sum(int(str(row["unknown"])) for row in rows)
    told += f". Leakage, delivered though not eligible: {counted(leaked, 'unit')}" if leaked else ""
    told += f". Empty, counted as not delivered: {counted(unknown, 'unit')}" if unknown else ""
    return CheckResult(name="delivery", passed=None, sentence=f"{told}.", table=tuple(rows))


def _contamination(sample: Sample) -> CheckResult:
    """Control units that were delivered, and how far they can move a primary effect; see ``CONTAMINATION_RULE``."""
    control = sample.experiment.control.name
    n, reached = sample.units(control), delivered_units(sample, control)
    if not reached:
        return CheckResult(name="contamination", passed=True, sentence="No unit of the control was delivered.")
    rows = tuple(
        _bias_row(sample, metric.name, arm.name)
        for metric in sample.experiment.primary
        if metric.kind not in {"time", "quantile"}
        for arm in sample.experiment.treatments
    )
    planned = [row for row in rows if row["allowed"] is not None]
    too_large = [row for row in planned if row["too_large"]]
    unbounded = len(planned) < len(rows) or not rows
    too_many = unbounded and reached / n > CONTAMINATION_WITHOUT_PLAN
    told = f"Delivered in the control: {count(reached)} of {counted(n, 'unit')}, {share(reached / n)}"
    for row in too_large[:1]:
        told += f", which can move {row['metric']} by {row['bound_in_words']}, more than allowed"
    told += ", more than allowed" if too_many and not too_large else ""
    return CheckResult(
        name="contamination",
        passed=not too_large and not too_many,
        sentence=f"{told}. They stay in the control. {CONTAMINATION_RULE}",
        table=tuple({name: value for name, value in row.items() if name != "bound_in_words"} for row in rows),
    )


def _bias_row(sample: Sample, metric: str, arm: str) -> dict[str, object]:
    part = next(part for part in sample.metrics if part.metric.name == metric)
    answer = arm_compliance(sample, part, arm)
    effect, more = answer.intention_to_treat.effect_interval, answer.delivery_difference
    far = max(abs(effect.lower), abs(effect.upper))
    bound = answer.delivered_control / more * far if more > 0 else math.inf
    smallest = smallest_effect(sample, part)
    return {
        "metric": metric,
        "arm": arm,
        "share_delivered_control": answer.delivered_control,
        "share_delivered": answer.delivered_treatment,
        "bias_bound": _finite(bound),
        "allowed": None if smallest is None else SHARE_OF_SMALLEST_EFFECT * smallest,
        "too_large": smallest is not None and bound > SHARE_OF_SMALLEST_EFFECT * smallest,
        "bound_in_words": difference(bound, kind=part.metric.kind, unit=part.metric.unit).lstrip("+"),
    }
