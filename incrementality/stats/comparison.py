"""Two means compared: absolute difference by Welch, relative lift by Fieller, one test behind both."""

from __future__ import annotations

import math
from dataclasses import dataclass

from incrementality.errors import InputError
from incrementality.stats.distributions import t_two_sided_pvalue, two_sided_critical_value

__all__ = ["Comparison", "Interval", "MeanEstimate", "compare_means"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanEstimate:
    """An estimated mean of one arm and how well it is known.

    Attributes:
        value: The mean, in the metric's unit.
        variance: Variance of the mean itself (for a plain mean ``s^2 / n``), in the metric's unit squared.
        df: Degrees of freedom of ``variance`` (for a plain mean ``n - 1``); infinite where it is known.

    Raises:
        InputError: The mean or its variance is not finite, the variance is negative, or ``df`` is not above 0.

    Examples:
        >>> MeanEstimate(value=12.5, variance=0.04, df=999)
        MeanEstimate(value=12.5, variance=0.04, df=999)
    """

    value: float
    variance: float
    df: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InputError(f"a mean is {self.value}; it must be finite", hint="look for missing or infinite values")
        if not 0 <= self.variance < math.inf:
            raise InputError(
                f"the variance of a mean is {self.variance}; it must be finite and zero or more",
                hint="give each arm at least two units with finite values",
            )
        if not self.df > 0:
            raise InputError(
                f"a variance has {self.df} degrees of freedom; they must be above 0",
                hint="give each arm at least two units",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A closed interval, ``lower <= upper``; a bound may be infinite.

    Attributes:
        lower: Lower bound.
        upper: Upper bound.

    Examples:
        >>> 0 in Interval(lower=-0.1, upper=0.3)
        True
    """

    lower: float
    upper: float

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The effect of a treatment against a control, absolute and relative.

    One test is behind all of it: each interval excludes zero exactly when ``pvalue < alpha``.

    Attributes:
        effect: Treatment minus control, in the metric's unit.
        standard_error: Standard error of ``effect``, in the metric's unit.
        df: Degrees of freedom of the test; infinite where it is a normal one.
        pvalue: Two-sided p-value of no effect.
        effect_interval: The ``1 - alpha`` interval of ``effect``.
        rel_effect: ``effect`` divided by the control's mean; ``None`` where its interval is unbounded.
        rel_interval: The ``1 - alpha`` interval of ``rel_effect``; ``None`` where it is unbounded.
    """

    effect: float
    standard_error: float
    df: float
    pvalue: float
    effect_interval: Interval
    rel_effect: float | None
    rel_interval: Interval | None


def compare_means(
    treatment: MeanEstimate,
    control: MeanEstimate,
    *,
    alpha: float = 0.05,
    covariance: float = 0.0,
    df: float | None = None,
) -> Comparison:
    """Compare two estimated means: difference by Welch's t, relative lift by Fieller's theorem.

    Both use the same variances, degrees of freedom and critical value, so they never contradict each other.
    The relative effect is ``None`` where the control's own interval at that critical value holds zero: the data
    then allow a lift of any size.

    The relative effect is ``effect / control mean``. Where the control's mean is negative (say, net revenue
    after refunds), its sign is therefore the opposite of the effect's: from -10 to -8 is an effect of +2 and a
    relative effect of -20 %, twenty per cent *less loss*. Whether zero is inside does not depend on the sign.

    Args:
        treatment: The treatment arm's mean.
        control: The control arm's mean.
        alpha: Error rate of the intervals.
        covariance: Covariance of the two means, in the metric's unit squared, where they share data. It is taken
            as known in the degrees of freedom, which never fall below the smaller arm's.
        df: Degrees of freedom of the difference, where they are known otherwise; default: Satterthwaite's, from the
            two variances.

    Raises:
        InputError: ``alpha`` is not between 0 and 1, ``df`` is not above 0, or ``covariance`` is larger than the
            variances allow.

    References:
        Welch (1947), https://doi.org/10.1093/biomet/34.1-2.28;
        Satterthwaite (1946), https://doi.org/10.2307/3002019;
        Fieller (1954), https://doi.org/10.1111/j.2517-6161.1954.tb00159.x

    Examples:
        >>> answer = compare_means(
        ...     MeanEstimate(value=11.0, variance=0.04, df=99), MeanEstimate(value=10.0, variance=0.09, df=49)
        ... )
        >>> round(answer.effect, 3), round(answer.standard_error, 3), round(answer.df, 1), round(answer.pvalue, 4)
        (1.0, 0.361, 93.1, 0.0067)
        >>> round(answer.effect_interval.lower, 3), round(answer.effect_interval.upper, 3)
        (0.284, 1.716)
        >>> round(answer.rel_interval.lower, 4), round(answer.rel_interval.upper, 4)
        (0.0271, 0.1808)
    """
    _check_covariance(treatment, control, covariance)
    effect = treatment.value - control.value
    variance = max(0.0, treatment.variance + control.variance - 2 * covariance)
    standard_error = math.sqrt(variance)
    df = _satterthwaite_df(treatment, control, variance) if df is None else df
    critical = two_sided_critical_value(alpha, df)
    rel_interval = _fieller_interval(effect, variance, control, covariance - control.variance, critical)
    return Comparison(
        effect=effect,
        standard_error=standard_error,
        df=df,
        pvalue=t_two_sided_pvalue(_statistic(effect, standard_error), df),
        effect_interval=Interval(
            lower=effect - critical * standard_error,
            upper=effect + critical * standard_error,
        ),
        rel_effect=None if rel_interval is None else effect / control.value,
        rel_interval=rel_interval,
    )


def _check_covariance(treatment: MeanEstimate, control: MeanEstimate, covariance: float) -> None:
    largest = math.sqrt(treatment.variance) * math.sqrt(control.variance)
    if not abs(covariance) <= largest * (1 + 1e-9):
        raise InputError(
            f"the covariance of the two means is {covariance}; their variances allow at most {largest} either way",
            hint="give the covariance of the means, not of the units' values",
        )


def _statistic(effect: float, standard_error: float) -> float:
    if standard_error > 0:
        return effect / standard_error
    return 0.0 if effect == 0 else math.copysign(math.inf, effect)


def _satterthwaite_df(treatment: MeanEstimate, control: MeanEstimate, variance: float) -> float:
    """Return the degrees of freedom of the difference, between the smaller arm's and the sum of both.

    Shares of the total variance, not variances, are squared: money in any unit neither over- nor underflows.
    """
    total = treatment.variance + control.variance
    if total == 0:
        return math.inf
    share = treatment.variance / total
    spread = share**2 / treatment.df + (1 - share) ** 2 / control.df
    if spread == 0:
        return math.inf
    smaller = min(treatment.df, control.df)
    df = (variance / total) ** 2 / spread
    return min(max(df, smaller), treatment.df + control.df)


def _fieller_interval(
    effect: float, variance: float, control: MeanEstimate, covariance: float, critical: float
) -> Interval | None:
    """Return all relative lifts r with |effect - r control| within ``critical`` standard errors of zero.

    In units of the control's mean this is ``(1 - g) r^2 - 2 b r + d <= 0``: bounded where ``g < 1``. ``d`` has the
    sign of the absolute test, and each root is found without cancellation, so zero lies inside exactly when it
    lies inside the absolute interval. ``covariance`` is that of the effect with the control's mean.
    """
    mean, margin, squared = control.value, critical * math.sqrt(variance), critical * critical
    if mean == 0 or squared * (control.variance / mean / mean) >= 1:
        return None
    lift, v_effect, v_control = effect / mean, variance / mean / mean, control.variance / mean / mean
    cross = covariance / mean / mean
    a = 1 - squared * v_control
    b = lift - squared * cross
    d = (abs(effect) - margin) / abs(mean) * ((abs(effect) + margin) / abs(mean))
    inner = v_effect - 2 * lift * cross + lift * lift * v_control - squared * (v_effect * v_control - cross * cross)
    far = b + math.copysign(critical * math.sqrt(max(0.0, inner)), b)
    roots = sorted((far / a, d / far if far else 0.0))
    return Interval(lower=roots[0], upper=roots[1]) if all(map(math.isfinite, roots)) else None
