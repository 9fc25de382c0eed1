"""The answer in words that a lifecycle manager can repeat, and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality import formatting as fmt
from incrementality.design.watching import monitoring_facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.design.answer import DesignAnswer
    from incrementality.design.parts import Change, Verdict
    from incrementality.design.plan import Plan
    from incrementality.design.request import DesignRequest

__all__ = [
    "count",
    "duration",
    "facts",
    "markdown",
    "money",
    "money_facts",
    "percent",
    "seen_as_words",
    "verdict_sentence",
]

_SPACE = "\N{NO-BREAK SPACE}"
_DAYS_IN_WEEKS = 21


def percent(value: float) -> str:
    """Return a share or relative effect with two digits, as people say it.

    Examples:
        >>> [percent(x).replace("\N{NO-BREAK SPACE}", " ") for x in (0.7924, 0.05, 0.025, 0.9996, 3.456)]
        ['79 %', '5 %', '2.5 %', '99.96 %', '346 %']
    """
    hundred = 100 * value
    if 99.5 <= hundred < 100:  # noqa: PLR2004 - nearly certain is not certain
        return f"{min(hundred, 99.99):.4g}{_SPACE}%"
    text = f"{hundred:.0f}" if abs(hundred) >= 10 else f"{hundred:.2g}"  # noqa: PLR2004 - two digits
    return f"{text}{_SPACE}%"


def count(value: float) -> str:
    """Return a count with its thousands apart."""
    return fmt.count(round(value))


def duration(days: int) -> str:
    """Return days as people count them: in days up to three weeks, in weeks above.

    Examples:
        >>> duration(14), duration(140).replace("\N{NO-BREAK SPACE}", " ")
        ('14 days', '20 weeks')
    """
    return f"{days} days" if days <= _DAYS_IN_WEEKS else f"{-(-days // 7)} weeks"


def money(value: float, request: DesignRequest) -> str:
    """Return an amount of money with its currency."""
    return fmt.mean(value, kind="revenue", unit=request.currency)


def seen_as_words(mde: float | None) -> str:
    """Return the smallest change that is seen."""
    return "no possible change" if mde is None else f"a change by {percent(mde)} or more"


def verdict_sentence(
    request: DesignRequest, plan: Plan, verdict: Verdict, reasons: tuple[str, ...], changes: tuple[Change, ...]
) -> str:
    """Return the verdict in one or two sentences."""
    if verdict == "feasible":
        held = f"hold back {percent(plan.share)} ({count(plan.n_control)} of {count(plan.n)} {request.unit}s)"
        return (
            f"Feasible: {held} and read after {duration(plan.days)}. {seen_as_words(plan.mde).capitalize()} in "
            f"{request.metric} is seen with {percent(request.power)} probability; "
            f"{percent(request.smallest_effect)} is what matters."
        )
    first = reasons[0]
    if verdict == "feasible with changes":
        return f"Feasible with changes. {first} {changes[0].sentence}"
    return f"Not feasible. {first}"


def facts(answer: DesignAnswer) -> list[tuple[str, str]]:
    """Return the design in pairs of a term and its value."""
    request = answer.request
    arms = ", ".join(f"{arm.name} {count(arm.n)}" for arm in answer.arms)
    seen = seen_as_words(answer.mde)
    if answer.mde_unequal is not None and request.kind == "conversion":
        seen += f" ({percent(answer.mde_unequal)} with each arm's own variance)"
    balance = "-" if answer.balance is None else f"{answer.balance:.2f} standard deviations at most, 19 times of 20"
    return [
        ("Held back", percent(answer.holdout_share)),
        (f"{request.unit}s".capitalize(), f"{count(answer.n)}: {arms}"),
        ("Needed", f"{count(answer.needed)} for {percent(request.smallest_effect)} at {percent(request.power)} power"),
        ("Can be seen", f"{seen}, at {percent(request.power)} power"),
        ("Power for the smallest effect that matters", _power(answer)),
        ("Enrolment", f"{answer.enrolment_weeks} weeks" if answer.enrolment_weeks else "those eligible now"),
        ("Answer", f"after {duration(answer.days)}" + (f", on {answer.answer_on}" if answer.answer_on else "")),
        *monitoring_facts(answer),
        ("Chance difference of a covariate", balance),
        *money_facts(answer),
        ("Those held out afterwards", "not stated" if request.release is None else request.release.sentence),
    ]


def money_facts(answer: DesignAnswer) -> list[tuple[str, str]]:
    """Return the money at stake in pairs of a term and its value."""
    at_stake, request = answer.money, answer.request
    if at_stake is None:
        return [("Revenue at risk", "not stated: the request does not say what the metric is worth")]
    low, likely, high = (
        money(x, request) for x in (at_stake.at_risk_low, at_stake.at_risk_likely, at_stake.at_risk_high)
    )
    found = [
        ("Revenue at risk", f"{fmt.interval(low, high)}, likely {likely} ({at_stake.basis})"),
        (
            "Value of the decision",
            f"{money(at_stake.value_of_decision, request)} on {count(at_stake.decision_units)} {request.unit}s",
        ),
    ]
    if at_stake.saved_cost:
        found.append(("Cost saved on the holdout", money(at_stake.saved_cost, request)))
    if at_stake.best_share is not None:
        gain = (at_stake.expected_money or 0.0) - (at_stake.expected_without_test or 0.0)
        worth = "adds" if gain > 0 else "costs more than it teaches, by"
        said = f"{percent(at_stake.best_share)}; the test {worth} {money(abs(gain), request)} in expectation"
        found.append(("Share that earns most", f"{said}. Prior: {at_stake.prior}"))
    return found


def markdown(answer: DesignAnswer) -> str:
    """Return the answer as Markdown."""
    request = answer.request
    parts = [
        f"# {_escaped(request.id)}: {answer.verdict}",
        f"**{_escaped(answer.sentence)}**",
        _escaped(request.question),
        _section("What stands in the way", answer.reasons),
        _section("Changes", [change.sentence for change in answer.changes]),
        _section("Way out", [answer.way_out] if answer.way_out else []),
        _table("The design", ("term", "value"), facts(answer)),
        _table("By share held back", ("share", "held back", "can be seen", "power"), _curve(answer)),
        _section("Small-holdout rule", [answer.guarded.sentence]),
        _section("Other experiments", [conflict.sentence for conflict in answer.conflicts]),
        _section("Contamination", [f"{r.route}: {percent(r.share)}, {r.arm}" for r in request.contamination]),
        _section("Guardrails", [guardrail.sentence for guardrail in answer.guardrails]),
        _section("Notes", answer.notes),
        _table("Sign-off", ("role", "name", "date"), _sign_offs(answer)),
        f"Version {answer.version}, method {answer.method_version}, registration hash `{answer.hash}`"
        + (f", replaces `{answer.supersedes}`" if answer.supersedes else ""),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _power(answer: DesignAnswer) -> str:
    by_formula = f"{percent(answer.power)} by formula"
    if answer.guarded.power is None:
        return by_formula
    return f"{by_formula}, {percent(answer.guarded.power)} counted on the history"


def _curve(answer: DesignAnswer) -> list[tuple[str, ...]]:
    return [
        (percent(p.share), count(p.n_control), "-" if p.mde is None else percent(p.mde), percent(p.power))
        for p in answer.by_share
    ]


def _sign_offs(answer: DesignAnswer) -> list[tuple[str, ...]]:
    signed = [(s.role, s.name, str(s.on)) for s in answer.sign_offs]
    return [*signed, *((role, "open", "") for role in answer.missing_approvals)]


def _section(title: str, lines: Iterable[str]) -> str:
    found = [f"- {_escaped(line)}" for line in lines]
    return "\n".join([f"## {title}", "", *found]) if found else ""


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [" | ".join(_escaped(cell) for cell in row) for row in rows]
    if not cells:
        return ""
    rule = " | ".join("---" for _ in head)
    return "\n".join([f"## {title}", "", f"| {' | '.join(head)} |", f"| {rule} |", *(f"| {row} |" for row in cells)])


def _escaped(text: str) -> str:
    """Return text on one line that Markdown shows as it is."""
    plain = " ".join(text.split("\n"))
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in plain)
