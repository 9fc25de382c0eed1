"""The section ``windows`` of the settings: a preset, and rules that change it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from incrementality.attribution.windows import ANY_KIND, WINDOW_PRESETS, WindowRule, Windows
from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["parse_windows", "windows_to_dict"]

_KEYS = ("preset", "rules", "source")
_RULE_KEYS = tuple(field.name for field in fields(WindowRule))
_TEXTS = ("kind", "function", "segment", "journey", "anchor", "since", "otherwise")


def parse_windows(section: Mapping[str, Any] | None) -> Windows:
    """Read windows as the settings write them.

    Args:
        section: ``preset`` (``default``, ``staged``), ``rules`` that replace or join the preset's, and ``source``,
            the rules for the touch that started an event.

    Raises:
        InputError: A key, a preset or a value is not known; the message names it and what is allowed.

    Examples:
        >>> windows = parse_windows({"preset": "staged", "rules": [{"kind": "purchase", "days": 7}]})
        >>> windows.rule("purchase").days, windows.rule("new", function="marketing").anchor
        (7, 'opportunity')
    """
    if section is not None and not hasattr(section, "keys"):
        raise InputError(f"windows holds {section!r}; expected a mapping", hint=f"write {' and '.join(_KEYS)}")
    section = section or {}
    _known_keys(section, _KEYS, "windows")
    preset = section.get("preset", "default")
    if preset not in WINDOW_PRESETS:
        near = did_you_mean(str(preset), WINDOW_PRESETS)
        raise InputError(
            f"windows.preset is {preset!r}; allowed: {', '.join(WINDOW_PRESETS)}.{near}", hint="name one of these"
        )
    windows = WINDOW_PRESETS[preset].changed(_rules(section.get("rules"), "windows.rules"))
    source = {rule.place: rule for rule in (*windows.source, *_rules(section.get("source"), "windows.source"))}
    return Windows(windows.rules, tuple(source.values()))


def windows_to_dict(windows: Windows) -> dict[str, object]:
    """Return windows as plain values, every rule in full; what a fingerprint is taken of.

    Examples:
        >>> windows_to_dict(WINDOW_PRESETS["default"])["source"][0]["days"]
        180
    """
    return {
        name: [{key: _plain(getattr(rule, key)) for key in _RULE_KEYS} for rule in rules]
        for name, rules in (("rules", windows.rules), ("source", windows.source))
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _rules(written: object, place: str) -> tuple[WindowRule, ...]:
    if written is None:
        return ()
    if not isinstance(written, list):
        raise InputError(f"{place} is {written!r}; expected a list", hint="write - {kind: new, days: 180}")
    rules = tuple(_rule(entry, f"{place}[{k}]") for k, entry in enumerate(written))
    Windows((WindowRule(ANY_KIND, 1), *(rule for rule in rules if rule.rank != (False,) * 4)))  # no place twice
    return rules


def _rule(entry: object, place: str) -> WindowRule:
    if not isinstance(entry, dict):
        raise InputError(f"{place} is {entry!r}; expected a mapping", hint="write {kind: new, days: 180}")
    _known_keys(entry, _RULE_KEYS, place)
    if "days" not in entry:
        raise InputError(f"{place} states no days", hint="write how many days before the anchor touches count")
    for key in _TEXTS:
        if not isinstance(entry.get(key), str | None) or entry.get(key) == "":
            raise InputError(f"{place}.{key} is {entry[key]!r}; expected a name", hint="write a text, in quotes")
    expected = entry.get("expected", [])
    if not isinstance(expected, list) or not all(isinstance(name, str) for name in expected):
        raise InputError(f"{place}.expected is {expected!r}; expected a list of functions", hint="write [cs, product]")
    if not isinstance(entry.get("only_expected", False), bool):
        raise InputError(f"{place}.only_expected is {entry['only_expected']!r}", hint="write true or false")
    values = {"kind": ANY_KIND, **entry, "expected": tuple(expected)}
    try:
        return WindowRule(**values)
    except InputError as error:
        raise InputError(f"{place}: {error.message}", hint=error.hint) from None


def _known_keys(section: Mapping[Any, Any], allowed: Sequence[str], place: str) -> None:
    for key in section:
        if key not in allowed:
            near = did_you_mean(str(key), allowed)
            raise InputError(
                f"{place} has the unknown key {key!r}; allowed: {', '.join(allowed)}.{near}", hint="correct the key"
            )
