"""How many raw events there are, by name, and how many touches they became."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.display import DisplayMixin
from incrementality.taxonomy import fold
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from incrementality.taxonomy import MilestoneRule
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Census", "MilestoneCount", "Milestones", "NameCount", "take_census"]

_NAMES = """
SELECT name, count(*) AS n, sum(CASE WHEN $unplaced THEN 1 ELSE 0 END) AS unplaced,
    sum(CASE WHEN NOT $unplaced AND $unmeasured THEN 1 ELSE 0 END) AS unmeasured
FROM telemetry GROUP BY name
"""


@dataclass(frozen=True, slots=True)
class MilestoneCount:
    """What became of the raw events of one milestone.

    Attributes:
        name: The milestone.
        kind: The kind of its rule.
        event: The raw event's name, as the rule writes it.
        raw: How many raw events of that name there are.
        refused: How many of them say no account, no time, or no number where one is needed.
        reached: How many moments at which an account reached the milestone.
        touches: How many of them became touches.
    """

    name: str
    kind: str
    event: str
    raw: int
    refused: int
    reached: int
    touches: int


@dataclass(frozen=True)
class Milestones(DisplayMixin):
    """How many raw events became how many touches.

    Attributes:
        touches: The touches, by the canonical columns of touchpoints; ids of touches are text.
        raw: How many raw events there are, of any name.
        kept: How many touches they became.
        counts: What became of the raw events of each milestone.
    """

    touches: Relation
    raw: int
    kept: int
    counts: tuple[MilestoneCount, ...]

    @property
    def sentence(self) -> str:
        """The counts in a sentence."""
        return f"{self.raw:,} raw events of the product became {self.kept:,} touches, at {len(self.counts)} milestones."

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a milestone."""
        names = ("name", "kind", "event", "raw", "refused", "reached", "touches")
        return tuple({name: getattr(count, name) for name in names} for count in self.counts)


@dataclass(frozen=True, slots=True)
class NameCount:
    """The raw events of one name.

    Attributes:
        name: The name, as telemetry spells it; ``None`` where it says none.
        rows: How many there are.
        unplaced: How many say no account or no time.
        unmeasured: How many of the others hold no number.
    """

    name: str | None
    rows: int
    unplaced: int
    unmeasured: int


@dataclass(frozen=True, slots=True)
class Census:
    """The raw events by name."""

    names: tuple[NameCount, ...]

    @property
    def raw(self) -> int:
        """How many raw events there are."""
        return sum(found.rows for found in self.names)

    def _of(self, rule: MilestoneRule) -> list[NameCount]:
        return [found for found in self.names if found.name is not None and fold(found.name) == fold(rule.event)]

    def spellings(self, rule: MilestoneRule) -> list[str]:
        """Return the ways in which telemetry spells a milestone's event."""
        return sorted(found.name for found in self._of(rule) if found.name is not None)

    def count(self, rule: MilestoneRule, reached: int, touches: int) -> MilestoneCount:
        """Return what became of a milestone's raw events."""
        own = self._of(rule)
        unmeasured = sum(found.unmeasured for found in own) if rule.kind in {"threshold", "rise"} else 0
        refused = sum(found.unplaced for found in own) + unmeasured
        raw = sum(found.rows for found in own)
        return MilestoneCount(rule.name, rule.kind, rule.event, raw, refused, reached, touches)


def take_census(warehouse: Warehouse, telemetry: Relation) -> Census:
    """Count the raw events by name, with those that no milestone can use.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     events = engine.materialise("events", parse(
        ...         "SELECT NULL AS account_id, TIMESTAMP '2026-01-05' AS occurred_at, 'login' AS name"))
        ...     take_census(engine, events).names
        (NameCount(name='login', rows=1, unplaced=1, unmeasured=0),)
    """
    unmeasured: exp.Expression = exp.true()
    if "value" in telemetry.columns:
        unmeasured = parse("($v IS NULL OR isnan(CAST($v AS DOUBLE)))", v=column("value"))
    unplaced = parse("(account_id IS NULL OR occurred_at IS NULL)")
    rows = warehouse.query(parse(_NAMES, telemetry=telemetry.name, unplaced=unplaced, unmeasured=unmeasured))
    return Census(
        tuple(
            NameCount(None if name is None else str(name), int(n), int(away), int(unread))
            for name, n, away, unread in rows
        )
    )
