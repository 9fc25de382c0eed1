"""Which eligible firings enter, in the engine: first entries by one window, all else by ``sequence``, unit by unit.

The firings stream out of the engine in the order of their units, and the answers back into it, some ten thousand at a
time: neither stands in memory as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, islice, starmap
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.sequence import Candidate, sequence
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from incrementality.cohorts.rule import EligibilityRule
    from incrementality.cohorts.sequence import Entry
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["first_entries", "sequential_entries"]

_BATCH = 1 << 16
_KINDS = {"decision_id": "TEXT", "shadow_reasons": "TEXT", "entry": "BIGINT", "shadow_caps": "TEXT"}


def first_entries(judgements: exp.Expression, earlier: Relation | None) -> exp.Expression:
    """The first eligible firing of each unit enters, if it did not earlier; later ones are refused as re-entries."""
    numbered = judgements
    if earlier is not None:
        numbered = parse(
            "SELECT n.*, coalesce(e.entries, 0) AS entries FROM numbered AS n LEFT JOIN (SELECT experiment_id, "
            "unit_id, max(entry_no) AS entries FROM earlier GROUP BY experiment_id, unit_id) AS e "
            "ON n.experiment_id = e.experiment_id AND n.unit_id = e.unit_id",
            numbered=exp.Subquery(this=numbered),
            earlier=earlier.name,
        )
    nth = exp.column("nth") if earlier is None else parse("nth + entries")
    return parse(
        "SELECT *, CASE WHEN eligible THEN $nth END AS entry, CASE WHEN eligible AND $nth > 1 THEN 'reentry' ELSE '' "
        "END AS shadow_reasons, '' AS shadow_caps FROM numbered AS n",
        nth=nth,
        numbered=exp.Subquery(this=numbered),
    )


def sequential_entries(
    judged: Relation,
    rules: Mapping[str, EligibilityRule],
    *,
    warehouse: Warehouse,
    name: str,
    earlier: Relation | None,
) -> exp.Expression:
    """Decide the eligible firings one after another, and return the query of every firing with what became of it.

    Args:
        judged: Every firing with its verdict (``judged``).
        rules: The rule of each experiment.
        warehouse: The engine.
        name: How the table of entries is called.
        earlier: Entries on record from before the period.
    """
    before = None if earlier is None else _entered(earlier, warehouse)
    entries = sequence(_candidates(judged, warehouse), rules, earlier=before)
    kept = warehouse.keep(name, _KINDS, _rows(entries))
    return parse(
        "SELECT b.*, e.entry, coalesce(e.shadow_reasons, '') AS shadow_reasons, "
        "coalesce(e.shadow_caps, '') AS shadow_caps FROM base AS b LEFT JOIN entries AS e "
        "ON b.decision_id = e.decision_id",
        base=judged.name,
        entries=kept.name,
    )


def _entered(earlier: Relation, warehouse: Warehouse) -> dict[str, list[Candidate]]:
    query = parse(
        "SELECT unit_id, t0_us, experiment_id, would_send_channel FROM source ORDER BY unit_id, t0_us, experiment_id",
        source=earlier.name,
    )
    found: defaultdict[str, list[Candidate]] = defaultdict(list)
    for unit_id, t0, experiment_id, channel in warehouse.query(query):
        found[unit_id].append(Candidate(unit_id, t0, experiment_id, channel, ""))
    return dict(found)


def _candidates(judged: Relation, warehouse: Warehouse) -> Iterator[Candidate]:
    query = parse(
        "SELECT unit_id, t0, experiment_id, would_send_channel, decision_id FROM source WHERE eligible "
        "ORDER BY unit_id, t0, experiment_id",
        source=judged.name,
    )
    return starmap(Candidate, chain.from_iterable(warehouse.batches(query)))


def _rows(entries: Iterator[Entry]) -> Iterator[list[tuple[str, str, int, str]]]:
    """The shadow's answers, a batch at a time."""
    rows = ((e.decision_id, "; ".join(e.reasons), e.entry_no or 0, e.shadow_caps) for e in entries)
    while batch := list(islice(rows, _BATCH)):
        yield batch
