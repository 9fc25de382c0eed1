"""What each function touched, was credited and cost: one row a function, and a total from unrounded sums."""

from __future__ import annotations

from dataclasses import dataclass

from incrementality.display import DisplayMixin
from incrementality.errors import InputError

__all__ = ["FunctionRow", "FunctionTable"]

_PER = 1000


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """What one function did, was credited and cost in a period.

    Attributes:
        function: The function; ``unknown`` and ``unallocated`` are rows like any other.
        touchpoints: Its touches inside the windows of the period's deals.
        deals_touched: Deals with at least one of them.
        revenue_credited: Credit in currency units, unrounded; the rows of a table add up to the revenue.
        cost: What it cost in currency units; ``None`` where nobody said.
        previous: Its credit in the period before; ``None`` where there is none.
    """

    function: str
    touchpoints: int
    deals_touched: int
    revenue_credited: float
    cost: float | None = None
    previous: float | None = None


@dataclass(frozen=True, slots=True)
class FunctionTable(DisplayMixin):
    """Credit, effort and cost by function, as one model sees them. Credit is not what a function caused.

    ``revenue_to_cost`` is credit over cost, ``roi`` is (credit - cost) over cost: two ratios with two names.
    ``average_per_deal`` divides a function's touches by *all* deals, touched or not. The total row comes from the
    unrounded sums, never from the rounded cells.

    Attributes:
        rows: One a function.
        deals: All deals of the period.
        currency: The currency of all amounts.
        model: The model that credits.
        period: The period: ``2026Q3``.
        insufficient: Why ratios to cost are withheld, where capture is below its floor; "" where they are not.

    Raises:
        InputError: There are no rows, a function comes twice, or ``deals`` is not positive.

    Examples:
        >>> table = FunctionTable((FunctionRow("marketing", 120, 40, 4_200_000.0, 980_000.0),), 50, "USD", "position")
        >>> row = table.to_dicts()[0]
        >>> round(row["revenue_to_cost"], 3), round(row["roi"], 3)
        (4.286, 3.286)
    """

    rows: tuple[FunctionRow, ...]
    deals: int
    currency: str
    model: str
    period: str = ""
    insufficient: str = ""

    def __post_init__(self) -> None:
        names = [row.function for row in self.rows]
        if not names or len(set(names)) < len(names):
            raise InputError("a function table needs at least one row, and one row a function")
        if self.deals < 1:
            raise InputError(
                f"a function table of {self.deals} deals has no average per deal",
                hint="take a period in which deals closed",
            )

    @property
    def total(self) -> FunctionRow:
        """All functions together; ``deals_touched`` is every deal, ``cost`` what is known of it."""
        costs = [row.cost for row in self.rows if row.cost is not None]
        known = [row.previous for row in self.rows if row.previous is not None]
        return FunctionRow(
            "total",
            sum(row.touchpoints for row in self.rows),
            self.deals,
            sum(row.revenue_credited for row in self.rows),
            sum(costs) if costs else None,
            sum(known) if known else None,
        )

    @property
    def sentence(self) -> str:
        """Who was credited most, in a sentence that claims no cause."""
        first = max(self.rows, key=lambda row: row.revenue_credited)
        total = self.total.revenue_credited
        share = f"{100 * first.revenue_credited / total:.0f} %" if total else "nothing"
        return (
            f"The model {self.model} credits {first.function} with {share} of {self.currency} {total:,.0f}"
            f"{f' in {self.period}' if self.period else ''}. This says who touched the revenue, not what caused it."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a function and the total; shares from 0 to 1, ``insufficient data`` in place of ratios."""
        return tuple(self._shown_row(row) for row in (*self.rows, self.total))

    def _shown_row(self, row: FunctionRow) -> dict[str, object]:
        whole = self.total.revenue_credited
        return {
            "function": row.function,
            "touchpoints": row.touchpoints,
            "average_per_deal": row.touchpoints / self.deals,
            "deals_touched": row.deals_touched,
            "revenue_credited": row.revenue_credited,
            "share": _ratio(row.revenue_credited, whole),
            "cost": row.cost,
            **self._ratios(row),
            "change_vs_previous_quarter": _ratio(row.revenue_credited - (row.previous or 0.0), row.previous),
        }

    def _ratios(self, row: FunctionRow) -> dict[str, object]:
        if self.insufficient:
            return dict.fromkeys(("revenue_to_cost", "roi", "revenue_per_1000"), "insufficient data")
        return {
            "revenue_to_cost": _ratio(row.revenue_credited, row.cost),
            "roi": _ratio(row.revenue_credited - (row.cost or 0.0), row.cost),
            "revenue_per_1000": _ratio(_PER * row.revenue_credited, row.cost),
        }


def _ratio(part: float, whole: float | None) -> float | None:
    return part / whole if whole else None
