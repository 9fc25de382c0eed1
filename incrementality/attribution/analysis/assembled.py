"""Puts the answers of an analysis together as one plain record, in the order in which they are read."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any

from incrementality.attribution.analysis.effort import kind_rows, trend_rows
from incrementality.attribution.analysis.quarters import Quarter
from incrementality.attribution.analysis.result import AnswerTable, AttributionResult
from incrementality.attribution.analysis.signals import signal_rows
from incrementality.attribution.analysis.titles import MONEY_COLUMNS, TITLES
from incrementality.attribution.labels import UNALLOCATED, UNKNOWN
from incrementality.attribution.specification import LEADING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from incrementality.attribution.analysis.company_analysis import CompanyAnalysis
    from incrementality.attribution.answers.model_comparison import ModelComparison
    from incrementality.attribution.answers.role_mix import RoleMix

__all__ = ["assemble_attribution"]

_MOST_DEALS = 20
_MOST_PAIRS = 3
_SHORT = ("cs", "sdr", "ae")


def assemble_attribution(
    analysis: CompanyAnalysis,
    *,
    name: str = "",
    warnings: Sequence[str] = (),
    manifest: Mapping[str, Any] | None = None,
) -> AttributionResult:
    """Return everything that an analysis answers, as plain values in currency units.

    Args:
        analysis: The analysis.
        name: The company's name.
        warnings: What a reader has to know before the numbers, beside what the analysis says itself.
        manifest: What it was made with.

    Raises:
        InputError: No event closed in the quarter.
        LedgerDoesNotReconcile: The ledger does not add up.
    """
    analysis.reconciliation.check()
    tables = tuple(table for table in _tables(analysis) if table.rows)
    company = analysis.company
    return AttributionResult(
        company=name,
        period=analysis.quarter.name,
        currency=analysis.currency,
        as_of=company.as_of.date().isoformat(),
        sentence=_sentence(analysis),
        tables=tables,
        warnings=(*warnings, *_warnings(analysis)),
        insufficient=analysis.insufficient,
        withheld=dict(analysis.learned.withheld),
        missing=dict(company.missing),
        fingerprints=analysis.spec.fingerprints,
        manifest={"specification": analysis.spec.fingerprint, **(manifest or {})},
    )


def _sentence(analysis: CompanyAnalysis) -> str:
    table = analysis.function_table
    named = [row for row in table.rows if row.function not in (UNKNOWN, UNALLOCATED)]
    first = max(named, key=lambda row: row.revenue_credited) if named else table.rows[0]
    whole = table.total.revenue_credited
    part = first.revenue_credited / whole if whole else 0.0
    return (
        f"{table.deals:,} revenue events of {analysis.quarter.name} are worth {analysis.currency} {whole:,.0f}; the "
        f"leading models credit {_word(first.function)} with {part:.0%} of it, more than any other function."
    ).replace("%", " %")


def _warnings(analysis: CompanyAnalysis) -> Iterator[str]:
    if analysis.insufficient:
        yield f"Ratios to cost are withheld. {analysis.insufficient}"
    counts = analysis.prepared.journeys.counts()
    if counts.other_anchor:
        yield f"{counts.other_anchor:,} events have no anchor of their own; their windows are counted from the close."
    if analysis.prepared.gave_way:
        gone = ", ".join(f"{channel} {n:,}" for channel, n in analysis.prepared.gave_way.items())
        yield f"Touches that gave way to another channel of the same visit: {gone}."
    if Quarter.ended_by(analysis.company.as_of).name < analysis.quarter.name:
        yield f"{analysis.quarter.name} was not over on {analysis.company.as_of.date()}; its figures will change."
    withheld = analysis.learned.withheld
    for reason in dict.fromkeys(withheld.values()):
        models = ", ".join(model for model in withheld if withheld[model] == reason)
        yield f"Counts for nothing: {models}. {reason}"


def _tables(analysis: CompanyAnalysis) -> Iterator[AnswerTable]:
    yield from _credit_tables(analysis)
    yield from _expansion_tables(analysis)
    yield from _money_tables(analysis)
    yield from _deal_tables(analysis)
    yield from _record_tables(analysis)


def _credit_tables(analysis: CompanyAnalysis) -> Iterator[AnswerTable]:
    cube, quarter, scale = analysis.cube, analysis.quarter, analysis.scale
    yield _table("reconciliation", analysis.reconciliation.to_dicts(), scale)
    yield _table("functions", analysis.function_table.to_dicts(), scale)
    yield _table("kinds", kind_rows(cube, quarter, scale), scale)
    yield _table("channels", _channels(analysis), scale)
    yield _table("comparison", analysis.comparison.to_dicts(), scale, note=_flips(analysis.comparison))
    intervals = [row for row in analysis.intervals.to_dicts() if row["model"] == LEADING]
    yield _table("intervals", intervals, scale)
    yield _table("influence", analysis.influence.to_dicts(), scale)
    yield _table("views", analysis.views.to_dicts(), scale)
    yield _table("trend", trend_rows(cube, quarter, scale), scale)


def _flips(comparison: ModelComparison) -> str:
    """Return what hangs on the model; of many pairs that turn around, the first ones by name."""
    pairs = [f"{_word(flip.first)} before {_word(flip.second)}" for flip in comparison.flips]
    if len(pairs) <= _MOST_PAIRS:
        return comparison.sentence
    return (
        f"{len(pairs)} pairs of functions change places under another model, among them "
        f"{', '.join(pairs[:_MOST_PAIRS])}. An experiment would settle it."
    )


def _word(function: str) -> str:
    return function.upper() if function in _SHORT else function


def _channels(analysis: CompanyAnalysis) -> list[dict[str, object]]:
    credit = analysis.cube.sums("channel", quarter=analysis.quarter.name, model=LEADING)
    whole = sum(credit.values())
    order = sorted(credit, key=lambda channel: (channel == UNALLOCATED, -credit[channel], channel))
    return [
        {
            "channel": channel,
            "revenue_credited": credit[channel] / analysis.scale,
            "share": credit[channel] / whole if whole else None,
        }
        for channel in order
    ]


def _expansion_tables(analysis: CompanyAnalysis) -> Iterator[AnswerTable]:
    mix, scale = analysis.quarter_mix, analysis.scale
    if mix is not None:
        yield _table("roles", mix.to_dicts(), scale)
        yield _table("matrix", _matrix(mix, scale), scale)
        yield _table("budget", mix.budget(decimals=round(log10(scale))).to_dicts(), scale)
    if analysis.role_mix is not None:
        rows = [{"quarter": quarter, **shares} for quarter, shares in analysis.role_mix.paths().items()]
        yield _table("paths", rows, scale)


def _matrix(mix: RoleMix, scale: float) -> list[dict[str, object]]:
    cells = mix.matrix()
    closes = sorted({close for _, close in cells})
    return [
        {"source": source, **{close: cells.get((source, close), 0) / scale for close in closes}}
        for source in sorted({source for source, _ in cells})
    ]


def _money_tables(analysis: CompanyAnalysis) -> Iterator[AnswerTable]:
    if analysis.cost_lines and analysis.spec.unit == "money":
        yield _table("costs", analysis.costs.to_dicts(), analysis.scale)
        yield _table("steps", analysis.unit_costs.steps_to_dicts(), analysis.scale)
        yield _table("unit_costs", analysis.unit_costs.to_dicts(), analysis.scale)


def _deal_tables(analysis: CompanyAnalysis) -> Iterator[AnswerTable]:
    scale = analysis.scale
    if analysis.cohorts is not None:
        yield _table("cohorts", analysis.cohorts.to_dicts(), scale)
    if analysis.velocity is not None:
        yield _table("velocity", analysis.velocity.to_dicts(), scale)
    shown = f"{analysis.engagement.sentence} At most {_MOST_DEALS} are shown."
    yield _table("engagement", analysis.engagement.to_dicts()[:_MOST_DEALS], scale, note=shown)
    back_test = analysis.engagement_back_test
    if back_test.below + back_test.others:
        yield _table("back_test", back_test.to_dicts(), scale)
    yield _table("signals", signal_rows(analysis.company, analysis.cube, analysis.quarter, scale), scale)


def _record_tables(analysis: CompanyAnalysis) -> Iterator[AnswerTable]:
    yield _table("specification", analysis.spec.to_dicts(), analysis.scale)
    yield _table("revenue", analysis.company.revenue.to_dicts(), analysis.scale)
    intake = [row for row in analysis.company.intake.to_dicts() if row["fate"] != "kept"]
    yield _table("intake", [{name: row[name] for name in row if name != "money"} for row in intake], analysis.scale)


def _table(key: str, rows: Iterable[Mapping[str, object]], scale: float, *, note: str = "") -> AnswerTable:
    """Return a table as plain values; columns of money come in minor units and leave in currency units."""
    title, usual = TITLES[key]
    money = MONEY_COLUMNS.get(key, ())
    shown = tuple({name: _plain(value, scale if name in money else 1) for name, value in row.items()} for row in rows)
    return AnswerTable(key, title, shown, note or usual)


def _plain(value: object, scale: float) -> object:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and scale == 1:
        return value
    number = float(value) / scale  # type: ignore[arg-type]
    return number if abs(number) < float("inf") else None
