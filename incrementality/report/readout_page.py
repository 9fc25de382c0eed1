"""Assembles the readout page: what the template needs, already in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incrementality import formatting as fmt
from incrementality.report import wording
from incrementality.report.charts import arms_chart, balance_chart, effects_chart, registered, segments_chart
from incrementality.report.environment import page_environment
from incrementality.report.figures import chart_svg
from incrementality.report.look_charts import cumulative_chart
from incrementality.report.look_wording import look_lines, look_rows, look_title
from incrementality.report.novelty_chart import novelty_chart
from incrementality.report.survival_charts import survival_chart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.estimates import CheckResult, LiftEstimate
    from incrementality.lift import LookReading
    from incrementality.lift.readout import Readout
    from incrementality.report.chart import Chart

__all__ = ["render_readout"]

_GRADES = {
    "trust": ("trust", "Trust"),
    "caution": ("caution", "Caution"),
    "do not use": ("stop", "Do not use"),
}
_OUTCOMES = {True: ("passed", "Passed"), False: ("failed", "Failed"), None: ("info", "For information")}
_ORDER = {False: 0, True: 1, None: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class _FigureView:
    svg: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableView:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckView:
    icon: str
    word: str
    title: str
    sentence: str
    table: _TableView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _EstimateView:
    metric: str
    role: str
    arm: str
    control: str
    segment: str
    control_mean: str
    n_control: str
    treatment_mean: str
    n_treatment: str
    effect: str
    effect_interval: str
    relative: str
    relative_interval: str
    p: str
    adjusted_p: str
    method: str


def render_readout(readout: Readout) -> str:
    """Return the readout as one self-contained HTML page.

    The page needs no network and no script. The same record gives the same bytes.

    Args:
        readout: The record to render.
    """
    return page_environment().get_template("readout.html.j2").render(_view(readout))


def _view(readout: Readout) -> dict[str, Any]:
    chosen = registered(readout.estimates)
    icon, word = _GRADES[readout.grade]
    return {
        "readout": readout,
        "grade": {"icon": icon, "word": word},
        "usable": readout.grade != "do not use",
        "level": fmt.level(readout.alpha),
        "who": wording.who(readout),
        "withheld": wording.withheld(readout),
        "figures": _figures(readout),
        "estimates": _estimate_views(chosen),
        "others": _estimate_views(e for e in readout.estimates if e not in chosen),
        "segments": _estimate_views(readout.segments),
        "beside": _estimate_views((*readout.compliers, *readout.diluted)),
        "beside_sentences": (
            *(e.sentence for e in readout.compliers),
            *readout.complier_notes,
            *(e.sentence for e in readout.diluted),
        ),
        "beside_note": wording.beside_note(readout),
        "look": None if readout.look is None else _look_view(readout, readout.look),
        "guardrail_note": wording.GUARDRAIL_NOTE,
        "shrunken_note": wording.SHRUNKEN_NOTE,
        "concurrent": _estimate_views(readout.concurrent),
        "concurrent_note": wording.CONCURRENT_NOTE,
        "novelty": tuple(point.sentence for point in readout.novelty),
        "interval_note": wording.interval_note(readout),
        "adjustment_notes": wording.adjustment_notes(readout),
        "checks": tuple(_check_view(c) for c in sorted(readout.checks, key=lambda c: _ORDER[c.passed])),
        "rows_sentence": wording.rows_sentence(readout),
        "refused": {reason: fmt.count(n) for reason, n in readout.rows.refused.items()},
        "glossary": wording.GLOSSARY,
        "manifest": tuple(_flat(readout.manifest)),
    }


def _look_view(readout: Readout, look: LookReading) -> dict[str, Any]:
    return {"title": look_title(look), "lines": look_lines(readout), "rows": look_rows(look)}


def _figures(readout: Readout) -> dict[str, _FigureView]:
    charts = (
        effects_chart(readout),
        arms_chart(readout),
        segments_chart(readout),
        balance_chart(readout),
        novelty_chart(readout),
        cumulative_chart(readout),
        survival_chart(readout),
    )
    return {chart.key: _figure_view(chart) for chart in charts if chart is not None}


def _figure_view(chart: Chart) -> _FigureView:
    return _FigureView(svg=chart_svg(chart), caption=chart.caption)


def _check_view(check: CheckResult) -> _CheckView:
    icon, word = _OUTCOMES[check.passed]
    table = _table_view(check.table) if check.table else None
    return _CheckView(icon=icon, word=word, title=wording.check_title(check), sentence=check.sentence, table=table)


def _table_view(rows: tuple[dict[str, Any], ...]) -> _TableView:
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return _TableView(
        head=tuple(wording.humanised(name) for name in names),
        rows=tuple(tuple(fmt.cell(name, row.get(name)) for name in names) for row in rows),
    )


def _estimate_views(estimates: Iterable[LiftEstimate]) -> tuple[_EstimateView, ...]:
    return tuple(_estimate_view(estimate) for estimate in estimates)


def _estimate_view(e: LiftEstimate) -> _EstimateView:
    kind, unit = e.kind, e.unit
    low, high = (fmt.difference_number(x, kind=kind, unit=unit) for x in (e.effect_ci_lower, e.effect_ci_upper))
    relative, relative_interval = _relative(e)
    return _EstimateView(
        metric=e.metric,
        role=e.role if e.direction == "increase" else f"{e.role}, lower is better",
        arm=e.arm,
        control=e.control,
        segment=": ".join(e.segment or ()),
        control_mean=fmt.mean(e.control_mean, kind=kind, unit=unit),
        n_control=fmt.count(e.n_control),
        treatment_mean=fmt.mean(e.treatment_mean, kind=kind, unit=unit),
        n_treatment=fmt.count(e.n_treatment),
        effect=fmt.difference(e.effect, kind=kind, unit=unit),
        effect_interval=fmt.interval(low, high),
        relative=relative,
        relative_interval=relative_interval,
        p=fmt.p_value(e.pvalue, symbol=False),
        adjusted_p=fmt.p_value(e.pvalue_adjusted, symbol=False),
        method=f"{'Adjusted' if e.adjusted else 'Unadjusted'}: {e.method}".removesuffix(": "),
    )


def _relative(e: LiftEstimate) -> tuple[str, str]:
    if e.rel_effect is None:
        return "not stated", ""
    if e.rel_effect_ci_lower is None or e.rel_effect_ci_upper is None:
        return fmt.relative(e.rel_effect), "no interval"
    return fmt.relative(e.rel_effect), fmt.interval(
        fmt.relative(e.rel_effect_ci_lower), fmt.relative(e.rel_effect_ci_upper)
    )


def _flat(content: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name} / ")
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(str, value))
        else:
            yield name, "" if value is None else str(value)
