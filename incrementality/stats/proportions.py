"""Two conversion rates compared by the score test of Miettinen and Nurminen, and one rate by Wilson's interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.stats.comparison import Comparison, Interval
from incrementality.stats.distributions import normal_two_sided_pvalue, two_sided_critical_value

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compare_proportions", "proportion_interval"]

_TOLERANCE = 1e-14  # of a share: relative; of a bound: in widths of the first bracket
_MOST_STEPS = 200


def compare_proportions(
    events_treatment: int, n_treatment: int, events_control: int, n_control: int, *, alpha: float = 0.05
) -> Comparison:
    """Compare two shares by the score test, with its intervals of the difference and of the relative lift.

    Each interval holds the values that the score test, variance times ``N / (N - 1)``, does not reject. At "no
    effect" the tests of difference and of ratio are the same one, which also gives the p-value, so all three
    agree. ``standard_error`` is the unpooled one of the observed difference (Welch, HC2); it describes, and the
    intervals do not use it. The relative effect is ``None`` where the control has no events.

    Args:
        events_treatment: Units with the event in the treatment arm.
        n_treatment: Units in the treatment arm, at least 2.
        events_control: Units with the event in the control arm.
        n_control: Units in the control arm, at least 2.
        alpha: Error rate of the intervals.

    Raises:
        InputError: Counts are not whole, are negative, or exceed their arm's units; an arm has fewer than 2 units;
            or ``alpha`` is not between 0 and 1.

    References:
        Miettinen and Nurminen (1985), Comparative analysis of two rates, https://doi.org/10.1002/sim.4780040211;
        Koopman (1984), for the constrained ratio, https://doi.org/10.2307/2531405

    Examples:
        >>> answer = compare_proportions(120, 1000, 90, 1000)
        >>> round(answer.effect, 4), round(answer.pvalue, 4)
        (0.03, 0.0287)
        >>> round(answer.effect_interval.lower, 4), round(answer.effect_interval.upper, 4)
        (0.0031, 0.0571)
        >>> round(answer.rel_interval.lower, 4), round(answer.rel_interval.upper, 4)
        (0.0302, 0.7267)
    """
    x1, n1 = _counts(events_treatment, n_treatment, "treatment arm", at_least=2)
    x0, n0 = _counts(events_control, n_control, "control arm", at_least=2)
    critical = two_sided_critical_value(alpha)
    error = math.sqrt(x1 * (n1 - x1) / (n1 * n1 * (n1 - 1)) + x0 * (n0 - x0) / (n0 * n0 * (n0 - 1)))
    return Comparison(
        effect=(x1 * n0 - x0 * n1) / (n1 * n0),
        standard_error=error,
        df=math.inf,
        pvalue=normal_two_sided_pvalue(_difference_score(x1, n1, x0, n0, 0.0)),
        effect_interval=_difference_interval(x1, n1, x0, n0, critical),
        rel_effect=(x1 * n0 - x0 * n1) / (x0 * n1) if x0 else None,
        rel_interval=_lift_interval(x1, n1, x0, n0, critical) if x0 else None,
    )


def proportion_interval(events: int, n: int, *, alpha: float = 0.05) -> Interval:
    """Return Wilson's score interval of one share.

    Args:
        events: Units with the event.
        n: Units, at least 1.
        alpha: Error rate of the interval.

    Raises:
        InputError: Counts are not whole, are negative, ``events`` exceeds ``n``, or ``alpha`` is not between 0 and 1.

    References:
        Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953

    Examples:
        >>> interval = proportion_interval(5, 100)
        >>> round(interval.lower, 4), round(interval.upper, 4)
        (0.0215, 0.1118)
    """
    x, n = _counts(events, n, "sample", at_least=1)
    squared = two_sided_critical_value(alpha) ** 2
    return Interval(lower=_wilson_lower(x, n, squared), upper=1 - _wilson_lower(n - x, n, squared))


def _counts(events: int, n: int, whose: str, *, at_least: int) -> tuple[int, int]:
    if n != n // 1 or n < at_least or n == math.inf:
        raise InputError(f"the {whose} has {n} units; it needs a whole number, at least {at_least}", hint="count units")
    if events != events // 1 or not 0 <= events <= n:
        raise InputError(
            f"the {whose} has {events} events among {n} units; allowed: a whole number from 0 to {n}",
            hint="count units with the event, not events",
        )
    return int(events), int(n)


def _wilson_lower(x: int, n: int, squared: float) -> float:
    root = math.sqrt(squared * (squared / 4 + x * (n - x) / n))
    return x * x / n / (x + squared / 2 + root)


def _difference_interval(x1: int, n1: int, x0: int, n0: int, critical: float) -> Interval:
    effect = (x1 * n0 - x0 * n1) / (n1 * n0)
    step = _first_step(x1, n1, x0, n0, critical)

    def excess(delta: float) -> float:
        return abs(_difference_score(x1, n1, x0, n0, delta)) - critical

    return Interval(lower=_bound(excess, effect, -step, -1.0), upper=_bound(excess, effect, step, 1.0))


def _lift_interval(x1: int, n1: int, x0: int, n0: int, critical: float) -> Interval:
    """Return the interval of the ratio less 1; the control has events, so both bounds exist."""
    ratio = (x1 * n0) / (x0 * n1)
    step = _first_step(x1, n1, x0, n0, critical) * n0 / x0

    def excess(phi: float) -> float:
        return abs(_ratio_score(x1, n1, x0, n0, phi)) - critical

    return Interval(lower=_bound(excess, ratio, -step, 0.0) - 1, upper=_bound(excess, ratio, step, math.inf) - 1)


def _first_step(x1: int, n1: int, x0: int, n0: int, critical: float) -> float:
    """Return about the width to the bound; it only sets where the search starts."""
    s1, s0 = (x1 + 0.5) * (n1 - x1 + 0.5) / n1**3, (x0 + 0.5) * (n0 - x0 + 0.5) / n0**3
    return critical * math.sqrt(s1 + s0)


def _difference_score(x1: int, n1: int, x0: int, n0: int, delta: float) -> float:
    """Return the score statistic of "the shares differ by ``delta``", in standard errors."""
    p0 = _share_given_difference(x1, n1, x0, n0, delta)
    p1 = min(max(p0 + delta, 0.0), 1.0)
    variance = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
    return _standardised((x1 * n0 - x0 * n1) / (n1 * n0) - delta, variance, n1 + n0)


def _ratio_score(x1: int, n1: int, x0: int, n0: int, phi: float) -> float:
    """Return the score statistic of "the treatment's share is ``phi`` times the control's", in standard errors."""
    p0 = _share_given_ratio(x1, n1, x0, n0, phi)
    p1 = min(phi * p0, 1.0)
    variance = p1 * (1 - p1) / n1 + phi * phi * p0 * (1 - p0) / n0
    return _standardised(x1 / n1 - phi * (x0 / n0), variance, n1 + n0)


def _standardised(distance: float, variance: float, n: int) -> float:
    if variance > 0:
        return distance / math.sqrt(variance * n / (n - 1))
    return 0.0 if distance == 0 else math.copysign(math.inf, distance)


def _share_given_ratio(x1: int, n1: int, x0: int, n0: int, phi: float) -> float:
    """Return the control's most likely share where the treatment's is ``phi`` times as large.

    It is the smaller root of the paper's quadratic, with the discriminant written as a sum of squares so that
    nothing cancels.
    """
    u, v = phi * (n1 + x0), n0 + x1
    root = math.sqrt((u - v) * (u - v) + 4 * phi * (n1 - x1) * (n0 - x0))
    return min(2 * (x1 + x0) / (u + v + root), 1.0)


def _share_given_difference(x1: int, n1: int, x0: int, n0: int, delta: float) -> float:
    """Return the control's most likely share where the treatment's is larger by ``delta``.

    It is a root of the paper's cubic. The cubic's closed form keeps only half the digits where shares are small,
    so the score equation is solved instead, by Newton steps kept between the two arms' own answers.
    """
    low, high = sorted(min(max(share, -delta, 0.0), 1.0, 1 - delta) for share in (x0 / n0, x1 / n1 - delta))
    if low == high or _log_likelihood_slope(x1, n1, x0, n0, p0=low, delta=delta)[0] <= 0:
        return low
    if _log_likelihood_slope(x1, n1, x0, n0, p0=high, delta=delta)[0] >= 0:
        return high
    p = min(max((x1 + x0 - n1 * delta) / (n1 + n0), low), high)
    for _ in range(_MOST_STEPS):
        slope, curvature = _log_likelihood_slope(x1, n1, x0, n0, p0=p, delta=delta)
        low, high = (p, high) if slope > 0 else (low, p)
        newton = p + slope / curvature
        previous, p = p, newton if low < newton < high else (low + high) / 2
        if abs(p - previous) <= _TOLERANCE * p:
            break
    return p


def _log_likelihood_slope(x1: int, n1: int, x0: int, n0: int, *, p0: float, delta: float) -> tuple[float, float]:
    """Return first derivative and negative second derivative of the log-likelihood in the control's share."""
    p1 = min(max(p0 + delta, 0.0), 1.0)
    gains = _ratio(x1, p1), _ratio(x0, p0)
    losses = _ratio(n1 - x1, 1 - p1), _ratio(n0 - x0, 1 - p0)
    curvature = _ratio(gains[0], p1) + _ratio(gains[1], p0) + _ratio(losses[0], 1 - p1) + _ratio(losses[1], 1 - p0)
    return sum(gains) - sum(losses), curvature


