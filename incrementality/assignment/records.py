"""What all frozen records of this room share: they are checked when they are made, and name what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Edge", "Record", "Salt", "made"]

Salt = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="a-z, 0-9, '.', '_' and '-'")]
Edge = Annotated[int, Field(ge=0, le=2**32, description="A hash, or the first number after the last hash.")]


class Record(BaseModel):
    """A frozen record that refuses keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_R = TypeVar("_R", bound=Record)


def made(kind: type[_R], content: Mapping[str, object]) -> _R:
    """Return a record of some content.

    Raises:
        InputError: The content does not fit; each problem names its place.

    Examples:
        >>> from incrementality.assignment.overrides import Override
        >>> made(Override, {"unit_id": "c_7", "arm": "journey"})
        Traceback (most recent call last):
        ...
        incrementality.errors.InputError: this is no Override: reason: Field required
        Next: correct what is named
    """
    try:
        return kind.model_validate(dict(content))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'together'}: {p['msg']}" for p in error.errors())
        raise InputError(f"this is no {kind.__name__}: {problems}", hint="correct what is named") from error
