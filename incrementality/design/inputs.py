"""The small records of a request: the metric today, what else runs, what may leak, what must not rise, what follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from incrementality.errors import InputError

__all__ = [
    "ContaminationRoute",
    "Guardrail",
    "LiveExperiment",
    "LookUp",
    "MetricBaseline",
    "ReleasePlan",
    "require",
]

_STRICT = ConfigDict(extra="forbid")


def require(ok: bool, what: str, value: object, allowed: str, hint: str) -> None:  # noqa: FBT001 - one check a line
    """Refuse a value that is not allowed.

    Args:
        ok: Whether it is.
        what: What it is.
        value: The value.
        allowed: What would be.
        hint: The next step.

    Raises:
        InputError: It is not.
    """
    if not ok:
        raise InputError(f"{what} is {value!r}; allowed: {allowed}", hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBaseline:
    """The primary metric without treatment.

    Attributes:
        mean: Share (conversion), mean or ratio, above 0, in the metric's unit.
        sd: Standard deviation of a unit's value (ratio: of its linearised value); not needed for conversions.
        payer_share: Share of units with a value other than zero; ``None`` where it is not known.
        skewness: Skewness of the units' values (of clusters' totals); ``None`` where it is not known.
        kurtosis: Excess kurtosis of clusters' totals; ``None`` where it is not known.
        design_effect: By how much clusters raise the variance; 1 where units are randomised.
        units_per_cluster: Units for each randomised cluster, such as contacts for each account.
        df_per_cluster: Degrees of freedom that each cluster adds to its arm; below 1 where sizes are unequal.
        df_lost: What is taken from them once for each arm.
        effective_share: How many equal clusters one of them is worth, up to 1.
        n: Units in the history; ``None`` where the numbers were stated.
        source: Where the numbers come from.
        fingerprint: SHA-256 of the history, where there is one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    mean: float
    sd: float | None = None
    payer_share: float | None = None
    skewness: float | None = None
    kurtosis: float | None = None
    design_effect: float = 1.0
    units_per_cluster: float = 1.0
    df_per_cluster: float = 1.0
    df_lost: float = 1.0
    effective_share: float = 1.0
    n: int | None = None
    source: str = "stated in the request"
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        require(0 < self.mean < math.inf, "the baseline's mean", self.mean, "above 0", "effects are relative to it")
        if self.sd is not None:
            require(0 < self.sd < math.inf, "the baseline's sd", self.sd, "above 0", "take it from the history")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveExperiment:
    """Another experiment that runs at the same time.

    Attributes:
        id: Its id.
        layer: Its layer; two experiments in one layer never share a unit.
        traffic: Share of the layer's units that it takes, above 0 to 1.
        audience_overlap: Share of this request's audience that is also eligible there, 0 to 1.
        withholds: Journeys or functions that it switches off.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    layer: str = ""
    traffic: float = 1.0
    audience_overlap: float = 1.0
    withholds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(0 < self.traffic <= 1, f"traffic of {self.id}", self.traffic, "above 0 to 1", "0.5 is half")
        require(
            0 <= self.audience_overlap <= 1, f"overlap with {self.id}", self.audience_overlap, "0 to 1", "0.5 is half"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContaminationRoute:
    """A way by which held-out units may still get the treatment, or treated units miss it.

    Attributes:
        route: In words, e.g. "account managers forward the offer".
        share: Expected share of the arm that takes this route, 0 to below 1.
        arm: Whether the control gets it or the treatment misses it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    route: str
    share: float
    arm: Literal["control gets it", "treatment misses it"] = "control gets it"

    def __post_init__(self) -> None:
        require(0 <= self.share < 1, f"share of route {self.route!r}", self.share, "0 to below 1", "0.02 is 2 %")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A negative signal that must not rise: unsubscribes, complaints, opt-outs, bounces, support load.

    Attributes:
        name: Its name.
        rate: Share of units with it today, above 0 and below 1.
        largest_rise: Largest rise that is still acceptable, relative to the rate.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    rate: float
    largest_rise: float

    def __post_init__(self) -> None:
        require(0 < self.rate < 1, f"the rate of {self.name}", self.rate, "above 0, below 1", "0.002 is 0.2 %")
        require(self.largest_rise > 0, f"largest rise of {self.name}", self.largest_rise, "above 0", "0.25 is 25 %")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Numbers that were looked up in a history instead of stated.

    Attributes:
        what: Which: "baseline", or "baseline, population, arrivals_per_week".
        source: Where the history lies, as the request writes it.
        query: Its columns and how far to look back, as the request writes them.
        sentence: What was found, in words.
        sha256: Of the file, where the history is one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    what: str
    source: str
    query: str
    sentence: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What becomes of the units held out, once it is over.

    Attributes:
        when: When they are held out no longer.
        how: "send" what they missed, a "catch-up" of its own, or "nothing": from then on as everybody.
        note: Anything whoever does it should know.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    when: Literal["at the end", "after the answer", "never"]
    how: Literal["send", "catch-up", "nothing"] = "nothing"
    note: str = ""

    @property
    def sentence(self) -> str:
        """The plan in words.

        Examples:
            >>> ReleasePlan(when="after the answer", how="catch-up").sentence
            'After the answer, with a catch-up of their own.'
        """
        if self.when == "never":
            said = "Never: they stay held out."
        else:
            how = {
                "send": "they get what they missed",
                "catch-up": "with a catch-up of their own",
                "nothing": "they are treated as everybody from then on",
            }[self.how]
            said = f"{self.when.capitalize()}, {how}."
        return f"{said} {self.note}".rstrip()
