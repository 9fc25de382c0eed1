"""Which touches count for which revenue event: windows counted back from an anchor, both ends inside.

A rule says how many days before which anchor touches count, for one kind of event, and if need be for one journey,
function or segment only. The most particular rule decides: journey before function before segment before kind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ANCHORS", "ANY_KIND", "WINDOW_PRESETS", "Anchor", "WindowRule", "Windows"]

Anchor = Literal["lead", "opportunity", "close", "renewal", "loss"]

ANY_KIND = "*"
ANCHORS: Mapping[Anchor, str] = MappingProxyType(
    {
        "lead": "lead_at",
        "opportunity": "opportunity_at",
        "close": "event_at",
        "renewal": "renewal_at",
        "loss": "loss_at",
    }
)
_LONGEST = 3650


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Touches from ``days`` before the anchor up to the anchor count, both ends inside.

    A touch after the event itself never counts, even where the anchor lies later.

    Attributes:
        kind: The kind of revenue event; ``"*"``: any.
        days: Length in days.
        anchor: What the window ends at: ``lead`` (the account's first lead), ``opportunity`` (its creation),
            ``close`` (the event itself), ``renewal`` (end of the running contract), ``loss`` (when the loss would
            have taken effect).
        since: An anchor that the window starts at instead; ``days`` serves where that anchor is not known.
        otherwise: The anchor for events whose ``anchor`` is not known, which are counted; ``None``: no touch counts.
        function: Only for touches of this function.
        segment: Only for events of accounts of this segment.
        journey: Only for touches of this journey.
        expected: Functions that usually work on this kind of event. Others count as well, unless ``only_expected``.
        only_expected: Whether touches of other functions stay out.

    Raises:
        InputError: The days are no whole number from 1 to 3650, or an anchor is unknown.

    Examples:
        >>> WindowRule("saved", 90, anchor="loss").days
        90
    """

    kind: str
    days: int
    anchor: Anchor = "close"
    since: Anchor | None = None
    otherwise: Anchor | None = "close"
    function: str | None = None
    segment: str | None = None
    journey: str | None = None
    expected: tuple[str, ...] = ()
    only_expected: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.days, bool) or not isinstance(self.days, int) or not 1 <= self.days <= _LONGEST:
            raise InputError(
                f"the window for {self.kind!r} is {self.days!r} days; allowed: a whole number from 1 to {_LONGEST}",
                hint="write days like 90",
            )
        for name in (self.anchor, self.since, self.otherwise):
            if name is not None and name not in ANCHORS:
                raise InputError(
                    f"{name!r} is no anchor of a window; allowed: {', '.join(ANCHORS)}.{did_you_mean(name, ANCHORS)}",
                    hint="count windows back from one of these",
                )
        if self.only_expected and not self.expected:
            raise InputError(
                f"the window for {self.kind!r} lets only expected functions in and expects none",
                hint="list the functions under 'expected'",
            )

    @property
    def place(self) -> tuple[str | None, str | None, str | None, str]:
        """What the rule is for: journey, function, segment, kind."""
        return self.journey, self.function, self.segment, self.kind

    @property
    def rank(self) -> tuple[bool, bool, bool, bool]:
        """How particular the rule is: the largest decides."""
        return self.journey is not None, self.function is not None, self.segment is not None, self.kind != ANY_KIND

    @property
    def by_touch(self) -> bool:
        """Whether the touch has a say in whether the rule applies."""
        return self.journey is not None or self.function is not None

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The anchors that the rule reads, each once."""
        return tuple(dict.fromkeys(name for name in (self.anchor, self.since, self.otherwise) if name is not None))


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of an analysis.

    Attributes:
        rules: One rule for each place (kind, segment, function, journey).
        source: Rules for the touch that started an expansion, where they differ from ``rules``; only models with a
            source read them.

    Raises:
        InputError: Two rules are for the same place, or no rule covers kinds that none names.

    Examples:
        >>> windows = WINDOW_PRESETS["default"]
        >>> windows.rule("expansion", segment="enterprise").days, windows.source_rule("expansion", "enterprise").days
        (90, 180)
    """

    rules: tuple[WindowRule, ...]
    source: tuple[WindowRule, ...] = ()

    def __post_init__(self) -> None:
        for rules in (self.rules, self.source):
            twice = [place for place, n in Counter(rule.place for rule in rules).items() if n > 1]
            if twice:
                raise InputError(
                    f"two windows are for the same place: {_in_words(twice[0])}", hint="keep one of the two rules"
                )
        if not any(rule.rank == (False, False, False, False) for rule in self.rules):
            raise InputError(
                "no window covers kinds of events that no rule names",
                hint=f"add a rule for the kind {ANY_KIND!r}, such as {{kind: '{ANY_KIND}', days: 90}}",
            )

    @property
    def ordered(self) -> tuple[WindowRule, ...]:
        """The rules, the most particular first."""
        return tuple(sorted(self.rules, key=lambda rule: rule.rank, reverse=True))

    def rule(
        self, kind: str, *, segment: str | None = None, function: str | None = None, journey: str | None = None
    ) -> WindowRule:
        """Return the rule that decides about a touch.

        Examples:
            >>> windows = Windows((WindowRule("*", 90), WindowRule("purchase", 7, journey="cart_reminder")))
            >>> windows.rule("purchase", journey="cart_reminder").days, windows.rule("purchase").days
            (7, 90)
        """
        asked = (journey, function, segment, kind)
        return next(
            rule
            for rule in self.ordered
            if all(mine in (None, ANY_KIND, theirs) for mine, theirs in zip(rule.place, asked, strict=True))
        )

    def source_rule(self, kind: str, segment: str | None = None) -> WindowRule:
        """Return the rule for the touch that started the event; see ``source``."""
        return self.for_source.rule(kind, segment=segment)

    @property
    def for_source(self) -> Windows:
        """The same windows with those of ``source`` in their places."""
        return self.changed(self.source)

    def changed(self, rules: tuple[WindowRule, ...]) -> Windows:
        """Return windows in which these rules take the places of others for the same place, or join them.

        Examples:
            >>> WINDOW_PRESETS["default"].changed((WindowRule("new", 30),)).rule("new").days
            30
        """
        kept = {rule.place: rule for rule in self.rules} | {rule.place: rule for rule in rules}
        return replace(self, rules=tuple(kept.values()))


