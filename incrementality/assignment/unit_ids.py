"""Unit ids as they are hashed: refused where they are doubtful, never guessed."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from incrementality.errors import InvalidUnitId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "BLANKS",
    "CRM_SUFFIX",
    "FLOAT",
    "UnitType",
    "canonical_ids",
    "is_long_crm_id",
    "is_short_crm_id",
    "long_crm_id",
]

# Every character that Unicode calls white space, and two that nobody sees: zero-width space, byte-order mark.
BLANKS = "".join(map(chr, [*range(9, 14), *range(28, 33), 133, 160, 5760, *range(8192, 8204)])) + (
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
FLOAT = r"^[+-]?([0-9]+[.][0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?[0-9]+[eE][+-][0-9]+$"

CRM_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

_BLANKS = frozenset(BLANKS)
_FLOAT = re.compile(FLOAT)
_SHORT = re.compile(r"[A-Za-z0-9]{15}\Z")
_SHORT_LENGTH, _LONG_LENGTH = 15, 18
_UPPER = {
    ord(upper): lower for upper, lower in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", strict=True)
}
_SHOWN = 60
_MANY = 1_000
_DELETE = 127


class UnitType(BaseModel):
    """What a unit is, and what two spellings of an id it takes for one unit.

    Attributes:
        name: Contact, account, region: part of the hashed key.
        lower: The letters A to Z are read as a to z; other letters are kept, since engines disagree on them.
        nfc: Ids are brought to Unicode's composed form (NFC); always so for the type ``email``.

    Examples:
        >>> UnitType(name="email").nfc
        True
        >>> canonical_ids(["Ana@Example.com"], UnitType(name="email", lower=True))
        ['ana@example.com']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="contact, account, region")]
    lower: Annotated[bool, Field(description="Read A to Z as a to z.")] = False
    nfc: Annotated[bool, Field(description="Compose characters (NFC); always so for email.")] = False

    @model_validator(mode="after")
    def _email_is_composed(self) -> Self:
        if self.name == "email" and not self.nfc:
            object.__setattr__(self, "nfc", True)
        return self


def canonical_ids(unit_ids: Sequence[str | int] | NDArray[np.generic], unit_type: UnitType) -> list[str]:
    """Return the ids as they are hashed, in the order given.

    Whole numbers become their digits; ``42`` and ``042`` stay two units, and so do ``a`` and ``A`` unless the unit
    type declares ``lower``.

    Raises:
        InvalidUnitId: An id is null, empty, a float or the text of one, has a blank at an end, or is no valid
            Unicode; or one batch holds CRM ids of 15 and of 18 characters, which name the same records twice.

    Examples:
        >>> canonical_ids(["c_1", 7], UnitType(name="contact"))
        ['c_1', '7']
        >>> canonical_ids(["c_1 "], UnitType(name="contact"))
        Traceback (most recent call last):
        ...
        incrementality.errors.InvalidUnitId: the unit id 'c_1 ' (row 1) has a blank at an end
        Next: trim the ids where they are made, so that every system spells them alike
    """
    values: list[Any] = unit_ids.tolist() if isinstance(unit_ids, np.ndarray) else list(unit_ids)
    if len(values) >= _MANY and _beyond_doubt(values):
        return [text.lower() for text in values] if unit_type.lower else values
    ids = _texts(values)
    _refuse_first([not text for text in ids] if not all(ids) else (), ids, "is empty", "leave out rows without an id")
    _check_ends(ids)
    _check_floats(ids)
    if unit_type.nfc:
        ids = [text if text.isascii() else unicodedata.normalize("NFC", text) for text in ids]
    if unit_type.lower:
        ids = [text.lower() if text.isascii() else text.translate(_UPPER) for text in ids]
    _check_crm_ids(ids)
    return ids


def _beyond_doubt(values: list[Any]) -> bool:
    """Whether one look at all ids together shows that no check can refuse any: most batches need no more."""
    if set(map(type, values)) != {str}:
        return False
    joined = "\n".join(values)
    if not joined.isascii():
        return False
    codes = np.frombuffer(f"\n{joined}\n".encode(), dtype=np.uint8)
    breaks = np.flatnonzero(codes == ord("\n"))
    lengths = np.diff(breaks) - 1
    if len(lengths) != len(values) or not lengths.all():  # an id holds a line break, or is empty
        return False
    first, last = codes[breaks[:-1] + 1], codes[breaks[1:] - 1]
    blank_free = min(first.min(), last.min()) > ord(" ") and max(first.max(), last.max()) < _DELETE
    float_free = first.min() > ord("9") or not any(sign in joined for sign in ".eE")
    return bool(blank_free and float_free and not {_SHORT_LENGTH, _LONG_LENGTH} <= set(np.unique(lengths).tolist()))


