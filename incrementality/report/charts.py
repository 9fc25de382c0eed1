"""Turns a readout into charts: which rows each figure shows, in which words, on which axis. Draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality import formatting as fmt
from incrementality.report.chart import Chart, Group, Mark, Panel, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from incrementality.estimates import LiftEstimate
    from incrementality.lift.readout import Readout

__all__ = [
    "arms_chart",
    "balance_chart",
    "effects_chart",
    "registered",
    "segments_chart",
]

_WIDEST_TO_NARROWEST = 8.0
_MOST_SEGMENT_ROWS = 60
_BALANCE_LIMIT = 0.1


def registered(estimates: Iterable[LiftEstimate]) -> tuple[LiftEstimate, ...]:
    """Return one estimate for each comparison, in order: the adjusted one where there is one."""
    chosen: dict[tuple[object, ...], LiftEstimate] = {}
    for estimate in estimates:
        key = (estimate.metric, estimate.arm, estimate.segment)
        if key not in chosen or estimate.adjusted:
            chosen[key] = estimate
    return tuple(chosen.values())


def effects_chart(readout: Readout) -> Chart | None:
    """Return the effects of every arm on every metric: relative, or absolute where a relative effect is missing."""
    estimates = registered(readout.estimates)
    if not estimates:
        return None
    by_metric = _by_metric(estimates)
    in_percent = [group for group in by_metric if all(_has_relative(e) for e in group)]
    absolute = [group for group in by_metric if group not in in_percent]
    together = [in_percent] if _one_axis(in_percent) else [[group] for group in in_percent]
    panels = [_relative_panel(groups) for groups in together if groups] + [_absolute_panel(group) for group in absolute]
    return Chart(
        key="effects",
        title=f"Effect compared with {estimates[0].control}",
        subtitle=_subtitle(readout),
        panels=tuple(panels),
        caption=f"Dot: the estimate. Bar: its {fmt.level(readout.alpha)} interval, the range of effects that the data "
        "support. Filled dot: the bar leaves out 0. Hollow dot: no difference remains possible.",
        muted=readout.grade == "do not use",
    )


def arms_chart(readout: Readout) -> Chart | None:
    """Return every metric in every arm, side by side, unadjusted."""
    if not readout.means:
        return None
    scales = {estimate.metric: (estimate.kind, estimate.unit) for estimate in readout.estimates}
    metrics = dict.fromkeys(row.metric for row in readout.means)
    panels = tuple(_means_panel(readout, metric, *scales.get(metric, ("mean", ""))) for metric in metrics)
    return Chart(
        key="arms",
        title="Each arm on its own",
        subtitle=_subtitle(readout),
        panels=panels,
        caption=f"Dot: the arm's mean as counted, without adjustment. Bar: its {fmt.level(readout.alpha)} interval.",
        muted=readout.grade == "do not use",
    )


def segments_chart(readout: Readout) -> Chart | None:
    """Return the primary metrics' effects within segments, below the effect over all units."""
    found = registered(readout.segments)
    roles = {estimate.role for estimate in found}
    wanted = [e for e in found if e.role == "primary" or "primary" not in roles][:_MOST_SEGMENT_ROWS]
    if not wanted:
        return None
    alike = [e for e in readout.estimates if e.adjusted == wanted[0].adjusted]
    overall = {(e.metric, e.arm): e for e in alike}
    adjusted = "Adjusted for covariates" if wanted[0].adjusted else "Not adjusted for covariates"
    dropped = len(found) - len(wanted)
    rest = f" {fmt.count(dropped)} further comparisons stand in the table." if dropped else ""
    return Chart(
        key="segments",
        title="Effect within segments (exploratory)",
        subtitle=_subtitle(readout),
        panels=tuple(_segment_panel(readout, group, overall) for group in _by_metric(wanted)),
        caption=f"{adjusted}. Segments are smaller than the whole, so bars are longer and some differ by chance. "
        f"Use them for ideas, not for decisions.{rest}",
        muted=readout.grade == "do not use",
    )


def balance_chart(readout: Readout) -> Chart | None:
    """Return the love plot: how much the arms differ from the control before anything was sent."""
    rows = [row for check in readout.checks if check.name == "balance" for row in check.table]
    rows = [row for row in rows if row.get("standardised_difference") is not None]
    if not rows:
        return None
    arms = tuple(dict.fromkeys(str(row["arm"]) for row in rows))
    covariates = dict.fromkeys(str(row["covariate"]) for row in rows)
    lines = tuple(_balance_row(name, [r for r in rows if str(r["covariate"]) == name], arms) for name in covariates)
    control = next((arm.name for arm in readout.arms if arm.control), "the control")
    return Chart(
        key="balance",
        title="Were the arms alike at the start?",
        subtitle=f"n = {_units(readout)}, difference to {control} in standard deviations, no intervals",
        panels=(
            Panel(
                groups=(Group(heading="", rows=lines),),
                axis="standardised difference",
                tick=lambda x: fmt.tick(fmt.cell("standardised_difference", x)),
                reference=0.0,
                limit=_BALANCE_LIMIT,
            ),
        ),
        series=arms,
        caption="The closer to 0, the more alike. Dashed lines: 0.1 standard deviations, a common limit.",
    )


def _by_metric(estimates: Iterable[LiftEstimate]) -> list[list[LiftEstimate]]:
    groups: dict[str, list[LiftEstimate]] = {}
    for estimate in estimates:
        groups.setdefault(estimate.metric, []).append(estimate)
    return list(groups.values())


def _has_relative(estimate: LiftEstimate) -> bool:
    return None not in (estimate.rel_effect, estimate.rel_effect_ci_lower, estimate.rel_effect_ci_upper)


