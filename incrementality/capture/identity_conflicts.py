"""Components of identifiers that touch two accounts, or hold two customer numbers: counted and shown, never guessed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.display import DisplayMixin
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["ConflictSample", "IdentityConflicts", "conflicts_of"]

_COUNTS = """
SELECT sum(CASE WHEN conflict THEN 1 ELSE 0 END) AS components,
    sum(CASE WHEN conflict THEN identifiers ELSE 0 END) AS identifiers,
    sum(CASE WHEN accounts > 1 THEN 1 ELSE 0 END) AS two_accounts,
    sum(CASE WHEN numbers > 1 THEN 1 ELSE 0 END) AS two_customer_numbers,
    sum(CASE WHEN refused THEN 1 ELSE 0 END) AS refused
FROM decided
"""
_LARGEST = """
SELECT component, identifiers, contacts, accounts, numbers FROM decided WHERE conflict
ORDER BY identifiers DESC, own_first LIMIT 1
"""
_MEMBERS = """
SELECT component, kind, identifier FROM (
    SELECT l.component, l.kind, l.identifier, row_number() OVER (PARTITION BY l.component ORDER BY l.node) AS k
    FROM labels AS l WHERE $shown
) AS m WHERE k <= $most ORDER BY component, k
"""
_MOST = 6
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ConflictSample:
    """One component in conflict.

    Attributes:
        identifiers: How many identifiers it joins.
        contacts: How many contacts.
        accounts: How many accounts their rows state.
        customer_numbers: How many customer numbers it holds.
        hashed: Some of its identifiers: kind and the first digits of the SHA-256 of ``kind:identifier``.
    """

    identifiers: int
    contacts: int
    accounts: int
    customer_numbers: int
    hashed: tuple[str, ...]


@dataclass(frozen=True)
class IdentityConflicts(DisplayMixin):
    """All conflicts.

    Attributes:
        components: How many components are in conflict.
        identifiers: How many identifiers they join; they lead to nobody, but for contacts, which keep their account.
        two_accounts: How many touch two accounts or more.
        two_customer_numbers: How many hold two customer numbers or more.
        refused_by_guesses: How many components guesses would have joined into a conflict; none of those is taken.
        samples: The largest conflicts.
    """

    components: int
    identifiers: int
    two_accounts: int
    two_customer_numbers: int
    refused_by_guesses: int
    samples: tuple[ConflictSample, ...]

    @property
    def sentence(self) -> str:
        """The conflicts in a sentence."""
        if not self.components:
            return "No identifier leads to two accounts or two customer numbers."
        people = "person is" if self.components == 1 else "people are"
        return (
            f"{self.components:,} {people} in conflict ({self.two_accounts:,} with two accounts, "
            f"{self.two_customer_numbers:,} with two customer numbers): {self.identifiers:,} identifiers are left "
            "unresolved, but for contacts, which keep the account of their own row."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a sample."""
        return tuple(
            {
                "identifiers": sample.identifiers,
                "contacts": sample.contacts,
                "accounts": sample.accounts,
                "customer_numbers": sample.customer_numbers,
                "hashed": ", ".join(sample.hashed),
            }
            for sample in self.samples
        )


def conflicts_of(warehouse: Warehouse, labels: Relation, decided: Relation, *, samples: int) -> IdentityConflicts:
    """Count conflicts and show the largest; identifiers leave the engine for the samples alone.

    Args:
        warehouse: The engine.
        labels: node, kind, identifier, component.
        decided: component, identifiers, contacts, accounts, numbers, own_first, conflict, refused.
        samples: How many are shown.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     labels = engine.materialise("labels", parse(
        ...         "SELECT 1 AS node, 'email' AS kind, 'a@x.com' AS identifier, 1 AS component"))
        ...     decided = engine.materialise("decided", parse(
        ...         "SELECT 1 AS component, 1 AS identifiers, 2 AS contacts, 2 AS accounts, 0 AS numbers, "
        ...         "1 AS own_first, TRUE AS conflict, FALSE AS refused"))
        ...     conflicts_of(engine, labels, decided, samples=5).samples[0].hashed
        ('email 257e8685b7ae',)
    """
    counts = warehouse.row(parse(_COUNTS, decided=decided.name))
    largest = parse(_LARGEST, decided=decided.name)
    largest.set("limit", parse("SELECT 1 LIMIT $n", n=literal(samples)).args["limit"])
    rows = warehouse.query(largest)
    hashed = _hashed(warehouse, labels, [row[0] for row in rows])
    shown = tuple(
        ConflictSample(int(n), int(contacts), int(accounts), int(numbers), tuple(hashed[component]))
        for component, n, contacts, accounts, numbers in rows
    )
    components, identifiers, accounts, numbers, refused = (int(count or 0) for count in counts)
    return IdentityConflicts(components, identifiers, accounts, numbers, refused, shown)


def _hashed(warehouse: Warehouse, labels: Relation, components: list[int]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    if components:
        members = parse(_MEMBERS, labels=labels.name, shown=_listed(components), most=literal(_MOST))
        for component, kind, identifier in warehouse.query(members):
            digest = sha256(f"{kind}:{identifier}".encode()).hexdigest()
            found[component].append(f"{kind} {digest[:_DIGITS]}")
    return found


def _listed(components: list[int]) -> exp.Expression:
    return exp.In(this=column("component", of="l"), expressions=[literal(int(number)) for number in components])
