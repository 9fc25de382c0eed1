"""Which look a readout is: the registered design decides, and looking at a fixed test finds what is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from incrementality.design import look_on, looks_of, monitoring_of
from incrementality.errors import InputError
from incrementality.estimates import CheckResult
from incrementality.formatting import level, share
from incrementality.lift.look_records import LookReading
from incrementality.outcomes import longest_window
from incrementality.stats import FEWEST_PAYERS, anytime_margin, comparison_alpha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.design import DesignAnswer, Look, Monitoring
    from incrementality.experiment import Experiment
    from incrementality.lift.look_records import TakenLook
    from incrementality.stats import GroupSequentialBounds

__all__ = [
    "bounds_taken",
    "complete_on",
    "error_rate",
    "look_checks",
    "look_of",
    "look_terms",
    "read_look",
    "stated_at",
]

_FARTHEST = 8.0  # standard errors; a look that may spend nothing yet is stated there
_SMALLEST_STEP = 1.001


def complete_on(experiment: Experiment) -> datetime | None:
    """Return when the outcomes of the last units are complete; ``None`` where no last day of assignment is planned.

    That is the end of the last day, the longest window, and the days that outcomes may arrive late.

    Examples:
        >>> from datetime import date
        >>> from incrementality.experiment import experiment_yaml_example, parse_experiment
        >>> experiment = parse_experiment(experiment_yaml_example())
        >>> str(complete_on(experiment.model_copy(update={"ended": date(2026, 1, 31)})))
        '2026-03-01 00:00:00+00:00'
    """
    if experiment.ended is None:
        return None
    lag = 0 if experiment.request is None else experiment.request.maturity_lag_days
    last = datetime.combine(experiment.ended, time(), tzinfo=UTC)
    return last + timedelta(days=1 + lag) + longest_window(experiment)


def look_of(experiment: Experiment, designs: Sequence[DesignAnswer]) -> Look | None:
    """Return the look that the last design plans for the day of the data cut, the only one of a fixed test included.

    Args:
        experiment: Says when the data was cut.
        designs: Every version of the design on record, the oldest first.
    """
    cut = experiment.data.data_cut
    return None if cut is None or not designs else look_on(designs[-1], cut.date())


def read_look(
    experiment: Experiment,
    designs: Sequence[DesignAnswer],
    *,
    units: int,
    day: date | None = None,
    taken: Sequence[TakenLook] = (),
) -> LookReading | None:
    """Return the look that the last design registers for a day, at the bound that its information allows.

    Args:
        experiment: Says what is compared.
        designs: Every version of the design on record, the oldest first; one that is not signed registers no look.
        units: Units that count on that day, all arms together.
        day: The day; default: that of the data cut.
        taken: Looks taken so far; those before this one have spent their part of the error rate.

    Returns:
        The look without its results; ``None`` on a day without one, and for a test that is read once.

    Raises:
        InputError: Fewer units count than at an earlier look.
    """
    cut = experiment.data.data_cut
    on = day or (None if cut is None else cut.date())
    if on is None or not designs or not designs[-1].signed or units == 0:
        return None
    answer, plan = designs[-1], monitoring_of(designs[-1].request)
    if plan.kind == "confidence sequence":
        return _any_day(answer, plan, on, units)
    look = look_on(answer, on)
    if look is None or look.of == 1:
        return None
    planned = _planned(error_rate(experiment, answer), answer, look, units / answer.n, on=on, taken=taken)
    return replace(planned, units=units)


def _any_day(answer: DesignAnswer, plan: Monitoring, on: date, units: int) -> LookReading:
    alpha = answer.request.alpha
    margin = anytime_margin([units], planned_units=answer.n, alpha=alpha, sides=plan.sides)
    return LookReading(
        kind="confidence sequence",
        rule=plan.rule,
        on=str(on),
        number=None,
        of=None,
        information=units / answer.n,
        critical=float(margin[0]),
        spent=None,
        alpha=alpha,
        sides=plan.sides,
    )


def _planned(
    alpha: float, answer: DesignAnswer, look: Look, share_of_plan: float, *, on: date, taken: Sequence[TakenLook]
) -> LookReading:
    plan = monitoring_of(answer.request)
    information = look.information if plan.spending == "equal looks" else share_of_plan
    earlier = _before(taken, look)
    if earlier and information < earlier[-1].information * _SMALLEST_STEP:
        raise InputError(
            f"{share(information)} of the planned units count on {on}, and {share(earlier[-1].information)} counted at "
            f"look {earlier[-1].number} on {earlier[-1].on}; a later look has more",
            hint="check the data cut and the export, or restore looks.json from git",
        )
    looks = [*((one.number, one.information) for one in earlier), (look.number, information)]
    bounds = bounds_taken(plan, looks, alpha=alpha)
    return LookReading(
        kind="group sequential",
        rule=plan.rule,
        on=str(on),
        number=look.number,
        of=look.of,
        information=information,
        critical=min(bounds.critical[-1], _FARTHEST),
        spent=bounds.spent[-1],
        alpha=bounds.alpha,
        sides=plan.sides,
        earlier=earlier,
    )


def bounds_taken(plan: Monitoring, looks: Sequence[tuple[int, float]], *, alpha: float) -> GroupSequentialBounds:
    """Return the bounds of the looks that took place.

    Args:
        plan: The registered plan. Equal looks have the bounds of all looks up to the last one, taken or not.
        looks: Number and information of each look, the last one now.
        alpha: Error rate over all looks.
    """
    number = looks[-1][0]
    times = [time for _, time in looks]
    if plan.spending == "equal looks":
        times = [k / plan.looks for k in range(1, number + 1)]
    return plan.bounds(times, alpha, last=number == plan.looks)


def error_rate(experiment: Experiment, answer: DesignAnswer) -> float:
    """Return the error rate of each primary comparison over all looks: a part of the whole where there are several."""
    request = answer.request
    if monitoring_of(request).spending == "equal looks":
        return comparison_alpha(request.alpha, request.treatment_arms)
    return comparison_alpha(request.alpha, len(experiment.primary) * len(experiment.treatments))


def _before(taken: Sequence[TakenLook], look: Look) -> tuple[TakenLook, ...]:
    """The last record of each look before this one that did not reach the planned information."""
    by_number = {one.number: one for one in taken if one.number < look.number}
    return tuple(one for _, one in sorted(by_number.items()) if one.information < 1)


def stated_at(experiment: Experiment, look: LookReading | None) -> Experiment:
    """Return the experiment with the error rate of a look, so that its intervals reach as far as its bound.

    References:
        Jennison and Turnbull (1989), Interim analyses: the repeated confidence interval approach,
        https://doi.org/10.1111/j.2517-6161.1989.tb01433.x
    """
    return experiment if look is None else experiment.model_copy(update={"alpha": look.nominal_alpha})


def look_checks(
    experiment: Experiment,
    look: LookReading | None,
    designs: Sequence[DesignAnswer] = (),
    waiting: Sequence[tuple[str, str, float]] = (),
) -> tuple[CheckResult, ...]:
    """Return the check of the registered end; none where the last day or the data cut is not declared.

    Args:
        experiment: Says when assignment ended and when the data was cut.
        look: The look that is registered for the day of the data cut.
        designs: Every version of the design on record, the oldest first.
        waiting: Comparisons of a confidence sequence that have not started: metric, arm, payers.
    """
    complete, cut = complete_on(experiment), experiment.data.data_cut
    if look is not None:
        seen = {"on": look.on, "share_of_plan": look.information, "critical": look.critical, "spent": look.spent}
        registered = CheckResult(name="looks", passed=True, sentence=_look_told(look), table=(seen,))
        return (registered, *(_not_started(*one) for one in waiting))
    if complete is None or cut is None:
        return ()
    row = {"data_cut": f"{cut:%Y-%m-%d %H:%M}", "complete_on": f"{complete:%Y-%m-%d %H:%M}"}
    told, passed = f"The data reaches the registered end, {row['complete_on']} UTC.", True
    if cut < complete:
        passed = False
        told = (
            f"This is a look before the registered end: units decided up to {experiment.ended} are complete on "
            f"{row['complete_on']} UTC, and the data reaches {row['data_cut']}. No signed design has a look on that "
            f"day, and who looks often enough at a fixed interval finds an effect.{_registered(designs)}"
        )
    return (CheckResult(name="looks", passed=passed, sentence=told, table=(row,)),)


def look_terms(look: LookReading | None) -> tuple[tuple[str, str], ...]:
    """Return the look as a line of the measurement specification; nothing for a test that is read once."""
    if look is None:
        return ()
    return (("Looks", f"{look.rule}; {level(look.alpha)} over all looks. The interval's level is that of this day."),)


def _not_started(metric: str, arm: str, payers: float) -> CheckResult:
    told = (
        f"The smaller arm of the comparison of {arm} has {payers:.0f} payers; a confidence sequence starts at "
        f"{FEWEST_PAYERS}, since before that small holdouts find effects that are not there."
    )
    row = {"arm": arm, "payers": round(payers)}
    return CheckResult(name="looks", passed=False, metric=metric, sentence=told, table=(row,))


def _look_told(look: LookReading) -> str:
    so_far = f"{share(look.information)} of the planned units count"
    if look.number is None:
        return f"The registered design is {look.rule}, which may be read on any day; {so_far}."
    return (
        f"This is look {look.number} of {look.of}; intervals and tests are those of its boundary. {so_far}, "
        f"{'|z|' if look.sides > 1 else 'z'} has to reach {look.critical:.2f}, and {share(look.spent or 0.0)} of an "
        f"error rate of {share(look.alpha)} is spent."
    )


def _registered(designs: Sequence[DesignAnswer]) -> str:
    """What the signed design allows instead, by name."""
    if not designs or not designs[-1].signed:
        return ""
    plan, days = monitoring_of(designs[-1].request), [str(look.on) for look in looks_of(designs[-1])]
    if plan.kind == "fixed":
        return " The registered design is fixed: it is read once, at its end; looks and sequences are refused."
    return f" The registered design is {plan.kind}, with looks on {', '.join(days)}." if days else ""
