"""How units were drawn: how many fell into each arm in each period, and by which probability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from incrementality.errors import ValueNotAllowed
from incrementality.outcomes.unit_table import all_of
from incrementality.warehouse import ReductionPlan, reduce_moments
from incrementality.warehouse.sql import column, literal, not_nan, number_of, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import exp

    from incrementality.outcomes.unit_table import UnitTable
    from incrementality.stats import Moments
    from incrementality.warehouse import Reduction

__all__ = ["P_ARM", "Draws", "take_draws"]

P_ARM = "probability of the arm"
_PERIODS = 10
_EARLIEST, _LATEST = datetime(1990, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - in UTC, without a zone as in SQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """The assigned units by arm, stratum where one is mapped, and period of the decision.

    Attributes:
        moments: Of ``P_ARM`` where it is mapped, by (arm, stratum, period), the stratum only where it is mapped.
        periods: When each period starts, in UTC, ascending and equally long; one where ``t0`` is not mapped, or all
            decisions are of one moment. The keys of ``moments`` end with the period's number.
    """

    moments: Moments
    periods: tuple[datetime, ...]

    @property
    def strata(self) -> tuple[tuple[str, ...], ...]:
        """The keys between arm and period: one empty key where no stratum is mapped."""
        return tuple(sorted({group[1:-1] for group in self.moments.groups}))

    def units(self, arm: str, stratum: Sequence[str] = ()) -> tuple[int, ...]:
        """Return the arm's units (clusters, where whole clusters were drawn) in each period."""
        return tuple(_randomised(self.moments, (arm, *stratum, str(k))) for k in range(len(self.periods)))

    def probability(self, arm: str, stratum: Sequence[str] = ()) -> tuple[float, float] | None:
        """Return mean and standard deviation of the probability in an arm's units; ``None`` where none states it."""
        moments = self.moments.select((arm, *stratum))
        k = moments.indices([P_ARM])[0] if P_ARM in moments.columns else None
        if k is None or not moments.count[:, k].sum():
            return None
        n = float(moments.count[:, k].sum())
        mean = float(moments.sums[:, k].sum()) / n
        return mean, max(float(moments.products[:, k, k].sum()) / n - mean**2, 0.0) ** 0.5

    def without_probability(self) -> int:
        """Return how many units have no probability, though the column is mapped."""
        if P_ARM not in self.moments.columns:
            return 0
        return round(float((self.moments.n - self.moments.count[:, self.moments.indices([P_ARM])[0]]).sum()))


def _randomised(moments: Moments, key: tuple[str, ...]) -> int:
    if key not in moments.groups:
        return 0
    cell = moments.select(key)
    return int(cell.n.sum() if cell.clusters is None else cell.clusters.count.sum())


def take_draws(table: UnitTable) -> Draws | None:
    """Return how the assigned units were drawn, in the population or not, in one pass.

    Units without an arm, a stratum or a decision time are left out. ``None`` where neither ``t0`` nor ``p_arm`` is
    mapped.

    Raises:
        ValueNotAllowed: A probability is not above 0 and at most 1.
    """
    data = table.experiment.data
    if data.t0 is None and data.p_arm is None:
        return None
    inside = table.placed()
    periods: tuple[datetime, ...] = (_EARLIEST,)
    if data.t0 is not None:
        t0 = parse("CAST($t AS TIMESTAMP)", t=column(data.t0))
        inside.append(parse("($t >= $first AND $t < $last)", t=t0, first=_moment(_EARLIEST), last=_moment(_LATEST)))
        periods = _periods(table, t0, all_of(inside))
    plan = ReductionPlan(
        relation=table.relation.name,
        groups=(
            *(column(name) for name in (data.arm, data.stratum) if name is not None),
            literal(0) if len(periods) == 1 else _period_of(t0, periods),
        ),
        columns={} if data.p_arm is None else {P_ARM: _probability(table, data.p_arm)},
        cluster=table.cluster,
        where=all_of(inside),
        bounded=() if data.p_arm is None else (P_ARM,),
    )
    found = reduce_moments(table.warehouse, plan)
    _check_probability(table, found)
    return Draws(moments=found.moments, periods=periods)


def _check_probability(table: UnitTable, found: Reduction) -> None:
    low, high = found.minimum.get(P_ARM, 1.0), found.maximum.get(P_ARM, 1.0)
    if low <= 0 or high > 1:
        raise ValueNotAllowed(
            f"column {table.experiment.data.p_arm!r} of {table.source} is the probability of the arm and holds values "
            f"from {low:g} to {high:g}; allowed: above 0 and at most 1",
            hint="export the probability of the arm that the unit is in, not of the control",
        )


def _probability(table: UnitTable, name: str) -> exp.Expression:
    kind = table.relation.columns[name]
    number = number_of(name, kind)
    return not_nan(number) if kind == "float" else number


def _periods(table: UnitTable, t0: exp.Expression, inside: exp.Expression | None) -> tuple[datetime, ...]:
    """The start of each of ten equally long periods between the first decision and the last."""
    query = parse(
        "SELECT CAST(min($t) AS TEXT), CAST(max($t) AS TEXT) FROM source WHERE $inside",
        t=t0,
        inside=inside or parse("TRUE"),
        source=table.relation.name,
    )
    first, last = table.warehouse.row(query)
    if first is None or first == last:
        return (_EARLIEST,)
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    return tuple(start + (end - start) * k / _PERIODS for k in range(_PERIODS))


def _period_of(t0: exp.Expression, periods: Sequence[datetime]) -> exp.Expression:
    """The number of the period that a decision falls into."""
    started = [parse("CASE WHEN $t >= $start THEN 1 ELSE 0 END", t=t0, start=_moment(start)) for start in periods[1:]]
    return reduce(lambda left, right: parse("$a + $b", a=left, b=right), started)


def _moment(value: datetime) -> exp.Expression:
    return parse("CAST($moment AS TIMESTAMP)", moment=literal(value.isoformat(sep=" ")))
