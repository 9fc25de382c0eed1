"""Credit in total: all rule models in one pass over the journeys, unrounded; nothing is lost between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.journey_columns import LABELS
from incrementality.attribution.labels import NONE, SHOWN_BESIDE, UNALLOCATED, label_of
from incrementality.attribution.shares import (
    CreditModel,
    check_weights,
    parted_models,
    role_share_rows,
    rule_shares,
)
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse.sql import column, literal, named, parse, select_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.attribution.journeys import Journeys
    from incrementality.attribution.models.roles import RoleModel
    from incrementality.attribution.models.rules import RuleModel

__all__ = ["Credit", "credit_totals"]

_BY_EVENT = ("kind", "segment", "month", "quarter")
_NOTHING = 1e-9
_QUARTER = "CAST(extract(year FROM event_at) AS TEXT) || 'Q' || CAST(extract(quarter FROM event_at) AS TEXT)"
_MONTH = """
CAST(extract(year FROM event_at) AS TEXT) || CASE WHEN extract(month FROM event_at) < 10 THEN '-0' ELSE '-' END
  || CAST(extract(month FROM event_at) AS TEXT)
"""
_MOMENTS = {"month": _MONTH, "quarter": _QUARTER}
_AMOUNT = "sum(amount * ($share))"

_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credit(DisplayMixin):
    """Unrounded credit by labels, for several models side by side. Credit is who touched, never who caused.

    Each model's credit adds up to the revenue of the events that it covers: ``unknown`` is credit of touches or
    roles whose label is not known, ``unallocated`` that of events without a touch, or without one that weighs.

    Attributes:
        by: The labels.
        models: The models.
        cells: For each combination of labels how many touches it has and its credit by model, in minor units or
            micro-deals; sorted by label.
        revenue: What the events are worth that each model covers.
        unit: ``money`` or ``deals``.
    """

    by: tuple[str, ...]
    models: tuple[str, ...]
    cells: dict[tuple[str, ...], tuple[int, tuple[float, ...]]]
    revenue: dict[str, int]
    unit: str

    def of(self, model: str) -> dict[tuple[str, ...], float]:
        """Return one model's credit by labels.

        Raises:
            InputError: There is no such model.
        """
        if model not in self.models:
            raise InputError(
                f"no model is called {model!r}; there are: {', '.join(self.models)}.{did_you_mean(model, self.models)}",
                hint="ask for one of these",
            )
        place = self.models.index(model)
        return {key: values[place] for key, (_, values) in self.cells.items()}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a combination of labels."""
        return tuple(
            {**dict(zip(self.by, key, strict=True)), "touches": touches, **dict(zip(self.models, values, strict=True))}
            for key, (touches, values) in self.cells.items()
        )


def credit_totals(
    journeys: Journeys,
    models: Iterable[CreditModel],
    by: Sequence[str] = ("channel",),
    *,
    beside: Sequence[str] = SHOWN_BESIDE,
) -> Credit:
    """Return credit by labels, for all models at once.

    All rule models are one aggregate query over the journeys, computed where the data lies; each role model is one
    more. Amounts are unrounded; the ledger rounds.

    Args:
        journeys: The journeys.
        models: The models side by side.
        by: At least one label of a touch (``function``, ``channel``, ``type`` ...), and if need be labels of the
            event: ``kind``, ``segment``, ``month``, ``quarter``, or ``role``.
        beside: Kinds that only label money which another kind counts, such as customers saved among renewals; they
            are left out unless ``by`` names ``kind``.

    Raises:
        InputError: A label is not known, or none is of a touch; two models of one name credit the same events.
        ValueNotAllowed: A model of yours weighs below zero.

    Examples:
        >>> import numpy as np
        >>> from incrementality.attribution import RULE_MODELS, WINDOW_PRESETS, open_journeys
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     touches = engine.open(frame_locator({
        ...         "touch_id": np.array([1, 2]), "account_id": np.array([7, 7]),
        ...         "channel": np.array(["webinar", "phone"], dtype=object),
        ...         "occurred_at": np.array(["2026-01-05", "2026-02-01"], dtype="datetime64[us]")}))
        ...     events = engine.open(frame_locator({
        ...         "event_id": np.array([1]), "account_id": np.array([7]), "kind": np.array(["new"], dtype=object),
        ...         "occurred_at": np.array(["2026-02-04"], dtype="datetime64[us]"), "amount": np.array([1000])}))
        ...     journeys = open_journeys(engine, touches, events, WINDOW_PRESETS["default"])
        ...     print(credit_totals(journeys, [RULE_MODELS["first"], RULE_MODELS["linear"]]))
        channel      touches  first  linear
              phone        1      0     500
            webinar        1   1000     500
        unallocated        0      0       0
    """
    rules, roles = parted_models(models)
    _check_labels(by)
    every: list[CreditModel] = [*rules, *roles]
    left_out = () if "kind" in by else tuple(beside)
    sums = _Sums(tuple(dict.fromkeys(model.name for model in every)))
    if rules:
        _add_rules(sums, journeys, rules, by, left_out)
    for model in roles:
        _add_roles(sums, journeys, model, by, left_out)
    revenue = _leave_the_rest(sums, journeys, every, by, left_out)
    cells = {key: (sums.touches[key], tuple(sums.credit[key])) for key in sorted(sums.credit, key=_at_the_end)}
    return Credit(tuple(by), sums.models, cells, revenue, journeys.unit)


