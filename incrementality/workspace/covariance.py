"""How the errors of several experiments' effects go together: shared controls, shared units, nested draws."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.assignment.audit import salt_reuse
from incrementality.display import DisplayMixin
from incrementality.errors import InputError
from incrementality.stats import InfluenceValues, influence_covariance, sample_ratio_test
from incrementality.workspace.frozen import read_frozen
from incrementality.workspace.influence_files import read_influence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from incrementality.assignment import AssignmentPlan
    from incrementality.lift import AccountInfluence, Readout
    from incrementality.workspace.project import Workspace

    Floats = NDArray[np.float64]

__all__ = ["Dependence", "ExperimentCovariance", "experiment_covariance"]

Dependence = Literal["nothing shared", "independent draws", "nested", "one salt", "shared arms"]

_CHANCE = 0.001
_FEWEST_EXPECTED = 5
_ZERO: frozenset[Dependence] = frozenset({"nothing shared", "independent draws"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentCovariance(DisplayMixin):
    """The covariance matrix of the effects of several experiments on one metric, K effects.

    Attributes:
        metric: The metric.
        effects: What each row and column is: (experiment, arm), length K.
        matrix: Covariances in the metric's unit squared, shape (K, K). Its diagonal is each effect's own variance,
            by account.
        pooled: The same correlations around the pooled-arm variances, shape (K, K): for weights.
        dependence: By pair of experiments, why their block is zero or what they share.
    """

    metric: str
    effects: tuple[tuple[str, str], ...]
    matrix: Floats
    pooled: Floats
    dependence: dict[tuple[str, str], Dependence]

    def correlation(self, first: tuple[str, str], second: tuple[str, str]) -> float:
        """Return the correlation of two effects' errors.

        Args:
            first: The experiment and the arm of one.
            second: Those of the other.
        """
        i, j = self.effects.index(first), self.effects.index(second)
        return float(self.matrix[i, j] / np.sqrt(self.matrix[i, i] * self.matrix[j, j]))

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each pair of effects."""
        return tuple(
            {
                "first": ", ".join(one),
                "second": ", ".join(other),
                "covariance": float(self.matrix[i, i + k]),
                "correlation": self.correlation(one, other),
            }
            for i, one in enumerate(self.effects)
            for k, other in enumerate(self.effects[i:])
        )


def experiment_covariance(workspace: Workspace, experiment_ids: Sequence[str], metric: str) -> ExperimentCovariance:
    """Return the covariance of several experiments' effects from the influence values that their readouts stored.

    Values are multiplied account by account and added up: arms against one control share the variance of its mean.
    Draws with salts of their own are independent, so what their shared accounts add up to is noise, and it is set to
    zero; unless one is nested in the other. Where the ledger does not know a draw, its accounts tell: shared accounts
    that fall into the arms as two independent draws would have it (chi-square, p above 0.001) count as independent.

    Args:
        workspace: The workspace.
        experiment_ids: The experiments, each once.
        metric: The metric, of which each has kept effects.

    Raises:
        InputError: An experiment is named twice, or has no effect on the metric.
        WorkspaceError: A readout is missing or stale, or holds no influence values.
    """
    if len(set(experiment_ids)) < len(experiment_ids) or not experiment_ids:
        raise InputError(
            f"{len(experiment_ids)} experiments, {len(set(experiment_ids))} of them different; needed: one or more, "
            "each once",
            hint="name each experiment once",
        )
    readouts = {one: workspace.stored_readout(one) for one in experiment_ids}
    found = {one: _stored(workspace, readout, metric) for one, readout in readouts.items()}
    effects = tuple((one, arm) for one, values in found.items() for _, arm in values.values)
    dependence = dict(_dependences(workspace, found))
    matrix = _matrix(found, effects, dependence)
    pooled = np.array([_pooled_variance(readouts[one], metric, arm) for one, arm in effects])
    scale = np.sqrt(pooled / np.diag(matrix))
    return ExperimentCovariance(
        metric=metric, effects=effects, matrix=matrix, pooled=matrix * np.outer(scale, scale), dependence=dependence
    )


def _stored(workspace: Workspace, readout: Readout, metric: str) -> AccountInfluence:
    found = read_influence(workspace, readout, metric)
    if not found.values:
        kept = () if readout.evidence is None else readout.evidence.comparisons
        known = ", ".join(dict.fromkeys(one.metric for one in kept)) or "none"
        raise InputError(
            f"the readout of {readout.experiment_id!r} keeps no influence values on {metric!r}; it keeps: {known}",
            hint="name a primary metric or a revenue metric that all of them have, or leave the experiment out",
        )
    return found


def _pooled_variance(readout: Readout, metric: str, arm: str) -> float:
    kept = () if readout.evidence is None else readout.evidence.comparisons
    return next((one.variance or np.nan for one in kept if (one.metric, one.arm) == (metric, arm)), np.nan)


def _matrix(
    found: dict[str, AccountInfluence],
    effects: Sequence[tuple[str, str]],
    dependence: dict[tuple[str, str], Dependence],
) -> Floats:
    matrix = np.zeros((len(effects), len(effects)))
    places = {one: [k for k, (name, _) in enumerate(effects) if name == one] for one in found}
    for one, values in found.items():
        matrix[np.ix_(places[one], places[one])] = influence_covariance(_estimates(values))
    for (one, other), kind in dependence.items():
        if kind not in _ZERO:
            both = influence_covariance([*_estimates(found[one]), *_estimates(found[other])])
            block = both[: len(places[one]), len(places[one]) :]
            matrix[np.ix_(places[one], places[other])] = block
            matrix[np.ix_(places[other], places[one])] = block.T
    return matrix


def _estimates(found: AccountInfluence) -> list[InfluenceValues]:
    return [InfluenceValues(estimate=0.0, values=values, accounts=found.keys) for values in found.values.values()]


def _dependences(
    workspace: Workspace, found: dict[str, AccountInfluence]
) -> Iterator[tuple[tuple[str, str], Dependence]]:
    frozen = {one: read_frozen(workspace, one) for one in found}
    plans = {one: plan.plan for one, plan in frozen.items() if plan is not None}
    for one, other in combinations(found, 2):
        if one in plans and other in plans:
            yield (one, other), _of_plans(plans[one], plans[other])
        else:
            yield (one, other), _of_accounts(found[one], found[other])


def _of_plans(first: AssignmentPlan, second: AssignmentPlan) -> Dependence:
    if salt_reuse([first, second]):
        return "one salt"
    nested = first.experiment in _parents(second) or second.experiment in _parents(first)
    return "nested" if nested else "independent draws"


def _parents(plan: AssignmentPlan) -> Iterator[str]:
    while plan.within is not None:
        plan = plan.within.plan
        yield plan.experiment


def _of_accounts(first: AccountInfluence, second: AccountInfluence) -> Dependence:
    """Whether shared accounts stand in the arms as two independent draws would put them."""
    _, rows, columns = np.intersect1d(first.keys, second.keys, assume_unique=True, return_indices=True)
    if not len(rows):
        return "nothing shared"
    sizes = [np.bincount(part.arm, minlength=len(part.arms)) for part in (first, second)]
    expected = np.outer(*(size / size.sum() for size in sizes))
    table = np.zeros(expected.shape, dtype=np.int64)
    np.add.at(table, (first.arm[rows], second.arm[columns]), 1)
    if len(rows) * expected.min() < _FEWEST_EXPECTED:
        return "shared arms"
    pvalue = sample_ratio_test(table.ravel().tolist(), expected.ravel().tolist()).pvalue
    return "independent draws" if pvalue >= _CHANCE else "shared arms"
