"""The settings of attribution: the sections ``windows``, ``models``, ``expansion`` and their like, read into a spec."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from incrementality.attribution.journey_columns import LABELS
from incrementality.attribution.model_settings import parse_path_models, parse_rule_model
from incrementality.attribution.models.decays import capped, time_decay, usage_weighted
from incrementality.attribution.models.expansion import ExpansionRules
from incrementality.attribution.models.gates import ConversionGate
from incrementality.attribution.models.groups import NEW_BUSINESS_WEIGHTS, function_weights, save_event
from incrementality.attribution.models.positions import position
from incrementality.attribution.setting_values import chosen_of, keys_of, names_of, number_of, share_of
from incrementality.attribution.specification import LEADING, AttributionSpec
from incrementality.attribution.window_settings import parse_windows, windows_to_dict
from incrementality.attribution.windows import ANY_KIND
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.attribution.journeys import Unit
    from incrementality.attribution.models.rules import RuleModel
    from incrementality.attribution.windows import Windows

__all__ = ["ATTRIBUTION_SECTIONS", "parse_attribution"]

ATTRIBUTION_SECTIONS = ("windows", "channels", "models", "weights", "renewal", "expansion", "save", "gates", "unit")

_BESIDE = ("first", "last", "last_non", "linear", "time_decay", "position", "w_shaped")
_LEARNED = ("markov", "shapley", "regression")
_SPLIT = "expansion"
_SHARES = ("source", "close", "assist")


def parse_attribution(mapping: Mapping[str, Any] | None = None) -> AttributionSpec:
    """Read the sections of ``attribution.yaml`` that say how credit is split; what is missing is the default.

    Args:
        mapping: ``windows``; ``channels`` (``order``, the channel that claims a visit first, and ``within_minutes``);
            ``models`` (``leading`` by kind of event, ``beside``, ``learned``, ``learned_by``);
            ``weights`` of functions for new business; ``renewal`` (``half_life_days``, ``most``); ``expansion``
            (shares and words of :class:`ExpansionRules`); ``save`` (``first``); ``gates`` (``conversions_a_month``,
            ``months``, ``unknown_share``); ``unit`` (``money`` or ``deals``).

    Raises:
        InputError: A key is unknown or a value cannot be used; the message names it.

    Examples:
        >>> spec = parse_attribution({"models": {"beside": ["first", "linear"]}, "save": {"first": "60%"}})
        >>> [model.name for model in spec.beside], spec.leading_label("saved")
        (['first', 'linear'], 'the first intervention after the flag 60 %, the other touches since the rest')
        >>> parse_attribution({"modles": {}})
        Traceback (most recent call last):
        incrementality.errors.InputError: attribution.modles: the key is unknown. Allowed: ... Did you mean 'models'?
        Next: correct it
    """
    written = keys_of(mapping, ATTRIBUTION_SECTIONS, "attribution")
    windows = parse_windows(written.get("windows"))
    models = keys_of(written.get("models"), ("leading", "beside", "learned", "learned_by"), "models")
    gates = keys_of(written.get("gates"), ("conversions_a_month", "months", "unknown_share"), "gates")
    rules = _expansion(written.get("expansion"))
    leading = _leading(models.get("leading"), written, windows, rules)
    beside = _beside(models.get("beside"), windows)
    learned = parse_path_models(models.get("learned", list(_LEARNED)), "models.learned")
    by = chosen_of(models, "learned_by", "function", LABELS, "models")
    gate = ConversionGate(*(int(number_of(gates, key, usual, "gates")) for key, usual in _GATE.items()))
    floor = share_of(gates, "unknown_share", 0.2, "gates")
    unit = chosen_of(written, "unit", "money", ("money", "deals"), "attribution")
    visit = _visit(written.get("channels"))
    sections = {
        "windows": windows_to_dict(windows),
        "channels": {"order": list(visit[0]), "within_minutes": visit[1]},
        "models": {
            "leading": {kind: _named(model) for kind, model in leading.items()},
            "beside": [[model.name, model.label] for model in beside],
            "learned": [[model.name, model.label] for model in learned],
            "learned_by": by,
        },
        "expansion": _plain_rules(rules),
        "gates": {"conversions_a_month": gate.conversions_a_month, "months": gate.months, "unknown_share": floor},
        "unit": unit,
    }
    return AttributionSpec(windows, leading, beside, learned, by, gate, floor, cast("Unit", unit), visit, sections)


def _visit(written: object) -> tuple[tuple[str, ...], int]:
    section = keys_of(written, ("order", "within_minutes"), "channels")
    order = names_of(section, "order", (), "channels")
    if len(set(order)) < len(order) or len(order) == 1:
        raise InputError(
            f"channels.order: {list(order)} is no order",
            hint="name two channels or more, each once, the first one first",
        )
    return order, int(number_of(section, "within_minutes", 30.0, "channels", least=1.0))


_GATE = {"conversions_a_month": 500.0, "months": 3.0}


def _leading(
    written: object, sections: Mapping[str, Any], windows: Windows, rules: ExpansionRules
) -> dict[str, RuleModel | ExpansionRules]:
    """Return the leading model of each kind: the shipped ones, and in their places those that are named."""
    renewal = keys_of(sections.get("renewal"), ("half_life_days", "most"), "renewal")
    save = keys_of(sections.get("save"), ("first",), "save")
    half_life = number_of(renewal, "half_life_days", windows.rule("renewal").days / 3, "renewal")
    found: dict[str, RuleModel | ExpansionRules] = {
        "new": function_weights(_weights(sections.get("weights"))),
        "expansion": rules,
        "renewal": capped(time_decay(half_life), share_of(renewal, "most", 0.6, "renewal")),
        "saved": save_event(share_of(save, "first", 0.5, "save")),
        ANY_KIND: position(),
    }
    for kind, model in _any_keys(written, "models.leading").items():
        found[kind] = rules if model == _SPLIT else parse_rule_model(model, f"models.leading.{kind}")
    return found


def _weights(written: object) -> dict[str, float]:
    section = _any_keys(written, "weights") or dict(NEW_BUSINESS_WEIGHTS)
    return {name: number_of(section, name, 1.0, "weights") for name in section}


def _any_keys(written: object, place: str) -> dict[str, Any]:
    """Return a mapping whose keys are names of the company's own."""
    return dict(keys_of(written, [str(key) for key in written] if isinstance(written, dict) else (), place))


