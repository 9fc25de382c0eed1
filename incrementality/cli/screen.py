"""Answers on a terminal: short aligned lines, colours where the terminal shows them; nothing is computed here."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from incrementality.design import DesignAnswer
    from incrementality.estimates import CheckResult, LiftEstimate
    from incrementality.lift import Health, Readout
    from incrementality.workspace import DemoRow, ExperimentStatus

__all__ = [
    "aligned",
    "check_lines",
    "colour_wanted",
    "design_lines",
    "health_lines",
    "paragraph",
    "printable",
    "readout_lines",
    "status_lines",
    "truth_lines",
]

_GRADES = {"trust": "green", "caution": "yellow", "do not use": "red"}
_NARROW, _WIDE = 60, 100
_LONGEST_CELL = 22
_SIGNS = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-"})


def readout_lines(readout: Readout, *, width: int | None = None) -> list[str]:
    """Return a readout as lines: the verdict, the effects, the checks, the rows.

    Args:
        readout: The answer.
        width: Columns of the terminal; default: asked of the terminal.
    """
    width = width or _screen_width()
    grade = readout.grade.upper()
    head = paragraph(readout.verdict, width=width, first=f"{grade}  ", rest=" " * (len(grade) + 2))
    lines = [typer.style(line, fg=_GRADES[readout.grade], bold=True) for line in head]
    beside = (*(answer.sentence for answer in readout.costs), *(test.sentence for test in readout.log_ranks))
    for sentence in (*readout.verdict_lines, *beside):
        lines += ["", *paragraph(sentence, width=width, first="  ", rest="  ")]
    return [
        *lines,
        "",
        *_effects(readout),
        *_looked(readout, width),
        *_guardrails(readout, width),
        *_interactions(readout, width),
        *_novelty(readout, width),
        "",
        *_checks(readout, width),
        "",
        *_rows(readout, width),
    ]


def truth_lines(rows: Sequence[DemoRow]) -> list[str]:
    """Return the demo's comparisons as a table: what is true, what was estimated."""
    from incrementality.formatting import difference_number, interval

    table = [("metric", "true effect", "estimate", "interval", "")]
    for row in rows:
        true, effect, lower, upper = (
            difference_number(value, kind=row.kind, unit=row.unit)
            for value in (row.true_effect, row.effect, row.effect_ci_lower, row.effect_ci_upper)
        )
        held = "holds the truth" if row.covers else "misses it, as 1 in 20 does"
        table.append((_cell(row.metric), true, effect, interval(lower, upper), held))
    return [_bold("The truth, known because the data is simulated"), *aligned(table, left={0, 4})]


def _effects(readout: Readout) -> Iterator[str]:
    from incrementality.formatting import level

    pairs = dict.fromkeys((estimate.metric, estimate.arm) for estimate in readout.estimates)
    shown = [readout.headline(metric, arm) for metric, arm in pairs]
    control = next(arm.name for arm in readout.arms if arm.control)
    adjusted = ", adjusted for covariates" if any(estimate.adjusted for estimate in shown) else ""
    yield _bold(f"Effects against {printable(control)}{adjusted}")
    arms = list(dict.fromkeys(estimate.arm for estimate in shown))
    treated = arms[0] if len(arms) == 1 else "treated"
    head = ("metric", "arm", _cell(control), _cell(treated), "effect", f"{level(readout.alpha)} interval", "relative")
    table = [head, *(_effect(estimate) for estimate in shown)]
    if len(arms) == 1:
        table = [(metric, *rest) for metric, _, *rest in table]
    yield from aligned(table, left={0} if len(arms) == 1 else {0, 1})
    if any(estimate.kind == "conversion" for estimate in shown):
        yield "  effects on shares are in percentage points"


def _effect(e: LiftEstimate) -> tuple[str, ...]:
    from incrementality.formatting import difference_number, interval, mean, relative

    control, treated = (mean(x, kind=e.kind, unit=e.unit) for x in (e.control_mean, e.treatment_mean))
    effect, lower, upper = (
        difference_number(x, kind=e.kind, unit=e.unit) for x in (e.effect, e.effect_ci_lower, e.effect_ci_upper)
    )
    lift = "-" if e.rel_effect is None else relative(e.rel_effect)
    return (_cell(e.metric), _cell(e.arm), control, treated, effect, interval(lower, upper), lift)


