"""One cell of a company's table: how what stands there becomes a value, and what may be wrong with it.

A source is read in three steps, each a query over the one before. First ``r_<column>``, what stands there: trimmed
text, or the typed value. Then ``<column>``, its value, null where it cannot be read. Then what is wrong: the reasons
that refuse a row and those that flag it. Expressions of the second step speak of ``r_<column>``, those of the third
of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.tables import ColumnContract

__all__ = [
    "NO_ID",
    "Cell",
    "Finding",
    "flag_cell",
    "id_cell",
    "number_cell",
    "stands",
    "text_cell",
    "untidy",
    "written",
]

NO_ID = ("nan", "NaN", "NAN", "null", "NULL", "None", "none", "<NA>", "N/A", "n/a", "#N/A", "NaT")
_DECIMAL_ID = r"^[+-]?[0-9]+([.][0-9]*([eE][+]?[0-9]+)?|[eE][+][0-9]+)$"
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be wrong with a row: its name in counts, and the condition under which it holds."""

    reason: str
    test: exp.Expression


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of one source.

    Attributes:
        contract: The canonical column.
        raw: What stands there, over the source's own columns.
        value: Its value, over ``r_<column>``.
        refusals: What refuses the row, the first that holds counts.
        flags: What is noted.
    """

    contract: ColumnContract
    raw: exp.Expression
    value: exp.Expression
    refusals: tuple[Finding, ...] = ()
    flags: tuple[Finding, ...] = ()


def stands(name: str) -> exp.Expression:
    """Return the column of what stands in a cell."""
    return column(f"r_{name}")


def written(node: exp.Expression) -> exp.Expression:
    """Return a value as trimmed text, null where it is blank."""
    return parse("NULLIF(TRIM(CAST($x AS TEXT)), '')", x=node)


def id_cell(contract: ColumnContract, node: exp.Expression, *, needed: bool, bare: bool, prefix: str = "") -> Cell:
    """Return the cell of an id.

    Blank ids and the words by which tools write a missing one are missing; a number with decimals was rounded on its
    way and is never taken for an id.

    Args:
        contract: The canonical column.
        node: The source's value.
        needed: Whether a row without it is refused.
        bare: Whether every value is an id as it stands: whole numbers, or texts that have been looked through.
        prefix: What every id is to begin with.
    """
    name, seen, value = contract.name, stands(contract.name), column(contract.name)
    absent = Finding(f"no_{name}", parse("$v IS NULL", v=value))
    if bare:
        kept = parse("$p || $v", p=literal(prefix), v=seen) if prefix else seen
        return Cell(contract, node, kept, (absent,) if needed else ())
    decimal = _decimal(seen)
    kept = parse("CASE WHEN $d OR $m THEN NULL ELSE $r END", d=decimal, m=_no_id(seen), r=seen)
    if prefix:
        kept = parse("$p || $v", p=literal(prefix), v=kept)
    found = Finding(f"decimal_{name}", parse("$v IS NULL AND ($decimal)", v=value, decimal=decimal))
    refusals, flags = ((found, absent), ()) if needed else ((), (found,))
    return Cell(contract, written(node), kept, refusals, flags)


def _no_id(seen: exp.Expression) -> exp.Expression:
    """Whether a text is a word for a missing id; a CASE, since engines make a join of a list."""
    tree = exp.Case(this=seen.copy())
    for word in NO_ID:
        tree = tree.when(literal(word), exp.true(), copy=False)
    return tree.else_(exp.false(), copy=False)


def _decimal(seen: exp.Expression) -> exp.Expression:
    dotted = parse("($r LIKE '%.%' OR $r LIKE '%+%')", r=seen)  # few ids are; a pattern costs much more
    return parse("($dotted AND regexp_matches($r, $form))", dotted=dotted, r=seen, form=literal(_DECIMAL_ID))


def untidy(node: exp.Expression, *, is_id: bool) -> exp.Expression:
    """Return whether a text does not stand as it is wanted: padded, blank, or no id where it is to be one."""
    padded = parse("($x <> TRIM($x) OR $x = '')", x=node)
    if not is_id:
        return padded
    return parse("($padded OR $decimal OR $none)", padded=padded, decimal=_decimal(node), none=_no_id(node))


def text_cell(contract: ColumnContract, node: exp.Expression, *, bare: bool) -> Cell:
    """Return the cell of words of people.

    Args:
        contract: The canonical column.
        node: The source's value.
        bare: Whether every value stands as it is wanted.
    """
    return Cell(contract, node if bare else written(node), stands(contract.name))


def number_cell(contract: ColumnContract, node: exp.Expression, *, needed: bool) -> Cell:
    """Return the cell of a number; NaN is missing."""
    name, value = contract.name, column(contract.name)
    number = parse("TRY_CAST($r AS DOUBLE)", r=stands(name))
    cast = parse("CASE WHEN isnan($n) THEN NULL ELSE $n END", n=number)
    return Cell(contract, written(node), cast, *_unreadable(name, value, needed=needed))


def flag_cell(contract: ColumnContract, node: exp.Expression) -> Cell:
    """Return the cell of yes or no, in words, letters or 1 and 0."""
    name = contract.name
    lower = parse("LOWER($r)", r=stands(name))
    yes, no = (_one_of(lower, words) for words in (_TRUE, _FALSE))
    value = parse("CASE WHEN $yes THEN TRUE WHEN $no THEN FALSE END", yes=yes, no=no)
    return Cell(contract, written(node), value, *_unreadable(name, column(name), needed=False))


def _one_of(node: exp.Expression, words: tuple[str, ...]) -> exp.Expression:
    test = parse("$x = $w", x=node, w=literal(words[0]))
    for word in words[1:]:
        test = parse("$t OR $x = $w", t=test, x=node, w=literal(word))
    return test


def _unreadable(name: str, value: exp.Expression, *, needed: bool) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What refuses the row where the value is needed, what flags it where it is not."""
    odd = Finding(f"unreadable_{name}", parse("$v IS NULL AND $r IS NOT NULL", v=value, r=stands(name)))
    if not needed:
        return (), (odd,)
    return (odd, Finding(f"no_{name}", parse("$v IS NULL", v=value))), ()
