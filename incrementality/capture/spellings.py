"""Names of lists as systems spell them, brought to the taxonomy's words; what no mapping knows is kept and told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from incrementality.taxonomy import VOCABULARY_OF, fold
from incrementality.warehouse.sql import named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlglot import exp

    from incrementality.taxonomy import Taxonomy
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Meaning", "Spellings", "distinct_spellings", "meanings"]

_ANY = "*"
_FREE = frozenset({"topic"})
_DEAL_OUTCOMES = frozenset({"open", "won", "lost"})
_FIELDS = {"spelled": "TEXT", "meant": "TEXT", "function": "TEXT", "stage": "TEXT", "known": "BIGINT"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one spelling means.

    Attributes:
        name: The canonical name, or the spelling in plain form where no mapping knows it.
        known: Whether a mapping knows it.
        function: The function that it implies, for types of touches.
        stage: The stage that it implies, for types of touches.
    """

    name: str
    known: bool = True
    function: str | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Spellings:
    """The spellings of one column of one source.

    Attributes:
        column: The canonical column.
        meanings: What each spelling means.
    """

    column: str
    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether every spelling is canonical already, so that nothing need be looked up."""
        same = all(spelled == meaning.name and meaning.known for spelled, meaning in self.meanings.items())
        return same and not any(meaning.function or meaning.stage for meaning in self.meanings.values())

    @property
    def unmapped(self) -> tuple[str, ...]:
        """The spellings that no mapping knows."""
        return tuple(sorted(spelled for spelled, meaning in self.meanings.items() if not meaning.known))

    def rows(self) -> tuple[Mapping[str, str], list[tuple[str, str, str | None, str | None, int]]]:
        """Return the table of meanings: its columns with their SQL types, and its rows."""
        return _FIELDS, [
            (spelled, meaning.name, meaning.function, meaning.stage, int(meaning.known))
            for spelled, meaning in sorted(self.meanings.items())
        ]


def distinct_spellings(
    warehouse: Warehouse, relation: Relation, columns: Mapping[str, exp.Expression]
) -> dict[str, tuple[str, ...]]:
    """Return every spelling of some columns, in one pass.

    Args:
        warehouse: The engine.
        relation: The source.
        columns: For each canonical column what stands there, as text.
    """
    if not columns:
        return {}
    query = parse("SELECT 1 FROM source", source=relation.name)
    lists = [named(parse("array_agg(DISTINCT $x)", x=node), f"c{k}") for k, node in enumerate(columns.values())]
    query.set("expressions", lists)
    found = warehouse.row(query)
    return {
        name: tuple(sorted(str(spelled) for spelled in (listed if listed is not None else ()) if spelled is not None))
        for name, listed in zip(columns, found, strict=True)
    }


def meanings(
    name: str,
    spelled: Iterable[str],
    taxonomy: Taxonomy,
    *,
    values: Mapping[str, str] | None = None,
    table: str = "touchpoints",
) -> Spellings:
    """Return what the spellings of a column mean: by the source's own values first, then by the taxonomy.

    Args:
        name: The canonical column.
        spelled: Its spellings.
        taxonomy: The company's words.
        values: What the source's spellings mean; ``*`` stands for every other one.
        table: The canonical table: a deal's outcome is not a touch's.

    Examples:
        >>> from incrementality.taxonomy import default_taxonomy
        >>> found = meanings("function", ["Sales Dev", "AE", "Ops"], default_taxonomy(), values={"Sales Dev": "sdr"})
        >>> {spelled: meaning.name for spelled, meaning in found.meanings.items()}, found.unmapped
        ({'Sales Dev': 'sdr', 'AE': 'ae', 'Ops': 'ops'}, ('Ops',))
    """
    chosen = {fold(theirs): ours for theirs, ours in (values or {}).items() if theirs != _ANY}
    other = (values or {}).get(_ANY)
    meant = {one: chosen.get(fold(one), other or one) for one in spelled}
    if (table, name) == ("opportunities", "outcome"):
        return Spellings(name, {one: _deal_outcome(word) for one, word in meant.items()})
    return Spellings(name, {one: _meaning(name, word, taxonomy) for one, word in meant.items()})


def _deal_outcome(word: str) -> Meaning:
    plain = fold(word).removeprefix("closed").strip("_")
    return Meaning(plain, known=plain in _DEAL_OUTCOMES)


def _meaning(name: str, word: str, taxonomy: Taxonomy) -> Meaning:
    if name not in VOCABULARY_OF:
        return Meaning(word)
    found = taxonomy.canonical(name, word)
    if found is None:
        return Meaning(word if name in _FREE else fold(word), known=name in _FREE)
    if name != "type":
        return Meaning(found)
    kind = taxonomy.types.find(word)
    return Meaning(found, function=kind.function or None, stage=kind.stage or None) if kind else Meaning(found)
