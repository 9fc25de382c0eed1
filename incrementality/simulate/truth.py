"""What the journey really did: means of potential outcomes over exactly the simulated contacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.simulate.world import BoolArray, Column

__all__ = ["TrueEffect", "true_effects"]

MEANS = ("reactivated", "revenue", "orders", "sessions", "unsubscribed")
RATIOS = {"orders per session": ("orders", "sessions")}


@dataclass(frozen=True, slots=True)
class TrueEffect:
    """The true effect of one arm on one metric, for exactly the simulated contacts.

    Attributes:
        control_mean: The metric had every contact been in the control, in the metric's unit.
        treatment_mean: The metric had every contact been in this arm, in the metric's unit.
        effect: ``treatment_mean - control_mean``.
        rel_effect: ``effect / control_mean`` as a fraction; None where the control's mean is zero.

    Examples:
        >>> TrueEffect.between(8.0, 10.0)
        TrueEffect(control_mean=8.0, treatment_mean=10.0, effect=2.0, rel_effect=0.25)
    """

    control_mean: float
    treatment_mean: float
    effect: float
    rel_effect: float | None

    @classmethod
    def between(cls, control_mean: float, treatment_mean: float) -> TrueEffect:
        """Return the effect that leads from one mean to the other."""
        effect = treatment_mean - control_mean
        return cls(control_mean, treatment_mean, effect, effect / control_mean if control_mean else None)


def true_effects(
    potential: Mapping[tuple[str, str], Column], *, arms: Sequence[str], among: BoolArray | None = None
) -> dict[tuple[str, str], TrueEffect]:
    """Return the true effect of each treatment arm on each metric.

    Args:
        potential: Potential outcomes, keyed by (outcome column, arm); each of shape (contacts,).
        arms: All arms; the first is the control.
        among: Which contacts to look at (a segment), shape (contacts,); default: all.

    Returns:
        Effects keyed by (metric, treatment arm). A ratio is the sum on top over the sum below.

    Examples:
        >>> from incrementality.simulate import crm_journey_holdout
        >>> world = crm_journey_holdout(n=5_000, seed=3)
        >>> in_app = world.columns["channel"] == "app"
        >>> app = true_effects(world.potential, arms=("holdout", "journey"), among=in_app)
        >>> app["reactivated", "journey"].effect > world.truth["reactivated", "journey"].effect
        True
    """
    control, *treatments = arms
    metrics = (*MEANS, *RATIOS)
    means = {(metric, arm): _mean(potential, metric, arm, among) for metric in metrics for arm in arms}
    return {
        (metric, arm): TrueEffect.between(means[metric, control], means[metric, arm])
        for metric in metrics
        for arm in treatments
    }


def _mean(potential: Mapping[tuple[str, str], Column], metric: str, arm: str, among: BoolArray | None) -> float:
    top, below = RATIOS.get(metric, (metric, None))
    chosen = slice(None) if among is None else among
    if below is None:
        return float(potential[top, arm][chosen].mean())
    return float(potential[top, arm][chosen].sum() / potential[below, arm][chosen].sum())
