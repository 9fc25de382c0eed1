"""Faults in touches, planted in exact numbers of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.plant_deals import hits, taken

if TYPE_CHECKING:
    from incrementality.simulate.company.capture_faults import CaptureFaults
    from incrementality.simulate.company.rows import Columns
    from incrementality.simulate.world import BoolArray, Column

__all__ = ["plant_in_touches"]

_ROW_FAULTS = (
    "lost_touches",
    "duplicate_touches",
    "unmapped_functions",
    "odd_spellings",
    "future_touches",
    "orphan_touches",
    "early_touches",
)
_UNMAPPED = "Revenue Wizardry"
_ODD = {
    "marketing": "Demand Generation",
    "sdr": "BDR",
    "ae": "Account Executive",
    "presales": "Sales Engineering",
    "implementation": "Professional Services",
    "cs": "Customer Success",
    "product": "PLG",
    "support": "Service Desk",
    "executive": "Leadership",
    "partner": "Alliances",
    "customer": "Inbound",
}


def plant_in_touches(
    touches: Columns, accounts: Columns, faults: CaptureFaults, since: np.datetime64, rng: np.random.Generator
) -> tuple[Columns, dict[str, int]]:
    """Return touches with their faults, and how many rows each fault hit.

    Args:
        touches: The touches of a block; they are left as they are.
        accounts: Its accounts.
        faults: The shares.
        since: The start of the last quarter, from which ``lost_channel`` is gone.
        rng: Chance.
    """
    kept, counts = _lose(touches, faults, since, rng)
    found = {name: column.copy() for name, column in taken(touches, kept).items()}
    chosen = hits(np.arange(kept.size), faults, _ROW_FAULTS, rng)
    _misname(found, chosen["unmapped_functions"], chosen["odd_spellings"])
    future, orphan, early = (chosen[name] for name in ("future_touches", "orphan_touches", "early_touches"))
    found["occurred_at"][future] += np.timedelta64(730, "D")
    found["account_id"][orphan] = np.array([f"zz_{row}" for row in orphan.tolist()] + [""], dtype=object)[:-1]
    for name in ("contact_id", "opportunity_id"):
        found[name][orphan] = None
    created = dict(zip(accounts["account_id"].tolist(), accounts["created_at"].tolist(), strict=True))
    first = np.array([created[account] for account in found["account_id"][early]], dtype="datetime64[us]")
    found["occurred_at"][early] = first - np.timedelta64(10, "D")
    rows = np.setdiff1d(np.arange(kept.size), chosen["lost_touches"])
    rows = np.concatenate([rows, chosen["duplicate_touches"]])
    return taken(found, rows), counts | {name: hit.size for name, hit in chosen.items()}


def _lose(
    touches: Columns, faults: CaptureFaults, since: np.datetime64, rng: np.random.Generator
) -> tuple[Column, dict[str, int]]:
    """Return the rows that are left once whole kinds of touches are lost, and how many each fault took."""
    at, n = touches["occurred_at"], touches["touch_id"].size
    impressions = np.flatnonzero(touches["type"] == "paid_impression")
    gone: dict[str, BoolArray] = {"lost_impressions": np.zeros(n, dtype=bool)}
    gone["lost_impressions"][hits(impressions, faults, ("lost_impressions",), rng)["lost_impressions"]] = True
    month = np.datetime64(faults.lost_month or "NaT", "M")
    gone["lost_month"] = (at.astype("datetime64[M]") == month) & (touches["source_system"] == "crm")
    gone["lost_channel"] = (touches["channel"] == faults.lost_channel) & (at >= since)
    taken_already = np.zeros(n, dtype=bool)
    counts = {}
    for name, rows in gone.items():
        counts[name] = int((rows & ~taken_already).sum())
        taken_already |= rows
    return np.flatnonzero(~taken_already), counts


def _misname(found: Columns, unmapped: Column, odd: Column) -> None:
    found["function"][unmapped] = _UNMAPPED
    spelled = [_ODD[function] for function in found["function"][odd].tolist()]
    found["function"][odd] = np.array([*spelled, ""], dtype=object)[:-1]
