"""Whether the arms of an experiment are those of another one: then its effect is both effects together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.assignment.audit import salt_reuse
from incrementality.estimates import CheckResult
from incrementality.formatting import count, p_value
from incrementality.outcomes import longest_window
from incrementality.stats import chi_square_pvalue, sample_ratio_test
from incrementality.warehouse.parquet import ParquetEngine
from incrementality.warehouse.sql import parse
from incrementality.workspace.frozen import read_frozen
from incrementality.workspace.holdouts import ledger_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from incrementality.assignment import AssignmentPlan
    from incrementality.experiment import Experiment
    from incrementality.warehouse import Relation
    from incrementality.workspace.project import Workspace

    Counts = NDArray[np.int64]

__all__ = ["arm_reuse_checks"]

_CHANCE = 0.001
_FEWEST_EXPECTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """The units that another experiment shares with this one."""

    experiment: str
    same_salt: bool
    units: int
    pvalue: float | None

    def row(self) -> dict[str, object]:
        told = {"experiment": self.experiment, "same_salt": self.same_salt, "shared_units": self.units}
        return told | {"pvalue": self.pvalue}


def arm_reuse_checks(workspace: Workspace, experiment: Experiment) -> tuple[CheckResult, ...]:
    """Return the check of salt reuse and carry-over; none where the ledger did not draw the arms.

    Another experiment counts if it drew its first unit before the outcomes of this one were complete. It fails the
    check if both draw shared units with one salt, or if the arms of shared units depend on each other beyond chance
    (Pearson's chi-square within pairs of phases, p < 0.001 over the number of tests). Units that were put into an arm
    by hand do not count. Nesting is no dependence: inside a parent's arm the draw is a new one.

    Args:
        workspace: The workspace, with its ledger.
        experiment: The experiment that is read out.
    """
    frozen = read_frozen(workspace, experiment.id)
    if frozen is None:
        return ()
    found = tuple(_shared(workspace, experiment, frozen.plan))
    limit = _CHANCE / max(len(found), 1)
    bad = [one for one in found if one.same_salt or (one.pvalue is not None and one.pvalue < limit)]
    told = f"The arms are its own: compared with {count(len(found))} other experiments that share units."
    if bad:
        why = "; ".join(_why(one) for one in bad)
        told = f"The arms are not this experiment's own, so its effect is mixed with other effects: {why}."
    rows = tuple(one.row() for one in found)
    return (CheckResult(name="salt_reuse", passed=not bad, sentence=told, table=rows),)


def _why(one: _Shared) -> str:
    shared = f"{count(one.units)} shared units"
    if one.same_salt:
        return f"{one.experiment} draws {shared} with the same salt"
    return f"the arms of {shared} depend on their arms in {one.experiment} ({p_value(one.pvalue)})"


def _shared(workspace: Workspace, experiment: Experiment, plan: AssignmentPlan) -> Iterable[_Shared]:
    others = _plans_beside(workspace, plan)
    with ledger_of(workspace) as ledger, ParquetEngine() as engine:
        known = ledger.experiments()
        if plan.experiment not in known:
            return
        own = ledger.relation(plan.experiment, engine)
        until = _last_moment(engine, own) + longest_window(experiment).total_seconds() * 1e6
        for other in others:
            if other.experiment not in known:
                continue
            theirs = ledger.relation(other.experiment, engine)
            if _first_moment(engine, theirs) > until:
                continue
            tables = _tables(engine, own, theirs)
            units = sum(int(table.sum()) for table in tables)
            if units:
                same = bool(salt_reuse([plan, other]))
                pvalue = _dependence(tables)
                yield _Shared(experiment=other.experiment, same_salt=same, units=units, pvalue=pvalue)


def _plans_beside(workspace: Workspace, plan: AssignmentPlan) -> list[AssignmentPlan]:
    """The plans of other experiments that draw the same type of unit."""
    others = [read_frozen(workspace, other) for other in workspace.experiment_ids() if other != plan.experiment]
    plans = [frozen.plan for frozen in others if frozen is not None]
    return [other for other in plans if other.unit_type.name == plan.unit_type.name]


def _first_moment(engine: ParquetEngine, rows: Relation) -> float:
    return float(engine.row(parse("SELECT min(epoch_us(assigned_at)) FROM r", r=rows.name))[0])


def _last_moment(engine: ParquetEngine, rows: Relation) -> float:
    return float(engine.row(parse("SELECT max(epoch_us(assigned_at)) FROM r", r=rows.name))[0])


def _tables(engine: ParquetEngine, own: Relation, theirs: Relation) -> list[Counts]:
    """Shared units by both arms, a table for each pair of phases."""
    query = parse(
        "SELECT a.phase, b.phase, a.arm, b.arm, count(*) FROM own AS a JOIN theirs AS b ON a.unit_id = b.unit_id "
        "WHERE a.source IN ('hash', 'fixed') AND b.source IN ('hash', 'fixed') "
        "GROUP BY a.phase, b.phase, a.arm, b.arm ORDER BY a.phase, b.phase, a.arm, b.arm",
        own=own.name,
        theirs=theirs.name,
    )
    phases: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    for phase, their_phase, arm, their_arm, units in engine.query(query):
        phases.setdefault((phase, their_phase), []).append((arm, their_arm, int(units)))
    return [_table(cells) for cells in phases.values()]


def _table(cells: Sequence[tuple[str, str, int]]) -> Counts:
    rows, columns = sorted({arm for arm, _, _ in cells}), sorted({arm for _, arm, _ in cells})
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for arm, their_arm, units in cells:
        table[rows.index(arm), columns.index(their_arm)] = units
    return table


def _dependence(tables: Sequence[Counts]) -> float | None:
    """P-value of independence within tables; ``None`` where no table has two arms a side and enough units."""
    statistic, df = 0.0, 0
    for table in tables:
        by_row, by_column = table.sum(axis=1), table.sum(axis=0)
        if min(table.shape) > 1 and by_row.min() * by_column.min() / table.sum() >= _FEWEST_EXPECTED:
            cells = [sample_ratio_test(column, by_row.tolist()).statistic for column in table.T.tolist()]
            statistic, df = statistic + math.fsum(cells), df + (table.shape[0] - 1) * (table.shape[1] - 1)
    return chi_square_pvalue(statistic, df) if df else None
