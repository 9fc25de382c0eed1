"""Models that look at a touch's place in the journey: first, last, linear, position-based, W-shaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.models.rules import RuleModel
from incrementality.errors import InputError
from incrementality.warehouse.sql import add, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.attribution.models.rules import Touch

__all__ = ["first", "last", "last_non", "linear", "position", "w_shaped"]

_POSITION = """
CASE WHEN $k = 1 THEN 1e0 WHEN $k = 2 THEN CASE WHEN $i = 1 THEN $two_first ELSE $two_last END
  WHEN $i = 1 THEN $first WHEN $i = $k THEN $last ELSE $middle / ($k - 2) END
"""


def first() -> RuleModel:
    """Return the model that credits the first touch alone.

    Examples:
        >>> first().name
        'first'
    """
    return RuleModel("first", "the first touch", lambda touch: _is(touch.position, literal(1)), True, trusted=True)  # noqa: FBT003


def last() -> RuleModel:
    """Return the model that credits the last touch alone.

    Examples:
        >>> last().label
        'the last touch'
    """
    return RuleModel("last", "the last touch", lambda touch: _is(touch.position, touch.k), True, trusted=True)  # noqa: FBT003


def last_non(*values: str, by: str = "channel", name: str = "") -> RuleModel:
    """Return the model that credits the last touch that is none of some values; of such touches alone, the last.

    Args:
        values: What is passed over: ``"direct"``.
        by: The label that is looked at: ``channel``, ``function``, ``type`` and the like.
        name: The model's name; default: ``last_non_`` and the first value.

    Raises:
        InputError: No value is named.

    Examples:
        >>> last_non("direct").name
        'last_non_direct'
    """
    if not values:
        raise InputError("last_non is told no value to pass over", hint='write last_non("direct")')

    def weight(touch: Touch) -> exp.Expression:
        passed = exp.In(this=getattr(touch, by), expressions=[literal(value) for value in values])
        other = parse("CASE WHEN $passed THEN NULL ELSE $i END", passed=passed, i=touch.position)
        return _is(touch.position, parse("coalesce($other, $k)", other=touch.largest(other), k=touch.k))

    label = f"the last touch whose {by} is not {' or '.join(values)}"
    return RuleModel(name or f"last_non_{values[0]}", label, weight, True, trusted=True)  # noqa: FBT003


def linear() -> RuleModel:
    """Return the model that credits all touches alike.

    Examples:
        >>> linear().normalised
        True
    """
    return RuleModel("linear", "all touches alike", lambda touch: parse("1e0 / $k", k=touch.k), True, trusted=True)  # noqa: FBT003


def position(first: float = 0.4, middle: float = 0.2, last: float = 0.4, *, name: str = "position") -> RuleModel:
    """Return the model that credits the first and the last touch, and the others alike.

    One touch takes all. Two share as first and last do, half and half where both have no share.

    Args:
        first: The share of the first touch.
        middle: The share of all touches between.
        last: The share of the last touch.
        name: The model's name.

    Raises:
        InputError: A share is negative, or all are zero.

    Examples:
        >>> position(0.4, 0.2, 0.4).label
        'first 40 %, between 20 %, last 40 %'
    """
    shares = _shares((first, middle, last))
    ends = shares[0] + shares[2]
    two = (shares[0] / ends, shares[2] / ends) if ends else (0.5, 0.5)
    places = {"first": shares[0], "middle": shares[1], "last": shares[2], "two_first": two[0], "two_last": two[1]}
    label = f"first {shares[0]:.0%}, between {shares[1]:.0%}, last {shares[2]:.0%}".replace("%", " %")

    def weight(touch: Touch) -> exp.Expression:
        return parse(_POSITION, i=touch.position, k=touch.k, **{key: literal(value) for key, value in places.items()})

    return RuleModel(name, label, weight, True, trusted=True)  # noqa: FBT003


def w_shaped(
    key: float = 0.3,
    rest: float = 0.1,
    *,
    at: Sequence[str] = ("opportunity_at",),
    name: str = "w_shaped",
) -> RuleModel:
    """Return the model that credits the first touch, the touch that made the opportunity, the last, and the rest.

    The touch that made an opportunity is the last one up to its creation. A touch that is two of them takes both
    shares; where the creation is not known or no touch came before it, or nothing is left between, that share goes
    to the others in proportion.

    Args:
        key: The share of each of the key touches.
        rest: The share of all other touches together.
        at: The moments whose touches are key: ``opportunity_at``, ``lead_at``.
        name: The model's name.

    Raises:
        InputError: A share is negative, or all are zero.

    Examples:
        >>> w_shaped(at=("lead_at", "opportunity_at"), key=0.225, name="full_path").label
        'first, lead, opportunity and last 22.5 % each, the rest 10.0 %'
    """
    _shares((key, rest))
    words = ", ".join(["first", *(moment.removesuffix("_at") for moment in at)])
    label = f"{words} and last {100 * key:.1f} % each, the rest {100 * rest:.1f} %"

    def weight(touch: Touch) -> exp.Expression:
        made = [parse("coalesce($made, 0)", made=_last_up_to(touch, getattr(touch, moment))) for moment in at]
        places = [literal(1), touch.k, *made]
        keys = [
            parse("CASE WHEN $i = $at THEN $key ELSE 0e0 END", i=touch.position, at=at_, key=literal(key))
            for at_ in places
        ]
        left = parse("$k - $taken", k=touch.k, taken=_distinct(places))
        between = parse(
            "CASE WHEN $is_key THEN 0e0 ELSE $rest / ($left) END",
            is_key=exp.In(this=touch.position, expressions=places),
            rest=literal(rest),
            left=left,
        )
        return add([*keys, between])

    return RuleModel(name, label, weight, trusted=True)


def _is(one: exp.Expression, other: exp.Expression) -> exp.Expression:
    return parse("CASE WHEN $one = $other THEN 1e0 ELSE 0e0 END", one=one, other=other)


def _last_up_to(touch: Touch, moment: exp.Expression) -> exp.Expression:
    """Return the position of the event's last touch up to a moment."""
    before = parse("CASE WHEN $at <= $moment THEN $i END", at=touch.touch_at, moment=moment, i=touch.position)
    return touch.largest(before)


def _distinct(places: Sequence[exp.Expression]) -> exp.Expression:
    """Return how many touches the places name; a place of 0 is none."""
    counted: list[exp.Expression] = []
    for k, place in enumerate(places):
        known = exp.In(this=place, expressions=[*places[:k], literal(0)])
        counted.append(parse("CASE WHEN $known THEN 0 ELSE 1 END", known=known))
    return exp.Paren(this=add(counted))


def _shares(values: Sequence[float]) -> tuple[float, ...]:
    """Return shares over their sum."""
    if not all(0 <= value < float("inf") for value in values) or not sum(values):
        raise InputError(
            f"{tuple(values)} are no shares; allowed: numbers from 0, not all of them 0", hint="write 0.4, 0.2, 0.4"
        )
    return tuple(value / sum(values) for value in values)
