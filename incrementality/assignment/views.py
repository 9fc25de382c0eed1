"""The ledger's queries: which row of a unit counts, how many units an arm has, and what compaction keeps.

Every answer is a function of the set of rows and tombstones: not of files, nor of their order. A unit's first row
wins: the earliest ``assigned_at``, then the smallest value of each column in turn.
"""

from __future__ import annotations

from sqlglot import exp

from incrementality.warehouse.sql import literal, parse

__all__ = [
    "arm_counts",
    "compacted_rows",
    "first_rows",
    "known_rows",
    "live_rows",
    "mixed_units",
    "unerased_units",
]

_FIRST = (
    "erased DESC, assigned_at ASC, version ASC, arm ASC, hash ASC NULLS LAST, probability ASC NULLS LAST, "
    "phase ASC, source ASC, reason ASC"
)
_SHOWN = "unit_id, version, arm, hash, probability, phase, assigned_at, source, reason"


def known_rows(rows: exp.Expression, *, salt: str | None, tombstones: exp.Expression | None) -> exp.Expression:
    """Return all rows with ``unit_key``, which outlives an erasure, and ``gone``: whether the unit was erased.

    Args:
        rows: The table of all rows.
        salt: The ledger's salt; ``None`` where it keeps keys in place of ids.
        tombstones: The table of the keys of erased units; ``None`` where there are none.
    """
    if tombstones is None:
        return parse("SELECT *, unit_id AS unit_key, erased AS gone FROM all_rows", all_rows=rows)
    key = (
        parse("unit_id")
        if salt is None
        else parse("CASE WHEN erased THEN unit_id ELSE sha256($salt || unit_id) END", salt=literal(f"{salt}/"))
    )
    return parse(
        "SELECT *, erased OR unit_key IN (SELECT unit_key FROM tombstones) AS gone "
        "FROM (SELECT *, $key AS unit_key FROM all_rows) AS keyed",
        key=key,
        all_rows=rows,
        tombstones=tombstones,
    )


def first_rows(known: exp.Expression) -> exp.Expression:
    """Return the row of each unit that counts, erased ones too."""
    return parse(
        f"SELECT * FROM known_rows QUALIFY row_number() OVER (PARTITION BY unit_key ORDER BY {_FIRST}) = 1",  # noqa: S608 - constants
        known_rows=_derived(known),
    )


def live_rows(known: exp.Expression) -> exp.Expression:
    """Return the assignments: the row of each unit that counts, without erased units, by unit."""
    return parse(
        f"SELECT {_SHOWN} FROM first_rows WHERE NOT gone ORDER BY unit_id",  # noqa: S608 - constants
        first_rows=_derived(first_rows(known)),
    )


def arm_counts(known: exp.Expression) -> exp.Expression:
    """Return each arm with its units, and how many of them were erased."""
    return parse(
        "SELECT arm, count(*) AS units, count(*) FILTER (WHERE gone) AS erased FROM first_rows "
        "GROUP BY arm ORDER BY arm",
        first_rows=_derived(first_rows(known)),
    )


def mixed_units(known: exp.Expression) -> exp.Expression:
    """Return how many units were recorded in more than one arm; only the first counts."""
    return parse(
        "SELECT count(*) AS units FROM (SELECT unit_key FROM known_rows WHERE NOT gone GROUP BY unit_key "
        "HAVING count(DISTINCT arm) > 1) AS mixed",
        known_rows=_derived(known),
    )


def unerased_units(known: exp.Expression) -> exp.Expression:
    """Return how many erased units still stand with their ids in some segment."""
    return parse(
        "SELECT count(DISTINCT unit_key) AS units FROM known_rows WHERE gone AND NOT erased",
        known_rows=_derived(known),
    )


def compacted_rows(known: exp.Expression) -> exp.Expression:
    """Return the fewest rows from which every other answer stays the same.

    Of rows that differ in nothing but the moment the earliest stays; units in several arms keep all of them. Of an
    erased unit stays one row: its key, arm, version, probability, phase and source, and the day.
    """
    return parse(
        "SELECT unit_id, experiment, version, arm, hash, probability, phase, source, reason, erased, "
        "min(assigned_at) AS assigned_at FROM known_rows WHERE NOT gone GROUP BY ALL "
        "UNION ALL "
        "SELECT unit_key, experiment, version, arm, CAST(NULL AS BIGINT), probability, phase, source, '', true, "
        "CAST(date_trunc('day', assigned_at) AS TIMESTAMP) FROM first_rows WHERE gone",
        known_rows=_derived(known),
        first_rows=_derived(first_rows(known)),
    )


def _derived(query: exp.Expression) -> exp.Expression:
    return exp.Subquery(this=query)
