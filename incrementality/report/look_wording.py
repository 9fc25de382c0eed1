"""The section of a look: which one it is, its bound, what was spent, and what a test that has ended says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality import formatting as fmt

if TYPE_CHECKING:
    from incrementality.lift import LookReading, Readout, StagedAnswer

__all__ = ["look_lines", "look_rows", "look_title"]


def look_title(look: LookReading) -> str:
    """Return which look it is, as a heading."""
    return "A look on any day" if look.number is None else f"Look {look.number} of {look.of}"


def look_lines(readout: Readout) -> tuple[str, ...]:
    """Return the look in sentences: the rule, the bound, what was found, what a test that has ended says."""
    look = readout.look
    if look is None:
        return ()
    statistic = "|z|" if look.sides > 1 else "z, counted in the good direction,"
    reach = f"{fmt.share(look.information)} of the planned units count; {statistic} has to reach {look.critical:.2f}"
    if look.number is None:
        reach += f". Intervals hold at {fmt.level(look.alpha)} on all days together, and p-values are always valid."
    else:
        spent = fmt.share(look.spent or 0.0)
        reach += (
            f". {spent} of the error rate of {fmt.share(look.alpha)} is spent so far. An interval of this look reaches "
            f"as far as its bound, and an effect is shown where p is below {look.nominal_alpha:.2g}."
        )
    scales = {e.metric: (e.kind, e.unit) for e in readout.estimates}
    ended = [_ended(answer, *scales.get(answer.metric, ("mean", "")), look) for answer in look.answers]
    return (f"The design registers {look.rule}. {reach}", look.sentence, *ended)


def _ended(answer: StagedAnswer, kind: str, unit: str, look: LookReading) -> str:
    effect, raw = (fmt.difference(x, kind=kind, unit=unit) for x in (answer.effect, answer.raw_effect))
    low, high = (
        fmt.difference_number(end, kind=kind, unit=unit)
        for end in (
            float("-inf") if answer.lower is None else answer.lower,
            float("inf") if answer.upper is None else answer.upper,
        )
    )
    return (
        f"With the looks allowed for, the effect of {answer.arm} on {answer.metric} is {effect} (median-unbiased, "
        f"{fmt.level(look.alpha)} interval {fmt.interval(low, high)}); the plain estimate at look {answer.look} "
        f"was {raw}."
    )


def look_rows(look: LookReading | None) -> tuple[tuple[str, ...], ...]:
    """Return the looks taken so far: number, day, information, bound, spent, and z of each primary comparison."""
    now = None if look is None else look.taken()
    if look is None or now is None:
        return ()
    return tuple(
        (
            f"{one.number} of {one.of}",
            one.on,
            fmt.share(one.information),
            f"{one.critical:.2f}",
            fmt.share(one.spent),
            ", ".join(f"{result.arm} on {result.metric} {result.z:.2f}" for result in one.results),
        )
        for one in (*look.earlier, now)
    )
