"""Restated figures: the same events credited under the old definitions and the new."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.attribution import LEADING, make_ledger
from incrementality.attribution.analysis.prepared import prepare
from incrementality.capture import open_company
from incrementality.workspace.attributing import attribution_engine
from incrementality.workspace.attribution_settings import parse_attribution_settings, read_attribution_settings
from incrementality.workspace.definitions import RestatedCredit

if TYPE_CHECKING:
    from datetime import datetime

    from incrementality.attribution import AttributionSpec
    from incrementality.capture import Company
    from incrementality.warehouse import Warehouse
    from incrementality.workspace.attribution_settings import AttributionSettings
    from incrementality.workspace.project import Workspace

__all__ = ["Restatement", "credited", "restate"]


@dataclass(frozen=True, slots=True)
class Restatement:
    """Credit by kind of event and function, before and after; ``currency`` is ``deals`` where deals are counted."""

    currency: str
    rows: tuple[RestatedCredit, ...]


def restate(workspace: Workspace, old_text: str, *, at: datetime, warehouse: Warehouse | None = None) -> Restatement:
    """Credit the company's events under an earlier ``attribution.yaml`` and under today's.

    Both read the records up to the same moment: the one that today's settings say, else ``at``.

    Args:
        workspace: The workspace.
        old_text: The earlier ``attribution.yaml``.
        at: Until when records reach where the settings do not say.
        warehouse: An open engine, which stays open; default: one of its own.

    Raises:
        IncrementalityError: A table of either cannot be read, named, with the next step.
    """
    old, new = parse_attribution_settings(workspace, old_text), read_attribution_settings(workspace)
    until = new.as_of or at
    with attribution_engine(workspace) if warehouse is None else nullcontext(warehouse) as engine:
        before, _ = _credited(engine, old, until)
        after, currency = _credited(engine, new, until)
    keys = sorted({*before, *after})
    rows = tuple(RestatedCredit(*key, before.get(key, 0), after.get(key, 0)) for key in keys)
    return Restatement(currency if new.spec.unit == "money" else "deals", rows)


def _credited(
    engine: Warehouse, settings: AttributionSettings, until: datetime
) -> tuple[dict[tuple[str, str], int], str]:
    company = open_company(settings.sources, settings.taxonomy, engine, as_of=until)
    return credited(company, settings.spec), company.currency


def credited(company: Company, spec: AttributionSpec) -> dict[tuple[str, str], int]:
    """Return what the leading model credits, by kind of event and function, in whole units of the ledger."""
    prepared = prepare(company, spec)
    leading = [one for one in spec.credit_models(prepared.kinds, prepared.opportunities) if one.name == LEADING]
    totals = make_ledger(prepared.journeys, leading).totals(("kind", "function"))
    return {(kind, function): int(amount) for (kind, function), amount in totals.of(LEADING).items()}
