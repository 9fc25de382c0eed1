"""Several experiments on one metric: each effect, their mean, how much they differ, and each in the others' light."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.formatting import count, difference, interval, level, p_value
from incrementality.lift.pooled import EvidenceRow, PooledEvidence
from incrementality.stats import cochran_q, pool_effects, shrink_effects, two_sided_critical_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.lift.evidence import ComparisonEvidence, Evidence

__all__ = ["pool_evidence"]

_TWO = 2
_NO_SUM = (
    "The sum of the winners is not given: of many tests the largest effects were lucky as well as good, so their sum "
    "is too large, and it leaves out what harmed."
)
_METHODS = {
    "hksj": "random effects, Hartung-Knapp-Sidik-Jonkman interval",
    "fixed_effect": "random effects, with the fixed-effect interval, the wider one for so few experiments",
}


def pool_evidence(
    found: Mapping[str, Evidence],
    metric: str,
    *,
    alpha: float = 0.05,
    left_out: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
) -> PooledEvidence:
    """Take several experiments on one metric together, whatever they found.

    Weights come from the variance with both arms read as one. Several arms of one experiment are taken together
    against their control first (Cochrane Handbook, 23.3.4), so that no control counts twice.

    Args:
        found: What each experiment's readout left, by id.
        metric: The metric.
        alpha: Error rate of the intervals.
        left_out: Experiments that are not in it, each with why.
        notes: What a reader has to know beside the numbers, such as errors that go together.

    Raises:
        InputError: No experiment has an effect on the metric, or they differ in what the effect is of: kind, unit,
            window, population.

    References:
        Higgins and Thompson (2002), Quantifying heterogeneity, https://doi.org/10.1002/sim.1186;
        Cochrane Handbook for Systematic Reviews, chapter 23, https://training.cochrane.org/handbook

    Examples:
        >>> from incrementality.lift.evidence import ComparisonEvidence, Evidence
        >>> def said(effect):
        ...     one = ComparisonEvidence(
        ...         metric="spend", kind="revenue", unit="EUR", direction="increase", role="primary", window_days=28.0,
        ...         arm="mail", control="holdout", effect=effect, variance=0.1, n=900, n_control=100, adjusted=False)
        ...     return Evidence(
        ...         unit="contact", clustered=False, population="assigned", eligible_entries=None, units={},
        ...         grade="trust", look=None, looks=None, comparisons=(one,))
        >>> pooled = pool_evidence({"a": said(0.9), "b": said(-0.1), "c": said(0.4)}, "spend")
        >>> round(pooled.mean, 2), [round(row.shrunken, 2) for row in pooled.rows]
        (0.4, [0.68, 0.12, 0.4])
    """
    kept = {name: _of_metric(evidence, metric) for name, evidence in found.items()}
    empty = [(name, f"no comparison of {metric} with a variance") for name, rows in kept.items() if not rows]
    kept = {name: rows for name, rows in kept.items() if rows}
    if not kept:
        raise InputError(
            f"no experiment has an effect on {metric!r} that could be pooled",
            hint="read experiments out whose primary metric it is, or name another metric",
        )
    _check_alike({name: (found[name], rows[0]) for name, rows in kept.items()}, metric)
    rows = tuple(_row(name, found[name], parts, alpha) for name, parts in kept.items())
    first, evidence = next(iter(kept.values()))[0], found[next(iter(kept))]
    pooled = PooledEvidence(
        metric=metric,
        kind=first.kind,
        unit=first.unit,
        direction=first.direction,
        analysed=evidence.unit,
        population=evidence.population,
        window_days=first.window_days,
        alpha=alpha,
        rows=rows,
        left_out=(*left_out, *empty),
        notes=(*notes, *_notes(kept), _NO_SUM),
    )
    pooled = _together(pooled) if len(rows) >= _TWO else pooled
    return replace(pooled, sentence=_sentence(pooled))


def _of_metric(evidence: Evidence, metric: str) -> list[ComparisonEvidence]:
    return [one for one in evidence.comparisons if one.metric == metric and one.variance is not None]


def _check_alike(found: Mapping[str, tuple[Evidence, ComparisonEvidence]], metric: str) -> None:
    """Effects are of one thing, or they have no mean."""
    told = {name: _about(evidence, comparison) for name, (evidence, comparison) in found.items()}
    for what in next(iter(told.values())):
        groups: dict[str, list[str]] = {}
        for name, about in told.items():
            groups.setdefault(about[what], []).append(name)
        if len(groups) > 1:
            listed = "; ".join(f"{value} in {', '.join(names)}" for value, names in groups.items())
            raise InputError(
                f"effects on {metric!r} are not of one thing, since the {what} differs: {listed}",
                hint="name those that are alike: incrementality evidence ID ID ...",
            )


def _about(evidence: Evidence, comparison: ComparisonEvidence) -> dict[str, str]:
    """What an effect is of."""
    days = comparison.window_days
    return {
        "kind": comparison.kind,
        "unit of the metric": comparison.unit or "none",
        "direction": comparison.direction,
        "window": "none" if days is None else f"{days:g} days",
        "unit that is compared": evidence.unit,
        "population": evidence.population,
    }


def _row(name: str, evidence: Evidence, parts: Sequence[ComparisonEvidence], alpha: float) -> EvidenceRow:
    effect, variance = _joined(parts)
    error = math.sqrt(variance)
    half = two_sided_critical_value(alpha) * error
    return EvidenceRow(
        experiment_id=name,
        arms=tuple(part.arm for part in parts),
        effect=effect,
        standard_error=error,
        ci_lower=effect - half,
        ci_upper=effect + half,
        n=sum(part.n for part in parts),
        n_control=parts[0].n_control,
        grade=evidence.grade,
        look=evidence.look,
        looks=evidence.looks,
        stopped=evidence.stopped,
    )


def _joined(parts: Sequence[ComparisonEvidence]) -> tuple[float, float]:
    """Several arms together against their control: the effect by their units, and its variance."""
    n, n0 = sum(part.n for part in parts), parts[0].n_control
    effect = math.fsum(part.n * part.effect for part in parts) / n
    of_a_unit = math.fsum(part.n * (part.variance or 0.0) / (1 / part.n + 1 / n0) for part in parts) / n
    return effect, of_a_unit * (1 / n + 1 / n0)


def _together(pooled: PooledEvidence) -> PooledEvidence:
    effects = [row.effect for row in pooled.rows]
    variances = [row.standard_error**2 for row in pooled.rows]
    mean = pool_effects(effects, variances, alpha=pooled.alpha)
    shrunk = shrink_effects(effects, variances, alpha=pooled.alpha)
    chance = cochran_q(effects, [row.standard_error for row in pooled.rows])
    rows = tuple(
        replace(row, weight=weight, shrunken=effect, shrunken_ci_lower=bounds.lower, shrunken_ci_upper=bounds.upper)
        for row, weight, effect, bounds in zip(pooled.rows, mean.weights, shrunk.effects, shrunk.intervals, strict=True)
    )
    return replace(
        pooled,
        rows=rows,
        mean=mean.mean,
        mean_ci_lower=mean.interval.lower,
        mean_ci_upper=mean.interval.upper,
        pvalue=mean.pvalue,
        method=_METHODS[mean.method],
        tau=math.sqrt(mean.tau_squared),
        q=chance.q,
        q_df=chance.df,
        q_pvalue=chance.pvalue,
        i_squared=max(0.0, 1 - chance.df / chance.q) if chance.q > 0 else 0.0,
        next_ci_lower=shrunk.next_interval.lower,
        next_ci_upper=shrunk.next_interval.upper,
    )


def _notes(kept: Mapping[str, Sequence[ComparisonEvidence]]) -> list[str]:
    several = [name for name, parts in kept.items() if len(parts) > 1]
    if not several:
        return []
    return [f"Several arms are taken together against their control in {', '.join(several)}."]


def _sentence(pooled: PooledEvidence) -> str:
    p = pooled
    if p.mean is None or p.mean_ci_lower is None or p.mean_ci_upper is None:
        return f"One experiment speaks of {p.metric}; with one there is no mean, and nothing to shrink it to."
    mean, lower, upper = (difference(x, kind=p.kind, unit=p.unit) for x in (p.mean, p.mean_ci_lower, p.mean_ci_upper))
    nxt = [difference(x or 0.0, kind=p.kind, unit=p.unit) for x in (p.next_ci_lower, p.next_ci_upper)]
    differ = "differ by more than chance explains" if (p.q_pvalue or 0.0) < p.alpha else "do not differ beyond chance"
    return (
        f"{count(len(p.rows))} experiments on {p.metric}: a mean effect of {mean} ({level(p.alpha)} interval "
        f"{interval(lower, upper)}). Their effects {differ} ({p_value(p.q_pvalue)}). The true effect of a further one "
        f"of this kind lies in {interval(*nxt)} with a probability of {level(p.alpha)}."
    )
