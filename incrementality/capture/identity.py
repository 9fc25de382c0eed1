"""Who is who: identifiers joined to people, people to accounts; conflicts are reported, never guessed.

A component of identifiers that are linked for certain (one contact's row, a link of score 1, an address with its own
hash) is one person. A component that touches two accounts, or holds two customer numbers, is a conflict: its contacts
keep the account of their own rows, and its other identifiers lead to nobody, with the problem ``identity_conflict``.

Guesses (links of a score below 1) are off by default. Where they are on they join whole components, never against what
is known: where they would make a conflict, none of the guesses of that group is taken. What rests on a guess is marked.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.components import connected_components
from incrementality.capture.identifiers import sealed
from incrementality.capture.identity_conflicts import IdentityConflicts, conflicts_of
from incrementality.capture.identity_counts import IdentityIntake, intake_of
from incrementality.capture.identity_rows import IdentityRows, all_of, read_identity_rows
from incrementality.cohorts.sql_engine import hash_of
from incrementality.errors import ColumnNotFound, InputError
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Identities", "resolve_identities"]

_CELL_EDGES = """
SELECT c.node AS a, n.node AS b
FROM cells AS x JOIN nodes AS n ON n.kind = x.kind AND n.identifier = x.identifier
JOIN nodes AS c ON c.kind = 'contact_id' AND c.identifier = x.contact_id
WHERE x.usable AND x.kind <> 'contact_id'
"""
_LINK_EDGES = """
SELECT l.node AS a, r.node AS b
FROM links AS x JOIN nodes AS l ON l.kind = x.left_kind AND l.identifier = x.left_value
JOIN nodes AS r ON r.kind = x.right_kind AND r.identifier = x.right_value
WHERE x.reason IS NULL AND (x.score < 1e0) = $guessed
"""
_HASH_EDGES = """
SELECT h.node AS a, n.node AS b
FROM nodes AS n JOIN nodes AS h ON h.identifier = $digest
WHERE h.kind = 'hash' AND n.kind IN ('email', 'phone')
"""
_LABELS = """
SELECT n.node, n.kind, n.identifier, coalesce(c.r, n.node) AS component
FROM nodes AS n LEFT JOIN components AS c ON c.v = n.node
"""
_COMPONENTS = """
SELECT g.component, g.first_node, g.identifiers, g.contacts, g.numbers, coalesce(a.accounts, 0) AS accounts,
    a.account_id
FROM (
    SELECT component, min(node) AS first_node, count(*) AS identifiers,
        sum(CASE WHEN kind = 'contact_id' THEN 1 ELSE 0 END) AS contacts,
        sum(CASE WHEN kind = 'customer_number' THEN 1 ELSE 0 END) AS numbers
    FROM labels GROUP BY component
) AS g LEFT JOIN (
    SELECT l.component, count(DISTINCT x.account_id) AS accounts, min(x.account_id) AS account_id
    FROM cells AS x JOIN labels AS l ON l.kind = 'contact_id' AND l.identifier = x.contact_id
    WHERE x.kind = 'contact_id' GROUP BY l.component
) AS a ON a.component = g.component
"""
_GUESSED_PAIRS = """
SELECT DISTINCT p.component AS a, q.component AS b
FROM edges AS e JOIN labels AS p ON p.node = e.a JOIN labels AS q ON q.node = e.b
WHERE p.component <> q.component
"""
_JOINED = """
SELECT c.*, coalesce(j.r, c.component) AS grp FROM components AS c LEFT JOIN joined AS j ON j.v = c.component
"""
_GROUPS = """
SELECT grp, count(*) AS members, min(first_node) AS first_node, min(account_id) AS account_id,
    max(accounts) > 1 OR count(DISTINCT account_id) > 1 OR sum(numbers) > 1 AS conflict
