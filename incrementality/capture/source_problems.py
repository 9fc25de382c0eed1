"""The checks of the settings of sources: every problem is told by its key, all of them at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from incrementality.errors import SourcesError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Problems", "checked_choice", "checked_currency", "checked_keys", "checked_map", "checked_zone"]

_CURRENCY = re.compile(r"[A-Z]{3}")
_SHOWN = 60


class Problems:
    """The problems found so far, each with the key where it stands.

    Examples:
        >>> problems = Problems()
        >>> problems.add("sources.costs", "this is empty")
        >>> problems.found
        ['sources.costs: this is empty']
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, where: str, text: str) -> None:
        """Note a problem."""
        self.found.append(f"{where}: {text}")

    def raise_if_any(self, *, hint: str) -> None:
        """Raise one error that names all problems.

        Raises:
            SourcesError: There are some.
        """
        if self.found:
            count = f"{len(self.found)} problem" + ("s" if len(self.found) > 1 else "")
            told = "\n".join(self.found)
            raise SourcesError(f"the sources have {count}:\n{told}", problems=tuple(self.found), hint=hint)


def checked_keys(written: object, allowed: Iterable[str], where: str, problems: Problems) -> dict[str, Any]:
    """Return a mapping's known keys with their values; unknown keys are told with the nearest known one.

    Examples:
        >>> problems = Problems()
        >>> checked_keys({"colums": {}}, ("columns", "values"), "sources.costs", problems), problems.found
        ({}, ["sources.costs.colums: this key is unknown; allowed: columns, values. Did you mean 'columns'?"])
    """
    if not isinstance(written, dict) and not hasattr(written, "items"):
        problems.add(where, f"{_shown(written)} is no mapping; write keys like {', '.join(list(allowed)[:3])}")
        return {}
    known, found = tuple(allowed), dict(written.items())
    for key in found:
        if key not in known:
            problems.add(
                f"{where}.{key}",
                f"this key is unknown; allowed: {', '.join(known)}.{did_you_mean(str(key), known)}",
            )
    return {key: value for key, value in found.items() if key in known}


def checked_map(written: object, where: str, problems: Problems) -> dict[str, Any]:
    """Return a mapping with its keys as text, or nothing where it is none.

    Examples:
        >>> checked_map({1: "won"}, "sources.opportunities.values.outcome", Problems())
        {'1': 'won'}
    """
    if written is None:
        return {}
    if not isinstance(written, dict):
        problems.add(where, f"{_shown(written)} is no mapping; write {{ours: theirs}}")
        return {}
    return {_text(key): value for key, value in written.items()}


def _text(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def checked_zone(written: object, where: str, problems: Problems) -> str:
    """Return the IANA name of a time zone.

    Examples:
        >>> problems = Problems()
        >>> checked_zone("Europe/Berln", "company.time_zone", problems)
        'UTC'
        >>> print(problems.found[0])
        company.time_zone: 'Europe/Berln' is no time zone; write an IANA name. Did you mean 'Europe/Berlin'?
    """
    name = str(written)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = did_you_mean(name, available_timezones())
        problems.add(where, f"{_shown(written)} is no time zone; write an IANA name.{near}")
        return "UTC"
    return name


def checked_currency(written: object, where: str, problems: Problems) -> str:
    """Return a currency's code in capital letters; "" stays.

    Examples:
        >>> checked_currency("eur", "company.currency", Problems())
        'EUR'
    """
    code = str(written or "").strip().upper()
    if code and not _CURRENCY.fullmatch(code):
        problems.add(where, f"{_shown(written)} is no currency; write three letters, like EUR")
        return ""
    return code


def checked_choice(written: object, allowed: tuple[str, ...], where: str, problems: Problems) -> str:
    """Return a value that is one of a few; the first one where it is none of them.

    Examples:
        >>> checked_choice("minor", ("major", "minor"), "sources.costs.money.unit", Problems())
        'minor'
    """
    if written not in allowed:
        near = did_you_mean(str(written), allowed)
        problems.add(where, f"{_shown(written)} is not allowed; write {' or '.join(map(repr, allowed))}.{near}")
        return allowed[0]
    return str(written)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
