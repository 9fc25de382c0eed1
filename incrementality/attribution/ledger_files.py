"""The ledger on disk: rows as Parquet under a name that says what they hold, and one manifest that points at them.

The rows are durable before the manifest names them, and the manifest changes in one step: a reader finds the old
ledger or the new one, never a part.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from incrementality.attribution.ledger import CreditLedger
from incrementality.errors import LedgerDamaged, SourceNotFound
from incrementality.files import exclusive, make_folder, sha256_of, staged, sync_folder, write_whole
from incrementality.warehouse import Locator
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from pathlib import Path

    from sqlglot import exp

    from incrementality.warehouse import Warehouse

__all__ = ["LEDGER_MANIFEST", "read_ledger", "write_ledger"]

LEDGER_MANIFEST = "credit.json"
_UNNAMED = "credit-new.parquet"
_KINDS = {"integer": "BIGINT", "float": "DOUBLE", "temporal": "TIMESTAMP"}
_KEYS = ("file", "sha256", "rows", "unit", "models", "revenue", "beside", "fingerprint", "version")


def write_ledger(ledger: CreditLedger, folder: Path) -> Path:
    """Write a ledger into a folder, in the place of one that is there, and return the path of its manifest.

    Args:
        ledger: The ledger.
        folder: The folder; it is made unless it is there. It holds ids of accounts: keep it out of git.

    Raises:
        WorkspaceError: The folder cannot be written; the old ledger, if any, is still there.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from incrementality.warehouse import connect
        >>> query = parse("SELECT 'new' AS kind, 'linear' AS model, 'ae' AS function, 5 AS credit")
        >>> with connect() as engine:
        ...     ledger = CreditLedger(engine, engine.materialise("rows", query), ("linear",), "money", {"linear": 5})
        ...     path = write_ledger(ledger, Path(tempfile.mkdtemp()))
        ...     read_ledger(path.parent, engine).totals().of("linear")
        {('ae',): 5}
    """
    make_folder(folder)
    with exclusive(folder):
        rows, digest = _write_rows(ledger, folder)
    write_whole(folder / LEDGER_MANIFEST, _manifest(ledger, rows, digest))
    with exclusive(folder):
        _sweep(folder)
    return folder / LEDGER_MANIFEST


def read_ledger(folder: Path, warehouse: Warehouse) -> CreditLedger:
    """Read a ledger that was written into a folder.

    Args:
        folder: The folder.
        warehouse: The engine that reads the rows; it must read files.

    Raises:
        SourceNotFound: The folder holds no ledger.
        LedgerDamaged: The manifest or the rows are not what was written.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     read_ledger(Path(tempfile.mkdtemp()), engine)
        Traceback (most recent call last):
        incrementality.errors.SourceNotFound: there is no credit.json in ...
    """
    path = folder / LEDGER_MANIFEST
    if not path.is_file():
        raise SourceNotFound(f"there is no {LEDGER_MANIFEST} in {folder.name!r}", hint="write a ledger first")
    manifest = _read_manifest(path)
    rows = folder / manifest["file"]
    if not rows.is_file() or sha256_of(rows) != manifest["sha256"]:
        raise LedgerDamaged(
            f"the credit ledger is damaged: {rows.name} is missing or not what {LEDGER_MANIFEST} says",
            damages=[(rows.name, "missing or changed")],
            hint="make the ledger again from its sources",
        )
    relation = warehouse.open(Locator("parquet", path=rows, written=rows.name))
    revenue, beside = (dict(manifest[name]) for name in ("revenue", "beside"))
    return CreditLedger(
        warehouse, relation, tuple(manifest["models"]), manifest["unit"], revenue, manifest["fingerprint"], beside
    )


def _write_rows(ledger: CreditLedger, folder: Path) -> tuple[Path, str]:
    temporary = folder / _UNNAMED
    with staged(temporary) as path:
        ledger.warehouse.write_parquet(path, _ordered(ledger), _kinds(ledger))
    digest = sha256_of(temporary)
    rows = folder / f"credit-{digest}.parquet"
    temporary.replace(rows)
    sync_folder(folder)
    return rows, digest


def _ordered(ledger: CreditLedger) -> exp.Expression:
    order = ", ".join(f"{name} ASC NULLS FIRST" for name in ledger.columns)
    return parse(f"SELECT * FROM source ORDER BY {order}", source=ledger.rows.name)  # noqa: S608 - own columns


def _kinds(ledger: CreditLedger) -> dict[str, str]:
    return {name: _KINDS.get(kind, "TEXT") for name, kind in ledger.rows.columns.items()}


def _manifest(ledger: CreditLedger, rows: Path, digest: str) -> str:
    from incrementality import __version__

    (n,) = ledger.warehouse.row(parse("SELECT count(*) FROM source", source=ledger.rows.name))
    manifest = {
        "file": rows.name,
        "sha256": digest,
        "rows": n,
        "unit": ledger.unit,
        "models": list(ledger.models),
        "revenue": ledger.revenue,
        "beside": ledger.beside,
        "fingerprint": ledger.fingerprint,
        "version": __version__,
        "reconciliation": list(ledger.reconcile().to_dicts()),
    }
    return json.dumps(manifest, indent=1) + "\n"


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in _KEYS if key not in manifest]
    except (ValueError, TypeError):
        missing = list(_KEYS)
    if missing or "/" in str(manifest["file"]):
        raise LedgerDamaged(
            f"the credit ledger is damaged: {path.name} is no manifest of a ledger",
            damages=[(path.name, "no manifest")],
            hint="make the ledger again from its sources",
        )
    return dict(manifest)


def _sweep(folder: Path) -> None:
    """Remove rows that the manifest does not name."""
    named = _read_manifest(folder / LEDGER_MANIFEST)["file"]
    for path in folder.glob("credit-*.parquet"):
        if path.name != named:
            path.unlink(missing_ok=True)
