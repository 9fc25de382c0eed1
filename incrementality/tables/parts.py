"""The contracts of the input tables: which columns play which part, and what each part allows. Checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import ColumnNotFound, ColumnTypeError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ARM", "COVARIATE", "GROUP", "OUTCOME", "UNIT_ID", "Part", "check_columns"]


@dataclass(frozen=True, slots=True)
class Part:
    """What a column may be that plays one part in a table.

    Attributes:
        name: The part, as an error names it.
        allowed: Column types that it may have.
        why: Why the others are refused.
        hint: The next step for a column of another type.
    """

    name: str
    allowed: frozenset[str]
    why: str
    hint: str


_LABELS = frozenset({"text", "integer", "boolean"})
_NUMBERS = frozenset({"boolean", "decimal", "float", "integer"})

UNIT_ID = Part(
    "unit id",
    frozenset({"text", "integer"}),
    "ids are text or whole numbers and are never guessed from rounded ones",
    "export the id as text; a whole-number column turns into decimals where ids are missing",
)
ARM = Part("arm", _LABELS, "arms are names, whole numbers or true/false", "export the arm as text")
GROUP = Part("group", _LABELS, "groups are names, whole numbers or true/false", "bin the column into a few values")
OUTCOME = Part("outcome", _NUMBERS, "outcomes are numbers", "export the column as a number, empty where it is missing")
COVARIATE = Part("covariate", _NUMBERS | {"text"}, "covariates are numbers or names", "export it as a number or text")


def check_columns(parts: Iterable[tuple[str, Part]], available: Mapping[str, str], *, source: str) -> None:
    """Check that every column is there and has a type that its part allows.

    Args:
        parts: Column names with the part that each plays.
        available: The type of each column of the source.
        source: How the source is called in an error.

    Raises:
        ColumnNotFound: A column is missing; all missing ones are named.
        ColumnTypeError: A column has a type that its part does not allow.

    Examples:
        >>> check_columns([("spend", OUTCOME)], {"spend": "float"}, source="orders.csv")
    """
    parts = list(parts)
    missing = [name for name, _ in parts if name not in available]
    if missing:
        named = ", ".join(f"{name!r}{did_you_mean(name, available)}" for name in dict.fromkeys(missing))
        raise ColumnNotFound(
            f"{source} has no column {named}",
            hint=f"correct experiment.yaml; the data has: {_some(available)}",
        )
    for name, part in parts:
        if available[name] not in part.allowed:
            raise ColumnTypeError(
                f"column {name!r} of {source} is the {part.name} and has type {available[name]}; {part.why}",
                hint=part.hint,
            )


def _some(names: Iterable[str], most: int = 30) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
