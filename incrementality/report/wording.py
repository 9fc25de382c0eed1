"""Sentences of the readout page that depend on the record: who, what adjustment bought, what the intervals mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from incrementality import formatting as fmt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.estimates import CheckResult, LiftEstimate
    from incrementality.lift.readout import Readout

__all__ = [
    "CONCURRENT_NOTE",
    "GLOSSARY",
    "GUARDRAIL_NOTE",
    "SHRUNKEN_NOTE",
    "adjustment_notes",
    "beside_note",
    "check_title",
    "humanised",
    "interval_note",
    "kept_together",
    "rows_sentence",
    "who",
    "withheld",
]

_INTERVAL = (
    "The range of effects that fits the data. If the experiment were repeated many times, intervals made this way "
    "would hold the true effect in the stated share of the repetitions."
)
_INTENTION_TO_TREAT = (
    "Every unit counts in the arm to which it was assigned, whether or not the contact reached it. So the effect "
    "is that of the decision to contact, which is the decision that you can take."
)
_PERCENTAGE_POINTS = (
    "From 10 % to 12 % is a difference of 2 percentage points and a relative change of +20 %: the same result, "
    "said in two ways."
)
CONCURRENT_NOTE = (
    "These units were in other experiments too. Where arms are independent, the effect above is that in their mix of "
    "arms; where it interacts with theirs, another mix has another effect."
)
GUARDRAIL_NOTE = (
    "A guardrail is within its margin where harm of the margin or more is ruled out, worse where harm beyond it is "
    "shown, and not settled between. Nothing is corrected for their number: harm must not be missed for it."
)
SHRUNKEN_NOTE = (
    "The largest of several effects is often the luckiest. Here each is pulled towards the effects in the other values "
    "of its segment, the more the less they differ beyond chance; these are the ones to plan with."
)
GLOSSARY = (
    ("Interval", _INTERVAL),
    ("Intention to treat", _INTENTION_TO_TREAT),
    ("Percentage points", _PERCENTAGE_POINTS),
)

_CHECK_TITLES = {
    "arms_planned": "Arms as planned",
    "balance": "Balance of the arms before the start",
    "censoring": "Watched alike in every arm",
    "clusters": "Whole groups randomised",
    "concurrent": "Independent of other experiments",
    "contamination": "Contamination: was the control left alone?",
    "delivery": "Delivery and leakage",
    "duplicates": "Duplicate rows",
    "eligible_rate": "Same share of eligible in every arm",
    "enough_events": "Enough events for the interval",
    "interval": "Usable interval",
    "lift": "Is a lift stated?",
    "looks": "Looks: is this a day on which it may be read?",
    "maturity": "Maturity: have the outcome windows closed?",
    "missing_outcomes": "Missing outcomes",
    "sample_ratio": "Sample ratio: did each arm get its planned share?",
    "sample_ratio_complement": "Sample ratio of those not eligible",
}
_CORRECTIONS = {
    "holm": "Holm's over the primary comparisons",
    "hochberg": "Hochberg's over the primary comparisons",
    "benjamini_hochberg": "Benjamini and Hochberg's (false discovery rate) over the secondary ones",
}
_NOTICEABLE = 0.0005


def who(readout: Readout) -> str:
    """Return who was in the experiment and in which arm, in a line."""
    arms = ", ".join(f"{arm.name} {fmt.count(arm.n)}{' (control)' if arm.control else ''}" for arm in readout.arms)
    clusters = sum(arm.clusters or 0 for arm in readout.arms)
    groups = f" in {fmt.count(clusters)} groups" if clusters else ""
    return f"{fmt.count(sum(arm.n for arm in readout.arms))} {readout.unit}s{groups}: {arms}."


def check_title(check: CheckResult) -> str:
    """Return the name of a check as a person would say it.

    Examples:
        >>> from incrementality.estimates import CheckResult
        >>> check_title(CheckResult(name="late_events", passed=None, sentence="", metric="visit"))
        'Late events: visit'
    """
    title = _CHECK_TITLES.get(check.name, humanised(check.name))
    return f"{title}: {check.metric}" if check.metric else title


def humanised(name: str) -> str:
    """Return a field's name as words.

    Examples:
        >>> humanised("share_planned"), humanised("n"), humanised("pvalue")
        ('Share planned', 'n', 'p')
    """
    if name in {"n", "p", "pvalue"}:
        return name[0]
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def interval_note(readout: Readout) -> str:
    """Return whether intervals and p-values allow for the number of comparisons."""
    note = (
        f"Each interval holds at {fmt.level(readout.alpha)} on its own: "
        "intervals are not adjusted for the number of comparisons."
    )
    named = tuple(dict.fromkeys(e.correction or "holm" for e in readout.estimates if e.pvalue_adjusted is not None))
    if not named:
        return note
    return f"{note} Adjusted p, beside p, is {' and '.join(_CORRECTIONS[name] for name in named)}."


def adjustment_notes(readout: Readout) -> tuple[str, ...]:
    """Return for each metric what adjusting for covariates did to the width of the interval."""
    if not any(e.adjusted for e in readout.estimates):
        return ("No covariates were declared, so every estimate is unadjusted.",)
    changes: dict[str, list[float]] = {}
    for plain, adjusted in _pairs(readout):
        changes.setdefault(plain.metric, []).append(1 - adjusted.standard_error / plain.standard_error)
    return tuple(_adjustment_note(metric, values) for metric, values in changes.items())


def beside_note(readout: Readout) -> str:
    """Return what the numbers beside the headline say and what they do not."""
    told = []
    if readout.compliers or readout.complier_notes:
        told.append(
            "The effect on compliers is that on the units that were reached because of their arm. It supposes that the "
            "arm works through delivery alone, and it says nothing of units that would not have been reached."
        )
    if readout.diluted:
        told.append("The diluted effect spreads the effect on the eligible over all assigned units.")
    return " ".join([*told, "Neither is the answer to the question above; that is the intention to treat."])


def kept_together(text: str) -> str:
    r"""Return text in which a line never breaks between a number and its percent sign, or around "p =".

    Examples:
        >>> kept_together("72 % more (p = 0.904)").split(" ")
        ['72\xa0%', 'more', '(p\xa0=\xa00.904)']
    """
    text = re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", text)
    return re.sub(r"\bp ([<=]) (?=\d)", "p\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)


def rows_sentence(readout: Readout) -> str:
    """Return how many rows were read, kept and refused."""
    rows = readout.rows
    refused = sum(rows.refused.values())
    last = "none was refused" if not refused else f"{fmt.count(refused)} refused"
    return f"{fmt.count(rows.read)} rows were read, {fmt.count(rows.kept)} kept, {last}."


def withheld(readout: Readout) -> str:
    """Return what the control did not get, in a line."""
    return "; ".join(f"{humanised(kind)}: {', '.join(names)}" for kind, names in readout.withholds.items() if names)


def _pairs(readout: Readout) -> Iterator[tuple[LiftEstimate, LiftEstimate]]:
    plain = {(e.metric, e.arm): e for e in readout.estimates if not e.adjusted}
    for estimate in readout.estimates:
        other = plain.get((estimate.metric, estimate.arm))
        if estimate.adjusted and other is not None and other.standard_error > 0:
            yield other, estimate


def _adjustment_note(metric: str, changes: list[float]) -> str:
    low, high = min(changes), max(changes)
    if max(abs(low), abs(high)) < _NOTICEABLE:
        return f"{metric}: covariates left the interval as wide as it was."
    if low < 0 < high:
        return f"{metric}: covariates changed the interval by {fmt.relative(-high)} to {fmt.relative(-low)}."
    verb = "narrowed" if high > 0 else "widened"
    least, most = (fmt.relative(x).lstrip("+") for x in sorted((abs(low), abs(high))))
    return f"{metric}: covariates {verb} the interval by {most if least == most else fmt.interval(least, most)}."
