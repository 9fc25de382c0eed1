"""The credit ledger: each event's amount split to the cent, for each model; what adds up, and what must not."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.journey_columns import LABELS
from incrementality.attribution.labels import SHOWN_BESIDE, UNALLOCATED, UNKNOWN
from incrementality.attribution.reconciliation import Reconciliation, ReconciliationRow
from incrementality.attribution.rounding import check_shares, rounded_rows
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from incrementality.attribution.journeys import Journeys
    from incrementality.attribution.shares import CreditModel
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["LEDGER_LABELS", "CreditLedger", "LedgerTotals", "make_ledger"]

LEDGER_LABELS = ("function", "type", "channel", "journey")
_NUMBERS = count(1)
_BY_MODEL = """
SELECT model, sum(CASE WHEN NOT ($aside) AND function NOT IN ($unknown, $unallocated) THEN credit ELSE 0 END),
  sum(CASE WHEN NOT ($aside) AND function = $unknown THEN credit ELSE 0 END),
  sum(CASE WHEN NOT ($aside) AND function = $unallocated THEN credit ELSE 0 END),
  sum(CASE WHEN $aside THEN credit ELSE 0 END)
FROM source GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class LedgerTotals(DisplayMixin):
    """Sums of a ledger by its columns, for each model.

    Attributes:
        by: The columns.
        models: The models.
        cells: For each combination of values the sum of each model, in minor units or micro-deals.
        rounded: Whether the sums are those of whole cents; otherwise of the unrounded credit.
    """

    by: tuple[str, ...]
    models: tuple[str, ...]
    cells: dict[tuple[str, ...], tuple[float, ...]]
    rounded: bool

    def of(self, model: str) -> dict[tuple[str, ...], float]:
        """Return one model's sums by the columns' values."""
        place = self.models.index(model)
        return {key: values[place] for key, values in self.cells.items()}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a combination of values."""
        return tuple(
            dict(zip(self.by, key, strict=True)) | dict(zip(self.models, values, strict=True))
            for key, values in self.cells.items()
        )


@dataclass(frozen=True, slots=True)
class CreditLedger:
    """Who touched the revenue, to the cent: one row an event, model, role and combination of labels.

    Columns: ``event_id, account_id, kind, event_at, model, role, function, type, channel, journey, cell, credit,
    unrounded``. ``credit`` is in whole minor units (or millionths of a deal) and adds up to each event's amount for
    each model; ``unrounded`` is the same before rounding. The function ``unknown`` is credit whose function nobody
    knows, ``unallocated`` what no touch in the window and no role was given.

    Attributes:
        warehouse: The engine that holds the rows.
        rows: The rows.
        models: The models.
        unit: ``money`` or ``deals``.
        revenue: For each model what the events are worth that it covers.
        beside: For each model what the labels on them are worth (customers saved); never part of the revenue.
        fingerprint: Of the measurement specification that it was made with; empty where none was given.
    """

    warehouse: Warehouse = field(repr=False)
    rows: Relation = field(repr=False)
    models: tuple[str, ...]
    unit: str
    revenue: dict[str, int]
    fingerprint: str = ""
    beside: dict[str, int] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The ledger's columns in order."""
        return tuple(self.rows.columns)

    def totals(
        self, by: Sequence[str] = ("function",), *, rounded: bool = True, beside: Sequence[str] = SHOWN_BESIDE
    ) -> LedgerTotals:
        """Return sums by columns, each model beside the others.

        Args:
            by: Columns of the ledger.
            rounded: Whether whole cents are summed; otherwise unrounded credit is, as tables of shares want it.
            beside: Kinds that only label money of another kind; left out unless ``by`` names ``kind``.

        Raises:
            InputError: The ledger has no such column.
        """
        self._check(by)
        amount = parse("sum(credit)" if rounded else "sum(unrounded)")
        query = parse("SELECT 1 FROM source", source=self.rows.name)
        query.set("expressions", [*(named(column(name), f"by_{name}") for name in by), column("model"), amount])
        if "kind" not in by and beside:
            query.set("where", exp.Where(this=exp.Not(this=_among("kind", beside))))
        query.set("group", exp.Group(expressions=[literal(k + 1) for k in range(len(by) + 1)]))
        cells: dict[tuple[str, ...], list[float]] = {}
        for *key, model, found in self.warehouse.query(query):
            values = cells.setdefault(tuple(map(str, key)), [0] * len(self.models))
            values[self.models.index(model)] = int(found) if rounded else float(found)
        ordered = sorted(cells, key=lambda key: (UNALLOCATED in key, key))
        return LedgerTotals(tuple(by), self.models, {key: tuple(cells[key]) for key in ordered}, rounded)

    def reconcile(
        self, *, revenue_in: int | None = None, quarantined: Mapping[str, int] | None = None
    ) -> Reconciliation:
        """Show that revenue in = credited + unknown + unallocated + quarantined, for each model, in whole units.

        Kinds that only label money of another kind (customers saved) are not part of it; their credit adds up to what
        they label on its own.

        Args:
            revenue_in: What came in before anything was set aside; default: the events' amounts and what was set
                aside.
            quarantined: What was set aside before the journeys, by reason.
        """
        places = {"unknown": literal(UNKNOWN), "unallocated": literal(UNALLOCATED)}
        query = parse(_BY_MODEL, source=self.rows.name, aside=_among("kind", SHOWN_BESIDE), **places)
        found = {model: tuple(map(int, sums)) for model, *sums in self.warehouse.query(query)}
        aside = sum((quarantined or {}).values())
        rows = []
        for model in self.models:
            credited, unknown, unallocated, labelled = found.get(model, (0, 0, 0, 0))
            came_in = self.revenue[model] + aside if revenue_in is None else revenue_in
            over = labelled - self.beside.get(model, 0)
            rows.append(ReconciliationRow(model, came_in, credited, unknown, unallocated, aside, labelled, over))
        return Reconciliation(tuple(rows), dict(quarantined or {}), self.unit)

    def to_frame(self) -> pd.DataFrame:
        """Return all rows as a pandas frame, in the order of event, model and credit."""
        import pandas as pd

        order = ", ".join(f"{name} ASC NULLS FIRST" for name in self.columns)
        query = parse(f"SELECT * FROM source ORDER BY {order}", source=self.rows.name)  # noqa: S608 - own columns
        return pd.DataFrame(self.warehouse.query(query), columns=list(self.columns))

    def _check(self, by: Sequence[str]) -> None:
        allowed = [name for name in self.columns if name not in ("credit", "unrounded", "model")]
        for name in by:
            if name not in allowed:
                raise InputError(
                    f"{name!r} is no column to sum a ledger by; allowed: {', '.join(allowed)}."
                    f"{did_you_mean(name, allowed)}",
                    hint="name one of these",
                )


