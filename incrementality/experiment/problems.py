"""What the validation found, in words for whoever wrote the file; no word of the validating library gets through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incrementality.errors import InputError, did_you_mean
from incrementality.experiment.schema import choices_at, keys_at, meaning_at
from incrementality.experiment.tree import KeyPath, Problem, Spot, Tree, clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["path_text", "problems_of"]

_EXPECTED = {
    "bool_type": "true or false",
    "date_type": "a date like 2026-01-05, without quotes or time of day",
    "float_type": "a number, without quotes",
    "fraction_parsing": "a share like 1/3, 0.05 or 5%",
    "is_instance_of": "a share like 1/3, 0.05 or 5%",
    "string_type": "text",
    "time_delta_type": "a duration like 36h, 14d or 2w",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_PREFIX = re.compile(r"^([a-z_]+(?:\.[a-z_]+)*): ")
_LONG_QUOTE = re.compile(r"'([^']{61,})'")
_BRANCH = re.compile(r"literal\[.*|constrained-(int|float)|int|float")
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]{0,59}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Finding:
    path: KeyPath
    kind: str
    spot: Spot
    context: dict[str, Any]

    @property
    def echo(self) -> str:
        """The value as it stands in the file; what YAML made of it, where that is not plain text."""
        if self.spot.kind == "text":
            return clip(self.spot.text)
        return f"{clip(self.spot.text)} (read as {self.spot.kind})" if self.spot.text else self.spot.kind


def problems_of(error: ValidationError, tree: Tree) -> list[Problem]:
    """Return the validation's findings as problems with lines and plain words.

    Args:
        error: What the validation raised.
        tree: The file's values and lines.

    Returns:
        One problem a finding, in the validation's order.
    """
    found = _one_a_choice(error.errors(include_url=False))
    return [problem for details in found for problem in _translate(details, tree)]


def _one_a_choice(found: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Yield the findings, one for a value that may be a word or a number: the number's bound, or that it is neither."""
    told: set[KeyPath] = set()
    for details in sorted(found, key=lambda details: details["type"] not in _BOUNDS):
        branch = bool(details["loc"]) and bool(_BRANCH.fullmatch(str(details["loc"][-1])))
        path: KeyPath = details["loc"][:-1] if branch else details["loc"]
        if branch and path in told:
            continue
        told.add(path)
        kind = details["type"] if not branch or details["type"] in _BOUNDS else "neither"
        yield {**details, "loc": path, "type": kind}


def path_text(path: KeyPath) -> str:
    """Return the path as people write it.

    Examples:
        >>> path_text(("metrics", 0, "kind"))
        'metrics[0].kind'
    """
    steps = (f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def _key(step: str) -> str:
    return step if _PLAIN_KEY.fullmatch(step) else clip(step)


def _translate(details: ErrorDetails, tree: Tree) -> Iterator[Problem]:
    path: KeyPath = details["loc"]
    finding = _Finding(path, details["type"], tree.spot(path), dict(details.get("ctx") or {}))
    if finding.kind == "value_error":
        yield from _complaints(finding, tree)
    elif finding.kind != "too_short" or _length(path, tree) < finding.context["min_length"]:
        yield Problem(finding.spot.line, path, _words(finding))


def _length(path: KeyPath, tree: Tree) -> int:
    return sum(len(other) == len(path) + 1 and other[:-1] == path for other in tree.spots)


def _complaints(finding: _Finding, tree: Tree) -> Iterator[Problem]:
    cause = finding.context["error"]
    said = f"{cause.message}; {cause.hint}" if isinstance(cause, InputError) else str(cause)
    for line in said.splitlines():
        prefix = _PREFIX.match(line)
        path = (*finding.path, *prefix[1].split(".")) if prefix else finding.path
        text = line[prefix.end() :] if prefix else line
        yield Problem(tree.spot(path).line, path, _LONG_QUOTE.sub(lambda quote: clip(quote[1]), text))


def _words(finding: _Finding) -> str:
    if finding.kind in _BOUNDS:
        return _bound(finding)
    if finding.kind in _EXPECTED:
        return _wrong_type(finding, _EXPECTED[finding.kind])
    return _WORDS.get(finding.kind, _unusable)(finding)


def _wrong_type(finding: _Finding, expected: str) -> str:
    return f"{_article(finding)}; expected {expected}{_advice(finding, expected)}"


def _article(finding: _Finding) -> str:
    if finding.spot.kind.startswith("nothing"):
        return "the value is empty"
    if not finding.spot.text:
        return f"this is {finding.spot.kind}"
    return f"{clip(finding.spot.text)} is read as {finding.spot.kind}"


def _advice(finding: _Finding, expected: str) -> str:
    written = finding.spot.text
    if not written:
        return ""
    if expected == "text":
        return f'; put it in quotes: "{written}"' if _PLAIN_KEY.fullmatch(written) else "; put it in quotes"
    if expected == "a list":
        return f"; write [{written}]" if _PLAIN_KEY.fullmatch(written) else "; write it in [ ]"
    return ""


def _mapping_expected(finding: _Finding) -> str:
    keys = ", ".join(keys_at(finding.path))
    shorthand = "a column's name, or " if isinstance(finding.path[-1], int) and "column" in keys else ""
    return _wrong_type(finding, f"{shorthand}a mapping with the keys {keys}")


def _missing(finding: _Finding) -> str:
    choices = choices_at(finding.path)
    allowed = f" Allowed: {', '.join(choices)}." if choices else ""
    return f"the key {clip(str(finding.path[-1]))} is missing. {meaning_at(finding.path)}{allowed}".rstrip()


def _unknown_key(finding: _Finding) -> str:
    key, allowed = str(finding.path[-1]), keys_at(finding.path[:-1])
    return f"the key {clip(key)} is unknown. Allowed: {', '.join(allowed)}.{did_you_mean(key, allowed)}"


def _not_listed(finding: _Finding) -> str:
    allowed = choices_at(finding.path)
    return f"{finding.echo} is not allowed. Allowed: {', '.join(allowed)}.{did_you_mean(finding.spot.text, allowed)}"


def _bound(finding: _Finding) -> str:
    key, relation = _BOUNDS[finding.kind]
    return f"{finding.echo} is not allowed; it must be {relation} {finding.context[key]}. {meaning_at(finding.path)}"


def _too_few(finding: _Finding) -> str:
    return f"too few entries; at least {finding.context['min_length']} are needed. {meaning_at(finding.path)}"


def _too_long(finding: _Finding) -> str:
    most = finding.context["max_length"]
    return f"{finding.echo} has {len(finding.spot.text)} characters; at most {most} are allowed"


def _blank(finding: _Finding) -> str:
    return f"the text is empty. {meaning_at(finding.path)}".rstrip()


def _wrong_pattern(finding: _Finding) -> str:
    allowed = "a-z, 0-9, '.', '_' and '-', the first a letter or a digit, at most 63 characters"
    return f"{finding.echo} is not allowed. Allowed: {allowed}"


def _unusable(finding: _Finding) -> str:
    return f"{finding.echo} cannot be used here. {meaning_at(finding.path)}".rstrip()


_WORDS: dict[str, Callable[[_Finding], str]] = {
    "extra_forbidden": _unknown_key,
    "literal_error": _not_listed,
    "missing": _missing,
    "model_type": _mapping_expected,
    "string_pattern_mismatch": _wrong_pattern,
    "string_too_long": _too_long,
    "string_too_short": _blank,
    "too_short": _too_few,
}
