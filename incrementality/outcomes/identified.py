"""The units of the population with whose they are: what sums by account are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.outcomes.unit_table import all_of
from incrementality.warehouse.sql import column, named, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from incrementality.outcomes.unit_table import GroupValue, UnitTable

__all__ = ["IdentifiedRows", "identified_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedRows:
    """Some units of the population, one entry a unit, n of them.

    Attributes:
        ids: The account where whole accounts (clusters) were randomised, else the unit, as text; length n.
        arm: Index of the arm in the order asked for, shape (n,).
        columns: The columns asked for, shape (n, K); NaN where one is missing.
    """

    ids: list[str]
    arm: NDArray[np.int64]
    columns: NDArray[np.float64]


def identified_rows(table: UnitTable, names: Sequence[str], arms: Sequence[GroupValue]) -> Iterator[IdentifiedRows]:
    """Yield the units of some arms, some ten thousand at a time, in the engine's order; run nothing else meanwhile.

    Args:
        table: The unit table; its experiment maps a unit or a cluster.
        names: Outcomes, strata and covariates by name.
        arms: The engine's own values of the arms.
    """
    data = table.experiment.data
    who = parse("CAST($u AS TEXT)", u=column(str(data.cluster or data.unit)))
    items = [who, column(data.arm), *(table.columns[name] for name in names)]
    query = parse("SELECT 1 FROM source", source=table.relation.name)
    query.set("expressions", [named(item, f"v{k}") for k, item in enumerate(items)])
    known = parse("$a IS NOT NULL", a=column(data.arm))
    query.set("where", exp.Where(this=all_of([known, *table.placed(), *table.rule.kept])))
    places = {value: k for k, value in enumerate(arms)}
    for batch in table.warehouse.batches(query):
        rows = [row for row in batch if row[1] in places]
        yield IdentifiedRows(
            ids=[row[0] for row in rows],
            arm=np.array([places[row[1]] for row in rows], dtype=np.int64),
            columns=np.array([row[2:] for row in rows], dtype=float).reshape(len(rows), len(names)),
        )
