"""How likely a true effect is seen, how small an effect can be seen, how many units that takes: by formula."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from incrementality.errors import InputError
from incrementality.stats.power_arms import Variance, cluster_power, degrees_of_freedom, treated_variance
from incrementality.stats.power_noncentral import t_test_power

if TYPE_CHECKING:
    from collections.abc import Callable

    from incrementality.stats.power_outcome import Outcome

__all__ = [
    "Direction",
    "SampleSize",
    "Variance",
    "comparison_alpha",
    "minimal_detectable_effect",
    "power_of_effect",
    "sample_size",
]

Direction = Literal["increase", "decrease"]

_FEWEST = 2.0  # units (clusters) in an arm
_STEPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Units that a comparison needs.

    Attributes:
        n: Units in all arms.
        n_control: Units in the control.
        n_treatment: Units in each treatment arm.
        power: Probability of seeing the effect with these units.
    """

    n: int
    n_control: int
    n_treatment: int
    power: float


def power_of_effect(
    outcome: Outcome,
    effect: float,
    *,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    variance: Variance = "null",
) -> float:
    """Return the probability that a two-sided test sees a true effect.

    Conversions of single units are tested by a normal statistic, everything else of single units by Welch's t, whole
    clusters by CR2 with Satterthwaite's degrees of freedom. Which variance counts is stated, never guessed:

    * ``"null"``: that without treatment, in both arms;
    * ``"unequal"``: each arm its own (a mean's standard deviation grows with the mean, as when every value is
      multiplied; in a conversion of clusters some units' outcome turns, which makes clusters more alike);
    * ``"score"``: conversions only: pooled in the test, each arm its own in truth, as the readout's score test.

    Args:
        outcome: What is known about the metric.
        effect: True effect in the metric's unit (0.01 is one percentage point of conversion), either sign.
        n_control: Units in the control.
        n_treatment: Units in the treatment arm.
        alpha: Two-sided error rate.
        variance: Which variance the test and the truth have.

    Raises:
        InputError: An arm is too small, the effect leaves the range of a share, or ``alpha`` is not between 0 and 1.

    References:
        Miettinen and Nurminen (1985), https://doi.org/10.1002/sim.4780040211;
        Bloom (1995), Minimum detectable effects, https://doi.org/10.1177/0193841X9501900504

    Examples:
        >>> from incrementality.stats import outcome_of_rate
        >>> round(power_of_effect(outcome_of_rate(0.05), 0.005, n_control=250, n_treatment=4750), 3)
        0.064
    """
    _check_arms(outcome, n_control, n_treatment)
    factor = outcome.variance_factor
    a, b = treated_variance(outcome, effect, variance) / n_treatment, factor * outcome.variance / n_control
    if outcome.units_per_cluster > 1 and variance != "score":
        return cluster_power(outcome, effect, a, b, n_control=n_control, n_treatment=n_treatment, alpha=alpha)
    truth = math.sqrt(a + b)
    tested = truth
    if variance == "score":
        pooled = (n_control * outcome.mean + n_treatment * (outcome.mean + effect)) / (n_control + n_treatment)
        tested = math.sqrt(factor * pooled * (1 - pooled) * (1 / n_control + 1 / n_treatment))
    df = degrees_of_freedom(outcome, a, b, n_control=n_control, n_treatment=n_treatment)
    return t_test_power(effect / truth, df=df, alpha=alpha, scale=tested / truth) if truth else 1.0


def minimal_detectable_effect(
    outcome: Outcome,
    *,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    power: float = 0.8,
    variance: Variance = "null",
    direction: Direction = "increase",
) -> float | None:
    """Return the smallest true effect that is seen with the wanted power.

    At a power of 0.5 it is the half-width of the interval.

    Args:
        outcome: What is known about the metric.
        n_control: Units in the control.
        n_treatment: Units in the treatment arm.
        alpha: Two-sided error rate.
        power: Wanted probability, above ``alpha`` and below 1.
        variance: As in ``power_of_effect``.
        direction: Whether the effect is sought above or below the control.

    Returns:
        The size of the effect in the metric's unit, positive in either direction; ``None`` where no possible effect
        is seen with that power.

    Raises:
        InputError: An arm is too small, or ``power`` is not between ``alpha`` and 1.

    Examples:
        A 5 % holdout of 5,000 contacts, 5 % of whom convert, sees only a change by 79 %:

        >>> from incrementality.stats import outcome_of_rate
        >>> baseline = outcome_of_rate(0.05)
        >>> mde = minimal_detectable_effect(baseline, n_control=250, n_treatment=4750)
        >>> f"{mde / 0.05:.0%}"
        '79%'
        >>> mde = minimal_detectable_effect(baseline, n_control=250, n_treatment=4750, variance="unequal")
        >>> f"{mde / 0.05:.0%}"
        '81%'
    """
    _check_power(power, alpha)
    sign = 1.0 if direction == "increase" else -1.0

    def reached(size: float) -> bool:
        found = power_of_effect(
            outcome, sign * size, n_control=n_control, n_treatment=n_treatment, alpha=alpha, variance=variance
        )
        return found >= power

    _check_arms(outcome, n_control, n_treatment)
    limit = _largest_effect(outcome, direction)
    step = math.sqrt(outcome.variance * outcome.variance_factor * (1 / n_control + 1 / n_treatment))
    return _first_where(reached, step, limit)