def make_ledger(
    journeys: Journeys,
    models: Iterable[CreditModel],
    *,
    labels: Sequence[str] = LEDGER_LABELS,
    cell: Sequence[str] = ("function", "journey"),
    fingerprint: str = "",
) -> CreditLedger:
    """Split each event's amount by each model, to the cent, and store the rows in the engine.

    Largest remainder by event and model: of equal remainders the one gains whose first touch came earlier. Neither
    the order of rows nor the number of threads matters. Negative amounts are split like positive ones.

    Args:
        journeys: The journeys.
        models: The models side by side.
        labels: Labels of touches by which an event's credit is parted; ``function`` is one of them.
        cell: Labels, or ``segment``, that are joined into ``cell``, the unit that experiments switch off.
        fingerprint: Of the measurement specification.

    Raises:
        InputError: A label is not known, or two models of one name credit the same events.
        ValueNotAllowed: A model weighs below zero, or a model of roles gives more than there is.

    Examples:
        >>> import numpy as np
        >>> from incrementality.attribution import RULE_MODELS, WINDOW_PRESETS, open_journeys
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     touches = engine.open(frame_locator({
        ...         "touch_id": np.array([1, 2, 3]), "account_id": np.array([7, 7, 7]),
        ...         "function": np.array(["marketing", "sdr", "ae"], dtype=object),
        ...         "occurred_at": np.array(["2026-01-05", "2026-01-06", "2026-02-01"], dtype="datetime64[us]")}))
        ...     events = engine.open(frame_locator({
        ...         "event_id": np.array([1]), "account_id": np.array([7]), "kind": np.array(["new"], dtype=object),
        ...         "occurred_at": np.array(["2026-02-04"], dtype="datetime64[us]"), "amount": np.array([1000])}))
        ...     journeys = open_journeys(engine, touches, events, WINDOW_PRESETS["default"])
        ...     ledger = make_ledger(journeys, [RULE_MODELS["linear"]])
        ...     print(ledger.totals())
        ...     ledger.reconcile().holds
         function  linear
               ae     333
        marketing     334
              sdr     333
        True
    """
    listed = list(models)
    _check_labels(labels, cell)
    check_shares(journeys, listed)
    query = rounded_rows(journeys, listed, labels, cell)
    rows = journeys.warehouse.materialise(f"credit_ledger_{next(_NUMBERS)}", query)
    names = tuple(dict.fromkeys(model.name for model in listed))
    revenue, beside = _worth(journeys, listed)
    return CreditLedger(journeys.warehouse, rows, names, journeys.unit, revenue, fingerprint, beside)


def _worth(journeys: Journeys, models: Sequence[CreditModel]) -> tuple[dict[str, int], dict[str, int]]:
    """Return what the events are worth that each model covers, and what the labels on them are."""
    query = parse("SELECT kind, sum(amount) FROM rows AS r GROUP BY 1", rows=exp.Subquery(this=journeys.event_rows()))
    worth = {kind: int(amount) for kind, amount in journeys.warehouse.query(query)}
    revenue = dict.fromkeys((model.name for model in models), 0)
    beside = dict(revenue)
    for model in models:
        for kind, amount in worth.items():
            if not model.kinds or kind in model.kinds:
                (beside if kind in SHOWN_BESIDE else revenue)[model.name] += amount
    return revenue, beside


def _among(name: str, values: Sequence[str]) -> exp.Expression:
    return exp.In(this=column(name), expressions=[literal(value) for value in values])


def _check_labels(labels: Sequence[str], cell: Sequence[str]) -> None:
    for name in (*labels, *cell):
        if name not in LABELS and not (name == "segment" and name in cell):
            raise InputError(
                f"{name!r} is no label of a ledger; allowed: {', '.join(LABELS)}.{did_you_mean(name, LABELS)}",
                hint="name one of these",
            )
    if "function" not in labels or not cell:
        raise InputError("a ledger without functions or cells says nothing", hint="keep 'function', and a cell")
