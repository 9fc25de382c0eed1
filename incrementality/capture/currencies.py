"""Which currencies a company's amounts are in, and the one in which everything is counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from incrementality.capture.amounts import Currency
from incrementality.capture.cells import written
from incrementality.errors import MixedCurrencies
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.capture.opening import OpenSource
    from incrementality.capture.source import Sources
    from incrementality.warehouse import Warehouse

__all__ = ["company_currency", "currencies_found"]


def currencies_found(warehouse: Warehouse, opened: Iterable[OpenSource]) -> Counter[str]:
    """Return how many rows of the tables with amounts name each currency; rows that name none do not count.

    Args:
        warehouse: The engine.
        opened: The company's sources.
    """
    found: Counter[str] = Counter()
    for one in opened:
        if not any(column.kind == "money" and column.name in one.columns for column in one.source.table.columns):
            continue
        if "currency" in one.columns:
            code = parse("UPPER($c)", c=written(one.node("currency")))
            rows = parse("SELECT $c AS code, count(*) FROM source GROUP BY $c", c=code, source=one.relation.name)
            found.update({str(name): int(n) for name, n in warehouse.query(rows) if name is not None})
    return found


def company_currency(sources: Sources, found: Counter[str]) -> Currency:
    """Return the currency in which everything is counted: the company's own, else the only one that rows name.

    Args:
        sources: The company's sources.
        found: How many rows name each currency.

    Raises:
        MixedCurrencies: Rows name a currency that has no rate.

    Examples:
        >>> from incrementality.capture.source import Sources
        >>> company_currency(Sources({}), Counter({"EUR": 3})).code
        'EUR'
    """
    own = sources.currency or (found.most_common(1)[0][0] if found else "")
    others = sorted(set(found) - {own} - sources.rates.currencies)
    if others or (not sources.currency and len(found) > 1):
        named = ", ".join(f"{code} ({found[code]:,} rows)" for code in sorted(found))
        other = others[0] if others else min(set(found) - {own})
        wanted = f"{{{other}: {{2026-01: 0.92}}}}"
        raise MixedCurrencies(
            f"amounts are in several currencies: {named}; what they are counted in is {sources.currency or 'not said'}",
            hint=f"write company.currency: {own}, and what one unit was worth by month: company.convert: {wanted}",
        )
    return Currency(own, sources.rates)
