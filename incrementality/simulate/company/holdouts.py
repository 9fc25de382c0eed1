"""What the company's experiments withhold, and from whom."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.simulate.company.cells import Cell, cells_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["USUAL_HOLDOUTS", "CompanyHoldout", "check_holdouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyHoldout:
    """One experiment: a share of the accounts, drawn whole, for whom some cells do not act.

    Attributes:
        name: The experiment's id; the draw follows from it and the seed.
        share: Probability of the holdout, above 0 and below 1.
        function: The function that is withheld; None for all.
        journey: The journey inside which it is withheld; None for all. Without function and journey the holdout is
            global.
        first: The first quarter of the experiment, counted from 0.
        last: The last one; None for the end of the period.

    Examples:
        >>> sorted(CompanyHoldout(name="no-sdr", share=0.2, function="sdr", journey="webinar-to-demo").cells)
        [('sdr', 'webinar-to-demo')]
    """

    name: str
    share: float
    function: str | None = None
    journey: str | None = None
    first: int = 0
    last: int | None = None

    @property
    def cells(self) -> frozenset[Cell]:
        """The cells that it withholds."""
        return cells_of(function=self.function, journey=self.journey)

    @property
    def stream(self) -> int:
        """A number made of the name, by which its draw is independent of the others'."""
        return zlib.crc32(self.name.encode())


USUAL_HOLDOUTS = (
    CompanyHoldout(name="global-holdout", share=0.05),
    CompanyHoldout(name="renewal-outreach-holdout", share=0.2, journey="renewal-outreach", last=3),
    CompanyHoldout(name="promotion-blast-holdout", share=0.3, journey="promotion-blast"),
    CompanyHoldout(name="seat-limit-holdout", share=0.3, journey="seat-limit-nudge"),
    CompanyHoldout(name="content-nurture-holdout", share=0.2, journey="content-nurture", first=1),
    CompanyHoldout(name="outbound-holdout", share=0.15, journey="outbound-prospecting", first=2),
    CompanyHoldout(name="webinar-without-sdr", share=0.25, function="sdr", journey="webinar-to-demo", last=2),
    CompanyHoldout(name="review-without-executive", share=0.3, function="executive", journey="quarterly-review"),
)


def check_holdouts(holdouts: Sequence[CompanyHoldout], quarters: int) -> tuple[CompanyHoldout, ...]:
    """Return the holdouts once every one of them can be run.

    Raises:
        InputError: A name is there twice, a share is no probability, a quarter lies outside the period, or a
            function or journey is unknown.
    """
    names = [holdout.name for holdout in holdouts]
    for holdout in holdouts:
        last = quarters - 1 if holdout.last is None else holdout.last
        allowed = (
            (names.count(holdout.name) == 1, f"two holdouts are called {holdout.name!r}", "give each its own name"),
            (
                0 < holdout.share < 1,
                f"the share of {holdout.name!r} is {holdout.share}",
                "choose a share above 0 and below 1",
            ),
            (
                0 <= holdout.first <= last < quarters,
                f"{holdout.name!r} runs from quarter {holdout.first} to {last}, and there are {quarters}",
                f"choose quarters from 0 to {quarters - 1}",
            ),
            (bool(holdout.cells), f"{holdout.name!r} withholds nothing", "name a function or a journey"),
        )
        for fine, wrong, hint in allowed:
            if not fine:
                raise InputError(wrong, hint=hint)
    return tuple(holdouts)
