"""Why a metric has a difference and no lift: its control is too small to hold any of few events, or holds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.estimates import CheckResult
from incrementality.lift.comparisons import mean_of
from incrementality.lift.conversions import is_plain_share
from incrementality.lift.methods import FEWEST_FOR_LIFT, expected_in_control, states_lift
from incrementality.lift.rows import needs_rows

if TYPE_CHECKING:
    from incrementality.lift.guard import Guard
    from incrementality.lift.sample import MetricSample, Sample

__all__ = ["lift_checks"]


def lift_checks(sample: Sample, guard: Guard) -> tuple[CheckResult, ...]:
    """Return a check for each metric that has no lift, or no value at all.

    Whether a lift is stated follows from both arms together; see ``methods.states_lift``. The difference is always
    answered. A metric without any value, in any arm, fails where it is primary: its column is likely not filled.
    """
    parts = [part for part in sample.metrics if not needs_rows(part.metric)]
    return tuple(check for part in parts if (check := _checked(sample, part, guard)) is not None)


def _checked(sample: Sample, part: MetricSample, guard: Guard) -> CheckResult | None:
    metric, control = part.metric, sample.experiment.control.name
    means = {arm.name: mean_of(part, arm.name).value for arm in sample.experiment.arms}
    rows = _expected(sample, part, guard)
    few = {arm: expected for arm, expected in rows.items() if not states_lift(expected)}
    told = ""
    if not any(means.values()) and not any(rows.values()):
        told = "The mean is zero in every arm: check the column."
    elif not metric.relative:
        return None
    elif few:
        told = (
            f"No lift is stated: {min(few.values()):.1f} units with a value are expected in the control, both arms "
            f"counted together, fewer than {FEWEST_FOR_LIFT}. The difference is answered."
        )
    elif means[control] == 0:
        told = "No lift is stated: the control's mean is zero. The difference is answered."
    if not told:
        return None
    passed = False if told.startswith("The mean") and metric.role == "primary" else None
    table = tuple({"arm": arm, "expected_in_control": expected} for arm, expected in rows.items())
    return CheckResult(name="lift", metric=metric.name, passed=passed, sentence=told, table=table)


def _expected(sample: Sample, part: MetricSample, guard: Guard) -> dict[str, float]:
    """Units with a value that the control is expected to hold, by arm, where the test reads them."""
    name, control = part.metric.name, sample.experiment.control.name
    arms = [arm.name for arm in sample.experiment.treatments]
    if is_plain_share(part.metric, sample.experiment):
        sizes = {arm: float(part.arm(arm).n.sum()) for arm in (control, *arms)}
        return {
            arm: expected_in_control(part.nonzero(arm) + part.nonzero(control), sizes[arm], sizes[control])
            for arm in arms
        }
    return {arm: guard.in_control[name, arm] for arm in arms} if guard.fires(name) else {}
