"""Whole accounts randomised: where CR2 rests on few and skewed account totals, accounts are permuted whole.

CR2 with Satterthwaite's degrees of freedom takes the totals of accounts as near normal. Where a few accounts hold most
of the revenue it errs too often with unequal arms, and hardly ever with equal ones, which hides what is there; see
``stats.skewed_clusters``. The rule reads accounts of all arms together. Within segments CR2 stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from incrementality.estimates import CheckResult
from incrementality.lift.methods import expected_in_control, is_guarded
from incrementality.lift.permuted_units import clusters_by_arm
from incrementality.outcomes import unit_rows
from incrementality.stats import skewed_clusters, skewness_of_sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import SkewedClusters

__all__ = ["AccountRule", "account_checks", "account_rules"]

_MOST_ACCOUNTS = 5_000  # so many are near normal together, or the outliers among them are another matter
_LOPSIDED = 0.3


class AccountRule(NamedTuple):
    """What the rule says of one comparison of whole accounts.

    Attributes:
        answer: Whether account totals are too few and skewed for CR2.
        in_control: Accounts with a value other than zero that are expected in the control.
        share_smaller: Share of the accounts in the smaller arm.
    """

    answer: SkewedClusters
    in_control: float
    share_smaller: float


def account_rules(sample: Sample) -> dict[tuple[str, str], AccountRule]:
    """Ask the rule of every comparison of whole accounts, by (metric, arm); small blocks have a test of their own."""
    data, planned = sample.experiment.data, sample.experiment.arms
    if data.cluster is None or data.block is not None:
        return {}
    if sum(sample.clusters(arm.name) or 0 for arm in planned) > _MOST_ACCOUNTS:
        return {}
    parts = [part for part in sample.metrics if is_guarded(part.metric.kind)]
    return {key: rule for part in parts for key, rule in _rules_of(sample, part).items()}


def _rules_of(sample: Sample, part: MetricSample) -> dict[tuple[str, str], AccountRule]:
    arms = [arm.name for arm in sample.experiment.arms]
    totals, paying, arm = _totals(sample, part, arms)
    skewness = skewness_of_sums(len(totals), *(float((totals**k).sum()) for k in (1, 2, 3)))
    size = np.bincount(arm, minlength=len(arms)).astype(float)
    control = float(size[arms.index(sample.experiment.control.name)])
    found = {}
    for treatment in sample.experiment.treatments:
        sizes = float(size[arms.index(treatment.name)]), control
        answer = skewed_clusters(sizes, skewness)
        in_control = expected_in_control(float(paying.mean()) * sum(sizes), *sizes)
        found[part.metric.name, treatment.name] = AccountRule(answer, in_control, min(sizes) / sum(sizes))
    return found


def _totals(
    sample: Sample, part: MetricSample, arms: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Each account's sum of what its units add to the mean (ratio) of all arms, whether any has a value, its arm."""
    rows = unit_rows(sample.table, part.metric.columns, [sample.values[name] for name in arms])
    y, x = rows.outcomes[0], rows.outcomes[1] if len(rows.outcomes) > 1 else np.ones(len(rows.arm))
    accounts, first, code = np.unique(clusters_by_arm(rows), return_index=True, return_inverse=True)
    influence = y - float(y.sum() / x.sum()) * x if x.sum() else y
    totals, payers = (np.bincount(code, weights=of, minlength=len(accounts)) for of in (influence, y != 0))
    return totals.astype(float), payers > 0, rows.arm[first]


def account_checks(sample: Sample, rules: Mapping[tuple[str, str], AccountRule]) -> tuple[CheckResult, ...]:
    """Return what the rule decided for each metric, in words."""
    found = []
    for metric in dict.fromkeys(name for name, _ in rules):
        asked = {arm: rule for (name, arm), rule in rules.items() if name == metric}
        told = next((rule for rule in asked.values() if rule.answer.fires), next(iter(asked.values())))
        rows = tuple(
            {
                "arm": arm,
                "skewness": rule.answer.skewness,
                "skewness_of_difference": rule.answer.of_difference,
                "permutation": rule.answer.fires,
            }
            for arm, rule in asked.items()
        )
        passed = None if told.answer.fires else True
        sentence = _told(told, str(sample.experiment.data.cluster))
        found.append(CheckResult(name="account_totals", metric=metric, passed=passed, sentence=sentence, table=rows))
    return tuple(found)


def _told(rule: AccountRule, cluster: str) -> str:
    if not rule.answer.fires:
        return (
            f"A permutation of whole groups of {cluster} is not needed: the smaller arm's mean over groups is skewed "
            f"by {rule.answer.skewness:.2f}."
        )
    told = (
        f"Whole groups of {cluster} are permuted, since {'; '.join(rule.answer.reasons)}, and CR2 takes their totals "
        "as near normal. The test is exact if the treatment changes nothing in any group"
    )
    if rule.share_smaller >= _LOPSIDED:
        return f"{told}."
    return (
        f"{told}; its interval assumes one effect, and covers too seldom in unequal arms if groups react differently."
    )
