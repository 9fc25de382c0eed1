"""Effect on compliers: the intention-to-treat effect over the difference in delivery, with an Anderson-Rubin interval.

A message reaches part of its arm only. Who is reached depends on the unit, so units that were reached are never
compared with units that were not. What the draw does identify is the effect on *compliers*, the units that were
reached because of their arm: the effect of the arm on the outcome over its effect on delivery. It rests on two
assumptions that no data shows: the arm works through delivery alone (which is why delivery is used, not opens), and
it keeps no unit from being reached.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.cluster_variance import RobustSums, pooled_degrees_of_freedom
from incrementality.stats.clusters import cluster_covariance, cluster_mean, intraclass_correlation
from incrementality.stats.comparison import Comparison, Interval, MeanEstimate, compare_means
from incrementality.stats.distributions import two_sided_critical_value
from incrementality.stats.means import mean_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = ["ComplierEffect", "complier_effect"]

_FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplierEffect:
    """The effect on units that were delivered because of their arm.

    Attributes:
        effect: Outcome effect over the difference in delivery, in the metric's unit per complier; ``None`` where
            the first stage is too weak for a bounded interval.
        standard_error: Delta-method standard error of ``effect``; ``None`` where that is.
        interval: The ``1 - alpha`` Anderson-Rubin interval; ``None`` where the set is unbounded.
        intention_to_treat: The comparison of the arms as drawn; its p-value is that of no complier effect.
        delivered_treatment: Share of the treatment arm that was delivered.
        delivered_control: Share of the control that was delivered.
        first_stage_f: Squared t of the difference in delivery; infinite where delivery has no variance.
        treated_mean: Compliers' mean in the treatment arm; their mean without treatment plus ``effect`` for a ratio.
        untreated_mean: Compliers' mean in the control.
    """

    effect: float | None
    standard_error: float | None
    interval: Interval | None
    intention_to_treat: Comparison
    delivered_treatment: float
    delivered_control: float
    first_stage_f: float
    treated_mean: float | None
    untreated_mean: float | None

    @property
    def delivery_difference(self) -> float:
        """The first stage: how much more of the treatment arm was delivered."""
        return self.delivered_treatment - self.delivered_control


def complier_effect(
    pairs: Sequence[tuple[Moments, Moments]],
    outcome: Sequence[str],
    delivered: str,
    *,
    alpha: float = 0.05,
) -> ComplierEffect:
    """Return the effect on compliers, with its Anderson-Rubin interval and the strength of the first stage.

    With ``a`` the effect on the outcome, ``b`` that on delivery and V their covariance (CR2 where whole clusters were
    randomised, under the outcome's exchangeable working model), the interval holds every ``tau`` with
    ``|a - tau b| <= c sqrt(V_aa - 2 tau V_ab + tau^2 V_bb)``: the test of ``tau`` is a test of a difference in means,
    so it errs as often as it says however weak the first stage. ``c`` has the degrees of freedom of the outcome's own
    test (Welch's, or Satterthwaite's of clusters), so the interval holds zero exactly when that test does not reject.
    The set is bounded only where delivery itself differs at ``alpha``; elsewhere
    there is no answer. A ratio is linearised, with delivery counted per unit: this is the complier effect where
    delivery does not move the denominator.

    Args:
        pairs: (treatment, control) of each stratum; one pair where units were randomised all together. Strata are
            weighted by their units.
        outcome: The outcome's column, or a ratio's numerator and denominator.
        delivered: The 0/1 column of delivery; its products with the outcome's columns must be there.
        alpha: Error rate of the interval.

    Raises:
        InputError: A side has fewer than two units (clusters), a column is missing in some rows, or a denominator
            is zero.

    References:
        Anderson and Rubin (1949), https://doi.org/10.1214/aoms/1177730090;
        Pustejovsky and Tipton (2018), https://doi.org/10.1080/07350015.2016.1247004;
        Angrist, Imbens and Rubin (1996), https://doi.org/10.1080/01621459.1996.10476902;
        Abadie (2002), means of compliers, https://doi.org/10.1198/016214502388618568;
        Andrews, Stock and Sun (2019), weak instruments, https://doi.org/10.1146/annurev-economics-080218-025643

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> treatment = moments_of_rows({"y": [5, 7, 9, 4, 8, 9], "got": [1, 1, 1, 0, 1, 1]})
        >>> control = moments_of_rows({"y": [3, 5, 4, 6, 4, 2], "got": [0, 0, 0, 0, 0, 0]})
        >>> answer = complier_effect([(treatment, control)], ["y"], "got")
        >>> round(answer.effect, 2), round(answer.first_stage_f, 1)
        (3.6, 25.0)
        >>> round(answer.interval.lower, 2), round(answer.interval.upper, 2)
        (1.03, 6.17)
    """
    columns = (*outcome, delivered)
    share = np.array([float(t.n.sum() + c.n.sum()) for t, c in pairs])
    share /= share.sum()
    rho = _correlation([side for pair in pairs for side in pair], outcome)
    treatment, control = (_side([pair[k] for pair in pairs], share, columns, rho) for k in (0, 1))
    df = None if rho is None else pooled_degrees_of_freedom([*treatment.clusters, *control.clusters])
    itt = compare_means(treatment.outcome, control.outcome, alpha=alpha, df=df)
    b = treatment.delivered - control.delivered
    v = treatment.covariance + control.covariance
    critical = two_sided_critical_value(alpha, itt.df)
    interval = _anderson_rubin(itt.effect, b, v, critical)
    effect = None if interval is None else itt.effect / b
    untreated = None if effect is None else _untreated_mean(treatment, control, b)
    return ComplierEffect(
        effect=effect,
        standard_error=None if effect is None else _standard_error(effect, b, v),
        interval=interval,
        intention_to_treat=itt,
        delivered_treatment=treatment.delivered,
        delivered_control=control.delivered,
        first_stage_f=_squared_t(b, float(v[1, 1])),
        treated_mean=None if effect is None or untreated is None else untreated + effect,
        untreated_mean=untreated,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One arm: the outcome's mean, the share delivered, their covariance (2, 2), and what compliers' means need.

    ``means`` are those of the outcome's columns, ``reached`` the means of their products with delivery; ``clusters``
    what Satterthwaite's degrees of freedom need of each stratum, where whole clusters were randomised.
    """

    outcome: MeanEstimate
    delivered: float
    covariance: FloatArray
    means: FloatArray
    reached: FloatArray
    clusters: tuple[RobustSums, ...]


def _correlation(sides: Sequence[Moments], outcome: Sequence[str]) -> float | None:
    """The working correlation of two units of a cluster, of the outcome; ``None`` where units were drawn one by one."""
    if min(map(_randomised, sides)) < _FEWEST or any(moments.clusters is None for moments in sides):
        return None
    return float(intraclass_correlation([cluster_mean(moments, outcome) for moments in sides]))


def _side(strata: Sequence[Moments], share: FloatArray, columns: Sequence[str], rho: float | None) -> _Side:
    units = [_randomised(moments) for moments in strata]
    if min(units) < _FEWEST:
        raise InputError(f"{min(units):.0f} units are too few for a variance", hint="an arm needs at least two units")
    k = [moments.complete_indices(columns) for moments in strata]
    means = np.array([moments.means()[at] for moments, at in zip(strata, k, strict=True)])
    clusters = [] if rho is None else [cluster_covariance(moments, columns, rho) for moments in strata]
    full = np.array([part.variance for part in clusters] or [mean_covariance(part, columns) for part in strata])
    mean, covariance = share @ means, np.einsum("s,sij->ij", share**2, full)
    value, weights = _linearised(mean[:-1])
    combine = np.zeros((2, len(columns)))
    combine[0, :-1], combine[1, -1] = weights, 1.0
    joint = combine @ covariance @ combine.T
    reached = share @ np.array([_reached(moments, at) for moments, at in zip(strata, k, strict=True)])
    df = sum(units) - len(units)
    return _Side(
        outcome=MeanEstimate(value=value, variance=max(0.0, float(joint[0, 0])), df=df),
        delivered=float(mean[-1]),
        covariance=joint,
        means=mean[:-1],
        reached=reached,
        clusters=tuple(
            RobustSums(part.variance, part.expected * w**2, part.spread * w**4)
            for part, w in zip(clusters, share, strict=bool(clusters))
        ),
    )


def _randomised(moments: Moments) -> float:
    return float(moments.n.sum() if moments.clusters is None else moments.clusters.count.sum())


def _linearised(mean: FloatArray) -> tuple[float, FloatArray]:
    """Return the mean, or the ratio of two, and its derivatives by the columns' means."""
    if len(mean) == 1:
        return float(mean[0]), np.array([1.0])
    if mean[1] == 0:
        raise InputError("the denominator sums to zero in an arm", hint="check the column, or choose another one")
    value = float(mean[0] / mean[1])
    return value, np.array([1.0, -value]) / mean[1]


def _reached(moments: Moments, k: list[int]) -> FloatArray:
    """Means of the outcome's columns times delivery, from sums around the shifts."""
    *y, d = k
    shift, sums, n = moments.shift, moments.sums.sum(0), moments.n.sum()
    products = moments.products.sum(0)[y, d] + shift[y] * sums[d] + shift[d] * sums[y]
    return np.asarray((products + n * shift[y] * shift[d]) / n)


def _untreated_mean(treatment: _Side, control: _Side, b: float) -> float:
    """Abadie's mean of compliers without treatment: what delivery moves of ``y (1 - d)``."""
    found = ((control.means - control.reached) - (treatment.means - treatment.reached)) / b
    return float(found[0]) if len(found) == 1 else float(found[0] / found[1]) if found[1] else math.nan


def _standard_error(effect: float, b: float, v: FloatArray) -> float:
    return math.sqrt(max(0.0, float(v[0, 0] - 2 * effect * v[0, 1] + effect * effect * v[1, 1]))) / abs(b)


def _squared_t(b: float, variance: float) -> float:
    if variance > 0:
        return b * b / variance
    return 0.0 if b == 0 else math.inf


def _anderson_rubin(a: float, b: float, v: FloatArray, critical: float) -> Interval | None:
    """Solve ``A tau^2 - 2 B tau + D <= 0``; ``D`` has the sign of the test of ``a``, each root without cancellation."""
    squared = critical * critical
    first = b * b - squared * float(v[1, 1])
    if not first > 0:
        return None
    cross = a * b - squared * float(v[0, 1])
    margin = critical * math.sqrt(max(0.0, float(v[0, 0])))
    last = (abs(a) - margin) * (abs(a) + margin)
    va, vab, vb = float(v[0, 0]), float(v[0, 1]), float(v[1, 1])
    inner = b * b * va - 2 * a * b * vab + a * a * vb - squared * (va * vb - vab * vab)
    far = cross + math.copysign(critical * math.sqrt(max(0.0, inner)), cross)
    roots = sorted((far / first, last / far if far else 0.0))
    return Interval(lower=roots[0], upper=roots[1]) if all(map(math.isfinite, roots)) else None
