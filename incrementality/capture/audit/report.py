"""An audit: all its metrics with what fails, what is missing, and whether the records are good enough for budgets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from incrementality.capture.audit.drift import MissingMonth
from incrementality.capture.audit.quarters import quarter_index
from incrementality.display import DisplayMixin
from incrementality.formatting import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.capture.audit.drift import DriftAlarm
    from incrementality.capture.audit.metrics import AuditMetric
    from incrementality.capture.audit.qualities import Quality

__all__ = ["Audit", "PastAudit"]

_REACH = 2


@dataclass(frozen=True, slots=True)
class PastAudit:
    """What an earlier audit found, as it stands on record.

    Attributes:
        quarter: The quarter that it audited.
        values: Its metrics by name; those without a value are left out.
        missing: The missing months that it told, by name.

    Examples:
        >>> PastAudit.of({"quarter": "2026Q1", "metrics": [{"name": "capture_rate", "value": 0.9}]}).values
        {'capture_rate': 0.9}
    """

    quarter: str
    values: Mapping[str, float]
    missing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> PastAudit:
        """Return it from what :meth:`Audit.to_dict` gave."""
        found = {one["name"]: float(one["value"]) for one in record["metrics"] if one["value"] is not None}
        missing = frozenset(MissingMonth(**one).name for one in record.get("missing_months", ()))
        return cls(str(record["quarter"]), found, missing)


@dataclass(frozen=True, slots=True)
class Audit(DisplayMixin):
    """The audit of a quarter.

    Attributes:
        quarter: The quarter.
        as_of: Until when the records reach, as ISO 8601.
        currency: The currency of money, in minor units.
        metrics: The metrics that could be counted.
        unmeasured: Those that could not, with the reason.
        gaps: Months that are missing.
        drift: How the quarter's touches differ from those before.
        qualities: What people wrote about lost deals.
        insufficient: Why tables of budget and return print *insufficient data*; "" where the records are good enough.
        told: Missing months that earlier audits told, by name.

    Examples:
        >>> Audit("2026Q1", "2026-04-30", "EUR", (), {}, (), (), (), "").sentence
        'Audit of 2026Q1: 0 metrics, none fails.'
    """

    quarter: str
    as_of: str
    currency: str
    metrics: tuple[AuditMetric, ...]
    unmeasured: Mapping[str, str]
    gaps: tuple[MissingMonth, ...]
    drift: tuple[DriftAlarm, ...]
    qualities: tuple[Quality, ...]
    insufficient: str
    told: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> AuditMetric:
        return {one.rule.name: one for one in self.metrics}[name]

    @property
    def failed(self) -> tuple[AuditMetric, ...]:
        """The metrics that miss their target or got worse."""
        return tuple(one for one in self.metrics if one.failed)

    @property
    def named(self) -> tuple[AuditMetric, ...]:
        """The audits that say how much credit would move."""
        return tuple(one for one in self.metrics if one.rule.moves)

    @property
    def open_gaps(self) -> tuple[MissingMonth, ...]:
        """Missing months that no earlier audit told, and those from two quarters before on, as far as windows reach."""
        since = quarter_index(self.quarter) - _REACH
        return tuple(one for one in self.gaps if one.name not in self.told or _quarter(one) >= since)

    @property
    def alarms(self) -> tuple[str, ...]:
        """All that somebody has to look at, one sentence each."""
        return (
            *(one.sentence for one in self.failed),
            *(one.sentence for one in self.open_gaps),
            *(one.sentence for one in self.drift),
        )

    @property
    def sentence(self) -> str:
        """The audit in words."""
        failed = ", ".join(one.rule.title for one in self.failed)
        verdict = f"failing: {failed}" if failed else "none fails"
        told = f"Audit of {self.quarter}: {count(len(self.metrics))} metrics, {verdict}."
        changed = len(self.drift)
        if changed:
            told += f" The inputs changed in {count(changed)} place{'s' if changed > 1 else ''}."
        return f"{told} {self.insufficient}".strip()

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a metric."""
        return tuple(row for one in self.metrics for row in one.to_dicts())

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, as it is kept for later audits."""
        return {
            "quarter": self.quarter,
            "as_of": self.as_of,
            "currency": self.currency,
            "sentence": self.sentence,
            "insufficient": self.insufficient,
            "metrics": [_plain(one) for one in self.metrics],
            "unmeasured": dict(self.unmeasured),
            "missing_months": [asdict(one) for one in self.gaps],
            "drift": [asdict(one) for one in self.drift],
            "qualities": [asdict(one) for one in self.qualities],
        }


def _quarter(gap: MissingMonth) -> int:
    return 4 * int(gap.month[:4]) + (int(gap.month[5:]) - 1) // 3


def _plain(metric: AuditMetric) -> dict[str, Any]:
    return {
        **asdict(metric.rule),
        "value": metric.value,
        "passed": metric.passed,
        "worsened": metric.worsened,
        "trend": metric.trend,
        "moved": metric.moved,
        "readings": [asdict(one) for one in metric.readings],
        "total": asdict(metric.total),
    }
