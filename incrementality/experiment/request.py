"""The part of the experiment file that a lifecycle manager fills in to ask for a holdout; defaults are safe."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads the annotation at run time
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from incrementality.experiment.entry import (
    FixedCohort,
    Nesting,
    RampPhase,
    ramp_complaints,
)
from incrementality.experiment.monitoring import Monitoring  # noqa: TC001 - pydantic reads the annotation at run time
from incrementality.experiment.parts import refuse

__all__ = ["Baseline", "Contamination", "HoldoutRequest", "Release"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    added_later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Keys as the file writes them; what a request does not use leaves its hash as it was."""
        content: dict[str, object] = handler(self)
        fields = type(self).model_fields
        unused = {name for name in self.added_later if getattr(self, name) == fields[name].default}
        kept = {name: value for name, value in content.items() if name not in unused}
        return {(fields[name].alias or name) if name in fields else name: value for name, value in kept.items()}


_QUERY = ("history", "table", "unit", "t0", "column", "numerator", "denominator", "cluster", "until")


class Baseline(_Record):
    """The primary metric of units like these, without the treatment: stated, or looked up in a history.

    Examples:
        >>> Baseline(mean=0.05).looked_up
        False
        >>> Baseline.model_validate({"from": "history.csv", "unit": "contact_id", "t0": "entered"}).looked_up
        True
    """

    added_later: ClassVar[frozenset[str]] = frozenset({*_QUERY, "weeks"})

    mean: Annotated[float | None, Field(gt=0, description="Its mean or rate today, e.g. 0.05 for 5 % conversion.")] = (
        None
    )
    sd: Annotated[float | None, Field(gt=0, description="Its standard deviation; not needed for conversions.")] = None
    source: Annotated[str, Field(description="Where the numbers come from.")] = "stated in the request"
    history: Annotated[
        str | None,
        Field(
            alias="from",
            min_length=1,
            description="A file or a warehouse to look the numbers up in instead, as data.source writes it.",
        ),
    ] = None
    table: Annotated[
        str | None, Field(min_length=1, description="The history's table, where it lies in a database.")
    ] = None
    unit: Annotated[str | None, Field(min_length=1, description="The history's column with the unit's id.")] = None
    t0: Annotated[
        str | None, Field(min_length=1, description="The history's column with the moment a unit became eligible.")
    ] = None
    column: Annotated[
        str | None, Field(min_length=1, description="The outcome's column there; default: as the metric names it.")
    ] = None
    numerator: Annotated[str | None, Field(min_length=1, description="The same for a ratio: the column on top.")] = None
    denominator: Annotated[str | None, Field(min_length=1, description="The same for a ratio: the column below.")] = (
        None
    )
    cluster: Annotated[
        str | None, Field(min_length=1, description="The column of the group that is randomised, e.g. the account.")
    ] = None
    weeks: Annotated[int, Field(ge=1, le=520, description="How many weeks to look back from the history's end.")] = 26
    until: Annotated[
        date | None, Field(description="The day before which outcomes are complete; default: the last t0.")
    ] = None

    @property
    def looked_up(self) -> bool:
        """Whether the numbers come from a history."""
        return self.mean is None

    @model_validator(mode="after")
    def _stated_or_looked_up(self) -> Self:
        located = self.history is not None or self.table is not None
        if located == (self.mean is not None):
            raise ValueError("give either 'mean', or where to look it up: 'from' or 'table'")
        if located and self.unit is None:
            raise ValueError("a baseline from a history needs the key 'unit', the column with the unit's id")
        if located and self.sd is not None:
            raise ValueError("'sd' is looked up in the history too; leave it out")
        stray = [name for name in _QUERY if getattr(self, name) is not None]
        if not located and stray:
            raise ValueError(f"{', '.join(map(repr, stray))} belong to a history, and 'mean' is stated; keep one")
        return self


