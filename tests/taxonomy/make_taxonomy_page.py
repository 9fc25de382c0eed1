"""The page of the taxonomy, made from what ships: ``python tests/taxonomy/make_taxonomy_page.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from incrementality.taxonomy import Taxonomy, Term, default_taxonomy

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).parents[2] / "docs" / "taxonomy.md"
HEAD = """\
# What things are called

Attribution needs one word for one thing. This page is made from the taxonomy that ships; a company extends or overrides
it in `attribution.yaml`, and whatever is not mentioned stays:

```yaml
taxonomy:
  functions:
    community: {label: Community, aliases: [DevRel]}   # a function of your own
    sdr: [Inside Sales]                                # more spellings of one that ships
  types:
    office_hours: {function: community, stage: adoption}
  channels:
    whatsapp: {label: WhatsApp, rolls_up_to: sms}      # counts as SMS; without it, a channel of its own
  event_kinds:
    seat_top_up: [Top-up]
  milestones:
    invited_team: {kind: first_use, event: invite_sent, type: aha_moment, stage: onboarding}
  campaigns: {parts: [channel, audience, journey, offer, version], separator: "_"}
```

A name is found however a system spells it: case, blanks, hyphens, underscores, dots and slashes do not matter, and the
aliases below are read too. A name or alias that you write takes the spelling over from an alias that ships; two of your
own may not share one. `unknown` (a system says that it does not know; an empty cell is something else) and
`unallocated` (no touch lies in the window) are reserved. A touch whose row names no function or no stage takes those of
its type. A function that no mapping knows is refused and counted, never guessed.
"""
SECTIONS = {
    "functions": ("Functions", "Who contacts customers. The customer's own pull has no budget.", ("has_budget",)),
    "types": ("Types", "What a touch was, and which function and stage it implies.", ("function", "stage")),
    "stages": ("Stages", "Where in the lifecycle, in order.", ()),
    "channels": (
        "Channels",
        (
            "By which way. Each has a logic of its own, or counts as the channel it rolls up to. An "
            "offline one leaves no "
            "click behind."
        ),
        ("rolls_up_to", "offline"),
    ),
    "outcomes": (
        "Outcomes",
        (
            "How a touch went. Two-way ones are meaningful contact, unless the topic is unrelated. "
            "Diagnostic ones say "
            "only that a message arrived or was looked at: never a goal. Negative ones say that it was not welcome."
        ),
        ("two_way", "diagnostic", "negative"),
    ),
    "directions": ("Directions", "Who moved. None can be added.", ()),
    "topics": ("Topics", "What a touch was about.", ("related",)),
    "event_kinds": (
        "Kinds of revenue events",
        "Kept apart. One that labels another is shown beside it and never added to it.",
        ("beside",),
    ),
    "steps": ("Lifecycle steps", "In order. Any of them can be the conversion.", ()),
    "bases": ("Bases of amounts", "What an amount is. None can be added.", ()),
    "creation_sources": (
        "Creation sources",
        (
            "Who started a deal: initiated by the company, or received from customer or product; and "
            "which function the "
            "source credit goes to. Beside these, `unknown`."
        ),
        ("path", "function"),
    ),
    "creation_triggers": ("Creation triggers", "What made a deal start.", ("source",)),
    "signals": ("Negative signals", "Signs that contact was not welcome.", ()),
    "milestones": (
        "Milestones",
        (
            "What turns raw usage into a touch, at most one of an account and milestone in "
            "`apart_days`. `threshold`: the "
            "value reaches `at_least` from below. `first_use`: the account's first event. `workflow`: "
            "every event. `rise`: "
            "the value reaches `up_by` above its lowest of the last `within_days`. Nothing else of "
            "telemetry is a touch."
        ),
        ("kind", "event", "at_least", "up_by", "within_days", "apart_days", "function", "type"),
    ),
}


def page(taxonomy: Taxonomy) -> str:
    """Return the page of a taxonomy."""
    lists = {vocabulary.name: vocabulary.terms for vocabulary in taxonomy.vocabularies()}
    parts = [section(*SECTIONS[name], terms) for name, terms in lists.items()]
    return "\n".join([HEAD, *parts, campaigns(taxonomy)])


def section(title: str, meaning: str, attributes: tuple[str, ...], terms: Iterable[Term]) -> str:
    """Return a list of terms with their attributes and aliases."""
    header = ["name", "read as", *(attribute.replace("_", " ") for attribute in attributes), "also spelled"]
    rows = [
        [f"`{term.name}`", term.shown, *(cell(getattr(term, name)) for name in attributes), ", ".join(term.aliases)]
        for term in terms
    ]
    lines = [header, ["---"] * len(header), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {title}\n\n{meaning}\n\n{table}\n"


def cell(value: object) -> str:
    """Return an attribute's value as the page writes it."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def campaigns(taxonomy: Taxonomy) -> str:
    """Return what the page says of campaign names."""
    rule = taxonomy.campaigns
    return (
        "## Campaign names\n\n"
        f"`{rule.pattern}`, of the characters `{rule.allowed}` inside a part{', in lower case' if rule.lower else ''}. "
        "`build_campaign` and `build_link` make names and links with the five UTM fields; `check_campaigns` reports "
        "every bad name with what is wrong, the nearest good one, and how many touches carry it.\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(default_taxonomy()), encoding="utf-8")
