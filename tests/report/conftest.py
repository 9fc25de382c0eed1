from __future__ import annotations

from dataclasses import replace

import pytest

from incrementality.estimates import CheckResult, LiftEstimate
from incrementality.lift.readout import ArmMean, ArmSummary, Readout, RowCount, SegmentTest

CONTROL, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"
N = {CONTROL: 21_306, MENS: 21_307, WOMENS: 21_387}
UNITS = sum(N.values())
SCALES = {
    "visit": ("conversion", "", "primary"),
    "conversion": ("conversion", "", "secondary"),
    "spend": ("revenue", "USD", "secondary"),
}
MEANS = {
    "visit": {
        CONTROL: (0.106167, 0.002110, 2262),
        MENS: (0.182757, 0.002648, 3894),
        WOMENS: (0.151400, 0.002451, 3238),
    },
    "conversion": {
        CONTROL: (0.005726, 0.000517, 122),
        MENS: (0.012531, 0.000762, 267),
        WOMENS: (0.008837, 0.000640, 189),
    },
    "spend": {CONTROL: (0.652789, 0.079390, 122), MENS: (1.422617, 0.121630, 267), WOMENS: (1.077202, 0.103363, 189)},
}
ADJUSTED = {
    ("visit", MENS): (0.076017, 0.003338),
    ("visit", WOMENS): (0.045483, 0.003193),
    ("conversion", MENS): (0.006768, 0.000920),
    ("conversion", WOMENS): (0.003119, 0.000822),
    ("spend", MENS): (0.766430, 0.145106),
    ("spend", WOMENS): (0.425770, 0.130261),
}
CHANNELS = {
    "Multichannel": (0.128550, 0.211486, 0.175649),
    "Phone": (0.087166, 0.162771, 0.131796),
    "Web": (0.118852, 0.194415, 0.164529),
}
NEWBIE = {"no": (0.133729, 0.211562, 0.173852), "yes": (0.078822, 0.154127, 0.129239)}
BALANCE = {
    "recency": (0.0068, 0.0052),
    "history": (0.0076, 0.0065),
    "mens": (-0.0046, -0.0086),
    "womens": (0.0076, 0.0049),
    "newbie": (-0.0009, 0.0026),
}


def an_estimate(
    metric: str,
    arm: str,
    control_mean: float,
    effect: float,
    standard_error: float,
    *,
    adjusted: bool = False,
    segment: tuple[str, str] | None = None,
    n: tuple[int, int] = (21_306, 21_307),
) -> LiftEstimate:
    kind, unit, role = SCALES.get(metric, ("mean", "", "secondary"))
    low, high = effect - 1.96 * standard_error, effect + 1.96 * standard_error
    return LiftEstimate(
        metric=metric,
        arm=arm,
        control=CONTROL,
        n_control=n[0],
        n_treatment=n[1],
        control_mean=control_mean,
        treatment_mean=control_mean + effect,
        effect=effect,
        standard_error=standard_error,
        effect_ci_lower=low,
        effect_ci_upper=high,
        rel_effect=effect / control_mean,
        rel_effect_ci_lower=low / control_mean * 0.98,
        rel_effect_ci_upper=high / control_mean * 1.02,
        pvalue=2e-9 if abs(effect) > 3 * standard_error else 0.0214,
        pvalue_adjusted=4e-9 if role == "primary" and segment is None else None,
        kind=kind,
        unit=unit,
        role=role,
        adjusted=adjusted,
        segment=segment,
        method="regression with interactions (Lin), HC2" if adjusted else "difference of means, Welch",
    )


def some_estimates() -> tuple[LiftEstimate, ...]:
    found = []
    for metric, means in MEANS.items():
        for arm in (MENS, WOMENS):
            base, effect = means[CONTROL][0], means[arm][0] - means[CONTROL][0]
            plain_error = (means[CONTROL][1] ** 2 + means[arm][1] ** 2) ** 0.5
            found.append(an_estimate(metric, arm, base, effect, plain_error))
            found.append(an_estimate(metric, arm, base, *ADJUSTED[metric, arm], adjusted=True))
    return tuple(found)


def some_segments() -> tuple[LiftEstimate, ...]:
    return tuple(
        an_estimate("visit", arm, row[0], row[place] - row[0], error, segment=(name, value), n=(size, size + 41))
        for name, values, sizes, errors in (
            ("Purchase channel", CHANNELS, (2606, 9327, 9373), (0.0104, 0.0049, 0.0053)),
            ("New in the past 12 months", NEWBIE, (10611, 10695), (0.0052, 0.0044)),
        )
        for place, arm in ((1, MENS), (2, WOMENS))
        for (value, row), size, error in zip(values.items(), sizes, errors, strict=True)
    )


