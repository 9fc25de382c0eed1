"""The verbs of attribution: split a quarter's revenue, audit the records, show one deal."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from incrementality.attribution import write_ledger
from incrementality.attribution.analysis import AttributionResult, Quarter, assemble_attribution, attribute_company
from incrementality.capture import open_company
from incrementality.capture.audit import audit_company
from incrementality.errors import InputError, StaleReadout
from incrementality.files import exclusive, make_folder, sha256_of, write_files, write_once
from incrementality.report import render_attribution
from incrementality.workspace.attribution_settings import read_attribution_settings
from incrementality.workspace.audit_records import earlier_audits
from incrementality.workspace.definition_log import check_definitions, definition_log
from incrementality.workspace.influence_files import workspace_salt
from incrementality.workspace.measurement_spec import measurement_spec, stated_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from incrementality.attribution.analysis import CompanyAnalysis
    from incrementality.attribution.answers import DealTree
    from incrementality.capture import Company
    from incrementality.warehouse import Locator, Warehouse
    from incrementality.workspace.attribution_settings import AttributionSettings
    from incrementality.workspace.measurement_spec import MeasurementSpec
    from incrementality.workspace.project import Workspace

__all__ = [
    "AttributionFiles",
    "attribute",
    "attribution_engine",
    "attribution_files",
    "attribution_text",
    "check_attribution",
    "deal_tree",
    "open_workspace_company",
]

_IGNORED = "# generated, with customer rows: made again by `incrementality attribute`\n*\n"


@dataclass(frozen=True, slots=True)
class AttributionFiles:
    """Where a quarter's attribution lies: the numbers, the page, and the folder of the ledger."""

    result: Path
    page: Path
    ledger: Path


def attribution_files(workspace: Workspace, period: str) -> AttributionFiles:
    """Return where a quarter's attribution lies, or will lie.

    Raises:
        InputError: The period is no quarter.
    """
    folder = workspace.root / "reports" / Quarter.parse(period).name
    return AttributionFiles(folder / "attribution.json", folder / "attribution.html", folder / "ledger")


def attribute(
    workspace: Workspace,
    period: str | None = None,
    *,
    warehouse: Warehouse | None = None,
    hash_ids: bool = False,
    at: datetime | None = None,
) -> AttributionResult:
    """Attribute a quarter's revenue, and write the numbers, the page and the ledger below ``reports/``.

    Args:
        workspace: The workspace; its ``attribution.yaml`` says where the tables lie and how credit is split.
        period: The quarter, such as ``2026Q2``; default: the last one that is over.
        warehouse: An open engine; its ``statements`` will hold the SQL that ran.
        hash_ids: Whether ids of samples are hashed under the workspace's salt.
        at: Until when the records reach where the settings do not say (UTC); default: now.

    Raises:
        IncrementalityError: Anything that cannot be used, named, with the next step; nothing is written then.
    """
    with open_workspace_company(workspace, warehouse=warehouse, hash_ids=hash_ids, at=at) as (company, settings):
        quarter = Quarter.ended_by(company.as_of).name if period is None else Quarter.parse(period).name
        audit = audit_company(company, settings.targets, earlier_audits(workspace, quarter), quarter=quarter)
        analysis = attribute_company(company, settings.spec, quarter, incomplete=audit.insufficient)
        definitions = check_definitions(workspace, quarter)
        warnings = (*filter(None, [definitions.sentence]), *audit.alarms)
        manifest = _manifest(analysis, settings, hash_ids=hash_ids)
        bare = assemble_attribution(analysis, name=settings.name, warnings=warnings, manifest=manifest)
        result = stated_beside(bare, _measurement(workspace, settings))
        _write(workspace, analysis, result)
    return result


def _measurement(workspace: Workspace, settings: AttributionSettings) -> MeasurementSpec:
    from incrementality import __version__

    log = definition_log(workspace)
    change = log[-1] if log and check_definitions(workspace).recorded else None
    return measurement_spec(
        settings.spec,
        governance=settings.governance,
        targets=settings.targets,
        change=change,
        package=__version__,
    )


