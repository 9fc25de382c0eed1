"""What a model of credit is: a weight for each touch of a journey, from which its share of the event follows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.journey_columns import JOURNEY_COLUMNS
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["RuleModel", "Touch", "check_name", "rule_model"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


@dataclass(frozen=True, slots=True)
class Touch:
    """The row that a weight is made of: one touch of one event's journey, each column as a piece of SQL.

    ``touch.position`` runs from 1 to ``touch.k``, ``touch.age_days`` is the time before the event, ``touch.function``,
    ``touch.channel``, ``touch.outcome`` and the other labels are texts or empty.

    Examples:
        >>> touch = Touch()
        >>> parse("$position = $k", position=touch.position, k=touch.k).sql()
        '"position" = "k"'
        >>> touch.total(touch.age_days).sql()
        'SUM("age_days") OVER (PARTITION BY "event_id")'
        >>> touch.count(parse("$age < 7", age=touch.age_days)).sql()
        'COUNT(CASE WHEN "age_days" < 7 THEN 1 END) OVER (PARTITION BY "event_id")'
    """

    def __getattr__(self, name: str) -> exp.Expression:
        """Return a column of the journey.

        Raises:
            AttributeError: A journey has no such column.
        """
        if name not in JOURNEY_COLUMNS:
            raise AttributeError(f"a journey has no column {name!r}.{did_you_mean(name, JOURNEY_COLUMNS)}")
        return column(name)

    def total(self, value: exp.Expression, *, within: Sequence[str] = ()) -> exp.Expression:
        """Return the sum of a value over the touches of the event; ``within`` names labels that part them."""
        return self._over(parse("sum($value)", value=value), within)

    def count(self, test: exp.Expression) -> exp.Expression:
        """Return for how many touches of the event a test holds."""
        return self._over(parse("count(CASE WHEN $test THEN 1 END)", test=test), ())

    def largest(self, value: exp.Expression) -> exp.Expression:
        """Return the largest of a value over the touches of the event; empty values are left out."""
        return self._over(parse("max($value)", value=value), ())

    def smallest(self, value: exp.Expression) -> exp.Expression:
        """Return the smallest of a value over the touches of the event; empty values are left out."""
        return self._over(parse("min($value)", value=value), ())

    def _over(self, value: exp.Expression, within: Sequence[str]) -> exp.Expression:
        return exp.Window(this=value, partition_by=[column("event_id"), *(column(name) for name in within)])


@dataclass(frozen=True, slots=True)
class RuleModel:
    """A model of credit: how much each touch of a journey weighs; shares are the weights over their sum.

    An event whose weights are all zero stays unallocated. Credit says who touched, never who caused.

    Attributes:
        name: Its name in tables and ledgers: small letters, digits, underscores.
        label: What it does, in words.
        weight: From a touch to its weight, an expression that is never negative; an empty one weighs nothing.
        normalised: Whether the weights of an event already add up to one, so that their sum need not be taken.
        kinds: The kinds of events that it credits; empty: all.
        trusted: Whether weights are known never to be negative; others are checked as they are used.
    """

    name: str
    label: str
    weight: Callable[[Touch], exp.Expression] = field(repr=False)
    normalised: bool = False
    kinds: tuple[str, ...] = ()
    trusted: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)


def rule_model(
    name: str,
    weight: Callable[[Touch], exp.Expression],
    *,
    label: str = "",
    normalised: bool = False,
    kinds: Sequence[str] = (),
) -> RuleModel:
    """Return a model of your own from one function.

    Args:
        name: Its name in tables and ledgers: small letters, digits, underscores.
        weight: From a touch to its weight, as SQL in DuckDB's dialect; never negative.
        label: What it does, in words.
        normalised: Whether the weights of an event add up to one.
        kinds: The kinds of events that it credits; empty: all.

    Raises:
        InputError: The name cannot be used.

    Examples:
        >>> recent = rule_model("recent", lambda touch: parse("1 / (1 + $age)", age=touch.age_days))
        >>> recent.weight(Touch()).sql("duckdb")
        '1 / (1 + "age_days")'
    """
    return RuleModel(name, label or name.replace("_", " "), weight, normalised, tuple(kinds))


def check_name(name: str) -> None:
    """Check a model's name.

    Raises:
        InputError: It is no short word of small letters, digits and underscores.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a model; allowed: small letters, digits and underscores, at most 60",
            hint="write a name like time_decay_30",
        )
