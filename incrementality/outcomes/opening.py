"""From a source to the unit table: columns checked, categories spread, non-finite and missing values settled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import ColumnTypeError, EmptyTable, InputError, InvalidUnitId, ValueNotAllowed
from incrementality.outcomes.outcome_columns import outcome_columns
from incrementality.outcomes.population import FLAG, MOMENT, PROBABILITY, population_rule
from incrementality.outcomes.unit_table import UnitTable
from incrementality.tables import ARM, COVARIATE, GROUP, OUTCOME, UNIT_ID, Part, check_columns
from incrementality.warehouse import pilot_means
from incrementality.warehouse.sql import column, literal, not_nan, number_of, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from incrementality.experiment import Experiment
    from incrementality.warehouse import Locator, Reduction, Relation, Warehouse

__all__ = ["open_unit_table", "settle"]

_MOST_LEVELS = 50
_EXAMPLES = 3


def open_unit_table(warehouse: Warehouse, locator: Locator, experiment: Experiment) -> UnitTable:
    """Open a source that brings its own assignment, and check its columns.

    Args:
        warehouse: The engine.
        locator: Where the source lies.
        experiment: Maps columns to unit, arm, cluster, stratum, covariates, outcomes and who counts.

    Raises:
        ColumnNotFound: A column that the experiment names is missing.
        ColumnTypeError: A column has a type that its part does not allow.
        InvalidUnitId: Ids are decimals.
        EmptyTable: There are no rows.
        ValueNotAllowed: Eligibility or delivery holds anything but 0, 1 and nothing.
    """
    source = locator.path.name if locator.path is not None else locator.written
    parts = _parts(experiment)
    relation = warehouse.open(locator, columns=tuple(dict.fromkeys(name for name, _ in parts)))
    if not warehouse.query(parse("SELECT 1 FROM source LIMIT 1", source=relation.name)):
        raise EmptyTable(f"{source} has columns and no rows", hint="check the export; it may have failed half-way")
    _check_unit_type(experiment, relation, source)
    _check_text_outcomes(warehouse, relation, experiment, source)
    check_columns(parts, relation.columns, source=source)
    outcomes = outcome_columns(warehouse, relation, experiment, source=source)
    numeric, levels = _covariates(warehouse, relation, experiment, source)
    strata = _strata(warehouse, relation, experiment, source)
    table = UnitTable(
        warehouse=warehouse,
        relation=relation,
        experiment=experiment,
        source=source,
        outcomes=outcomes,
        covariates={**numeric, **levels},
        strata=strata,
        rule=population_rule(warehouse, relation, experiment, source=source),
    )
    _check_names(outcomes, table.exposure, numeric, strata, levels, source=source)
    return _with_shift(table)


def settle(table: UnitTable) -> tuple[UnitTable, Reduction]:
    """Return the table with finite columns and marked missing covariates, and its moments.

    One pass is enough for clean data. Not-a-number counts as missing; a missing covariate gets an indicator.

    Raises:
        ValueNotAllowed: A column holds infinity, or a conversion holds anything but 0, 1 and missing.
    """
    reduction = table.reduce()
    broken = _not_finite(reduction)
    if broken:
        table = _with_shift(_without_nan(table, broken))
        reduction = table.reduce()
        if infinite := _not_finite(reduction):
            raise ValueNotAllowed(
                f"column {min(infinite)!r} of {table.source} holds infinite values",
                hint="look for divisions by zero where the column is made",
            )
    _check_conversions(table, reduction)
    moments = reduction.moments
    missing = [
        name
        for name, count in zip(moments.columns, moments.count.sum(0), strict=True)
        if name in table.covariates and count < moments.n.sum()
    ]
    if missing:
        table = table.with_missing_indicators(missing)
        reduction = table.reduce()
    return table, reduction


def _parts(experiment: Experiment) -> list[tuple[str, Part]]:
    data = experiment.data
    parts: list[tuple[str, Part]] = [(data.arm, ARM)]
    parts += [(name, UNIT_ID) for name in (data.unit,) if name is not None]
    parts += [(name, GROUP) for name in (data.cluster, data.stratum, data.block) if name is not None]
    parts += [(name, FLAG) for name in (data.eligible, data.delivered) if name is not None]
    parts += [(name, MOMENT) for name in (data.t0,) if name is not None]
    parts += [(name, PROBABILITY) for name in (data.p_arm,) if name is not None]
    parts += [
        (name, OUTCOME if metric.at is None else MOMENT) for metric in experiment.metrics for name in metric.reads
    ]
    parts += [(covariate.column, COVARIATE) for covariate in data.covariates]
    parts += [(name, GROUP) for name in data.concurrent.values()]
    return parts + [(segment.column, GROUP) for segment in experiment.segments]


def _check_unit_type(experiment: Experiment, relation: Relation, source: str) -> None:
    name = experiment.data.unit
    if name is not None and relation.columns.get(name) in {"float", "decimal"}:
        raise InvalidUnitId(
            f"column {name!r} of {source} is the unit id and holds decimals; 123.0 is never taken for 123",
            hint=UNIT_ID.hint,
        )


def _check_text_outcomes(warehouse: Warehouse, relation: Relation, experiment: Experiment, source: str) -> None:
    for metric in experiment.metrics:
        for name in metric.reads if metric.at is None else ():
            if relation.columns.get(name) == "text":
                raise ColumnTypeError(
                    f"column {name!r} of {source} is the outcome of {metric.name!r} and holds text"
                    + _examples(warehouse, relation, name),
                    hint=OUTCOME.hint,
                )


def _examples(warehouse: Warehouse, relation: Relation, name: str) -> str:
    """A few values that are no numbers: the shortest, since they are codes like n/a and not free text."""
    query = parse(
        "SELECT v, count(*) FROM (SELECT $x AS v FROM source WHERE $x IS NOT NULL) AS t "
        "GROUP BY v ORDER BY length(v), v LIMIT 1000",
        x=column(name),
        source=relation.name,
    )
    found = [(str(value), int(rows)) for value, rows in warehouse.query(query) if not _is_number(str(value))]
    shown = ", ".join(f"{value[:20]!r} ({rows:,} rows)" for value, rows in found[:_EXAMPLES])
    return f", for example {shown}" if shown else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(relation: Relation, name: str) -> exp.Expression:
    return number_of(name, relation.columns[name])


def _covariates(
    warehouse: Warehouse, relation: Relation, experiment: Experiment, source: str
) -> tuple[dict[str, exp.Expression], dict[str, exp.Expression]]:
    numeric: dict[str, exp.Expression] = {}
    levels: dict[str, exp.Expression] = {}
    for covariate in experiment.data.covariates:
        name, text = covariate.column, relation.columns[covariate.column] == "text"
        if text and covariate.kind == "numeric":
            raise ColumnTypeError(f"covariate {name!r} of {source} is text, not numeric", hint="remove its 'kind'")
        if text or covariate.kind == "categorical":
            found = _indicators(warehouse, relation, name, source)
            _check_names(levels, found, source=source)
            levels |= found
        else:
            numeric[name] = _number(relation, name)
    return numeric, levels


def _strata(warehouse: Warehouse, relation: Relation, experiment: Experiment, source: str) -> dict[str, exp.Expression]:
    name = experiment.data.stratum
    if name is None:
        return {}
    try:
        return _indicators(warehouse, relation, name, source)
    except InputError as error:
        hint = "where arms were drawn within many small groups, map the column as data.block; or join its values"
        raise InputError(error.message, hint=hint) from error


def _indicators(warehouse: Warehouse, relation: Relation, name: str, source: str) -> dict[str, exp.Expression]:
    """An indicator for each value of a column but the first; missing is a value of its own."""
    query = parse(
        f"SELECT DISTINCT $x AS v FROM source ORDER BY v LIMIT {_MOST_LEVELS + 2}",  # noqa: S608 - a constant
        x=column(name),
        source=relation.name,
    )
    found = [row[0] for row in warehouse.query(query)]
    values = sorted((value for value in found if value is not None), key=str)
    if len(values) > _MOST_LEVELS:
        raise InputError(
            f"column {name!r} of {source} has more than {_MOST_LEVELS} values; each would be a parameter of its own",
            hint="group its values into a few, or drop it",
        )
    indicators = {
        f"{name}={value}": parse("CASE WHEN $x = $value THEN 1e0 ELSE 0e0 END", x=column(name), value=literal(value))
        for value in values[1:]
    }
    if len(values) < len(found):
        indicators[f"{name} missing"] = parse("CASE WHEN $x IS NULL THEN 1e0 ELSE 0e0 END", x=column(name))
    return indicators


def _check_names(*columns: Mapping[str, exp.Expression], source: str) -> None:
    """One name, one column: the indicator of a value may be called like another column."""
    known: dict[str, exp.Expression] = {}
    for name, expression in (item for part in columns for item in part.items()):
        if known.setdefault(name, expression) != expression:
            raise InputError(
                f"{name!r} names two things in {source}: a column, and a value of a column ('column=value')",
                hint="rename the column",
            )


def _with_shift(table: UnitTable) -> UnitTable:
    """Return the table with a shift near each column's mean; none for 0/1 columns, so their sums stay exact."""
    conversions = {
        name for metric in table.experiment.metrics if metric.kind == "conversion" for name in metric.columns
    }
    amounts = {name: e for name, e in table.outcomes.items() if name not in conversions}
    amounts |= {name: e for name, e in table.covariates.items() if name in table.relation.columns}
    return replace(table, shift=pilot_means(table.warehouse, table.relation.name, amounts))


