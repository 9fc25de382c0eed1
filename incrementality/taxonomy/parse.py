"""From the section ``taxonomy`` of the settings to a taxonomy: what is written extends or overrides what ships."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, get_args

from incrementality.errors import did_you_mean
from incrementality.taxonomy.campaigns import CampaignRule
from incrementality.taxonomy.crossings import crossing_problems, with_canonical_references
from incrementality.taxonomy.defaults import default_taxonomy
from incrementality.taxonomy.refusals import TaxonomyError
from incrementality.taxonomy.terms import RESERVED, MilestoneKind, MilestoneRule, Path, Term, Vocabulary, fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.taxonomy.taxonomy import Taxonomy

__all__ = ["parse_taxonomy"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CLOSED = frozenset({"directions", "bases"})
_CHOICES: dict[str, tuple[str, ...]] = {"Path": get_args(Path), "MilestoneKind": get_args(MilestoneKind)}
_EXPECTED = {
    "str": "text",
    "bool": "true or false",
    "float": "a number",
    "tuple[str, ...]": "a list of texts",
    **{name: f"one of {', '.join(choices)}" for name, choices in _CHOICES.items()},
}


@dataclass
class _Reading:
    """One reading of the section: the problems that were found so far."""

    problems: list[str] = field(default_factory=list)

    def refuse(self, place: str, what: str) -> None:
        self.problems.append(f"{place}: {what}")


def parse_taxonomy(content: Mapping[str, object] | None = None, *, base: Taxonomy | None = None) -> Taxonomy:
    """Return the taxonomy that a mapping writes, as YAML gives it.

    A name that ships keeps what the mapping does not mention; its aliases are added. A new name, or a new alias, takes
    a spelling over from an alias that ships. A list instead of a mapping gives aliases alone.

    Args:
        content: Vocabularies by name, each with its terms; ``campaigns`` is the naming rule. ``None``: what ships.
        base: What is extended; default: the taxonomy that ships.

    Raises:
        TaxonomyError: It cannot be used; every problem is named with its key.

    Examples:
        >>> taxonomy = parse_taxonomy(
        ...     {
        ...         "functions": {"community": {"aliases": ["DevRel"]}, "sdr": ["Inside Sales"]},
        ...         "types": {"office_hours": {"function": "community", "stage": "adoption"}},
        ...         "channels": {"whatsapp": {"label": "WhatsApp", "rolls_up_to": "sms"}},
        ...     }
        ... )
        >>> taxonomy.classify({"type": "Office hours"}).function, taxonomy.canonical("function", "inside-sales")
        ('community', 'sdr')
        >>> taxonomy.counts_as("whatsapp")
        'sms'
        >>> parse_taxonomy({"chanels": {}, "functions": {"unknown": {}}})
        Traceback (most recent call last):
        incrementality.taxonomy.refusals.TaxonomyError: the taxonomy has 2 problems:
        chanels: the key is unknown. Allowed: bases, campaigns, channels, ... Did you mean 'channels'?
        functions.unknown: the word is reserved; it says that a source is not known
        Next: correct the keys that are named under 'taxonomy'
    """
    base = base or default_taxonomy()
    reading = _Reading()
    shipped = {vocabulary.name: vocabulary for vocabulary in base.vocabularies()}
    written = _section(content or {}, "taxonomy", reading)
    parts: dict[str, Any] = {}
    for key, value in written.items():
        if key == "campaigns":
            parts[key] = _campaign_rule(value, base.campaigns, reading)
        elif key in shipped:
            parts[key] = _extended(shipped[key], _section(value, key, reading), reading)
        else:
            reading.refuse(key, _unknown_key(key, [*shipped, "campaigns"]))
    if reading.problems:
        raise _refused(reading.problems)
    taxonomy = with_canonical_references(replace(base, **parts))
    problems = crossing_problems(taxonomy)
    if problems:
        raise _refused(problems)
    return taxonomy


def _refused(problems: Sequence[str]) -> TaxonomyError:
    return TaxonomyError.of("the taxonomy", problems, hint="correct the keys that are named under 'taxonomy'")


def _unknown_key(key: str, allowed: Sequence[str]) -> str:
    return f"the key is unknown. Allowed: {', '.join(sorted(allowed))}.{did_you_mean(key, allowed)}"


def _section(value: object, place: str, reading: _Reading) -> dict[str, object]:
    """Return a mapping with text keys; anything else is a problem."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        reading.refuse(place, f"this is {_kind(value)}; expected a mapping of names")
        return {}
    odd = [key for key in value if not isinstance(key, str)]
    for key in odd:
        reading.refuse(place, f"the name {key!r} is {_kind(key)}; put it in quotes")
    return {key: item for key, item in value.items() if isinstance(key, str)}


