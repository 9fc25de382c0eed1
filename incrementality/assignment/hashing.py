"""The hash IH1: one formula that every engine computes alike.

    key  = "1/" + kind + "/" + salt + "/" + unit_type + "/" + unit_id
    hash = first 4 bytes of SHA-256(UTF-8(key)), big-endian, unsigned: 0 .. 4294967295

Only whole numbers are compared, by >= and <: no modulo, no division, no float, so engines cannot differ.
"""

from __future__ import annotations

import re
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from incrementality.assignment.unit_ids import UnitType, canonical_ids
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SALT", "SPACE", "Kind", "Share", "cut", "draw", "exact", "hash_unit", "hash_units", "key_prefix", "ranks"]

Kind = Literal["arm", "exp", "global", "layer", "rank"]
Share = Fraction | float | str

SPACE = 2**32
SALT = r"^[a-z0-9][a-z0-9._-]{0,62}\Z"

_WORDS = 8


def key_prefix(kind: Kind, salt: str, unit_type: str) -> str:
    """Return what stands before the unit's id in the key that is hashed.

    Args:
        kind: What the draw decides: ``global`` holdout, ``layer`` slot, ``exp`` traffic, ``arm``, or ``rank``.
        salt: Names the draw: the experiment's id, the layer, the holdout. Another salt is another, independent draw.
        unit_type: What a unit is: contact, account, region.

    Raises:
        InputError: The kind is unknown, or salt or unit type hold a character that is not allowed.

    Examples:
        >>> key_prefix("exp", "winback-2026q1", "contact")
        '1/exp/winback-2026q1/contact/'
    """
    if kind not in get_args(Kind):
        raise InputError(
            f"the kind of draw {kind!r} is unknown; allowed: {', '.join(get_args(Kind))}", hint="choose one of them"
        )
    for part, text in (("salt", salt), ("unit type", unit_type)):
        if not isinstance(text, str) or not re.match(SALT, text):
            raise InputError(
                f"the {part} {text!r} cannot be hashed; allowed: 1 to 63 of a-z, 0-9, '.', '_' and '-', "
                "the first a letter or digit",
                hint=f"write the {part} in lower case, with '-' in place of blanks and slashes",
            )
    return f"1/{kind}/{salt}/{unit_type}/"


def hash_unit(kind: Kind, salt: str, unit_type: str | UnitType, unit_id: str | int) -> int:
    """Return the hash of one unit, 0 to 4294967295.

    Raises:
        InvalidUnitId: The id is null, empty, floating-point text, or has a blank at an end.
        InputError: Kind, salt or unit type are not allowed.

    Examples:
        >>> hash_unit("exp", "winback-2026q1", "contact", "c_000001")
        3472529440
        >>> hash_unit("arm", "expansion-trigger-07", "account", "42")
        355914778
        >>> hash_unit("arm", "expansion-trigger-07", "account", "042")
        828407626
    """
    return int(hash_units(kind, salt, unit_type, [unit_id])[0])


def hash_units(
    kind: Kind, salt: str, unit_type: str | UnitType, unit_ids: Sequence[str | int] | NDArray[np.generic]
) -> NDArray[np.int64]:
    """Return the hash of each unit, shape (n,); see :func:`hash_unit`.

    Examples:
        >>> hash_units("exp", "winback-2026q1", "contact", ["c_000001", "c_000002"]).tolist()
        [3472529440, 1033482039]
    """
    unit = unit_type if isinstance(unit_type, UnitType) else UnitType(name=unit_type)
    return draw(key_prefix(kind, salt, unit.name), canonical_ids(unit_ids, unit))


def draw(prefix: str, ids: Sequence[str]) -> NDArray[np.int64]:
    """Return the hash of ids that were checked already, shape (n,), under a prefix of :func:`key_prefix`."""
    digests = np.frombuffer(b"".join(_digests(prefix, ids)), dtype=">u4")
    return digests[::_WORDS].astype(np.int64)


def ranks(prefix: str, ids: Sequence[str]) -> list[str]:
    """Return the whole SHA-256 of ids that were checked already, as 64 hexadecimal digits each.

    The order of these texts is the random order of a fixed cohort.

    Examples:
        >>> ranks(key_prefix("rank", "winback-2026q1", "contact"), ["c_000001"])[0][:16]
        'c4cfb0edbe2464f8'
    """
    return [digest.hex() for digest in _digests(prefix, ids)]


def _digests(prefix: str, ids: Sequence[str]) -> list[bytes]:
    start = prefix.encode()
    return [sha256(start + unit_id.encode(), usedforsecurity=False).digest() for unit_id in ids]


def exact(share: Share) -> Fraction:
    """Return a share as it is written: 0.1 is 1/10, not the nearest binary number.

    Raises:
        InputError: It is no number between 0 and 1.

    Examples:
        >>> exact(0.1), exact("1/3"), exact("5%")
        (Fraction(1, 10), Fraction(1, 3), Fraction(1, 20))
    """
    text = str(share).strip()
    try:
        number = Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)
    except (ValueError, ZeroDivisionError):
        number = Fraction(-1)
    if not 0 <= number <= 1:
        raise InputError(f"the share {text!r} is not between 0 and 1", hint="write it like 1/3, 0.05 or 5%")
    return number


def cut(share: Share) -> int:
    """Return the number of hashes that make up a share: round(share x 2^32), half to even.

    Raises:
        InputError: The share is not between 0 and 1.

    Examples:
        >>> cut("1/10"), cut(0.5), cut(1)
        (429496730, 2147483648, 4294967296)
    """
    return round(exact(share) * SPACE)
