"""What a model that learns from paths answers: a number for each channel, and how it splits an event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from sqlglot import exp

from incrementality.attribution.models.rules import RuleModel
from incrementality.display import DisplayMixin
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.attribution.models.rules import Touch
    from incrementality.stats import ChannelSets

    FloatArray = NDArray[np.float64]

__all__ = ["PathCredit", "spread_credit"]

_LEAST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCredit(DisplayMixin):
    """The answer of one model that learns from paths; credited, never caused.

    Attributes:
        name: The model's name in tables and ledgers.
        label: What the model does, in words.
        channels: The channels K, sorted.
        effect_name: What ``effects`` are: removal effect, Shapley value, log odds ratio.
        effects: The model's own number for each channel, shape (K,); removal effects overlap.
        standard_errors: Their standard errors where orders were drawn by chance, else zeros, shape (K,).
        shares: Shares of all credit, shape (K,); they sum to 1.
        weights: How an event's credit is parted among the channels that it touched, shape (K,), none below 0.
        figures: Further figures, each with its name.
        usable: Whether the model may lead a page and enter a consensus; where not, it is shown greyed.
        reasons: Why it is not usable, a sentence each.
    """

    name: str
    label: str
    channels: tuple[str, ...]
    effect_name: str
    effects: FloatArray
    standard_errors: FloatArray
    shares: FloatArray
    weights: FloatArray
    figures: tuple[tuple[str, float], ...] = ()
    usable: bool = True
    reasons: tuple[str, ...] = ()

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a channel, the largest share first."""
        order = np.argsort(-self.shares, kind="stable")
        return tuple(
            {
                "model": self.name,
                "channel": self.channels[k],
                self.effect_name: float(self.effects[k]),
                "share": float(self.shares[k]),
                "usable": self.usable,
            }
            for k in order
        )

    def refused(self, reason: str) -> PathCredit:
        """Return the same answer as not usable, with one more reason."""
        return replace(self, usable=False, reasons=(*self.reasons, reason))

    def rule(self, *, by: Literal["channel", "function", "type", "stage", "campaign", "journey"]) -> RuleModel:
        """Return the model as a rule that splits each event, so that it enters the ledger beside the others.

        Each channel that the event touched gets its weight over the sum of the weights there, its touches the same
        each. Summed over events this is ``spread_credit``; for removal effects it differs from ``shares``, which are
        the usual numbers of the Markov model.

        Args:
            by: The column of journeys whose values were the channels.

        Examples:
            >>> answer = PathCredit(name="mine", label="mine", channels=("a", "b"), effect_name="effect",
            ...     effects=np.array([3.0, 1]), standard_errors=np.zeros(2), shares=np.array([0.75, 0.25]),
            ...     weights=np.array([3.0, 1]))
            >>> answer.rule(by="channel").name
            'mine'
        """
        weights = dict(zip(self.channels, _floored(self.weights).tolist(), strict=True))

        def weight(touch: Touch) -> exp.Expression:
            label = parse("coalesce($label, 'unknown')", label=getattr(touch, by))
            cases = [exp.If(this=literal(channel), true=literal(each)) for channel, each in weights.items()]
            each = exp.Case(this=label, ifs=cases, default=literal(0.0))
            return parse("$each / $touches", each=each, touches=touch.total(literal(1.0), within=(by,)))

        return RuleModel(self.name, self.label, weight, trusted=True)


def spread_credit(
    sets: ChannelSets, weights: FloatArray, *, of: Literal["conversions", "value"] = "conversions"
) -> FloatArray:
    """Return each channel's credit where every event is split among the channels that it touched, shape (K,).

    Args:
        sets: Journeys by the set of channels that they touched.
        weights: How an event is split, shape (K,), none below 0; where all are zero, equally.
        of: Whether conversions are credited, or what they are worth.

    Examples:
        >>> from incrementality.stats import ChannelSets
        >>> sets = ChannelSets(members=np.array([[True, False], [True, True]]), conversions=np.array([9.0, 6]),
        ...     value=np.zeros(2), nulls=np.zeros(2))
        >>> spread_credit(sets, np.array([2.0, 1.0])).round(6).tolist()
        [13.0, 2.0]
    """
    amount = sets.conversions if of == "conversions" else sets.value
    inside = sets.members * _floored(weights)
    each: FloatArray = (amount / inside.sum(axis=1)) @ inside
    return each


def _floored(weights: FloatArray) -> FloatArray:
    """Return weights of which none is zero, so that channels that weigh nothing share only what no other touched."""
    largest = float(weights.max(initial=0.0))
    floored: FloatArray = np.maximum(weights, _LEAST * largest) if largest > 0 else np.ones(len(weights))
    return floored