def _without_nan(table: UnitTable, names: set[str]) -> UnitTable:
    return replace(
        table,
        outcomes={n: not_nan(e) if n in names else e for n, e in table.outcomes.items()},
        covariates={n: not_nan(e) if n in names else e for n, e in table.covariates.items()},
    )


def _not_finite(reduction: Reduction) -> set[str]:
    moments = reduction.moments
    squares = np.diagonal(moments.products, axis1=1, axis2=2)
    finite = np.isfinite(moments.sums) & np.isfinite(squares)
    return {name for name, good in zip(moments.columns, finite.T, strict=True) if not good.all()}


def _check_conversions(table: UnitTable, reduction: Reduction) -> None:
    """Whole numbers, or numbers in [0, 1], whose sum equals their sum of squares are each 0 or 1."""
    moments = reduction.moments
    for metric in table.experiment.metrics:
        if metric.kind != "conversion":
            continue
        name = metric.columns[0]
        k = moments.columns.index(name)
        outside = reduction.minimum.get(name, 0) < 0 or reduction.maximum.get(name, 1) > 1
        if outside or moments.sums[:, k].sum() != moments.products[:, k, k].sum():
            y, source = table.outcomes[name], table.relation.name
            low, high = table.warehouse.row(parse("SELECT min($y), max($y) FROM source", y=y, source=source))
            raise ValueNotAllowed(
                f"column {name!r} of {table.source} is the conversion {metric.name!r} and holds values from {low:g} "
                f"to {high:g} that are not only 0 and 1",
                hint="use kind: mean for counts and amounts, or export 0 and 1",
            )
