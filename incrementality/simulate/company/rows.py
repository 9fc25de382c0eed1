"""Columns as a company's systems export them: ids, labels, times."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.simulate.world import BoolArray, Column, Integers

__all__ = ["Columns", "Tables", "appended", "constant", "empty_where", "ids", "joined", "labels"]

Columns: TypeAlias = "dict[str, Column]"
Tables: TypeAlias = "dict[str, Columns]"


def ids(letter: str, numbers: Integers, *, digits: int = 7) -> Column:
    """Return ids such as ``t_0000001``, counted from 1; after what is no letter stands no underscore.

    Examples:
        >>> ids("a", np.array([0, 41]), digits=6).tolist()
        ['a_000001', 'a_000042']
    """
    start = f"{letter}_" if letter.isalpha() else letter
    return _objects([f"{start}{number:0{digits}d}" for number in (numbers + 1).tolist()])


def labels(names: Sequence[str | None], codes: Integers) -> Column:
    """Return the name of each code; None for -1.

    Examples:
        >>> labels(("won", "lost"), np.array([1, -1, 0])).tolist()
        ['lost', None, 'won']
    """
    found: Column = _objects([*names, None])[codes]
    return found


def constant(value: str | None, rows: int) -> Column:
    """Return the same text in every row."""
    return np.full(rows, value, dtype=object)


def empty_where(empty: BoolArray, column: Column) -> Column:
    """Return a column of text that is missing in some rows."""
    found = column.copy()
    found[empty] = None
    return found


def appended(columns: Columns, more: Columns) -> Columns:
    """Return a table with more rows below it."""
    return {name: _concatenated([column, more[name]]) for name, column in columns.items()}


def joined(parts: Iterable[Tables]) -> Tables:
    """Return the tables of all blocks, one below the other."""
    collected: dict[str, dict[str, list[Column]]] = {}
    for tables in parts:
        for name, columns in tables.items():
            for column, values in columns.items():
                collected.setdefault(name, {}).setdefault(column, []).append(values)
    return {
        name: {column: _concatenated(values) for column, values in columns.items()}
        for name, columns in collected.items()
    }


def _concatenated(values: list[Column]) -> Column:
    masked = isinstance(values[0], np.ma.MaskedArray)
    found: Column = np.ma.concatenate(values) if masked else np.concatenate(values)  # type: ignore[no-untyped-call]
    return found


def _objects(values: list[str | None] | list[str]) -> Column:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