def some_checks() -> tuple[CheckResult, ...]:
    ratio = tuple(
        {"arm": arm, "n": n, "expected": UNITS / 3, "share_planned": 1 / 3, "share_observed": n / UNITS}
        for arm, n in N.items()
    )
    balance = tuple(
        {"covariate": name, "arm": arm, "standardised_difference": value}
        for name, values in BALANCE.items()
        for arm, value in zip((MENS, WOMENS), values, strict=True)
    )
    missing = tuple(
        CheckResult(
            name="missing_outcomes",
            metric=metric,
            passed=True,
            sentence=f"No {metric} is missing in any arm.",
            table=tuple({"arm": arm, "n": n, "missing": 0, "share_missing": 0.0} for arm, n in N.items()),
        )
        for metric in MEANS
    )
    return (
        CheckResult(
            name="sample_ratio",
            passed=True,
            table=ratio,
            sentence="The arms hold 33.3 %, 33.3 % and 33.4 % of the customers; planned was a third each (p = 0.904).",
        ),
        CheckResult(
            name="balance",
            passed=True,
            table=balance,
            sentence="The arms were alike at the start: no covariate differs by more than 0.009 standard deviations.",
        ),
        *missing,
        CheckResult(
            name="arms_planned", passed=True, sentence="Every planned arm has customers, and no other arm does."
        ),
        CheckResult(
            name="duplicates",
            passed=None,
            sentence="6,562 rows repeat an earlier row exactly. The row number is the id, so all are kept.",
        ),
    )


def a_readout() -> Readout:
    return Readout(
        experiment_id="hillstrom-email-2008",
        experiment_hash="9f2c4e0b7d1a8356c4f0e2b19a7d6c5388f1b0a4d2e6c7f9a1b3c5d7e9f0a2b4",
        question="Do the Mens and the Womens e-mail bring customers back, compared with no e-mail?",
        owner="Lifecycle marketing",
        unit="customer",
        alpha=0.05,
        grade="trust",
        grade_reason="Every check passed and no comparison was added after the request.",
        grade_rules=(
            ("trust", "Every check passed."),
            ("caution", "A check on a secondary metric failed, or the sample is smaller than planned."),
            ("do not use", "The sample ratio failed, an arm is missing, or primary outcomes are missing unevenly."),
        ),
        verdict="Yes. Both e-mails brought customers back: the Mens e-mail 72 % more of them, the Womens 43 % more.",
        verdict_lines=(
            "Mens E-Mail raised visit from 10.62 % to 18.22 %: +7.60 percentage points (6.95 to 8.26), lift 72 %.",
            "Womens E-Mail raised visit from 10.62 % to 15.17 %: +4.55 percentage points (3.92 to 5.17), lift 43 %.",
        ),
        arms=tuple(
            ArmSummary(name=arm, control=arm == CONTROL, n=n, share_planned=1 / 3, share_observed=n / UNITS)
            for arm, n in N.items()
        ),
        means=tuple(
            ArmMean(
                metric=metric,
                arm=arm,
                n=N[arm],
                mean=mean,
                standard_error=error,
                ci_lower=mean - 1.96 * error,
                ci_upper=mean + 1.96 * error,
                events=events,
            )
            for metric, arms in MEANS.items()
            for arm, (mean, error, events) in arms.items()
        ),
        estimates=some_estimates(),
        segments=some_segments(),
        segment_tests=tuple(
            SegmentTest(
                segment=segment,
                metric="visit",
                arm=arm,
                q=1.6,
                df=2,
                pvalue=p,
                sentence=f"{segment}: no sign that the effect of {arm} on visit differs (p = {p:.3f}).",
            )
            for segment, arm, p in (
                ("Purchase channel", MENS, 0.744),
                ("Purchase channel", WOMENS, 0.951),
                ("New in the past 12 months", MENS, 0.702),
                ("New in the past 12 months", WOMENS, 0.126),
            )
        ),
        checks=some_checks(),
        rows=RowCount(read=64_000, kept=64_000, refused={}),
        specification=(
            (
                "Population",
                "Customers who bought within the past twelve months; all assigned units (intention to treat).",
            ),
            (
                "Primary metric",
                "visit: share of customers with a visit within 14 days. Smallest effect that matters: 1 point.",
            ),
            ("Secondary metrics", "conversion (share, 14 days); spend (USD per customer, 14 days)."),
            (
                "Covariates",
                "recency, history, mens, womens, newbie, zip_code, channel; all measured before assignment.",
            ),
            ("Estimator", "Regression with treatment by covariate interactions (Lin 2013), HC2 standard errors."),
            ("Error rate", "5 % for each interval; Holm over the primary comparisons."),
        ),
        withholds={"journeys": ("merchandise e-mail",), "functions": ("marketing",)},
        manifest={
            "package": "0.1.0",
            "engine": {"name": "duckdb", "version": "1.4.2"},
            "inputs": {"data sha256": "ff9e59285e9dc3f5fa3e0975419e6631ea5bdccd65d818991473d2367e02979c"},
            "schema_version": 1,
        },
    )


