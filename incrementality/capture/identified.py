"""Whose touches they are: what stands in a touch's ``contact_id`` led to a person and an account.

It is read as the contact's own id first; where no contact has that id, as an e-mail address, hash, customer number, app
id and phone number. Where two of these lead to different people, the touch is left unresolved (``identity_ambiguous``).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.capture.identifiers import normalised, sealed
from incrementality.capture.identity_rows import all_of
from incrementality.display import DisplayMixin
from incrementality.errors import ColumnNotFound
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from sqlglot import exp

    from incrementality.capture.identity import Identities
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["TouchIdentities", "identify_touches"]

_NAMED = "SELECT $contact AS contact_id, count(*) AS touches FROM touches WHERE NOT $contact IS NULL GROUP BY 1"
_READ = """
SELECT n.contact_id, p.person_id, p.account_id, p.problem, p.guessed, $first AS place
FROM named AS n JOIN people AS p ON p.identifier_kind = $kind AND p.identifier = $value
"""
_FIRST = """
SELECT contact_id, place, count(*) AS found, count(DISTINCT person_id) AS persons, min(person_id) AS person_id,
    min(account_id) AS account_id, min(problem) AS problem, max(CASE WHEN guessed THEN 1 ELSE 0 END) AS guessed,
    row_number() OVER (PARTITION BY contact_id ORDER BY place) AS k
FROM read_as AS r GROUP BY contact_id, place
"""
_RESOLVED = """
SELECT n.contact_id, n.touches,
    CASE WHEN f.persons > 1 THEN NULL ELSE f.person_id END AS person_id,
    CASE WHEN f.persons > 1 THEN NULL ELSE f.account_id END AS account_id,
    CASE WHEN f.contact_id IS NULL THEN 'identity_unknown' WHEN f.persons > 1 THEN 'identity_ambiguous'
         ELSE f.problem END AS problem,
    coalesce(f.guessed = 1 AND f.persons = 1, FALSE) AS guessed
FROM named AS n LEFT JOIN (SELECT * FROM firsts AS g WHERE k = 1) AS f ON f.contact_id = n.contact_id
"""
_COUNTS = """
SELECT problem, sum(touches) AS n, sum(CASE WHEN guessed THEN touches ELSE 0 END) AS guessed
FROM resolved GROUP BY problem ORDER BY problem
"""
_OTHERS = ("hash", "customer_number", "app_id", "phone")


@dataclass(frozen=True)
class TouchIdentities(DisplayMixin):
    """Whose touches they are.

    Attributes:
        relation: contact_id (as touches write it), touches, person_id, account_id, problem, guessed: one row for each
            different contact_id; touches are joined to it by that column.
        touches: How many touches name somebody.
        guessed: How many of them rest on a guess.
        problems: How many lead to nobody or are in conflict, by reason: ``identity_conflict``,
            ``identity_ambiguous``, ``identity_unknown``.
    """

    relation: Relation
    touches: int
    guessed: int
    problems: dict[str, int]

    @property
    def sentence(self) -> str:
        """The counts in a sentence."""
        unresolved = sum(self.problems.values())
        share = f"{self.guessed / self.touches:.1%}" if self.touches else "0.0%"
        return (
            f"Of {self.touches:,} touches that name somebody {unresolved:,} are unresolved or in conflict; "
            f"{self.guessed:,} ({share}) rest on a guess."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each reason."""
        counts = {"named": self.touches, "rest on a guess": self.guessed, **self.problems}
        return tuple({"touches": reason, "count": count} for reason, count in counts.items())


def identify_touches(warehouse: Warehouse, touches: Relation, identities: Identities) -> TouchIdentities:
    """Lead the people that touches name to persons and accounts.

    Args:
        warehouse: The engine.
        touches: Touchpoints, with the column ``contact_id``.
        identities: Who is who.

    Raises:
        ColumnNotFound: Touches name nobody.

    Examples:
        >>> from incrementality.capture import resolve_identities
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     contacts = engine.materialise("contacts", parse(
        ...         "SELECT 'c1' AS contact_id, 'a1' AS account_id, 'ana@x.com' AS email"))
        ...     touches = engine.materialise("touches", parse("SELECT unnest(['c1', 'Ana@X.com', 'c9']) AS contact_id"))
        ...     found = identify_touches(engine, touches, resolve_identities(engine, contacts))
        >>> found.sentence
        'Of 3 touches that name somebody 1 are unresolved or in conflict; 0 (0.0%) rest on a guess.'
    """
    if "contact_id" not in touches.columns:
        raise ColumnNotFound(
            f"the table touchpoints has no column 'contact_id'; it has: {', '.join(touches.columns)}",
            hint="map the column under sources.touchpoints.columns, or name the account",
        )
    name = f"incrementality_identified_{secrets.token_hex(4)}"
    counted = parse(_NAMED, touches=touches.name, contact=column("contact_id"))
    named = warehouse.materialise(f"{name}_named", counted)
    read = all_of([_read(named, identities, kind, warehouse.dialect) for kind in ("contact_id", "email", *_OTHERS)])
    read_as = warehouse.materialise(f"{name}_read", read)
    firsts = warehouse.materialise(f"{name}_firsts", parse(_FIRST, read_as=read_as.name))
    resolved = warehouse.materialise(name, parse(_RESOLVED, named=named.name, firsts=firsts.name))
    counts = warehouse.query(parse(_COUNTS, resolved=resolved.name))
    return TouchIdentities(
        resolved,
        sum(int(n) for _, n, _ in counts),
        sum(int(guessed) for _, _, guessed in counts),
        {str(problem): int(n) for problem, n, _ in counts if problem is not None},
    )


def _read(named: Relation, identities: Identities, kind: str, dialect: str) -> exp.Expression:
    """Return whom a touch names if its contact_id is read as one kind of identifier; ids come before the others."""
    value = normalised(kind, column("contact_id", of="n"))
    return parse(
        _READ,
        named=named.name,
        people=identities.people.name,
        kind=literal(kind),
        value=sealed(value, dialect, key=identities.key),
        first=literal(0 if kind == "contact_id" else 1),
    )
