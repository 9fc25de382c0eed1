"""Drift of inputs: months that are missing, channels that came or vanished, volumes and mixes that jumped.

All of it is found from monthly counts alone. Touches come in clusters, so counts spread more than chance alone makes
them; thresholds allow for a variance of twice the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Literal

from incrementality.capture.audit.quarters import month_name, quarter_index
from incrementality.display import DisplayMixin
from incrementality.formatting import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from incrementality.capture.audit.volumes import Volumes

__all__ = ["DriftAlarm", "MissingMonth", "find_drift", "missing_months"]

_LEAST = 30  # touches: with a variance of twice the mean, none by luck has the chance exp(-15)
_NEIGHBOURS = 3
_MOST_RUNS = 2
_PAST = 3
_SCORE = 6.0
_RATIO = 2.0
_NORMAL_MAD = 1.4826
_OVERDISPERSED = math.sqrt(2)
_LEAST_MIX = 0.15
_USUAL_MIX = 3.0


@dataclass(frozen=True, slots=True)
class MissingMonth(DisplayMixin):
    """A month without touches of a series that had them before and after.

    Attributes:
        dimension: ``source_system``, ``function`` or ``channel``.
        label: Which one.
        month: The month.
        expected: About how many touches are missing: the mean of the months around.

    Examples:
        >>> MissingMonth("source_system", "crm", "2025-08", 110).sentence
        'No touches of the source system crm in 2025-08; months around it have about 110.'
    """

    dimension: str
    label: str
    month: str
    expected: int

    @property
    def name(self) -> str:
        """Which series and month, in a word."""
        return f"{self.dimension} {self.label} {self.month}"

    @property
    def sentence(self) -> str:
        """What is missing, in words."""
        what = self.dimension.replace("_", " ")
        return (
            f"No touches of the {what} {self.label} in {self.month}; months around it have about "
            f"{count(self.expected)}."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row."""
        names = ("dimension", "label", "month", "expected", "sentence")
        return ({name: getattr(self, name) for name in names},)


