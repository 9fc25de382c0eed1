"""Values of settings as people write them, checked one by one; what cannot be used is told by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["chosen_of", "keys_of", "names_of", "number_of", "share_of"]


def keys_of(written: object, allowed: Iterable[str], place: str) -> Mapping[str, Any]:
    """Return a section as a mapping of known keys; nothing is an empty one.

    Args:
        written: What the settings hold there.
        allowed: The keys that may stand there.
        place: How an error calls the section.

    Raises:
        InputError: It is no mapping, or a key is not known.

    Examples:
        >>> keys_of({"days": 7}, ["days"], "windows")
        {'days': 7}
    """
    known = tuple(allowed)
    if written is None:
        return {}
    if not hasattr(written, "keys"):
        raise InputError(f"{place} is {written!r}; expected a mapping", hint=f"its keys are: {', '.join(known)}")
    found: dict[str, Any] = dict(written)  # type: ignore[call-overload]
    for key in found:
        if key not in known:
            near = did_you_mean(str(key), known)
            raise InputError(
                f"{place}.{key}: the key is unknown. Allowed: {', '.join(known)}.{near}", hint="correct it"
            )
    return found


def number_of(section: Mapping[str, Any], key: str, default: float, place: str, *, least: float = 0.0) -> float:
    """Return a number from ``least`` up.

    Raises:
        InputError: It is none.

    Examples:
        >>> number_of({}, "half_life_days", 7.0, "models.time_decay")
        7.0
    """
    value = section.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < float("inf"):
        raise InputError(
            f"{place}.{key} is {value!r}; expected a number from {least:g}", hint=f"write {key}: {default:g}"
        )
    return float(value)


def share_of(section: Mapping[str, Any], key: str, default: float, place: str) -> float:
    """Return a share, written ``0.4`` or ``40%``.

    Raises:
        InputError: It is not from 0 to 1.

    Examples:
        >>> share_of({"source": "40%"}, "source", 0.4, "expansion"), share_of({}, "close", 0.4, "expansion")
        (0.4, 0.4)
    """
    value = section.get(key, default)
    found = _percent(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise InputError(
            f"{place}.{key} is {value!r}; expected a share from 0 to 1", hint=f"write {key}: {default:g}, or a per cent"
        )
    return float(found)


def _percent(text: str) -> float | None:
    number, sign, rest = text.strip().partition("%")
    try:
        return float(number) / 100 if sign and not rest else None
    except ValueError:
        return None


def names_of(section: Mapping[str, Any], key: str, default: Iterable[str], place: str) -> tuple[str, ...]:
    """Return a list of names.

    Raises:
        InputError: It is no list of texts.

    Examples:
        >>> names_of({"topics": ["pricing"]}, "topics", (), "expansion")
        ('pricing',)
    """
    value = section.get(key, list(default))
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise InputError(f"{place}.{key} is {value!r}; expected a list of names", hint=f"write {key}: [one, another]")
    return tuple(value)


def chosen_of(section: Mapping[str, Any], key: str, default: str, allowed: Iterable[str], place: str) -> str:
    """Return one of the words that are allowed.

    Raises:
        InputError: It is another word.

    Examples:
        >>> chosen_of({}, "unit", "money", ["money", "deals"], "attribution")
        'money'
    """
    value, known = section.get(key, default), tuple(allowed)
    if value not in known:
        near = did_you_mean(str(value), known)
        raise InputError(
            f"{place}.{key} is {value!r}; allowed: {', '.join(known)}.{near}", hint=f"write {key}: {default}"
        )
    return str(value)
