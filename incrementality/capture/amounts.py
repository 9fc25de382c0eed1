"""Amounts as people and tools write them, brought to whole minor units of the company's currency.

``1,234.50``, ``1 234,50``, ``(12.00)``, ``EUR 5`` and ``5-`` are read, by the source's decimal sign; a comma or dot
that parts thousands must part three digits. What is finer than a minor unit is rounded, half away from zero, and
flagged.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.cells import Cell, Finding, stands, written
from incrementality.capture.rates import Rates, minor_digits
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.capture.source import MoneyFormat
    from incrementality.tables import ColumnContract
    from incrementality.warehouse.sql import ColumnType

__all__ = ["Currency", "money_cell"]

_NOISE = "[\\s'\u2019_\u00a0\u202f\u20ac$\u00a3\u00a5]|^[A-Za-z]{3}|[A-Za-z]{3}$"
_FORM = r"^\(?[+-]?([0-9]{1,3}(%s[0-9]{3})+|[0-9]+)?(%s[0-9]*)?([eE][+-]?[0-9]+)?-?\)?$"
_NEGATIVE = r"^[(-]|-$"
_EXACT = "DECIMAL(24, 6)"
_FACTOR_DIGITS = 8


class Currency:
    """The currency in which everything is counted, and what others are worth in it.

    Args:
        code: The currency's code; "" where no table says one.
        rates: What others were worth in it.

    Examples:
        >>> Currency("EUR", Rates({("USD", ""): Decimal("0.9")})).factors("major")
        [('USD', '', Decimal('90.0'))]
    """

    def __init__(self, code: str, rates: Rates) -> None:
        self.code = code
        self.rates = rates

    def own(self, unit: str) -> Decimal:
        """How many minor units one written unit of the company's own currency is."""
        return Decimal(10) ** minor_digits(self.code) if unit == "major" else Decimal(1)

    def factors(self, unit: str) -> list[tuple[str, str, Decimal]]:
        """Currency, month ("" for all others) and how many of the company's minor units one written unit is."""
        scale = Decimal(10) ** minor_digits(self.code)
        found = [
            (code, month, rate * scale / (1 if unit == "major" else Decimal(10) ** minor_digits(code)))
            for (code, month), rate in self.rates.by_month.items()
        ]
        return sorted(found, key=lambda one: (one[0], one[1] == "", one[1]))


def money_cell(
    contract: ColumnContract,
    node: exp.Expression,
    kind: ColumnType,
    form: MoneyFormat,
    currency: Currency,
    *,
    needed: bool,
    dated: str | None,
    foreign: bool,
) -> Cell:
    """Return the cell of an amount, in whole minor units.

    Args:
        contract: The canonical column.
        node: The source's value.
        kind: Its type.
        form: How amounts are written there.
        currency: The company's currency.
        needed: Whether a row without it is refused.
        dated: The column of the time by whose month a rate is chosen.
        foreign: Whether rows may be in other currencies.
    """
    name, value = contract.name, column(contract.name)
    exact = _exact(stands(name), form) if kind == "text" else parse(f"TRY_CAST($r AS {_EXACT})", r=stands(name))
    factor = _decimal(currency.own(form.unit))
    if foreign:
        factor = _converted(factor, form, currency, dated)
    minor = parse("$x * $f", x=exact, f=factor)
    whole = parse("TRY_CAST(ROUND($m) AS BIGINT)", m=minor)
    odd = Finding(f"unreadable_{name}", parse("$r IS NOT NULL AND $x IS NULL", r=stands(name), x=exact))
    no_rate = Finding("no_rate", parse("$x IS NOT NULL AND $v IS NULL", x=exact, v=value))
    absent = Finding(f"no_{name}", parse("$v IS NULL", v=value))
    rounded = Finding(f"rounded_{name}", parse("$m <> ROUND($m)", m=minor))
    own = (
        parse("$c", c=rounded.test)
        if not foreign
        else parse("$c AND $f = $own", c=rounded.test, f=factor, own=_decimal(currency.own(form.unit)))
    )
    flags = (Finding(rounded.reason, own),)
    raw = written(node) if kind == "text" else node
    problems = (odd, *((no_rate,) if foreign else ()))
    if needed:
        return Cell(contract, raw, whole, (*problems, absent), flags)
    return Cell(contract, raw, whole, (), (*problems, *flags))


def _exact(seen: exp.Expression, form: MoneyFormat) -> exp.Expression:
    point, comma = ("[.]", ",") if form.decimal == "." else (",", "[.]")
    bare = parse("regexp_replace($r, $noise, '', 'g')", r=seen, noise=literal(_NOISE))
    fits = parse("regexp_matches($b, $form)", b=bare, form=literal(_FORM % (comma, point)))
    digits = parse("regexp_replace($b, $drop, '', 'g')", b=bare, drop=literal(f"{comma}|[()]|^[+-]|-$|^\\(-"))
    if form.decimal == ",":
        digits = parse("REPLACE($d, ',', '.')", d=digits)
    size = parse(f"TRY_CAST($d AS {_EXACT})", d=digits)
    negative = parse("regexp_matches($b, $sign)", b=bare, sign=literal(_NEGATIVE))
    return parse(
        "CASE WHEN $fits AND $negative THEN -$size WHEN $fits THEN $size END", fits=fits, negative=negative, size=size
    )


def _converted(own: exp.Expression, form: MoneyFormat, currency: Currency, dated: str | None) -> exp.Expression:
    """The factor of a row's currency in the row's month; null where no rate is given."""
    code = column("currency")
    tree = exp.Case()
    tree = tree.when(parse("$c IS NULL OR $c = $own", c=code, own=literal(currency.code)), own)
    for other, month, factor in currency.factors(form.unit):
        test = parse("$c = $other", c=code, other=literal(other))
        if month:
            if dated is None:
                continue
            when = parse("strftime($t, '%Y-%m')", t=column(dated))
            test = parse("$test AND $when = $month", test=test, when=when, month=literal(month))
        tree = tree.when(test, _decimal(factor))
    return tree


def _decimal(value: Decimal) -> exp.Expression:
    digits = f"{round(value, _FACTOR_DIGITS):f}"
    return parse("CAST($n AS DECIMAL(14, 8))", n=exp.Literal.number(digits))