def deal_tree(
    workspace: Workspace, deal: str, *, warehouse: Warehouse | None = None, at: datetime | None = None
) -> DealTree:
    """Return one deal's credit as a tree: deal, function, touches.

    Args:
        workspace: The workspace.
        deal: The id of the revenue event, or of its opportunity.
        warehouse: An open engine.
        at: As in :func:`attribute`.

    Raises:
        InputError: There is no such deal.
    """
    with open_workspace_company(workspace, warehouse=warehouse, at=at) as (company, settings):
        return attribute_company(company, settings.spec).deal_tree(deal)


def check_attribution(workspace: Workspace, period: str) -> AttributionResult:
    """Check that a quarter's page is what its ``attribution.json`` renders to, byte for byte.

    Raises:
        StaleReadout: It is not, or there is none.
    """
    files = attribution_files(workspace, period)
    name = files.result.parent.name
    again = f"run: incrementality attribute {name}"
    if not files.result.is_file():
        raise StaleReadout(f"{name} has not been attributed", hint=again)
    with exclusive(files.result.parent):
        try:
            result = AttributionResult.from_dict(json.loads(files.result.read_text(encoding="utf-8")))
            rendered = render_attribution(result).encode()
        except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
            raise StaleReadout(f"reports/{name}/attribution.json was damaged or edited", hint=again) from error
        page = files.page.read_bytes() if files.page.is_file() else b""
    if page != rendered:
        raise StaleReadout(f"reports/{name}/attribution.html is not what its attribution.json renders to", hint=again)
    return result


def attribution_text(result: AttributionResult) -> str:
    """Return ``attribution.json``."""
    return json.dumps(result.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


@contextmanager
def open_workspace_company(
    workspace: Workspace, *, warehouse: Warehouse | None = None, hash_ids: bool = False, at: datetime | None = None
) -> Iterator[tuple[Company, AttributionSettings]]:
    """Yield the company's records, taken in, with the settings that say where they lie.

    Args:
        workspace: The workspace.
        warehouse: An open engine, which stays open; default: one of its own.
        hash_ids: Whether ids of samples are hashed.
        at: As in :func:`attribute`.
    """
    settings = read_attribution_settings(workspace)
    as_of = settings.as_of or at or datetime.now(UTC)
    key = workspace_salt(workspace).encode() if hash_ids else None
    if warehouse is not None:
        yield open_company(settings.sources, settings.taxonomy, warehouse, as_of=as_of, hash_key=key), settings
        return
    with attribution_engine(workspace) as engine:
        yield open_company(settings.sources, settings.taxonomy, engine, as_of=as_of, hash_key=key), settings


def attribution_engine(workspace: Workspace) -> Warehouse:
    """Return the engine that reads the company's tables: the warehouse that they lie in, else the embedded one."""
    return workspace.connect(_locator(read_attribution_settings(workspace)))


def _locator(settings: AttributionSettings) -> Locator:
    """Return the first source that lies in a warehouse of its own, else the first one."""
    every = [source.locator for sources in settings.sources.tables.values() for source in sources]
    return next((locator for locator in every if locator.url), every[0])


def _manifest(analysis: CompanyAnalysis, settings: AttributionSettings, *, hash_ids: bool) -> dict[str, Any]:
    from incrementality import __version__

    every = [source.locator for sources in settings.sources.tables.values() for source in sources]
    hashes = {locator.path.name: sha256_of(locator.path) for locator in every if locator.path is not None}
    counts = analysis.prepared.journeys.counts()
    return {
        "package": __version__,
        "attribution_file_sha256": settings.sha256,
        "taxonomy": settings.taxonomy.fingerprint,
        "sources_sha256": hashes,
        "events": counts.events,
        "touches": counts.touches,
        "pairs_of_event_and_touch": counts.rows,
        "events_without_a_touch": counts.untouched,
        "ids_hashed": hash_ids,
    }


def _write(workspace: Workspace, analysis: CompanyAnalysis, result: AttributionResult) -> None:
    files = attribution_files(workspace, result.period)
    make_folder(files.ledger)
    write_once(files.ledger / ".gitignore", _IGNORED)
    write_once(files.result.parent / ".gitignore", "# made again by `incrementality attribute`\nattribution.*\n")
    page = render_attribution(result)
    write_ledger(analysis.ledger, files.ledger)
    with exclusive(files.result.parent):
        write_files({files.result: attribution_text(result), files.page: page}, held=files.result.parent)
