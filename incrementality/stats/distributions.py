"""Quantiles and p-values of the normal, t and chi-square distributions, accurate far into the tails.

``scipy.special`` holds the same functions as ``scipy.stats`` and loads in a fraction of the time.
"""

from __future__ import annotations

import math

from scipy import special

from incrementality.errors import InputError

__all__ = [
    "chi_square_pvalue",
    "normal_quantile",
    "normal_two_sided_pvalue",
    "t_quantile",
    "t_two_sided_pvalue",
    "two_sided_critical_value",
]


def normal_quantile(p: float) -> float:
    """Return the value below which a standard normal variable falls with probability ``p``.

    Args:
        p: Probability, above 0 and below 1.

    Raises:
        InputError: ``p`` is not strictly between 0 and 1.

    References:
        NIST Digital Library of Mathematical Functions, 7.17, https://dlmf.nist.gov/7.17

    Examples:
        >>> round(normal_quantile(0.975), 6)
        1.959964
    """
    return float(special.ndtri(_probability(p, "p")))


def normal_two_sided_pvalue(z: float) -> float:
    """Return the probability that a standard normal variable is at least ``|z|`` from zero.

    Args:
        z: Test statistic in standard errors; may be infinite.

    Raises:
        InputError: ``z`` is not a number.

    References:
        NIST Digital Library of Mathematical Functions, 7.2, https://dlmf.nist.gov/7.2

    Examples:
        >>> round(normal_two_sided_pvalue(1.959964), 6)
        0.05
        >>> f"{normal_two_sided_pvalue(-30):.6e}"
        '9.813428e-198'
    """
    return math.erfc(abs(_number(z, "z")) / math.sqrt(2))


def t_quantile(p: float, df: float) -> float:
    """Return the value below which Student's t falls with probability ``p``.

    Args:
        p: Probability, above 0 and below 1.
        df: Degrees of freedom, above 0; need not be whole; infinite means the normal distribution.

    Raises:
        InputError: ``p`` is not strictly between 0 and 1, or ``df`` is not above 0.

    References:
        Hill (1970), Algorithm 396: Student's t-quantiles, https://doi.org/10.1145/355598.355600

    Examples:
        >>> round(t_quantile(0.975, df=10), 6)
        2.228139
        >>> round(t_quantile(0.975, df=float("inf")), 6)
        1.959964
    """
    if math.isinf(_degrees_of_freedom(df)):
        return normal_quantile(p)
    return float(special.stdtrit(df, _probability(p, "p")))


def t_two_sided_pvalue(t: float, df: float) -> float:
    """Return the probability that Student's t is at least ``|t|`` from zero.

    It is an incomplete beta function of ``t^2 / (df + t^2)``, or of its complement: whichever is the smaller,
    so that neither tail nor large ``df`` loses digits.

    Args:
        t: Test statistic in standard errors; may be infinite.
        df: Degrees of freedom, above 0; need not be whole; infinite means the normal distribution.

    Raises:
        InputError: ``t`` is not a number, or ``df`` is not above 0.

    References:
        NIST Digital Library of Mathematical Functions, 8.17, https://dlmf.nist.gov/8.17

    Examples:
        >>> round(t_two_sided_pvalue(2.228139, df=10), 6)
        0.05
        >>> f"{t_two_sided_pvalue(60, df=100):.6e}"
        '3.137614e-80'
    """
    if math.isinf(_degrees_of_freedom(df)):
        return normal_two_sided_pvalue(t)
    per_root_df = abs(_number(t, "t")) / math.sqrt(df)
    squared = per_root_df * per_root_df
    if squared < 1:
        return float(special.betaincc(0.5, df / 2, squared / (1 + squared)))
    return float(special.betainc(df / 2, 0.5, 1 / (1 + squared)))


def two_sided_critical_value(alpha: float, df: float = math.inf) -> float:
    """Return the distance from zero that Student's t exceeds with probability ``alpha``.

    Args:
        alpha: Error rate of the test or interval, above 0 and below 1.
        df: Degrees of freedom, above 0; infinite (the default) means the normal distribution.

    Raises:
        InputError: ``alpha`` is not strictly between 0 and 1, or ``df`` is not above 0.

    References:
        Student (1908), The probable error of a mean, https://doi.org/10.2307/2331554

    Examples:
        >>> round(two_sided_critical_value(0.05, df=10), 6)
        2.228139
        >>> round(two_sided_critical_value(0.05), 6)
        1.959964
    """
    return -t_quantile(_probability(alpha, "alpha") / 2, df)


def chi_square_pvalue(x: float, df: float) -> float:
    """Return the probability that a chi-square variable is at least ``x``.

    Args:
        x: Test statistic, zero or more; may be infinite.
        df: Degrees of freedom, above 0 and finite.

    Raises:
        InputError: ``x`` is negative or not a number, or ``df`` is not above 0 and finite.

    References:
        Pearson (1900), On the criterion that a given system of deviations ...,
        https://doi.org/10.1080/14786440009463897

    Examples:
        >>> round(chi_square_pvalue(3.841459, df=1), 6)
        0.05
    """
    if not x >= 0:
        raise InputError(f"x is {x}; a chi-square statistic is zero or more", hint="check the counts behind it")
    if math.isinf(_degrees_of_freedom(df)):
        raise InputError("df is infinite; a chi-square statistic needs a finite number", hint="give a number")
    return float(special.gammaincc(df / 2, x / 2))


def _number(value: float, name: str) -> float:
    if math.isnan(value):
        raise InputError(f"{name} is nan; a number is needed", hint="look for missing values behind it")
    return value


def _probability(p: float, name: str) -> float:
    if not 0 < p < 1:
        raise InputError(f"{name} is {p}; it must be above 0 and below 1", hint=f"give {name} as a share, like 0.05")
    return p


def _degrees_of_freedom(df: float) -> float:
    if not df > 0:
        raise InputError(f"df is {df}; degrees of freedom must be above 0", hint="give each arm at least two units")
    return df
