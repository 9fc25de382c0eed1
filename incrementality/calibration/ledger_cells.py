"""From a credit ledger to the cells that experiments switch off: their credit, their touches, their overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.attribution import UNALLOCATED, UNKNOWN
from incrementality.calibration.cells import Cell, CellTable
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.attribution import CreditLedger, Journeys

    FloatArray = NDArray[np.float64]
    Key = tuple[str, str]

__all__ = ["NEVER_SWITCHED_OFF", "cells_of_ledger"]

NEVER_SWITCHED_OFF = ("customer", UNALLOCATED, UNKNOWN)

_LABELS = "coalesce(function, 'unknown') AS function, coalesce(journey, 'none') AS journey"
_TOUCHES = f"SELECT {_LABELS}, count(*) AS touches FROM journey_rows AS r GROUP BY 1, 2"  # noqa: S608 - constants
_TOGETHER = f"""
WITH met AS (SELECT DISTINCT account_id, {_LABELS} FROM journey_rows AS r)
SELECT a.function, a.journey, b.function, b.journey, count(*) AS accounts
FROM met AS a JOIN met AS b ON a.account_id = b.account_id GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - constants


def cells_of_ledger(
    ledger: CreditLedger,
    journeys: Journeys,
    *,
    models: Sequence[str],
    leave_out: Sequence[str] = NEVER_SWITCHED_OFF,
) -> CellTable:
    """Return the cells, function x journey, with the consensus of some models' credit.

    The consensus is the mean over the models, which are to be fixed beforehand and to look at all touches of a deal;
    how far they disagree widens the prior. What no company can switch off (the customer's own moves, credit that nobody
    knows) is left out: it belongs to what would have happened anyway.

    Args:
        ledger: The ledger.
        journeys: The journeys that it was made of.
        models: Names of models of the ledger.
        leave_out: Functions that cannot be switched off.

    Returns:
        Cells in the ledger's unit: minor units or millionths of a deal.

    Raises:
        InputError: No model is named, or the ledger has no such model.
    """
    unknown = [name for name in models if name not in ledger.models]
    if unknown or not models:
        near = did_you_mean(unknown[0], ledger.models) if unknown else ""
        raise InputError(
            f"the ledger has no model {', '.join(map(repr, unknown)) or 'to take a consensus of'}{near}",
            hint=f"its models are {', '.join(ledger.models)}",
        )
    totals = ledger.totals(("function", "journey"), rounded=False)
    credit = {model: totals.of(model) for model in models}
    keys = sorted({(str(f), str(j)) for f, j in totals.cells if f not in leave_out})
    by_model = np.array([[credit[model].get(key, 0.0) for key in keys] for model in models])
    consensus = np.maximum(by_model.mean(axis=0), 0.0)
    apart = by_model - by_model.mean(axis=0)
    revenue = float(ledger.revenue[models[0]])
    return CellTable(
        tuple(Cell(function, journey) for function, journey in keys),
        consensus,
        _touches(journeys, keys),
        revenue,
        together=_together(journeys, keys),
        disagreement=apart.T @ apart / len(models),
        event_value=revenue / max(journeys.counts().events, 1) or 1.0,
    )


def _touches(journeys: Journeys, keys: Sequence[Key]) -> FloatArray:
    found = journeys.warehouse.query(parse(_TOUCHES, journey_rows=journeys.rows().subquery()))  # type: ignore[attr-defined]
    counted = {(function, journey): float(n) for function, journey, n in found}
    return np.array([counted.get(key, 0.0) for key in keys])


def _together(journeys: Journeys, keys: Sequence[Key]) -> FloatArray:
    place = {key: k for k, key in enumerate(keys)}
    found = np.zeros((len(keys), len(keys)))
    query = parse(_TOGETHER, journey_rows=journeys.rows().subquery())  # type: ignore[attr-defined]
    for one_function, one_journey, other_function, other_journey, accounts in journeys.warehouse.query(query):
        one, other = place.get((one_function, one_journey)), place.get((other_function, other_journey))
        if one is not None and other is not None:
            found[one, other] = accounts
    return found
