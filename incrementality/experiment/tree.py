"""YAML text as a tree of plain values that remembers the line of every key; refuses what an experiment never needs.

Anchors, aliases, tags, repeated keys and deep nesting are refused here, so that what is left is harmless and
says what it seems to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast

import yaml
from yaml.constructor import SafeConstructor
from yaml.events import AliasEvent, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeyPath", "Problem", "Spot", "Tree", "clip", "read_tree"]

KeyPath = tuple[str | int, ...]

_LONGEST_TEXT = 1_000_000
_LONGEST_ECHO = 60
_DEEPEST = 20
_STANDARD_TAG = "tag:yaml.org,2002:"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_YAML = "this is no valid YAML; check quotes, brackets and indentation"

_SYNTAX = (
    ("'\\t'", "a tab stands where spaces belong", "indent with spaces"),
    ("cannot start any token", "a value cannot start with this character", "put the value in quotes"),
    ("expected alphabetic or numeric", "a value cannot start with '*', '&' or '%'", "put the value in quotes"),
    ("mapping values are not allowed", "a second ': ' in one entry, or lines that are indented differently",
     "put a value that holds a colon in quotes, and line keys up with their neighbours"),
    ("could not find expected ':'", "a line that is no 'key: value'", "write a colon and a space after the key"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing", "close the bracket"),
    ("unexpected end of stream", "a quote is not closed", "close the quote"),
    ("unknown escape character", "a backslash in double quotes begins an escape that YAML does not know",
     "use single quotes"),
    ("expected a single document", "a second document begins ('---')", "keep one experiment in one file"),
    ("found '<scalar>'", "words follow a value that is already complete", "put the whole value in quotes"),
    ("expected '<document start>'", "the line does not fit those above", "line keys up with their neighbours"),
    ("expected <block end>", "the indentation does not fit the lines above", "line keys up with their neighbours"),
    ("tag", "tags ('!name') are refused", "leave the tag out, or put the value in quotes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where: the line counts from 1, the path is empty for the file as a whole."""

    line: int
    path: KeyPath
    text: str


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands and how YAML read it: ``text`` is its source, ``kind`` a noun phrase."""

    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The values, the spot of each path, and what was refused on the way."""

    value: object
    spots: Mapping[KeyPath, Spot] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def spot(self, path: KeyPath) -> Spot:
        """Return the spot of the path, or of its nearest ancestor that stands in the file."""
        while path and path not in self.spots:
            path = path[:-1]
        return self.spots.get(path, Spot(1, "nothing (empty)", ""))


def clip(text: str) -> str:
    """Return the text in quotes, cut to 60 characters, with unprintable characters escaped.

    Examples:
        >>> clip("conversions")
        "'conversions'"
    """
    return repr(text if len(text) <= _LONGEST_ECHO else f"{text[: _LONGEST_ECHO - 3]}...")


