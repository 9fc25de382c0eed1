"""What one currency was worth in another, by month: an explicit table, never looked up."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.capture.source_problems import Problems

__all__ = ["NO_RATES", "Rates", "minor_digits", "parse_rates"]

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"}
    | {"XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of conversion into the company's currency.

    Attributes:
        by_month: For a currency and a month (``2026-03``) what one unit of it was worth; the month "" stands for
            every month that is not named.
    """

    by_month: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies that have a rate."""
        return frozenset(currency for currency, _ in self.by_month)


NO_RATES = Rates()


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217): 2 for most, 0 for yen, 3 for dinars.

    Examples:
        >>> [minor_digits(currency) for currency in ("EUR", "JPY", "KWD")]
        [2, 0, 3]
    """
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def parse_rates(written: object, problems: Problems) -> Rates:
    """Read the key ``company.convert``: for each currency one rate, or rates by month.

    Args:
        written: ``{USD: 0.92, GBP: {2026-01: 1.18, 2026-02: 1.19}}``: what one unit is worth in the company's
            currency.
        problems: Where what cannot be used is told.

    Examples:
        >>> from incrementality.capture.source_problems import Problems
        >>> parse_rates({"USD": 0.92, "GBP": {"2026-01": 1.18}}, Problems()).by_month[("GBP", "2026-01")]
        Decimal('1.18')
    """
    if written is None:
        return NO_RATES
    if not isinstance(written, dict):
        problems.add("company.convert", "write a mapping like {USD: {2026-01: 0.92}}")
        return NO_RATES
    found: dict[tuple[str, str], Decimal] = {}
    for currency, rates in written.items():
        where = f"company.convert.{currency}"
        if not _CURRENCY.fullmatch(str(currency)):
            problems.add(where, "a currency is three capital letters, like USD")
            continue
        by_month: dict[Any, Any] = rates if isinstance(rates, dict) else {"": rates}
        found |= {(currency, str(month)): _rate(month, rate, where, problems) for month, rate in by_month.items()}
    return Rates(found)


def _rate(month: object, rate: object, where: str, problems: Problems) -> Decimal:
    if month != "" and not _MONTH.fullmatch(str(month)):
        problems.add(where, f"{month!r} is no month; write it like 2026-03")
    try:
        value = Decimal(str(rate))
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        problems.add(where, f"the rate {rate!r} is no positive number")
        return Decimal(1)
    return value
