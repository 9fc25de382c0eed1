"""From unrounded shares to whole minor units: the largest remainder, exactly, in the engine.

Shares become whole numbers of 10^-12 first, each row by itself; from there on everything is integer arithmetic, so
neither the order of rows nor the number of threads can move a cent. Of equal remainders the one gains whose first
touch came earlier; touches of one moment follow their ids. Parts that rest on no touch come last: source, close,
assist, then by name.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.journey_columns import LABELS
from incrementality.attribution.labels import UNALLOCATED, UNKNOWN, label_of
from incrementality.attribution.membership import all_of, any_of
from incrementality.attribution.models.roles import RoleModel
from incrementality.attribution.shares import check_weights, parted_models, role_share_rows, rule_shares
from incrementality.errors import ValueNotAllowed
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from incrementality.attribution.journeys import Journeys
    from incrementality.attribution.models.rules import RuleModel
    from incrementality.attribution.shares import CreditModel

__all__ = ["CELL_SEPARATOR", "check_shares", "rounded_rows"]

CELL_SEPARATOR = " x "
_WHOLE = 10**12
_SLACK = 1_000
_UNITS = f"CAST(round(($share) * {_WHOLE}e0) AS BIGINT)"
_LONG = """
SELECT w.event_id AS event_id, m.k AS k, 'none' AS role, w.place AS place, $units AS units
FROM wide AS w CROSS JOIN models AS m
"""
_ROLES = "SELECT event_id AS event_id, $k AS k, role AS role, min(position) AS place FROM rows AS r"
_SUMMED = "SELECT event_id, k, sum(units) AS units FROM parts GROUP BY 1, 2"
_REST = f"""
SELECT e.event_id AS event_id, m.k AS k, 'none' AS role, CAST(NULL AS BIGINT) AS place,
  {_WHOLE} - CASE WHEN s.units IS NULL THEN 0 ELSE s.units END AS units
FROM events AS e CROSS JOIN models AS m LEFT JOIN summed AS s ON e.event_id = s.event_id AND m.k = s.k
WHERE ($covered) AND (s.units IS NULL OR s.units = 0 OR (m.roles AND {_WHOLE} - s.units > {_SLACK}))
"""  # noqa: S608 - constants
_EVERY = "SELECT *, FALSE AS is_rest FROM parts WHERE units > 0 UNION ALL SELECT *, TRUE AS is_rest FROM rest"
_WEIGHED = f"""
SELECT p.*, e.amount AS amount,
  CASE WHEN s.units IS NULL OR s.units = 0 OR (p.k >= $roles AND {_WHOLE} - s.units > {_SLACK}) THEN {_WHOLE}
    ELSE CAST(s.units AS BIGINT) END AS of_units
