"""Models in which the recent weighs more: time decay, time decay by usage, and a limit on any one function."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from incrementality.attribution.models.rules import RuleModel, Touch
from incrementality.errors import InputError
from incrementality.warehouse.sql import literal, parse

__all__ = ["capped", "time_decay", "usage_weighted"]

_MOST_HALVINGS = 960.0
_DECAY = f"pow(0.5e0, least($age / $half_life, {_MOST_HALVINGS}e0))"
_CAPPED = "CASE WHEN $own > 0e0 THEN $weight / $own * least($own / $all, $cap) ELSE 0e0 END"


def time_decay(half_life_days: float = 7.0, *, name: str = "") -> RuleModel:
    """Return the model in which a touch weighs half as much with each half-life before the event.

    Beyond 960 half-lives touches weigh alike, so that no weight vanishes.

    Args:
        half_life_days: The half-life in days.
        name: The model's name; default: ``time_decay``, with the half-life unless it is 7.

    Raises:
        InputError: The half-life is not above zero.

    Examples:
        >>> time_decay(30).name, time_decay().name
        ('time_decay_30', 'time_decay')
    """
    half_life = _half_life(half_life_days)
    default = "time_decay" if half_life_days == 7 else f"time_decay_{half_life_days:g}".replace(".", "_")  # noqa: PLR2004
    label = f"half as much with each {half_life_days:g} days before the event"
    return RuleModel(name or default, label, lambda touch: _decay(touch, half_life), trusted=True)


def usage_weighted(half_life_days: float = 30.0, *, name: str = "usage_weighted") -> RuleModel:
    """Return time decay times how much the account used the product then, against its own habit.

    The usage weight comes with the touches (``weigh_by_usage``); where it is not known it is 1. An assumption, not a
    measurement; the usual half-life is a third of the window.

    Args:
        half_life_days: The half-life in days.
        name: The model's name.

    Raises:
        InputError: The half-life is not above zero.

    Examples:
        >>> usage_weighted(30).label
        'half as much with each 30 days before the event, times usage'
    """
    half_life = _half_life(half_life_days)

    def weight(touch: Touch) -> exp.Expression:
        return parse("$decay * coalesce($usage, 1e0)", decay=_decay(touch, half_life), usage=touch.usage_weight)

    label = f"half as much with each {half_life_days:g} days before the event, times usage"
    return RuleModel(name, label, weight, trusted=True)


def capped(model: RuleModel, most: float = 0.6, *, by: str = "function", name: str = "") -> RuleModel:
    """Return a model in which no function starts with more than a share; shares are then taken anew over their sum.

    A function alone still gets everything. Of 90 % and 10 % under a limit of 60 % remain 60 and 10, so 85.7 and 14.3.

    Args:
        model: The model that is limited; its weights look at one touch at a time.
        most: The largest share before shares are taken anew, above 0 and at most 1.
        by: The label whose values are limited.
        name: The model's name; default: that of ``model`` and ``_capped``.

    Raises:
        InputError: The share is none, or the model's weights look at several touches.

    Examples:
        >>> capped(time_decay(60)).name
        'time_decay_60_capped'
    """
    if not 0 < most <= 1:
        raise InputError(f"a limit of {most!r} is no share; allowed: above 0, at most 1", hint="write 0.6")
    if model.weight(Touch()).find(exp.Window) is not None:
        raise InputError(
            f"the model {model.name!r} weighs touches against one another and cannot be limited",
            hint="limit a model that looks at one touch at a time, such as time_decay",
        )

    def weight(touch: Touch) -> exp.Expression:
        plain = model.weight(touch)
        own, whole = touch.total(plain, within=(by,)), touch.total(plain)
        return parse(_CAPPED, weight=exp.Paren(this=plain), own=own, all=whole, cap=literal(float(most)))

    label = f"{model.label}; no {by} above {100 * most:g} % before shares are taken anew"
    return replace(model, name=name or f"{model.name}_capped", label=label, weight=weight, normalised=False)


def _decay(touch: Touch, half_life: float) -> exp.Expression:
    return parse(_DECAY, age=touch.age_days, half_life=literal(half_life))


def _half_life(days: float) -> float:
    if not 0 < days < float("inf"):
        raise InputError(f"a half-life of {days!r} days cannot be used; allowed: above 0", hint="write 7 or 30")
    return float(days)
