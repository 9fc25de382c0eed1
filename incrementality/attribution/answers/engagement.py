"""Open deals against won deals of the same kind, segment and age: who was touched less than usual, and by whom.

A deal that was won is compared as it stood at the open deal's age. Fewer touches than the 25th percentile of won deals
is *under-engaged*: a reason to look, never the cause of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["BackTest", "DealHistory", "Engagement", "EngagementTable", "back_test_engagement", "compare_engagement"]

_FEWEST_WON = 20


@dataclass(frozen=True, slots=True)
class DealHistory:
    """One deal and the days on which functions touched it.

    Attributes:
        deal: Its id.
        kind: Its kind.
        segment: The account's segment; "" where unknown.
        age: Days from creation to the close, or to today while it is open.
        outcome: ``open``, ``won`` or ``lost``.
        touches: Days after creation of each function's touches: ``{"cs": (0.5, 12.0)}``.
    """

    deal: str
    kind: str
    segment: str
    age: float
    outcome: str
    touches: Mapping[str, Sequence[float]]

    def touched_by(self, age: float) -> int:
        """Return how many touches it had had at an age in days, the day itself included."""
        return sum(day <= age for days in self.touches.values() for day in days)

    def functions_by(self, age: float) -> frozenset[str]:
        """Return the functions that had touched it at an age in days."""
        return frozenset(name for name, days in self.touches.items() if any(day <= age for day in days))


@dataclass(frozen=True, slots=True)
class Engagement:
    """How much one open deal was touched, against won deals of its kind, segment and age.

    Attributes:
        deal: The deal.
        age: Its age in days.
        touches: Its touches so far.
        usual: The median of the won deals at that age; ``None`` where they are too few.
        percentile: The share of won deals with fewer touches, equals counted half; ``None`` where they are too few.
        missing: Functions that had touched at least half of the won deals by that age, and not this one.
        compared: How many won deals it was compared with.
    """

    deal: str
    age: float
    touches: int
    usual: float | None
    percentile: float | None
    missing: tuple[str, ...]
    compared: int


@dataclass(frozen=True, slots=True)
class EngagementTable(DisplayMixin):
    """Open deals by how little they were touched.

    Attributes:
        rows: One an open deal, the least engaged first; those without comparison last.
        below: The percentile below which a deal is under-engaged.
    """

    rows: tuple[Engagement, ...]
    below: float = 0.25

    @property
    def under_engaged(self) -> tuple[Engagement, ...]:
        """The deals below the percentile."""
        return tuple(row for row in self.rows if row.percentile is not None and row.percentile < self.below)

    @property
    def sentence(self) -> str:
        """How many, and that nothing is said about causes."""
        return (
            f"{len(self.under_engaged)} of {len(self.rows)} open deals were touched less than "
            f"{100 * (1 - self.below):.0f} % of the won deals of their kind, segment and age. "
            "This is an association; whether more touches would win them, only an experiment can say."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row an open deal."""
        return tuple(
            {name: getattr(row, name) for name in Engagement.__slots__} | {"missing": ", ".join(row.missing)}
            for row in self.rows
        )


