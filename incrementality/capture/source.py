"""The records of a company's sources: where rows lie, and how they are to be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from incrementality.capture.rates import NO_RATES, Rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.tables import TableContract
    from incrementality.warehouse import Locator

__all__ = ["OFFSET_IN_THE_VALUE", "MoneyFormat", "Source", "Sources"]

OFFSET_IN_THE_VALUE = "offset in the value"

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MoneyFormat:
    """How amounts are written.

    Attributes:
        unit: ``major`` (12.50 euros) or ``minor`` (1250 cents).
        decimal: The sign before the decimals; the other one, blanks and apostrophes may part thousands.

    Examples:
        >>> MoneyFormat(unit="minor").decimal
        '.'
    """

    unit: Literal["major", "minor"] = "major"
    decimal: Literal[".", ","] = "."


@dataclass(frozen=True, slots=True)
class Source:
    """One file, table or frame that holds rows of a company's table.

    Attributes:
        table: The contract that its rows come under.
        locator: Where it lies.
        columns: The names that a canonical column may have there; the first one that is there counts, none leaves
            the column out. A column that the user did not name may have its canonical name as well.
        chosen: Canonical columns that the user named: they must be there.
        constants: Values of columns that every row shares.
        values: For a column, what the source's spellings mean; ``*`` stands for every other one.
        time_zone: IANA name of the zone of times without an offset; ``None`` where every time must carry one.
        time_format: How times are written, in the signs of ``strptime``, or ``epoch`` or ``epoch_ms``; "" for ISO 8601.
        money: How amounts are written.
        currency: The currency of amounts whose rows name none; "" for the company's.
        key_prefix: What the ids of rows begin with where several systems number their rows alike; "" for nothing.

    Examples:
        >>> from incrementality.tables import COMPANY_TABLES
        >>> from incrementality.warehouse import Locator
        >>> Source(COMPANY_TABLES["costs"], Locator("table", table="costs", written="finance.costs")).name
        'costs (finance.costs)'
    """

    table: TableContract
    locator: Locator
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()
    constants: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    time_zone: str | None = "UTC"
    time_format: str = ""
    money: MoneyFormat = MoneyFormat()
    currency: str = ""
    key_prefix: str = ""

    @property
    def name(self) -> str:
        """How an error calls it."""
        return f"{self.table.name} ({self.locator.written})"


@dataclass(frozen=True, slots=True)
class Sources:
    """Every source of a company.

    Attributes:
        tables: The sources of each canonical table; several are read as one.
        currency: The company's currency, in which everything is counted; "" where the rows say it.
        rates: What other currencies were worth in it, by month.

    Examples:
        >>> Sources({}, currency="EUR").rates.currencies
        frozenset()
    """

    tables: Mapping[str, tuple[Source, ...]]
    currency: str = ""
    rates: Rates = NO_RATES
