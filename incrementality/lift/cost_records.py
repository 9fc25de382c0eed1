"""What a readout keeps of costs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CostAnswer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostAnswer:
    """What one arm's effect on a metric costs, or is worth net of cost.

    Attributes:
        metric: The metric.
        arm: The treatment arm.
        what: ``cost of each extra ...``, ``... net of cost``, or ``not stated``.
        value: In the request's currency; ``None`` where it is not defined.
        ci_lower: Lower bound; ``None`` without a bounded interval.
        ci_upper: Upper bound.
        currency: The request's currency.
        sentence: The answer in words.
    """

    metric: str
    arm: str
    what: str
    value: float | None
    ci_lower: float | None
    ci_upper: float | None
    currency: str
    sentence: str
