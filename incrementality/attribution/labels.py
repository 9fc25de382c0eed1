"""What labels of credit say where nothing is known, and where there is nothing to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.taxonomy import UNALLOCATED, UNKNOWN
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["NONE", "SHOWN_BESIDE", "UNALLOCATED", "UNKNOWN", "label_of"]

NONE = "none"
SHOWN_BESIDE = ("saved",)
_MAY_BE_ABSENT = frozenset({"campaign", "journey", "variant", "topic"})


def label_of(name: str) -> exp.Expression:
    """Return a label as text: what is not known is ``unknown``; a touch of no journey or campaign says ``none``.

    Examples:
        >>> print(label_of("channel").sql(), label_of("journey").sql())
        COALESCE("channel", 'unknown') COALESCE("journey", 'none')
    """
    word = NONE if name in _MAY_BE_ABSENT else UNKNOWN
    return parse("coalesce($label, $word)", label=column(name), word=literal(word))
