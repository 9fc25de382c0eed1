"""Paths of touches that stay in the engine: two counts are made there, and only the counts come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.errors import EmptyTable
from incrementality.stats import ChannelSets, check_order, transition_counts
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.stats import TransitionCounts
    from incrementality.warehouse import Warehouse

    FloatArray = NDArray[np.float64]

__all__ = ["EnginePaths", "open_paths"]

_UNNAMED = "unknown"
_BITS = 50  # sets travel as floats, which hold whole numbers up to 2^53

_STEPS = """
SELECT CASE WHEN lead(c.code) OVER win IS NULL THEN t.$key0 END AS journey, {state} AS state,
  lead(c.code) OVER win AS following
FROM steps AS t JOIN codes ON coalesce(CAST(t.$label AS TEXT), $unnamed) = c.label
WINDOW win AS (PARTITION BY {keys} ORDER BY {order})
"""
_TOUCHED = """
SELECT t.$key0 AS journey, {masks}
FROM steps AS t JOIN codes ON coalesce(CAST(t.$label AS TEXT), $unnamed) = c.label
GROUP BY {keys}
"""
_ENDED = """
SELECT {groups}, count(*) AS journeys, count(w.journey) AS conversions, sum(w.worth) AS worth
FROM ({rows}) AS s LEFT JOIN (SELECT w.$key0 AS journey, CAST($value AS DOUBLE) AS worth FROM won AS w) AS w
  ON s.journey = w.journey
