"""What is asked for: the metric and its history in numbers, who is there, what matters, what stands in the way."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date  # noqa: TC003 - read at run time when a record comes back from JSON
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict

from incrementality.design.inputs import (
    ContaminationRoute,
    Guardrail,
    LiveExperiment,
    LookUp,
    MetricBaseline,
    ReleasePlan,
    require,
)
from incrementality.design.monitoring import Monitoring  # noqa: TC001 - read at run time, as the others are
from incrementality.design.record import from_plain, to_plain
from incrementality.metrics import Direction, MetricKind  # noqa: TC001 - the same
from incrementality.stats import EffectPrior  # noqa: TC001 - read at run time when a record comes back from JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DesignRequest", "Scope"]

Scope = Literal["journey", "step", "function", "trigger", "global"]

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_STRICT = ConfigDict(extra="forbid")
_LARGEST_SHARE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignRequest:
    """A request for a holdout, before anybody is assigned.

    Attributes:
        id: Id of the experiment; the folder's name and the salt.
        question: What is to be learnt.
        metric: Name of the primary metric.
        kind: Kind of that metric.
        baseline: The metric without treatment.
        population: Units that are eligible now.
        smallest_effect: Smallest effect that matters for the decision, relative to the baseline: 0.10 is 10 %.
        holdout_share: Share to hold back; ``"auto"`` takes the smallest share that reaches the power.
        arrivals_per_week: Units that become eligible each week.
        unit: What is randomised and counted: contact, account.
        unit_of_value: Unit of the metric's values, e.g. EUR.
        currency: Currency of the money below.
        owner: Who decides on the answer.
        scope: What is withheld: a journey, a step, a function inside a journey, a trigger, or everything.
        withholds: Names of the journeys or functions withheld.
        treatment_arms: Arms besides the control.
        alpha: Two-sided error rate of the experiment.
        power: Wanted probability of seeing the smallest effect that matters.
        direction: Whether more of the metric is better.
        starts: First day of assignment.
        answer_by: Day by which the answer is needed.
        longest_weeks: Most weeks of enrolment where no ``answer_by`` says so.
        window_days: Days after entry in which the metric is counted.
        maturity_lag_days: Days after the window until the data is complete.
        looks: Looks at the result, the last one included.
        r_squared: Share of the variance that covariates from before the start explain.
        revenue_per_unit: Money for each unit of the metric, e.g. for each conversion; 1 for revenue.
        at_risk_limit: Most revenue that may be put at risk.
        unit_cost: Cost of treating one unit.
        decision_units: Units that the decision applies to afterwards; default: a year's arrivals, or the population.
        prior: What is believed about the relative effect, from past tests.
        layer: This experiment's layer.
        traffic: Share of the layer that it takes.
        global_holdout: Share of units in the always-on global holdout, who cannot take part.
        live: Experiments that run at the same time.
        contamination: Routes by which the arms may mix.
        guardrails: Negative signals watched.
        approvals: Roles that have to sign.
        release: What becomes of those held out; ``None`` where the request does not say.
        looked_up: Where the numbers were looked up; ``None`` where they were stated.
        monitoring: How it is watched; ``None`` where ``looks`` says so.
        cap: The cap of a winsorised metric, stated or looked up in the history; ``None`` for others.
        alpha_split: How several primary comparisons share ``alpha`` where that is not Holm's way; ``None`` is Holm's.

    Raises:
        InputError: A value is outside its range, or two values contradict each other.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    question: str
    metric: str
    kind: MetricKind
    baseline: MetricBaseline
    population: int
    smallest_effect: float
    holdout_share: float | Literal["auto"] = "auto"
    arrivals_per_week: float = 0.0
    unit: str = "contact"
    unit_of_value: str = ""
    currency: str = ""
    owner: str = ""
    scope: Scope = "journey"
    withholds: tuple[str, ...] = ()
    treatment_arms: int = 1
    alpha: float = 0.05
    power: float = 0.8
    direction: Direction = "increase"
    starts: date | None = None
    answer_by: date | None = None
    longest_weeks: int = 26
    window_days: int = 28
    maturity_lag_days: int = 0
    looks: int = 1
    r_squared: float = 0.0
    revenue_per_unit: float | None = None
    at_risk_limit: float | None = None
    unit_cost: float = 0.0
    decision_units: int | None = None
    prior: EffectPrior | None = None
    layer: str = ""
    traffic: float = 1.0
    global_holdout: float = 0.0
    live: tuple[LiveExperiment, ...] = ()
    contamination: tuple[ContaminationRoute, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    approvals: tuple[str, ...] = ("owner", "analyst")
    release: ReleasePlan | None = None
    looked_up: LookUp | None = None
    monitoring: Monitoring | None = None
    cap: float | None = None
    alpha_split: Literal["hochberg"] | None = None

    def __post_init__(self) -> None:
        _check_names(self)
        _check_units(self)
        _check_rates(self)
        _check_time(self)
        _check_money(self)

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain JSON values."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> DesignRequest:
        """Return the request of plain values, such as a form or a file gives.

        Raises:
            InputError: A field is missing, unknown, of another type, or outside its range.
        """
        return from_plain(cls, content, what="request")

    @property
    def money_per_unit(self) -> float | None:
        """Money for each unit of the metric; revenue counts as itself."""
        if self.revenue_per_unit is None and self.kind == "revenue":
            return 1.0
        return self.revenue_per_unit


def _check_names(r: DesignRequest) -> None:
    require(bool(_ID.fullmatch(r.id)), "id", r.id, "a-z, 0-9, '.', '_', '-', up to 63", "name it like winback-2026q1")
    require(bool(r.question.strip()), "question", r.question, "some words", "say what is to be learnt")
    require(bool(r.metric.strip()), "metric", r.metric, "a name", "name the primary metric")
    repeated = len({e.id for e in r.live}) < len(r.live) or r.id in {e.id for e in r.live}
    require(not repeated, "live", [e.id for e in r.live], "each other experiment once", "remove what is repeated")


def _check_units(r: DesignRequest) -> None:
    require(r.population >= 0, "population", r.population, "0 or more", "count the eligible units")
    require(0 <= r.arrivals_per_week < math.inf, "arrivals_per_week", r.arrivals_per_week, "0 or more", "count a week")
    require(r.population + r.arrivals_per_week > 0, "population", r.population, "above 0", "without units, no test")
    require(r.treatment_arms >= 1, "treatment_arms", r.treatment_arms, "1 or more", "do not count the control")
    fine = "a share, a mean, a ratio, revenue or a time"
    require(r.kind != "quantile", "kind", r.kind, fine, "plan on the mean, or on the share of units above a value")
    if r.kind == "conversion":
        require(r.baseline.mean < 1, "the conversion rate", r.baseline.mean, "below 1", "0.05 is 5 %")
    else:
        require(r.baseline.sd is not None, "baseline.sd", None, "above 0", f"a {r.kind} metric needs it")


def _check_rates(r: DesignRequest) -> None:
    require(0 < r.smallest_effect < math.inf, "smallest_effect", r.smallest_effect, "above 0", "0.1 is 10 %")
    possible = r.kind != "conversion" or r.direction == "decrease" or r.baseline.mean * (1 + r.smallest_effect) <= 1
    require(possible, "smallest_effect", r.smallest_effect, "a share of at most 1", "give a smaller effect")
    possible = r.kind != "conversion" or r.direction == "increase" or r.smallest_effect <= 1
    require(possible, "smallest_effect", r.smallest_effect, "at most 1 for a decrease", "give a smaller effect")
    share_ok = r.holdout_share == "auto" or 0 < float(r.holdout_share) <= _LARGEST_SHARE
    require(share_ok, "holdout_share", r.holdout_share, "'auto', or above 0 to 0.95", "0.1 holds back 10 %")
    require(0 < r.alpha < r.power < 1, "alpha and power", (r.alpha, r.power), "0 < alpha < power < 1", "0.05 and 0.8")
    require(0 <= r.r_squared < 1, "r_squared", r.r_squared, "0 to below 1", "measure it on earlier data")
    require(0 < r.traffic <= 1, "traffic", r.traffic, "above 0 to 1", "1 takes the whole layer")
    require(0 <= r.global_holdout < 1, "global_holdout", r.global_holdout, "0 to below 1", "0.05 is 5 %")
    mixed = sum(route.share for route in r.contamination)
    require(mixed < 1, "contamination", mixed, "routes that add up to less than 1", "nothing would be compared")


def _check_time(r: DesignRequest) -> None:
    require(r.window_days >= 1, "window_days", r.window_days, "1 or more", "28 is usual")
    require(r.maturity_lag_days >= 0, "maturity_lag_days", r.maturity_lag_days, "0 or more", "count invoicing delay")
    require(r.longest_weeks >= 0, "longest_weeks", r.longest_weeks, "0 or more", "26 is half a year")
    require(1 <= r.looks <= 100, "looks", r.looks, "1 to 100", "1 is a single look")  # noqa: PLR2004 - limit of stats
    require(r.monitoring is None or r.looks == 1, "looks", r.looks, "1 beside monitoring", "write them in monitoring")
    require(r.answer_by is None or r.starts is not None, "starts", None, "a day, with answer_by", "say when it starts")
    backwards = r.starts is not None and r.answer_by is not None and r.answer_by <= r.starts
    require(not backwards, "answer_by", str(r.answer_by), f"after starts ({r.starts})", "move one of the two dates")


def _check_money(r: DesignRequest) -> None:
    for name, value in (("revenue_per_unit", r.revenue_per_unit), ("at_risk_limit", r.at_risk_limit)):
        require(value is None or 0 < value < math.inf, name, value, "above 0, or nothing", "leave it out if unknown")
    require(0 <= r.unit_cost < math.inf, "unit_cost", r.unit_cost, "0 or more", "cost of treating one unit")
    known = r.at_risk_limit is None or r.money_per_unit is not None
    require(known, "at_risk_limit", r.at_risk_limit, "with revenue_per_unit", "say what one unit of the metric earns")
