"""The re-hash audit: every row of the ledger must follow from its plan, or it is counted with the reason.

A row is explained by ``hash`` (drawn again, it gets the same arm, hash and probability), ``override`` (its plan names
the unit), ``inherited`` (its account, drawn again, has that arm) or ``fixed`` (the cohort that was drawn at once has
it so). Ids are shown only to who asks for them: :func:`unexplained_rows`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from incrementality.assignment.explain import EXPLANATIONS, Grounds, explain
from incrementality.display import DisplayMixin
from incrementality.estimates import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incrementality.assignment.assign import Assigned
    from incrementality.assignment.batch import Assignments
    from incrementality.assignment.ledger_base import AssignmentLedger, LedgerCheck
    from incrementality.assignment.plan import AssignmentPlan

__all__ = ["ExperimentAudit", "LedgerAudit", "SaltReuse", "audit", "salt_reuse", "unexplained_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentAudit:
    """The audit of one experiment's rows.

    Attributes:
        experiment: The experiment.
        rows: Its units that were not erased.
        explained: How many are explained by what.
        unexplained: How many are not, by reason.
        mixed: Units that were recorded in more than one arm; the first counts.
        erased: Units that were erased; only their arms are known.
    """

    experiment: str
    rows: int
    explained: dict[str, int]
    unexplained: dict[str, int]
    mixed: int
    erased: int


@dataclass(frozen=True, slots=True)
class SaltReuse:
    """A salt that several experiments draw the same units with: their arms are one draw, not independent ones.

    Attributes:
        salt: The salt.
        unit_type: What is drawn.
        experiments: The experiments that share it.
    """

    salt: str
    unit_type: str
    experiments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerAudit(DisplayMixin):
    """The audit of a ledger.

    Attributes:
        experiments: One audit an experiment.
        files: Whether the ledger's files hold what their names say.
        reused: Salts that several experiments share.
    """

    experiments: tuple[ExperimentAudit, ...]
    files: LedgerCheck
    reused: tuple[SaltReuse, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed is not False for check in self.checks())

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each experiment and explanation or reason."""
        return tuple(
            {"experiment": one.experiment, "explained": explained, "by": by, "rows": rows}
            for one in self.experiments
            for explained, counts in ((True, one.explained), (False, one.unexplained))
            for by, rows in counts.items()
        )

    def checks(self) -> tuple[CheckResult, ...]:
        """Return the four checks: whole files, re-hash audit, mixed assignment, salt reuse."""
        return (self._whole(), self._explained(), self._unmixed(), self._salts())

    def _whole(self) -> CheckResult:
        damages = self.files.to_dicts()
        told = f"{len(damages)} of {self.files.files} files of the ledger are damaged"
        sentence = told if damages else f"all {self.files.files} files of the ledger are whole"
        return CheckResult(name="ledger files", passed=self.files.passed, sentence=sentence, table=damages)

    def _explained(self) -> CheckResult:
        total = sum(one.rows for one in self.experiments)
        missing = sum(sum(one.unexplained.values()) for one in self.experiments)
        told = f"the plans explain {total - missing:,} of {total:,} assignments"
        table = tuple({"experiment": one.experiment, **one.unexplained} for one in self.experiments if one.unexplained)
        return CheckResult(name="re-hash audit", passed=not missing, sentence=told, table=table)

    def _unmixed(self) -> CheckResult:
        table = tuple({"experiment": one.experiment, "units": one.mixed} for one in self.experiments if one.mixed)
        units = sum(one.mixed for one in self.experiments)
        told = f"{units:,} units were recorded in more than one arm" if units else "no unit was recorded in two arms"
        return CheckResult(name="mixed assignment", passed=not units, sentence=told, table=table)

    def _salts(self) -> CheckResult:
        table = tuple(
            {"salt": one.salt, "unit_type": one.unit_type, "experiments": ", ".join(one.experiments)}
            for one in self.reused
        )
        told = "; ".join(f"{', '.join(one.experiments)} share the salt {one.salt!r}" for one in self.reused)
        sentence = told or "every experiment has a salt of its own"
        return CheckResult(name="salt reuse", passed=not table, sentence=sentence, table=table)


