"""The part of the experiment file that a lifecycle manager fills in to ask for a holdout; defaults are safe."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads the annotation at run time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Baseline", "Contamination", "HoldoutRequest"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Baseline(_Record):
    """The primary metric of units like these, without the treatment."""

    mean: Annotated[float, Field(gt=0, description="Its mean or rate today, e.g. 0.05 for 5 % conversion.")]
    sd: Annotated[float | None, Field(gt=0, description="Its standard deviation; not needed for conversions.")] = None
    source: Annotated[str, Field(description="Where the numbers come from.")] = "stated in the request"


class Contamination(_Record):
    """A way by which held-out units may still get the treatment, or treated units miss it."""

    route: Annotated[str, Field(min_length=1, description="In words, e.g. account managers forward the offer.")]
    share: Annotated[float, Field(ge=0, lt=1, description="Expected share of the arm that takes this route.")]
    arm: Annotated[
        Literal["control gets it", "treatment misses it"], Field(description="Which arm is mixed by it.")
    ] = "control gets it"


class HoldoutRequest(_Record):
    """A request for a holdout: what the answer decides, who is there, what may be risked, and until when.

    Examples:
        >>> request = HoldoutRequest(decision="Scale the journey to all countries, or stop it.", population=40000)
        >>> request.holdout_share, request.power
        ('auto', 0.8)
    """

    decision: Annotated[str, Field(min_length=1, description="The decision that the answer will change.")]
    scope: Annotated[
        Literal["journey", "step", "function", "trigger", "global"], Field(description="What is withheld.")
    ] = "journey"
    why_this_unit: Annotated[str, Field(description="Why contacts, or why whole accounts, are randomised.")] = ""
    eligibility: Annotated[
        str | None, Field(pattern=r"^[\w.-]+\.ya?ml$", description="The rule's file, in the experiment's own folder.")
    ] = None
    population: Annotated[int, Field(ge=0, description="Units that are eligible now.")] = 0
    arrivals_per_week: Annotated[float, Field(ge=0, description="Units that become eligible each week.")] = 0.0
    baseline: Annotated[Baseline | None, Field(description="The primary metric without treatment.")] = None
    holdout_share: Annotated[
        Literal["auto"] | float, Field(description="Share to hold back, e.g. 0.1; auto: the smallest that is enough.")
    ] = "auto"
    power: Annotated[float, Field(gt=0, lt=1, description="Wanted probability of seeing the smallest effect.")] = 0.8
    revenue_per_unit: Annotated[
        float | None, Field(gt=0, description="Money for each unit of the metric, e.g. for each conversion.")
    ] = None
    at_risk_limit: Annotated[float | None, Field(gt=0, description="Most revenue that may be put at risk.")] = None
    currency: Annotated[str, Field(max_length=3, description="Currency of the money.")] = ""
    unit_cost: Annotated[float, Field(ge=0, description="Cost of treating one unit.")] = 0.0
    answer_by: Annotated[date | None, Field(description="Day by which the answer is needed.")] = None
    longest_weeks: Annotated[int, Field(ge=0, description="Most weeks of enrolment without an answer_by.")] = 26
    maturity_lag_days: Annotated[int, Field(ge=0, description="Days after the window until data is complete.")] = 0
    looks: Annotated[int, Field(ge=1, le=100, description="Looks at the result, the last one included.")] = 1
    layer: Annotated[str, Field(description="The layer; two experiments in one layer never share a unit.")] = ""
    traffic: Annotated[float, Field(gt=0, le=1, description="Share of the layer's units that it takes.")] = 1.0
    must_not_overlap: Annotated[
        tuple[str, ...], Field(description="Experiments that may not share a unit with this one.")
    ] = ()
    contamination: Annotated[tuple[Contamination, ...], Field(description="Routes by which the arms may mix.")] = ()
    approvals: Annotated[tuple[str, ...], Field(description="Roles that have to sign.")] = ("owner", "analyst")
