"""What a journey of the company is made of: moments, steps, touches.

Pushes are on the logit scale of what they move: ``interest`` (a deal is opened), ``deal`` (it is won), ``usage``
(share of seats in use, as a difference), ``expansion`` and ``renewal``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GOALS", "SEGMENTS", "Journey", "Step", "TouchKind"]

SEGMENTS = ("smb", "mid_market", "enterprise")
GOALS = ("interest", "deal", "usage", "expansion", "renewal")

_ALL = (1.0, 1.0, 1.0)
_THROUGHOUT = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class TouchKind:
    """One kind of touch that a step leaves behind.

    Attributes:
        type: What it is.
        channel: By which channel.
        mean: How many a step leaves on average.
        outcomes: How it ends, well or not, e.g. ``("connected", "attempted")``.
        well: The share that ends well.
        direction: ``outbound``, ``inbound`` or ``automatic``.
        system: The system that logs it.
    """

    type: str
    channel: str
    mean: float = 1.0
    outcomes: tuple[str, str] = ("held", "scheduled")
    well: float = 0.85
    direction: str = "outbound"
    system: str = "crm"


@dataclass(frozen=True, slots=True)
class Step:
    """What one function does in one journey: a cell.

    Attributes:
        function: Who acts.
        pushes: What it moves, by goal.
        touches: What it leaves behind.
        reach: The share of entries that it gets to, by segment.
        phase: When it acts, as shares of the time from the trigger to the decision.
        irritation: How much it adds to contact pressure.
    """

    function: str
    pushes: Mapping[str, float]
    touches: tuple[TouchKind, ...]
    reach: tuple[float, float, float] = _ALL
    phase: tuple[float, float] = _THROUGHOUT
    irritation: float = 0.0


@dataclass(frozen=True, slots=True)
class Journey:
    """One journey: the moment that starts it, and the steps of its functions in their typical order.

    Attributes:
        name: The journey.
        moment: What starts it (see :mod:`incrementality.simulate.company.life`).
        goal: The decision that its touches come before.
        stage: Where in the lifecycle its touches stand.
        topic: What its touches are about.
        steps: The steps, one a function.
        offer: The word that marketing's campaign names carry.
    """

    name: str
    moment: str
    goal: str
    stage: str
    topic: str
    steps: tuple[Step, ...] = field(repr=False)
    offer: str = "none"
