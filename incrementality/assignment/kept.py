"""Fixed cohorts as they are kept: units in the order of their ranks, so that the draw can be made again and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment.assign import Assigned
from incrementality.assignment.fixed import fill_stratum
from incrementality.assignment.hashing import key_prefix, ranks
from incrementality.errors import LedgerDamaged

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from incrementality.assignment.plan import AssignmentPlan

__all__ = ["KeptCohort", "keep_cohort", "redraw"]

_HASH_DIGITS = 8


@dataclass(frozen=True, slots=True)
class KeptCohort:
    """A cohort that was drawn at once: who was ranked, stratum by stratum, in the order of the ranks.

    Attributes:
        units: The ids; ``None`` for an erased unit, which keeps its place so that the others keep their arms.
        strata: The stratum of each, as text.
    """

    units: tuple[str | None, ...]
    strata: tuple[str, ...]

    def without(self, erased: Collection[str]) -> KeptCohort:
        """Return the cohort with the ids of erased units gone.

        Examples:
            >>> KeptCohort(("c_1", "c_2"), ("", "")).without({"c_1"}).units
            (None, 'c_2')
        """
        return KeptCohort(tuple(None if unit in erased else unit for unit in self.units), self.strata)

    def to_json(self) -> str:
        """Return the cohort as JSON."""
        return json.dumps({"strata": self.strata, "units": self.units}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> KeptCohort:
        """Return the cohort that :meth:`to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        return cls(tuple(content["units"]), tuple(content["strata"]))


def keep_cohort(plan: AssignmentPlan, drawn: Assigned, strata: Sequence[object] | None = None) -> KeptCohort:
    """Return what has to be kept of a draw.

    Args:
        plan: The plan with the salt that was accepted.
        drawn: What :func:`draw_fixed` or :func:`rerandomise` drew.
        strata: Each unit's stratum, as it was handed in, shape (n,).

    Examples:
        >>> from incrementality.assignment.fixed import draw_fixed
        >>> from incrementality.assignment.planning import make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        >>> drawn = draw_fixed(plan, ["c_1", "c_2", "c_3", "c_4"])
        >>> kept = keep_cohort(plan, drawn)
        >>> redraw(plan, kept).counts() == drawn.counts()
        True
    """
    rows = np.flatnonzero(drawn.source == "fixed").tolist()
    units = [str(drawn.unit_id[row]) for row in rows]
    labels = ["" if strata is None else _text(strata[row]) for row in rows]
    ordered = sorted(zip(labels, _ranks(plan, units), units, strict=True))
    return KeptCohort(tuple(unit for _, _, unit in ordered), tuple(label for label, _, _ in ordered))


def _text(label: object) -> str:
    return label if isinstance(label, str) else json.dumps(label, default=str, ensure_ascii=False)


def _ranks(plan: AssignmentPlan, units: list[str]) -> list[str]:
    return ranks(key_prefix("rank", plan.rank_salt or plan.salt, plan.unit_type.name), units)


def redraw(plan: AssignmentPlan, kept: KeptCohort) -> Assigned:
    """Draw a kept cohort again; erased units count and are left out.

    Raises:
        LedgerDamaged: The units do not stand in the order of their ranks: somebody changed what was kept.
    """
    phase, n = plan.phase(), len(kept.units)
    named = [row for row, unit in enumerate(kept.units) if unit is not None]
    digests = dict(zip(named, _ranks(plan, [unit for unit in kept.units if unit is not None]), strict=True))
    columns: dict[str, NDArray[Any]] = {
        "unit_id": np.array(kept.units, dtype=object),
        "arm": np.full(n, None, dtype=object),
        "hash": np.array([int(digests.get(row, "0")[:_HASH_DIGITS], 16) for row in range(n)], dtype=np.int64),
        "probability": np.full(n, np.nan),
        "phase": np.full(n, phase.name, dtype=object),
        "source": np.full(n, "fixed", dtype=object),
        "reason": np.full(n, "", dtype=object),
    }
    for stratum, members in groupby(range(n), key=kept.strata.__getitem__):
        rows = list(members)
        _check_order(plan, stratum, [digests[row] for row in rows if row in digests])
        fill_stratum(columns, rows, plan, phase)
    return Assigned(**columns).take(np.array(named, dtype=np.intp))


def _check_order(plan: AssignmentPlan, stratum: str, digests: list[str]) -> None:
    if any(after <= before for before, after in pairwise(digests)):
        told = f"its units do not stand in the order of their ranks in the stratum {stratum!r}"
        raise LedgerDamaged.of([(f"cohort of {plan.experiment}", told)], hint="restore the kept cohort from a backup")
