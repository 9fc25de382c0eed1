"""What a look at a running experiment found: numbers by comparison, kept so that later looks know what was spent."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["CumulativeEffect", "LookReading", "LookResult", "StagedAnswer", "TakenLook", "reading_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookResult:
    """One primary comparison at one look.

    Attributes:
        metric: The metric.
        arm: The treatment arm.
        effect: Treatment minus control, in the metric's unit.
        standard_error: Its standard error.
        z: The test's p-value as a standard normal deviate, with the effect's sign.
        crossed: Whether the bound of the look was reached.
        pvalue: Always-valid p-value of a confidence sequence; ``None`` at planned looks.
    """

    metric: str
    arm: str
    effect: float
    standard_error: float
    z: float
    crossed: bool
    pvalue: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenLook:
    """One look that was taken, as ``looks.json`` keeps it.

    Attributes:
        on: The day of the data cut, ISO.
        number: Which of the registered looks it was.
        of: How many are registered.
        information: Units that counted as a share of those planned.
        critical: What ``|z|`` had to reach.
        spent: Error rate spent up to this look.
        results: Each primary comparison.
        units: Units that counted, all arms together; ``None`` in records that did not keep them.
    """

    on: str
    number: int
    of: int
    information: float
    critical: float
    spent: float
    results: tuple[LookResult, ...] = ()
    units: int | None = None

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TakenLook:
        """Return the look of plain values."""
        return cls(**{**content, "results": tuple(LookResult(**row) for row in content["results"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedAnswer:
    """What a stopped test says of one comparison, with the looks allowed for (stagewise ordering).

    Attributes:
        metric: The metric.
        arm: The treatment arm.
        look: The look that ended the test.
        crossed: Whether it ended by its bound.
        effect: Median-unbiased estimate, in the metric's unit.
        raw_effect: The plain estimate at that look, too large on average where the test stopped early.
        lower: Lower end of the interval at the level of the whole test; ``None`` without one.
        upper: Upper end.
        pvalue: Stagewise p-value.
    """

    metric: str
    arm: str
    look: int
    crossed: bool
    effect: float
    raw_effect: float
    lower: float | None
    upper: float | None
    pvalue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CumulativeEffect:
    """The effect of one arm on one metric in all units that count by a date, unadjusted.

    Attributes:
        metric: The metric.
        arm: The treatment arm.
        on: The date, ISO.
        n_control: Units of the control by then.
        n_treatment: Units of the arm by then.
        effect: Treatment minus control, in the metric's unit.
        standard_error: Its standard error.
        lower: Lower end of the interval that holds on all dates together; ``None`` without one.
        upper: Upper end.
        pvalue: Always-valid p-value of a sequence, or the p-value at a look; ``None`` on other dates.
        critical: What ``|z|`` has to reach on that date; ``None`` where it is no look.
        look: The number of the registered look; ``None`` on other dates.
        kind: Kind of the metric.
        unit: Unit of its values.
    """

    metric: str
    arm: str
    on: str
    n_control: int
    n_treatment: int
    effect: float
    standard_error: float
    lower: float | None = None
    upper: float | None = None
    pvalue: float | None = None
    critical: float | None = None
    look: int | None = None
    kind: str = "mean"
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookReading:
    """The look that a readout is.

    Attributes:
        kind: ``group sequential`` or ``confidence sequence``.
        rule: The rule in words.
        on: The day of the data cut, ISO.
        number: Which of the registered looks it is; ``None`` for a confidence sequence.
        of: How many are registered; ``None`` for a confidence sequence.
        information: Units that count as a share of those planned.
        critical: What ``|z|`` has to reach.
        spent: Error rate spent up to now; ``None`` for a confidence sequence.
        alpha: Error rate over all looks, of each primary comparison.
        sides: 2 for effects either way, 1 where only the metric's good direction is tested.
        earlier: The looks taken before.
        results: Each primary comparison now.
        answers: What the test says where it has ended.
        sentence: The look in words.
        units: Units that count, all arms together; ``None`` where only their share of the plan is known.
    """

    kind: Literal["group sequential", "confidence sequence"]
    rule: str
    on: str
    number: int | None
    of: int | None
    information: float
    critical: float
    spent: float | None
    alpha: float
    sides: Literal[1, 2]
    earlier: tuple[TakenLook, ...] = ()
    results: tuple[LookResult, ...] = ()
    answers: tuple[StagedAnswer, ...] = ()
    sentence: str = ""
    units: int | None = None

    @property
    def nominal_alpha(self) -> float:
        """The two-sided error rate of an interval that reaches as far as the bound does."""
        return math.erfc(self.critical / math.sqrt(2))

    def taken(self) -> TakenLook | None:
        """Return the look as it is kept; ``None`` for a confidence sequence, which spends nothing."""
        if self.number is None or self.of is None or self.spent is None:
            return None
        return TakenLook(
            on=self.on,
            number=self.number,
            of=self.of,
            information=self.information,
            critical=self.critical,
            spent=self.spent,
            results=self.results,
            units=self.units,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return asdict(self)


def reading_from(content: dict[str, Any] | None) -> LookReading | None:
    """Return the reading of plain values; ``None`` for none."""
    if content is None:
        return None
    return LookReading(
        **{
            **content,
            "earlier": tuple(TakenLook.from_dict(row) for row in content["earlier"]),
            "results": tuple(LookResult(**row) for row in content["results"]),
            "answers": tuple(StagedAnswer(**row) for row in content["answers"]),
        }
    )
