"""Reads cumulative summaries by date, where rows cannot leave the place in which they lie: n, mean and variance."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from incrementality.design import monitoring_asked, monitoring_of
from incrementality.display import DisplayMixin
from incrementality.errors import InputError
from incrementality.lift.cumulative import Step, effect_at
from incrementality.lift.look_records import CumulativeEffect, LookReading, LookResult, StagedAnswer, TakenLook
from incrementality.lift.looks import error_rate
from incrementality.lift.monitored import always_valid, deviate, ended
from incrementality.lift.summary_looks import look_numbers, look_readings, sequence_readings
from incrementality.lift.summary_rows import summaries_of
from incrementality.stats import comparison_alpha

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from incrementality.design import DesignAnswer, Monitoring
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.cumulative import Cumulated

__all__ = ["SummaryReadout", "read_summaries"]

Kind = Literal["fixed", "group sequential", "confidence sequence"]
Days = dict["date", dict[str, "Cumulated"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryReadout(DisplayMixin):
    """What cumulative summaries say under the registered way to watch.

    Attributes:
        experiment_id: The experiment.
        kind: ``group sequential`` or ``confidence sequence``.
        rule: The rule in words.
        alpha: Error rate over all dates, of each comparison; planned looks share that of the experiment among them,
            sequences do not.
        sides: 2 for effects either way, 1 where only the good direction is tested.
        planned_units: Units that the plan asks for, both arms together.
        effects: The effect of each arm on each primary metric by date.
        answers: What a group-sequential test says where it has ended.
    """

    experiment_id: str
    kind: Kind
    rule: str
    alpha: float
    sides: Literal[1, 2]
    planned_units: float
    effects: tuple[CumulativeEffect, ...]
    answers: tuple[StagedAnswer, ...]

    _shown = ("on", "metric", "arm", "n_control", "n_treatment", "effect", "lower", "upper", "pvalue", "critical")

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return asdict(self)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each date, metric and arm."""
        return tuple(asdict(effect) for effect in self.effects)


def read_summaries(
    experiment: Experiment,
    rows: object,
    *,
    design: DesignAnswer | None = None,
    planned_units: float | None = None,
    kind: Kind | None = None,
) -> SummaryReadout:
    """Read primary metrics from cumulative summaries by the way to watch that the design registers.

    Each row holds all units of an arm that count by a date. Planned looks are those of the design on their days; where
    the design states no first day, and without a design, each date of the table is a look, in order. Revenue of a small
    holdout would need a permutation test, for which there are no rows here: at a date on which the small-holdout rule
    fires (fewer than 100 payers in the smaller arm, or 400 beyond 80/20) nothing is looked at and nothing spent.

    Args:
        experiment: What was planned.
        rows: A frame, a dictionary of columns, or records, with ``date``, ``arm``, ``n``, ``mean`` and ``variance``
            (of units, denominator n - 1); ``metric`` where there are several primary ones; ``payers``, the units with a
            value other than zero, for revenue.
        design: The registered design, signed; default: the experiment file's own ``request.monitoring``.
        planned_units: Units of the plan, all arms together, where there is no design.
        kind: How to read; default: as registered. Another way than the registered one is refused.

    Raises:
        InputError: The design is not signed, registers another way, or the rows cannot be used; the message names the
            row.

    References:
        Jennison and Turnbull (2000), https://doi.org/10.1201/9780367805326;
        Waudby-Smith et al. (2021), https://arxiv.org/abs/2103.06476

    Examples:
        >>> from incrementality import Experiment
        >>> experiment = Experiment(
        ...     id="winback", question="Does it work?", data={"unit": "id"},
        ...     arms=[{"name": "holdout", "share": "50%", "control": True}, {"name": "journey", "share": "50%"}],
        ...     metrics=[{"name": "spend", "kind": "mean", "role": "primary"}],
        ...     request={"decision": "Go on?", "monitoring": {"kind": "group sequential", "looks": 2}},
        ... )
        >>> rows = [{"date": "2026-02-01", "arm": "holdout", "n": 2000, "mean": 10.0, "variance": 36.0},
        ...         {"date": "2026-02-01", "arm": "journey", "n": 2000, "mean": 10.9, "variance": 36.0}]
        >>> found = read_summaries(experiment, rows, planned_units=8000)
        >>> effect = found.effects[0]
        >>> round(effect.effect, 2), round(effect.critical, 2), round(found.answers[0].pvalue, 6)
        (0.9, 2.96, 2e-06)
    """
    plan, planned = _registered(experiment, design, planned_units, kind)
    alpha = _error_rate(experiment, design, sequence=plan.kind == "confidence sequence")
    effects: list[CumulativeEffect] = []
    answers: list[StagedAnswer] = []
    for metric, days in summaries_of(experiment, rows).items():
        looks = _looks(metric, days, plan, design, planned=planned, alpha=alpha)
        for arm in experiment.treatments:
            path, answer = _read_path(_path(experiment, metric, arm.name, days, looks), looks, plan, metric)
            effects += path
            answers += [] if answer is None else [answer]
    return SummaryReadout(
        experiment_id=experiment.id,
        kind=plan.kind,
        rule=plan.rule,
        alpha=alpha,
        sides=plan.sides,
        planned_units=planned,
        effects=tuple(effects),
        answers=tuple(answers),
    )