def _one_axis(groups: list[list[LiftEstimate]]) -> bool:
    """Whether the relative intervals are of one order, so that one axis shows all of them."""
    spans = [(e.rel_effect_ci_upper or 0.0) - (e.rel_effect_ci_lower or 0.0) for group in groups for e in group]
    return not spans or max(spans) <= _WIDEST_TO_NARROWEST * min(spans)


def _relative_row(estimate: LiftEstimate, label: str) -> Row:
    point, low, high = (
        x or 0.0 for x in (estimate.rel_effect, estimate.rel_effect_ci_lower, estimate.rel_effect_ci_upper)
    )
    value = f"{fmt.relative(point)} ({fmt.interval(fmt.relative(low), fmt.relative(high))})"
    return Row(label=label, value=value, marks=(Mark(point=point, low=low, high=high, clear=not low <= 0 <= high),))


def _absolute_row(estimate: LiftEstimate, label: str) -> Row:
    bounds = (estimate.effect, estimate.effect_ci_lower, estimate.effect_ci_upper)
    point, low, high = (fmt.difference_number(x, kind=estimate.kind, unit=estimate.unit) for x in bounds)
    mark = Mark(point=bounds[0], low=bounds[1], high=bounds[2], clear=not bounds[1] <= 0 <= bounds[2])
    return Row(label=label, value=f"{point} ({fmt.interval(low, high)})", marks=(mark,))


def _relative_panel(groups: list[list[LiftEstimate]]) -> Panel:
    return Panel(
        groups=tuple(
            Group(heading=_metric_heading(group[0]), rows=tuple(_relative_row(e, e.arm) for e in group))
            for group in groups
        ),
        axis="change relative to the control's mean, in %",
        tick=lambda x: fmt.tick(fmt.relative(x)),
        reference=0.0,
    )


def _absolute_panel(group: list[LiftEstimate]) -> Panel:
    kind, unit = group[0].kind, group[0].unit
    return Panel(
        groups=(Group(heading=_metric_heading(group[0]), rows=tuple(_absolute_row(e, e.arm) for e in group)),),
        axis=f"difference to the control, in {fmt.difference_unit(kind=kind, unit=unit)}",
        tick=lambda x: fmt.tick(fmt.difference_number(x, kind=kind, unit=unit)),
        reference=0.0,
    )


def _segment_panel(
    readout: Readout, estimates: list[LiftEstimate], overall: dict[tuple[str, str], LiftEstimate]
) -> Panel:
    arms = dict.fromkeys(e.arm for e in estimates)
    whole = {arm: overall[e.metric, arm] for arm in arms if (e := estimates[0]) and (e.metric, arm) in overall}
    in_percent = all(_has_relative(e) for e in [*estimates, *whole.values()])
    row = _relative_row if in_percent else _absolute_row
    groups = []
    for arm in arms:
        rows = [row(whole[arm], f"all {readout.unit}s")] if arm in whole else []
        rows += _segment_rows([e for e in estimates if e.arm == arm], row)
        groups.append(Group(heading=f"{estimates[0].metric} \N{MIDDLE DOT} {arm}", rows=tuple(rows)))
    frame = _relative_panel([]) if in_percent else _absolute_panel(estimates)
    return Panel(groups=tuple(groups), axis=frame.axis, tick=frame.tick, reference=0.0)


def _segment_rows(estimates: list[LiftEstimate], row: Callable[[LiftEstimate, str], Row]) -> list[Row]:
    rows: list[Row] = []
    for name in dict.fromkeys(e.segment[0] for e in estimates if e.segment):
        rows.append(Row(label=name, value="", marks=()))
        rows += [row(e, e.segment[1]) for e in estimates if e.segment and e.segment[0] == name]
    return rows


def _means_panel(readout: Readout, metric: str, kind: str, unit: str) -> Panel:
    rows = []
    for found in (row for row in readout.means if row.metric == metric):
        low, high = (fmt.mean(x, kind=kind, unit=unit) for x in (found.ci_lower, found.ci_upper))
        value = f"{fmt.mean(found.mean, kind=kind, unit=unit)} ({fmt.interval(low, high)})"
        mark = Mark(point=found.mean, low=found.ci_lower, high=found.ci_upper)
        rows.append(Row(label=found.arm, value=value, marks=(mark,)))
    share, mean = f"share of {readout.unit}s, in %", f"mean per {readout.unit}, in {fmt.unit_in_words(unit)}"
    return Panel(
        groups=(Group(heading=metric, rows=tuple(rows)),),
        axis=share
        if kind == "conversion"
        else mean.replace("mean per", "quantile over")
        if kind == "quantile"
        else mean,
        tick=lambda x: fmt.tick(fmt.mean(x, kind=kind, unit=unit)),
    )


def _balance_row(name: str, rows: list[dict[str, object]], arms: tuple[str, ...]) -> Row:
    found = [(str(row["arm"]), float(str(row["standardised_difference"]))) for row in rows]
    value = ", ".join(f"{arm} {fmt.cell('standardised_difference', x)}" for arm, x in found)
    return Row(label=name, value=value, marks=tuple(Mark(point=x, series=arms.index(arm)) for arm, x in found))


def _metric_heading(estimate: LiftEstimate) -> str:
    better = "" if estimate.direction == "increase" else ", lower is better"
    return f"{estimate.metric} ({estimate.role}{better})"


def _units(readout: Readout) -> str:
    return f"{fmt.count(sum(arm.n for arm in readout.arms))} {readout.unit}s"


def _subtitle(readout: Readout) -> str:
    return f"n = {_units(readout)}, {fmt.level(readout.alpha)} intervals"