def _looked(readout: Readout, width: int) -> Iterator[str]:
    from incrementality.report.look_wording import look_lines, look_title

    if readout.look is not None:
        yield from ("", _bold(look_title(readout.look)))
    for line in look_lines(readout):
        yield from paragraph(line, width=width, first="  ", rest="    ")


def _guardrails(readout: Readout, width: int) -> Iterator[str]:
    if readout.guardrails:
        yield from ("", _bold("Guardrails against their margins"))
    for answer in readout.guardrails:
        yield from paragraph(answer.sentence, width=width, first="  ", rest="    ")


def _interactions(readout: Readout, width: int) -> Iterator[str]:
    if readout.interactions:
        yield from ("", _bold("Concurrent journeys"))
    for interaction in readout.interactions:
        yield from paragraph(interaction.sentence, width=width, first="  ", rest="    ")


def _novelty(readout: Readout, width: int) -> Iterator[str]:
    if readout.novelty:
        yield from ("", _bold("By days since entry"))
    for point in readout.novelty:
        yield from paragraph(point.sentence, width=width, first="  ", rest="    ")


def _checks(readout: Readout, width: int) -> Iterator[str]:
    passed = [check for check in readout.checks if check.passed]
    failed = [check for check in readout.checks if check.passed is False]
    notes = [check for check in readout.checks if check.passed is None]
    yield _bold(f"Checks: {len(passed)} passed, {len(failed)} failed{f', {len(notes)} to note' if notes else ''}")
    for word, colour, checks in (("failed", "red", failed), ("note", "blue", notes)):
        for check in checks:
            yield from _marked(word, colour, f"{_check_name(check)}: {check.sentence}", width)
    if passed:
        yield from _marked("passed", "green", ", ".join(_names(passed)), width)


def _names(checks: Sequence[CheckResult]) -> Iterator[str]:
    for name in dict.fromkeys(check.name for check in checks):
        metrics = {check.metric for check in checks if check.name == name and check.metric}
        yield name.replace("_", " ") + (f" ({len(metrics)} metrics)" if len(metrics) > 1 else "")


def _check_name(check: CheckResult) -> str:
    return check.name.replace("_", " ") + (f" ({check.metric})" if check.metric else "")


def _marked(word: str, colour: str, text: str, width: int) -> Iterator[str]:
    first, *rest = paragraph(text, width=width, first=f"  {word:<6}  ", rest=" " * 10)
    yield first.replace(word, typer.style(word, fg=colour), 1)
    yield from rest


def _rows(readout: Readout, width: int) -> list[str]:
    rows = readout.rows
    refused = "; ".join(f"{reason}: {n:,}" for reason, n in rows.refused.items()) or "none"
    return paragraph(f"Rows: {rows.read:,} read, {rows.kept:,} kept; refused: {refused}.", width=width, rest="  ")