def _looks(
    metric: PlannedMetric,
    days: Days,
    plan: Monitoring,
    design: DesignAnswer | None,
    *,
    planned: float,
    alpha: float,
) -> dict[str, LookReading]:
    """The look at each date."""
    if plan.kind == "confidence sequence":
        return sequence_readings(days, plan, planned, alpha)
    return look_readings(days, look_numbers(metric, days, plan, design), plan, planned, alpha)


def _read_path(
    path: Iterable[CumulativeEffect], looks: dict[str, LookReading], plan: Monitoring, metric: PlannedMetric
) -> tuple[list[CumulativeEffect], StagedAnswer | None]:
    """One arm's effects by date, and what a group-sequential test says of them where it has ended."""
    steps = list(path)
    if plan.kind == "confidence sequence":
        return [_always_valid(step, looks[step.on], metric) for step in steps], None
    return steps, _answer(steps, list(looks.values()), plan, metric)


def _registered(
    experiment: Experiment, design: DesignAnswer | None, planned_units: float | None, kind: Kind | None
) -> tuple[Monitoring, float]:
    if design is not None and not design.signed:
        raise InputError(
            f"the design of {experiment.id!r} is not signed by: {', '.join(design.missing_approvals)}",
            hint="sign it first; looks are allowed by what is registered",
        )
    plan = monitoring_asked(experiment.request) if design is None else monitoring_of(design.request)
    if plan is None or plan.kind == "fixed":
        what = (
            "nothing is registered" if plan is None else "the registered design is fixed: it is read once, at its end"
        )
        raise InputError(
            f"{what}, so summaries of {experiment.id!r} by date are refused",
            hint="register request.monitoring before the start, or read the experiment out at its end",
        )
    if kind is not None and kind != plan.kind:
        raise InputError(
            f"{experiment.id!r} is registered as {plan.kind}, and {kind} was asked for",
            hint="read it as registered; another way needs a new version of the design",
        )
    planned = design.n if design is not None else planned_units
    if planned is None or not planned > 0:
        raise InputError(
            f"the planned units are {planned}; they say how much of the plan each date holds",
            hint="hand in the design, or planned_units, fixed before the start",
        )
    return plan, float(planned)


def _error_rate(experiment: Experiment, design: DesignAnswer | None, *, sequence: bool) -> float:
    if sequence:
        return experiment.alpha if design is None else design.request.alpha
    if design is not None:
        return error_rate(experiment, design)
    return comparison_alpha(experiment.alpha, len(experiment.primary) * len(experiment.treatments))


def _path(
    experiment: Experiment, metric: PlannedMetric, arm: str, days: Days, looks: dict[str, LookReading]
) -> Iterator[CumulativeEffect]:
    for day, arms in days.items():
        look = looks.get(str(day))
        step = Step(on=str(day), critical=None)
        if look is not None:
            step = Step(
                on=str(day), critical=look.critical, look=look.number, sides=look.sides, sequence=look.number is None
            )
        yield effect_at(metric, arm, arms[arm], arms[experiment.control.name], step)


def _always_valid(effect: CumulativeEffect, look: LookReading, metric: PlannedMetric) -> CumulativeEffect:
    if effect.pvalue is None:
        return replace(effect, pvalue=1.0)
    z = deviate(effect.effect, effect.pvalue)
    if look.sides == 1:
        z = z if metric.direction == "increase" else -z
    return replace(effect, pvalue=always_valid(z, look, float("inf"), sides=look.sides))


def _answer(
    path: Sequence[CumulativeEffect], looks: Sequence[LookReading], plan: Monitoring, metric: PlannedMetric
) -> StagedAnswer | None:
    steps = {step.on: step for step in path}
    taken: list[TakenLook] = []
    for look in looks:
        result = _result(steps[look.on], look, metric)
        answer = ended(replace(look, earlier=tuple(taken)), result, plan, metric.direction)
        if answer is not None:
            return answer
        kept = replace(look, results=(result,)).taken()
        taken += [] if kept is None else [kept]
    return None


def _result(step: CumulativeEffect, look: LookReading, metric: PlannedMetric) -> LookResult:
    z = deviate(step.effect, 1.0 if step.pvalue is None else step.pvalue)
    good = z if metric.direction == "increase" else -z
    crossed = (abs(z) if look.sides > 1 else good) > look.critical
    return LookResult(
        metric=step.metric, arm=step.arm, effect=step.effect, standard_error=step.standard_error, z=z, crossed=crossed
    )