FROM every AS p JOIN events AS e ON p.event_id = e.event_id
LEFT JOIN summed AS s ON p.event_id = s.event_id AND p.k = s.k
"""  # noqa: S608 - constants
_DIVIDED = """
SELECT *, CAST(CAST(abs(amount) AS HUGEINT) * units // of_units AS BIGINT) AS floor_units,
  CAST(CAST(abs(amount) AS HUGEINT) * units % of_units AS BIGINT) AS remainder
FROM weighed
"""
_TURNS = """
SELECT *, abs(amount) - sum(floor_units) OVER (PARTITION BY event_id, k) AS left_over,
  row_number() OVER (PARTITION BY event_id, k ORDER BY remainder DESC, place ASC NULLS LAST, is_rest,
    CASE role WHEN 'source' THEN 1 WHEN 'close' THEN 2 WHEN 'assist' THEN 3 ELSE 4 END, $name) AS turn
FROM divided
"""
_LEDGER = """
SELECT t.event_id AS event_id, e.account_id AS account_id, e.kind AS kind, e.event_at AS event_at,
  m.model AS model, t.role AS role,
  CAST(sign(t.amount) * (t.floor_units + CASE WHEN t.turn <= t.left_over THEN 1 ELSE 0 END) AS BIGINT) AS credit,
  CAST(t.amount AS DOUBLE) * (CAST(t.units AS DOUBLE) / CAST(t.of_units AS DOUBLE)) AS unrounded
FROM turns AS t JOIN events AS e ON t.event_id = e.event_id JOIN models AS m ON t.k = m.k
"""
_TOO_MUCH = f"SELECT count(*) FROM summed WHERE units > {_WHOLE + _SLACK}"  # noqa: S608 - constants


def rounded_rows(
    journeys: Journeys, models: Iterable[CreditModel], labels: Sequence[str], cell: Sequence[str]
) -> exp.Expression:
    """Return the query of the ledger's rows: each event's amount split into whole units, for each model.

    Args:
        journeys: The journeys.
        models: The models; those whose weights are not trusted, and models of roles, are checked first.
        labels: Which labels part the credit of an event.
        cell: Labels that are joined into the column ``cell``.

    Raises:
        ValueNotAllowed: A model weighs below zero, or models of roles give more than there is.
    """
    rules, roles = parted_models(models)
    every: list[CreditModel] = [*rules, *roles]
    wanted = tuple(dict.fromkeys([*labels, *(name for name in cell if name in LABELS)]))
    steps = {"events": journeys.event_rows()}
    steps |= _part_steps(journeys, rules, roles, wanted)
    table = _table(every)
    steps |= {
        "summed": parse(_SUMMED),
        "rest": _labelled(parse(_REST, models=table, covered=_covered(every)), wanted, UNALLOCATED),
        "every": parse(_EVERY),
        "weighed": parse(_WEIGHED, roles=literal(len(rules))),
        "divided": parse(_DIVIDED),
        "turns": parse(_TURNS, name=column("function" if roles else "k")),  # two touches never share a place
    }
    query = parse(_LEDGER, models=table)
    query.set("expressions", [*query.expressions[:-2], *_shown(labels, cell), *query.expressions[-2:]])
    return _with_steps(query, steps)


def check_shares(journeys: Journeys, models: Iterable[CreditModel]) -> None:
    """Check that no model weighs below zero, and that no model of roles gives more than there is.

    Raises:
        ValueNotAllowed: One does.
    """
    rules, roles = parted_models(models)
    untrusted = [model for model in rules if not model.trusted]
    if untrusted:
        found = rule_shares(journeys, untrusted)
        query = parse("SELECT 1 FROM rows AS r", rows=exp.Subquery(this=found.rows))
        query.set("expressions", [parse(f"{end}($w)", w=w) for _, w in found.weights for end in ("min", "max")])
        row = journeys.warehouse.row(query)
        for k, model in enumerate(untrusted):
            check_weights(model, *row[2 * k : 2 * k + 2])
    for named_roles in roles:
        steps = _part_steps(journeys, [], [named_roles], ()) | {"summed": parse(_SUMMED)}
        (over,) = journeys.warehouse.row(_with_steps(parse(_TOO_MUCH), steps))
        if over:
            raise ValueNotAllowed(
                f"the model {named_roles.name!r} gives more than the whole of {over} events; credit adds up to 100 %",
                hint="shares that overlap are influence, not credit: use Influence, or shares that add up to one",
            )


def _with_steps(query: exp.Expression, steps: Mapping[str, exp.Expression]) -> exp.Expression:
    for name, step in steps.items():
        query = query.with_(name, step, copy=False)  # type: ignore[attr-defined]
    return query


def _part_steps(
    journeys: Journeys, rules: Sequence[RuleModel], roles: Sequence[RoleModel], labels: Sequence[str]
) -> dict[str, exp.Expression]:
    """Return the steps up to ``parts``: one row an event, model, role and labels, with its units of the share."""
    steps: dict[str, exp.Expression] = {}
    parts: list[exp.Expression] = []
    if rules:
        steps["wide"] = _wide(journeys, rules, labels)
        units = exp.Case(this=column("k", of="m"))
        for k in range(len(rules)):
            units = units.when(literal(k), column(f"u_{k}", of="w"))
        long = parse(_LONG, models=_table(rules), units=units)
        long.set("expressions", [*long.expressions, *(named(column(name, of="w"), name) for name in labels)])
        parts.append(long)
    parts += [_role_parts(journeys, model, len(rules) + k, labels) for k, model in enumerate(roles)]
    steps["parts"] = reduce(lambda one, other: exp.Union(this=one, expression=other, distinct=False), parts)
    return steps


def _wide(journeys: Journeys, rules: Sequence[RuleModel], labels: Sequence[str]) -> exp.Expression:
    found = rule_shares(journeys, rules)
    query = parse("SELECT event_id, min(position) AS place FROM rows AS r", rows=exp.Subquery(this=found.rows))
    units = [named(parse(f"sum({_UNITS})", share=share), f"u_{k}") for k, share in enumerate(found.shares)]
    query.set("expressions", [*query.expressions, *units, *(named(label_of(name), name) for name in labels)])
    query.set("group", _grouped_by([column("event_id"), *map(label_of, labels)]))
    return query


def _role_parts(journeys: Journeys, model: RoleModel, k: int, labels: Sequence[str]) -> exp.Expression:
    rows = role_share_rows(journeys, model, tuple(dict.fromkeys([*labels, "function"])))
    query = parse(_ROLES, rows=exp.Subquery(this=rows), k=literal(k))
    units = named(parse(f"sum({_UNITS})", share=column("share")), "units")
    query.set("expressions", [*query.expressions, units, *(named(label_of(name), name) for name in labels)])
    query.set("group", _grouped_by([column("event_id"), column("role"), *map(label_of, labels)]))
    return query


def _grouped_by(nodes: Sequence[exp.Expression]) -> exp.Group:
    return exp.Group(expressions=list(nodes))


def _table(models: Sequence[CreditModel]) -> exp.Expression:
    """Return the models as a table: ``k``, ``model``, ``roles``."""
    rows = [(literal(k), literal(m.name), literal(isinstance(m, RoleModel))) for k, m in enumerate(models)]
    values = exp.values(rows, alias="v", columns=["k", "model", "roles"])
    return exp.Subquery(this=parse("SELECT * FROM v", v=values))


def _covered(models: Sequence[CreditModel]) -> exp.Expression:
    """Return whether the model ``m`` credits the event ``e``."""
    tests = []
    for k, model in enumerate(models):
        test = parse("m.k = $k", k=literal(k))
        if model.kinds:
            kinds = [literal(kind) for kind in model.kinds]
            test = all_of([test, exp.In(this=column("kind", of="e"), expressions=kinds)])
        tests.append(test)
    return any_of(tests)


def _labelled(query: exp.Expression, labels: Sequence[str], word: str) -> exp.Expression:
    query.set("expressions", [*query.expressions, *(named(literal(word), name) for name in labels)])
    return query


def _shown(labels: Sequence[str], cell: Sequence[str]) -> list[exp.Expression]:
    joined: list[exp.Expression] = []
    for name in cell:
        known = column(name, of="t") if name in LABELS else parse("coalesce(e.segment, $word)", word=literal(UNKNOWN))
        joined += [literal(CELL_SEPARATOR), known] if joined else [known]
    text = reduce(lambda one, other: exp.DPipe(this=one, expression=other, safe=True), joined)
    return [*(named(column(name, of="t"), name) for name in labels), named(text, "cell")]
