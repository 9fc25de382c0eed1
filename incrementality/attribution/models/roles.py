"""Models that credit roles: who started, who closed, who assisted; a role may rest on a record, without a touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.models.expansion import expansion_roles
from incrementality.attribution.models.expansion_rules import ExpansionRules
from incrementality.attribution.models.rules import check_name
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from incrementality.attribution.journeys import Journeys
    from incrementality.warehouse import Relation

__all__ = ["RoleModel", "expansion_model"]

_TOUCHES = "SELECT r.*, r.touch_at AS occurred_at FROM rows AS r WHERE r.kind = $kind"
_EVENTS = """
SELECT r.event_id AS event_id, r.event_at AS occurred_at, r.event_opportunity_id AS opportunity_id
FROM rows AS r WHERE r.kind = $kind
"""


@dataclass(frozen=True, slots=True)
class RoleModel:
    """A model of credit that names roles instead of weighing touches.

    Attributes:
        name: Its name in tables and ledgers: small letters, digits, underscores.
        label: What it does, in words.
        rows: From journeys to the query of its rows: ``event_id``, ``role``, ``function`` (empty: unknown),
            ``touch_id`` (empty where no touch stands for the role), ``share``. Shares of an event that add up to
            less than one leave the rest unallocated; more than one is refused.
        kinds: The kinds of events that it credits; empty: all.
    """

    name: str
    label: str
    rows: Callable[[Journeys], exp.Expression] = field(repr=False)
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name)


def expansion_model(
    opportunities: Relation,
    rules: ExpansionRules | None = None,
    *,
    kind: str = "expansion",
    name: str = "expansion",
) -> RoleModel:
    """Return the model that splits an expansion between who moved first, who converted, and the touches between.

    Args:
        opportunities: The clean opportunities, with who created them and how.
        rules: The shares and what counts as what; default: 40, 40, 20.
        kind: The kind of events that it credits.
        name: The model's name.

    Examples:
        >>> from incrementality.warehouse import Relation
        >>> from incrementality.warehouse.sql import table
        >>> expansion_model(Relation(table("opportunities"), {})).kinds
        ('expansion',)
    """
    decided = rules or ExpansionRules()

    def rows(journeys: Journeys) -> exp.Expression:
        only = literal(kind)
        touches = exp.Subquery(this=parse(_TOUCHES, rows=exp.Subquery(this=journeys.source_rows()), kind=only))
        events = exp.Subquery(this=parse(_EVENTS, rows=exp.Subquery(this=journeys.event_rows()), kind=only))
        return expansion_roles(touches, events, opportunities.name, decided)

    label = f"source {decided.source:.0%}, close {decided.close:.0%}, assists {decided.assist:.0%}".replace("%", " %")
    return RoleModel(name, label, rows, (kind,))
