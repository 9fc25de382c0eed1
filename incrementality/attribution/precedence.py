"""One visit that several channels claim: the channel that goes before the others keeps it, the others are counted.

A person who clicks an advertisement and types the address a minute later has made one visit. Within a few minutes only
the touches of the channel that goes first in a declared order count; touches of other channels at that moment are set
aside. Channels that the order does not name neither take nor lose a touch.

Campaigns that overlap, and several campaigns on one deal, need no rule: each touch keeps its own campaign, and credit
by campaign adds up like credit by channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.sql_engine import micros_of
from incrementality.errors import ColumnNotFound, InputError
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["SettledChannels", "settle_channels"]

_MICROS_A_MINUTE = 60_000_000
_RANKED = """
SELECT *, min(channel_rank) OVER (PARTITION BY account_id, contact_id ORDER BY touch_micros
  RANGE BETWEEN $span PRECEDING AND $span FOLLOWING) AS first_rank
FROM (SELECT t.*, $rank AS channel_rank, $micros AS touch_micros FROM touches AS t) AS r
"""


@dataclass(frozen=True, slots=True)
class SettledChannels:
    """Touches of which each visit has one channel.

    Attributes:
        touches: The touches that count.
        set_aside: How many touches of each channel gave way, by channel.
    """

    touches: Relation
    set_aside: dict[str, int]


def settle_channels(
    warehouse: Warehouse, touches: Relation, order: Sequence[str], *, within_minutes: int = 30, name: str = "settled"
) -> SettledChannels:
    """Keep, of touches of one person within a few minutes, those of the channel that goes first.

    A touch gives way if a touch of the same account and person, at most ``within_minutes`` before or after, has a
    channel earlier in the order. Touches of nobody in particular (no ``contact_id``) are left alone.

    Args:
        warehouse: The engine.
        touches: The clean touches: ``touch_id``, ``account_id``, ``contact_id``, ``channel``, ``occurred_at``.
        order: Channels, the one that goes first first: ``["paid_search", "email", "direct"]``.
        within_minutes: How near in time.
        name: How the touches are called in the engine; a name serves once.

    Raises:
        InputError: The order names a channel twice or fewer than two, or the minutes are not positive.
        ColumnNotFound: The touches lack a column.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     touches = engine.open(frame_locator({
        ...         "touch_id": np.array([1, 2]), "account_id": np.array([7, 7]), "contact_id": np.array([5, 5]),
        ...         "channel": np.array(["paid_search", "direct"], dtype=object),
        ...         "occurred_at": np.array(["2026-01-05T10:00", "2026-01-05T10:01"], dtype="datetime64[us]")}))
        ...     settle_channels(engine, touches, ["paid_search", "direct"]).set_aside
        {'direct': 1}
    """
    _check(touches, order, within_minutes)
    ranked = _ranked(warehouse, touches, order, within_minutes)
    kept = parse("SELECT 1 FROM ranked AS s WHERE $stays", ranked=exp.Subquery(this=ranked), stays=_stays())
    kept.set("expressions", [named(column(one, of="s"), one) for one in touches.columns])
    counted = parse(
        "SELECT s.channel, count(*) FROM ranked AS s WHERE NOT ($stays) GROUP BY 1 ORDER BY 1",
        ranked=exp.Subquery(this=ranked.copy()),
        stays=_stays(),
    )
    gone = {str(channel): int(n) for channel, n in warehouse.query(counted)}
    return SettledChannels(warehouse.materialise(name, kept), gone)


def _stays() -> exp.Expression:
    return parse("s.channel_rank IS NULL OR s.contact_id IS NULL OR s.channel_rank <= s.first_rank")


def _ranked(warehouse: Warehouse, touches: Relation, order: Sequence[str], within_minutes: int) -> exp.Expression:
    ifs = [exp.If(this=parse("t.channel = $c", c=literal(channel)), true=literal(k)) for k, channel in enumerate(order)]
    return parse(
        _RANKED,
        touches=touches.name,
        rank=exp.Case(ifs=ifs),
        micros=micros_of(column("occurred_at", of="t"), warehouse.dialect, kind="naive"),
        span=literal(within_minutes * _MICROS_A_MINUTE),
    )


def _check(touches: Relation, order: Sequence[str], within_minutes: int) -> None:
    if len(order) < 2 or len(set(order)) < len(order):  # noqa: PLR2004 - one channel alone goes before nobody
        raise InputError(
            f"{list(order)} is no order of channels", hint="name two channels or more, each once, the first one first"
        )
    if within_minutes < 1:
        raise InputError(f"{within_minutes} minutes are no visit", hint="30 minutes are usual")
    missing = [one for one in ("account_id", "contact_id", "channel", "occurred_at") if one not in touches.columns]
    if missing:
        raise ColumnNotFound(
            f"the touches have no column {', '.join(map(repr, missing))}, so one visit cannot be told from two",
            hint="map the columns, or leave the order of channels out",
        )
