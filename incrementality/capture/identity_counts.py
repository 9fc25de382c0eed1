"""What identity resolution read and what it refused, by reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from incrementality.capture.identity_rows import IdentityRows
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["IdentityIntake", "intake_of"]

_CONTACTS = "SELECT count(*) AS n, count(contact_id) AS named FROM contacts"
_MALFORMED = """
SELECT kind, count(*) AS n FROM cells WHERE NOT usable GROUP BY kind ORDER BY kind
"""
_LINKS = "SELECT reason, count(*) AS n FROM links GROUP BY reason ORDER BY reason"


@dataclass(frozen=True)
class IdentityIntake(DisplayMixin):
    """What was read and what was refused.

    Attributes:
        contacts: Rows of contacts.
        links: Rows of links.
        identifiers: Different usable identifiers.
        refused_contacts: Contacts by reason: ``without_id`` (the row is left out), ``malformed_email``,
            ``malformed_phone`` (the cell is left out: a placeholder or a typing error).
        refused_links: Links by reason: ``unknown_kind``, ``missing_value``, ``malformed``, ``bad_score`` (not above 0
            and at most 1), ``guess_off``, ``low_score``.
    """

    contacts: int
    links: int
    identifiers: int
    refused_contacts: dict[str, int]
    refused_links: dict[str, int]

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each table and reason; the reason of what was read is empty."""
        tables = (("contacts", self.contacts, self.refused_contacts), ("identities", self.links, self.refused_links))
        return tuple(
            {"table": name, "reason": reason, "rows": count}
            for name, rows, refused in tables
            for reason, count in ((None, rows), *refused.items())
        )


def intake_of(warehouse: Warehouse, contacts: Relation, rows: IdentityRows) -> IdentityIntake:
    """Count what was read and refused.

    Examples:
        >>> from incrementality.capture.identity_rows import read_identity_rows
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     people = engine.materialise("people", parse("SELECT 'c1' AS contact_id, 'n/a' AS email"))
        ...     rows = read_identity_rows(engine, people, None, guesses=False, least_score=0.9)
        ...     print(intake_of(engine, people, rows))
             table           reason  rows
          contacts                -     1
          contacts  malformed_email     1
        identities                -     0
    """
    total, named = warehouse.row(parse(_CONTACTS, contacts=contacts.name))
    cells = warehouse.query(parse(_MALFORMED, cells=rows.cells.name))
    judged = dict(warehouse.query(parse(_LINKS, links=rows.links.name)))
    identifiers = warehouse.row(parse("SELECT count(*) AS n FROM nodes", nodes=rows.nodes.name))[0]
    refused = {"without_id": int(total) - int(named), **{f"malformed_{kind}": int(count) for kind, count in cells}}
    return IdentityIntake(
        int(total),
        sum(map(int, judged.values())),
        int(identifiers),
        {reason: count for reason, count in refused.items() if count},
        {reason: int(count) for reason, count in judged.items() if reason is not None},
    )
