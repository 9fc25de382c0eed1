"""The quarterly audit of a company's records: metrics with owner, target and trend, missing months, drift of inputs."""

from incrementality.capture.audit.auditing import audit_company
from incrementality.capture.audit.counting import Fault, Readings, read_faults
from incrementality.capture.audit.drift import DriftAlarm, MissingMonth, find_drift, missing_months
from incrementality.capture.audit.metrics import AuditMetric, MetricRule, Reading
from incrementality.capture.audit.qualities import Quality, lost_deals
from incrementality.capture.audit.report import Audit, PastAudit
from incrementality.capture.audit.rules import AUDIT_RULES
from incrementality.capture.audit.targets import AuditTargets, parse_targets
from incrementality.capture.audit.volumes import Volumes, touch_volumes

__all__ = [
    "AUDIT_RULES",
    "Audit",
    "AuditMetric",
    "AuditTargets",
    "DriftAlarm",
    "Fault",
    "MetricRule",
    "MissingMonth",
    "PastAudit",
    "Quality",
    "Reading",
    "Readings",
    "Volumes",
    "audit_company",
    "find_drift",
    "lost_deals",
    "missing_months",
    "parse_targets",
    "read_faults",
    "touch_volumes",
]
