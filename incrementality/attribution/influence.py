"""Influence: the revenue of the events that a function touched. It overlaps, so it never adds up, and refuses to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Never

from sqlglot import exp

from incrementality.attribution.journey_columns import LABELS
from incrementality.attribution.labels import SHOWN_BESIDE, label_of
from incrementality.display import DisplayMixin
from incrementality.errors import InfluenceIsNoCredit, InputError, did_you_mean
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.attribution.journeys import Journeys

__all__ = ["Influence", "InfluenceRow", "check_is_credit", "influence"]

_EACH_ONCE = "each event once"
_SLACK = 1e-9
_BY_LABEL = """
SELECT label, count(*), sum(amount)
FROM (SELECT DISTINCT event_id, amount, $label AS label FROM rows AS r WHERE $kept) AS d GROUP BY 1 ORDER BY 1
"""
_ONCE = """
SELECT count(*), coalesce(sum(amount), 0) FROM (SELECT DISTINCT event_id, amount FROM rows AS r WHERE $kept) AS d
"""


@dataclass(frozen=True, slots=True)
class InfluenceRow:
    """What one function, channel or other label touched.

    Attributes:
        label: The label.
        events: Events that it touched.
        influenced: What these events are worth; other labels touched them as well.
    """

    label: str
    events: int
    influenced: float


@dataclass(frozen=True, slots=True)
class Influence(DisplayMixin):
    """Revenue of the events that each label touched. Labels share events, so the rows must not be summed.

    The only total is that of the events themselves, each once. Credit, which adds up, is in the ledger.

    Attributes:
        by: The label: ``function``, ``channel`` and the like.
        rows: One a label.
        events: Events that anyone touched, each once.
        total: What these are worth.

    Examples:
        >>> found = Influence("function", (InfluenceRow("cs", 2, 3.2), InfluenceRow("ae", 2, 2.9)), 3, 4.1)
        >>> found.overlap > 1
        True
        >>> sum(row.influenced for row in found)
        Traceback (most recent call last):
        incrementality.errors.InfluenceIsNoCredit: influence by function overlaps: its rows come to 148.8 % of ...
    """

    by: str
    rows: tuple[InfluenceRow, ...]
    events: int
    total: float

    @property
    def overlap(self) -> float:
        """How many times the total the rows come to; above 1 where labels share events."""
        return sum(row.influenced for row in self.rows) / self.total if self.total else float("nan")

    def sum(self) -> Never:
        """Refuse: influence overlaps.

        Raises:
            InfluenceIsNoCredit: Always.
        """
        raise InfluenceIsNoCredit(
            f"influence by {self.by} overlaps: its rows come to {100 * self.overlap:.1f} % of the revenue, "
            f"of which {self.total:,.10g} is there once",
            hint="read 'total', in which each event counts once, or take credit from the ledger",
        )

    def __iter__(self) -> Never:
        self.sum()

    def __add__(self, other: object) -> Never:
        self.sum()

    __radd__ = __add__

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a label, and last the events each once."""
        rows = [*self.rows, InfluenceRow(_EACH_ONCE, self.events, self.total)]
        return tuple({self.by: row.label, "events": row.events, "influenced": row.influenced} for row in rows)


def influence(journeys: Journeys, by: str = "function", *, beside: Sequence[str] = SHOWN_BESIDE) -> Influence:
    """Return what each label touched, and the total in which each event counts once.

    Args:
        journeys: The journeys.
        by: A label of touches.
        beside: Kinds that only label money of another kind; left out.

    Raises:
        InputError: The label is not known.

    Examples:
        >>> import numpy as np
        >>> from incrementality.attribution import WINDOW_PRESETS, open_journeys
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     touches = engine.open(frame_locator({
        ...         "touch_id": np.array([1, 2]), "account_id": np.array([7, 7]),
        ...         "function": np.array(["cs", "ae"], dtype=object),
        ...         "occurred_at": np.array(["2026-01-05", "2026-02-01"], dtype="datetime64[us]")}))
        ...     events = engine.open(frame_locator({
        ...         "event_id": np.array([1]), "account_id": np.array([7]), "kind": np.array(["new"], dtype=object),
        ...         "occurred_at": np.array(["2026-02-04"], dtype="datetime64[us]"), "amount": np.array([1000])}))
        ...     print(influence(open_journeys(engine, touches, events, WINDOW_PRESETS["default"])))
               function  events  influenced
                     ae       1       1,000
                     cs       1       1,000
        each event once       1       1,000
    """
    if by not in LABELS:
        raise InputError(
            f"{by!r} is no label of touches; allowed: {', '.join(LABELS)}.{did_you_mean(by, LABELS)}",
            hint="name one of these",
        )
    among = exp.In(this=column("kind"), expressions=[literal(kind) for kind in beside])
    kept = exp.Not(this=among) if beside else exp.true()
    rows = exp.Subquery(this=journeys.rows())
    found = journeys.warehouse.query(parse(_BY_LABEL, rows=rows, label=label_of(by), kept=kept))
    events, total = journeys.warehouse.row(parse(_ONCE, rows=rows, kept=kept))
    return Influence(by, tuple(InfluenceRow(str(x), n, int(amount)) for x, n, amount in found), events, int(total))


def check_is_credit(figures: Mapping[str, float], total: float) -> None:
    """Check that figures by function can be credit: together they are no more than the total.

    Args:
        figures: What each function is said to have, in the unit of ``total``.
        total: The revenue, or 1 for shares.

    Raises:
        InfluenceIsNoCredit: They come to more; they overlap.

    Examples:
        >>> check_is_credit({"product": 0.75, "sales": 0.55, "marketing": 0.40}, 1)
        Traceback (most recent call last):
        incrementality.errors.InfluenceIsNoCredit: the figures of product, sales, marketing come to 170.0 % of the ...
    """
    whole = sum(figures.values())
    if whole > total * (1 + _SLACK):
        raise InfluenceIsNoCredit(
            f"the figures of {', '.join(figures)} come to {100 * whole / total:.1f} % of the total of {total:,.10g}: "
            "they overlap, and are influence, not credit",
            hint="show them as influence, with the total in which each event counts once",
        )
