"""What the tables of an attribution are called, how each is to be read, and which of their columns hold money."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MONEY_COLUMNS", "TITLES"]

TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "reconciliation": (
            "Where the revenue went",
            (
                "All quarters on record. Revenue in = credited + unknown + unallocated + quarantined, to the cent, for "
                "each model and the kinds that it covers. Saved revenue is a label on renewals: it stands beside, "
                "at most what was at risk, and is no part of the sum."
            ),
        ),
        "functions": (
            "Credit and cost by function",
            (
                "revenue_to_cost = credit / cost; roi = (credit - cost) / cost. Touches count once for each event; "
                "averages are over all events."
            ),
        ),
        "kinds": (
            "Credit by kind of revenue",
            "Saved is a label on renewals: it stands beside them and is never added to them.",
        ),
        "channels": ("Credit by channel", "By the leading models; adds up to the revenue."),
        "comparison": ("Every function's share by model", ""),
        "intervals": (
            "How uncertain credit is",
            "90 % intervals: how far credit would move with other events like these. They say nothing of causes.",
        ),
        "influence": (
            "Influenced revenue",
            "Revenue of the events that a function touched. The rows overlap and must not be summed.",
        ),
        "views": (
            "Direct and assisted, by channel",
            "Direct: its touch was the last before the event; this column adds up. Assisted and view-through overlap.",
        ),
        "trend": ("Credit by quarter", "By the leading models."),
        "roles": (
            "Who starts, closes and helps expansions",
            "Shares of the quarter's expansion revenue; each column adds up to 100 %.",
        ),
        "matrix": ("Source against close", "Expansion revenue by who moved first (rows) and who converted (columns)."),
        "budget": (
            "What each team may claim of expansions",
            (
                "Sourced, closed and blended each add up to the revenue. Either counts a deal once for a team, and "
                "overlaps between teams."
            ),
        ),
        "paths": (
            "Initiated and received expansions",
            "Initiated: one of us moved first. Received: the customer or the product did.",
        ),
        "costs": (
            "Costs by what they served",
            "Parts add up to each function's cost; what nobody could say is unallocated.",
        ),
        "steps": ("Cost per lead, opportunity and customer", "Of what served new business."),
        "unit_costs": (
            "Credit against cost by channel",
            "roi = (credit - cost) / cost: of credited revenue. A cost counts where a line of it names the channel.",
        ),
        "cohorts": (
            "What customers became worth",
            (
                "By the channel that brought them and the quarter of their first close, over at most 12 months. "
                "Censored: some have not been customers for that long."
            ),
        ),
        "velocity": (
            "Pipeline and velocity",
            "Velocity = opportunities x win rate x average amount / cycle days.",
        ),
        "engagement": ("Open deals that were touched less than won ones", ""),
        "back_test": (
            "How under-engaged deals ended",
            "Ended deals as they stood 30 days after their creation; an association.",
        ),
        "signals": ("Negative signals beside revenue", "Signals per 1,000 touches of the quarter."),
        "specification": (
            "What the numbers were made with",
            "Assumptions are marked; they were decided, not measured.",
        ),
        "revenue": (
            "What came in, and what was set aside",
            "stated + rebilled = kept + refunded + quarantined; rows that label saved revenue are among them.",
        ),
        "intake": ("What became of every row", "A refused row has one reason; a row that is kept may carry flags."),
    }
)
MONEY_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "reconciliation": ("revenue_in", "credited", "unknown", "unallocated", "quarantined", "difference", "beside"),
        "intervals": ("credit", "lower", "upper"),
        "influence": ("influenced",),
        "views": ("direct", "assisted", "view_through"),
        "costs": ("amount",),
        "cohorts": ("value", "acquisition_cost"),
        "velocity": ("pipeline", "average_amount", "velocity_per_day"),
        "revenue": ("amount",),
    }
)
