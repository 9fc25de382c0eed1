"""SQL written once, in DuckDB's dialect, and rendered for the engine at hand.

A query is text with named places (``$name``); names and values enter as syntax nodes, never as strings.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

import sqlglot
from sqlglot import exp

from incrementality.errors import ColumnTypeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "NUMERIC",
    "ColumnType",
    "add",
    "column",
    "literal",
    "named",
    "not_nan",
    "number_of",
    "parse",
    "product",
    "render",
    "select_from",
    "table",
    "text_of",
]

ColumnType = Literal["boolean", "decimal", "float", "integer", "other", "temporal", "text"]

NUMERIC: frozenset[ColumnType] = frozenset({"boolean", "decimal", "float", "integer"})


@lru_cache(maxsize=256)
def _template(text: str) -> exp.Expression:
    return cast("exp.Expression", sqlglot.parse_one(text, read="duckdb"))


def parse(text: str, **places: exp.Expression) -> exp.Expression:
    """Return the query or expression with its places filled by syntax nodes.

    A place that stands for a table is written as a table of that name: ``FROM source``. Places are parted by
    spaces: ``$a, $b``.

    Examples:
        >>> render(parse("sum($y - $c)", y=column('a"b'), c=literal(2.5)), "duckdb")
        'SUM("a""b" - 2.5e0)'
        >>> query = parse("SELECT 1 FROM source WHERE x = $x", source=table("s.t"), x=literal("o'neil"))
        >>> print(render(query, "duckdb"))
        SELECT 1 FROM "s"."t" WHERE x = 'o''neil'
    """
    tree = _template(text).copy()
    for node in list(tree.find_all(exp.Placeholder, exp.Table)):
        place = places.get(node.name)
        if place is None or (isinstance(node, exp.Table) and node.args.get("db")):
            continue
        filling = place.copy()
        if isinstance(node, exp.Table) and node.alias:
            filling = _aliased(filling, node.alias)
        if node is tree:
            return filling
        node.replace(filling)
    return tree


def named(tree: exp.Expression, name: str) -> exp.Expression:
    """Return an expression under a name of our own.

    Examples:
        >>> render(named(parse("count(*)"), "n"), "duckdb")
        'COUNT(*) AS n'
    """
    return exp.Alias(this=tree, alias=exp.to_identifier(name))


def select_from(rows: exp.Expression) -> exp.Expression:
    """Return ``SELECT 1 FROM (rows) AS r``, whose columns the caller sets; the rows' tree is taken over, not copied.

    Examples:
        >>> render(select_from(parse("SELECT 2 AS x")), "duckdb")
        'SELECT 1 FROM (SELECT 2 AS x) AS r'
    """
    select = parse("SELECT 1 FROM rows")
    place = select.find(exp.Table)
    if place is not None:
        place.replace(exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier("r"))))
    return select


def _aliased(source: exp.Expression, name: str) -> exp.Expression:
    return cast("exp.Expression", exp.alias_(source, name, table=True))


def column(name: str, *, of: str | None = None) -> exp.Column:
    """Return a column's name as a quoted node."""
    return exp.column(exp.to_identifier(name, quoted=True), table=of)


def table(name: str) -> exp.Table:
    """Return a table's name, ``name`` or ``schema.name`` or ``catalog.schema.name``, as a quoted node."""
    parts = [exp.to_identifier(part, quoted=True) for part in reversed(name.split("."))]
    return exp.Table(**dict(zip(("this", "db", "catalog"), parts, strict=False)))


def literal(value: str | float | bool) -> exp.Expression:  # noqa: FBT001 - a value, not a switch
    """Return a value as a node; floats keep every digit on every engine.

    Examples:
        >>> render(literal(1e-300), "postgres")
        'CAST(1e-300 AS DOUBLE PRECISION)'
        >>> render(literal(float("-inf")), "spark")
        "CAST('-Infinity' AS DOUBLE)"
    """
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    if isinstance(value, str):
        return exp.Literal.string(value)
    if not math.isfinite(value):
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return parse("CAST($name AS DOUBLE)", name=exp.Literal.string(name))
    digits = repr(abs(float(value)))
    number = exp.Literal.number(digits if "e" in digits else f"{digits}e0")
    return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number