def aligned(table: Sequence[tuple[str, ...]], *, left: set[int]) -> list[str]:
    """Return rows as lines whose cells stand below one another; columns in ``left`` start at their left."""
    cells = [tuple(printable(cell) for cell in row) for row in table]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = (
        "  ".join(
            cell.ljust(size) if i in left else cell.rjust(size)
            for i, (cell, size) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
    return [f"  {line}".rstrip() for line in lines]


def _cell(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 3]}..."


def _bold(text: str) -> str:
    return typer.style(text, bold=True)


def paragraph(text: str, *, width: int | None = None, first: str = "", rest: str = "") -> list[str]:
    r"""Return a text as lines no wider than the terminal; a number stays with its unit.

    Examples:
        >>> paragraph("one two three", width=9, first="- ", rest="  ")
        ['- one two', '  three']
    """
    lines = textwrap.wrap(
        _visible(text),
        width=width or _screen_width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.translate(_SIGNS) for line in lines] or [first.rstrip()]


def printable(text: str) -> str:
    r"""Return a text that cannot command the terminal: control characters are escaped, line ends stay.

    Examples:
        >>> printable("\x1b[31mred\N{NO-BREAK SPACE}%")
        '\\x1b[31mred %'
    """
    return _visible(text).translate(_SIGNS)


def _visible(text: str) -> str:
    kept = "\n\N{NO-BREAK SPACE}"
    return "".join(sign if sign.isprintable() or sign in kept else repr(sign)[1:-1] for sign in text)


def _screen_width() -> int:
    """Return the columns to write in: those of the terminal, between 60 and 100."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, _NARROW), _WIDE)


def colour_wanted() -> bool | None:
    """Return whether to colour: never where NO_COLOR is set, else ``None``, as the terminal can."""
    return False if os.environ.get("NO_COLOR") else None


def design_lines(answer: DesignAnswer) -> list[str]:
    """Return a design for a terminal: verdict, facts, what would help, who has signed."""
    from incrementality.design.wording import facts

    pairs = facts(answer)
    lines = [*paragraph(answer.sentence), ""]
    for term, value in pairs:
        lines += paragraph(value, first=f"  {term}: ", rest="      ")
    if answer.changes:
        lines += ["", _bold("What would help")]
        lines += [line for change in answer.changes for line in paragraph(change.sentence, first="  - ", rest="    ")]
    if answer.way_out:
        lines += ["", *paragraph(answer.way_out, first="A way out: ", rest="  ")]
    signed = ", ".join(f"{sign.role} {sign.name}" for sign in answer.sign_offs) or "nobody yet"
    return [*lines, "", *paragraph(f"Version {answer.version}, registration {answer.hash[:12]}; signed: {signed}.")]


def check_lines(checks: Iterable[CheckResult]) -> list[str]:
    """Return checks for a terminal: what each found, in words."""
    words = {True: "passed", False: "failed", None: "note"}
    found = ((words[check.passed], f"{_check_name(check)}: {check.sentence}") for check in checks)
    return [line for word, told in found for line in paragraph(told, first=f"  {word:<8}", rest=" " * 10)]


def status_lines(rows: Sequence[ExperimentStatus]) -> list[str]:
    """Return where experiments stand as a table."""
    head = ("experiment", "status", "layer", "owner", "from", "to", "complete on")
    parts = ((r.id, r.status, r.layer, r.owner, r.started, r.ended, r.mature_on) for r in rows)
    table = [head, *(tuple(_cell(str(part or "-")) for part in row) for row in parts)]
    notes = [line for r in rows if r.note for line in paragraph(f"{r.id}: {r.status} {r.note}", rest="  ")]
    return [*aligned(table, left=set(range(len(head)))), *([""] if notes else []), *notes]


def health_lines(seen: Health) -> list[str]:
    """Return what may be seen of a running experiment: progress, checks, guardrails, and a look where it is due."""
    lines = [*paragraph(seen.question), "", *paragraph(seen.progress.sentence(), first="  ", rest="  ")]
    lines += [f"  {printable(_cell(arm)):<24}{n:>12,}" for arm, n in seen.progress.assigned.items()]
    lines += [*paragraph(seen.note, first="  ", rest="  ")] if seen.note else []
    if seen.checks:
        lines += ["", _bold("Checks"), *check_lines(seen.checks)]
    for title, estimates in (("Guardrails", seen.guardrails), (_look_title(seen), seen.primary)):
        if estimates:
            lines += ["", _bold(title)]
            lines += [line for e in estimates for line in paragraph(e.sentence, first="  - ", rest="    ")]
    return [*lines, "", *paragraph(_look_note(seen))]


def _look_title(seen: Health) -> str:
    return (
        ""
        if seen.look is None
        else f"Look {seen.look.number} of {seen.look.of}: |z| has to reach {seen.look.critical:.2f}"
    )


def _look_note(seen: Health) -> str:
    if seen.look is not None:
        return f"Today is look {seen.look.number} of {seen.look.of} that the signed design registers."
    coming = f"The next look is on {seen.next_look}." if seen.next_look else "No look is registered."
    return f"The effect on the primary metric is not read before its day. {coming}"
