"""How uncertain credit is: whole events resampled, so that every touch of a journey moves with its event."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.attribution.labels import SHOWN_BESIDE, UNALLOCATED
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean
from incrementality.stats.poisson_bootstrap import poisson_bootstrap_sums
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from incrementality.attribution.ledger import CreditLedger

    FloatArray = NDArray[np.float64]

__all__ = ["CreditInterval", "CreditIntervals", "bootstrap_credit"]

_EVENTS = """
SELECT dense_rank() OVER (ORDER BY event_id) - 1 AS event,
  dense_rank() OVER (ORDER BY label, model) - 1 AS place, credit
FROM (SELECT event_id, model, $label AS label, sum(unrounded) AS credit FROM source WHERE $kept GROUP BY 1, 2, 3) AS g
ORDER BY 1, 2
"""
_BLOCK = 4096
_PLACES = "SELECT DISTINCT $label AS label, model FROM source WHERE $kept ORDER BY 1, 2"


@dataclass(frozen=True, slots=True)
class CreditInterval:
    """One credit and how uncertain it is, in minor units or micro-deals.

    Attributes:
        label: The function, channel or whatever credit is shown by.
        model: The model.
        credit: The credit, unrounded.
        lower: Lower end of its interval.
        upper: Upper end.
        standard_error: Standard deviation over the replicates.
        share: The credit over the model's whole.
        share_lower: Lower end of the share's interval.
        share_upper: Upper end.
    """

    label: str
    model: str
    credit: float
    lower: float
    upper: float
    standard_error: float
    share: float
    share_lower: float
    share_upper: float


@dataclass(frozen=True, slots=True)
class CreditIntervals(DisplayMixin):
    """Credit with intervals, as other events like these would have moved it. It says nothing of what was caused.

    Attributes:
        by: What credit is shown by.
        rows: One a label and model.
        level: Of the intervals.
        events: Events that were resampled.
        replicates: How often.
        seed: Makes the answer repeatable.
    """

    by: str
    rows: tuple[CreditInterval, ...]
    level: float
    events: int
    replicates: int
    seed: int

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a label and model."""
        return tuple(
            {
                self.by: row.label,
                "model": row.model,
                "credit": row.credit,
                "lower": row.lower,
                "upper": row.upper,
                "share": row.share,
                "share_lower": row.share_lower,
                "share_upper": row.share_upper,
            }
            for row in self.rows
        )


def bootstrap_credit(
    ledger: CreditLedger, by: str = "function", *, replicates: int = 1000, level: float = 0.9, seed: int = 0
) -> CreditIntervals:
    """Return the interval of every credit by resampling events.

    The Poisson bootstrap over events: each counts a Poisson(1) number of times. Intervals are percentiles; those of
    shares compare each replicate with its own whole.

    Args:
        ledger: The ledger; its unrounded credit is resampled.
        by: A column of the ledger: ``function``, ``channel``, ``type``, ``journey``, ``cell``, ``role``.
        replicates: Replicates, at least 2.
        level: Of the intervals.
        seed: Makes the answer repeatable.

    Raises:
        InputError: The ledger has no such column or no rows, or the level is no level.

    Examples:
        >>> import numpy as np
        >>> from incrementality.attribution import CreditLedger
        >>> from incrementality.warehouse import connect
        >>> query = parse("SELECT i AS event_id, 'new' AS kind, 'last' AS model, 'ae' AS function, 5 AS credit, "
        ...     "5e0 AS unrounded FROM range(400) AS r(i)")
        >>> with connect() as engine:
        ...     ledger = CreditLedger(engine, engine.materialise("rows", query), ("last",), "money", {"last": 2000})
        ...     row = bootstrap_credit(ledger, seed=1).rows[0]
        >>> row.credit, 80 < row.standard_error < 120, (row.share_lower, row.share_upper)
        (2000.0, True, (1.0, 1.0))
    """
    allowed = [name for name in ledger.columns if name not in ("credit", "unrounded", "model", "event_id", "event_at")]
    if by not in allowed:
        raise InputError(
            f"{by!r} is no column to show credit by; allowed: {', '.join(allowed)}.{did_you_mean(by, allowed)}",
            hint="name one of these",
        )
    if not 0 < level < 1:
        raise InputError(f"{level!r} is no level of an interval; allowed: between 0 and 1", hint="write 0.9")
    places = _places(ledger, by)
    found = poisson_bootstrap_sums(_blocks(ledger, by, len(places)), replicates=replicates, seed=seed)
    rows = _rows(places, found.sums, found.replicates, level)
    return CreditIntervals(by, rows, level, found.n, replicates, seed)


def _query(text: str, ledger: CreditLedger, by: str) -> exp.Expression:
    beside = exp.In(this=column("kind"), expressions=[literal(kind) for kind in SHOWN_BESIDE])
    kept = exp.true() if by == "kind" else exp.Not(this=beside)
    return parse(text, source=ledger.rows.name, label=exp.cast(column(by), "TEXT"), kept=kept)


def _places(ledger: CreditLedger, by: str) -> list[tuple[str, str]]:
    """Return the columns of the resampled table: label and model, in the engine's order."""
    return [(str(label), str(model)) for label, model in ledger.warehouse.query(_query(_PLACES, ledger, by))]


def _blocks(ledger: CreditLedger, by: str, width: int) -> Iterator[FloatArray]:
    """Yield credit by event and place, some thousand events at a time."""
    event, place, credit = ledger.warehouse.numbers(_query(_EVENTS, ledger, by))
    rows, columns = event.astype(np.int64), place.astype(np.int64)
    ends = np.searchsorted(rows, np.arange(0, (rows[-1] if len(rows) else -1) + 1 + _BLOCK, _BLOCK))
    for k, (start, end) in enumerate(pairwise(ends)):
        if end > start:
            block = np.zeros((int(rows[end - 1]) - k * _BLOCK + 1, width))
            block[rows[start:end] - k * _BLOCK, columns[start:end]] = credit[start:end]
            yield block


def _rows(
    places: list[tuple[str, str]], sums: FloatArray, replicates: FloatArray, level: float
) -> tuple[CreditInterval, ...]:
    """Return credits and shares with their percentile intervals, in the order of the ledger's totals."""
    tails = [50 * (1 - level), 50 * (1 + level)]
    rows = []
    for k, (label, model) in enumerate(places):
        of_model = [j for j, (_, other) in enumerate(places) if other == model]
        wholes = replicates[:, of_model].sum(axis=1)
        shares = replicates[wholes != 0, k] / wholes[wholes != 0]
        lower, upper = np.percentile(replicates[:, k], tails)
        low_share, high_share = np.percentile(shares, tails) if len(shares) else (np.nan, np.nan)
        whole = float(sums[of_model].sum())
        error = float(replicates[:, k].std(ddof=1))
        share = float(sums[k]) / whole if whole else float("nan")
        rows.append(
            CreditInterval(
                label,
                model,
                float(sums[k]),
                float(lower),
                float(upper),
                error,
                share,
                float(low_share),
                float(high_share),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.label == UNALLOCATED, row.label, row.model)))
