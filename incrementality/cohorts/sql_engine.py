"""Where the engines differ: times as microseconds and back, SHA-256, and which type a time has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.warehouse import Relation, Warehouse

__all__ = [
    "HASH_LIMIT",
    "ClockKind",
    "clock_kinds",
    "hash_of",
    "hash_of_parts",
    "instant",
    "joined",
    "micros_of",
    "part_of",
]

ClockKind = Literal["zoned", "naive", "text"]
HASH_LIMIT = 1e15

_STAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
ZONED_STAMP = _STAMP + "(Z|[+-][0-9]{2}:[0-9]{2})$"
NAIVE_STAMP = _STAMP + "$"
_ZONED_TYPES = {
    "duckdb": {"TIMESTAMP WITH TIME ZONE"},
    "postgres": {"TIMESTAMP WITH TIME ZONE"},
    "spark": {"TIMESTAMP"},
}


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def clock_kinds(warehouse: Warehouse, relation: Relation, names: Sequence[str]) -> dict[str, ClockKind]:
    """Return for each column of times whether its values carry a zone; texts are told apart row by row.

    An empty table's times count as zoned: there is nothing to misread.
    """
    temporal = [name for name in names if relation.columns[name] == "temporal"]
    kinds: dict[str, ClockKind] = {name: "text" for name in names if relation.columns[name] == "text"}
    if temporal:
        query = parse("SELECT 1 FROM source LIMIT 1", source=relation.name)
        query.set("expressions", [_type_of(column(name), warehouse.dialect) for name in temporal])
        rows = warehouse.query(query)
        found = rows[0] if rows else [min(_ZONED_TYPES[warehouse.dialect])] * len(temporal)
        zoned = _ZONED_TYPES[warehouse.dialect]
        kinds |= {n: "zoned" if str(t).upper() in zoned else "naive" for n, t in zip(temporal, found, strict=True)}
    return kinds


def _type_of(node: exp.Expression, dialect: str) -> exp.Expression:
    if dialect == "postgres":
        return parse("CAST($t AS TEXT)", t=_call("pg_typeof", node))
    return _call("typeof", node)


def micros_of(time: exp.Expression, dialect: str, *, kind: ClockKind) -> exp.Expression:
    """Return a time as microseconds since 1970 (BIGINT); times without a zone are read as UTC."""
    if dialect == "duckdb" and kind != "text":
        return _call("epoch_us", time if kind == "zoned" else parse("CAST($t AS TIMESTAMP)", t=time))
    stamp = parse("CAST($t AS TIMESTAMPTZ)", t=time)  # the sessions' zone is UTC
    if dialect == "postgres":
        return parse("CAST(extract(epoch FROM $t) * 1000000 AS BIGINT)", t=stamp)
    return _call("epoch_us" if dialect == "duckdb" else "unix_micros", stamp)


def instant(micros: exp.Expression, dialect: str) -> exp.Expression:
    """Return microseconds since 1970 as the engine's own instant with a zone."""
    if dialect == "postgres":
        return parse("CAST('1970-01-01 00:00:00+00' AS TIMESTAMPTZ) + $m * $step", m=micros, step=_microsecond())
    return _call("make_timestamptz" if dialect == "duckdb" else "timestamp_micros", micros)


def _microsecond() -> exp.Expression:
    return exp.Interval(this=literal("1"), unit=exp.var("MICROSECOND"))


def hash_of(text: exp.Expression, dialect: str) -> exp.Expression:
    """Return the SHA-256 of a text as lower-case hexadecimal digits."""
    if dialect == "postgres":
        return _call("encode", _call("sha256", _call("convert_to", text, literal("UTF8"))), literal("hex"))
    return _call("sha2", text, literal(256)) if dialect == "spark" else _call("sha256", text)


def hash_of_parts(parts: Sequence[exp.Expression], dialect: str) -> exp.Expression:
    """Return the SHA-256 of parts (``part_of``), one after the other; ``verdict.parts_hash`` in SQL."""
    text: exp.Expression = parts[0] if parts else literal("")
    for part in parts[1:]:
        text = exp.DPipe(this=text, expression=part.copy(), safe=True)
    return hash_of(text, dialect)


def part_of(text: exp.Expression) -> exp.Expression:
    """Return a text with its length before it; a missing one is a dash."""
    return parse("CASE WHEN $x IS NULL THEN '-' ELSE CAST(length($x) AS TEXT) || ':' || $x END", x=text)


def joined(texts: Sequence[exp.Expression]) -> exp.Expression:
    """Return the texts that are not null, with semicolons between them."""
    if not texts:
        return literal("")
    node = parse("concat_ws('; ', $first)", first=texts[0])
    for text in texts[1:]:
        node.append("expressions", text)
    return node