def a_failed_readout() -> Readout:
    good = a_readout()
    ratio = replace(
        good.checks[0],
        passed=False,
        sentence="The arms hold 31.0 %, 34.1 % and 34.9 % of the customers; planned was a third each (p < 0.001).",
    )
    return replace(
        good,
        grade="do not use",
        grade_reason="The arms did not get their planned shares: customers were lost from one arm more than another.",
        verdict="No answer: the sample ratio check failed. Find where customers were lost, then read out again.",
        checks=(ratio, *good.checks[1:]),
        rows=RowCount(read=64_000, kept=61_212, refused={"id missing": 2_700, "arm not planned": 88}),
    )


def a_plain_readout() -> Readout:
    """No covariates, no segments, no relative effect for spend, grade caution."""
    good = a_readout()
    estimates = tuple(e for e in good.estimates if not e.adjusted)
    forgone = {"rel_effect": None, "rel_effect_ci_lower": None, "rel_effect_ci_upper": None}
    return replace(
        good,
        grade="caution",
        grade_reason="Fewer than 100 customers paid in the smallest arm, so spend is read with a permutation test.",
        estimates=tuple(replace(e, **forgone) if e.metric == "spend" else e for e in estimates),
        segments=(),
        segment_tests=(),
        checks=tuple(check for check in good.checks if check.name != "balance"),
    )


HOSTILE = (
    "<script>alert('x')</script> & \"Q\" $\\frac{1}{2}$ 😀 漢字 \x07 a very long name that goes on, " + "unbroken" * 12
)


def a_hostile_readout() -> Readout:
    """Eight arms, and names that try to break the page."""
    good = a_readout()
    arms = [CONTROL, *(f"{i} {HOSTILE}" for i in range(8))]
    estimates = tuple(
        replace(e, metric=f"{e.metric} {HOSTILE}", arm=arm, sentence=HOSTILE)
        for e in good.estimates
        if e.arm == MENS and e.adjusted
        for arm in arms[1:]
    )
    checks = (
        CheckResult(
            name="balance",
            passed=False,
            sentence=HOSTILE,
            table=tuple(
                {"covariate": f"{c} {HOSTILE}", "arm": arm, "standardised_difference": 0.02 * i}
                for c in "ab"
                for i, arm in enumerate(arms[1:])
            ),
        ),
        CheckResult(
            name=HOSTILE, passed=None, metric=HOSTILE, sentence=HOSTILE, table=({HOSTILE: HOSTILE, "n": None},)
        ),
    )
    return replace(
        good,
        experiment_id=HOSTILE,
        question=HOSTILE,
        owner=HOSTILE,
        unit="<b>unit</b>",
        grade="caution",
        grade_reason=HOSTILE,
        verdict=HOSTILE,
        verdict_lines=(HOSTILE,),
        estimates=estimates,
        checks=checks,
        arms=tuple(
            ArmSummary(name=arm, control=arm == CONTROL, n=900, share_planned=1 / 9, share_observed=1 / 9)
            for arm in arms
        ),
        means=tuple(replace(row, metric=f"{row.metric} {HOSTILE}", arm=arm) for row in good.means[::3] for arm in arms),
        segments=tuple(
            replace(e, arm=f"0 {HOSTILE}", segment=(HOSTILE, f"{i} {HOSTILE}")) for i, e in enumerate(good.segments[:4])
        ),
        rows=RowCount(read=10, kept=9, refused={HOSTILE: 1}),
        specification=((HOSTILE, HOSTILE),),
        withholds={HOSTILE: (HOSTILE,)},
        manifest={HOSTILE: {HOSTILE: [HOSTILE]}},
        segment_tests=tuple(replace(test, sentence=HOSTILE) for test in good.segment_tests),
    )


VARIANTS = {"trust": a_readout, "failed": a_failed_readout, "plain": a_plain_readout, "hostile": a_hostile_readout}


@pytest.fixture(scope="session")
def readouts() -> dict[str, Readout]:
    return {name: make() for name, make in VARIANTS.items()}


@pytest.fixture(scope="session")
def pages(readouts: dict[str, Readout]) -> dict[str, str]:
    from incrementality.report import render_readout

    return {name: render_readout(readout) for name, readout in readouts.items()}


@pytest.fixture(params=sorted(VARIANTS))
def page(request: pytest.FixtureRequest, pages: dict[str, str]) -> str:
    return pages[request.param]
