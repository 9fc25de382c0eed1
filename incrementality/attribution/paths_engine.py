"""Paths of touches that stay in the engine: two counts are made there, and only the counts come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.errors import EmptyTable
from incrementality.stats import ChannelSets, check_order, transition_counts
from incrementality.warehouse.sql import add, column, literal, named, parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.stats import TransitionCounts
    from incrementality.warehouse import Warehouse

    FloatArray = NDArray[np.float64]

__all__ = ["EnginePaths", "open_paths"]

_UNNAMED = "unknown"
_BITS = 50  # sets travel as floats, which hold whole numbers up to 2^53

_CODED = """
SELECT 1 FROM steps AS t JOIN codes ON $label = c.label
"""
_PASSED = """
SELECT CASE WHEN lead(t.code) OVER win IS NULL THEN t.j0 END AS journey, $state AS state,
  lead(t.code) OVER win AS following
FROM coded AS t
"""
_COUNTED = """
SELECT CAST(s.state AS DOUBLE), CAST(coalesce(s.following, 0) AS DOUBLE), CAST(count(*) AS DOUBLE),
  CAST(count(w.journey) AS DOUBLE), CAST(coalesce(sum(w.worth), 0) AS DOUBLE)
FROM passed AS s LEFT JOIN won AS w ON s.journey = w.journey GROUP BY s.state, s.following
"""
_SETS = """
SELECT CAST(count(*) AS DOUBLE), CAST(count(w.journey) AS DOUBLE), CAST(coalesce(sum(w.worth), 0) AS DOUBLE)
FROM touched AS s LEFT JOIN won AS w ON s.j0 = w.journey
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
        query = parse(_COUNTED, passed=exp.Subquery(this=self._passed(order)), won=self._won())
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
        masks = [column(f"m{low}", of="s") for low in self._words]
        query = parse(_SETS, touched=exp.Subquery(this=self._touched()), won=self._won())
        query.set("expressions", [*(exp.cast(mask, "DOUBLE") for mask in masks), *query.expressions])
        query.set("group", exp.Group(expressions=[mask.copy() for mask in masks]))
        *found, journeys, won, worth = self.warehouse.numbers(query)
        bits = [np.rint(word).astype(np.int64)[:, None] >> np.arange(_BITS) & 1 for word in found]
        members = np.hstack(bits)[:, : len(self.channels)].astype(np.bool_)
        return ChannelSets(members=members, conversions=won, value=worth, nulls=journeys - won)

    def _touched(self) -> exp.Expression:
        keys = [column(f"j{k}", of="t") for k in range(len(self.journey))]
        query = parse(
            "SELECT 1 FROM coded AS t", coded=exp.Subquery(this=self._coded(*(f"b{low}" for low in self._words)))
        )
        masks = [parse("bit_or($bits)", bits=column(f"b{low}", of="t")) for low in self._words]
        query.set("expressions", [keys[0], *map(named, masks, [f"m{low}" for low in self._words])])
        query.set("group", exp.Group(expressions=[key.copy() for key in keys]))
        return query

    def _passed(self, order: int) -> exp.Expression:
        """Return one row a touch: the state after it, the next touch's code, whether it begins its journey."""
        base = len(self.channels) + 1
        lags = [
            parse("coalesce(lag(t.code, $lag) OVER win, 0) * $scale", lag=literal(lag), scale=literal(base**lag))
            for lag in range(1, order)
        ]
        query = parse(
            _PASSED,
            state=add([column("code", of="t"), *lags]),
            coded=exp.Subquery(this=self._coded("code", ordered=True)),
        )
        window = exp.Window(
            this=exp.to_identifier("win"),
            partition_by=[column(f"j{k}", of="t") for k in range(len(self.journey))],
            order=exp.Order(
                expressions=[exp.Ordered(this=column(f"o{k}", of="t")) for k in range(len(self.order))],
            ),
        )
        query.set("windows", [window])
        return query

    def _coded(self, *made: str, ordered: bool = False) -> exp.Expression:
        """Return the touches with their journey, if need be their order, and what is made of their channel."""
        query = parse(_CODED, steps=_source(self.steps), codes=self._codes(), label=_label(self.by))
        keys = [named(column(name, of="t"), f"j{k}") for k, name in enumerate(self.journey)]
        order = [named(column(name, of="t"), f"o{k}") for k, name in enumerate(self.order)] if ordered else []
        query.set("expressions", [*keys, *order, *(column(name, of="c") for name in made)])
        return query

    def _codes(self) -> exp.Expression:
        """Return the table of channels: code + 1, and the channel's bit in each word of a set."""
        rows = [
            (
                literal(channel),
                exp.cast(literal(code + 1), "SMALLINT"),
                *(
                    exp.cast(literal(1 << code - low if 0 <= code - low < _BITS else 0), "BIGINT")
                    for low in self._words
                ),
            )
            for code, channel in enumerate(self.channels)
        ]
        return exp.values(rows, alias="c", columns=["label", "code", *(f"b{low}" for low in self._words)])

    @property
    def _words(self) -> range:
        return range(0, len(self.channels), _BITS)

    def _won(self) -> exp.Expression:
        worth = literal(0) if self.value is None else column(self.value, of="w")
        query = parse(
            "SELECT $journey AS journey, CAST($worth AS DOUBLE) AS worth FROM won AS w",
            journey=column(self.journey[0], of="w"),
            worth=worth,
            won=_source(self.won),
        )
        return exp.Subquery(this=query)


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


def _label(by: str) -> exp.Expression:
    return parse("coalesce(CAST($by AS TEXT), $unnamed)", by=column(by, of="t"), unnamed=literal(_UNNAMED))


def _source(rows: exp.Expression) -> exp.Expression:
    return rows if isinstance(rows, exp.Table) else exp.Subquery(this=rows.copy())