class Release(_Record):
    """What becomes of the units held out, once it is over."""

    when: Annotated[
        Literal["at the end", "after the answer", "never"], Field(description="When they are held out no longer.")
    ]
    how: Annotated[
        Literal["send", "catch-up", "nothing"],
        Field(description="send: what they missed; catch-up: a version of its own; nothing: from then on as all."),
    ] = "nothing"
    note: Annotated[str, Field(description="Anything whoever does it should know.")] = ""


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

    added_later: ClassVar[frozenset[str]] = frozenset(
        {"purpose", "release", "ramp", "within", "cohort", "overrides", "washout", "monitoring", "cost_metric"}
    )

    decision: Annotated[str, Field(min_length=1, description="The decision that the answer will change.")]
    purpose: Annotated[
        str, Field(description="What the messages are for, e.g. win-back; contracts, bills, security reach everyone.")
    ] = ""
    scope: Annotated[
        Literal["journey", "step", "function", "trigger", "global"], Field(description="What is withheld.")
    ] = "journey"
    why_this_unit: Annotated[str, Field(description="Why contacts, or why whole accounts, are randomised.")] = ""
    eligibility: Annotated[
        str | None, Field(pattern=r"^[\w.-]+\.ya?ml$", description="The rule's file, in the experiment's own folder.")
    ] = None
    population: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=0)],
        Field(description="Units that are eligible now; auto: counted in the baseline's history."),
    ] = 0
    arrivals_per_week: Annotated[
        Literal["auto"] | Annotated[float, Field(ge=0)],
        Field(description="Units that become eligible each week; auto: counted in the baseline's history."),
    ] = 0.0
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
    cost_metric: Annotated[
        str | None,
        Field(min_length=1, description="The metric that is a cost of treating a unit too, e.g. the discount given."),
    ] = None
    answer_by: Annotated[date | None, Field(description="Day by which the answer is needed.")] = None
    longest_weeks: Annotated[int, Field(ge=0, description="Most weeks of enrolment without an answer_by.")] = 26
    maturity_lag_days: Annotated[int, Field(ge=0, description="Days after the window until data is complete.")] = 0
    looks: Annotated[int, Field(ge=1, le=100, description="Looks at the result, the last one included.")] = 1
    monitoring: Annotated[
        Monitoring | None,
        Field(description="How it is watched: once, at planned looks, or on any day; default: as 'looks' says."),
    ] = None
    layer: Annotated[str, Field(description="The layer; two experiments in one layer never share a unit.")] = ""
    traffic: Annotated[float, Field(gt=0, le=1, description="Share of the layer's units that it takes.")] = 1.0
    must_not_overlap: Annotated[
        tuple[str, ...], Field(description="Experiments that may not share a unit with this one.")
    ] = ()
    contamination: Annotated[tuple[Contamination, ...], Field(description="Routes by which the arms may mix.")] = ()
    approvals: Annotated[tuple[str, ...], Field(description="Roles that have to sign.")] = ("owner", "analyst")
    release: Annotated[Release | None, Field(description="What becomes of those held out, once it is over.")] = None
    ramp: Annotated[
        tuple[RampPhase, ...], Field(description="Phases by which more units enter, a list; default: one phase.")
    ] = ()
    within: Annotated[
        Nesting | None, Field(description="The experiment and the arms from which units come: a nested experiment.")
    ] = None
    cohort: Annotated[
        FixedCohort | None, Field(description="All units are drawn at once, with exact counts; default: one by one.")
    ] = None
    overrides: Annotated[
        str | None,
        Field(
            pattern=r"^[\w.-]+\.csv$",
            description="A CSV in the experiment's own folder, kept out of git, with the columns unit, arm (empty: "
            "stays out), reason: units that are put where they are by hand.",
        ),
    ] = None
    washout: Annotated[
        Literal["refuse", "flag"],
        Field(description="Assignment while a rotated global holdout washes out: refuse it, or do it and say so."),
    ] = "refuse"

    @model_validator(mode="after")
    def _counted_somewhere(self) -> Self:
        auto = [name for name in ("population", "arrivals_per_week") if getattr(self, name) == "auto"]
        if auto and (self.baseline is None or not self.baseline.looked_up):
            raise ValueError(f"{auto[0]}: auto needs a history to count in; write baseline: {{from: ..., unit: ...}}")
        if "arrivals_per_week" in auto and self.baseline is not None and self.baseline.t0 is None:
            raise ValueError("arrivals_per_week: auto needs the key 't0' in the baseline's history")
        return self

    @model_validator(mode="after")
    def _watched_in_one_way(self) -> Self:
        if self.monitoring is not None and self.looks > 1:
            raise ValueError("looks: 'monitoring' says how it is watched; write looks inside it, and only there")
        return self

    @model_validator(mode="after")
    def _entry_fits_together(self) -> Self:
        complaints = ramp_complaints(self.ramp)
        if self.ramp and not self.layer and self.traffic != 1:
            complaints.append("traffic: the ramp says how many enter; leave traffic out, or name a layer")
        if self.ramp and self.cohort is not None:
            complaints.append("ramp: a fixed cohort is drawn at once; leave ramp or cohort out")
        parts = [name for name in ("layer", "ramp", "within", "cohort", "overrides") if getattr(self, name)]
        if self.scope == "global" and (parts or self.traffic != 1):
            complaints.append(f"{(*parts, 'traffic')[0]}: the global holdout draws all units at once; leave this out")
        refuse(complaints)
        return self