@dataclass(frozen=True, slots=True)
class BackTest(DisplayMixin):
    """How often ended deals were won that had been under-engaged at a given age, and how often the others.

    Attributes:
        age: The age in days at which they were judged.
        below_won: Won among the under-engaged.
        below: The under-engaged.
        others_won: Won among the others.
        others: The others.
    """

    age: float
    below_won: int
    below: int
    others_won: int
    others: int

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return two rows: the under-engaged and the others."""
        groups = (("under-engaged", self.below_won, self.below), ("others", self.others_won, self.others))
        return tuple(
            {"group": name, "age": self.age, "deals": n, "won": won, "win_rate": won / n if n else None}
            for name, won, n in groups
        )


def compare_engagement(deals: Sequence[DealHistory], *, below: float = 0.25) -> EngagementTable:
    """Compare every open deal with won deals of its kind and segment as they stood at its age.

    Only won deals that were still open at that age, or closed at a younger one, with all their touches by then, are
    compared; with fewer than 20 of them nothing is said.

    Args:
        deals: Open and won deals; lost ones are not used here.
        below: The percentile below which a deal is under-engaged, between 0 and 1.

    Raises:
        InputError: ``below`` is not between 0 and 1.

    Examples:
        >>> won = [DealHistory(f"w{k}", "new", "smb", 60, "won", {"ae": (1, 10, 20, 30)}) for k in range(20)]
        >>> quiet = DealHistory("quiet", "new", "smb", 40, "open", {"sdr": (1,)})
        >>> row = compare_engagement([*won, quiet]).rows[0]
        >>> row.percentile, row.missing
        (0.0, ('ae',))
    """
    if not 0 < below < 1:
        raise InputError(f"the percentile {below:g} is not between 0 and 1", hint="0.25 is the default")
    won = _by_kind(deal for deal in deals if deal.outcome == "won")
    rows = [_compared(deal, won.get((deal.kind, deal.segment), [])) for deal in deals if deal.outcome == "open"]
    rows.sort(key=lambda row: (row.percentile is None, row.percentile or 0.0, row.deal))
    return EngagementTable(tuple(rows), below)


def back_test_engagement(deals: Sequence[DealHistory], *, age: float, below: float = 0.25) -> BackTest:
    """Judge ended deals as they stood at an age, and count how many were won.

    Each deal is compared with the other won deals of its kind and segment, never with itself. Deals that ended before
    that age are left out.

    Args:
        deals: Won and lost deals.
        age: The age in days.
        below: The percentile below which a deal is under-engaged.

    Examples:
        >>> won = [DealHistory(f"w{k}", "new", "", 60, "won", {"ae": (1, 10)}) for k in range(30)]
        >>> lost = [DealHistory(f"l{k}", "new", "", 60, "lost", {}) for k in range(10)]
        >>> [row["win_rate"] for row in back_test_engagement(won + lost, age=20).to_dicts()]
        [0.0, 1.0]
    """
    ended = [deal for deal in deals if deal.outcome in ("won", "lost") and deal.age >= age]
    won = _by_kind(deal for deal in ended if deal.outcome == "won")
    reached = {place: np.sort(_touches(group, age)) for place, group in won.items()}
    counted = {True: [0, 0], False: [0, 0]}
    for deal in ended:
        theirs = reached.get((deal.kind, deal.segment), np.empty(0, dtype=np.int64))
        percentile = _percentile_among(deal.touched_by(age), theirs, without_it=deal.outcome == "won")
        if percentile is not None:
            counted[percentile < below][0] += deal.outcome == "won"
            counted[percentile < below][1] += 1
    return BackTest(age, *counted[True], *counted[False])


def _by_kind(deals: Iterable[DealHistory]) -> dict[tuple[str, str], list[DealHistory]]:
    found: dict[tuple[str, str], list[DealHistory]] = {}
    for deal in deals:
        found.setdefault((deal.kind, deal.segment), []).append(deal)
    return found


def _compared(deal: DealHistory, won: Sequence[DealHistory]) -> Engagement:
    mine, theirs = deal.touched_by(deal.age), _touches(won, deal.age)
    percentile = _percentile(mine, theirs)
    usual = None if percentile is None else float(np.median(theirs))
    missing = () if percentile is None else _missing(deal, won)
    return Engagement(deal.deal, deal.age, mine, usual, percentile, missing, len(won))


def _touches(deals: Sequence[DealHistory], age: float) -> NDArray[np.int64]:
    return np.array([deal.touched_by(age) for deal in deals], dtype=np.int64)


def _percentile(mine: int, theirs: NDArray[np.int64]) -> float | None:
    if len(theirs) < _FEWEST_WON:
        return None
    return float(np.mean(theirs < mine) + np.mean(theirs == mine) / 2)


def _percentile_among(mine: int, theirs: NDArray[np.int64], *, without_it: bool) -> float | None:
    """Return the percentile among sorted counts, from which the deal's own is taken away."""
    others = len(theirs) - without_it
    if others < _FEWEST_WON:
        return None
    fewer, up_to = (int(np.searchsorted(theirs, mine, side)) for side in ("left", "right"))
    return (fewer + (up_to - fewer - without_it) / 2) / others


def _missing(deal: DealHistory, won: Sequence[DealHistory]) -> tuple[str, ...]:
    seen = [other.functions_by(deal.age) for other in won]
    names = sorted({name for functions in seen for name in functions} - deal.functions_by(deal.age))
    return tuple(name for name in names if 2 * sum(name in functions for functions in seen) >= len(seen))