def _in_words(place: tuple[str | None, str | None, str | None, str]) -> str:
    names = ("journey", "function", "segment", "kind")
    return ", ".join(f"{name} {value!r}" for name, value in zip(names, place, strict=True) if value is not None)


_ENTERPRISE_SOURCE = (WindowRule(ANY_KIND, 180, segment="enterprise"),)
_RENEWAL = WindowRule("renewal", 180, anchor="renewal", expected=("cs", "product", "support"))
_SAVED = WindowRule("saved", 90, anchor="loss", expected=("cs", "support", "product", "ae"))
_OTHERS = WindowRule(ANY_KIND, 90)
_SALES = ("marketing", "sdr", "ae", "presales")
_GROWTH = ("cs", "product", "ae", "marketing")

WINDOW_PRESETS: Mapping[str, Windows] = MappingProxyType(
    {
        "default": Windows(
            (
                WindowRule("new", 180, expected=_SALES),
                WindowRule("expansion", 90, expected=_GROWTH),
                _RENEWAL,
                _SAVED,
                _OTHERS,
            ),
            source=_ENTERPRISE_SOURCE,
        ),
        "staged": Windows(
            (
                WindowRule("new", 180, since="opportunity", expected=_SALES),
                WindowRule("new", 90, anchor="opportunity", function="marketing"),
                WindowRule("expansion", 180, expected=_GROWTH),
                _RENEWAL,
                _SAVED,
                _OTHERS,
            ),
            source=_ENTERPRISE_SOURCE,
        ),
    }
)
