"""Models of credit as the settings name them: by name, or by family with figures of one's own."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from incrementality.attribution.journey_columns import LABELS
from incrementality.attribution.models.datadriven import PATH_MODELS
from incrementality.attribution.models.decays import capped, time_decay, usage_weighted
from incrementality.attribution.models.groups import function_weights, save_event
from incrementality.attribution.models.positions import first, last, last_non, linear, position, w_shaped
from incrementality.attribution.models.registry import RULE_MODELS
from incrementality.attribution.setting_values import chosen_of, keys_of, names_of, number_of, share_of
from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from incrementality.attribution.models.datadriven import PathModel
    from incrementality.attribution.models.rules import RuleModel

__all__ = ["MODEL_FAMILIES", "parse_path_models", "parse_rule_model"]


def _last_non(keys: Mapping[str, Any], place: str) -> RuleModel:
    by = chosen_of(keys, "by", "channel", LABELS, place)
    return last_non(*names_of(keys, "values", ("direct",), place), by=by)


def _time_decay(keys: Mapping[str, Any], place: str) -> RuleModel:
    return time_decay(number_of(keys, "half_life_days", 7.0, place))


def _usage_weighted(keys: Mapping[str, Any], place: str) -> RuleModel:
    return usage_weighted(number_of(keys, "half_life_days", 30.0, place))


def _capped(keys: Mapping[str, Any], place: str) -> RuleModel:
    decay = time_decay(number_of(keys, "half_life_days", 60.0, place))
    return capped(decay, share_of(keys, "most", 0.6, place), name="capped_time_decay")


def _position(keys: Mapping[str, Any], place: str) -> RuleModel:
    return position(*(share_of(keys, key, usual, place) for key, usual in _TRIPLE.items()))


def _w_shaped(keys: Mapping[str, Any], place: str) -> RuleModel:
    return w_shaped(share_of(keys, "key", 0.3, place), share_of(keys, "rest", 0.1, place))


def _function_weights(keys: Mapping[str, Any], place: str) -> RuleModel:
    weights = keys.get("weights")
    if not isinstance(weights, dict) or not weights:
        raise InputError(f"{place}.weights is {weights!r}; expected weights by function", hint="write {marketing: 30}")
    return function_weights(
        {str(name): number_of(weights, name, 1.0, f"{place}.weights") for name in weights},
        others=number_of(keys, "others", 0.0, place),
    )


def _save_event(keys: Mapping[str, Any], place: str) -> RuleModel:
    return save_event(share_of(keys, "first", 0.5, place))


_TRIPLE = {"first": 0.4, "middle": 0.2, "last": 0.4}

MODEL_FAMILIES: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any], str], RuleModel]]] = MappingProxyType(
    {
        "first": ((), lambda _, __: first()),
        "last": ((), lambda _, __: last()),
        "last_non": (("values", "by"), _last_non),
        "linear": ((), lambda _, __: linear()),
        "time_decay": (("half_life_days",), _time_decay),
        "position": (tuple(_TRIPLE), _position),
        "w_shaped": (("key", "rest"), _w_shaped),
        "usage_weighted": (("half_life_days",), _usage_weighted),
        "capped_time_decay": (("half_life_days", "most"), _capped),
        "function_weights": (("weights", "others"), _function_weights),
        "save_event": (("first",), _save_event),
    }
)


def parse_rule_model(written: object, place: str) -> RuleModel:
    """Return the model that the settings name.

    Args:
        written: A name such as ``linear``, or a mapping with ``model``, figures of its own and, if need be, ``name``.
        place: How an error calls it.

    Raises:
        InputError: There is no such model, or a figure cannot be used.

    Examples:
        >>> parse_rule_model("linear", "models.beside[0]").name
        'linear'
        >>> parse_rule_model({"model": "time_decay", "half_life_days": 30}, "models.beside[1]").label
        'half as much with each 30 days before the event'
        >>> parse_rule_model("lineal", "models.beside[0]")
        Traceback (most recent call last):
        incrementality.errors.InputError: models.beside[0] names the model 'lineal'; ... Did you mean 'linear'?
        Next: name one of these, or write {model: time_decay, half_life_days: 30}
    """
    keys = {"model": written} if isinstance(written, str) else keys_of(written, _every_key(), place)
    named = str(keys.get("model"))
    if named in RULE_MODELS and named not in MODEL_FAMILIES:
        return RULE_MODELS[named]
    if named not in MODEL_FAMILIES:
        known = (*MODEL_FAMILIES, *(name for name in RULE_MODELS if name not in MODEL_FAMILIES))
        raise InputError(
            f"{place} names the model {named!r}; allowed: {', '.join(known)}.{did_you_mean(named, known)}",
            hint="name one of these, or write {model: time_decay, half_life_days: 30}",
        )
    allowed, make = MODEL_FAMILIES[named]
    keys_of(keys, ("model", "name", *allowed), place)
    try:
        model = make(keys, place)
        return replace(model, name=str(keys["name"])) if "name" in keys else model
    except InputError as error:
        told = error.message if error.message.startswith(place) else f"{place}: {error.message}"
        raise InputError(told, hint=error.hint) from None


def parse_path_models(written: object, place: str) -> tuple[PathModel, ...]:
    """Return the models that learn from paths, by their names.

    Raises:
        InputError: It is no list, or a name is not known.

    Examples:
        >>> [model.name for model in parse_path_models(["markov"], "models.learned")]
        ['markov']
    """
    found = names_of({"learned": written}, "learned", (), place.rpartition(".")[0])
    for name in found:
        if name not in PATH_MODELS:
            near = did_you_mean(name, PATH_MODELS)
            raise InputError(
                f"{place} names {name!r}; allowed: {', '.join(PATH_MODELS)}.{near}", hint="name one of these"
            )
    return tuple(PATH_MODELS[name] for name in found)


def _every_key() -> tuple[str, ...]:
    figures = [key for allowed, _ in MODEL_FAMILIES.values() for key in allowed]
    return ("model", "name", *dict.fromkeys(figures))
