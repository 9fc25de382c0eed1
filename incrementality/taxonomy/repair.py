"""The repair report of campaign names: each bad one, what is wrong, the nearest good one, how many touches carry it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from incrementality.display import DisplayMixin
from incrementality.taxonomy.campaigns import CampaignRule, name_problems
from incrementality.taxonomy.terms import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incrementality.taxonomy.terms import Channel, Vocabulary

__all__ = ["CampaignRepairs", "NameRepair", "check_campaigns"]

Basis = Literal["register", "rule", "other names", ""]

_ALIKE = 0.75
_CANDIDATES = 20
_GAPS = re.compile(r"[\s|/.,;:+]+")


@dataclass(frozen=True, slots=True)
class NameRepair:
    """One bad name.

    Attributes:
        name: As touches carry it.
        touches: How many carry it.
        problems: What is wrong, one line a problem.
        nearest: The nearest good name; empty where none is near.
        basis: Where that one comes from: the ``register``, the naming ``rule`` applied to the bad name's own parts,
            or ``other names`` that touches carry and that follow the rule.
    """

    name: str
    touches: int
    problems: tuple[str, ...]
    nearest: str
    basis: Basis


@dataclass(frozen=True)
class CampaignRepairs(DisplayMixin):
    """The repair report of all names.

    Attributes:
        names: How many names there are.
        touches: How many touches carry a name.
        repairs: The bad names, those that most touches carry first.
    """

    names: int
    touches: int
    repairs: tuple[NameRepair, ...]

    @property
    def bad_touches(self) -> int:
        """How many touches carry a bad name."""
        return sum(repair.touches for repair in self.repairs)

    @property
    def values(self) -> dict[str, str]:
        """Every bad name with its nearest good one: what a values mapping needs, once people have looked at it."""
        return {repair.name: repair.nearest for repair in self.repairs if repair.nearest}

    @property
    def sentence(self) -> str:
        """The report in a sentence."""
        if not self.repairs:
            return f"All {self.names:,} campaign names are good."
        return (
            f"{len(self.repairs):,} of {self.names:,} campaign names are bad; {self.bad_touches:,} of {self.touches:,} "
            f"touches carry one, and {len(self.values):,} of the names have a near good one."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a bad name."""
        return tuple(
            {
                "name": repair.name,
                "touches": repair.touches,
                "problems": "; ".join(repair.problems),
                "nearest": repair.nearest or None,
                "basis": repair.basis or None,
            }
            for repair in self.repairs
        )


def check_campaigns(
    counts: Mapping[str, int],
    *,
    rule: CampaignRule | None = None,
    channels: Vocabulary[Channel] | None = None,
    registered: Iterable[str] = (),
) -> CampaignRepairs:
    """Return the repair report of campaign names.

    A registered name is good, whatever the rule says. Where there is a register, a name outside it is bad; without
    one, the rule alone decides.

    Args:
        counts: How many touches carry each name.
        rule: The naming rule.
        channels: The channels that are known; default: any.
        registered: The names of the register.

    Examples:
        >>> names = {"email_smb_winback_20off_v2": 90, "Email-SMB winback_20off_v2": 8, "spring": 2}
        >>> report = check_campaigns(names)
        >>> [(repair.name, repair.nearest) for repair in report.repairs]
        [('Email-SMB winback_20off_v2', 'email_smb_winback_20off_v2'), ('spring', '')]
        >>> report.sentence
        '2 of 3 campaign names are bad; 10 of 100 touches carry one, and 1 of the names have a near good one.'
    """
    checker = _Checker(rule or CampaignRule(), channels, frozenset(registered), tuple(counts))
    bad = sorted((-touches, name) for name, touches in counts.items() if checker.problems(name))
    repairs = tuple(NameRepair(name, -count, checker.problems(name), *checker.nearest(name)) for count, name in bad)
    return CampaignRepairs(len(counts), sum(counts.values()), repairs)


@dataclass(frozen=True)
class _Checker:
    rule: CampaignRule
    channels: Vocabulary[Channel] | None
    registered: frozenset[str]
    carried: tuple[str, ...]

    def problems(self, name: str) -> tuple[str, ...]:
        if name in self.registered:
            return ()
        found = name_problems(name, rule=self.rule, channels=self.channels)
        return (*found, "the name is not registered") if self.registered else found

    def nearest(self, name: str) -> tuple[str, Basis]:
        """Return the nearest good name, and where it comes from."""
        alike = self._good.nearest(name)
        if self.registered:
            return (alike, "register") if alike else ("", "")
        if alike and fold(alike) == fold(name):
            return alike, "other names"
        own = self._by_rule(name)
        if own:
            return own, "rule"
        return (alike, "other names") if alike else ("", "")

    @cached_property
    def _good(self) -> _Names:
        return _Names(self.registered or [name for name in self.carried if not self.problems(name)])

    def _by_rule(self, name: str) -> str:
        """Return the name with its own parts written by the rule, the channel first where it stood elsewhere."""
        cased = name.strip().casefold() if self.rule.lower else name.strip()
        values = [part.strip("-") for part in _GAPS.sub(self.rule.separator, cased).split(self.rule.separator)]
        values = ["".join(letter for letter in part if not self.rule.characters(letter)) for part in values if part]
        written = self.rule.separator.join(self._channel_in_place(values))
        return "" if name_problems(written, rule=self.rule, channels=self.channels) else written

    def _channel_in_place(self, values: list[str]) -> list[str]:
        if self.channels is None or "channel" not in self.rule.parts:
            return values
        place = self.rule.parts.index("channel")
        known = [k for k, value in enumerate(values) if value in self.channels]
        if len(known) == 1 and known[0] != place:
            rest = [value for k, value in enumerate(values) if k != known[0]]
            return [*rest[:place], values[known[0]], *rest[place:]]
        return values


class _Names:
    """Good names, to be found by likeness: those that share most groups of three letters are compared in full."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        self.folded = {fold(name): name for name in reversed(self.names)}
        self.by_letters: defaultdict[str, list[str]] = defaultdict(list)
        for name in self.names:
            for letters in _threes(name):
                self.by_letters[letters].append(name)

    def nearest(self, name: str) -> str:
        if fold(name) in self.folded:
            return self.folded[fold(name)]
        shared = Counter(other for letters in _threes(name) for other in self.by_letters.get(letters, ()))
        candidates = sorted(shared, key=lambda other: (-shared[other], other))[:_CANDIDATES]
        rated = [(-SequenceMatcher(None, fold(name), fold(other)).ratio(), other) for other in candidates]
        best = min(rated, default=(0.0, ""))
        return best[1] if -best[0] >= _ALIKE else ""


def _threes(name: str) -> set[str]:
    text = f"  {fold(name)} "
    return {text[k : k + 3] for k in range(len(text) - 2)}
