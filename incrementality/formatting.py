"""Numbers as people write them: shares in %, differences of shares in percentage points, money with its unit.

Every function takes a number of a record and returns text; none changes what a number means. The minus sign is
a real one, and number and unit are kept together by a no-break space.
"""

from __future__ import annotations

import re
from math import floor, isfinite, isnan, log10

__all__ = [
    "cell",
    "count",
    "difference",
    "difference_number",
    "difference_unit",
    "interval",
    "level",
    "mean",
    "p_value",
    "relative",
    "share",
    "tick",
    "unit_in_words",
]

_SPACE = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_CURRENCY_CODE_LENGTH = 3
_LARGE = 1000.0
_MIDDLE = 100.0
_SMALLEST_P = 0.001
_MOST_DECIMALS = 8


def count(value: int) -> str:
    """Return a count with its thousands apart.

    Examples:
        >>> count(64000)
        '64,000'
    """
    return f"{value:,}"


def share(value: float) -> str:
    """Return a share as a percentage.

    Examples:
        >>> share(0.106167).replace("\N{NO-BREAK SPACE}", " ")
        '10.62 %'
    """
    return f"{_fixed(100 * value, _share_decimals(100 * value))}{_SPACE}%"


def relative(value: float) -> str:
    """Return a relative change with its sign.

    Examples:
        >>> relative(0.7214).replace("\N{NO-BREAK SPACE}", " ")
        '+72.1 %'
    """
    decimals = 0 if abs(100 * value) >= _LARGE else 1
    return f"{_fixed(100 * value, decimals, sign=True)}{_SPACE}%"


def mean(value: float, *, kind: str, unit: str) -> str:
    """Return a mean in the unit of its metric: a share for conversions, money for revenue.

    Examples:
        >>> [mean(1.4226, kind=kind, unit=unit).replace("\N{NO-BREAK SPACE}", " ")
        ...  for kind, unit in (("revenue", "USD"), ("mean", "minutes"), ("ratio", ""))]
        ['USD 1.42', '1.42 minutes', '1.42']
    """
    if kind == "conversion":
        return share(value)
    return _with_unit(_fixed(value, _decimals(value, unit)), unit)


def difference(value: float, *, kind: str, unit: str) -> str:
    """Return a difference of two means with its sign and unit.

    Examples:
        >>> difference(0.0766, kind="conversion", unit="").replace("\N{NO-BREAK SPACE}", " ")
        '+7.66 percentage points'
        >>> difference(0.77, kind="revenue", unit="USD").replace("\N{NO-BREAK SPACE}", " ")
        '+USD 0.77'
    """
    text = difference_number(value, kind=kind, unit=unit)
    if kind == "conversion":
        return f"{text}{_SPACE}percentage points"
    if _is_currency(unit) and text[0] in f"+{_MINUS}":
        return text[0] + _with_unit(text[1:], unit)
    return _with_unit(text, unit)


def difference_number(value: float, *, kind: str, unit: str) -> str:
    """Return a difference of two means with its sign, without its unit."""
    if kind == "conversion":
        return _fixed(100 * value, _share_decimals(100 * value), sign=True)
    return _fixed(value, _decimals(value, unit), sign=True)


def difference_unit(*, kind: str, unit: str) -> str:
    """Return the unit of a difference in words.

    Examples:
        >>> difference_unit(kind="conversion", unit=""), difference_unit(kind="revenue", unit="USD")
        ('percentage points', 'USD')
    """
    return "percentage points" if kind == "conversion" else unit_in_words(unit)


def tick(text: str) -> str:
    """Return a number of an axis without the zeros that say nothing.

    Examples:
        >>> tick("+50.0 %"), tick("USD 0.50"), tick("0.00 %"), tick("100")
        ('+50 %', 'USD 0.5', '0', '100')
    """
    shorter = re.sub(r"(\.\d*?)0+(?!\d)", r"\1", text)
    shorter = re.sub(r"\.(?!\d)", "", shorter)
    return shorter if re.search(r"[1-9]", shorter) else "0"


def unit_in_words(unit: str) -> str:
    """Return the unit, or what to say where a metric states none."""
    return unit or "units of the metric"


