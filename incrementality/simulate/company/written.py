"""The company on disk: tables, entries, assignments, a data card, and a manifest that makes all of it again."""

from __future__ import annotations

import csv
import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from incrementality.errors import InputError
from incrementality.files import sha256_of, staged, write_files
from incrementality.simulate.company.capture_faults import CaptureFaults
from incrementality.simulate.company.data_card import data_card
from incrementality.simulate.company.holdouts import CompanyHoldout
from incrementality.simulate.company.rows import joined
from incrementality.simulate.csv_file import rows_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from incrementality.simulate.company.export import Export
    from incrementality.simulate.company.rows import Columns
    from incrementality.simulate.company.simulated import SimulatedCompany

__all__ = ["MANIFEST", "WriteParquet", "arguments_of", "company_arguments", "write_company"]

WriteParquet: TypeAlias = "Callable[[Path, Columns], object]"

MANIFEST = "manifest.json"


def write_company(
    company: SimulatedCompany, folder: str | os.PathLike[str], *, parquet: WriteParquet | None = None
) -> dict[str, Any]:
    """Write a company into a folder and return the manifest.

    Every table is a file of its own; all rows are written before the first file takes its name, and the manifest comes
    last: a folder with a manifest is whole. CSV is written block by block; Parquet needs all tables in memory.

    Args:
        company: The company.
        folder: The folder; it exists.
        parquet: Writes columns to a Parquet file, as ``ParquetEngine().write_columns`` does; default: CSV.

    Raises:
        InputError: The folder does not exist.
        WorkspaceError: The folder cannot be written.

    Examples:
        >>> import tempfile
        >>> from incrementality.simulate import simulate_company
        >>> folder = Path(tempfile.mkdtemp())
        >>> manifest = simulate_company(50, quarters=2).write(folder)
        >>> manifest["files"]["accounts.csv"]["rows"], (folder / "README.md").is_file()
        (50, True)
    """
    target = Path(folder)
    if not target.is_dir():
        raise InputError(f"{str(target)!r} is not a folder", hint="create the folder first")
    export = company.export()
    with ExitStack() as stack:
        counted = (
            _write_csv(company, export, target, stack)
            if parquet is None
            else _write_parquet(company, export, target, stack, parquet)
        )
        (target / MANIFEST).unlink(missing_ok=True)  # an earlier one would not tell of the files that follow
    files = {name: {"rows": rows, "sha256": sha256_of(target / name)} for name, rows in counted.items()}
    manifest = {
        "function": "simulate_company",
        "arguments": company_arguments(company),
        "as_of": company.as_of.isoformat(),
        "planted": dict(export.planted),
        "files": files,
    }
    card = data_card({Path(name).stem: rows for name, rows in counted.items()}, manifest)
    write_files({target / "README.md": card, target / MANIFEST: json.dumps(manifest, indent=1) + "\n"})
    return manifest


def company_arguments(company: SimulatedCompany) -> dict[str, Any]:
    """Return the arguments that make a company again, as JSON can hold them."""
    return {
        "accounts": company.accounts,
        "quarters": company.quarters,
        "seed": company.seed,
        "dirty": False if company.faults is None else asdict(company.faults),
        "holdouts": [asdict(holdout) for holdout in company.holdouts],
    }


def arguments_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what :func:`simulate_company` takes to make a written company again.

    Examples:
        >>> from incrementality.simulate import simulate_company
        >>> company = simulate_company(60, seed=5)
        >>> again = simulate_company(**arguments_of({"arguments": company_arguments(company)}))
        >>> again.counterfactual().revenue == company.counterfactual().revenue
        True
    """
    told: dict[str, Any] = manifest["arguments"]
    return told | {
        "dirty": CaptureFaults(**told["dirty"]) if told["dirty"] else False,
        "holdouts": [CompanyHoldout(**holdout) for holdout in told["holdouts"]],
    }


def _write_csv(company: SimulatedCompany, export: Export, folder: Path, stack: ExitStack) -> dict[str, int]:
    files: dict[str, TextIO] = {}
    counted: dict[str, int] = {}
    with ExitStack() as opened:
        for tables in export.tables(company.blocks):
            for table, columns in tables.items():
                name = f"{table}.csv"
                if name not in files:
                    temporary = stack.enter_context(staged(folder / name))
                    files[name] = opened.enter_context(temporary.open("x", encoding="utf-8", newline=""))
                    csv.writer(files[name], lineterminator="\n").writerow(columns)
                for rows in rows_of(columns):
                    csv.writer(files[name], lineterminator="\n").writerows(rows)
                counted[name] = counted.get(name, 0) + _rows(columns)
    return counted


def _write_parquet(
    company: SimulatedCompany, export: Export, folder: Path, stack: ExitStack, parquet: WriteParquet
) -> dict[str, int]:
    counted = {}
    for table, columns in joined(export.tables(company.blocks)).items():
        name = f"{table}.parquet"
        parquet(stack.enter_context(staged(folder / name)), columns)
        counted[name] = _rows(columns)
    return counted


def _rows(columns: Columns) -> int:
    return int(next(iter(columns.values())).size)
