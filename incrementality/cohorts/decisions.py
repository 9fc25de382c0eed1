"""The decision log: one row a firing for both arms, written before any arm is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from incrementality.display import DisplayMixin
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from incrementality.cohorts.rule import EligibilityRule
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["DECISION_COLUMNS", "Basis", "Decisions", "Refused"]

Basis = Literal["logged", "reconstructed"]

DECISION_COLUMNS = (
    "decision_id",
    "experiment_id",
    "rule_version",
    "unit_id",
    "account_id",
    "t0",
    "entry_no",
    "eligible",
    "reasons",
    "inputs_hash",
    "would_send_channel",
    "shadow_caps",
    "stratum",
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows of one input table: how many there are, and how many are not used, by reason."""

    experiment_id: str
    table: str
    rows: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions(DisplayMixin):
    """A decision log inside the engine, in order of nothing; there is no arm in it.

    Attributes:
        warehouse: The engine that holds the rows.
        relation: The log, with ``DECISION_COLUMNS``. ``eligible`` is null for unknown; ``reasons`` are parted by
            "; ", empty when eligible; ``t0`` is UTC; ``entry_no`` is null where there is no entry.
        rules: The rule of each experiment.
        refused: What was not used of the input tables.
        since: Firings count from here on.
        until: Firings no longer count from here on.
        data_cut: The inputs were known up to here.
        basis: ``logged`` at the time, or ``reconstructed`` from event tables later.
    """

    warehouse: Warehouse
    relation: Relation
    rules: Mapping[str, EligibilityRule]
    refused: tuple[Refused, ...]
    since: datetime
    until: datetime
    data_cut: datetime
    basis: Basis

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return how many decisions each experiment has by status and reasons, the most frequent first."""
        query = parse(
            "SELECT experiment_id, CASE WHEN eligible THEN 'eligible' WHEN NOT eligible THEN 'ineligible' "
            "ELSE 'unknown' END AS status, reasons, count(*) AS n FROM source "
            "GROUP BY experiment_id, eligible, reasons ORDER BY n DESC, experiment_id, status, reasons",
            source=self.relation.name,
        )
        names = ("experiment_id", "status", "reasons", "n")
        return tuple(dict(zip(names, row, strict=True)) for row in self.warehouse.query(query))
