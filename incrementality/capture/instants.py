"""Times as people and tools write them, brought to UTC.

A value with an offset is an instant. A value without one is a local time in the declared zone. Where clocks go back,
a local time occurs twice: it is read as standard time, the later of the two. Where clocks go forward, some local
times never occur: they are read with the offset before the jump. Both are flagged. Dates are midnights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.cells import Cell, Finding, stands, written
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.capture.source import Source
    from incrementality.tables import ColumnContract
    from incrementality.warehouse.sql import ColumnType

__all__ = ["day_cell", "time_cell"]

_DAY = r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_NAIVE = f"{_DAY}({_CLOCK})?$"
_ZONED = rf"{_CLOCK}\s*(Z|z|UTC|GMT|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$"
_UTC_WORD = r"\s*(Z|z|UTC|GMT)$"
_GAP = r"\s+([+-][0-9:]+)$"
_EPOCHS = {"epoch": 1_000_000, "epoch_ms": 1_000}


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def time_cell(
    contract: ColumnContract, node: exp.Expression, kind: ColumnType, source: Source, *, zoned: bool, needed: bool
) -> Cell:
    """Return the cell of an instant, in UTC without a zone.

    Args:
        contract: The canonical column.
        node: The source's value.
        kind: Its type: a time, a text, or a number of seconds or milliseconds since 1970.
        source: Where it stands: its time zone and format.
        zoned: Whether a value of the engine's own type carries its zone.
        needed: Whether a row without it is refused.
    """
    name, value, seen = contract.name, column(contract.name), stands(contract.name)
    if kind == "temporal" and zoned:
        return Cell(contract, node, _call("make_timestamp", _call("epoch_us", seen)), *_missing(name, needed=needed))
    if source.time_format in _EPOCHS:
        step = literal(_EPOCHS[source.time_format])
        stamp = _call("make_timestamp", parse("TRY_CAST($r AS BIGINT) * $step", r=seen, step=step))
        return Cell(contract, written(node), stamp, *_unreadable(name, needed=needed))
    if kind == "temporal":
        local = parse("CAST($r AS TIMESTAMP)", r=seen)
        checks = _missing(name, needed=needed)
        utc = _to_utc(local, source.time_zone)
        return _local_cell(contract, node, local=local, utc=utc, zone=source.time_zone, checks=checks)
    offset = parse("regexp_matches($r, $form)", r=seen, form=literal(_ZONED))
    local = parse("CASE WHEN NOT $offset THEN $naive END", offset=offset, naive=_naive(seen, source.time_format))
    utc = parse(
        "CASE WHEN $offset THEN $a ELSE $b END", offset=offset, a=_with_offset(seen), b=_to_utc(local, source.time_zone)
    )
    checks = _unreadable(name, needed=needed)
    if source.time_zone is None:
        bare = Finding(f"no_zone_{name}", parse("$v IS NULL AND $local IS NOT NULL", v=value, local=local))
        checks = ((bare, *checks[0]), ()) if needed else ((), (bare,))
    return _local_cell(contract, written(node), local=local, utc=utc, zone=source.time_zone, checks=checks)


def _local_cell(
    contract: ColumnContract,
    raw: exp.Expression,
    *,
    local: exp.Expression,
    utc: exp.Expression,
    zone: str | None,
    checks: tuple[tuple[Finding, ...], tuple[Finding, ...]],
) -> Cell:
    refusals, flags = checks
    return Cell(contract, raw, utc, refusals, (*flags, *_clock_changes(contract.name, local, zone)))


def _naive(seen: exp.Expression, form: str) -> exp.Expression:
    if form:
        return _call("try_strptime", seen, literal(form))
    return parse("CASE WHEN regexp_matches($r, $form) THEN TRY_CAST($r AS TIMESTAMP) END", r=seen, form=literal(_NAIVE))


def _with_offset(seen: exp.Expression) -> exp.Expression:
    """The instant of a text with an offset; ``Z``, ``UTC``, ``+0200`` and ``+02:00`` are all one."""
    plain = parse(
        "regexp_replace(regexp_replace($r, $word, '+00'), $gap, $kept)",
        r=seen, word=literal(_UTC_WORD), gap=literal(_GAP), kept=literal(r"\1"),
    )  # fmt: skip
    return _call("timezone", literal("UTC"), parse("TRY_CAST($t AS TIMESTAMPTZ)", t=plain))


def _to_utc(local: exp.Expression, zone: str | None) -> exp.Expression:
    if zone is None:
        return parse("CAST(NULL AS TIMESTAMP)")
    return local if zone == "UTC" else _call("timezone", literal("UTC"), _call("timezone", literal(zone), local))


def _clock_changes(name: str, local: exp.Expression, zone: str | None) -> tuple[Finding, ...]:
    if zone is None or zone == "UTC":
        return ()
    value = column(name)

    def seen_in_zone(instant: exp.Expression) -> exp.Expression:
        return _call("timezone", literal(zone), _call("timezone", literal("UTC"), instant))

    hour = exp.Interval(this=literal("1"), unit=exp.var("HOUR"))
    earlier = seen_in_zone(parse("$v - $h", v=value, h=hour))
    return (
        Finding(f"ambiguous_{name}", parse("$local = $earlier", local=local, earlier=earlier)),
        Finding(f"skipped_{name}", parse("$local <> $again", local=local, again=seen_in_zone(value))),
    )


def day_cell(contract: ColumnContract, node: exp.Expression, kind: ColumnType, source: Source, *, needed: bool) -> Cell:
    """Return the cell of a calendar day; what stands behind the day in a text is left aside."""
    name, seen = contract.name, stands(contract.name)
    if kind == "temporal":
        return Cell(contract, node, parse("CAST($r AS DATE)", r=seen), *_missing(name, needed=needed))
    if source.time_format and source.time_format not in _EPOCHS:
        day = parse("CAST($t AS DATE)", t=_call("try_strptime", seen, literal(source.time_format)))
    else:
        day = parse(
            "CASE WHEN regexp_matches($r, $form) THEN TRY_CAST(SUBSTRING($r, 1, 10) AS DATE) END",
            r=seen, form=literal(_DAY),
        )  # fmt: skip
    return Cell(contract, written(node), day, *_unreadable(name, needed=needed))


def _missing(name: str, *, needed: bool) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    return ((Finding(f"no_{name}", parse("$v IS NULL", v=column(name))),) if needed else ()), ()


def _unreadable(name: str, *, needed: bool) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    odd = Finding(f"unreadable_{name}", parse("$v IS NULL AND $r IS NOT NULL", v=column(name), r=stands(name)))
    return ((odd, *_missing(name, needed=needed)[0]), ()) if needed else ((), (odd,))
