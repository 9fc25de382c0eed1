"""What an experiment measured, as types: a relative lift is not a share, a share is not a count, a count is not money.

Each type carries its variance, and each conversion says what it needs; nothing is converted silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from incrementality.errors import InputError

__all__ = ["CalibrationFactor", "Conversions", "Money", "RelativeLift", "ShareCaused", "scaled_to_period"]


@dataclass(frozen=True, slots=True)
class RelativeLift:
    """Lift over the control: 0.30 says that the treated had 30 % more than they would have had.

    Attributes:
        value: The lift, above -1.
        variance: Its variance.

    Examples:
        >>> share = RelativeLift(0.30, 0.01).share_caused()
        >>> round(share.value, 3), round(share.factor(credited=0.50).value, 2)
        (0.231, 0.46)
    """

    value: float
    variance: float

    def __post_init__(self) -> None:
        _check(self, "lift", least=-1.0)

    def share_caused(self) -> ShareCaused:
        """Return the share of the treated's conversions that the treatment caused: L / (1 + L).

        The variance follows the slope 1 / (1 + L)^2 (delta method).
        """
        treated = 1 + self.value
        return ShareCaused(self.value / treated, self.variance / treated**4)


@dataclass(frozen=True, slots=True)
class ShareCaused:
    """Share of the treated's own conversions that would not have happened without the treatment; at most 1.

    Attributes:
        value: The share; negative where the treatment did harm.
        variance: Its variance.
    """

    value: float
    variance: float

    def __post_init__(self) -> None:
        _check(self, "share", most=1.0)

    def relative_lift(self) -> RelativeLift:
        """Return the lift over the control: share / (1 - share).

        Raises:
            InputError: Everything was caused: the control has none, and there is no lift over it.
        """
        rest = 1 - self.value
        if rest == 0:
            raise InputError("everything was caused, so the control has nothing to lift", hint="report the share")
        return RelativeLift(self.value / rest, self.variance / rest**4)

    def factor(self, credited: float) -> CalibrationFactor:
        """Return what was caused per credited: the factor by which credit is corrected.

        Args:
            credited: The share of the same conversions that attribution credits, above 0.

        Raises:
            InputError: Nothing was credited.
        """
        if not 0 < credited <= 1:
            raise InputError(
                f"a credited share of {credited:g} has no factor; it lies above 0 and at most at 1",
                hint="credit is a share of the same conversions",
            )
        return CalibrationFactor(self.value / credited, self.variance / credited**2)

    def conversions(self, treated: float) -> Conversions:
        """Return how many of the treated's conversions were caused.

        Args:
            treated: How many conversions the treated had.
        """
        return Conversions(self.value * treated, self.variance * treated**2)


@dataclass(frozen=True, slots=True)
class CalibrationFactor:
    """Caused over credited, of the same conversions; 1 where credit was right.

    Attributes:
        value: The factor; above 1 where attribution credits too little, negative where there was harm.
        variance: Its variance.
    """

    value: float
    variance: float

    def __post_init__(self) -> None:
        _check(self, "factor")


@dataclass(frozen=True, slots=True)
class Conversions:
    """A number of conversions that were caused.

    Attributes:
        value: How many; negative where there are fewer.
        variance: The variance.
    """

    value: float
    variance: float

    def __post_init__(self) -> None:
        _check(self, "number of conversions")

    def money(self, *, each: float, each_variance: float, currency: str) -> Money:
        """Return what they are worth; the worth of a conversion has a variance of its own.

        With both independent, Var(XY) = E[X]^2 Var(Y) + E[Y]^2 Var(X) + Var(X) Var(Y).

        Args:
            each: Mean worth of a conversion.
            each_variance: The variance of that mean.
            currency: The currency.

        References:
            Goodman (1960), On the exact variance of products, https://doi.org/10.1080/01621459.1960.10483369

        Examples:
            >>> Conversions(10.0, 4.0).money(each=50.0, each_variance=9.0, currency="EUR")
            Money(value=500.0, variance=10936.0, currency='EUR')
        """
        variance = self.value**2 * each_variance + each**2 * self.variance + self.variance * each_variance
        return Money(self.value * each, variance, currency)


@dataclass(frozen=True, slots=True)
class Money:
    """Money that was caused, in currency units.

    Attributes:
        value: How much; negative where it cost.
        variance: The variance.
        currency: The currency.
    """

    value: float
    variance: float
    currency: str

    def __post_init__(self) -> None:
        _check(self, "amount")

    def plus(self, other: Money) -> Money:
        """Return the sum of two independent amounts.

        Raises:
            InputError: They are in two currencies.
        """
        if other.currency != self.currency:
            raise InputError(
                f"{self.currency} and {other.currency} do not add up",
                hint="convert one with the rate of its month, and say so",
            )
        return Money(self.value + other.value, self.variance + other.variance, self.currency)

    def converted(self, *, rate: float, currency: str) -> Money:
        """Return the amount in another currency at a stated rate (units of the new one per unit of this one)."""
        if rate <= 0:
            raise InputError(f"{rate:g} is no exchange rate", hint="give units of the new currency per unit of the old")
        return Money(self.value * rate, self.variance * rate**2, currency)


def scaled_to_period(measured: Money, *, entries_tested: float, entries_reported: float) -> Money:
    """Return what a test's effect amounts to over the entries of the reporting period.

    The multiplier is the number of *eligible entries*, never of weeks: a test of four weeks in a busy season does not
    say what a quiet quarter brings.

    Args:
        measured: The effect over the entries of the test.
        entries_tested: Eligible entries that the effect was measured on.
        entries_reported: Eligible entries of the period.

    Raises:
        InputError: There were no entries in the test.

    Examples:
        >>> scaled_to_period(Money(100.0, 25.0, "EUR"), entries_tested=50, entries_reported=150)
        Money(value=300.0, variance=225.0, currency='EUR')
    """
    if entries_tested <= 0 or entries_reported < 0:
        raise InputError(
            f"an effect on {entries_tested:g} entries cannot be carried over to {entries_reported:g}",
            hint="count the eligible entries of the test and of the period",
        )
    ratio = entries_reported / entries_tested
    return Money(measured.value * ratio, measured.variance * ratio**2, measured.currency)


def _check(quantity: object, name: str, *, least: float | None = None, most: float | None = None) -> None:
    value, variance = (float(getattr(quantity, part)) for part in ("value", "variance"))
    if not (isfinite(value) and isfinite(variance)) or variance < 0:
        raise InputError(f"a {name} of {value:g} with the variance {variance:g} is none")
    if least is not None and value <= least:
        raise InputError(f"a {name} of {value:g} is not above {least:g}")
    if most is not None and value > most:
        raise InputError(
            f"a {name} of {value:g} is more than {most:g}",
            hint="a lift over control is not a share of conversions: L / (1 + L) is",
        )
