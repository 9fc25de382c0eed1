"""Guardrails: whether harm beyond a margin is ruled out, which is more than not having found any."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import special

from incrementality.errors import InputError
from incrementality.stats.comparison import Interval, MeanEstimate, compare_means

__all__ = ["Guardrail", "Verdict", "guardrail_test", "relative_guardrail_test"]

Verdict = Literal["held", "violated", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """Whether a guardrail metric stays within its margin.

    Attributes:
        verdict: ``held`` where harm of the margin or more is ruled out; ``violated`` where the harm is shown to be
            beyond the margin; ``undecided`` between.
        harm: Estimated harm, positive where the treatment is worse: in the metric's unit, or as a share of the
            control's mean for a relative margin.
        margin: The largest harm that is acceptable, in the same unit.
        interval: The ``1 - 2 alpha`` interval of the harm: ``held`` where it ends below the margin, ``violated``
            where it begins above.
        pvalue: One-sided p-value of a harm of the margin or more; ``held`` at ``alpha`` or below.
    """

    verdict: Verdict
    harm: float
    margin: float
    interval: Interval
    pvalue: float


def guardrail_test(
    treatment: MeanEstimate,
    control: MeanEstimate,
    *,
    margin: float,
    higher_is_better: bool,
    alpha: float = 0.05,
    covariance: float = 0.0,
) -> Guardrail:
    """Test that a treatment is not worse than its control by a margin in the metric's unit.

    Welch's one-sided test of the shifted null. A margin of zero asks for proof of no harm at all, which a treatment
    without any effect passes only one time in ``1 / alpha``.

    Args:
        treatment: The treatment arm's mean.
        control: The control arm's mean.
        margin: The largest harm that is acceptable, in the metric's unit, zero or more; fixed beforehand.
        higher_is_better: Whether a lower mean is the harm (revenue) or a higher one (complaints).
        alpha: One-sided error rate: of calling a harm of the margin held.
        covariance: Covariance of the two means, where they share data.

    Raises:
        InputError: The margin is negative or not finite, or ``alpha`` is not between 0 and 0.5.

    References:
        Piaggio et al. (2012), Reporting of noninferiority and equivalence randomized trials (CONSORT),
        https://doi.org/10.1001/jama.2012.87802

    Examples:
        >>> sent, held = (MeanEstimate(value=v, variance=4e-8, df=10_000) for v in (0.0031, 0.0030))
        >>> answer = guardrail_test(sent, held, margin=0.001, higher_is_better=False)
        >>> answer.verdict, round(answer.interval.upper, 5), round(answer.pvalue, 5)
        ('held', 0.00057, 0.00073)
    """
    _check(margin, alpha)
    found = compare_means(treatment, control, alpha=2 * alpha, covariance=covariance)
    harm, (low, high) = -found.effect, (-found.effect_interval.upper, -found.effect_interval.lower)
    if not higher_is_better:
        harm, (low, high) = found.effect, (found.effect_interval.lower, found.effect_interval.upper)
    pvalue = _lower_tail(harm - margin, found.standard_error, found.df)
    return Guardrail(
        verdict=_verdict(pvalue, low, margin, alpha),
        harm=harm,
        margin=margin,
        interval=Interval(lower=low, upper=high),
        pvalue=pvalue,
    )


def relative_guardrail_test(
    treatment: MeanEstimate,
    control: MeanEstimate,
    *,
    margin: float,
    higher_is_better: bool,
    alpha: float = 0.05,
    covariance: float = 0.0,
) -> Guardrail:
    """Test that a treatment is not worse than its control by a share of the control's mean.

    The test is that of ``treatment - (1 - margin) control`` (``1 + margin`` where lower is better), so it needs no
    division; the interval of the relative harm is Fieller's, at the degrees of freedom of the plain difference, and
    the verdict follows the interval.

    Args:
        treatment: The treatment arm's mean.
        control: The control arm's mean, above zero.
        margin: The largest acceptable harm as a share of the control's mean, zero or more; 0.02 is 2 %.
        higher_is_better: Whether a lower mean is the harm (revenue) or a higher one (complaints).
        alpha: One-sided error rate.
        covariance: Covariance of the two means, where they share data.

    Raises:
        InputError: The margin or ``alpha`` is outside its range, or the control's mean is not clearly above zero.

    References:
        Hauschke, Kieser, Diletti and Burke (1999), Sample size determination for proving equivalence based on the
        ratio of two means, https://doi.org/10.1002/(SICI)1097-0258(19990115)18:1%3C93::AID-SIM992%3E3.0.CO;2-8

    Examples:
        >>> sent, held = (MeanEstimate(value=v, variance=0.01, df=900) for v in (10.0, 10.1))
        >>> answer = relative_guardrail_test(sent, held, margin=0.02, higher_is_better=True)
        >>> answer.verdict, round(answer.harm, 4), round(answer.interval.upper, 4)
        ('undecided', 0.0099, 0.0326)
    """
    _check(margin, alpha)
    found = compare_means(treatment, control, alpha=2 * alpha, covariance=covariance)
    if found.rel_effect is None or found.rel_interval is None or control.value <= 0:
        raise InputError(
            f"the control's mean is {control.value}, which its error does not tell from zero or below",
            hint="give the margin in the metric's unit",
        )
    sign = -1.0 if higher_is_better else 1.0
    ratio = 1 + sign * margin
    variance = treatment.variance + ratio**2 * control.variance - 2 * ratio * covariance
    beyond = sign * (treatment.value - ratio * control.value)
    pvalue = _lower_tail(beyond, math.sqrt(max(0.0, variance)), found.df)
    low, high = sorted((sign * found.rel_interval.lower, sign * found.rel_interval.upper))
    return Guardrail(
        verdict=_verdict(pvalue, low, margin, alpha),
        harm=sign * found.rel_effect,
        margin=margin,
        interval=Interval(lower=low, upper=high),
        pvalue=pvalue,
    )


def _verdict(pvalue: float, low: float, margin: float, alpha: float) -> Verdict:
    if pvalue <= alpha:
        return "held"
    return "violated" if low > margin else "undecided"


def _lower_tail(distance: float, standard_error: float, df: float) -> float:
    """Return the probability of a harm this far below the margin, or further, where the harm is the margin."""
    if standard_error == 0:
        return 0.0 if distance < 0 else 1.0
    t = distance / standard_error
    return float(special.ndtr(t)) if math.isinf(df) else float(special.stdtr(df, t))


def _check(margin: float, alpha: float) -> None:
    if not 0 <= margin < math.inf:
        raise InputError(
            f"the margin is {margin}; allowed: zero or more, and finite",
            hint="give the largest harm that is acceptable, as a positive number",
        )
    if not 0 < alpha < 0.5:  # noqa: PLR2004 -- one side of a test
        raise InputError(f"alpha is {alpha}; allowed: above 0 and below 0.5", hint="0.05 is usual")
