"""Rows of the decision log between disk and engine: what is written, what stands from before, what is counted."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from incrementality.cohorts.decisions import DECISION_COLUMNS
from incrementality.cohorts.sql_engine import instant, micros_of
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import column, literal, named, parse
from incrementality.warehouse.upload import upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from incrementality.cohorts import Decisions
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["DecisionCount", "count_decisions", "decided_table", "entries_on_record", "handed_over"]

_KINDS = {
    **dict.fromkeys(DECISION_COLUMNS, "TEXT"),
    "t0": "BIGINT",
    "entry_no": "BIGINT",
    "eligible": "BOOLEAN",
}
_ENTRIES = {
    "unit_id": "TEXT",
    "experiment_id": "TEXT",
    "entry_no": "BIGINT",
    "would_send_channel": "TEXT",
    "t0_us": "BIGINT",
}
_STATUS = "CASE WHEN eligible THEN 'eligible' WHEN NOT eligible THEN 'ineligible' ELSE 'unknown' END"


@dataclass(frozen=True, slots=True)
class DecisionCount:
    """Decisions that fared alike: ``eligible``, ``ineligible`` or ``unknown``, and why."""

    status: str
    reasons: str
    n: int


def count_decisions(paths: Sequence[Path], experiment_id: str) -> tuple[DecisionCount, ...]:
    """Return how many decisions some segments hold of an experiment, the most frequent first."""
    if not paths:
        return ()
    query = parse(
        f"SELECT {_STATUS} AS status, reasons, count(*) AS n FROM log WHERE experiment_id = $id "  # noqa: S608 - a constant
        "GROUP BY 1, 2 ORDER BY n DESC, status, reasons",
        log=parquet_table(paths),
        id=literal(experiment_id),
    )
    with ParquetEngine() as engine:
        return tuple(DecisionCount(*row) for row in engine.query(query))


def entries_on_record(engine: Warehouse, paths: Sequence[Path], *, name: str = "entries_on_record") -> Relation | None:
    """Return in an engine who entered what and when, by the segments; ``None`` where there are none.

    Args:
        engine: The engine that decides.
        paths: The segments.
        name: How the temporary table is called.
    """
    if not paths:
        return None
    query = parse(
        "SELECT unit_id, experiment_id, entry_no, would_send_channel, epoch_us(t0) AS t0_us FROM log "
        "WHERE NOT entry_no IS NULL",
        log=parquet_table(paths),
    )
    return handed_over(engine, name, query, _ENTRIES)


def handed_over(engine: Warehouse, name: str, query: exp.Expression, kinds: dict[str, str]) -> Relation:
    """Return the rows of a query over local files in an engine: in place, or carried there."""
    if isinstance(engine, ParquetEngine):
        return engine.materialise(name, query)
    with ParquetEngine() as reader:
        rows = reader.query(query)
    return upload(engine, name, kinds, rows)


@contextmanager
def decided_table(
    engine: Warehouse, found: Decisions, *, memory_limit: str
) -> Iterator[tuple[ParquetEngine, exp.Table]]:
    """Yield the decisions as a table of an engine that writes Parquet files, each marked with its basis."""
    if isinstance(engine, ParquetEngine):
        name = f"{found.relation.name.name}_marked"
        yield engine, engine.materialise(name, _marked(found.relation.name, found.basis)).name
        return
    with ParquetEngine(memory_limit=memory_limit) as writer:
        rows = [row for digit in "0123456789abcdef" for row in engine.query(_page(found, digit))]
        brought = upload(writer, "brought", _KINDS, rows)
        back = parse(
            "SELECT * REPLACE ($t0 AS t0) FROM brought", t0=instant(column("t0"), "duckdb"), brought=brought.name
        )
        yield writer, writer.materialise("decided", _marked(exp.Subquery(this=back), found.basis)).name


def _marked(source: exp.Expression, basis: str) -> exp.Expression:
    query = parse("SELECT 1 FROM found", found=source)
    columns: list[Any] = [exp.column(name) for name in DECISION_COLUMNS]
    query.set("expressions", [*columns, named(literal(basis), "basis")])
    return query


def _page(found: Decisions, digit: str) -> exp.Expression:
    """A sixteenth of the decisions: all at once might not fit into memory on the way."""
    query = parse(
        "SELECT 1 FROM found WHERE substr(decision_id, 1, 1) = $digit",
        found=found.relation.name,
        digit=literal(digit),
    )
    time = micros_of(column("t0"), found.warehouse.dialect, kind="zoned")
    query.set("expressions", [named(time, "t0") if n == "t0" else exp.column(n) for n in DECISION_COLUMNS])
    return query
