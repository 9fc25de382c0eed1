"""Shares as people write them: 1/3, 0.05 or 5%; exact."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

__all__ = ["Share"]

_LONGEST_SHARE = 40
_LARGE_EXPONENT = re.compile(r"e[+-]?\d{3}", re.IGNORECASE)


def _fraction(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    text = str(value).strip()
    try:
        return _exact(text[:-1]) / 100 if text.endswith("%") else _exact(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text[:_LONGEST_SHARE]!r} is not a share; write it like 1/3, 0.05 or 5%") from None


def _exact(text: str) -> Fraction:
    if len(text) > _LONGEST_SHARE or _LARGE_EXPONENT.search(text):  # 1e999999999 would fill the memory
        raise ValueError(text)
    return Fraction(text)


Share = Annotated[
    Fraction,
    BeforeValidator(_fraction, json_schema_input_type=str | float),
    PlainSerializer(str, return_type=str),
]
