"""A company's records, taken in: clean tables in the engine, and what became of every row that did not make it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from types import MappingProxyType
from typing import TYPE_CHECKING

from incrementality.capture.accounts import take_in_accounts, take_in_contacts, with_account
from incrementality.capture.billing import line_events
from incrementality.capture.clerk import Clerk
from incrementality.capture.currencies import company_currency, currencies_found
from incrementality.capture.deals import take_in_opportunities
from incrementality.capture.intake import Intake
from incrementality.capture.opening import OpenSource, id_family, open_source
from incrementality.capture.reading import Manner
from incrementality.capture.revenue import Revenue, take_in_revenue
from incrementality.capture.samples import Sampling
from incrementality.capture.touches import People, take_in_milestones, take_in_touches, touch_opportunities
from incrementality.tables import COMPANY_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from incrementality.capture.milestone_counts import Milestones
    from incrementality.capture.source import Sources
    from incrementality.taxonomy import Taxonomy
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Company", "open_company"]

_BEFORE = ("campaigns", "contact_roles", "identities")
_LINKS = ("touch_opportunities", "invoice_events")
_AFTER = ("stages", "costs", "usage", "signals")


@dataclass(frozen=True, slots=True)
class Company:
    """A company's records, clean.

    Attributes:
        tables: The clean tables in the engine by canonical name, each with every column of its contract, and
            ``touch_opportunities`` (touch_id, opportunity_id, basis) where there are opportunities, and
            ``invoice_events`` (line_id, event_id; empty for what billing alone knows) where there are invoices. Ids
            are text, or whole numbers where every source has whole numbers; times are UTC without a zone; money is in
            whole minor units of ``currency``; names of lists are canonical.
        intake: What became of every row.
        revenue: Where every minor unit of revenue went.
        currency: The currency in which everything is counted; "" where no table says one.
        missing: For each table that is not there, what its absence costs.
        as_of: Until when the records reach, UTC.
        people: Who is who, and whose the touches are.
        milestones: What raw usage became touches; ``None`` without telemetry.
        warehouse: The engine that holds the tables.
    """

    tables: Mapping[str, Relation]
    intake: Intake
    revenue: Revenue
    currency: str
    missing: Mapping[str, str]
    as_of: datetime
    people: People = field(repr=False)
    milestones: Milestones | None = field(repr=False)
    warehouse: Warehouse = field(repr=False)


def open_company(
    sources: Sources,
    taxonomy: Taxonomy,
    warehouse: Warehouse,
    *,
    as_of: datetime,
    samples: int = 3,
    hash_key: bytes | None = None,
    guesses: bool = False,
) -> Company:
    """Take in a company's tables: read, clean and match them, and set aside what breaks a rule, counted by reason.

    Args:
        sources: Where the tables lie.
        taxonomy: The company's words.
        warehouse: The engine that reads them.
        as_of: Until when the records reach; without a time zone it is UTC. What happened later is refused.
        samples: How many ids are shown for each reason.
        hash_key: A secret under which these ids are hashed; ``None`` shows them as they are.
        guesses: Whether links between identifiers that are not certain are used.

    Raises:
        ColumnNotFound: A column that is needed is not there.
        InvalidUnitId: A column of ids holds decimals.
        MixedCurrencies: Amounts are in several currencies, and a rate is missing.
        UnmappedNames: Over 5 % of a table's rows name functions that no mapping knows.
        SourceNotFound: A file or table is not there.
        SourceUnreadable: A file is damaged.

    Examples:
        >>> from datetime import datetime
        >>> import numpy as np
        >>> from incrementality.capture import parse_sources
        >>> from incrementality.taxonomy import default_taxonomy
        >>> from incrementality.warehouse import connect
        >>> touches = {"account_id": np.array(["a", "a"]), "occurred_at": np.array(["2026-02-01", "2027-01-01"])}
        >>> deals = {"account_id": np.array(["a"]), "occurred_at": np.array(["2026-03-01"]), "amount": np.array([99.5])}
        >>> sources = parse_sources(
        ...     {
        ...         "touchpoints": {"from": touches, "constants": {"function": "SDR"}},
        ...         "revenue_events": {"from": deals, "constants": {"kind": "new"}},
        ...     }
        ... )
        >>> with connect() as engine:
        ...     company = open_company(sources, default_taxonomy(), engine, as_of=datetime(2026, 6, 30))
        >>> company.revenue.kept, company.intake["touchpoints"].refused[0].name
        (9950, 'future')
    """
    opened = {name: tuple(open_source(warehouse, one) for one in many) for name, many in sources.tables.items()}
    every = [one for many in opened.values() for one in many]
    found = currencies_found(warehouse, every)
    currency = company_currency(sources, found)
    manner = Manner(taxonomy, currency, _whole_families(every), foreign=bool(set(found) - {currency.code}))
    end = as_of.astimezone(UTC) if as_of.tzinfo else as_of.replace(tzinfo=UTC)
    prefix = f"company_{len(warehouse.statements)}"
    sampling = Sampling(samples, hash_key)
    clerk = Clerk(warehouse, opened, manner, as_of=end, sampling=sampling, prefix=prefix)
    people, reached, revenue = _take_in(clerk, guesses=guesses)
    tables = {name: clerk.clean[name] for name in (*COMPANY_TABLES, *_LINKS) if name in clerk.clean}
    return Company(
        MappingProxyType(tables),
        Intake(tuple(clerk.intakes[name] for name in COMPANY_TABLES if name in clerk.intakes)),
        revenue,
        currency.code,
        MappingProxyType({one.name: one.without for one in COMPANY_TABLES.values() if one.name not in opened}),
        end,
        people,
        reached,
        warehouse,
    )


def _take_in(clerk: Clerk, *, guesses: bool) -> tuple[People, Milestones | None, Revenue]:
    """Take every table in, each after those that it refers to."""
    take_in_accounts(clerk)
    take_in_contacts(clerk)
    for table in _BEFORE:
        clerk.take_in(clerk.drafted(table))
    take_in_opportunities(clerk)
    reached = take_in_milestones(clerk)
    people = take_in_touches(clerk, reached, guesses=guesses)
    revenue = take_in_revenue(clerk)
    for table in _AFTER:
        draft = clerk.drafted(table)
        clerk.take_in(None if draft is None else with_account(clerk, draft))
    if "opportunities" in clerk.clean:
        name = f"{clerk.prefix}_touch_opportunities"
        clerk.clean["touch_opportunities"] = clerk.warehouse.view(name, touch_opportunities(clerk))
    if "invoices" in clerk.clean:
        clerk.clean["invoice_events"] = clerk.warehouse.view(f"{clerk.prefix}_invoice_events", line_events(clerk))
    return people, reached, revenue


def _whole_families(opened: Iterable[OpenSource]) -> frozenset[str]:
    """The families of ids that are whole numbers wherever they stand, but for those that we make ourselves."""
    opened = tuple(opened)
    tables = {one.source.table.name for one in opened}
    kinds: dict[str, set[str]] = {}
    for one in opened:
        for name in one.columns:
            if one.source.table.column(name).kind == "id":
                prefixed = one.source.key_prefix and name == one.source.table.key
                kinds.setdefault(id_family(name), set()).add("text" if prefixed else one.kind(name))
    if "event_id" not in kinds and "opportunity_id" in kinds:
        kinds["event_id"] = kinds["opportunity_id"]
    named_by_text = {"touch_id"} if "telemetry" in tables else set()
    named_by_text |= {"contact_id"} if tables & {"contacts", "identities"} else set()
    return frozenset(family for family, found in kinds.items() if found == {"integer"}) - named_by_text