def _texts(values: list[Any]) -> list[str]:
    kinds = set(map(type, values))
    texts: list[str]
    if kinds <= {str}:
        texts = cast("list[str]", values)
    else:
        doubtful = [not _is_id(value) for value in values]
        _refuse_first(
            doubtful if any(doubtful) else (),
            values,
            "is neither text nor a whole number",
            "export the id as text; a whole-number column turns into floats where ids are missing",
        )
        texts = [str(value) for value in values]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        broken = [any("\ud800" <= letter <= "\udfff" for letter in text) for text in texts]
        _refuse_first(broken, texts, "is not valid Unicode", "export the ids again, as UTF-8")
    return texts


def _is_id(value: object) -> bool:
    return isinstance(value, (str, int, np.integer)) and not isinstance(value, (bool, np.bool_))


def _check_ends(ids: list[str]) -> None:
    if _BLANKS.isdisjoint([text[0] for text in ids]) and _BLANKS.isdisjoint([text[-1] for text in ids]):
        return
    _refuse_first(
        [text[0] in _BLANKS or text[-1] in _BLANKS for text in ids],
        ids,
        "has a blank at an end",
        "trim the ids where they are made, so that every system spells them alike",
    )


def _check_floats(ids: list[str]) -> None:
    suspects = [text for text in ids if text[0] in "0123456789+-." and _FLOAT.match(text)]
    if suspects:
        _refuse_first(
            [text == suspects[0] for text in ids],
            ids,
            "is the text of a float",
            "export the id as text or a whole number; 123.0 may have been 123 or 0123",
        )


def _refuse_first(doubtful: Sequence[bool], ids: Sequence[object], why: str, hint: str) -> None:
    """Name the first id that is refused, and how many are."""
    if not any(doubtful):
        return
    first = list(doubtful).index(True)
    shown = repr(ids[first])
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    more = f", and {sum(doubtful) - 1} more" if sum(doubtful) > 1 else ""
    raise InvalidUnitId(f"the unit id {shown} (row {first + 1}{more}) {why}", hint=hint)


def _check_crm_ids(ids: list[str]) -> None:
    if not {_SHORT_LENGTH, _LONG_LENGTH} <= set(map(len, ids)):
        return
    long = next(filter(is_long_crm_id, ids), None)
    short = next(filter(is_short_crm_id, ids), None)
    if long is not None and short is not None:
        raise InvalidUnitId(
            f"one batch holds CRM ids of 15 characters ({short!r}) and of 18 ({long!r}), which may name one record",
            hint="bring all to 18 characters with long_crm_id()",
        )


def is_short_crm_id(text: str) -> bool:
    """Say whether a text has the form of a CRM id of 15 characters: letters and digits.

    Examples:
        >>> is_short_crm_id("0015g00000AbCdE")
        True
    """
    return _SHORT.match(text) is not None


def is_long_crm_id(text: str) -> bool:
    """Say whether a text is a CRM id of 18 characters, whose last three check the case of the others.

    Examples:
        >>> is_long_crm_id("0015g00000AbCdEAAV"), is_long_crm_id("001500000000000000")
        (True, False)
    """
    if len(text) != _LONG_LENGTH or not is_short_crm_id(text[:_SHORT_LENGTH]):
        return False
    return long_crm_id(text[:_SHORT_LENGTH]) == text


def long_crm_id(text: str) -> str:
    """Return the form of 18 characters of a CRM id of 15: it tells A from a even where case is lost.

    Raises:
        InvalidUnitId: The text is not 15 letters and digits.

    Examples:
        >>> long_crm_id("0015g00000AbCdE")
        '0015g00000AbCdEAAV'
    """
    if not is_short_crm_id(text):
        raise InvalidUnitId(
            f"{text[:_SHOWN]!r} is no CRM id of 15 letters and digits", hint="hand in the id as the CRM shows it"
        )
    groups = (text[i : i + 5] for i in range(0, _SHORT_LENGTH, 5))
    return text + "".join(
        CRM_SUFFIX[sum("A" <= letter <= "Z" and 1 << i for i, letter in enumerate(g))] for g in groups
    )
