"""Audits on record: what each quarter's audit found, so that the next one can say what changed.

audits/<quarter>.json          what the audit found; no customer rows
audits/<quarter>-issues.yaml   what failed, with an owner and a status that people edit
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.capture.audit import PastAudit
from incrementality.errors import WorkspaceError
from incrementality.files import exclusive, make_folder, write_files
from incrementality.workspace.audit_issues import issues_text, read_issues

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.capture.audit import Audit
    from incrementality.workspace.audit_issues import AuditIssue
    from incrementality.workspace.project import Workspace

__all__ = ["AuditFiles", "audit_files", "audit_issues", "earlier_audits", "keep_audit"]


@dataclass(frozen=True, slots=True)
class AuditFiles:
    """Where a quarter's audit lies: what it found, and its log of issues."""

    record: Path
    issues: Path


def audit_files(workspace: Workspace, quarter: str) -> AuditFiles:
    """Return where a quarter's audit lies, or will lie."""
    folder = workspace.root / "audits"
    return AuditFiles(folder / f"{quarter}.json", folder / f"{quarter}-issues.yaml")


def earlier_audits(workspace: Workspace, quarter: str | None = None) -> tuple[PastAudit, ...]:
    """Return what audits found that are on record, oldest first.

    Args:
        workspace: The workspace.
        quarter: Only those of earlier quarters than this one; default: all.

    Raises:
        WorkspaceError: A record cannot be read.
    """
    paths = sorted((workspace.root / "audits").glob("[0-9][0-9][0-9][0-9]Q[1-4].json"))
    return tuple(_read(path) for path in paths if quarter is None or path.stem < quarter)


def _read(path: Path) -> PastAudit:
    try:
        return PastAudit.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WorkspaceError(f"audits/{path.name} cannot be read: {error}", hint="restore it from git") from error


def keep_audit(workspace: Workspace, audit: Audit) -> AuditFiles:
    """Put an audit on record, and open a row in the quarter's log of issues for each metric that fails.

    An audit of the same quarter is replaced. The log only grows: rows that are there stay byte for byte as people
    left them, also those of metrics that pass by now.

    Raises:
        InputError: The log of issues cannot be read; nothing is written then.
        WorkspaceError: The folder cannot be written; nothing has changed then.

    Examples:
        >>> import tempfile
        >>> from incrementality.capture.audit import Audit
        >>> from incrementality.workspace import Workspace
        >>> workspace = Workspace.create(tempfile.mkdtemp())
        >>> files = keep_audit(workspace, Audit("2026Q1", "2026-04-30", "EUR", (), {}, (), (), (), ""))
        >>> files.record.name, [one.quarter for one in earlier_audits(workspace)]
        ('2026Q1.json', ['2026Q1'])
    """
    files = audit_files(workspace, audit.quarter)
    make_folder(files.record.parent)
    with exclusive(files.record.parent):
        record = json.dumps(audit.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        texts = {files.record: record, files.issues: issues_text(files.issues, audit)}
        write_files(texts, held=files.record.parent)
    return files


def audit_issues(workspace: Workspace, quarter: str) -> tuple[AuditIssue, ...]:
    """Return a quarter's log of issues as people left it.

    Raises:
        InputError: It cannot be read.
    """
    return read_issues(audit_files(workspace, quarter).issues)
