"""The proof that nothing was lost: revenue in = credited + unknown + unallocated + quarantined."""

from __future__ import annotations

from dataclasses import dataclass

from incrementality.display import DisplayMixin
from incrementality.errors import LedgerDoesNotReconcile

__all__ = ["Reconciliation", "ReconciliationRow"]


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One model's amounts, in whole minor units or millionths of a deal.

    Attributes:
        model: The model.
        revenue_in: What came in.
        credited: What functions were credited.
        unknown: What was credited to nobody known.
        unallocated: What no touch and no role was given.
        quarantined: What was set aside before.
        beside: What was credited of labels on that revenue (customers saved); no part of it.
        beside_over: By how much that misses what the labels are worth; zero where it adds up.
    """

    model: str
    revenue_in: int
    credited: int
    unknown: int
    unallocated: int
    quarantined: int
    beside: int = 0
    beside_over: int = 0

    @property
    def difference(self) -> int:
        """What is missing; zero where the ledger holds."""
        return self.revenue_in - self.credited - self.unknown - self.unallocated - self.quarantined


@dataclass(frozen=True, slots=True)
class Reconciliation(DisplayMixin):
    """Where the revenue went, model by model.

    Attributes:
        rows: One a model.
        reasons: What was set aside, by reason.
        unit: ``money`` or ``deals``.

    Examples:
        >>> found = Reconciliation((ReconciliationRow("linear", 100, 70, 5, 20, 5),), {"refund_exceeds_revenue": 5})
        >>> found.holds, found.check() is found
        (True, True)
    """

    rows: tuple[ReconciliationRow, ...]
    reasons: dict[str, int]
    unit: str = "money"

    @property
    def holds(self) -> bool:
        """Whether every model adds up, to the unit."""
        return all(row.difference == 0 and row.beside_over == 0 for row in self.rows)

    def check(self) -> Reconciliation:
        """Return this if it holds.

        Raises:
            LedgerDoesNotReconcile: A model does not add up; the message says which and by how much.
        """
        for row in self.rows:
            if row.difference:
                raise LedgerDoesNotReconcile(
                    f"by the model {row.model!r}, {row.credited} credited + {row.unknown} unknown + {row.unallocated} "
                    f"unallocated + {row.quarantined} quarantined miss the revenue of {row.revenue_in} by "
                    f"{row.difference}",
                    hint="hand in everything that was set aside, by reason, and the revenue as it came in",
                )
            if row.beside_over:
                raise LedgerDoesNotReconcile(
                    f"by the model {row.model!r}, the credit of labels such as customers saved misses what they are "
                    f"worth by {row.beside_over}",
                    hint="make the ledger again; its file or its events have changed",
                )
        return self

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a model."""
        return tuple(
            {
                "model": row.model,
                "revenue_in": row.revenue_in,
                "credited": row.credited,
                "unknown": row.unknown,
                "unallocated": row.unallocated,
                "quarantined": row.quarantined,
                "difference": row.difference,
                "beside": row.beside,
            }
            for row in self.rows
        )
