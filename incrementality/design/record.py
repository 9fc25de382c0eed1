"""Records to plain JSON values and back, with every type checked on the way in."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["from_plain", "to_plain"]

T = TypeVar("T")


def to_plain(record: object) -> dict[str, Any]:
    """Return every field of a record as plain JSON values."""
    return dict(_adapter(cast("Any", type(record))).dump_python(record, mode="json", warnings=False))


def from_plain(kind: type[T], content: Mapping[str, Any], *, what: str) -> T:
    """Return the record of plain values.

    Args:
        kind: The record's class.
        content: Its fields.
        what: What it is, for the error's words.

    Raises:
        InputError: A field is missing, unknown, of another type, or outside its range.
    """
    try:
        checked: T = _adapter(cast("Any", kind)).validate_python(dict(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        cause = first.get("ctx", {}).get("error", first["msg"])
        said = cause.message if isinstance(cause, InputError) else cause
        raise InputError(f"this is no {what}: {place}: {said}", hint="correct that field") from error
    return checked


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
