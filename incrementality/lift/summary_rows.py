"""From a table of cumulative summaries to each arm's units by date, every row checked."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from incrementality.errors import InputError, did_you_mean
from incrementality.lift.cumulative import SUMMED, Cumulated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.experiment import Experiment, PlannedMetric

__all__ = ["summaries_of"]

_NEEDED = ("date", "arm", "n", "mean", "variance")
_ROUNDING = 1e-6
_FEWEST = 2

Cells = dict[date, dict[str, Cumulated]]


def summaries_of(experiment: Experiment, rows: object) -> dict[PlannedMetric, Cells]:
    """Return each primary metric's summaries by date, ascending, and arm.

    Args:
        experiment: Says which metrics and arms there are.
        rows: As ``read_summaries`` takes them.

    Raises:
        InputError: A column, an arm or a metric is unknown, a number cannot be, units fall from date to date, or a date
            lacks an arm.

    Examples:
        >>> from incrementality import Experiment
        >>> experiment = Experiment(
        ...     id="winback", question="Does it work?", data={"unit": "id"},
        ...     arms=[{"name": "holdout", "share": "50%", "control": True}, {"name": "journey", "share": "50%"}],
        ...     metrics=[{"name": "spend", "kind": "mean", "role": "primary"}],
        ... )
        >>> rows = {"date": ["2026-02-01"] * 2, "arm": ["holdout", "journey"], "n": [20, 21], "mean": [1.0, 2.0],
        ...         "variance": [0.5, 0.5]}
        >>> [(str(day), sorted(arms)) for day, arms in next(iter(summaries_of(experiment, rows).values())).items()]
        [('2026-02-01', ['holdout', 'journey'])]
    """
    records = _records(rows)
    _check_columns(records)
    primary = {metric.name: metric for metric in experiment.primary}
    rowwise = [metric for metric in experiment.primary if metric.kind not in SUMMED]
    if rowwise:
        raise InputError(
            f"the primary metric {rowwise[0].name!r} is a {rowwise[0].kind}, which n, mean and variance do not tell",
            hint="read it out from rows",
        )
    found: dict[str, Cells] = {name: {} for name in primary}
    for k, record in enumerate(records, start=1):
        name = str(record.get("metric") or next(iter(primary)))
        _known(name, "metric", primary, k)
        if len(primary) > 1 and not record.get("metric"):
            raise InputError(f"row {k} names no metric, and there are {len(primary)}", hint="add the column 'metric'")
        arm = str(record["arm"])
        _known(arm, "arm", {one.name: one for one in experiment.arms}, k)
        day = _day(record["date"], k)
        cell = found[name].setdefault(day, {})
        if arm in cell:
            raise InputError(
                f"row {k}: {arm!r} stands twice on {day}", hint="give one row for each date, arm and metric"
            )
        cell[arm] = _cumulated(record, primary[name], k)
    return {primary[name]: _checked(name, cells, experiment) for name, cells in found.items()}


def _records(rows: object) -> list[Mapping[str, Any]]:
    """Records of a frame (pandas, Polars, Arrow), a dictionary of columns, or records already."""
    table: Any = rows
    if hasattr(table, "to_pylist"):
        return list(table.to_pylist())
    if hasattr(table, "to_dicts"):
        return list(table.to_dicts())
    if hasattr(table, "to_dict"):
        return list(table.to_dict("records"))
    if isinstance(table, dict):
        columns = {name: list(values) for name, values in table.items()}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return list(table)


def _check_columns(records: Sequence[Mapping[str, Any]]) -> None:
    if not records:
        raise InputError("the table of summaries has no rows", hint="give one row for each date and arm")
    missing = [name for name in _NEEDED if name not in records[0]]
    if missing:
        raise InputError(
            f"the table of summaries has no column {missing[0]!r}; it has: {', '.join(map(str, records[0]))}",
            hint=f"name the columns {', '.join(_NEEDED)}",
        )


def _known(name: str, what: str, allowed: Mapping[str, object], row: int) -> None:
    if name not in allowed:
        raise InputError(
            f"row {row}: there is no {what} {name!r}; planned: {', '.join(map(repr, allowed))}."
            + did_you_mean(name, allowed),
            hint=f"correct the {what}, or leave its rows out",
        )


def _day(value: object, row: int) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError as error:
        raise InputError(f"row {row}: {value!r} is no date", hint="write it like 2026-03-02") from error


def _cumulated(record: Mapping[str, Any], metric: PlannedMetric, row: int) -> Cumulated:
    n, mean, variance = (_number(record, name, row) for name in ("n", "mean", "variance"))
    if n != round(n) or n < _FEWEST:
        raise InputError(f"row {row}: n is {n:g}; needed: a whole number from 2 on", hint="count units, not rows")
    if variance < 0:
        raise InputError(
            f"row {row}: the variance is {variance:g}, below zero", hint="give the sample variance, denominator n - 1"
        )
    if metric.kind == "conversion":
        return _share(n, mean, variance, row)
    paid = _number(record, "payers", row) if metric.kind == "revenue" else n
    if not 0 <= paid <= n:
        raise InputError(f"row {row}: payers is {paid:g} among {n:.0f} units", hint="count units with a value")
    return Cumulated(n=round(n), mean=mean, variance=variance, payers=paid)


def _share(n: float, mean: float, variance: float, row: int) -> Cumulated:
    events = mean * n
    expected = mean * (1 - mean) * n / (n - 1)
    if not 0 <= mean <= 1 or abs(events - round(events)) > _ROUNDING * max(n, 1.0):
        raise InputError(
            f"row {row}: the share {mean:g} of {n:.0f} units is no whole number of units",
            hint="give the share unrounded: converted units over units",
        )
    if abs(variance - expected) > _ROUNDING + 1e-3 * expected:
        raise InputError(
            f"row {row}: the variance of a share of {mean:g} is {expected:g}, and {variance:g} is given",
            hint="give the variance of the units' zeros and ones",
        )
    return Cumulated(n=round(n), mean=round(events) / n, variance=variance, payers=float(round(events)))


def _number(record: Mapping[str, Any], name: str, row: int) -> float:
    try:
        value = float(record[name])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"row {row}: {name} is {record.get(name)!r}", hint="give a number") from error
    if not math.isfinite(value):
        raise InputError(f"row {row}: {name} is {value}; it must be finite", hint="look for missing values")
    return value


def _checked(name: str, cells: Cells, experiment: Experiment) -> Cells:
    ordered = dict(sorted(cells.items()))
    if not ordered:
        raise InputError(f"the table holds no row of the primary metric {name!r}", hint="add its summaries")
    before: dict[str, int] = {}
    for day, arms in ordered.items():
        absent = [arm.name for arm in experiment.arms if arm.name not in arms]
        if absent:
            raise InputError(f"{name} on {day}: the arm {absent[0]!r} is missing", hint="give every arm on every date")
        for arm, cell in arms.items():
            if cell.n < before.get(arm, 0):
                raise InputError(
                    f"{name} on {day}: {arm!r} has {cell.n:,} units, and {before[arm]:,} before; cumulative units "
                    "never fall",
                    hint="give all units so far on each date, not those of the day",
                )
            before[arm] = cell.n
    return ordered
