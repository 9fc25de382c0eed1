"""Outcomes beyond their moments: how skewed they are over all arms together, and the values behind a permutation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.outcomes.by_date import date_number
from incrementality.outcomes.unit_table import all_of
from incrementality.stats import skewness_of_sums
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from incrementality.outcomes.unit_table import GroupValue, UnitTable
    from incrementality.warehouse import Reduction

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["PooledShape", "UnitRows", "UnitValues", "known_shape", "pooled_shapes", "unit_rows", "unit_values"]

_PARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledShape:
    """One outcome over all arms together, so that nothing of the effect is in it.

    Attributes:
        units: Units in which it is present.
        payers: Those with another value than zero.
        skewness: Third central moment over the standard deviation cubed; 0 where all values are alike.
    """

    units: int
    payers: int
    skewness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitValues:
    """The units whose outcome is not zero, one entry a unit, in an order that does not depend on the table's.

    Attributes:
        arm: Index of the arm in the order asked for.
        stratum: Index of the stratum; all 0 without strata.
        entry: Number of the first of the dates asked for on which the unit counts; all 0 without dates.
        outcomes: One array an outcome column.
    """

    arm: Ints
    stratum: Ints
    entry: Ints
    outcomes: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRows:
    """Every unit that counts, one entry a unit, in an order that does not depend on the table's.

    Attributes:
        arm: Index of the arm in the order asked for.
        stratum: Index of the stratum; all 0 without strata.
        cluster: A number for each randomised cluster; ``None`` where units were drawn one by one.
        outcomes: One array an outcome column.
        entry: Number of the first of the dates asked for on which the unit counts; all 0 without dates.
    """

    arm: Ints
    stratum: Ints
    cluster: Ints | None
    outcomes: tuple[Floats, ...]
    entry: Ints


def known_shape(reduction: Reduction, names: Sequence[str], arms: Collection[str]) -> PooledShape | None:
    """Return the shape of a metric over all arms together, from a pass already made, or ``None``.

    Args:
        reduction: What the pass found, by arm first.
        names: The metric's outcome columns; that of a ratio is never there.
        arms: The planned arms.
    """
    name = names[0]
    if len(names) > 1 or (name,) * 3 not in reduction.powers:
        return None
    moments = reduction.moments
    groups = [i for i, group in enumerate(moments.groups) if group[0] in arms]
    units = float(moments.count[groups, moments.columns.index(name)].sum())
    sums = [reduction.sum_of((name,) * power, groups) for power in (1, 2, 3)]
    return _shape(units, float(reduction.nonzero[name][groups].sum()), *sums)


def pooled_shapes(
    table: UnitTable,
    names: Sequence[str],
    arms: Sequence[GroupValue],
    *,
    ratios: Mapping[str, tuple[str, float]] | None = None,
) -> dict[str, PooledShape]:
    """Return the shape of outcome columns over all arms together, in one pass that never takes the arms apart.

    Args:
        table: The unit table.
        names: Outcome columns.
        arms: The engine's own values of the planned arms; rows of others do not count.
        ratios: For a ratio's numerator its denominator and the ratio of all arms together: the shape is then that of
            the numerator less the ratio times the denominator.
    """
    if not names:
        return {}
    below = ratios or {}
    query = parse("SELECT 1 FROM source", source=table.relation.name)
    query.set("expressions", [item for k, name in enumerate(names) for item in _sums(table, name, k, below.get(name))])
    query.set("where", exp.Where(this=all_of([_among(table, arms), *_population(table)])))
    found = [float(value or 0) for value in table.warehouse.row(query)]
    width = _PARTS + 1
    return {name: _shape(*found[k * width : (k + 1) * width]) for k, name in enumerate(names)}


def _sums(table: UnitTable, name: str, k: int, below: tuple[str, float] | None) -> list[exp.Expression]:
    y, c = table.outcomes[name], literal(float(table.shift.get(name, 0.0)))
    centred = parse("($y - $c)", y=y, c=c)
    if below is not None:
        centred = parse("($y - $r * $x)", y=y, r=literal(float(below[1])), x=table.outcomes[below[0]])
    items = [
        parse("count($d)", d=centred),
        parse("count(CASE WHEN $y <> 0e0 THEN 1 END)", y=y),
        parse("sum($d)", d=centred),
        parse("sum($d * $d)", d=centred),
        parse("sum($d * $d * $d)", d=centred),
    ]
    return [named(item, f"s{k}_{i}") for i, item in enumerate(items)]


def _shape(units: float, payers: float, first: float, second: float, third: float) -> PooledShape:
    if units == 0:
        return PooledShape(units=0, payers=0, skewness=0.0)
    skewness = skewness_of_sums(units, first, second, third)
    return PooledShape(units=round(units), payers=round(payers), skewness=skewness)


def unit_values(
    table: UnitTable,
    names: Sequence[str],
    arms: Sequence[GroupValue],
    strata: Sequence[GroupValue] = (),
    *,
    dates: Sequence[datetime] = (),
) -> UnitValues:
    """Return the units of some arms whose outcome is not zero, sorted by arm, stratum and value.

    Args:
        table: The unit table.
        names: Outcome columns; a unit is left out where all of them are zero, and where one is missing.
        arms: The engine's own values of the arms.
        strata: The engine's own values of the strata, where units were drawn within them.
        dates: Dates (UTC, without a zone), ascending, by which units are told apart; ``t0`` is mapped then.
    """
    numbers = [table.outcomes[name] for name in names]
    arm, stratum, *values, entry = _fetched(
        table, [*numbers, _entry(table, dates)], arms, strata, tests=[_some_not_zero(numbers)], present=numbers
    )
    order = np.lexsort((entry, *reversed(values), stratum, arm))
    return UnitValues(
        arm=arm[order].astype(np.int64),
        stratum=stratum[order].astype(np.int64),
        entry=entry[order].astype(np.int64),
        outcomes=tuple(value[order] for value in values),
    )


def unit_rows(
    table: UnitTable,
    names: Sequence[str],
    arms: Sequence[GroupValue],
    strata: Sequence[GroupValue] = (),
    *,
    within: tuple[str, GroupValue] | None = None,
    dates: Sequence[datetime] = (),
) -> UnitRows:
    """Return the units of some arms, zeros and all, sorted by arm, stratum and value.

    Args:
        table: The unit table.
        names: Outcome columns; a unit is left out where one is missing.
        arms: The engine's own values of the arms.
        strata: The engine's own values of the strata, where units were drawn within them.
        within: A column and the value that it holds in the units wanted; default: all units.
        dates: Dates (UTC, without a zone), ascending, by which units are told apart; ``t0`` is mapped then.
    """
    clusters = [] if table.cluster is None else [parse("dense_rank() OVER (ORDER BY $c)", c=table.cluster)]
    tests = [] if within is None else [parse("$x = $v", x=column(within[0]), v=literal(within[1]))]
    numbers = [*(parse("CAST($c AS DOUBLE)", c=rank) for rank in clusters), *(table.outcomes[name] for name in names)]
    arm, stratum, *values, entry = _fetched(
        table, [*numbers, _entry(table, dates)], arms, strata, tests=tests, present=numbers[len(clusters) :]
    )
    order = np.lexsort((entry, *reversed(values), stratum, arm))
    values = [value[order] for value in values]
    return UnitRows(
        arm=arm[order].astype(np.int64),
        stratum=stratum[order].astype(np.int64),
        cluster=values[0].astype(np.int64) if clusters else None,
        outcomes=tuple(values[len(clusters) :]),
        entry=entry[order].astype(np.int64),
    )


def _entry(table: UnitTable, dates: Sequence[datetime]) -> exp.Expression:
    return parse("CAST($k AS DOUBLE)", k=date_number(table, dates))


def _fetched(
    table: UnitTable,
    numbers: Sequence[exp.Expression],
    arms: Sequence[GroupValue],
    strata: Sequence[GroupValue],
    *,
    tests: Sequence[exp.Expression],
    present: Sequence[exp.Expression] | None = None,
) -> list[Floats]:
    """The arm's place, the stratum's place, and the numbers of each unit that passes the tests."""
    data = table.experiment.data
    items = [_index(column(data.arm), arms)]
    items += [_index(column(data.stratum), strata) if strata and data.stratum is not None else literal(0.0)]
    query = parse("SELECT 1 FROM source", source=table.relation.name)
    query.set("expressions", [named(item, f"v{k}") for k, item in enumerate([*items, *numbers])])
    known = [parse("$y IS NOT NULL", y=y) for y in (numbers if present is None else present)]
    query.set("where", exp.Where(this=all_of([*known, _among(table, arms), *tests, *_population(table)])))
    return table.warehouse.numbers(query)


def _index(value: exp.Expression, known: Sequence[GroupValue]) -> exp.Expression:
    """The place of a value among those known, counted from 0."""
    tree: exp.Expression = literal(float(len(known)))
    for k, one in reversed(list(enumerate(known))):
        tree = parse(
            "CASE WHEN $v = $one THEN $k ELSE $rest END", v=value, one=literal(one), k=literal(float(k)), rest=tree
        )
    return tree


def _among(table: UnitTable, arms: Sequence[GroupValue]) -> exp.Expression:
    arm = column(table.experiment.data.arm)
    tests = [parse("$a = $v", a=arm, v=literal(value)) for value in arms]
    tree = tests[0]
    for test in tests[1:]:
        tree = parse("($a OR $b)", a=tree, b=test)
    return tree


def _some_not_zero(numbers: Sequence[exp.Expression]) -> exp.Expression:
    tree = parse("($y <> 0e0)", y=numbers[0])
    for number in numbers[1:]:
        tree = parse("($a OR $y <> 0e0)", a=tree, y=number)
    return tree


def _population(table: UnitTable) -> list[exp.Expression]:
    return [*table.placed(), *table.rule.kept]
