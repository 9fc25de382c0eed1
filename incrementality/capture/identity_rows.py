"""What contacts and links say of identifiers: each identifier once, numbered; what is refused keeps its reason."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.identifiers import IDENTIFIER_KINDS, identifier_kind, is_hashed, is_usable, normalised
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["IdentityRows", "all_of", "read_identity_rows"]

_CELL = """
SELECT $contact AS contact_id, $account AS account_id, $kind AS kind, $value AS identifier, $usable AS usable
FROM contacts WHERE NOT $contact_raw IS NULL AND length($value) > 0
"""
_SPELLED = """
SELECT $left_kind AS left_kind, $left AS left_value, $right_kind AS right_kind, $right AS right_value, $score AS score
FROM links
"""
_JUDGED = """
SELECT left_kind, left_value, right_kind, right_value, score, CASE
    WHEN left_kind IS NULL OR right_kind IS NULL THEN 'unknown_kind'
    WHEN coalesce(left_value, '') = '' OR coalesce(right_value, '') = '' THEN 'missing_value'
    WHEN NOT $left_usable OR NOT $right_usable THEN 'malformed'
    WHEN score IS NULL OR NOT (score > 0e0 AND score <= 1e0) THEN 'bad_score'
    WHEN score < 1e0 AND NOT $guesses THEN 'guess_off'
    WHEN score < $least THEN 'low_score'
END AS reason
FROM (SELECT $left_final AS left_kind, left_value, $right_final AS right_kind, right_value, score FROM links) AS s
"""
_NODES = """
SELECT kind, identifier,
    row_number() OVER (ORDER BY CASE WHEN kind = 'contact_id' THEN 0 ELSE 1 END, kind, $binary) AS node
FROM (
    SELECT kind, identifier FROM cells WHERE usable
    UNION SELECT left_kind AS kind, left_value AS identifier FROM links WHERE reason IS NULL
    UNION SELECT right_kind AS kind, right_value AS identifier FROM links WHERE reason IS NULL
) AS n
"""


@dataclass(frozen=True, slots=True)
class IdentityRows:
    """What contacts and links say.

    Attributes:
        cells: contact_id, account_id, kind, identifier, usable: one row for each identifier on a contact's row, the
            contact's own id among them.
        links: left_kind, left_value, right_kind, right_value, score, reason; the reason is null where it is usable.
        nodes: kind, identifier, node: every usable identifier once, numbered from 1 by kind and bytes, contacts first.
    """

    cells: Relation
    links: Relation
    nodes: Relation


def all_of(queries: Sequence[exp.Expression]) -> exp.Expression:
    """Return the rows of all queries, doubles kept.

    Examples:
        >>> from incrementality.warehouse.sql import render
        >>> render(all_of([parse("SELECT 1 AS a"), parse("SELECT 2 AS a")]), "duckdb")
        'SELECT 1 AS a UNION ALL SELECT 2 AS a'
    """
    return reduce(lambda one, other: exp.Union(this=one, expression=other, distinct=False), queries)


def read_identity_rows(
    warehouse: Warehouse, contacts: Relation, identities: Relation | None, *, guesses: bool, least_score: float
) -> IdentityRows:
    """Read contacts and links into cells, links and nodes.

    Args:
        warehouse: The engine.
        contacts: Clean contacts, by their canonical columns; only ``contact_id`` has to be there.
        identities: Clean links; ``None`` where the company has none.
        guesses: Whether links of a score below 1 are used.
        least_score: The least score of a guess.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     people = engine.materialise("people", parse("SELECT 'c1' AS contact_id, ' A@x.com' AS email"))
        ...     rows = read_identity_rows(engine, people, None, guesses=False, least_score=0.9)
        ...     engine.query(parse("SELECT kind, identifier, node FROM n ORDER BY node", n=rows.nodes.name))
        [('contact_id', 'c1', 1), ('email', 'a@x.com', 2)]
    """
    name = f"incrementality_identity_{secrets.token_hex(4)}"
    kinds = [kind for kind in IDENTIFIER_KINDS if kind in contacts.columns]
    cells = warehouse.materialise(f"{name}_cells", all_of([_cells(contacts, kind) for kind in kinds]))
    judged = _judged_links(warehouse, identities, guesses=guesses, least_score=least_score)
    links = warehouse.materialise(f"{name}_links", judged)
    nodes = parse(_NODES, cells=cells.name, links=links.name, binary=_by_bytes("identifier", warehouse.dialect))
    return IdentityRows(cells, links, warehouse.materialise(f"{name}_nodes", nodes))


def _by_bytes(name: str, dialect: str) -> exp.Expression:
    """A text to be sorted by its bytes on every engine; PostgreSQL would sort by the database's language."""
    node = column(name)
    return exp.Collate(this=node, expression=exp.to_identifier("C", quoted=True)) if dialect == "postgres" else node


