"""From journeys and models to the share of each touch in its event: one query for all models that weigh touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.models.roles import RoleModel
from incrementality.attribution.models.rules import RuleModel, Touch
from incrementality.errors import InputError, ValueNotAllowed
from incrementality.warehouse.sql import column, literal, named, parse, select_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.attribution.journeys import Journeys

__all__ = ["CreditModel", "RuleShares", "check_weights", "parted_models", "role_share_rows", "rule_shares"]

CreditModel = RuleModel | RoleModel

_ROLE_ROWS = """
SELECT e.*, t.touch_id AS touch_id, t.touch_at AS touch_at, t.position AS position, r.role AS role, r.share AS share
FROM roles AS r JOIN events AS e ON r.event_id = e.event_id
LEFT JOIN touches AS t ON r.event_id = t.event_id AND r.touch_id = t.touch_id
"""
_OF_THE_ROLE = ("function",)


@dataclass(frozen=True, slots=True)
class RuleShares:
    """All rule models on the same rows.

    Attributes:
        rows: The query of the journeys' rows with whatever ``shares`` and ``weights`` read.
        shares: For each model the share of a row in its event, as an expression on ``rows``.
        weights: For each model that is not trusted its weight, to be checked.
    """

    rows: exp.Expression
    shares: tuple[exp.Expression, ...]
    weights: tuple[tuple[RuleModel, exp.Expression], ...]


def parted_models(models: Iterable[CreditModel]) -> tuple[list[RuleModel], list[RoleModel]]:
    """Part models into those that weigh touches and those that name roles.

    Raises:
        InputError: There is none, or two of one name credit the same kind of event.
    """
    listed = list(models)
    if not listed:
        raise InputError("no model of credit is named", hint="name some, such as first, last and position")
    for k, model in enumerate(listed):
        for other in listed[:k]:
            if model.name == other.name and (not model.kinds or not other.kinds or set(model.kinds) & set(other.kinds)):
                raise InputError(
                    f"two models are called {model.name!r} and credit the same events",
                    hint="give each a name, or kinds of its own",
                )
    rules = [model for model in listed if isinstance(model, RuleModel)]
    return rules, [model for model in listed if isinstance(model, RoleModel)]


def rule_shares(journeys: Journeys, models: Sequence[RuleModel], *, without: Sequence[str] = ()) -> RuleShares:
    """Return the shares of all rule models in one query; sums over an event are only taken where a model needs them.

    What a model does with kinds of events that are not there, or are named in ``without``, is left out; the caller
    sets events of the latter aside.
    """
    weights = _of_kinds([_weight(model) for model in models], journeys, without)
    staged = [not m.normalised or w.find(exp.Window) is not None for m, w in zip(models, weights, strict=True)]
    rows = journeys.rows()
    first = [named(w, f"w_{k}") for k, w in enumerate(weights) if staged[k]]
    rows = _with_columns(rows, first)
    sums = [
        named(parse("sum($w) OVER (PARTITION BY event_id)", w=column(f"w_{k}")), f"n_{k}")
        for k, model in enumerate(models)
        if not model.normalised
    ]
    rows = _with_columns(rows, sums)
    shares = [_share(k, model) if staged[k] or not model.normalised else weights[k] for k, model in enumerate(models)]
    checked = [
        (model, column(f"w_{k}") if staged[k] else weights[k].copy())
        for k, model in enumerate(models)
        if not model.trusted
    ]
    return RuleShares(rows, tuple(shares), tuple(checked))


def check_weights(model: RuleModel, least: float, most: float) -> None:
    """Check the smallest and the largest weight of a model.

    Raises:
        ValueNotAllowed: One is no number from 0.
    """
    if not (least >= 0 and most < float("inf")):
        raise ValueNotAllowed(
            f"the model {model.name!r} weighs touches from {least} to {most}; weights are numbers from 0",
            hint="wrap the weight in greatest(..., 0), and make sure that nothing is divided by zero",
        )


def _weight(model: RuleModel) -> exp.Expression:
    weight = model.weight(Touch())
    if model.kinds:
        among = exp.In(this=column("kind"), expressions=[literal(kind) for kind in model.kinds])
        weight = parse("CASE WHEN $among THEN $weight ELSE 0e0 END", among=among, weight=weight)
    return weight if model.trusted else parse("coalesce(CAST($weight AS DOUBLE), 0e0)", weight=weight)


def _of_kinds(weights: list[exp.Expression], journeys: Journeys, without: Sequence[str]) -> list[exp.Expression]:
    """Leave out what is only weighed for kinds of events that are not there, and is dear where it looks around."""
    if not any(_kind_of(branch) for weight in weights for branch in weight.find_all(exp.If)):
        return weights
    kinds = set(journeys.kinds()) - set(without)
    return [weight.transform(_without_absent, kinds) for weight in weights]


def _without_absent(node: exp.Expression, kinds: set[str]) -> exp.Expression:
    if not isinstance(node, exp.Case) or node.this is not None:
        return node
    kept = [branch for branch in node.args["ifs"] if _kind_of(branch) is None or _kind_of(branch) in kinds]
    if len(kept) == len(node.args["ifs"]):
        return node
    default = node.args.get("default")
    return exp.Case(ifs=kept, default=default) if kept else _without_absent(default or exp.null(), kinds)


def _kind_of(branch: exp.If) -> str | None:
    """Return the one kind of events that a branch is about, if it is about one."""
    test = branch.this
    about = isinstance(test, exp.EQ) and test.this == column("kind") and isinstance(test.expression, exp.Literal)
    return str(test.expression.this) if about else None


def _share(k: int, model: RuleModel) -> exp.Expression:
    if model.normalised:
        return column(f"w_{k}")
    return parse("CASE WHEN $n > 0e0 THEN $w / $n ELSE 0e0 END", n=column(f"n_{k}"), w=column(f"w_{k}"))


def _with_columns(rows: exp.Expression, added: list[exp.Expression]) -> exp.Expression:
    if not added:
        return rows
    query = select_from(rows)
    query.set("expressions", [exp.Star(), *added])
    return query


def role_share_rows(journeys: Journeys, model: RoleModel, labels: Sequence[str]) -> exp.Expression:
    """Return the query of a role model's rows: the event's columns, ``touch_id``, ``touch_at``, labels, role, share.

    The function is the one that the model names; other labels are those of the touch that stands for the role.
    """
    query = parse(
        _ROLE_ROWS,
        roles=exp.Subquery(this=model.rows(journeys)),
        events=exp.Subquery(this=journeys.event_rows()),
        touches=exp.Subquery(this=journeys.source_rows()),
    )
    added = [named(column(name, of="r" if name in _OF_THE_ROLE else "t"), name) for name in labels]
    query.set("expressions", [*query.expressions, *added])
    return query
