"""Links with the five UTM fields: built so that nothing of the address is lost, and checked before they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from incrementality.errors import did_you_mean
from incrementality.taxonomy.campaigns import CampaignRule, name_problems
from incrementality.taxonomy.refusals import TaxonomyError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from urllib.parse import SplitResult

    from incrementality.taxonomy.terms import Channel, Vocabulary

__all__ = ["UTM_FIELDS", "LinkCheck", "build_link", "check_link", "utm_fields"]

UTM_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")

_NEEDED = UTM_FIELDS[:3]
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class LinkCheck:
    """What a link says, and what is wrong with it.

    Attributes:
        url: The address.
        fields: The UTM fields that it carries, decoded.
        problems: One line a problem; none for a good link.
    """

    url: str
    fields: dict[str, str]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the link is good."""
        return not self.problems


def build_link(url: str, *, source: str, medium: str, campaign: str, term: str = "", content: str = "") -> str:
    """Return an address with UTM fields; its own query and fragment stay as they are, byte by byte.

    Args:
        url: An absolute address, without UTM fields.
        source: Who sends: ``newsletter``, ``google``.
        medium: The channel: ``email``, ``cpc``.
        campaign: The campaign's name, as ``build_campaign`` gives it.
        term: The keyword, for paid search.
        content: What tells two links of one message apart.

    Raises:
        TaxonomyError: The address is not absolute, carries UTM fields already, or a needed field is blank.

    Examples:
        >>> build_link("https://shop.example/a?id=7#top", source="news letter", medium="email", campaign="c_1")
        'https://shop.example/a?id=7&utm_source=news%20letter&utm_medium=email&utm_campaign=c_1#top'
    """
    split = urlsplit(url)
    fields = dict(zip(UTM_FIELDS, (source, medium, campaign, term, content), strict=True))
    problems = [
        *_address_problems(split),
        *(f"{name} is there already: {value!r}" for name, value in utm_fields(url).items()),
        *(f"{name} is blank" for name in _NEEDED if not fields[name].strip()),
    ]
    if problems:
        raise TaxonomyError.of(f"the link {url[:_SHOWN]!r}", problems, hint="start from the plain address of the page")
    added = urlencode({name: text.strip() for name, text in fields.items() if text.strip()}, quote_via=quote, safe="")
    return urlunsplit(split._replace(query=f"{split.query}&{added}" if split.query else added))


def utm_fields(url: str) -> dict[str, str]:
    """Return the UTM fields of an address, decoded; of a repeated field the first that is not blank.

    Examples:
        >>> utm_fields("https://shop.example/?utm_source=news%20letter&id=7&UTM_Medium=email")
        {'utm_source': 'news letter', 'utm_medium': 'email'}
    """
    found: dict[str, str] = {}
    for name, value in _pairs(url):
        if name.casefold() in UTM_FIELDS and value.strip():
            found.setdefault(name.casefold(), value)
    return found


def _pairs(url: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:  # an address that is none: a bracket that is never closed
        return []


def check_link(url: str, *, rule: CampaignRule | None = None, channels: Vocabulary[Channel] | None = None) -> LinkCheck:
    """Return what a link says, and what is wrong with it.

    Args:
        url: The address.
        rule: The naming rule that its campaign has to follow.
        channels: The channels that its medium has to be one of; default: any.

    Examples:
        >>> check_link("https://shop.example/?utm_source=News&utm_medium=email").problems
        ('utm_campaign is missing', "utm_source: 'News' has upper case; some tools take it for another value")
    """
    try:
        split = urlsplit(url)
    except ValueError:
        return LinkCheck(url, {}, ("the address cannot be read",))
    fields = utm_fields(url)
    problems = [
        *_address_problems(split),
        *(f"{name} is missing" for name in _NEEDED if name not in fields),
        *_repeated(url),
        *_spelling_problems(fields),
        *_unknown_medium(fields, channels),
    ]
    if "utm_campaign" in fields:
        found = name_problems(fields["utm_campaign"], rule=rule or CampaignRule(), channels=channels)
        problems += [f"utm_campaign: {problem}" for problem in found]
    return LinkCheck(url, fields, tuple(problems))


def _address_problems(split: SplitResult) -> Iterable[str]:
    if split.scheme not in {"http", "https"} or not split.netloc:
        yield "the address is not absolute; it begins with https:// and names a host"
    if "utm_" in split.fragment.casefold():
        yield "UTM fields stand behind the '#', where no server sees them"


def _repeated(url: str) -> Iterable[str]:
    names = [name.casefold() for name, _ in _pairs(url)]
    for name in UTM_FIELDS:
        if names.count(name) > 1:
            yield f"{name} stands {names.count(name)} times"


def _spelling_problems(fields: dict[str, str]) -> Iterable[str]:
    for name, value in fields.items():
        if name != "utm_campaign" and value != value.casefold():
            yield f"{name}: {value!r} has upper case; some tools take it for another value"
        if value != value.strip():
            yield f"{name}: {value!r} has a blank at an end"


def _unknown_medium(fields: dict[str, str], channels: Vocabulary[Channel] | None) -> Iterable[str]:
    medium = fields.get("utm_medium")
    if medium is not None and channels is not None and medium not in channels:
        yield f"utm_medium: {medium!r} is none of the channels.{did_you_mean(medium, channels.names)}"