class _Sums:
    """Touches and credit by labels while they come in."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self.models = models
        self.touches: dict[_Key, int] = {}
        self.credit: dict[_Key, list[float]] = {}

    def add(self, key: _Key, model: str, amount: float, *, touches: int = 0) -> None:
        values = self.credit.setdefault(key, [0.0] * len(self.models))
        values[self.models.index(model)] += amount
        self.touches[key] = max(touches, self.touches.get(key, 0))


def _add_rules(
    sums: _Sums, journeys: Journeys, rules: Sequence[RuleModel], by: Sequence[str], left_out: Sequence[str]
) -> None:
    found = rule_shares(journeys, rules, without=left_out)
    extremes = [parse(f"{end}($w)", w=weight) for _, weight in found.weights for end in ("min", "max")]
    aggregates = [parse("count(*)"), *extremes]
    aggregates += [parse(_AMOUNT, share=share) for share in found.shares]
    start = len(by) + 1 + len(extremes)
    for row in journeys.warehouse.query(_grouped(found.rows, by, aggregates, left_out)):
        key = tuple(map(str, row[: len(by)]))
        for k, (model, _) in enumerate(found.weights):
            check_weights(model, *row[len(by) + 1 + 2 * k : len(by) + 3 + 2 * k])
        for model, amount in zip(rules, row[start:], strict=True):
            sums.add(key, model.name, float(amount), touches=row[len(by)])


def _add_roles(sums: _Sums, journeys: Journeys, model: RoleModel, by: Sequence[str], left_out: Sequence[str]) -> None:
    labels = [name for name in by if name in LABELS]
    rows = role_share_rows(journeys, model, labels)
    for row in journeys.warehouse.query(
        _grouped(rows, by, [parse(_AMOUNT, share=column("share"))], left_out, roles=True)
    ):
        sums.add(tuple(map(str, row[:-1])), model.name, float(row[-1]))


def _grouped(
    rows: exp.Expression,
    by: Sequence[str],
    aggregates: Sequence[exp.Expression],
    left_out: Sequence[str],
    *,
    roles: bool = False,
) -> exp.Expression:
    query = select_from(rows)
    query.set("expressions", [*(named(_label(name, roles=roles), f"by_{name}") for name in by), *aggregates])
    if left_out:
        query.set("where", exp.Where(this=_not_among(left_out)))
    query.set("group", exp.Group(expressions=[literal(k + 1) for k in range(len(by))]))
    return query


def _label(name: str, *, roles: bool = False) -> exp.Expression:
    """Return a label as text; what is not known says so."""
    if name == "role":
        return column("role") if roles else literal(NONE)
    if name in _MOMENTS:
        return parse(_MOMENTS[name])
    return column("kind") if name == "kind" else label_of(name)


def _not_among(kinds: Sequence[str]) -> exp.Expression:
    return exp.Not(this=exp.In(this=column("kind"), expressions=[literal(kind) for kind in kinds]))


def _leave_the_rest(
    sums: _Sums, journeys: Journeys, models: Sequence[CreditModel], by: Sequence[str], left_out: Sequence[str]
) -> dict[str, int]:
    """Add what no label was credited, and return what the events are worth that each model covers."""
    places = [k for k, name in enumerate(by) if name in _BY_EVENT]
    of_event = [by[k] for k in places]
    credited: dict[tuple[str, _Key], float] = {}
    for key, values in sums.credit.items():
        for name, amount in zip(sums.models, values, strict=True):
            place = (name, tuple(key[k] for k in places))
            credited[place] = credited.get(place, 0.0) + amount
    worth = _worth(journeys, models, of_event, left_out)
    for (name, labels), (amount, size) in worth.items():
        rest = amount - credited.get((name, labels), 0.0)
        sums.add(_unallocated(by, of_event, labels), name, 0.0 if abs(rest) <= _NOTHING * size else rest)
    return {name: sum(amount for (other, _), (amount, _) in worth.items() if other == name) for name in sums.models}


def _worth(
    journeys: Journeys, models: Sequence[CreditModel], of_event: Sequence[str], left_out: Sequence[str]
) -> dict[tuple[str, _Key], tuple[int, int]]:
    """Return for each model and each label of the event what the events that it covers are worth, and how large."""
    aggregates = [parse("sum(amount)"), parse("sum(abs(amount))")]
    worth: dict[tuple[str, _Key], tuple[int, int]] = {}
    for row in journeys.warehouse.query(_grouped(journeys.event_rows(), [*of_event, "kind"], aggregates, left_out)):
        labels, kind = tuple(map(str, row[:-3])), row[-3]
        for model in models:
            amount, size = worth.get((model.name, labels), (0, 0))
            covered = not model.kinds or kind in model.kinds
            worth[model.name, labels] = (amount + covered * int(row[-2]), size + covered * int(row[-1]))
    return worth


def _unallocated(by: Sequence[str], of_event: Sequence[str], labels: Sequence[str]) -> _Key:
    known = dict(zip(of_event, labels, strict=True))
    return tuple(known.get(name, NONE if name == "role" else UNALLOCATED) for name in by)


def _at_the_end(key: _Key) -> tuple[bool, _Key]:
    return UNALLOCATED in key, key


def _check_labels(by: Sequence[str]) -> None:
    allowed = (*LABELS, *_BY_EVENT, "role")
    for name in by:
        if name not in allowed:
            raise InputError(
                f"{name!r} is no label of credit; allowed: {', '.join(allowed)}.{did_you_mean(name, allowed)}",
                hint="name one of these",
            )
    if not set(by) & set(LABELS):
        raise InputError(
            f"{', '.join(by) or 'nothing'} names no label of a touch, so what is unallocated would have no row",
            hint="add one, such as function or channel",
        )
