"""The terms of a taxonomy: functions, types, channels, outcomes, kinds of events, and how many ways each is spelled."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "RESERVED",
    "UNALLOCATED",
    "UNKNOWN",
    "Channel",
    "CreationSource",
    "CreationTrigger",
    "EventKind",
    "Function",
    "MilestoneRule",
    "Outcome",
    "Term",
    "Topic",
    "TouchType",
    "Vocabulary",
    "fold",
]

UNKNOWN = "unknown"
UNALLOCATED = "unallocated"
RESERVED = frozenset({UNKNOWN, UNALLOCATED})

_GAPS = re.compile(r"[\s_\-./]+")

Path = Literal["initiated", "received", "partner"]
MilestoneKind = Literal["threshold", "first_use", "workflow", "rise"]


def fold(spelled: str) -> str:
    """Return a spelling without what does not tell terms apart: case, blanks, hyphens, underscores, dots, slashes.

    Full-width and other compatibility forms are brought to the plain ones (NFKC).

    Examples:
        >>> [fold(text) for text in ("E-Mail", " paid  Search", "Q&A", "paid_search", "In-App/Message")]
        ['e_mail', 'paid_search', 'q&a', 'paid_search', 'in_app_message']
    """
    return _GAPS.sub("_", unicodedata.normalize("NFKC", spelled).casefold().strip()).strip("_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of a vocabulary.

    Attributes:
        name: How it is written in every table and report: ``paid_search``.
        label: How people read it; default: the name with blanks.
        aliases: Other spellings in the company's systems.
    """

    name: str
    label: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The label, or the name with blanks."""
        return self.label or self.name.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Term):
    """Who contacts customers. ``has_budget`` is false where no one pays for it: the customer's own pull."""

    has_budget: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchType(Term):
    """What a touch was; says which function and which lifecycle stage it has where the touch's own row does not."""

    function: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Term):
    """By which way a touch came.

    Attributes:
        rolls_up_to: The channel that it counts as; empty where it has a logic of its own.
        offline: Whether it leaves no click behind.
    """

    rolls_up_to: str = ""
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Term):
    """How a touch went.

    Attributes:
        two_way: Whether both sides spoke: a meaningful contact (meeting held, call connected, reply, case answered).
        diagnostic: Whether it only says that a message arrived or was looked at: never a goal, never in calibration.
        negative: Whether it is a sign that contact was not welcome.
    """

    two_way: bool = False
    diagnostic: bool = False
    negative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic(Term):
    """What a touch was about. An unrelated one makes no contact meaningful."""

    related: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind(Term):
    """A kind of revenue event. ``beside`` names the kind that it labels: shown beside that kind, never added to it."""

    beside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationSource(Term):
    """Who started a deal.

    Attributes:
        path: ``initiated`` where the company reached out, ``received`` where customer or product moved first,
            ``partner`` where a partner brought it.
        function: The function that the source credit goes to.
    """

    path: Path = "received"
    function: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationTrigger(Term):
    """What made a deal start; ``source`` is the creation source that it belongs to."""

    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneRule(Term):
    """What turns raw usage into a touch.

    Attributes:
        kind: ``threshold``: the event's value reaches ``at_least`` from below; ``first_use``: the account's first
            event; ``workflow``: every event, since it says that a key workflow was done; ``rise``: the value reaches
            ``up_by`` above its lowest of the last ``within_days``.
        event: The name of the raw event, as telemetry writes it.
        at_least: The threshold, in the value's own unit.
        up_by: The rise, in the value's own unit.
        within_days: How far back a rise looks.
        apart_days: The least days between two touches of one account and milestone.
        function: The function of the touch.
        type: The type of the touch.
        stage: The lifecycle stage of the touch.
    """

    kind: MilestoneKind = "first_use"
    event: str = ""
    at_least: float = 0.0
    up_by: float = 0.0
    within_days: float = 28.0
    apart_days: float = 7.0
    function: str = "product"
    type: str = "feature_adoption"
    stage: str = "adoption"


T_co = TypeVar("T_co", bound=Term, covariant=True)


@dataclass(frozen=True, slots=True)
class Vocabulary(Generic[T_co]):
    """The terms of one list, found by any of their spellings.

    Examples:
        >>> channels = Vocabulary("channels", (Channel(name="paid_search", aliases=("cpc", "ppc")),))
        >>> channels.find("Paid Search").name, channels.find("CPC").name, channels.find("radio")
        ('paid_search', 'paid_search', None)
        >>> "paid_search" in channels, channels.names
        (True, ('paid_search',))
    """

    name: str
    terms: tuple[T_co, ...]
    _found: dict[str, T_co] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spelled = {fold(alias): term for term in self.terms for alias in term.aliases}
        object.__setattr__(self, "_found", spelled | {fold(term.name): term for term in self.terms})

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical names, in the declared order."""
        return tuple(term.name for term in self.terms)

    @property
    def spellings(self) -> dict[str, str]:
        """Every folded spelling with its canonical name."""
        return {spelling: term.name for spelling, term in self._found.items()}

    def find(self, spelled: str) -> T_co | None:
        """Return the term that a spelling means, or ``None``."""
        return self._found.get(fold(spelled))

    def __getitem__(self, name: str) -> T_co:
        return self._found[fold(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and fold(name) in self._found

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.terms)

    def __len__(self) -> int:
        return len(self.terms)