def _cells(contacts: Relation, kind: str) -> exp.Expression:
    value = normalised(kind, column(kind))
    account: exp.Expression = column("account_id")
    return parse(
        _CELL,
        contacts=contacts.name,
        contact=normalised("contact_id", column("contact_id")),
        contact_raw=column("contact_id"),
        account=account if "account_id" in contacts.columns else parse("CAST(NULL AS TEXT)"),
        kind=_kind_of(literal(kind), value) if kind in {"email", "phone"} else literal(kind),
        value=value,
        usable=is_usable(kind, value),
    )


def _kind_of(kind: exp.Expression, value: exp.Expression) -> exp.Expression:
    """An address or number that is given as its hash is a hash."""
    return parse("CASE WHEN $hashed THEN 'hash' ELSE $kind END", hashed=is_hashed(value), kind=kind)


def _judged_links(
    warehouse: Warehouse, identities: Relation | None, *, guesses: bool, least_score: float
) -> exp.Expression:
    source = _no_links() if identities is None else _spelled_links(warehouse, identities)
    sides = {side: column(f"{side}_value") for side in ("left", "right")}
    return parse(
        _JUDGED,
        links=exp.Subquery(this=source, alias=exp.TableAlias(this=exp.to_identifier("l"))),
        guesses=literal(guesses),
        least=literal(float(least_score)),
        **{f"{side}_usable": _usable_as(column(f"{side}_kind"), value) for side, value in sides.items()},
        **{f"{side}_final": _final_kind(column(f"{side}_kind"), value) for side, value in sides.items()},
    )


def _no_links() -> exp.Expression:
    return parse(
        "SELECT CAST(NULL AS TEXT) AS left_kind, CAST(NULL AS TEXT) AS left_value, CAST(NULL AS TEXT) AS right_kind, "
        "CAST(NULL AS TEXT) AS right_value, CAST(NULL AS DOUBLE) AS score WHERE FALSE"
    )


def _spelled_links(warehouse: Warehouse, identities: Relation) -> exp.Expression:
    """Links with canonical kinds and comparable values; the score is 1 where the table has none."""
    scored = "score" in identities.columns
    parts: dict[str, exp.Expression] = {}
    for side in ("left", "right"):
        kind = _canonical_kind(warehouse, identities, f"{side}_kind")
        parts |= {f"{side}_kind": kind, side: _normalised_by(kind, column(f"{side}_value"))}
    score = parse("CAST($score AS DOUBLE)", score=column("score") if scored else literal(1.0))
    return parse(_SPELLED, links=identities.name, score=score, **parts)


def _canonical_kind(warehouse: Warehouse, identities: Relation, name: str) -> exp.Expression:
    """The few spellings that stand in the column, each with what it means."""
    found = warehouse.query(parse("SELECT DISTINCT $kind AS kind FROM l", kind=column(name), l=identities.name))
    meanings = {str(text): kind for (text,) in found if text is not None and (kind := identifier_kind(str(text)))}
    if not meanings:
        return parse("CAST(NULL AS TEXT)")
    cases = exp.Case()
    for spelled, kind in meanings.items():
        cases = cases.when(exp.EQ(this=column(name), expression=literal(spelled)), literal(kind))
    return cases


def _normalised_by(kind: exp.Expression, value: exp.Expression) -> exp.Expression:
    cases = exp.Case(default=normalised("contact_id", value))
    for name in ("email", "phone", "hash"):
        cases = cases.when(exp.EQ(this=kind.copy(), expression=literal(name)), normalised(name, value))
    return cases


def _usable_as(kind: exp.Expression, value: exp.Expression) -> exp.Expression:
    cases = exp.Case(default=exp.true())
    for name in ("email", "phone", "hash"):
        cases = cases.when(exp.EQ(this=kind.copy(), expression=literal(name)), is_usable(name, value))
    return cases


def _final_kind(kind: exp.Expression, value: exp.Expression) -> exp.Expression:
    test = parse("$kind IN ('email', 'phone')", kind=kind)
    return parse("CASE WHEN $test THEN $hashed ELSE $kind END", test=test, hashed=_kind_of(kind, value), kind=kind)
