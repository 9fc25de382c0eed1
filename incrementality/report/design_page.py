"""Assembles the page of a design: what the template needs, already in words. Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incrementality import formatting as fmt
from incrementality.design.monitoring import monitoring_of
from incrementality.design.wording import count, duration, facts, percent
from incrementality.report.design_charts import design_charts
from incrementality.report.environment import page_environment
from incrementality.report.figures import chart_svg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.design.answer import DesignAnswer
    from incrementality.design.parts import CurvePoint
    from incrementality.estimates import CheckResult

__all__ = ["render_design"]

_BADGES = {
    "feasible": ("trust", "Feasible"),
    "feasible with changes": ("caution", "Feasible with changes"),
    "not feasible": ("stop", "Not feasible"),
}
_GLOSSARY = (
    ("Held back", "Who could have received the contact and, by chance alone, does not. They show what happens anyway."),
    (
        "Can be seen",
        "The smallest true change that the test finds with the wanted power. Smaller ones may stay hidden.",
    ),
    ("Power", "How often a test of this size finds the smallest effect that matters, where it is truly there."),
    ("Revenue at risk", "What those held back might have brought in. It is the price of knowing."),
    ("Registration hash", "A fingerprint of request, design and method. Another fingerprint is another design."),
)


def render_design(answer: DesignAnswer, *, drawn: CheckResult | None = None) -> str:
    """Return the answer to a request as one self-contained HTML page, with a block to sign.

    The page needs no network and no script. The same record gives the same bytes.

    Args:
        answer: The record to render.
        drawn: The arms so far against the plan, once units were drawn.
    """
    view = {**_view(answer), "drawn": None if drawn is None else _drawn(drawn)}
    return page_environment().get_template("design.html.j2").render(view)


def _view(answer: DesignAnswer) -> dict[str, Any]:
    icon, word = _BADGES[answer.verdict]
    return {
        "answer": answer,
        "request": answer.request,
        "hash": answer.hash,
        "badge": {"icon": icon, "word": word},
        "headline": answer.reasons[0] if answer.reasons else _without(answer.sentence, f"{word}: "),
        "lines": tuple(_lines(answer)),
        "open_roles": ", ".join(answer.missing_approvals),
        "facts": facts(answer),
        "figures": tuple({"svg": chart_svg(chart), "caption": chart.caption} for chart in design_charts(answer)),
        "curve": _curve_rows(answer.by_share, answer),
        "weeks": _curve_rows(answer.by_weeks, answer),
        "beside": tuple(_beside(answer)),
        "asked": _asked(answer),
        "glossary": _GLOSSARY,
    }


def _without(sentence: str, start: str) -> str:
    rest = sentence.removeprefix(start)
    return rest[:1].upper() + rest[1:]


def _lines(answer: DesignAnswer) -> Iterable[tuple[str, str]]:
    """Yield what to do, a heading and a sentence each."""
    enough = answer.changes[0].sentence if answer.verdict == "feasible with changes" else ""
    if enough:
        yield "What to change.", enough
    if answer.best_change and answer.best_change != enough:
        yield "The single change that helps most.", answer.best_change
    if answer.way_out:
        yield "Way out.", answer.way_out


def _curve_rows(points: Iterable[CurvePoint], answer: DesignAnswer) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            percent(p.share),
            str(p.weeks),
            count(p.n),
            count(p.n_control),
            "nothing" if p.mde is None else percent(p.mde),
            percent(p.power),
            "not counted" if p.simulated_power is None else percent(p.simulated_power),
        )
        for p in points
        if answer.n
    )


def _beside(answer: DesignAnswer) -> Iterable[dict[str, str]]:
    """Yield what stands beside the numbers: icon, word, title, sentence."""
    fires = answer.guarded.fires
    icon = "caution" if fires else "info" if fires is None else "passed"
    yield _item(icon, "Small-holdout rule", answer.guarded.sentence)
    for conflict in answer.conflicts:
        yield _item("failed" if conflict.blocking else "info", f"Live: {conflict.experiment}", conflict.sentence)
    for route in answer.request.contamination:
        said = f"{route.route}: about {percent(route.share)} of that arm; sizes allow for it."
        yield _item("info", f"Contamination: {route.arm}", said)
    for guardrail in answer.guardrails:
        icon = "passed" if guardrail.enough else "caution"
        yield _item(icon, f"Guardrail: {guardrail.name}", guardrail.sentence)


def _drawn(check: CheckResult) -> dict[str, Any]:
    icon = {True: "passed", False: "failed", None: "info"}[check.passed]
    word = {True: "As planned", False: "Not as planned", None: "For information"}[check.passed]
    rows = [(row["arm"], count(row["n"]), percent(row["share"]), percent(row["planned"])) for row in check.table]
    head = ("Arm", "Drawn", "Share", "Planned")
    return {"icon": icon, "word": word, "sentence": check.sentence, "head": head, "rows": rows}


def _item(icon: str, title: str, sentence: str) -> dict[str, str]:
    word = {"passed": "Good", "caution": "Mind", "failed": "Blocks", "info": "For information"}[icon]
    return {"icon": icon, "word": word, "title": title, "sentence": sentence}


def _looks(answer: DesignAnswer) -> str:
    plan = monitoring_of(answer.request)
    return "on any day" if plan.kind == "confidence sequence" else str(plan.looks)


def _asked(answer: DesignAnswer) -> tuple[tuple[str, str], ...]:
    r = answer.request
    arriving = f", {r.arrivals_per_week:,.0f} more a week" if r.arrivals_per_week else ""
    found = () if r.looked_up is None else (("Looked up", f"{r.looked_up.sentence} From {r.looked_up.source}."),)
    rows = [
        ("Metric", f"{r.metric} ({r.kind}), {fmt.mean(r.baseline.mean, kind=r.kind, unit=r.unit_of_value)} today"),
        ("Baseline from", r.baseline.source),
        *found,
        ("Smallest effect that matters", f"{percent(r.smallest_effect)} {r.direction}"),
        ("Who is there", f"{count(r.population)} {r.unit}s now{arriving}"),
        ("What is withheld", f"{r.scope}{': ' if r.withholds else ''}{', '.join(r.withholds)}"),
        (
            "Window and lag",
            f"{duration(r.window_days)}, then {duration(r.maturity_lag_days)} until the data is complete",
        ),
        ("Error rate and power", f"{percent(r.alpha)} (two-sided), {percent(r.power)}"),
        ("Looks", _looks(answer)),
        ("Start", str(r.starts or "not stated")),
        ("Answer needed by", str(r.answer_by or "not stated")),
    ]
    return (*rows, ("How the numbers were made", " ".join(answer.notes)))
