"""The small-holdout guard: where few units pay, or some pay much, the test is by permutation, and the page says why.

The rule reads all arms together, so it cannot choose a test by its outcome. It covers means, money and ratios of units
that were drawn one by one; whole accounts have one of their own, and small blocks none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from incrementality.estimates import CheckResult
from incrementality.lift.account_guard import account_checks, account_rules
from incrementality.lift.look_paths import PathAnswer, compare_at_look
from incrementality.lift.methods import (
    PERMUTATION_SEED,
    expected_in_control,
    is_guarded,
    permutations_for,
    states_lift,
)
from incrementality.lift.permuted_units import units_to_permute
from incrementality.lift.stating import capped_at
from incrementality.outcomes import known_shape, pooled_shapes
from incrementality.stats import compare_by_permutation, compare_clusters_by_permutation, pooled_small_holdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.lift.account_guard import AccountRule
    from incrementality.lift.look_paths import LookPath
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.outcomes import PooledShape
    from incrementality.stats import SmallHoldout

__all__ = ["Guard", "guard_checks", "guarded", "take_guard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What the rule says of each comparison, by (metric, arm); comparisons that it does not cover are not in it.

    Attributes:
        answers: The rule's answers.
        in_control: Units with a value other than zero that are expected in the control, both arms counted together.
        path: The looks over which a permutation is followed; ``None`` where the readout is no planned look.
        accounts: What the rule says of whole accounts, where those were randomised.
    """

    answers: dict[tuple[str, str], SmallHoldout]
    in_control: dict[tuple[str, str], float]
    path: LookPath | None = None
    accounts: dict[tuple[str, str], AccountRule] = field(default_factory=dict)

    def fires(self, metric: str) -> bool:
        """Return whether a metric is tested by permutation: all its arms are, so that they can be set side by side."""
        asked = [(name, answer.fires) for (name, _), answer in self.answers.items()]
        asked += [(name, rule.answer.fires) for (name, _), rule in self.accounts.items()]
        return any(fires for name, fires in asked if name == metric)


def take_guard(sample: Sample) -> Guard:
    """Ask the rule of every comparison that it covers, of the sums over all arms together."""
    parts = [part for part in sample.metrics if is_guarded(part.metric.kind)]
    data = sample.experiment.data
    if data.cluster is not None or data.block is not None or not parts:
        rules = account_rules(sample)
        return Guard(answers={}, in_control={key: rule.in_control for key, rule in rules.items()}, accounts=rules)
    shapes = _shapes(sample, parts)
    control, answers, in_control = sample.experiment.control.name, {}, {}
    for part in parts:
        shape = shapes[part.metric.name]
        for arm in sample.experiment.treatments:
            sizes = _present(part, arm.name), _present(part, control)
            payers = shape.payers / shape.units * sum(sizes)
            answers[part.metric.name, arm.name] = pooled_small_holdout(sizes, payers=payers, skewness=shape.skewness)
            in_control[part.metric.name, arm.name] = expected_in_control(payers, *sizes)
    return Guard(answers=answers, in_control=in_control)


def _shapes(sample: Sample, parts: Sequence[MetricSample]) -> dict[str, PooledShape]:
    """The shape of each metric, by its name; one more pass serves those that the pass of the moments does not tell."""
    planned = [arm.name for arm in sample.experiment.arms]
    found = {part.metric.name: known_shape(part.reduction, part.metric.columns, planned) for part in parts}
    asked = [part for part in parts if found[part.metric.name] is None]
    ratios = {
        part.metric.columns[0]: (part.metric.columns[1], _ratio(part)) for part in asked if len(part.metric.columns) > 1
    }
    names = tuple(dict.fromkeys(part.metric.columns[0] for part in asked))
    formed = pooled_shapes(sample.table, names, tuple(sample.values.values()), ratios=ratios)
    return {part.metric.name: found[part.metric.name] or formed[part.metric.columns[0]] for part in parts}


def _ratio(part: MetricSample) -> float:
    """The ratio of all arms together."""
    above, below = (float(value) for value in part.reduction.moments.pooled().means()[_columns(part)])
    return above / below


def _columns(part: MetricSample) -> list[int]:
    return part.reduction.moments.indices(part.metric.columns)


def _present(part: MetricSample, arm: str) -> float:
    return float(part.arm(arm).n.sum())


def guard_checks(sample: Sample, guard: Guard) -> tuple[CheckResult, ...]:
    """Return what the rule decided for each metric, in words."""
    found = []
    for metric in dict.fromkeys(name for name, _ in guard.answers):
        answers = {arm: answer for (name, arm), answer in guard.answers.items() if name == metric}
        told = next((answer for answer in answers.values() if answer.fires), next(iter(answers.values())))
        rows = tuple(
            {"arm": arm, "payers": answer.payers, "skewness": answer.skewness, "permutation": answer.fires}
            for arm, answer in answers.items()
        )
        passed = None if told.fires else True
        found.append(
            CheckResult(name="small_holdout", metric=metric, passed=passed, sentence=told.sentence, table=rows)
        )
    return (*found, *account_checks(sample, guard.accounts))


def guarded(sample: Sample, guard: Guard, estimates: Sequence[LiftEstimate]) -> list[LiftEstimate]:
    """Return the estimates with permutation in place of t tests where the rule asks for it.

    Adjusted estimates of such a metric are left out: their t test is no safer. A permutation moves the outcomes alone.
    """
    kept = [e for e in estimates if not guard.fires(e.metric) or not e.adjusted]
    return [_by_permutation(sample, guard, e) if guard.fires(e.metric) else e for e in kept]


def _by_permutation(sample: Sample, guard: Guard, estimate: LiftEstimate) -> LiftEstimate:
    part = next(part for part in sample.metrics if part.metric.name == estimate.metric)
    found, permuted = _permuted(sample, guard, part, estimate.arm)
    interval, relative = found.effect_interval, found.rel_interval
    enough = states_lift(guard.in_control[estimate.metric, estimate.arm])
    stated = part.metric.relative and relative is not None and enough
    return replace(
        estimate,
        treatment_mean=estimate.control_mean + found.effect,
        effect=found.effect,
        standard_error=found.standard_error,
        effect_ci_lower=interval.lower,
        effect_ci_upper=interval.upper,
        rel_effect=found.rel_effect if stated else None,
        rel_effect_ci_lower=relative.lower if stated and relative else None,
        rel_effect_ci_upper=relative.upper if stated and relative else None,
        pvalue=found.pvalue,
        df=None,
        method=f"studentised permutation test{_of_whom(sample)}{permuted}, equal-tailed, "
        f"{found.permutations:,} permutations; "
        f"intervals invert it{capped_at(part.metric)}",
    )


def _of_whom(sample: Sample) -> str:
    cluster = sample.experiment.data.cluster
    return "" if cluster is None else f" of whole groups of {cluster} (CR2)"


def _permuted(sample: Sample, guard: Guard, part: MetricSample, arm: str) -> PathAnswer:
    alpha = sample.experiment.alpha
    if guard.path is not None:
        return compare_at_look(sample, part, arm, guard.path if part.metric.role == "primary" else None)
    units = units_to_permute(sample, part, arm)
    drawn = (units.values, units.treated) if units.cluster is None else (units.values, units.cluster, units.treated)
    compare = compare_by_permutation if units.cluster is None else compare_clusters_by_permutation
    found = compare(
        *drawn,
        seed=PERMUTATION_SEED,
        denominator=units.denominator,
        strata=units.stratum,
        alpha=alpha,
        permutations=permutations_for(units.labels, alpha),
    )
    return PathAnswer(found, "")
