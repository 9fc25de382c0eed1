"""The record of one readout: grade and verdict, checks, estimates, segments, rows, specification, manifest."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from incrementality.display import DisplayMixin
from incrementality.estimates import CheckResult, LiftEstimate
from incrementality.lift.answers import GuardrailAnswer, Interaction, NoveltyPoint, SegmentEffect
from incrementality.lift.cost_records import CostAnswer
from incrementality.lift.evidence import Evidence
from incrementality.lift.look_records import CumulativeEffect, LookReading, reading_from

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SCHEMA_VERSION",
    "ArmMean",
    "ArmSummary",
    "Grade",
    "LogRankTest",
    "Readout",
    "RowCount",
    "SegmentTest",
    "SurvivalLine",
]

Grade = Literal["trust", "caution", "do not use"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """One arm's units: planned and observed share; ``clusters`` where whole groups were randomised."""

    name: str
    control: bool
    n: int
    share_planned: float
    share_observed: float
    clusters: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmMean:
    """One metric in one arm, unadjusted: mean (share, ratio) with its interval.

    ``events`` counts converted units for conversions and paying units for revenue, ``None`` elsewhere.
    """

    metric: str
    arm: str
    n: int
    mean: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    events: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTest:
    """Whether the effect of one arm on one metric differs between the values of a segment (Cochran's Q)."""

    segment: str
    metric: str
    arm: str
    q: float
    df: int
    pvalue: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRankTest:
    """Whether an arm's hazard differs from the control's up to the horizon: beside a time, never its headline."""

    metric: str
    arm: str
    control: str
    statistic: float
    df: int
    pvalue: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalLine:
    """The share of an arm without the event by ``days`` since the decision (Kaplan-Meier).

    ``at_risk`` counts units still watched and without event at the start, at one third, at two thirds and at the end.
    """

    metric: str
    arm: str
    days: tuple[float, ...]
    shares: tuple[float, ...]
    at_risk: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """Rows that came in, rows kept, and rows refused by reason."""

    read: int
    kept: int
    refused: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout(DisplayMixin):
    """What an experiment answers.

    Attributes:
        experiment_id: Id of the experiment.
        experiment_hash: Hash of the request that was read out.
        question: The question it answers.
        owner: Who decides.
        unit: What one row stands for.
        alpha: Error rate of the intervals.
        grade: ``trust``, ``caution`` or ``do not use``.
        grade_reason: Why, in words.
        grade_rules: The rule table by which it was graded: (grade, condition).
        verdict: The answer in a sentence or two; never says "lift" where a check failed.
        verdict_lines: One sentence for each primary comparison.
        arms: The arms, control first.
        means: Every metric in every arm.
        estimates: Every comparison, unadjusted and adjusted.
        segments: Comparisons within declared segments.
        segment_tests: Whether effects differ between segments.
        checks: Every check.
        rows: Row counts.
        specification: The measurement specification: (term, text).
        withholds: What the control did not get.
        compliers: Primary effects on units that were delivered because of their arm; never the headline.
        complier_notes: A sentence for each of those that cannot be stated.
        diluted: Primary effects on the eligible, spread over all assigned units.
        guardrails: What each guardrail with a margin says of each arm.
        costs: What the effects cost, where the request states a cost.
        log_ranks: Log-rank tests of times to an event, beside their estimates.
        survival: The arms' curves of times to an event, control first.
        look: The look that this is, where the registered design has several; ``None`` for a test that is read once.
        cumulative: Primary effects by date, where this is such a look and ``t0`` is mapped.
        shrunken: Effects within segments, pulled towards those in the other values of the segment.
        concurrent: Comparisons within the arms of other experiments on the same units.
        interactions: By how much effects differ between those arms.
        novelty: Primary effects by days since entry, where outcomes are read from events.
        evidence: What it leaves for pooling and calibration; ``None`` in files of earlier versions.
        manifest: Package version, input hashes, engine; all that may differ between equal answers.
    """

    experiment_id: str
    experiment_hash: str
    question: str
    owner: str
    unit: str
    alpha: float
    grade: Grade
    grade_reason: str
    grade_rules: tuple[tuple[str, str], ...]
    verdict: str
    verdict_lines: tuple[str, ...]
    arms: tuple[ArmSummary, ...]
    means: tuple[ArmMean, ...]
    estimates: tuple[LiftEstimate, ...]
    segments: tuple[LiftEstimate, ...]
    segment_tests: tuple[SegmentTest, ...]
    checks: tuple[CheckResult, ...]
    rows: RowCount
    specification: tuple[tuple[str, str], ...]
    withholds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    compliers: tuple[LiftEstimate, ...] = ()
    complier_notes: tuple[str, ...] = ()
    diluted: tuple[LiftEstimate, ...] = ()
    guardrails: tuple[GuardrailAnswer, ...] = ()
    costs: tuple[CostAnswer, ...] = ()
    log_ranks: tuple[LogRankTest, ...] = ()
    survival: tuple[SurvivalLine, ...] = ()
    look: LookReading | None = None
    cumulative: tuple[CumulativeEffect, ...] = ()
    shrunken: tuple[SegmentEffect, ...] = ()
    concurrent: tuple[LiftEstimate, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    novelty: tuple[NoveltyPoint, ...] = ()
    evidence: Evidence | None = None

    _shown = (
        "metric",
        "arm",
        "control_mean",
        "treatment_mean",
        "effect",
        "effect_ci_lower",
        "effect_ci_upper",
        "rel_effect",
        "rel_effect_ci_lower",
        "rel_effect_ci_upper",
        "pvalue",
        "adjusted",
    )

    def headline(self, metric: str, arm: str) -> LiftEstimate:
        """Return the registered estimate of a comparison: adjusted where covariates were declared.

        Raises:
            InputError: There is no such comparison, or the metric has no usable interval.
        """
        from incrementality.errors import InputError

        found = [e for e in self.estimates if e.metric == metric and e.arm == arm]
        if not found:
            raise InputError(
                f"this readout compares no {arm!r} in metric {metric!r}",
                hint="check the spelling; a metric without a usable interval has a failed check that says why",
            )
        return next((e for e in found if e.adjusted), found[0])

    def to_dict(self) -> dict[str, Any]:
        """Return the readout as ``result.json`` holds it."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each comparison."""
        return tuple(estimate.to_dict() for estimate in self.estimates)

    def checks_frame(self) -> pd.DataFrame:
        """Return the checks as a pandas frame, one row a check."""
        import pandas as pd

        return pd.DataFrame.from_records([row for check in self.checks for row in check.to_dicts()])

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Readout:
        """Return the readout that ``to_dict`` wrote; what older files do not hold is empty.

        Raises:
            InputError: The content has another schema version.
        """
        from incrementality.errors import InputError

        content = dict(content)
        version = content.pop("schema_version", None)
        if version != SCHEMA_VERSION:
            raise InputError(
                f"result.json has schema version {version!r}; this version of the package reads {SCHEMA_VERSION}",
                hint="run `incrementality readout` again",
            )
        records = {"arms": ArmSummary, "means": ArmMean, "segment_tests": SegmentTest, "guardrails": GuardrailAnswer}
        records |= {"cumulative": CumulativeEffect}
        records |= {"shrunken": SegmentEffect, "interactions": Interaction, "novelty": NoveltyPoint}
        for name, record in records.items():
            content[name] = tuple(record(**row) for row in content.get(name, ()))
        for name in ("estimates", "segments", "concurrent", "compliers", "diluted"):
            content[name] = tuple(_estimate_from(row) for row in content.get(name, ()))
        content["costs"] = tuple(CostAnswer(**row) for row in content.get("costs", ()))
        content["log_ranks"] = tuple(LogRankTest(**row) for row in content.get("log_ranks", ()))
        content["survival"] = tuple(
            SurvivalLine(**row | {name: tuple(row[name]) for name in ("days", "shares", "at_risk")})
            for row in content.get("survival", ())
        )
        content["complier_notes"] = tuple(content.get("complier_notes", ()))
        content["checks"] = tuple(CheckResult(**{**row, "table": tuple(row["table"])}) for row in content["checks"])
        content["rows"] = RowCount(**content["rows"])
        content["look"] = reading_from(content.get("look"))
        if content.get("evidence") is not None:
            content["evidence"] = Evidence.from_dict(content["evidence"])
        for name in ("grade_rules", "specification"):
            content[name] = tuple((term, text) for term, text in content[name])
        content["verdict_lines"] = tuple(content["verdict_lines"])
        content["withholds"] = {key: tuple(value) for key, value in content["withholds"].items()}
        return cls(**content)


def _estimate_from(row: dict[str, Any]) -> LiftEstimate:
    """JSON has no infinity: an end of an interval that is not there is open."""
    row = {**row, "segment": tuple(row["segment"]) if row["segment"] else None}
    stated = row["rel_effect"] is not None
    for name, end in (("ci_lower", -math.inf), ("ci_upper", math.inf)):
        if row[f"effect_{name}"] is None:
            row[f"effect_{name}"] = end
            row[f"rel_effect_{name}"] = (
                end if stated and row[f"rel_effect_{name}"] is None else row[f"rel_effect_{name}"]
            )
    return LiftEstimate(**row)
