"""How many to hold back so that the money is expected to be largest: test, then roll out what looks better."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from incrementality.errors import InputError

__all__ = ["Allocation", "EffectPrior", "allocate_holdout", "expected_money"]

_GRID = 2001
_FEWEST = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPrior:
    """What is believed about the effect before the test: normal, in the unit of the outcome.

    Attributes:
        mean: Expected effect for each treated unit.
        sd: Standard deviation of effects of past tests, above 0.
        source: Where the two come from, e.g. "21 past journeys".

    Raises:
        InputError: The mean is not finite, or the standard deviation is not above 0.

    Examples:
        >>> EffectPrior(mean=0.05, sd=0.10, source="21 past journeys").sd
        0.1
    """

    mean: float
    sd: float
    source: str = "stated"

    def __post_init__(self) -> None:
        if not math.isfinite(self.mean) or not 0 < self.sd < math.inf:
            raise InputError(
                f"the prior of the effect has mean {self.mean} and standard deviation {self.sd}; "
                "allowed: finite, and above 0",
                hint="take mean and standard deviation of the effects of past tests",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The holdout share that maximises the expected money.

    Attributes:
        share: Share of the tested units to hold back.
        expected_money: Expected money of test and roll-out, above treating nobody.
        expected_without_test: Expected money of the better of treating everybody and nobody, untested.
        prior: The prior that both rest on.
        curve: Pairs of share and expected money, from small to large shares.
    """

    share: float
    expected_money: float
    expected_without_test: float
    prior: EffectPrior
    curve: tuple[tuple[float, float], ...]

    @property
    def value_of_test(self) -> float:
        """Expected money that the test adds; below 0 where it costs more than it teaches."""
        return self.expected_money - self.expected_without_test


def expected_money(
    share: float, *, prior: EffectPrior, sd: float, n_test: float, n_after: float, unit_cost: float = 0.0
) -> float:
    """Return the expected money of a holdout test and the roll-out that follows it, above treating nobody.

    The tested units outside the holdout are treated; afterwards all are treated where the posterior mean of the
    effect is above its cost, and nobody otherwise.

    Args:
        share: Share of the tested units held back, above 0 and below 1.
        prior: Prior of the effect, in money for each unit.
        sd: Standard deviation of a unit's money.
        n_test: Units in the test.
        n_after: Units that the decision applies to afterwards.
        unit_cost: Cost of treating one unit.

    Raises:
        InputError: A value is outside its range.

    References:
        Feit and Berman (2019), Test & Roll: Profit-Maximizing A/B Tests, https://doi.org/10.1287/mksc.2019.1194

    Examples:
        >>> prior = EffectPrior(mean=0.0, sd=1.0)
        >>> round(expected_money(0.5, prior=prior, sd=10.0, n_test=1000, n_after=9000), 1)
        3034.5
    """
    _check(share, sd, n_test, n_after)
    return float(_money(np.array([share]), prior, sd, (n_test, n_after), unit_cost)[0])


def allocate_holdout(
    *, prior: EffectPrior, sd: float, n_test: float, n_after: float, unit_cost: float = 0.0
) -> Allocation:
    """Return the share to hold back for the largest expected money.

    Where much will be rolled out afterwards, or effects differ widely from test to test, learning pays and the share
    is large. It is a decision about money: it gives neither power nor a narrow interval.

    Args:
        prior: Prior of the effect, in money for each unit.
        sd: Standard deviation of a unit's money.
        n_test: Units in the test, at least 8.
        n_after: Units that the decision applies to afterwards.
        unit_cost: Cost of treating one unit.

    Raises:
        InputError: A value is outside its range.

    References:
        Feit and Berman (2019), Test & Roll: Profit-Maximizing A/B Tests, https://doi.org/10.1287/mksc.2019.1194

    Examples:
        >>> prior = EffectPrior(mean=0.05, sd=0.10, source="21 past journeys")
        >>> answer = allocate_holdout(prior=prior, sd=15.0, n_test=50_000, n_after=500_000)
        >>> round(answer.share, 2), answer.value_of_test > 0
        (0.39, True)
    """
    _check(0.5, sd, n_test / 2, n_after)
    edge = math.log(n_test / _FEWEST - 1)
    shares = special.expit(np.linspace(-edge, edge, _GRID))
    money = _money(shares, prior, sd, (n_test, n_after), unit_cost)
    best = int(np.argmax(money))
    return Allocation(
        share=float(shares[best]),
        expected_money=float(money[best]),
        expected_without_test=max(0.0, (n_test + n_after) * (prior.mean - unit_cost)),
        prior=prior,
        curve=tuple((float(shares[i]), float(money[i])) for i in range(0, _GRID, 50)),
    )


def _money(
    shares: np.ndarray, prior: EffectPrior, sd: float, units: tuple[float, float], unit_cost: float
) -> np.ndarray:
    net = prior.mean - unit_cost
    error = sd * sd / units[0] * (1 / shares + 1 / (1 - shares))
    learnt = prior.sd * np.sqrt(prior.sd**2 / (prior.sd**2 + error))
    z = net / learnt
    rolled_out = net * special.ndtr(z) + learnt * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return np.asarray(units[0] * (1 - shares) * net + units[1] * rolled_out)


def _check(share: float, sd: float, n_test: float, n_after: float) -> None:
    if not 0 < share < 1:
        raise InputError(f"the holdout share is {share}; allowed: above 0 and below 1", hint="0.1 holds back 10 %")
    if not 0 < sd < math.inf or not n_test * min(share, 1 - share) >= _FEWEST or not 0 <= n_after < math.inf:
        raise InputError(
            f"a standard deviation of {sd}, {n_test} units in the test and {n_after} after it; "
            "allowed: above 0, at least 2 in each arm, 0 or more",
            hint="look at the metric's history and at who will be eligible",
        )
