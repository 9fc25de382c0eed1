"""How campaigns are named: parts in order, one separator, few characters; built, parsed and checked by one rule.

A name says its channel, audience, journey, offer and version: ``email_smb_winback_20off_v2``. Inside a part blanks and
underscores become hyphens, so that the separator stays free.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from incrementality.errors import did_you_mean
from incrementality.taxonomy.refusals import TaxonomyError
from incrementality.taxonomy.terms import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incrementality.taxonomy.terms import Channel, Vocabulary

__all__ = ["Campaign", "CampaignRule", "build_campaign", "name_problems", "parse_campaign"]

_RANGE = re.compile(r"(.)-(.)", re.DOTALL)
_LONGEST = 200
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRule:
    """How a campaign's name is made.

    Attributes:
        parts: The parts, in order.
        separator: What stands between them; not among the allowed characters.
        allowed: The characters inside a part, with ranges: ``a-z0-9-``. A hyphen at the end means itself.
        lower: Whether names are written in lower case.

    Raises:
        TaxonomyError: No parts, a part twice, or a separator that could stand inside a part.

    Examples:
        >>> CampaignRule(parts=("channel", "journey"), separator="|").characters("Ä b")
        ('ä', ' ')
    """

    parts: tuple[str, ...] = ("channel", "audience", "journey", "offer", "version")
    separator: str = "_"
    allowed: str = "a-z0-9-"
    lower: bool = True

    def __post_init__(self) -> None:
        problems = []
        if not self.parts or len(set(self.parts)) != len(self.parts):
            problems.append(f"parts: {', '.join(self.parts) or 'none'}; name at least one, each once")
        if not self.separator or set(self.separator) & self._letters():
            problems.append(f"separator: {self.separator!r} can stand inside a part ({self.allowed}); choose another")
        if problems:
            raise TaxonomyError.of("the naming rule of campaigns", problems, hint="correct taxonomy.campaigns")

    def _letters(self) -> frozenset[str]:
        ranged = {chr(code) for low, high in _RANGE.findall(self.allowed) for code in range(ord(low), ord(high) + 1)}
        return frozenset(ranged | set(_RANGE.sub("", self.allowed)))

    def characters(self, text: str) -> tuple[str, ...]:
        """Return the characters of a part that are not allowed, each once, as they come."""
        letters = self._letters()
        cased = text.casefold() if self.lower else text
        return tuple(dict.fromkeys(letter for letter in cased if letter not in letters))

    @property
    def pattern(self) -> str:
        """The rule as people read it: ``channel_audience_journey_offer_version``."""
        return self.separator.join(self.parts)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign's name, taken apart.

    Attributes:
        name: The name.
        parts: What each part says, in the rule's order.
    """

    name: str
    parts: Mapping[str, str]

    def __getitem__(self, part: str) -> str:
        return self.parts[part]


def build_campaign(
    parts: Mapping[str, str], *, rule: CampaignRule | None = None, channels: Vocabulary[Channel] | None = None
) -> str:
    """Return the name of a campaign.

    Args:
        parts: What each part of the rule says, as people write it.
        rule: The naming rule; default: ``channel_audience_journey_offer_version``.
        channels: The channels that are known; another one is refused. Default: any.

    Raises:
        TaxonomyError: A part is missing, unknown, or holds characters that are not allowed; each is named.

    Examples:
        >>> build_campaign(
        ...     {"channel": "Paid Search", "audience": "SMB", "journey": "win back", "offer": "20off", "version": "v2"}
        ... )
        'paid-search_smb_win-back_20off_v2'
    """
    rule = rule or CampaignRule()
    written = {part: _written(str(text), rule) for part, text in parts.items()}
    problems = [
        *(f"{part}: the part is missing" for part in rule.parts if not written.get(part)),
        *(
            f"{part}: no part of the rule {rule.pattern}.{did_you_mean(part, rule.parts)}"
            for part in written
            if part not in rule.parts
        ),
    ]
    name = rule.separator.join(written.get(part, "") for part in rule.parts)
    problems = problems or list(name_problems(name, rule=rule, channels=channels))
    if problems:
        raise TaxonomyError.of("the campaign", problems, hint=f"name it by the rule {rule.pattern}")
    return name