def _ratio(count: float, share: float) -> float:
    if count == 0:
        return 0.0
    return count / share if share > 0 else math.inf


def _bound(excess: Callable[[float], float], inside: float, step: float, limit: float) -> float:
    """Return where ``excess`` turns positive on the way from ``inside`` to ``limit``; ``limit`` if it never does."""
    clip = min if step > 0 else max
    outside = clip(inside + step, limit)
    while excess(outside) < 0:
        if outside == limit:
            return limit
        inside, step = outside, 2 * step
        outside = clip(inside + step, limit)
    return _crossing(excess, inside, outside)


def _crossing(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Return the root between a point below zero and one above, by Ridders (1979).

    https://doi.org/10.1109/TCS.1979.1084580
    """
    tolerance = _TOLERANCE * abs(outside - inside) + math.ulp(outside)
    f_inside, f_outside, root = excess(inside), excess(outside), inside
    for _ in range(_MOST_STEPS):
        middle = (inside + outside) / 2
        f_middle = excess(middle)
        if math.isinf(f_middle):
            outside, f_outside = middle, f_middle
            continue
        scale = math.sqrt(f_middle * f_middle - f_inside * f_outside) or 1.0
        previous, root = root, middle - (middle - inside) * f_middle / scale
        for point, value in ((middle, f_middle), (root, excess(root))):
            if value < 0:
                inside, f_inside = point, value
            else:
                outside, f_outside = point, value
        if min(abs(root - previous), abs(outside - inside)) <= tolerance:
            break
    return root