def interval(lower: str, upper: str) -> str:
    """Return two bounds as one text; a unit that they share is said once.

    Examples:
        >>> interval(share(0.102), share(0.1103)).replace("\N{NO-BREAK SPACE}", " ")
        '10.20 to 11.03 %'
        >>> interval("USD\N{NO-BREAK SPACE}1", "USD\N{NO-BREAK SPACE}2").replace("\N{NO-BREAK SPACE}", " ")
        'USD 1 to 2'
    """
    first, second = lower.split(_SPACE, 1), upper.split(_SPACE, 1)
    if len(first) == len(second) == 2:  # noqa: PLR2004 - number and unit
        if first[1] == second[1]:
            return f"{first[0]} to {upper}"
        if first[0] == second[0]:
            return f"{lower} to {second[1]}"
    return f"{lower} to {upper}"


def level(alpha: float) -> str:
    """Return the level of an interval.

    Examples:
        >>> [level(alpha).replace("\N{NO-BREAK SPACE}", " ") for alpha in (0.05, 0.001, 0.041279, 1e-7)]
        ['95 %', '99.9 %', '95.87 %', '99.99999 %']
    """
    digits = max(2, -floor(log10(alpha)) - 2) if alpha > 0 else 2
    return f"{round(100 * (1 - alpha), digits):.12g}{_SPACE}%"


def p_value(value: float | None, *, symbol: bool = True) -> str:
    """Return a p-value; ``symbol=False`` leaves the letter to the column's head.

    Examples:
        >>> [p_value(p).replace("\N{NO-BREAK SPACE}", " ") for p in (0.904, 1e-9)], p_value(None)
        (['p = 0.904', 'p < 0.001'], '\N{EN DASH}')
    """
    if value is None or not isfinite(value):
        return "\N{EN DASH}"
    if value < _SMALLEST_P:
        return f"{'p ' if symbol else ''}<{_SPACE}0.001".replace("p ", f"p{_SPACE}")
    return f"p{_SPACE}={_SPACE}{value:.3f}" if symbol else f"{value:.3f}"


def cell(name: str, value: object) -> str:
    """Return one cell of a check's table; the column's name decides how it is written.

    Examples:
        >>> cell("share_planned", 1 / 3).replace("\N{NO-BREAK SPACE}", " "), cell("expected", 21333.3333)
        ('33.33 %', '21,333')
        >>> cell("pvalue", 0.904), cell("standardised_difference", -0.00863), cell("note", None)
        ('0.904', '\N{MINUS SIGN}0.009', '\N{EN DASH}')
    """
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _float_cell(name, value)
    return count(value) if isinstance(value, int) else str(value)


def _float_cell(name: str, value: float) -> str:
    if name.startswith("share"):
        return share(value)
    if name in {"p", "pvalue", "pvalue_adjusted"}:
        return p_value(value, symbol=False)
    if name == "standardised_difference":
        return _fixed(value, 3, sign=True)
    return _fixed(value, _decimals(value, ""))


def _fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    if not isfinite(value):
        return "not known" if isnan(value) else ("no upper limit" if value > 0 else "no lower limit")
    digits = f"{abs(value):,.{decimals}f}"
    if not digits.strip("0.,"):
        return digits
    return (_MINUS if value < 0 else "+" if sign else "") + digits


def _share_decimals(percent: float) -> int:
    return _two_digits(percent) if 0 < abs(percent) < 0.1 else 2  # noqa: PLR2004 - below, two decimals would say nothing


def _decimals(value: float, unit: str) -> int:
    size = abs(value)
    if not isfinite(size) or size >= _LARGE:
        return 0
    if _is_currency(unit):
        return 2 if size >= 0.01 or size == 0 else _two_digits(size)  # noqa: PLR2004 - below a cent
    if size >= _MIDDLE:
        return 1
    return 2 if size >= 1 or size == 0 else 1 + _two_digits(size)


def _two_digits(value: float) -> int:
    """Return the decimals that show two significant digits of a number below one."""
    return min(_MOST_DECIMALS, max(2, 1 - floor(log10(abs(value)))))


def _is_currency(unit: str) -> bool:
    return len(unit) == _CURRENCY_CODE_LENGTH and unit.isalpha() and unit.isupper()


def _with_unit(text: str, unit: str) -> str:
    if not unit:
        return text
    return f"{unit}{_SPACE}{text}" if _is_currency(unit) else f"{text}{_SPACE}{unit}"