def sample_size(
    outcome: Outcome,
    effect: float,
    *,
    control_share: float = 0.5,
    treatment_arms: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    variance: Variance = "null",
) -> SampleSize:
    """Return the fewest units with which a true effect is seen with the wanted power.

    Args:
        outcome: What is known about the metric.
        effect: True effect in the metric's unit, either sign, not zero.
        control_share: Share of all units in the control, above 0 and below 1; treatment arms share the rest equally.
        treatment_arms: Treatment arms, each compared with the control; pass ``alpha`` through ``comparison_alpha``.
        alpha: Two-sided error rate of each comparison.
        power: Wanted probability, above ``alpha`` and below 1.
        variance: As in ``power_of_effect``.

    Raises:
        InputError: The effect is zero or impossible, or a share or probability is outside its range.

    References:
        Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd edition, chapter 2,
        https://doi.org/10.4324/9780203771587

    Examples:
        >>> from incrementality.stats import outcome_of_rate
        >>> sample_size(outcome_of_rate(0.05), 0.005, control_share=0.1).n
        165699
    """
    _check_power(power, alpha)
    share = _checked_share(control_share, treatment_arms)
    if effect == 0:
        raise InputError("the effect is 0; no sample shows that", hint="give the smallest effect that matters")
    each = (1 - share) / treatment_arms

    def at(n: float) -> float:
        counts = {"n_control": n * share, "n_treatment": n * each}
        return power_of_effect(outcome, effect, **counts, alpha=alpha, variance=variance)

    smallest = _FEWEST * outcome.units_per_cluster / min(share, each)
    found = smallest if at(smallest) >= power else _first_where(lambda n: at(n) >= power, 2 * smallest, math.inf)
    if found is None:
        raise InputError(f"no sample shows an effect of {effect}", hint="give a larger effect")
    n_control, n_treatment = (math.ceil(round(found * part, 6)) for part in (share, each))
    reached = power_of_effect(
        outcome, effect, n_control=n_control, n_treatment=n_treatment, alpha=alpha, variance=variance
    )
    return SampleSize(
        n=n_control + treatment_arms * n_treatment, n_control=n_control, n_treatment=n_treatment, power=reached
    )


def comparison_alpha(alpha: float, comparisons: int, *, correction: Literal["holm", "none"] = "holm") -> float:
    """Return the error rate that each of several comparisons is planned with.

    Holm's procedure tests the smallest p-value at ``alpha / comparisons`` and the others less strictly. A plan has
    to hold whichever comparison comes first, so it takes the strictest step.

    Args:
        alpha: Two-sided error rate of the experiment.
        comparisons: Primary comparisons: treatment arms times primary metrics, at least 1.
        correction: ``"none"`` where the page will say that its p-values are unadjusted.

    Raises:
        InputError: There is no comparison.

    References:
        Holm (1979), https://www.jstor.org/stable/4615733

    Examples:
        >>> comparison_alpha(0.05, 2), comparison_alpha(0.05, 2, correction="none")
        (0.025, 0.05)
    """
    if comparisons < 1:
        raise InputError(f"{comparisons} comparisons; at least 1 is needed", hint="count arms times primary metrics")
    return alpha / comparisons if correction == "holm" else alpha


def _largest_effect(outcome: Outcome, direction: Direction) -> float:
    if not outcome.binary:
        return math.inf
    return 1 - outcome.mean if direction == "increase" else outcome.mean


def _first_where(reached: Callable[[float], bool], step: float, limit: float) -> float | None:
    """Return the smallest positive value for which ``reached`` holds, ``None`` where it never does."""
    low, high = 0.0, min(step, limit)
    for _ in range(_STEPS):
        if reached(high):
            break
        if high >= limit:
            return None
        low, high = high, min(2 * high, limit)
    else:
        return None
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _check_arms(outcome: Outcome, n_control: float, n_treatment: float) -> None:
    for arm, n in (("control", n_control), ("treatment arm", n_treatment)):
        if not _FEWEST * outcome.units_per_cluster * (1 - 1e-9) <= n < math.inf:
            what = "units" if outcome.units_per_cluster == 1 else "clusters"
            raise InputError(
                f"the {arm} has {n / outcome.units_per_cluster:g} {what}; at least 2 are needed",
                hint="enrol more units, or give this arm a larger share",
            )


def _check_power(power: float, alpha: float) -> None:
    if not alpha < power < 1:
        raise InputError(f"the power is {power}; allowed: above alpha ({alpha}) and below 1", hint="0.8 is usual")


def _checked_share(share: float, arms: int) -> float:
    if not 0 < share < 1:
        raise InputError(f"the control's share is {share}; allowed: above 0 and below 1", hint="0.1 holds back 10 %")
    if arms < 1:
        raise InputError(f"{arms} treatment arms; at least 1 is needed", hint="count the arms besides the control")
    return share
