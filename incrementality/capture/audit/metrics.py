"""A metric of the audit: its formula, owner and target, what it was quarter by quarter, and whether it fails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from incrementality.display import DisplayMixin
from incrementality.formatting import count

__all__ = ["AuditMetric", "Better", "MetricRule", "Reading", "Unit", "share_of_money"]

Better = Literal["higher", "lower", ""]
Unit = Literal["share", "minutes", "hours", "count"]

_LEAST_FALL = 0.05
_ALARM = 3.5


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What a metric is.

    Attributes:
        name: Its name in the settings.
        title: Its name on a page.
        formula: How it is counted, in words.
        better: ``higher`` or ``lower``; "" for one that only informs.
        target: What it should reach, or stay under; ``None`` where none is set.
        owner: Who looks after it.
        recovery: What to do when it fails.
        unit: ``share`` (from 0 to 1), ``minutes``, ``hours`` or ``count``.
        moves: The share of the money at stake whose credit would move to another function; 0 for none.

    Examples:
        >>> MetricRule("late", "late sources", "late / all", "lower", 0.1).unit
        'share'
    """

    name: str
    title: str
    formula: str
    better: Better = ""
    target: float | None = None
    owner: str = ""
    recovery: str = ""
    unit: Unit = "share"
    moves: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the records of one quarter say.

    Attributes:
        quarter: The quarter; "" for rows without a time.
        at_fault: How many rows are at fault, or are what the metric looks for.
        of: Out of how many.
        money: What those at fault are worth, in minor units; 0 where they have no amount.
        middle: The median, for a metric of minutes or hours; ``None`` where nothing was measured.

    Examples:
        >>> Reading("2026Q1", 2, 10).money
        0
    """

    quarter: str
    at_fault: int
    of: int
    money: int = 0
    middle: float | None = None


@dataclass(frozen=True, slots=True)
class AuditMetric(DisplayMixin):
    """A metric and what it was.

    Attributes:
        rule: What it is.
        quarter: The quarter that is audited.
        readings: What today's records say, quarter by quarter, with rows without a time first.
        total: What they say of all quarters together.
        earlier: What earlier audits said in their own quarters, oldest first.

    Examples:
        >>> rule = MetricRule("capture_rate", "capture rate", "sources in time / deals", "higher", 0.9)
        >>> metric = AuditMetric(rule, "2026Q1", (Reading("2026Q1", 30, 100, 5_000),), Reading("", 30, 100, 5_000))
        >>> metric.value, metric.passed, metric.last.money
        (0.7, False, 5000)
        >>> metric.sentence
        'capture rate: 70 % in 2026Q1 (30 of 100 at fault), target at least 90 %.'
    """

    rule: MetricRule
    quarter: str
    readings: tuple[Reading, ...]
    total: Reading
    earlier: tuple[tuple[str, float], ...] = ()

    @property
    def last(self) -> Reading:
        """The audited quarter; without rows where there are none."""
        return next((one for one in self.readings if one.quarter == self.quarter), Reading(self.quarter, 0, 0))

    @property
    def value(self) -> float | None:
        """The metric in the audited quarter; ``None`` where there was nothing to look at."""
        return self.value_of(self.last)

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; ``None`` without a target or a value."""
        value, target = self.value, self.rule.target
        if value is None or target is None or not self.rule.better:
            return None
        return value >= target if self.rule.better == "higher" else value <= target

    @property
    def before(self) -> float | None:
        """What the last earlier audit said; else what today's records say of the quarter before."""
        if self.earlier:
            return self.earlier[-1][1]
        found = [one for one in self.readings if one.quarter and one.quarter < self.quarter]
        return self.value_of(found[-1]) if found else None

    @property
    def trend(self) -> float | None:
        """The value less the value before."""
        return None if self.value is None or self.before is None else self.value - self.before

    @property
    def worsened(self) -> bool:
        """Whether a share fell behind all earlier quarters: by 5 points or more, and by more than chance.

        The quarter is held against the pooled earlier quarters of today's records by the two-proportion z test; z is
        above 3.5, which chance reaches in 2 of 10,000 quarters.
        """
        past = [one for one in self.readings if one.quarter and one.quarter < self.quarter]
        of, at_fault = sum(one.of for one in past), sum(one.at_fault for one in past)
        if self.rule.unit != "share" or not self.rule.better or not (of and self.last.of):
            return False
        rise = self.last.at_fault / self.last.of - at_fault / of
        pooled = (self.last.at_fault + at_fault) / (self.last.of + of)
        spread = math.sqrt(pooled * (1 - pooled) * (1 / self.last.of + 1 / of))
        return rise >= _LEAST_FALL and rise > _ALARM * spread

    @property
    def failed(self) -> bool:
        """Whether somebody has to look at it: the target is missed, or the metric got worse."""
        return self.passed is False or self.worsened

    @property
    def moved(self) -> int:
        """The credit that would move, in minor units, over all quarters."""
        return share_of_money(self.total.money, self.rule.moves)

    @property
    def sentence(self) -> str:
        """The metric in words."""
        if self.value is None:
            return f"{self.rule.title}: nothing to look at in {self.quarter}."
        shown = f"{self.rule.title}: {self.shown(self.value)} in {self.quarter}"
        if self.rule.unit == "share":
            what = "at fault" if self.rule.better else "found"
            shown += f" ({count(self.last.at_fault)} of {count(self.last.of)} {what})"
        if self.rule.target is not None:
            side = "at least" if self.rule.better == "higher" else "at most"
            shown += f", target {side} {self.shown(self.rule.target)}"
        if self.worsened and self.before is not None:
            shown += f"; it was {self.shown(self.before)} before"
        return shown + "."

    def value_of(self, reading: Reading) -> float | None:
        """Return the metric in one quarter."""
        if self.rule.unit in ("minutes", "hours"):
            return reading.middle
        if self.rule.unit == "count":
            return float(reading.at_fault)
        if not reading.of:
            return None
        found = reading.at_fault / reading.of
        return 1 - found if self.rule.better == "higher" else found

    def shown(self, value: float) -> str:
        """Return a value of this metric as a person writes it."""
        if self.rule.unit == "share":
            return f"{100 * value:.3g} %"
        if self.rule.unit == "count":
            return f"{value:,.0f}"
        return _lasting(60 * value if self.rule.unit == "hours" else value)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row: name, formula, owner, target, value, trend, counts and money."""
        value, target, trend = self.value, self.rule.target, self.trend
        return (
            {
                "metric": self.rule.title,
                "formula": self.rule.formula,
                "owner": self.rule.owner,
                "target": None if target is None else self.shown(target),
                "value": None if value is None else self.shown(value),
                "trend": None if trend is None else round(trend, 4),
                "passed": self.passed,
                "worsened": self.worsened,
                "at_fault": self.last.at_fault,
                "of": self.last.of,
                "money": self.last.money,
                "at_fault_in_all": self.total.at_fault,
                "money_in_all": self.total.money,
                "credit_that_would_move": self.moved if self.rule.moves else None,
            },
        )


def _lasting(minutes: float) -> str:
    """Return a span of time in the unit in which a person would say it."""
    for unit, length in (("days", 24 * 60), ("hours", 60)):
        if minutes >= 2 * length:
            return f"{minutes / length:,.1f} {unit}"
    return f"{minutes:,.0f} {'minute' if round(minutes) == 1 else 'minutes'}"


def share_of_money(money: int, part: float) -> int:
    """Return a share of an amount in whole minor units, halves to even.

    Examples:
        >>> share_of_money(1_005, 0.5), share_of_money(1_001, 0.4)
        (502, 400)
    """
    return int((Decimal(str(part)) * money).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