def _written(text: str, rule: CampaignRule) -> str:
    """Return a part in the rule's spelling: blanks, and signs of the separator, become hyphens."""
    cased = text.strip().casefold() if rule.lower else text.strip()
    joined = re.sub(rf"[\s_{re.escape(rule.separator)}]+", "-", cased)
    return joined if "-" in rule.allowed else joined.replace("-", "")


def parse_campaign(
    name: str, *, rule: CampaignRule | None = None, channels: Vocabulary[Channel] | None = None
) -> Campaign:
    """Return a campaign's name taken apart.

    Args:
        name: The name.
        rule: The naming rule.
        channels: The channels that are known; the part ``channel`` becomes the canonical one.

    Raises:
        TaxonomyError: The name does not follow the rule; every problem is named.

    Examples:
        >>> parse_campaign("email_smb_winback_20off_v2")["journey"]
        'winback'
        >>> parse_campaign("Email smb")
        Traceback (most recent call last):
        incrementality.taxonomy.refusals.TaxonomyError: the campaign 'Email smb' has 3 problems:
        1 part instead of 5 (channel_audience_journey_offer_version)
        upper case: the name is written in lower case
        the character ' ' is not allowed
        Next: name it by the rule channel_audience_journey_offer_version
    """
    rule = rule or CampaignRule()
    problems = name_problems(name, rule=rule, channels=channels)
    if problems:
        raise TaxonomyError.of(f"the campaign {name[:_SHOWN]!r}", problems, hint=f"name it by the rule {rule.pattern}")
    parts = dict(zip(rule.parts, name.split(rule.separator), strict=True))
    known = channels.find(parts["channel"]) if channels is not None and "channel" in parts else None
    return Campaign(name, MappingProxyType(parts | ({"channel": known.name} if known is not None else {})))


def name_problems(name: str, *, rule: CampaignRule, channels: Vocabulary[Channel] | None = None) -> tuple[str, ...]:
    """Return what is wrong with a campaign's name, one line a problem; nothing where it follows the rule.

    Examples:
        >>> name_problems("email_smb__20off_v2", rule=CampaignRule())
        ('journey: the part is empty',)
    """
    values = name.split(rule.separator)
    found = [*_shape_problems(name, values, rule), *_letter_problems(values, rule)]
    if channels is not None and len(values) == len(rule.parts):
        found += _channel_problems(dict(zip(rule.parts, values, strict=True)), channels)
    return tuple(found)


def _shape_problems(name: str, values: list[str], rule: CampaignRule) -> Iterable[str]:
    if not name.strip():
        yield "the name is empty"
        return
    if len(name) > _LONGEST:
        yield f"{len(name)} characters; at most {_LONGEST} are allowed"
    if len(values) != len(rule.parts):
        noun = "part" if len(values) == 1 else "parts"
        yield f"{len(values)} {noun} instead of {len(rule.parts)} ({rule.pattern})"
    else:
        yield from (
            f"{part}: the part is empty" for part, value in zip(rule.parts, values, strict=True) if not value.strip()
        )
    if rule.lower and name != name.casefold():
        yield "upper case: the name is written in lower case"


def _letter_problems(values: list[str], rule: CampaignRule) -> Iterable[str]:
    refused = rule.characters("".join(values))
    if refused:
        noun, verb = ("character", "is") if len(refused) == 1 else ("characters", "are")
        yield f"the {noun} {' '.join(map(repr, refused))} {verb} not allowed"


def _channel_problems(parts: Mapping[str, str], channels: Vocabulary[Channel]) -> Iterable[str]:
    channel = parts.get("channel")
    if channel and channel not in channels:
        yield f"channel: {channel!r} is none of the channels.{did_you_mean(fold(channel), channels.names)}"
