"""Where one vocabulary names a term of another: brought to canonical names, and checked to be there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from incrementality.errors import did_you_mean
from incrementality.taxonomy.terms import Term, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.taxonomy.taxonomy import Taxonomy
    from incrementality.taxonomy.terms import MilestoneRule

__all__ = ["crossing_problems", "with_canonical_references"]

# What points where: vocabulary, attribute, vocabulary that it names.
_CROSSINGS = (
    ("types", "function", "functions"),
    ("types", "stage", "stages"),
    ("channels", "rolls_up_to", "channels"),
    ("event_kinds", "beside", "event_kinds"),
    ("creation_sources", "function", "functions"),
    ("creation_triggers", "source", "creation_sources"),
    ("milestones", "function", "functions"),
    ("milestones", "type", "types"),
    ("milestones", "stage", "stages"),
)


def with_canonical_references(taxonomy: Taxonomy) -> Taxonomy:
    """Return the taxonomy with each reference by its canonical name; one that names nothing stays as it is.

    Examples:
        >>> from dataclasses import replace
        >>> from incrementality.taxonomy import Channel, Vocabulary, default_taxonomy
        >>> spelled = Vocabulary("channels", (Channel(name="mms", rolls_up_to="SMS"), Channel(name="sms")))
        >>> with_canonical_references(replace(default_taxonomy(), channels=spelled)).channels["mms"].rolls_up_to
        'sms'
    """
    for name, attribute, target in _CROSSINGS:
        known: Vocabulary[Term] = getattr(taxonomy, target)
        source: Vocabulary[Term] = getattr(taxonomy, name)
        terms = tuple(_canonical(term, attribute, known) for term in source)
        changed: dict[str, Any] = {name: Vocabulary(name, terms)}
        taxonomy = replace(taxonomy, **changed)
    return taxonomy


def _canonical(term: Term, attribute: str, known: Vocabulary[Term]) -> Term:
    found = known.find(getattr(term, attribute))
    return term if found is None else replace(term, **_given(attribute, found.name))


def _given(attribute: str, value: str) -> dict[str, Any]:
    return {attribute: value}


def crossing_problems(taxonomy: Taxonomy) -> list[str]:
    """Return every reference that names nothing, every circle of channels, every milestone that cannot be reached."""
    found = [problem for crossing in _CROSSINGS for problem in _missing(taxonomy, *crossing)]
    circles = [] if found else list(_circles(taxonomy))
    return [*found, *circles, *(problem for rule in taxonomy.milestones for problem in _milestone_problems(rule))]


def _missing(taxonomy: Taxonomy, name: str, attribute: str, target: str) -> Iterable[str]:
    known: Vocabulary[Term] = getattr(taxonomy, target)
    for term in getattr(taxonomy, name):
        value = getattr(term, attribute)
        if value and value not in known:
            near = did_you_mean(value, known.names)
            yield f"{name}.{term.name}.{attribute}: {value!r} is none of the {target}.{near}"


def _circles(taxonomy: Taxonomy) -> Iterable[str]:
    for channel in taxonomy.channels:
        seen, at = [channel.name], channel
        while at.rolls_up_to and at.rolls_up_to not in seen:
            at = taxonomy.channels[at.rolls_up_to]
            seen.append(at.name)
        if at.rolls_up_to == channel.name:
            yield f"channels.{channel.name}.rolls_up_to: a circle: {' -> '.join([*seen, channel.name])}"


def _milestone_problems(rule: MilestoneRule) -> Iterable[str]:
    place = f"milestones.{rule.name}"
    if not rule.event:
        yield f"{place}.event: the key is missing; it names the raw event, as telemetry writes it"
    if rule.kind == "rise" and not rule.up_by:
        yield f"{place}.up_by: the key is missing; it says by how much the value has to rise"
