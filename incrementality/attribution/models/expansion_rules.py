"""The decisions behind 40/40/20: what counts as a trigger, as raising an expansion, as meaningful contact.

Practice is silent or contradicts itself on several of them; each stands here with its default, is printed in the
measurement spec, and is an assumption, not a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from incrementality.errors import InputError
from incrementality.taxonomy import EXPANSION_TRIGGERS, default_taxonomy

__all__ = ["ExpansionRules"]

_PEOPLE = frozenset({"sdr", "ae", "presales", "implementation", "cs", "support", "executive", "partner"})
_TOPICS = frozenset({"cross_sell", "expansion", "pricing", "seats", "upgrade", "upsell"})


@dataclass(frozen=True, slots=True)
class ExpansionRules:
    """How the credit of an expansion is split between source, close and assists.

    Attributes:
        source: The share of who moved first.
        close: The share of who converted the opportunity.
        assist: The share that touches strictly between source and close divide equally. Where there is none, half of
            it goes to the source and half to the close.
        inbound_source: Who is the source when the customer asked and no product trigger fired before.
        triggers: Types of product touches that may start an expansion.
        raising: Types of people's touches that put an expansion on the table.
        topics: Topics that are about an expansion.
        meaningful: Outcomes of two-way contact: meetings held, calls connected, replies, cases answered. Sends, opens
            and attempts are never among them.
        unrelated: Topics that make a contact count for nothing.
        converted: Outcomes of the touch that won the deal, where the CRM names nobody.
        people: Functions in which people act.
        sales: The function that the creation source ``sales`` stands for, where no touch says which.

    Raises:
        InputError: Shares are negative or do not add up to one, or outcomes of sends are called meaningful.

    Examples:
        >>> ExpansionRules().source, ExpansionRules().close, ExpansionRules().assist
        (0.4, 0.4, 0.2)
    """

    source: float = 0.4
    close: float = 0.4
    assist: float = 0.2
    inbound_source: Literal["customer", "product"] = "customer"
    triggers: frozenset[str] = EXPANSION_TRIGGERS
    raising: frozenset[str] = field(default=frozenset({"expansion_identified", "proposal"}))
    topics: frozenset[str] = _TOPICS
    meaningful: frozenset[str] = field(default_factory=lambda: default_taxonomy().meaningful_outcomes)
    unrelated: frozenset[str] = field(default_factory=lambda: default_taxonomy().unrelated_topics)
    converted: frozenset[str] = frozenset({"signed", "won"})
    people: frozenset[str] = _PEOPLE
    sales: str = "ae"

    def __post_init__(self) -> None:
        shares = (self.source, self.close, self.assist)
        if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:  # noqa: PLR2004 - the dust of decimal shares
            raise InputError(
                f"the shares of an expansion are {self.source:g} source, {self.close:g} close and {self.assist:g} "
                f"assist, which add up to {sum(shares):g}",
                hint="give three shares from 0 to 1 that add up to 1: 0.4, 0.4, 0.2",
            )
        sends = self.meaningful & {"attempted", "bounced", "delivered", "opened", "scheduled", "sent"}
        if sends:
            raise InputError(
                f"the outcomes {', '.join(sorted(sends))} are not two-way contact",
                hint="meaningful contact is a meeting held, a call connected, a reply or a case answered",
            )
