"""What a rule may not be, refused by name when it is written.

InputError
├── RuleError             the rule cannot be used: one line a problem
├── ReadsOwnJourney       the rule reads an arm, or the messages and deliveries of its own journey
└── NeverWithheld         the journey's purpose is one whose messages no experiment may withhold
"""

from __future__ import annotations

import re

from incrementality.errors import InputError

__all__ = [
    "NeverWithheld",
    "ReadsOwnJourney",
    "RuleError",
    "refuse_arm_columns",
    "refuse_message_table",
    "refuse_purpose",
]

_ARM_WORDS = frozenset(
    [
        "arm",
        "arms",
        "assigned",
        "assignment",
        "assignments",
        "exposure",
        "exposures",
        "exposed",
        "holdout",
        "treated",
        "treatment",
        "variant",
    ]
)
_MESSAGE_WORDS = frozenset(
    [
        "clicked",
        "clicks",
        "deliveries",
        "delivered",
        "delivery",
        "impression",
        "impressions",
        "message",
        "messages",
        "opened",
        "opens",
        "send",
        "sends",
        "sent",
        "withheld",
    ]
)
_NEVER_WITHHELD = frozenset(
    [
        "billing",
        "contract",
        "contractual",
        "dunning",
        "invoice",
        "invoices",
        "legal",
        "password",
        "receipt",
        "security",
        "transactional",
    ]
)
_WORD = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*")
_WHY = "an arm that decides who counts as eligible makes the arms incomparable"


class RuleError(InputError):
    """The rule cannot be used as it is written.

    ``problems`` holds one line a problem: the place in the rule, and what is wrong there.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class ReadsOwnJourney(InputError):
    """The rule reads an arm, or the messages and deliveries of its own journey."""


class NeverWithheld(InputError):
    """Messages of this purpose must reach everyone, so no holdout may withhold them."""


def refuse_arm_columns(names: dict[str, str]) -> None:
    """Refuse tables and columns that say which arm a unit is in.

    Args:
        names: The name in the warehouse, and where it stands in the rule.

    Raises:
        ReadsOwnJourney: A name holds a word such as arm, variant, holdout, assignment or exposure.

    Examples:
        >>> refuse_arm_columns({"plan": "contacts.plan"})
    """
    for name, place in names.items():
        if found := sorted(_words(name) & _ARM_WORDS):
            raise ReadsOwnJourney(
                f"the rule reads {place!r}, whose name says {found[0]!r}; {_WHY}",
                hint="decide by what is true of a unit whichever arm it is in; rename the column if it is no arm",
            )


def refuse_message_table(names: dict[str, str]) -> None:
    """Refuse messages and deliveries from which the journey's own rows are not left out.

    Args:
        names: The name in the warehouse, and where it stands in the rule.

    Raises:
        ReadsOwnJourney: A name holds a word such as message, sent, delivered or opened.
    """
    for name, place in names.items():
        if found := sorted(_words(name) & _MESSAGE_WORDS):
            raise ReadsOwnJourney(
                f"the rule reads {place!r}, whose name says {found[0]!r}: only the treated arm has messages of its own "
                f"journey, and {_WHY}",
                hint="name the column that holds each message's journey (journey: ...); then own rows are left out",
            )


def refuse_purpose(purpose: str) -> str:
    """Return the purpose, or refuse one whose messages must never be withheld.

    Raises:
        NeverWithheld: The purpose is contractual, legal, security or billing.

    Examples:
        >>> refuse_purpose("win-back")
        'win-back'
    """
    if found := sorted(_words(purpose) & _NEVER_WITHHELD):
        raise NeverWithheld(
            f"the purpose {purpose!r} says {found[0]!r}; contractual, legal, security and billing messages reach "
            "everyone and are never withheld",
            hint="send them outside any experiment, and test another journey",
        )
    return purpose


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}
