"""Models that weigh by who touched and what happened: weights by function and type, and the save of a customer."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.models.rules import RuleModel
from incrementality.errors import InputError
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.attribution.models.rules import Touch

__all__ = ["NEW_BUSINESS_WEIGHTS", "function_weights", "per_kind", "save_event"]

NEW_BUSINESS_WEIGHTS: Mapping[str, float] = MappingProxyType({"marketing": 30, "sdr": 15, "ae": 35, "presales": 20})
_SAVE = """
CASE WHEN $after AND $i = $first THEN $share WHEN $after THEN $rest / $others ELSE 0e0 END
"""


def function_weights(weights: Mapping[str, float], *, others: float = 0.0, name: str = "function_weights") -> RuleModel:
    """Return the model in which each function has a fixed weight, shared alike by its touches.

    Weights are taken anew over those present. ``"cs/quarterly_review"`` gives touches of one type a weight of their
    own, apart from their function's. With only touches that have no weight, the event stays unallocated.

    Args:
        weights: Functions, or functions with a type, and what they weigh.
        others: What all other touches weigh together.
        name: The model's name.

    Raises:
        InputError: There is no weight, or one is negative.

    Examples:
        >>> function_weights({"marketing": 30, "ae": 70}).label
        'marketing 30, ae 70; alike over their touches'
    """
    if not weights or not all(0 <= value < float("inf") for value in (*weights.values(), others)):
        raise InputError(
            f"{dict(weights)} are no weights; allowed: numbers from 0", hint="write {marketing: 30, ae: 70}"
        )
    groups = sorted(weights, key=lambda key: ("/" not in key, key))

    def weight(touch: Touch) -> exp.Expression:
        tests = [_is_group(touch, group) for group in groups]
        case, earlier = exp.Case(), list[exp.Expression]()
        for group, test in zip(groups, tests, strict=True):
            case = case.when(test, _alike(touch, test, earlier, float(weights[group])))
            earlier.append(test)
        case.set("default", _alike(touch, exp.true(), earlier, float(others)))
        return case

    listed = ", ".join(f"{group} {value:g}" for group, value in weights.items())
    return RuleModel(name, f"{listed}; alike over their touches", weight, trusted=True)


def save_event(first: float = 0.5, *, not_by: Sequence[str] = ("customer",), name: str = "save_event") -> RuleModel:
    """Return the model for customers saved: the first intervention after the flag, and the other touches since.

    Only touches after the moment at which a dated rule saw the account at risk count. Where nobody touched it since,
    the event stays unallocated. That an account was flagged and did not leave is never called caused.

    Args:
        first: The share of the first intervention; the other touches share the rest.
        not_by: Functions whose touches are no interventions.
        name: The model's name.

    Raises:
        InputError: The share is not from 0 to 1.

    Examples:
        >>> save_event().kinds
        ('saved',)
    """
    if not 0 <= first <= 1:
        raise InputError(f"{first!r} is no share; allowed: from 0 to 1", hint="write 0.5")

    def weight(touch: Touch) -> exp.Expression:
        after = parse("coalesce($at > $flag, FALSE)", at=touch.touch_at, flag=touch.flagged_at)
        nobody = exp.In(this=touch.function, expressions=[literal(name) for name in not_by])
        acted = parse(
            "CASE WHEN $after AND NOT coalesce($nobody, FALSE) THEN $i END",
            after=after,
            nobody=nobody,
            i=touch.position,
        )
        counted = touch.count(after)
        one = touch.smallest(acted)
        others = parse("greatest($n - CASE WHEN $first IS NULL THEN 0 ELSE 1 END, 1)", n=counted, first=one)
        shares = {"share": literal(float(first)), "rest": literal(1 - float(first))}
        return parse(_SAVE, after=after, i=touch.position, first=one, others=others, **shares)

    label = f"the first intervention after the flag {100 * first:g} %, the other touches since the rest"
    return RuleModel(name, label, weight, kinds=("saved",), trusted=True)


def per_kind(name: str, models: Mapping[str, RuleModel], *, otherwise: RuleModel, label: str = "") -> RuleModel:
    """Return one model that follows another for each kind of event.

    Args:
        name: The model's name.
        models: The model for each kind.
        otherwise: The model for all other kinds.
        label: What it does, in words.

    Examples:
        >>> from incrementality.attribution.models.positions import first, linear
        >>> per_kind("mine", {"new": first()}, otherwise=linear()).label
        'new: the first touch; others: all touches alike'
    """

    def weight(touch: Touch) -> exp.Expression:
        case = exp.Case(default=otherwise.weight(touch))
        for kind, model in models.items():
            case = case.when(parse("$kind = $is", kind=touch.kind, **{"is": literal(kind)}), model.weight(touch))
        return case

    listed = "; ".join([*(f"{kind}: {model.label}" for kind, model in models.items()), f"others: {otherwise.label}"])
    every = [*models.values(), otherwise]
    return RuleModel(
        name, label or listed, weight, all(m.normalised for m in every), trusted=all(m.trusted for m in every)
    )


def _is_group(touch: Touch, group: str) -> exp.Expression:
    function, slash, kind = group.partition("/")
    test = parse("$function = $is", function=touch.function, **{"is": literal(function)})
    return (
        exp.And(this=test, expression=parse("$type = $is", type=touch.type, **{"is": literal(kind)})) if slash else test
    )


def _alike(touch: Touch, test: exp.Expression, earlier: Sequence[exp.Expression], weight: float) -> exp.Expression:
    """Return a group's weight over the number of its touches in the event."""
    if weight == 0:
        return literal(0.0)
    case = exp.Case(default=exp.false())
    for other in earlier:
        case = case.when(other, exp.false())
    return parse("$weight / $n", weight=literal(weight), n=touch.count(case.when(test, exp.true())))
