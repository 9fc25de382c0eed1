"""What explains a row of the ledger: it is drawn again from the plan, or looked up where it was put by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from incrementality.assignment.accounts import accounts_entered_with
from incrementality.assignment.assign import Assigned, assign
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from incrementality.assignment.batch import Assignments
    from incrementality.assignment.ledger_base import AssignmentLedger
    from incrementality.assignment.plan import AssignmentPlan

__all__ = ["EXPLANATIONS", "Grounds", "explain"]

EXPLANATIONS = frozenset({"fixed", "hash", "inherited", "override"})

_TOLERANCE = 1e-12
_SHORT_CRM_ID = 15

_UNKNOWN = {
    "fixed": "not in the fixed cohort's draw",
    "hash": "its id was not handed in",
    "inherited": "its account was not handed in",
    "override": "its id was not handed in",
}

_Expected = tuple[str | None, int, float, str]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What rows may be explained by.

    Attributes:
        plans: The plans by experiment and version.
        cohorts: The draws of fixed cohorts, by experiment: each unit's row.
        accounts: The account of each unit whose row does not name it.
        ids: The id behind each key, where the ledger stores ids hashed; ``None`` where it stores them plain.
    """

    plans: Mapping[tuple[str, int], AssignmentPlan]
    cohorts: Mapping[str, Mapping[str, _Expected]] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] | None = None

    @classmethod
    def of(
        cls,
        ledger: AssignmentLedger,
        plans: Iterable[AssignmentPlan],
        *,
        cohorts: Mapping[str, Assigned] | None,
        accounts: Mapping[str, str] | None,
        unit_ids: Iterable[str] | None,
    ) -> Grounds:
        """Return the grounds of an audit; see :func:`incrementality.assignment.audit.audit`.

        Raises:
            InputError: The ledger stores ids hashed, and no population was handed in.
        """
        ids: dict[str, str] | None = None
        if ledger.ids == "hashed":
            if unit_ids is None:
                raise InputError(
                    "the ledger stores ids hashed, so its rows cannot be drawn again from it alone",
                    hint="hand in the population: unit_ids=...",
                )
            population = list(unit_ids)
            ids = dict(zip(ledger.stored_ids(population), population, strict=True))
        drawn = {experiment: _by_unit(cohort) for experiment, cohort in (cohorts or {}).items()}
        return cls({(plan.experiment, plan.version): plan for plan in plans}, drawn, accounts or {}, ids)


def _by_unit(drawn: Assigned) -> dict[str, _Expected]:
    return dict(zip(drawn.unit_id.tolist(), _expected(drawn), strict=True))


def _expected(drawn: Assigned) -> list[_Expected]:
    columns = (drawn.arm, drawn.hash, drawn.probability, drawn.source)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def explain(rows: Assignments, grounds: Grounds) -> NDArray[np.object_]:
    """Return for each row what explains it, one of ``EXPLANATIONS``, or why nothing does, shape (n,)."""
    labels = np.empty(len(rows), dtype=object)
    kinds = list(zip(rows.version.tolist(), rows.phase.tolist(), rows.source.tolist(), strict=True))
    order = sorted(range(len(rows)), key=kinds.__getitem__)
    for (version, phase, source), group in groupby(order, key=kinds.__getitem__):
        places = np.array(list(group), dtype=np.intp)
        plan = grounds.plans.get((rows.experiment, version))
        if plan is None:
            labels[places] = f"no plan of version {version} was handed in"
        else:
            labels[places] = _labels(rows.take(places), plan, phase, source, grounds)
    return labels


def _labels(rows: Assignments, plan: AssignmentPlan, phase: str, source: str, grounds: Grounds) -> list[str]:
    """Label rows of one version, phase and source."""
    stored: list[str] = rows.unit_id.tolist()
    if source not in EXPLANATIONS:
        return ["its source is unknown"] * len(rows)
    if phase not in {one.name for one in plan.phases}:
        return ["the plan has no such phase"] * len(rows)
    units = stored if grounds.ids is None else [grounds.ids.get(key, "") for key in stored]
    if source == "fixed":
        cohort = grounds.cohorts.get(rows.experiment, {})
        expected = [cohort.get(unit) for unit in units]
    elif source == "inherited":
        entered = accounts_entered_with(rows.reason)
        homes = [named or grounds.accounts.get(unit, "") for unit, named in zip(units, entered, strict=True)]
        whole = grounds.cohorts.get(rows.experiment, {})
        drawn = _redrawn(plan, phase, [home for home in homes if home not in whole])
        redrawn = dict(zip([home for home in homes if home not in whole], drawn, strict=True))
        expected = [whole.get(home) or redrawn.get(home) for home in homes]
    else:
        expected = _redrawn(plan, phase, units)
    return _compared(rows, source, expected)


def _redrawn(plan: AssignmentPlan, phase: str, units: list[str]) -> list[_Expected | None]:
    """Draw units again; an empty text stands for a unit that is not known."""
    drawn: dict[str, _Expected] = {}
    known = [unit for unit in dict.fromkeys(units) if unit]
    for some in (
        [unit for unit in known if len(unit) == _SHORT_CRM_ID],
        [unit for unit in known if len(unit) != _SHORT_CRM_ID],
    ):  # several batches may hold what one batch may not: short and long forms of CRM ids
        drawn.update(zip(some, _expected(assign(plan, some, phase=phase)), strict=True))
    return [drawn.get(unit) for unit in units]


def _compared(rows: Assignments, source: str, expected: list[_Expected | None]) -> list[str]:
    recorded = zip(rows.arm.tolist(), rows.hash.tolist(), rows.probability.tolist(), strict=True)
    return [_difference(source, found, wanted) or source for found, wanted in zip(recorded, expected, strict=True)]


def _difference(source: str, found: tuple[str, int, float], wanted: _Expected | None) -> str | None:
    """Return how a row differs from what was drawn, or ``None``."""
    if wanted is None:
        return _UNKNOWN[source]
    arm, drawn, probability, basis = wanted
    if (source == "override") != (basis == "override") and source in {"hash", "override"}:
        return "the plan has no override of the unit" if source == "override" else "the plan overrides the unit"
    if arm is None:
        return "the plan keeps the unit out"
    if found[0] != arm:
        return "another arm than drawn"
    if found[1] != drawn:
        return "another hash than drawn"
    return None if abs(found[2] - probability) <= _TOLERANCE else "another probability than planned"
