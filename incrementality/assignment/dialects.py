"""Where SQL engines differ: the hash, the composed form of text, and whether our tests have run them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import cast

import sqlglot
from sqlglot import exp

from incrementality.errors import InputError, did_you_mean

__all__ = ["DIALECTS", "Dialect", "dialect_named", "fragment"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One engine's way to compute the hash.

    Attributes:
        name: The engine, as sqlglot calls it.
        executed: Whether this package's tests run what is generated. The others follow the makers' manuals.
        hash: The hash of ``the_key``, a text, as a whole number.
        composed: ``the_key`` in Unicode's composed form, or ``None`` where the engine has none: there ids beyond
            ASCII are refused for unit types that need it.
        translate: The name of the function that replaces letters one by one.
        code: The name of the function that gives a text's first character as a number.
        fenced: Whether the draws must be fenced off, so that the engine does not compute them once for each use.
    """

    name: str
    executed: bool
    hash: str
    composed: str | None = None
    translate: str = "TRANSLATE"
    code: str = "ASCII"
    fenced: bool = False

    def hash_of(self, key: exp.Expression) -> exp.Expression:
        """Return the hash of a text as a node."""
        return fragment(self.hash, self.name, the_key=key)

    def composed_of(self, text: exp.Expression) -> exp.Expression | None:
        """Return a text in composed form as a node, or ``None`` where the engine cannot."""
        return None if self.composed is None else fragment(self.composed, self.name, the_key=text)

    def lowered_of(self, text: exp.Expression) -> exp.Expression:
        """Return a text with A to Z as a to z, as a node."""
        letters = [exp.Literal.string(ascii_uppercase), exp.Literal.string(ascii_lowercase)]
        return exp.Anonymous(this=self.translate, expressions=[text.copy(), *letters])

    def code_of(self, text: exp.Expression) -> exp.Expression:
        """Return the number of a text's first character, 0 for none, as a node."""
        return exp.Anonymous(this=self.code, expressions=[text.copy()])


def fragment(text: str, dialect: str = "duckdb", **places: exp.Expression) -> exp.Expression:
    """Return a piece of SQL with some of its column names filled by syntax nodes.

    Examples:
        >>> fragment("drawn >= lo", lo=exp.Literal.number(5)).sql()
        'drawn >= 5'
    """
    tree = _parsed(text, dialect).copy()
    for place in list(tree.find_all(exp.Column)):
        if place.name in places:
            filling = places[place.name].copy()
            if place is tree:
                return filling
            place.replace(filling)
    return tree


@lru_cache(maxsize=256)
def _parsed(text: str, dialect: str) -> exp.Expression:
    return cast("exp.Expression", sqlglot.parse_one(text, read=dialect))


_ALL = (
    Dialect(
        "duckdb",
        executed=True,
        hash="CAST('0x' || SUBSTRING(SHA256(the_key), 1, 8) AS BIGINT)",
        composed="NFC_NORMALIZE(the_key)",
    ),
    Dialect(
        "postgres",
        executed=True,
        hash="CAST(CAST('x' || SUBSTRING(ENCODE(SHA256(CONVERT_TO(the_key, 'UTF8')), 'hex') FROM 1 FOR 8) AS BIT(32)) "
        "AS BIGINT)",
        composed="NORMALIZE(the_key, NFC)",
        fenced=True,
    ),
    Dialect("spark", executed=True, hash="CAST(CONV(SUBSTRING(SHA2(the_key, 256), 1, 8), 16, 10) AS BIGINT)"),
    Dialect(
        "bigquery",
        executed=False,
        code="UNICODE",
        hash="CAST(CONCAT('0x', SUBSTR(TO_HEX(SHA256(the_key)), 1, 8)) AS INT64)",
        composed="NORMALIZE(the_key, NFC)",
    ),
    Dialect("snowflake", executed=False, hash="TO_NUMBER(SUBSTR(SHA2(the_key, 256), 1, 8), 'XXXXXXXX')"),
    Dialect("redshift", executed=False, hash="CAST(STRTOL(SUBSTRING(SHA2(the_key, 256), 1, 8), 16) AS BIGINT)"),
    Dialect(
        "clickhouse",
        executed=False,
        hash="toInt64(reinterpretAsUInt32(reverse(substring(SHA256(the_key), 1, 4))))",
        composed="normalizeUTF8NFC(the_key)",
        translate="translate",
    ),
)
DIALECTS = {dialect.name: dialect for dialect in _ALL}


def dialect_named(name: str) -> Dialect:
    """Return a dialect by sqlglot's name for the engine.

    Raises:
        InputError: There is none of that name.

    Examples:
        >>> dialect_named("duckdb").executed, dialect_named("bigquery").executed
        (True, False)
    """
    if name not in DIALECTS:
        raise InputError(
            f"there is no dialect {name!r}; there are: {', '.join(DIALECTS)}.{did_you_mean(name, DIALECTS)}",
            hint="choose one of them",
        )
    return DIALECTS[name]