def _beside(written: object, windows: Windows) -> tuple[RuleModel, ...]:
    if written is None:
        usage = usage_weighted(windows.rule("expansion").days / 3)
        return (*(parse_rule_model(name, "models.beside") for name in _BESIDE), usage)
    if not isinstance(written, list):
        raise InputError(f"models.beside is {written!r}; expected a list of models", hint="write [first, linear]")
    models = tuple(parse_rule_model(model, f"models.beside[{k}]") for k, model in enumerate(written))
    names = [LEADING, *(model.name for model in models)]
    twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if twice is not None:
        raise InputError(
            f"models.beside has the name {twice!r} twice, or that of the leading model",
            hint="give one a name of its own: {model: time_decay, half_life_days: 30, name: slow_decay}",
        )
    return models


def _expansion(written: object) -> ExpansionRules:
    usual = ExpansionRules()
    names = [field.name for field in fields(ExpansionRules)]
    section = keys_of(written, names, "expansion")
    values: dict[str, Any] = {key: share_of(section, key, getattr(usual, key), "expansion") for key in _SHARES}
    for name in names:
        if isinstance(getattr(usual, name), frozenset):
            values[name] = frozenset(names_of(section, name, sorted(getattr(usual, name)), "expansion"))
    values["inbound_source"] = chosen_of(section, "inbound_source", "customer", ("customer", "product"), "expansion")
    values["sales"] = str(section.get("sales", usual.sales))
    try:
        return ExpansionRules(**values)
    except InputError as error:
        raise InputError(f"expansion: {error.message}", hint=error.hint) from None


def _plain_rules(rules: ExpansionRules) -> dict[str, object]:
    values = {field.name: getattr(rules, field.name) for field in fields(rules)}
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}


def _named(model: RuleModel | ExpansionRules) -> Sequence[str]:
    return [_SPLIT] if isinstance(model, ExpansionRules) else [model.name, model.label]