@dataclass(frozen=True, slots=True)
class DriftAlarm(DisplayMixin):
    """Something about the inputs is not as it was.

    Attributes:
        kind: ``lost``, ``added``, ``volume`` or ``mix``.
        dimension: ``source_system``, ``function`` or ``channel``.
        label: Which one; "" for the mix.
        was: Touches a quarter before (median); for the mix the distance that quarters usually have, from 0 to 1.
        now: Touches in the quarter; for the mix its distance from the earlier quarters together.

    Examples:
        >>> DriftAlarm("lost", "channel", "phone", 78, 0).sentence
        'The channel phone vanished: 78 touches a quarter before, none now.'
    """

    kind: Literal["lost", "added", "volume", "mix"]
    dimension: str
    label: str
    was: float
    now: float

    @property
    def sentence(self) -> str:
        """What changed, in words."""
        what = self.dimension.replace("_", " ")
        if self.kind == "mix":
            return (
                f"The mix by {what} shifted: {self.now:.0%} of touches are elsewhere than in the quarters before, "
                f"{self.was:.0%} is usual."
            ).replace("%", " %")
        was = "none" if not self.was else count(round(self.was))
        now = "none" if not self.now else count(round(self.now))
        verb = {"lost": "vanished", "added": "is new", "volume": "jumped"}[self.kind]
        return f"The {what} {self.label} {verb}: {was} touches a quarter before, {now} now."

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row."""
        names = ("kind", "dimension", "label", "was", "now", "sentence")
        return ({name: getattr(self, name) for name in names},)


def missing_months(volumes: Volumes) -> tuple[MissingMonth, ...]:
    """Return months without touches of a source system or function that had 30 or more a month around them.

    Around them are up to three months before and after: the mean of either side must be 30 or more, and none of them
    below a third of the mean. With a variance of twice the mean, luck empties such a month once in 3 million. A series
    that stops and starts more than twice has a rhythm of its own, in which nothing is missing.

    Examples:
        >>> from incrementality.capture.audit.volumes import Volumes
        >>> counts = {("source_system", "crm"): (35, 28, 31, 0, 36), ("function", "partner"): (1, 0, 2, 1, 1)}
        >>> [(gap.label, gap.month, gap.expected) for gap in missing_months(Volumes(12 * 2026, counts))]
        [('crm', '2026-04', 32)]
    """
    return tuple(
        MissingMonth(dimension, label, month_name(volumes.first + month), expected)
        for (dimension, label), counts in volumes.series.items()
        if dimension != "channel" and len(runs := list(_empty_runs(counts))) <= _MOST_RUNS
        for start, end in runs
        if (expected := _around(counts, start, end)) is not None
        for month in range(start, end)
    )


def _empty_runs(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    start: int | None = None
    for k, counted in enumerate(counts):
        if counted == 0 and start is None:
            start = k
        elif counted and start is not None:
            if start:
                yield start, k
            start = None


def _around(counts: Sequence[int], start: int, end: int) -> int | None:
    before = [one for one in counts[max(0, start - _NEIGHBOURS) : start] if one]
    after = [one for one in counts[end : end + _NEIGHBOURS] if one]
    if not before or min(fmean(before), fmean(after)) < _LEAST:
        return None
    usual = fmean(before + after)
    return round(usual) if min(before + after) >= usual / 3 else None


def find_drift(volumes: Volumes, quarter: str) -> tuple[DriftAlarm, ...]:
    """Return how a quarter's touches differ from those of earlier whole quarters, of which three or more are needed.

    A quarter that is not over is not judged.

    *Lost* and *added*: at most 5 % of what the other side has, which is 30 touches a quarter or more. *Volume*: twice
    or half as many as the median of the earlier quarters, and more than 6 away on the scale of 2 sqrt(count + 3/8)
    (Anscombe, 1948, https://doi.org/10.2307/2332343), in units of their median absolute deviation or sqrt(2), the
    larger. *Mix*: the share of touches that lie elsewhere than in the earlier quarters together is 15 % or more, and
    three times what it is for the median earlier quarter.

    Args:
        volumes: Monthly counts.
        quarter: The quarter, like ``2026Q1``.

    Examples:
        >>> from incrementality.capture.audit.volumes import Volumes
        >>> steady, gone = (30,) * 12, (25,) * 9 + (0,) * 3
        >>> volumes = Volumes(12 * 2025, {("channel", "email"): steady, ("channel", "phone"): gone})
        >>> [alarm.sentence for alarm in find_drift(volumes, "2025Q4")][0]
        'The channel phone vanished: 75 touches a quarter before, none now.'
    """
    now = quarter_index(quarter)
    if volumes.first + volumes.months < 3 * (now + 1):
        return ()
    tables = _by_dimension(volumes, now)
    found = [
        alarm
        for dimension, rows in tables.items()
        for label, row in rows.items()
        if len(row) > _PAST
        for alarm in _of_series(dimension, label, row[:-1], row[-1])
    ]
    mixes = [(dimension, list(rows.values())) for dimension, rows in tables.items()]
    return (*found, *(alarm for dimension, rows in mixes if len(rows[0]) > _PAST for alarm in _of_mix(dimension, rows)))


def _by_dimension(volumes: Volumes, now: int) -> dict[str, dict[str, list[int]]]:
    """Return the counts by quarter up to the audited one, which comes last, without stray rows from earlier times.

    The records begin with the first whole quarter that has a tenth of the second largest quarter's touches.
    """
    counts = {key: volumes.by_quarter(key) for key in volumes.series}
    tables: dict[str, dict[str, list[int]]] = {}
    for dimension in dict.fromkeys(dimension for dimension, _ in counts):
        rows = {label: counted for (name, label), counted in counts.items() if name == dimension}
        whole = range(-(-volumes.first // 3), now + 1)
        totals = [sum(counted.get(one, 0) for counted in rows.values()) for one in whole]
        least = sorted([0, 0, *totals])[-2] / 10
        began = next((one for one, total in zip(whole, totals, strict=True) if total and total >= least), now)
        tables[dimension] = {
            label: [counted.get(one, 0) for one in range(began, now + 1)] for label, counted in rows.items()
        }
    return tables


def _of_series(dimension: str, label: str, past: Sequence[int], now: int) -> Iterator[DriftAlarm]:
    usual = float(median(past))
    if usual >= _LEAST and now <= usual / 20:
        yield DriftAlarm("lost", dimension, label, usual, now)
    elif now >= _LEAST and max(past) <= now / 20:
        yield DriftAlarm("added", dimension, label, usual, now)
    elif _jumped(past, now, usual):
        yield DriftAlarm("volume", dimension, label, usual, now)


def _jumped(past: Sequence[int], now: int, usual: float) -> bool:
    if max(now, usual) < _LEAST or usual / _RATIO < now < usual * _RATIO:
        return False
    scaled = [_stable(one) for one in past]
    middle = float(median(scaled))
    spread = max(_OVERDISPERSED, _NORMAL_MAD * float(median(abs(one - middle) for one in scaled)))
    return abs(_stable(now) - middle) > _SCORE * spread


def _stable(counted: float) -> float:
    return 2 * math.sqrt(counted + 0.375)


def _of_mix(dimension: str, rows: Sequence[Sequence[int]]) -> Iterator[DriftAlarm]:
    quarters = [list(one) for one in zip(*rows, strict=True)]
    if min(map(sum, quarters)) < _LEAST:
        return
    past, now = quarters[:-1], quarters[-1]
    usual = float(median(_elsewhere(one, [other for other in past if other is not one]) for one in past))
    moved = _elsewhere(now, past)
    if moved >= max(_LEAST_MIX, _USUAL_MIX * usual):
        yield DriftAlarm("mix", dimension, "", usual, moved)


def _elsewhere(quarter: Sequence[int], others: Sequence[Sequence[int]]) -> float:
    """Return the share of a quarter's touches that lie elsewhere than in the others together: half the L1 distance."""
    pooled = [sum(one) for one in zip(*others, strict=True)]
    total, whole = sum(quarter), sum(pooled)
    apart = [abs(a / total - b / whole) for a, b in zip(quarter, pooled, strict=True)]
    return math.fsum(apart) / 2