def add(terms: Sequence[exp.Expression]) -> exp.Expression:
    """Return the sum of terms, without the zeros.

    Examples:
        >>> render(add([column("y"), literal(-0.5), literal(0.0)]), "duckdb")
        '"y" + (-0.5e0)'
    """
    total: exp.Expression | None = None
    for term in terms:
        if not _is_number(term, "0.0e0"):
            total = term if total is None else exp.Add(this=total, expression=term)
    return literal(0.0) if total is None else total


def product(factors: Sequence[exp.Expression]) -> exp.Expression:
    """Return the product of factors, each in parentheses where it needs them, without the ones.

    Examples:
        >>> render(product([literal(1.0), column("y"), add([column("x"), literal(2.0)])]), "duckdb")
        '"y" * ("x" + 2.0e0)'
    """
    if any(_is_number(factor, "0.0e0") for factor in factors):
        return literal(0.0)
    kept = [factor for factor in factors if not _is_number(factor, "1.0e0")] or [literal(1.0)]
    result = _factor(kept[0])
    for factor in kept[1:]:
        result = exp.Mul(this=result, expression=_factor(factor))
    return result


def _is_number(tree: exp.Expression, text: str) -> bool:
    return isinstance(tree, exp.Literal) and not tree.is_string and tree.name == text


def _factor(tree: exp.Expression) -> exp.Expression:
    return exp.Paren(this=tree.copy()) if isinstance(tree, (exp.Add, exp.Sub, exp.Neg)) else tree.copy()


def number_of(name: str, kind: ColumnType, *, of: str | None = None) -> exp.Expression:
    """Return a column as DOUBLE: true is 1 and false is 0, decimals and integers become the nearest float.

    Args:
        name: The column.
        kind: Its type, as the relation says.
        of: The alias of its table, where one is needed.

    Raises:
        ColumnTypeError: The type holds no number.

    Examples:
        >>> render(number_of("arr", "decimal"), "postgres")
        'CAST("arr" AS DOUBLE PRECISION)'
        >>> render(number_of("won", "boolean"), "duckdb")
        'CASE WHEN "won" THEN 1e0 WHEN NOT "won" THEN 0e0 END'
    """
    node = column(name, of=of)
    if kind == "boolean":
        return parse("CASE WHEN $y THEN 1e0 WHEN NOT $y THEN 0e0 END", y=node)
    if kind in NUMERIC:
        return parse("CAST($y AS DOUBLE)", y=node)
    raise ColumnTypeError(
        f"the column {name!r} is {kind}, not a number; allowed: {', '.join(sorted(NUMERIC))}",
        hint="convert the column, or name another one",
    )


def not_nan(number: exp.Expression) -> exp.Expression:
    """Return a floating-point expression with NULL in place of NaN.

    Examples:
        >>> render(not_nan(column("y")), "duckdb")
        'CASE WHEN ISNAN("y") THEN NULL ELSE "y" END'
        >>> print(render(not_nan(column("y")), "postgres"))
        CASE WHEN "y" = CAST('NaN' AS DOUBLE PRECISION) THEN NULL ELSE "y" END
    """
    return parse("CASE WHEN isnan($y) THEN NULL ELSE $y END", y=number)


def render(tree: exp.Expression, dialect: str, *, pretty: bool = False) -> str:
    """Return the text of a query for an engine."""
    fragment = _FRAGMENTS.get(dialect)
    return (tree.transform(fragment) if fragment else tree).sql(dialect=dialect, pretty=pretty, copy=False)


def text_of(tree: exp.Expression, dialect: str) -> str:
    """Return the text of a query for a person to read."""
    return render(tree, dialect, pretty=True)


def _for_postgres(node: exp.Expression) -> exp.Expression:
    """PostgreSQL reads 1e-300 as NUMERIC, whose arithmetic is decimal and slow; and it has no isnan()."""
    if isinstance(node, exp.IsNan):
        return exp.EQ(this=node.this, expression=literal(math.nan))
    if isinstance(node, exp.Literal) and not node.is_string and "e" in node.name:
        return exp.cast(node, exp.DataType.Type.DOUBLE)
    return node


_FRAGMENTS = {"postgres": _for_postgres}