GROUP BY {groups}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePaths:
    """Journeys as queries on an engine; made by :func:`open_paths`.

    Attributes:
        warehouse: The engine.
        steps: The query of touches.
        won: The query of journeys that converted.
        by: The column of ``steps`` whose values are the channels.
        journey: The columns of ``steps`` that tell journeys apart; the first is the key of ``won``.
        order: The columns of ``steps`` that order the touches of a journey.
        value: The column of ``won`` that says what the conversion is worth.
        channels: The channels, sorted; their places are their codes.
    """

    warehouse: Warehouse
    steps: exp.Expression
    won: exp.Expression
    by: str
    journey: tuple[str, ...]
    order: tuple[str, ...]
    value: str | None
    channels: tuple[str, ...]

    def transitions(self, order: int) -> TransitionCounts:
        """Return how often journeys pass between states of the last ``order`` channels; one query.

        Raises:
            InputError: The order is below 1, or has too many states to number.
        """
        check_order(len(self.channels), order)
        base = len(self.channels) + 1
        before = [f"CAST(coalesce(lag(c.code, {lag}) OVER win, 0) AS BIGINT) * {base**lag}" for lag in range(1, order)]
        places = ", ".join(f"t.$place{k}" for k in range(len(self.order)))
        rows = _STEPS.format(state=" + ".join(["CAST(c.code AS BIGINT)", *before]), keys=self._keys, order=places)
        query = self._filled(_ENDED.format(groups="s.state, s.following", rows=rows))
        state, following, journeys, won, worth = self.warehouse.numbers(query)
        return transition_counts(
            channels=len(self.channels),
            order=order,
            state=np.rint(state),
            following=np.rint(following),
            journeys=journeys,
            conversions=won,
            value=worth,
        )

    def sets(self) -> ChannelSets:
        """Return journeys counted by the set of channels that they touched; one query."""
        masks = ", ".join(f"$mask{k} AS m{k}" for k in range(self._words))
        rows = _TOUCHED.format(masks=masks, keys=self._keys)
        groups = ", ".join(f"s.m{k}" for k in range(self._words))
        *found, journeys, won, worth = self.warehouse.numbers(self._filled(_ENDED.format(groups=groups, rows=rows)))
        bits = [np.rint(word).astype(np.int64)[:, None] >> np.arange(_BITS) & 1 for word in found]
        members = np.hstack(bits)[:, : len(self.channels)].astype(np.bool_)
        return ChannelSets(members=members, conversions=won, value=worth, nulls=journeys - won)

    def _filled(self, text: str) -> exp.Expression:
        """Return a query whose places are filled: its text holds names of our own only."""
        names = {f"key{k}": name for k, name in enumerate(self.journey)}
        names |= {f"place{k}": name for k, name in enumerate(self.order)} | {"label": self.by}
        bits = {f"mask{k}": _call("bit_or", column(f"b{k}", of="c")) for k in range(self._words)}
        return parse(
            text,
            steps=_source(self.steps),
            won=_source(self.won),
            codes=self._codes(),
            unnamed=literal(_UNNAMED),
            value=literal(0) if self.value is None else column(self.value, of="w"),
            **bits,
            **{place: exp.to_identifier(name, quoted=True) for place, name in names.items()},
        )

    def _codes(self) -> exp.Expression:
        """Return the table of channels: code + 1, and the channel's bit in each word of a set."""
        rows = [
            (literal(channel), literal(code + 1), *(literal(_bit(code, word)) for word in range(self._words)))
            for code, channel in enumerate(self.channels)
        ]
        return exp.values(rows, alias="c", columns=["label", "code", *(f"b{word}" for word in range(self._words))])

    @property
    def _keys(self) -> str:
        return ", ".join(f"t.$key{k}" for k in range(len(self.journey)))

    @property
    def _words(self) -> int:
        return -(-len(self.channels) // _BITS)


def open_paths(
    warehouse: Warehouse,
    steps: exp.Expression,
    won: exp.Expression,
    *,
    by: str = "channel",
    journey: tuple[str, ...] = ("event_id",),
    order: tuple[str, ...] = ("touch_at", "touch_id"),
    value: str | None = "amount",
) -> EnginePaths:
    """Return the paths of touches that an engine holds.

    Args:
        warehouse: The engine.
        steps: A table or query of touches, one row a touch of a journey.
        won: A table or query of the journeys that converted, one row each. Journeys of ``steps`` that are not in it
            did not convert.
        by: The column of ``steps`` whose values are the channels; where it is empty, the channel is ``unknown``.
        journey: The columns of ``steps`` that tell journeys apart. The first is also a column of ``won``; the others
            are for journeys that did not convert, whose first is empty.
        order: The columns of ``steps`` that order a journey's touches, ties included.
        value: The column of ``won`` that says what the conversion is worth; ``None``: nothing.

    Raises:
        EmptyTable: There are no touches.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> steps = parse("SELECT * FROM (VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'a')) AS t(event_id, place, channel)")
        >>> won = parse("SELECT 1 AS event_id, 90 AS amount")
        >>> with connect() as warehouse:
        ...     paths = open_paths(warehouse, steps, won, order=("place",))
        ...     paths.channels, paths.sets().conversions.sum(), paths.transitions(1).nulls.tolist()
        (('a', 'b'), np.float64(1.0), [1.0, 0.0])
    """
    query = parse("SELECT DISTINCT $label AS label FROM steps AS t", steps=_source(steps), label=_label(by))
    channels = tuple(sorted(str(row[0]) for row in warehouse.query(query)))
    if not channels:
        raise EmptyTable(
            "there are no touches, so there are no paths", hint="check the windows, or leave this model out"
        )
    return EnginePaths(
        warehouse=warehouse, steps=steps, won=won, by=by, journey=journey, order=order, value=value, channels=channels
    )


def _bit(code: int, word: int) -> int:
    return 1 << code - word * _BITS if code // _BITS == word else 0


def _call(name: str, argument: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=[argument])


def _label(by: str) -> exp.Expression:
    return parse("coalesce(CAST($by AS TEXT), $unnamed)", by=column(by, of="t"), unnamed=literal(_UNNAMED))


def _source(rows: exp.Expression) -> exp.Expression:
    return rows if isinstance(rows, exp.Table) else exp.Subquery(this=rows.copy())