def audit(
    ledger: AssignmentLedger,
    plans: Iterable[AssignmentPlan],
    *,
    cohorts: Mapping[str, Assigned] | None = None,
    accounts: Mapping[str, str] | None = None,
    unit_ids: Iterable[str] | None = None,
) -> LedgerAudit:
    """Draw every row of a ledger again and say what explains it.

    Args:
        ledger: The ledger.
        plans: Every version of every experiment's plan that the ledger's rows name.
        cohorts: The draw of each fixed cohort, by experiment.
        accounts: The account of each unit, for inherited arms.
        unit_ids: The population, needed where the ledger stores ids hashed.

    Examples:
        >>> import tempfile
        >>> from datetime import UTC, datetime
        >>> from incrementality.assignment import assign, make_plan
        >>> from incrementality.assignment.batch import Assignments
        >>> from incrementality.assignment.ledger import Ledger
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        >>> drawn = assign(plan, [f"c_{i:06d}" for i in range(100)])
        >>> drawn.arm[7] = "holdout" if drawn.arm[7] == "journey" else "journey"
        >>> ledger = Ledger(tempfile.mkdtemp())
        >>> _ = ledger.append(Assignments.of(plan, drawn, assigned_at=datetime(2026, 1, 5, tzinfo=UTC)))
        >>> print(audit(ledger, [plan]).checks()[1].sentence)
        the plans explain 99 of 100 assignments
    """
    plans = list(plans)
    grounds = Grounds.of(ledger, plans, cohorts=cohorts, accounts=accounts, unit_ids=unit_ids)
    found = [_audited(ledger, experiment, grounds) for experiment in ledger.experiments()]
    return LedgerAudit(experiments=tuple(found), files=ledger.verify(), reused=salt_reuse(plans))


def _audited(ledger: AssignmentLedger, experiment: str, grounds: Grounds) -> ExperimentAudit:
    rows = ledger.read(experiment)
    labels = Counter(explain(rows, grounds).tolist())
    counted = sorted(labels.items())
    return ExperimentAudit(
        experiment=experiment,
        rows=len(rows),
        explained={label: n for label, n in counted if label in EXPLANATIONS},
        unexplained={label: n for label, n in counted if label not in EXPLANATIONS},
        mixed=ledger.mixed(experiment),
        erased=sum(count.erased for count in ledger.counts(experiment)),
    )


def unexplained_rows(
    ledger: AssignmentLedger,
    experiment: str,
    plans: Iterable[AssignmentPlan],
    *,
    cohorts: Mapping[str, Assigned] | None = None,
    accounts: Mapping[str, str] | None = None,
    unit_ids: Iterable[str] | None = None,
) -> Assignments:
    """Return the rows that nothing explains, ids included: for who has to mend them. See :func:`audit`."""
    rows = ledger.read(experiment)
    grounds = Grounds.of(ledger, plans, cohorts=cohorts, accounts=accounts, unit_ids=unit_ids)
    return rows.take(~np.isin(explain(rows, grounds).astype(str), sorted(EXPLANATIONS)))


def salt_reuse(plans: Iterable[AssignmentPlan]) -> tuple[SaltReuse, ...]:
    """Return the salts that several experiments draw the same type of unit with.

    Examples:
        >>> from incrementality.assignment import make_plan
        >>> arms = {"holdout": 0.5, "journey": 0.5}
        >>> salt_reuse([make_plan("winback", arms), make_plan("onboarding", arms, salt="winback")])
        (SaltReuse(salt='winback', unit_type='contact', experiments=('onboarding', 'winback')),)
    """
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for plan in plans:
        for salt in {plan.salt, plan.rank_salt} - {None}:
            users[str(salt), plan.unit_type.name].add(plan.experiment)
    return tuple(
        SaltReuse(salt, unit_type, tuple(sorted(names)))
        for (salt, unit_type), names in sorted(users.items())
        if len(names) > 1
    )
