"""The taxonomy: every vocabulary of touches, deals and events in one frozen record, with lookup and fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Literal

from incrementality.errors import InputError, did_you_mean
from incrementality.taxonomy.campaigns import CampaignRule
from incrementality.taxonomy.terms import (
    UNKNOWN,
    Channel,
    CreationSource,
    CreationTrigger,
    EventKind,
    Function,
    MilestoneRule,
    Outcome,
    Term,
    Topic,
    TouchType,
    Vocabulary,
    fold,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["VOCABULARY_OF", "Classified", "ColumnName", "Taxonomy"]

ColumnName = Literal[
    "function",
    "type",
    "stage",
    "channel",
    "direction",
    "outcome",
    "topic",
    "kind",
    "step",
    "basis",
    "creation_source",
    "creation_trigger",
    "signal",
]

VOCABULARY_OF: dict[str, str] = {
    "function": "functions",
    "type": "types",
    "stage": "stages",
    "channel": "channels",
    "direction": "directions",
    "outcome": "outcomes",
    "topic": "topics",
    "kind": "event_kinds",
    "step": "steps",
    "basis": "bases",
    "creation_source": "creation_sources",
    "source_at_close": "creation_sources",
    "closer_function": "functions",
    "creation_trigger": "creation_triggers",
    "signal": "signals",
    "acquisition_channel": "channels",
}


@dataclass(frozen=True, slots=True)
class Classified:
    """What a touch is.

    Attributes:
        function: Its canonical function; ``None`` where neither the row nor its type says one.
        type: Its canonical type.
        stage: Its canonical lifecycle stage.
        unmapped: The columns whose spelling no mapping knows.
    """

    function: str | None
    type: str | None
    stage: str | None
    unmapped: tuple[ColumnName, ...] = ()


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """What touches, functions, channels, deals and events are called.

    ``default_taxonomy()`` gives the one that ships, ``parse_taxonomy`` one that a company has extended.

    Attributes:
        functions: Who contacts customers.
        types: What a touch was, with the function and stage that it implies.
        stages: Where in the lifecycle, in order.
        channels: By which way.
        outcomes: How a touch went.
        directions: Who moved: inbound, outbound, automatic.
        topics: What it was about.
        event_kinds: Kinds of revenue events.
        steps: Lifecycle steps, in order; any can be the conversion.
        bases: What an amount is.
        creation_sources: Who started a deal.
        creation_triggers: What made it start.
        signals: Signs that contact was not welcome.
        milestones: What turns raw usage into a touch.
        campaigns: How campaigns are named.

    Examples:
        >>> from incrementality.taxonomy import default_taxonomy
        >>> taxonomy = default_taxonomy()
        >>> taxonomy.canonical("channel", "Paid Search"), taxonomy.canonical("function", "Account Executive")
        ('paid_search', 'ae')
        >>> taxonomy.classify({"type": "QBR", "function": ""})
        Classified(function='cs', type='quarterly_review', stage='adoption', unmapped=())
        >>> len(taxonomy.fingerprint)
        64
    """

    functions: Vocabulary[Function]
    types: Vocabulary[TouchType]
    stages: Vocabulary[Term]
    channels: Vocabulary[Channel]
    outcomes: Vocabulary[Outcome]
    directions: Vocabulary[Term]
    topics: Vocabulary[Topic]
    event_kinds: Vocabulary[EventKind]
    steps: Vocabulary[Term]
    bases: Vocabulary[Term]
    creation_sources: Vocabulary[CreationSource]
    creation_triggers: Vocabulary[CreationTrigger]
    signals: Vocabulary[Term]
    milestones: Vocabulary[MilestoneRule]
    campaigns: CampaignRule = field(default_factory=CampaignRule)

    def vocabularies(self) -> Iterator[Vocabulary[Term]]:
        """Yield every vocabulary, in a fixed order."""
        found = (getattr(self, part.name) for part in fields(self))
        yield from (part for part in found if isinstance(part, Vocabulary))

    def vocabulary_of(self, column: str) -> Vocabulary[Term]:
        """Return the vocabulary of a column of the company's tables.

        Raises:
            InputError: The column has none.
        """
        if column not in VOCABULARY_OF:
            raise InputError(
                f"the column {column!r} has no vocabulary; those that have one: {', '.join(sorted(VOCABULARY_OF))}."
                f"{did_you_mean(column, VOCABULARY_OF)}",
                hint="leave its values as they are",
            )
        found: Vocabulary[Term] = getattr(self, VOCABULARY_OF[column])
        return found

    def canonical(self, column: str, spelled: str) -> str | None:
        """Return the canonical name of a value as a system spells it; ``None`` where no mapping knows it.

        The literal "unknown" is a value of every column and stays ``unknown``: a system said that it does not know,
        which is not the same as an empty cell.
        """
        if fold(spelled) == UNKNOWN:
            return UNKNOWN
        term = self.vocabulary_of(column).find(spelled)
        return None if term is None else term.name

    def classify(self, touch: Mapping[str, str | None]) -> Classified:
        """Return what a touch is: what its row says, and where that is silent what its type implies.

        Args:
            touch: What the row writes under ``function``, ``type`` and ``stage``; ``None`` or blank where it is silent.
        """
        columns: tuple[ColumnName, ...] = ("function", "type", "stage")
        said = {name: text for name in columns if (text := touch.get(name)) is not None and fold(text)}
        found = {name: self.canonical(name, text) for name, text in said.items()}
        kind = self.types.find(said.get("type", ""))
        if kind is not None:
            implied: dict[ColumnName, str] = {"function": kind.function, "stage": kind.stage}
            found |= {name: value or None for name, value in implied.items() if name not in said}
        unmapped = tuple(name for name in said if found[name] is None)
        return Classified(found.get("function"), found.get("type"), found.get("stage"), unmapped)

    def counts_as(self, channel: str) -> str:
        """Return the channel that a channel counts as: itself, or the last of those that it rolls up to.

        Raises:
            KeyError: There is no such channel.
        """
        found = self.channels[channel]
        while found.rolls_up_to:
            found = self.channels[found.rolls_up_to]
        return found.name

    @property
    def without_budget(self) -> frozenset[str]:
        """The functions that nobody pays for."""
        return frozenset(function.name for function in self.functions if not function.has_budget)

    @property
    def meaningful_outcomes(self) -> frozenset[str]:
        """The outcomes in which both sides spoke; sends, opens and attempts are none."""
        return frozenset(outcome.name for outcome in self.outcomes if outcome.two_way)

    @property
    def unrelated_topics(self) -> frozenset[str]:
        """The topics that make no contact meaningful."""
        return frozenset(topic.name for topic in self.topics if not topic.related)

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values, in the declared order."""
        lists = {found.name: [asdict(term) for term in found] for found in self.vocabularies()}
        return {**lists, "campaigns": asdict(self.campaigns)}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the taxonomy's canonical JSON: one changed word, another fingerprint."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