def read_tree(text: str) -> Tree:
    r"""Return the text's values with their lines; never raises.

    Args:
        text: One YAML document.

    Returns:
        The tree. Where nothing could be read its value is None and ``problems`` says why.

    Examples:
        >>> tree = read_tree("arms:\n  - name: no\n")
        >>> tree.value
        {'arms': ({'name': False},)}
        >>> tree.spot(("arms", 0, "name"))
        Spot(line=2, kind='boolean false', text='no')
    """
    if len(text) > _LONGEST_TEXT:
        return _broken(1, f"the file has more than {_LONGEST_TEXT:,} characters; an experiment fits on a page")
    try:
        composer = _Composer(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _broken(line, f"the character {clip(text[error.position])} is not allowed; delete it")
    try:
        root = composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        return _broken(*_syntax(error))
    except (_TooDeep, yaml.YAMLError, ValueError, OverflowError) as error:
        return _broken(composer.line + 1, str(error) if isinstance(error, _TooDeep) else _NO_YAML)
    if root is None:
        return _broken(1, "the file is empty")
    builder = _Builder()
    value = builder.build(root, (), _line(root.start_mark))
    return Tree(value, builder.spots, (*composer.refused, *builder.refused))


def _broken(line: int, text: str) -> Tree:
    return Tree(None, problems=(Problem(line, (), text),))


def _line(mark: Any) -> int:  # noqa: ANN401 - PyYAML has two kinds of mark
    return int(mark.line) + 1 if mark else 1


def _syntax(error: yaml.MarkedYAMLError) -> tuple[int, str]:
    said = f"{error.problem} {error.context}"
    began_earlier = any(needle in said for needle in ("expected ','", "expected ':'", "end of stream"))
    mark = (error.context_mark if began_earlier else None) or error.problem_mark
    known = (f"{what}; {advice}" for needle, what, advice in _SYNTAX if needle in said)
    return _line(mark), next(known, _NO_YAML)


class _TooDeep(Exception):
    def __str__(self) -> str:
        return f"nested deeper than {_DEEPEST} levels; an experiment needs five"


class _Composer(yaml.SafeLoader):
    """PyYAML's composer that notes anchors, aliases and tags instead of obeying them."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.refused: list[Problem] = []
        self._path: list[str | int] = []

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:  # noqa: ANN401 - PyYAML's signature
        if len(self._path) > _DEEPEST:
            raise _TooDeep
        self._path.append(index.value if isinstance(index, ScalarNode) else index if isinstance(index, int) else "?")
        try:
            if isinstance(self._event(), AliasEvent):
                return self._alias()
            self._strip(self._event())
            return super().compose_node(parent, index)
        finally:
            self._path.pop()

    def _event(self) -> Any:  # noqa: ANN401 - PyYAML's events are untyped
        return self.peek_event()  # type: ignore[no-untyped-call]

    def _refuse(self, event: Any, text: str) -> None:  # noqa: ANN401 - PyYAML's events are untyped
        self.refused.append(Problem(_line(event.start_mark), tuple(self._path[1:]), text))

    def _alias(self) -> Node:
        event: Any = self.get_event()  # type: ignore[no-untyped-call]
        self._refuse(event, f"the alias {clip(f'*{event.anchor}')} is refused; write the value out")
        return ScalarNode("tag:yaml.org,2002:null", "", event.start_mark, event.end_mark)

    def _strip(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events are untyped
        if event.anchor is not None:
            self._refuse(
                event, f"the anchor {clip(f'&{event.anchor}')} is refused; write the value out where it is used"
            )
            event.anchor = None
        if event.tag is not None:
            tag = clip(event.tag.replace(_STANDARD_TAG, "!!"))
            self._refuse(event, f"the tag {tag} is refused; leave it out, or put the value in quotes")
            event.tag = None
            event.implicit = (True, False) if isinstance(event, ScalarEvent) else True


class _Builder:
    """Turns nodes into plain values; each value's spot is kept under its path."""

    def __init__(self) -> None:
        self.spots: dict[KeyPath, Spot] = {}
        self.refused: list[Problem] = []

    def build(self, node: Node, path: KeyPath, line: int) -> object:
        if isinstance(node, MappingNode):
            self.spots[path] = Spot(line, "a mapping (key: value)", "")
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            self.spots[path] = Spot(line, "a list", "")
            items = enumerate(node.value)
            return tuple(self.build(item, (*path, i), _line(item.start_mark)) for i, item in items)
        value = self._scalar(cast("ScalarNode", node), path, line)
        self.spots[path] = Spot(line, _kind(value), cast("ScalarNode", node).value)
        return value

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in node.value:
            line = _line(key.start_mark)
            if not isinstance(key, ScalarNode):
                self.refused.append(Problem(line, path, "a key is a list or a mapping; keys are plain words"))
            elif _UNPRINTABLE.search(key.value):
                self.refused.append(Problem(line, path, f"the key {clip(key.value)} holds an unprintable character"))
            elif key.value in found:
                first = self.spots[(*path, key.value)].line
                text = f"the key {clip(key.value)} stands on line {first} and again on line {line}; keep one of them"
                self.refused.append(Problem(line, (*path, key.value), text))
            else:
                found[key.value] = self.build(value, (*path, key.value), line)
        return found

    def _scalar(self, node: ScalarNode, path: KeyPath, line: int) -> object:
        if _UNPRINTABLE.search(node.value):
            self.refused.append(Problem(line, path, f"{clip(node.value)} holds an unprintable character; delete it"))
        try:
            return cast("object", SafeConstructor().construct_object(node))
        except (ValueError, OverflowError, yaml.YAMLError):
            text = f"{clip(node.value)} looks like a date or a number and is none; correct it, or put text in quotes"
            self.refused.append(Problem(line, path, text))
            return node.value


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return f"boolean {str(value).lower()}"
    if isinstance(value, date):
        return "a date and time" if isinstance(value, datetime) else "a date"
    kinds = {int: "a whole number", float: "a number", str: "text", type(None): "nothing (empty)"}
    return kinds.get(type(value), "something else")
