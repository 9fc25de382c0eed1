"""What no request may withhold: messages that a customer is owed whatever is being tested."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from incrementality.cohorts.refusals import NeverWithheld, refuse_purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.experiment.parts import Withholds

__all__ = ["owed_messages"]

_SERVICE = frozenset({"service", "servicing", "transaction", "transactions"})
_PARTED = re.compile(r"[\W_]+")


def owed_messages(withholds: Withholds, purpose: str) -> Iterator[str]:
    """Yield a complaint for each withheld journey, and for the purpose, whose messages must reach everyone.

    Args:
        withholds: What the control does not get.
        purpose: What the messages are for, in words; empty where the request does not say.

    Examples:
        >>> from incrementality.experiment import Withholds
        >>> list(owed_messages(Withholds(journeys=("win-back",)), "marketing"))
        []
        >>> [line.partition(";")[0] for line in owed_messages(Withholds(journeys=("dunning",)), "")]
        ["withholds.journeys: 'dunning' says 'dunning'"]
    """
    for journey in withholds.journeys:
        yield from _complaint("withholds.journeys", journey)
    yield from _complaint("request.purpose", purpose)
    service = sorted({word.lower() for word in _PARTED.split(purpose)} & _SERVICE)
    if service:
        yield (
            f"request.purpose: {purpose!r} says {service[0]!r}; service and transactional messages reach everyone and "
            "are never withheld. Send them outside any experiment, and test another journey"
        )


def _complaint(key: str, name: str) -> Iterator[str]:
    try:
        refuse_purpose(name)
    except NeverWithheld as error:
        said = error.message.removeprefix("the purpose ")
        yield f"{key}: {said}. {error.hint[:1].upper()}{error.hint[1:]}"
