"""Point-in-time questions about a unit, as a small typed tree; never SQL text.

A predicate compares operands with constants. It is three-valued: a missing input makes a comparison unknown, and
``all``, ``any`` and ``not`` follow Kleene's logic, as SQL does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, Tag, model_validator

from incrementality.cohorts.operands import (
    Count,
    Filter,
    Operand,
    OperandRecord,
    Record,
    Scalar,
    TableName,
    ValueKind,
    Within,
    key_of,
)
from incrementality.windows import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "All",
    "AnyOf",
    "Compare",
    "Exists",
    "Missing",
    "Not",
    "Predicate",
    "PredicateRecord",
    "comparisons_in",
    "operands_in",
]

_BOUNDS = ("below", "at_most", "above", "at_least")


class Compare(Record):
    """An operand against constants: exactly one of the tests, of the operand's own type.

    Durations are written like ``14d``. ``between`` is half-open: ``[low, high)``.

    Examples:
        >>> Compare.model_validate({"value": {"count": "logins", "within": "30d"}, "at_least": 3}).test
        'at_least'
    """

    value: Operand
    equals: Scalar | None = None
    in_: Annotated[tuple[Scalar, ...] | None, Field(alias="in", min_length=1)] = None
    below: Scalar | None = None
    at_most: Scalar | None = None
    above: Scalar | None = None
    at_least: Scalar | None = None
    between: tuple[Scalar, Scalar] | None = None

    @property
    def test(self) -> str:
        """The one test that is given."""
        return next(name for name in self._tests() if getattr(self, name) is not None)

    @property
    def constants(self) -> tuple[str | float, ...]:
        """What the operand is compared with: text, a number, or microseconds for a duration."""
        given = getattr(self, self.test)
        values = given if isinstance(given, tuple) else (given,)
        return tuple(_constant(value, self.value.kind) for value in values)

    @staticmethod
    def _tests() -> tuple[str, ...]:
        return ("equals", "in_", *_BOUNDS, "between")

    @model_validator(mode="after")
    def _one_test_of_the_operands_type(self) -> Self:
        given = [name for name in self._tests() if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one test of {', '.join(('equals', 'in', *_BOUNDS, 'between'))}")
        kinds = {isinstance(constant, str) for constant in self.constants}
        if len(kinds) > 1:
            raise ValueError("texts and numbers stand side by side; compare with one of the two")
        if kinds == {True} and given[0] in (*_BOUNDS, "between"):
            raise ValueError(f"texts have no order that all engines share; {given[0]!r} compares numbers and durations")
        return self


def _constant(value: bool | float | str, kind: ValueKind) -> str | float:  # noqa: FBT001 - a value, not a switch
    if kind == "duration":
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no duration; write it like 36h, 14d or 2w")
        return parse_duration(value) // timedelta(microseconds=1)
    if isinstance(value, str):
        if kind == "number":
            raise ValueError(f"{value!r} is text; a count or sum is compared with a number")
        return value
    return float(value)


class Missing(Record):
    """Whether an operand is missing: true or false, never unknown."""

    missing: Operand


class Exists(Record):
    """Whether there is at least one event in ``[t0 - within, t0)``: true or false, never unknown."""

    exists: TableName
    where: Filter = ()
    within: Within = None

    @property
    def counted(self) -> Count:
        """The same look-back as a count."""
        return Count(count=self.exists, where=self.where, within=self.within)


class All(Record):
    """True if every condition is; false if one is false; else unknown."""

    conditions: Annotated[tuple[Predicate, ...], Field(alias="all", min_length=1)]


class AnyOf(Record):
    """True if one condition is; false if every one is false; else unknown."""

    options: Annotated[tuple[Predicate, ...], Field(alias="any", min_length=1)]


class Not(Record):
    """The opposite; unknown stays unknown."""

    condition: Annotated[Predicate, Field(alias="not")]


PredicateRecord = All | AnyOf | Not | Missing | Exists | Compare
Predicate = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Missing, Tag("missing")]
    | Annotated[Exists, Tag("exists")]
    | Annotated[Compare, Tag("value")],
    key_of("all", "any", "not", "missing", "exists", "value"),
]

for _model in (All, AnyOf, Not):
    _model.model_rebuild()


def operands_in(predicate: PredicateRecord) -> Iterator[OperandRecord]:
    """Yield every operand of a predicate, in the order of the tree; look-backs of ``exists`` as counts.

    Examples:
        >>> tree = All.model_validate({"all": [{"missing": "contacts.plan"}, {"not": {"exists": "logins"}}]})
        >>> [operand.label for operand in operands_in(tree)]
        ['contacts.plan', 'count logins']
    """
    if isinstance(predicate, All):
        for part in predicate.conditions:
            yield from operands_in(part)
    elif isinstance(predicate, AnyOf):
        for part in predicate.options:
            yield from operands_in(part)
    elif isinstance(predicate, Not):
        yield from operands_in(predicate.condition)
    elif isinstance(predicate, Exists):
        yield predicate.counted
    else:
        yield predicate.missing if isinstance(predicate, Missing) else predicate.value


def comparisons_in(predicate: PredicateRecord) -> Iterator[Compare]:
    """Yield every comparison of a predicate."""
    if isinstance(predicate, (All, AnyOf)):
        for part in predicate.conditions if isinstance(predicate, All) else predicate.options:
            yield from comparisons_in(part)
    elif isinstance(predicate, Not):
        yield from comparisons_in(predicate.condition)
    elif isinstance(predicate, Compare):
        yield predicate
