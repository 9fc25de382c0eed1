"""The measurement specification: what was measured, in whom, over which window, by which method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.formatting import level, share
from incrementality.outcomes import followed_window

if TYPE_CHECKING:
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.sample import Sample

__all__ = ["measurement_specification"]

_RELATIVE = (
    "Difference over the control's mean, by the test of the difference (Fieller, or the score test for shares); "
    "left out where the control's own interval holds zero."
)
_SEVERAL = (
    "Primary metrics: {split}'s correction over the registered estimates, all arms together. Secondary metrics: the "
    "false discovery rate, by Benjamini and Hochberg. Guardrails with a margin: non-inferiority, one-sided at the full "
    "error rate. Intervals and segments are unadjusted."
)


def measurement_specification(sample: Sample) -> tuple[tuple[str, str], ...]:
    """Return (term, text) pairs that an auditor needs to make every number again."""
    experiment = sample.experiment
    lines = [
        ("Population", _population(experiment)),
        *_maturity(experiment),
        ("Unit", _unit(sample)),
        ("Control", f"{experiment.control.name}, planned share {share(float(experiment.control.share))}"),
        *((f"Metric {metric.name} ({metric.role})", _metric(metric)) for metric in experiment.metrics),
        ("Interval", f"{level(experiment.alpha)}, two-sided; each comparison on its own"),
        ("Registered estimate", _registered(sample)),
        ("Estimand of the interval", "These units: robust variances (HC2, HC3, CR2) are conservative for it."),
        ("Relative lift", _RELATIVE),
        ("Several comparisons", _SEVERAL.format(split=experiment.alpha_split.capitalize())),
    ]
    if experiment.started is not None:
        lines.append(("Assignment", f"from {experiment.started} to {experiment.ended or 'now'}"))
    if experiment.notes:
        lines.append(("Notes", experiment.notes))
    return tuple(lines)


def _population(experiment: Experiment) -> str:
    data, assigned = experiment.data, f"{experiment.unit} that was assigned to a planned arm"
    if data.analysed == "assigned":
        return f"Every {assigned} (intention to treat)."
    return (
        f"Every {assigned} and was eligible (column {data.eligible}), whether or not it was reached (intention to "
        "treat); units that were not eligible, or not known to be, are counted and left out."
    )


def _maturity(experiment: Experiment) -> list[tuple[str, str]]:
    data = experiment.data
    if data.t0 is None:
        return []
    decided = f"The decision is column {data.t0}, in UTC"
    if data.data_cut is None:
        return [("Time", f"{decided}; no data cut is declared, so nothing is left out for its age.")]
    days = followed_window(experiment).total_seconds() / 86400
    cut = f"{data.data_cut:%Y-%m-%d %H:%M} UTC"
    return [("Time", f"{decided}; units count whose longest window, {days:g} days, had closed by {cut}.")]


def _unit(sample: Sample) -> str:
    experiment, data = sample.experiment, sample.experiment.data
    told = "row number; the data has no id" if data.unit is None else f"column {data.unit}"
    told = f"{experiment.unit}: {told}"
    if data.cluster is not None:
        told += f"; whole groups of column {data.cluster} were randomised, and variances are by group (CR2)"
    if data.stratum is not None:
        told += f"; randomised within {data.stratum}, and compared within it"
        told += f", by the probabilities of column {data.p_arm}" if data.p_arm is not None else ""
    if data.block is not None:
        told += (
            f"; randomised within blocks of {data.block}, and compared block by block; blocks with one arm tell nothing"
        )
    if sample.entries is not None:
        told += "; a unit in several rows counts in its first entry"
    return told


def _metric(metric: PlannedMetric) -> str:
    columns = " / ".join(metric.columns)
    told = {
        "conversion": f"share of units with {columns} = 1",
        "mean": f"mean of {columns} over units",
        "revenue": f"mean of {columns} over all units, payers or not",
        "ratio": f"sum of {metric.numerator} over sum of {metric.denominator}",
        "quantile": f"{metric.quantile or 0:g} quantile of {columns} over units",
        "time": _time(metric),
    }[metric.kind]
    days = "" if metric.window is None else f"; outcomes within {metric.window.total_seconds() / 86400:g} days"
    unit = f", in {metric.unit}" if metric.unit else ""
    smallest = metric.smallest_effect
    matters = ""
    if smallest is not None and smallest.absolute is not None:
        matters = f"; smallest effect that matters: {smallest.absolute:g}"
    elif smallest is not None and smallest.relative is not None:
        matters = f"; smallest effect that matters: {share(float(smallest.relative))} of the control"
    if metric.winsorise is not None:
        told += f", each unit's value of {metric.reads[0]} winsorised: {_cap(metric)}"
    return f"{told}{unit}{days}; {metric.direction} is better{matters}"


def _time(metric: PlannedMetric) -> str:
    source = f"column {metric.at}, the moment of the event" if metric.at else " and ".join(metric.columns)
    return (
        f"mean days to the event, cut at the window (Kaplan-Meier, {source}); units watched for less count for as long "
        "as they were"
    )


def _cap(metric: PlannedMetric) -> str:
    """Where the cap comes from; it is never made of the outcomes that it cuts."""
    cap = metric.winsorise
    if cap is None or cap.value is None:
        return "no cap is known"
    told = f"what is above {cap.value:g} counts as {cap.value:g}"
    return f"{told}, the {cap.at:g} quantile of earlier units" if cap.at is not None else f"{told}, fixed beforehand"


def _registered(sample: Sample) -> str:
    covariates = sample.experiment.data.covariates
    if not covariates:
        return "The unadjusted comparison, since no covariates were declared."
    if sample.experiment.data.block is not None:
        return "The comparison block by block; covariates serve the check of balance alone."
    named = ", ".join(covariate.column for covariate in covariates)
    return f"Adjusted by Lin's fully interacted regression on {named}; the unadjusted one stands beside it."
