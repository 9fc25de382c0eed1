"""Analyze an experiment: checks first, estimates, segments, and a verdict in words."""

from incrementality.lift.analyze import analyze, read_out
from incrementality.lift.answers import GuardrailAnswer, GuardrailOutcome, Interaction, NoveltyPoint, SegmentEffect
from incrementality.lift.cost_records import CostAnswer
from incrementality.lift.evidence import EVIDENCE_VERSION, ComparisonEvidence, Evidence
from incrementality.lift.grades import GRADE_RULES
from incrementality.lift.health import Health, Progress, watch
from incrementality.lift.influence import KEY_BYTES, AccountInfluence, account_influence
from incrementality.lift.look_records import CumulativeEffect, LookReading, LookResult, StagedAnswer, TakenLook
from incrementality.lift.novelty import read_novelty
from incrementality.lift.pooled import EvidenceRow, PooledEvidence
from incrementality.lift.pooling import pool_evidence
from incrementality.lift.readout import (
    SCHEMA_VERSION,
    ArmMean,
    ArmSummary,
    Grade,
    LogRankTest,
    Readout,
    RowCount,
    SegmentTest,
    SurvivalLine,
)
from incrementality.lift.summaries import SummaryReadout, read_summaries

__all__ = [
    "EVIDENCE_VERSION",
    "GRADE_RULES",
    "KEY_BYTES",
    "SCHEMA_VERSION",
    "AccountInfluence",
    "ArmMean",
    "ArmSummary",
    "ComparisonEvidence",
    "CostAnswer",
    "CumulativeEffect",
    "Evidence",
    "EvidenceRow",
    "Grade",
    "GuardrailAnswer",
    "GuardrailOutcome",
    "Health",
    "Interaction",
    "LogRankTest",
    "LookReading",
    "LookResult",
    "NoveltyPoint",
    "PooledEvidence",
    "Progress",
    "Readout",
    "RowCount",
    "SegmentEffect",
    "SegmentTest",
    "StagedAnswer",
    "SummaryReadout",
    "SurvivalLine",
    "TakenLook",
    "account_influence",
    "analyze",
    "pool_evidence",
    "read_novelty",
    "read_out",
    "read_summaries",
    "watch",
]