FROM members GROUP BY grp
"""
_DECIDED = """
SELECT m.component, m.identifiers, m.contacts, m.accounts, m.numbers, m.first_node AS own_first,
    m.accounts > 1 OR m.numbers > 1 AS conflict, g.conflict AND g.members > 1 AS refused,
    CASE WHEN g.conflict THEN m.first_node ELSE g.first_node END AS first_node,
    CASE WHEN m.accounts > 1 OR m.numbers > 1 THEN NULL WHEN g.conflict THEN m.account_id ELSE g.account_id END
        AS account_id,
    CASE WHEN g.conflict THEN FALSE
         ELSE g.first_node <> m.first_node OR g.account_id IS DISTINCT FROM m.account_id END AS guessed
FROM members AS m JOIN groups AS g ON g.grp = m.grp
"""
_PEOPLE = """
SELECT l.kind AS identifier_kind, $identifier AS identifier,
    CASE WHEN NOT d.conflict THEN $person WHEN l.kind = 'contact_id' THEN $own_person END AS person_id,
    CASE WHEN NOT d.conflict THEN d.account_id ELSE o.account_id END AS account_id,
    CASE WHEN d.conflict THEN 'identity_conflict' END AS problem, d.guessed
FROM labels AS l JOIN decided AS d ON d.component = l.component JOIN nodes AS f ON f.node = d.first_node
LEFT JOIN (
    SELECT contact_id, CASE WHEN count(DISTINCT account_id) = 1 THEN min(account_id) END AS account_id
    FROM cells WHERE kind = 'contact_id' GROUP BY contact_id
) AS o ON l.kind = 'contact_id' AND o.contact_id = l.identifier
"""


@dataclass(frozen=True, slots=True)
class Identities:
    """Who is who.

    Attributes:
        people: identifier_kind, identifier, person_id, account_id, problem, guessed: a row for each usable identifier.
            ``account_id`` has the type of the contacts' own; ``problem`` is ``identity_conflict`` or null; ``guessed``
            says that person or account rest on a guess.
        conflicts: How many components are in conflict, why, and samples with hashed identifiers.
        intake: What was read and what was refused, by reason.
        key: The key of the keyed hash that stands for each identifier; empty where identifiers stand as they are.
    """

    people: Relation
    conflicts: IdentityConflicts
    intake: IdentityIntake
    key: str = ""


def resolve_identities(
    warehouse: Warehouse,
    contacts: Relation,
    identities: Relation | None = None,
    *,
    guesses: bool = False,
    least_score: float = 0.9,
    key: str = "",
    samples: int = 5,
) -> Identities:
    """Join identifiers to people and people to accounts, in the engine.

    Args:
        warehouse: The engine.
        contacts: Clean contacts: ``contact_id`` and, as far as there are, ``account_id``, ``email``, ``phone``,
            ``customer_number``, ``app_id``. A contact that stands on several rows is one contact.
        identities: Clean links: ``left_kind``, ``left_value``, ``right_kind``, ``right_value``, ``score``.
        guesses: Whether links of a score below 1 are used.
        least_score: The least score of a guess, from 0 to 1.
        key: With a key, identifiers are given as keyed hashes: SHA-256 of the key, a slash and the identifier.
        samples: How many conflicts are shown; their identifiers are always hashed.

    Raises:
        ColumnNotFound: A column that is needed is missing.
        InputError: The least score is not between 0 and 1.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     contacts = engine.materialise("contacts", parse(
        ...         "SELECT * FROM (VALUES ('c1', 'a1', 'ana@x.com'), ('c2', NULL, 'Ana@X.com'), ('c3', 'a2', NULL)) "
        ...         "AS c(contact_id, account_id, email)"))
        ...     found = resolve_identities(engine, contacts)
        ...     engine.query(parse("SELECT identifier, account_id FROM p ORDER BY 1", p=found.people.name))
        [('ana@x.com', 'a1'), ('c1', 'a1'), ('c2', 'a1'), ('c3', 'a2')]
    """
    _check(contacts, identities, least_score)
    rows = read_identity_rows(warehouse, contacts, identities, guesses=guesses, least_score=least_score)
    name = f"incrementality_people_{secrets.token_hex(4)}"
    labels = _labels(warehouse, rows, name)
    decided = _decided(warehouse, rows, labels, name, guesses=guesses)
    people = warehouse.materialise(name, _people(rows, labels, decided, warehouse.dialect, key))
    return Identities(
        people,
        conflicts_of(warehouse, labels, decided, samples=samples),
        intake_of(warehouse, contacts, rows),
        key,
    )


def _check(contacts: Relation, identities: Relation | None, least_score: float) -> None:
    needed: dict[str, tuple[Relation, tuple[str, ...]]] = {"contacts": (contacts, ("contact_id",))}
    if identities is not None:
        needed["identities"] = (identities, ("left_kind", "left_value", "right_kind", "right_value"))
    for name, (relation, columns) in needed.items():
        missing = [wanted for wanted in columns if wanted not in relation.columns]
        if missing:
            raise ColumnNotFound(
                f"the table {name} has no column {missing[0]!r}; it has: {', '.join(relation.columns)}",
                hint=f"map the column under sources.{name}.columns",
            )
    if not 0 < least_score <= 1:
        raise InputError(f"the least score {least_score} is not above 0 and at most 1", hint="write 0.9")


def _labels(warehouse: Warehouse, rows: IdentityRows, name: str) -> Relation:
    """Return each identifier with the component that is known for certain."""
    cells = parse(_CELL_EDGES, cells=rows.cells.name, nodes=rows.nodes.name)
    digest = hash_of(column("identifier", of="n"), warehouse.dialect)
    hashes = parse(_HASH_EDGES, nodes=rows.nodes.name, digest=digest)
    edges = all_of([cells, _link_edges(rows, guessed=False), hashes])
    components = connected_components(warehouse, edges, largest=_count(warehouse, rows.nodes))
    query = parse(_LABELS, nodes=rows.nodes.name, components=components.name)
    return warehouse.materialise(f"{name}_labels", query)


def _link_edges(rows: IdentityRows, *, guessed: bool) -> exp.Expression:
    return parse(_LINK_EDGES, links=rows.links.name, nodes=rows.nodes.name, guessed=literal(guessed))


def _count(warehouse: Warehouse, relation: Relation) -> int:
    return int(warehouse.row(parse("SELECT count(*) AS n FROM source", source=relation.name))[0])


def _decided(warehouse: Warehouse, rows: IdentityRows, labels: Relation, name: str, *, guesses: bool) -> Relation:
    """Return what is decided of each component: person, account, whether it is a conflict or rests on a guess."""
    found = parse(_COMPONENTS, cells=rows.cells.name, labels=labels.name)
    components = warehouse.materialise(f"{name}_components", found)
    query = parse("SELECT c.*, c.component AS grp FROM components AS c", components=components.name)
    if guesses:
        edges = exp.Subquery(this=_link_edges(rows, guessed=True))
        pairs = parse(_GUESSED_PAIRS, edges=edges, labels=labels.name)
        joined = connected_components(warehouse, pairs, largest=_count(warehouse, rows.nodes))
        query = parse(_JOINED, components=components.name, joined=joined.name)
    members = warehouse.materialise(f"{name}_members", query)
    groups = warehouse.materialise(f"{name}_groups", parse(_GROUPS, members=members.name))
    return warehouse.materialise(f"{name}_decided", parse(_DECIDED, members=members.name, groups=groups.name))


def _people(rows: IdentityRows, labels: Relation, decided: Relation, dialect: str, key: str) -> exp.Expression:
    return parse(
        _PEOPLE,
        labels=labels.name,
        decided=decided.name,
        nodes=rows.nodes.name,
        cells=rows.cells.name,
        identifier=sealed(column("identifier", of="l"), dialect, key=key),
        person=_person("f", dialect),
        own_person=_person("l", dialect),
    )


def _person(table: str, dialect: str) -> exp.Expression:
    """A person's id: from the hash of its first identifier, contacts before others."""
    text = parse("$kind || ':' || $x", kind=column("kind", of=table), x=column("identifier", of=table))
    return parse("'p_' || substr($digest, 1, 16)", digest=hash_of(text, dialect))
