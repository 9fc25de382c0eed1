"""The section ``governance`` of ``attribution.yaml``: owners, decision rights, reviews, and what figures may serve."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["INDIVIDUAL_VIEW_WARNING", "Governance", "parse_governance"]

INDIVIDUAL_VIEW_WARNING = (
    "A view by individual representative: accounts, territories and luck differ more than people do. It is no measure "
    "of performance, and pay and ranking must not rest on it."
)

_OWNERS = MappingProxyType(
    {
        "definitions": "revenue operations",
        "records": "revenue operations",
        "costs": "finance",
        "the quarterly page": "revenue operations",
    }
)
_RIGHTS = MappingProxyType(
    {
        "a change of definitions": "revenue operations proposes, finance approves",
        "a move of budget": "function heads with finance, on experiments",
        "a view by individual representative": "the head of the function, in writing",
    }
)
_REVIEWS = MappingProxyType({"the page": "monthly", "definitions": "quarterly", "the audit": "quarterly"})
_PERMITTED = (
    "seeing which functions touched the revenue, and where records have gaps",
    "choosing which experiment to run next",
    "planning effort across functions, with the models side by side",
)
_FORBIDDEN = (
    "calling credit incremental, or caused",
    "pay or ranking of individual representatives",
    "cutting a budget on one model's credit alone",
)
_INDIVIDUAL = frozenset({"actor", "closer"})
_KEYS = ("owners", "rights", "reviews", "permitted", "forbidden", "individual_views")


@dataclass(frozen=True, slots=True)
class Governance(DisplayMixin):
    """Who answers for the figures, and what they may be used for.

    Attributes:
        owners: Who looks after what.
        rights: Who decides what.
        reviews: How often what is reviewed.
        permitted: What the figures may be used for.
        forbidden: What they may not be used for.
        individual_views: Whether tables by individual representative may be made.

    Examples:
        >>> Governance().check_view(["function", "channel"])
        ''
    """

    owners: Mapping[str, str] = field(default_factory=lambda: _OWNERS)
    rights: Mapping[str, str] = field(default_factory=lambda: _RIGHTS)
    reviews: Mapping[str, str] = field(default_factory=lambda: _REVIEWS)
    permitted: tuple[str, ...] = _PERMITTED
    forbidden: tuple[str, ...] = _FORBIDDEN
    individual_views: bool = False

    def check_view(self, by: Iterable[str]) -> str:
        """Return the warning that a table by these columns carries; "" where it names no individual.

        Raises:
            InputError: It is by individual representative, and such views are off.

        Examples:
            >>> Governance(individual_views=True).check_view(["actor"])[:38]
            'A view by individual representative: a'
        """
        named = sorted(_INDIVIDUAL & set(by))
        if not named:
            return ""
        if not self.individual_views:
            raise InputError(
                f"a table by {named[0]} is a view by individual representative, and these are off",
                hint="view it by function; or write governance: {individual_views: true} in attribution.yaml, once "
                "whoever decides has agreed",
            )
        return INDIVIDUAL_VIEW_WARNING

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row an owner, right, review and use."""
        return tuple({"part": part, "of": of, "value": value} for part, of, value in self._lines())

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        for part, entries in (("owner", self.owners), ("decides", self.rights), ("reviewed", self.reviews)):
            for of, value in entries.items():
                yield part, of, value
        for part, uses in (("permitted use", self.permitted), ("forbidden use", self.forbidden)):
            for use in uses:
                yield part, "these figures", use
        yield "views", "individual representatives", "on, with a warning" if self.individual_views else "off"


def parse_governance(mapping: Mapping[str, Any] | None = None) -> Governance:
    """Read the section ``governance``; what is missing is the default, and named owners add to those that ship.

    Args:
        mapping: ``owners``, ``rights`` and ``reviews`` (texts by name), ``permitted`` and ``forbidden`` (lists of
            texts, which add to those that ship), ``individual_views`` (``true`` or ``false``).

    Raises:
        InputError: A key is unknown or a value cannot be used; the message names it.

    Examples:
        >>> found = parse_governance({"owners": {"definitions": "Ann"}, "forbidden": ["press releases"]})
        >>> found.owners["definitions"], found.owners["costs"], found.forbidden[-1]
        ('Ann', 'finance', 'press releases')
    """
    written = dict(mapping or {})
    wrong = next((str(key) for key in written if key not in _KEYS), None)
    if wrong is not None:
        raise InputError(
            f"governance.{wrong}: the key is unknown.{did_you_mean(wrong, _KEYS)}", hint=f"allowed: {', '.join(_KEYS)}"
        )
    switched = written.get("individual_views", False)
    if not isinstance(switched, bool):
        raise InputError(f"governance.individual_views is {switched!r}", hint="write true or false")
    return Governance(
        owners=_texts(written, "owners", _OWNERS),
        rights=_texts(written, "rights", _RIGHTS),
        reviews=_texts(written, "reviews", _REVIEWS),
        permitted=_uses(written, "permitted", _PERMITTED),
        forbidden=_uses(written, "forbidden", _FORBIDDEN),
        individual_views=switched,
    )


def _texts(written: Mapping[str, Any], key: str, usual: Mapping[str, str]) -> Mapping[str, str]:
    found = written.get(key) or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) and value for value in found.values()):
        raise InputError(f"governance.{key} is {found!r}; expected texts by name", hint=f"write {key}: {{what: who}}")
    return MappingProxyType({**usual, **{str(name): value for name, value in found.items()}})


def _uses(written: Mapping[str, Any], key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    found = written.get(key) or []
    if not isinstance(found, list | tuple) or not all(isinstance(value, str) and value for value in found):
        raise InputError(f"governance.{key} is {found!r}; expected a list of texts", hint=f"write {key}: [a use]")
    return (*usual, *(value for value in found if value not in usual))
