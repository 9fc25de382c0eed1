"""Direct and assisted: whose touch was the last before an event, who touched it before, who was only seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.journey_columns import LABELS
from incrementality.attribution.labels import label_of
from incrementality.attribution.membership import any_of
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.attribution.journeys import Journeys

__all__ = ["TouchView", "TouchViews", "touch_views"]

_VIEWED = """
SELECT label, sum(touches), count(*), sum(direct), sum(direct * amount), sum(1 - direct), sum((1 - direct) * amount),
  sum(seen), sum(seen * amount)
FROM (
  SELECT event_id, $label AS label, count(*) AS touches, max(amount) AS amount,
    max(CASE WHEN position = k THEN 1 ELSE 0 END) AS direct, min(CASE WHEN $view THEN 1 ELSE 0 END) AS seen
  FROM rows AS r GROUP BY 1, 2
) AS v GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class TouchView:
    """How one channel, function or other label took part. Amounts are in minor units or micro-deals.

    Attributes:
        label: The label.
        touches: Its touches inside windows.
        events: Events that it touched.
        direct_events: Events whose last touch was its own.
        direct: What these are worth; direct amounts add up over labels.
        assisted_events: Other events that it touched.
        assisted: What these are worth; assisted amounts overlap.
        view_through_events: Events that it touched by nothing but views.
        view_through: What these are worth; they overlap.
    """

    label: str
    touches: int
    events: int
    direct_events: int
    direct: int
    assisted_events: int
    assisted: int
    view_through_events: int
    view_through: int


@dataclass(frozen=True, slots=True)
class TouchViews(DisplayMixin):
    """Direct and assisted events by label. Only the direct column adds up.

    Attributes:
        by: The label.
        rows: One a label.
    """

    by: str
    rows: tuple[TouchView, ...]

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a label."""
        return tuple(
            {self.by: row.label} | {name: getattr(row, name) for name in TouchView.__slots__ if name != "label"}
            for row in self.rows
        )


def touch_views(
    journeys: Journeys,
    by: str = "channel",
    *,
    view_types: Sequence[str] = ("paid_impression",),
    view_outcomes: Sequence[str] = ("viewed",),
) -> TouchViews:
    """Return for each label which events it closed directly, which it assisted, and which only ever saw it.

    Args:
        journeys: The journeys.
        by: A label of touches.
        view_types: Types of touches that are views.
        view_outcomes: Outcomes of touches that are views.

    Raises:
        InputError: The label is not known, or nothing is a view.

    Examples:
        >>> TouchViews("channel", (TouchView("email", 3, 2, 1, 500, 1, 200, 0, 0),)).to_dicts()[0]["assisted"]
        200
    """
    if by not in LABELS or not (view_types or view_outcomes):
        raise InputError(
            f"{by!r} cannot be viewed; labels are {', '.join(LABELS)}, and some type or outcome is a view."
            f"{did_you_mean(by, LABELS)}",
            hint="name a label of touches, and what counts as a view",
        )
    views = any_of(
        exp.In(this=parse("coalesce($name, '')", name=column(name)), expressions=[literal(word) for word in words])
        for name, words in (("type", view_types), ("outcome", view_outcomes))
        if words
    )
    query = parse(_VIEWED, rows=exp.Subquery(this=journeys.rows()), label=label_of(by), view=views)
    rows = tuple(TouchView(str(label), *map(int, values)) for label, *values in journeys.warehouse.query(query))
    return TouchViews(by, rows)
