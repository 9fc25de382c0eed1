"""Checks before any number: does the data fit the plan well enough that a difference is an effect?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from incrementality.errors import TooFewClusters
from incrementality.estimates import CheckResult
from incrementality.formatting import count, p_value, share
from incrementality.lift.conversions import fewest_of_a_kind, is_plain_share
from incrementality.lift.draws import draw_checks, entry_checks, planned_shares, shares_of, sizes_told
from incrementality.lift.exposure import delivery_checks, eligibility_checks
from incrementality.lift.guard import guard_checks
from incrementality.lift.methods import FEWEST_EVENTS
from incrementality.lift.stated_lifts import lift_checks
from incrementality.lift.thresholds import CHANCE, FEWEST_TO_TEST, LARGE_DIFFERENCE, LARGE_DIFFERENCE_CHANCE
from incrementality.lift.wording import counted
from incrementality.outcomes import MISSING, missing_moments
from incrementality.stats import cluster_means, compare_covariates, independent_covariates, sample_ratio_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.lift.guard import Guard
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Balance, Moments

__all__ = ["run_checks"]

MOST_MISSING = 0.05
_FEWEST_UNITS = 10
_FEWEST_PAYERS = 100
_FEWEST_PAYERS_IN_A_LOPSIDED_SPLIT = 400
_LOPSIDED = 0.2
_FEWEST_CLUSTERS = 8


def run_checks(sample: Sample, guard: Guard) -> tuple[CheckResult, ...]:
    """Return every check, in the order in which they are read."""
    checks = [_sample_ratio(sample), *draw_checks(sample), *eligibility_checks(sample), _arms_planned(sample)]
    checks += [_duplicates(sample), *entry_checks(sample)]
    if sample.experiment.data.cluster is not None:
        checks.append(_clusters(sample))
    checks += [_missing(sample, part) for part in sample.metrics]
    if sample.table.covariates:
        checks.append(_balance(sample))
    guarded = {metric for metric, _ in guard.answers}
    counted = [p for p in sample.metrics if p.metric.kind != "revenue" or p.metric.name not in guarded]
    enough = [_enough(sample, part) for part in counted if part.metric.kind != "time"]
    return (*checks, *delivery_checks(sample), *enough, *guard_checks(sample, guard), *lift_checks(sample, guard))


def _sample_ratio(sample: Sample) -> CheckResult:
    """Counts of randomised units against planned shares, overall and in each stratum."""
    arms = sample.experiment.arms
    strata = sorted({group[1] for group in sample.moments.groups if len(group) > 1})
    counts = [_randomised(sample.moments.select((arm.name,))) for arm in arms]
    cells = {s: [_randomised(sample.moments.select((arm.name, s))) for arm in arms] for s in strata}
    shares = planned_shares(sample, {s: sum(cell) for s, cell in cells.items()} or {None: sum(counts)})
    overall = sample_ratio_test(counts, shares)
    pvalues = {s: sample_ratio_test(cell, shares_of(sample, s)).pvalue for s, cell in cells.items()}
    off = [stratum for stratum in strata if pvalues[stratum] < CHANCE / len(strata)]
    told = sizes_told(overall.pvalue)
    if off and overall.pvalue >= CHANCE:
        worst = min(off, key=lambda stratum: pvalues[stratum])
        told = (
            f"The arms' sizes differ from the plan in stratum {worst!r} by more than chance allows "
            f"({p_value(pvalues[worst])})."
        )
    return CheckResult(
        name="sample_ratio",
        passed=overall.pvalue >= CHANCE and not off,
        sentence=told,
        table=tuple(
            {
                "arm": arm.name,
                "n": n,
                "expected": expected,
                "share_planned": planned,
                "share_observed": n / max(sum(counts), 1),
                "pvalue": overall.pvalue,
            }
            for arm, n, expected, planned in zip(arms, counts, overall.expected, shares, strict=True)
        )
        + tuple(
            {
                "arm": arm.name,
                "stratum": stratum,
                "n": n,
                "pvalue": pvalues[stratum],
            }
            for stratum, cell in cells.items()
            for arm, n in zip(arms, cell, strict=True)
        ),
    )


def _randomised(moments: Moments) -> int:
    return int(moments.n.sum() if moments.clusters is None else moments.clusters.count.sum())


def _arms_planned(sample: Sample) -> CheckResult:
    unplanned = sample.unplanned
    if not unplanned:
        return CheckResult(name="arms_planned", passed=True, sentence="Every arm in the data was planned.")
    named = ", ".join(f"{name!r} ({count(n)} rows)" for name, n in sorted(unplanned.items()))
    return CheckResult(
        name="arms_planned",
        passed=False,
        sentence=f"The data holds arms that were not planned and are left out: {named}.",
        table=tuple({"arm": name, "n": n} for name, n in sorted(unplanned.items())),
    )


def _duplicates(sample: Sample) -> CheckResult:
    ids = sample.ids
    if ids is None:
        return CheckResult(
            name="duplicates",
            passed=None,
            sentence="Each row is one unit by declaration; repeated units cannot be seen.",
        )
    if ids.repeated_ids == 0:
        return CheckResult(name="duplicates", passed=True, sentence="Each unit stands in one row.")
    if sample.entries is not None:
        told = f"In more than one row: {counted(ids.repeated_ids, 'unit id')}; each counts once, in its first entry."
        return CheckResult(name="duplicates", passed=None, sentence=told)
    return CheckResult(
        name="duplicates",
        passed=False,
        sentence=f"In more than one row: {counted(ids.repeated_ids, 'unit id')}; in more than one arm: "
        f"{count(ids.ids_in_several_arms)} of them. Their rows are counted as they are.",
        table=({"repeated_ids": ids.repeated_ids, "ids_in_several_arms": ids.ids_in_several_arms, "rows": ids.rows},),
    )


def _clusters(sample: Sample) -> CheckResult:
    rows = tuple(
        {"arm": arm.name, "clusters": sample.clusters(arm.name), "effective_clusters": _effective(sample, arm.name)}
        for arm in sample.experiment.arms
    )
    mixed = sample.clusters_in_several_arms
    few = [row["arm"] for row in rows if float(str(row["effective_clusters"])) < _FEWEST_CLUSTERS]
    problems = [f"in more than one arm: {counted(mixed, 'cluster')}"] if mixed else []
    problems += [f"fewer than {_FEWEST_CLUSTERS} effective clusters in {', '.join(map(str, few))}"] if few else []
    told = "; ".join(problems) or "Whole clusters were randomised, enough of them in each arm"
    return CheckResult(name="clusters", passed=not problems, sentence=f"{told[0].upper()}{told[1:]}.", table=rows)


def _effective(sample: Sample, arm: str) -> float:
    """One over the sum of squared shares of units: equal clusters count fully, one giant counts as one."""
    moments = sample.moments.select((arm,))
    if moments.clusters is None:
        return float(moments.n.sum())
    return float(moments.n.sum() ** 2 / moments.clusters.nn.sum())


def _missing(sample: Sample, part: MetricSample) -> CheckResult:
    units, missing = sum(part.units.values()), sum(part.missing.values())
    rows = tuple(
        {"arm": arm, "n": n, "missing": part.missing[arm], "share_missing": part.missing[arm] / n}
        for arm, n in part.units.items()
    )
    name = part.metric.name
    if missing == 0:
        told = "No outcome is missing."
        return CheckResult(name="missing_outcomes", metric=name, passed=True, sentence=told, table=rows)
    pvalue = _missing_pvalue(sample, part) if missing >= FEWEST_TO_TEST else None
    uneven = pvalue is not None and pvalue < CHANCE / len(sample.metrics)
    problems = [f"more than the {100 * MOST_MISSING:g} % allowed"] if missing > MOST_MISSING * units else []
    problems += [f"missing differently by arm ({p_value(pvalue)})"] if uneven else []
    told = f"{counted(missing, 'outcome')} missing, {share(missing / units)}"
    alike = "too few to compare the arms" if pvalue is None else f"alike in all arms ({p_value(pvalue)})"
    sentence = f"{told}, {' and '.join(problems) or alike}."
    return CheckResult(name="missing_outcomes", metric=name, passed=not problems, sentence=sentence, table=rows)


def _missing_pvalue(sample: Sample, part: MetricSample) -> float | None:
    """Whether arms miss the metric alike; whole clusters as the units drawn, each arm against the control."""
    if sample.experiment.data.cluster is None:
        return sample_ratio_test(list(part.missing.values()), list(part.units.values())).pvalue
    moments, treatments = missing_moments(sample.table, part.metric.columns), sample.experiment.treatments
    control = moments.select((sample.experiment.control.name,))
    try:
        pairs = [cluster_means([(moments.select((arm.name,)), control)], [MISSING]) for arm in treatments]
    except TooFewClusters:
        return None
    return min(1.0, len(pairs) * min(pair.compare().pvalue for pair in pairs))


def _balance(sample: Sample) -> CheckResult:
    """Covariates as of assignment, each arm against the control."""
    moments = sample.moments
    together = moments.pooled()  # by arm, a column that is constant in one of them would never be looked at
    columns = [name for name in sample.table.covariates if independent_covariates(together, [name])]
    treatments = sample.experiment.treatments
    answers = {arm.name: compare_covariates(_pairs(sample, arm.name), columns) for arm in treatments}
    limit = CHANCE / len(treatments)
    joint = [
        name for name, answer in answers.items() if answer.joint_pvalue is not None and answer.joint_pvalue < limit
    ]
    large = [name for name, answer in answers.items() if _has_large_difference(answer)]
    rows = tuple(
        {"covariate": column, "arm": name, "standardised_difference": _finite(difference), "pvalue": float(pvalue)}
        for name, answer in answers.items()
        for column, difference, pvalue in zip(answer.columns, answer.differences, answer.pvalues, strict=True)
    )
    return CheckResult(
        name="balance", passed=not joint and not large, sentence=_balance_sentence(answers, joint, large), table=rows
    )


def _finite(difference: float) -> float | None:
    """A difference in units of no spread at all has no number."""
    return float(difference) if math.isfinite(difference) else None


def _pairs(sample: Sample, arm: str) -> list[tuple[Moments, Moments]]:
    control = sample.experiment.control.name
    strata = sorted({group[1:] for group in sample.moments.groups})
    return [(sample.moments.select((arm, *s)), sample.moments.select((control, *s))) for s in strata]


def _has_large_difference(balance: Balance) -> bool:
    chance = LARGE_DIFFERENCE_CHANCE / max(len(balance.columns), 1)
    return any(
        abs(difference) > LARGE_DIFFERENCE and pvalue < chance
        for difference, pvalue in zip(balance.differences, balance.pvalues, strict=True)
    )


def _balance_sentence(answers: dict[str, Balance], joint: Sequence[str], large: Sequence[str]) -> str:
    widest = max((abs(float(d)) for answer in answers.values() for d in answer.differences), default=0.0)
    size = f"the largest standardised difference is {widest:.3f}"
    if math.isinf(widest):
        size = "a covariate is constant in each arm and differs between them"
    if joint or large:
        named = ", ".join(dict.fromkeys((*joint, *large)))
        return f"Before assignment {named} differed from the control by more than chance allows; {size}."
    pvalues = [answer.joint_pvalue for answer in answers.values() if answer.joint_pvalue is not None]
    tested = f"; all covariates together: {p_value(min(pvalues))}" if pvalues else ""
    return f"The arms were alike before assignment: {size}{tested}."


def _enough(sample: Sample, part: MetricSample) -> CheckResult:
    """Whether large-sample intervals can be trusted; reads pooled counts, so it cannot see the effect."""
    units = {arm.name: int(part.arm(arm.name).n.sum()) for arm in sample.experiment.arms}
    table = tuple({"arm": name, "n": n} for name, n in units.items())
    if is_plain_share(part.metric, sample.experiment):
        return _few_shares(part, units)
    if part.metric.kind in {"conversion", "revenue"}:
        return _enough_events(part, units, table)
    smallest = min(units.values())
    told = f"The smallest arm has {counted(smallest, 'unit')}"
    if smallest < _FEWEST_UNITS:
        told += f", fewer than {_FEWEST_UNITS}: the interval holds only for outcomes that are close to normal"
    return CheckResult(
        name="enough_units",
        metric=part.metric.name,
        passed=smallest >= _FEWEST_UNITS,
        sentence=f"{told}.",
        table=table,
    )


def _few_shares(part: MetricSample, units: dict[str, int]) -> CheckResult:
    """Shares need no large sample: where few units count, the test is exact."""
    fewest = fewest_of_a_kind(part, tuple(units))
    told = f"In each arm at least {count(fewest)} units converted, and as many did not: enough for the interval."
    if few := fewest < FEWEST_EVENTS:
        told = (
            f"In an arm only {counted(fewest, 'unit')} converted, or did not, fewer than {FEWEST_EVENTS}: compared by "
            "the exact test, which holds for any number."
        )
    rows = tuple({"arm": name, "n": n, "events": part.nonzero(name)} for name, n in units.items())
    passed = None if few else True
    return CheckResult(name="enough_events", metric=part.metric.name, passed=passed, sentence=told, table=rows)


def _enough_events(part: MetricSample, units: dict[str, int], table: tuple[dict[str, object], ...]) -> CheckResult:
    events = sum(part.nonzero(name) for name in units)
    smaller = min(units.values())
    expected = events * smaller / sum(units.values())
    enough = FEWEST_EVENTS
    if part.metric.kind == "revenue":
        lopsided = smaller / (smaller + max(units.values())) < _LOPSIDED
        enough = _FEWEST_PAYERS_IN_A_LOPSIDED_SPLIT if lopsided else _FEWEST_PAYERS
    what = "paying units" if part.metric.kind == "revenue" else "conversions"
    told = f"about {count(round(expected))} {what} are expected in the smallest arm"
    passed = expected >= enough
    tail = "enough for the interval" if passed else f"fewer than {enough}: the interval may be too narrow"
    return CheckResult(
        name="enough_events",
        metric=part.metric.name,
        passed=passed,
        sentence=f"{told[0].upper()}{told[1:]}, {tail}.",
        table=table,
    )
