"""Models that learn from paths: Markov chains, Shapley values, regression; each a record of one function."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.attribution.models.path_credit import PathCredit, spread_credit
from incrementality.attribution.models.rules import check_name
from incrementality.formatting import count
from incrementality.stats import removal_effects, score_logistic, shapley_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from incrementality.attribution.paths import Paths
    from incrementality.stats import ShapleyGame

__all__ = ["PATH_MODELS", "PathModel", "markov_model", "regression_model", "shapley_model"]


@dataclass(frozen=True, slots=True)
class PathModel:
    """A model that learns from paths.

    Attributes:
        name: Its name in tables and ledgers: small letters, digits, underscores.
        label: What it does, in words.
        credit: From paths to its answer; called as ``model.credit(paths)``.
    """

    name: str
    label: str
    credit: Callable[[Paths], PathCredit] = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)


def markov_model(order: int = 1, *, of: Literal["conversions", "value"] = "conversions") -> PathModel:
    """Return the model that credits a channel with what a chain of journeys would lose without it.

    The removal effects overlap; ``shares`` are their usual normalisation. Within an event they are the weights of the
    channels that it touched.

    Args:
        order: How many channels a state of the chain remembers, 1 to 3 in practice.
        of: Whether conversions would be lost, or what they are worth.

    References:
        Anderl, Becker, von Wangenheim and Schumann (2016), https://doi.org/10.1016/j.ijresmar.2016.03.001

    Examples:
        >>> from incrementality.attribution import paths_of_strings
        >>> print(markov_model().credit(paths_of_strings(["a > b", "a"], [1, 0], nulls=[0, 1])))
         model  channel  removal effect  share  usable
        markov        a               1    0.5     yes
        markov        b               1    0.5     yes
    """
    name = ("markov" if order == 1 else f"markov_{order}") + ("" if of == "conversions" else "_value")
    label = f"exact Markov chain of order {order}, normalised removal effects"

    def credit(paths: Paths) -> PathCredit:
        found = removal_effects(paths.transitions(order), of=of)
        return PathCredit(
            name=name,
            label=label,
            channels=paths.channels,
            effect_name="removal effect",
            effects=found.effects,
            standard_errors=np.zeros(len(paths.channels)),
            shares=found.shares,
            weights=found.effects,
            figures=(("expected", found.expected), ("states", float(found.states))),
        )

    return PathModel(name, label, credit)


def shapley_model(game: ShapleyGame = "conversions", *, seed: int = 0, draws: int = 1_000) -> PathModel:
    """Return the model that credits a channel with what it adds on average to coalitions of the others.

    In the games ``conversions`` and ``value`` each event is shared equally by the channels that it touched, and events
    sum to the Shapley values exactly. In ``rate`` values may be below 0: such a channel weighs nothing.

    Args:
        game: What a coalition reaches; see ``stats.shapley_values``.
        seed: Seed of the drawn orders, above 15 channels in ``rate``.
        draws: Pairs of orders there.

    References:
        Shapley (1953), https://doi.org/10.1515/9781400881970-018;
        Zhao, Mahboobi and Bagheri (2018), https://arxiv.org/abs/1804.05327

    Examples:
        >>> from incrementality.attribution import paths_of_strings
        >>> print(shapley_model().credit(paths_of_strings(["a > b", "a"], [6, 9])))
          model  channel  Shapley value  share  usable
        shapley        a             12    0.8     yes
        shapley        b              3    0.2     yes
    """
    name = "shapley" if game == "conversions" else f"shapley_{game}"
    label = f"Shapley values of the game of {game}"

    def credit(paths: Paths) -> PathCredit:
        found = shapley_values(paths.sets(), game=game, seed=seed, draws=draws)
        positive = np.maximum(found.values, 0.0)
        answer = PathCredit(
            name=name,
            label=label,
            channels=paths.channels,
            effect_name="Shapley value",
            effects=found.values,
            standard_errors=found.standard_errors,
            shares=positive / max(positive.sum(), np.finfo(float).tiny),
            weights=positive if game == "rate" else np.ones(len(paths.channels)),
            figures=(("draws", float(found.draws)),),
        )
        return answer if positive.any() else answer.refused("No channel adds anything to the others.")

    return PathModel(name, label, credit)


def regression_model(
    *, seed: int = 0, folds: int = 5, of: Literal["conversions", "value"] = "conversions"
) -> PathModel:
    """Return the model that learns from journeys with and without conversion which channels go with converting.

    A logistic regression on which channels a journey touched, with a ridge penalty chosen by cross-validation. On the
    scale of log-odds the Shapley value of a channel in a journey is its coefficient: channels that a journey touched
    share it in proportion to their coefficients, those below 0 get nothing. Order and repetition have no say. The
    answer is not usable unless journeys that were never seen are predicted better than by the share that converts.

    Args:
        seed: Seed of the folds.
        folds: How many.
        of: Whether conversions are credited, or what they are worth.

    References:
        Shao and Li (2011), Data-driven multi-touch attribution models, https://doi.org/10.1145/2020408.2020453

    Examples:
        >>> from incrementality.attribution import paths_of_strings
        >>> paths = paths_of_strings(["a", "b", "a > b"], [300, 100, 300], nulls=[700, 900, 700])
        >>> answer = regression_model().credit(paths)
        >>> answer.usable, answer.shares.round(2).tolist()
        (True, [0.86, 0.14])
    """
    name = "regression" if of == "conversions" else "regression_value"
    label = "logistic regression on the channels touched, ridge, scored out of sample"

    def credit(paths: Paths) -> PathCredit:
        sets = paths.sets()
        score = score_logistic(sets.members, sets.conversions, sets.nulls, seed=seed, folds=folds)
        weights = np.maximum(score.fit.coefficients, 0.0)
        credited = spread_credit(sets, weights, of=of)
        answer = PathCredit(
            name=name,
            label=label,
            channels=paths.channels,
            effect_name="log odds ratio",
            effects=score.fit.coefficients,
            standard_errors=np.zeros(len(weights)),
            shares=credited / credited.sum(),
            weights=weights,
            figures=(
                ("auc", score.auc),
                ("log_loss", score.log_loss),
                ("base_log_loss", score.base_log_loss),
                ("penalty", score.fit.penalty),
            ),
        )
        journeys = count(int(sets.conversions.sum() + sets.nulls.sum()))
        told = f"On journeys that it never saw, of {journeys}, it predicts no better than the share that converts."
        return answer if score.beats_base_rate else answer.refused(told)

    return PathModel(name, label, credit)


PATH_MODELS: Mapping[str, PathModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            markov_model(),
            markov_model(2),
            markov_model(3),
            shapley_model(),
            shapley_model("rate"),
            regression_model(),
        )
    }
)