def _kind(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a mapping",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def _extended(shipped: Vocabulary[Term], written: Mapping[str, object], reading: _Reading) -> Vocabulary[Term]:
    """Return a vocabulary with what was written in it, and with aliases that ship given up to what was written."""
    own = {term.name: term for term in shipped}
    claims: dict[str, str] = {}
    for name, value in written.items():
        place = f"{shipped.name}.{name}"
        if _is_usable_name(name, shipped, place, reading):
            given = _attributes(value, type(shipped.terms[0]), place, reading)
            for problem in _claimed(name, given.get("aliases", ()), [*own, *written], claims):
                reading.refuse(f"{place}.aliases", problem)
            before = own.get(name) or type(shipped.terms[0])(name=name)
            added = tuple(dict.fromkeys([*before.aliases, *given.pop("aliases", ())]))
            own[name] = replace(before, **given, aliases=added)
    kept = [
        replace(term, aliases=tuple(a for a in term.aliases if claims.get(fold(a), term.name) == term.name))
        for term in own.values()
    ]
    return Vocabulary(shipped.name, tuple(kept))


def _is_usable_name(name: str, shipped: Vocabulary[Term], place: str, reading: _Reading) -> bool:
    problem = ""
    if fold(name) in RESERVED:
        meaning = "a source is not known" if fold(name) == "unknown" else "no touch lies in the window"
        problem = f"the word is reserved; it says that {meaning}"
    elif not _NAME.fullmatch(name):
        wanted = re.sub(r"[^a-z0-9_]", "", fold(name))
        problem = "names are written with a-z, 0-9 and _" + (f"; write {wanted}" if _NAME.fullmatch(wanted) else "")
    elif shipped.name in _CLOSED and name not in shipped.names:
        allowed = ", ".join(shipped.names)
        problem = f"no {shipped.name} can be added. Allowed: {allowed}.{did_you_mean(name, shipped.names)}"
    if problem:
        reading.refuse(place, problem)
    return not problem


def _claimed(name: str, aliases: Sequence[str], names: Sequence[str], claims: dict[str, str]) -> Iterator[str]:
    """Note which spellings a term takes for itself; yield a problem for each that it may not have."""
    others = {fold(other): other for other in names if other != name}
    claims[fold(name)] = name
    for alias in aliases:
        spelled = fold(alias)
        holder = others.get(spelled) or claims.get(spelled, name)
        if not spelled:
            yield "an alias is empty"
        elif spelled in RESERVED:
            yield f"the word {alias!r} is reserved"
        elif holder != name:
            yield f"{alias!r} means {holder!r} already"
        else:
            claims[spelled] = name


def _attributes(value: object, kind: type[Term], place: str, reading: _Reading) -> dict[str, Any]:
    """Return the attributes that a term's entry gives; those that cannot be read are problems."""
    if isinstance(value, list):
        value = {"aliases": value}
    types = {part.name: str(part.type) for part in fields(kind) if part.name != "name"}
    found: dict[str, Any] = {}
    for key, given in _section(value, place, reading).items():
        if key not in types:
            reading.refuse(f"{place}.{key}", _unknown_key(key, list(types)))
        elif not _fits(given, types[key]):
            near = did_you_mean(given, _CHOICES.get(types[key], ())) if isinstance(given, str) else ""
            reading.refuse(f"{place}.{key}", f"{given!r} cannot be used; expected {_EXPECTED[types[key]]}.{near}")
        else:
            found[key] = _read(given, types[key])
    if issubclass(kind, MilestoneRule):
        _check_numbers(found, place, reading)
    return found


def _fits(value: object, kind: str) -> bool:
    if kind in _CHOICES:
        return value in _CHOICES[kind]
    if kind == "tuple[str, ...]":
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))
    if kind == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")
    return isinstance(value, bool if kind == "bool" else str)


def _read(value: Any, kind: str) -> object:  # noqa: ANN401 - checked by _fits
    if kind == "tuple[str, ...]":
        return (value,) if isinstance(value, str) else tuple(value)
    return float(value) if kind == "float" else value


def _check_numbers(found: Mapping[str, Any], place: str, reading: _Reading) -> None:
    for key in ("up_by", "within_days", "apart_days"):
        if key in found and not found[key] > 0:
            reading.refuse(f"{place}.{key}", f"{found[key]:g} is not allowed; it must be above 0")


def _campaign_rule(value: object, base: CampaignRule, reading: _Reading) -> CampaignRule:
    types = {part.name: str(part.type) for part in fields(CampaignRule)}
    given: dict[str, Any] = {}
    for key, item in _section(value, "campaigns", reading).items():
        if key not in types:
            reading.refuse(f"campaigns.{key}", _unknown_key(key, list(types)))
        elif not _fits(item, types[key]):
            reading.refuse(f"campaigns.{key}", f"{item!r} cannot be used; expected {_EXPECTED[types[key]]}")
        else:
            given[key] = _read(item, types[key])
    try:
        return replace(base, **given)
    except TaxonomyError as error:
        reading.problems += [f"campaigns.{problem}" for problem in error.problems]
        return base
