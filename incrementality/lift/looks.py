"""Whether the data reaches the registered end: looking earlier at a fixed test finds effects that are not there."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from incrementality.design import look_on
from incrementality.estimates import CheckResult
from incrementality.outcomes import longest_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.design import DesignAnswer, Look
    from incrementality.experiment import Experiment

__all__ = ["complete_on", "look_checks", "look_of", "stated_at"]


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
    """Return the look that the last design registers for the day of the data cut.

    Args:
        experiment: Says when the data was cut.
        designs: Every version of the design on record, the oldest first.
    """
    cut = experiment.data.data_cut
    return None if cut is None or not designs else look_on(designs[-1], cut.date())


def stated_at(experiment: Experiment, look: Look | None) -> Experiment:
    """Return the experiment with the error rate of one of several looks, so that intervals are those of its boundary.

    References:
        Jennison and Turnbull (1989), Interim analyses: the repeated confidence interval approach,
        https://doi.org/10.1111/j.2517-6161.1989.tb01433.x
    """
    return experiment if look is None or look.of == 1 else experiment.model_copy(update={"alpha": look.alpha})


def look_checks(experiment: Experiment, look: Look | None) -> tuple[CheckResult, ...]:
    """Return the check of the registered end; none where the last day or the data cut is not declared.

    Args:
        experiment: Says when assignment ended and when the data was cut.
        look: The look that is registered for the day of the data cut.
    """
    complete, cut = complete_on(experiment), experiment.data.data_cut
    if complete is None or cut is None:
        return ()
    row = {"data_cut": f"{cut:%Y-%m-%d %H:%M}", "complete_on": f"{complete:%Y-%m-%d %H:%M}"}
    told, passed = f"The data reaches the registered end, {row['complete_on']} UTC.", True
    if look is not None and look.of > 1:
        told = f"This is look {look.number} of {look.of}; intervals and tests are those of its boundary."
    elif cut < complete:
        passed = False
        told = (
            f"This is a look before the registered end: units decided up to {experiment.ended} are complete on "
            f"{row['complete_on']} UTC, and the data reaches {row['data_cut']}. No signed design has a look on that "
            "day, and who looks often enough at a fixed interval finds an effect."
        )
    return (CheckResult(name="looks", passed=passed, sentence=told, table=(row,)),)
