"""The quarter's log of issues: one row for each metric that failed, edited by people and never rewritten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incrementality.errors import InputError
from incrementality.experiment.tree import read_tree
from incrementality.workspace.settings import holds_nothing, settings_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from incrementality.capture.audit import Audit

__all__ = ["AuditIssue", "issues_text", "read_issues"]

_HEAD = """\
# What the audit of {quarter} found. Edit owner, status and note as you like: rows that are here are never rewritten.
# A row that is deleted while its metric still fails is opened again; write status: accepted instead.
"""


@dataclass(frozen=True, slots=True)
class AuditIssue:
    """One row of the log.

    Attributes:
        metric: What failed: a metric by name, ``missing: <series> <month>`` or ``drift: <kind> <series>``.
        owner: Who looks after it.
        status: ``open`` until people write another word.
        found: What was found when the row was opened.
        next_step: What to do.
        note: What people wrote.
    """

    metric: str
    owner: str
    status: str
    found: str
    next_step: str
    note: str


def read_issues(path: Path) -> tuple[AuditIssue, ...]:
    """Return the rows of a log; none where there is no file.

    Raises:
        InputError: It is no list of rows that each name their metric.
    """
    return _parsed(path, settings_text(path)) if path.is_file() else ()


def issues_text(path: Path, audit: Audit) -> str:
    """Return the log with a row for everything that fails and has none; what stands there stays as it is.

    Raises:
        InputError: The log cannot be read, or rows cannot be added to it.
    """
    before = settings_text(path) if path.is_file() else _HEAD.format(quarter=audit.quarter)
    known = {one.metric for one in _parsed(path, before)}
    rows = "".join(_row(one) for one in _failing(audit) if one["metric"] not in known)
    if not rows:
        return before
    after = before if before.endswith("\n") else before + "\n"
    if len(_parsed(path, after + rows)) <= len(known):
        raise _unreadable(path, "rows cannot be added to it")
    return after + rows


def _failing(audit: Audit) -> Iterator[dict[str, str]]:
    for metric in audit.failed:
        yield _issue(metric.rule.name, metric.rule.owner, metric.sentence, metric.rule.recovery)
    for gap in audit.open_gaps:
        yield _issue(f"missing: {gap.label} {gap.month}", "", gap.sentence, "load the month again, or say why not")
    for alarm in audit.drift:
        name = f"drift: {alarm.kind} {alarm.dimension} {alarm.label}".strip()
        yield _issue(name, "", alarm.sentence, "find out whether the world changed or the capture")


def _issue(metric: str, owner: str, found: str, next_step: str) -> dict[str, str]:
    return {"metric": metric, "owner": owner, "status": "open", "found": found, "next_step": next_step, "note": ""}


def _row(issue: Mapping[str, str]) -> str:
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in issue.items()]
    return "- " + "\n  ".join(lines) + "\n"


def _parsed(path: Path, text: str) -> tuple[AuditIssue, ...]:
    if holds_nothing(text):
        return ()
    tree = read_tree(text)
    if tree.problems:
        problem = tree.problems[0]
        raise _unreadable(path, f"line {problem.line}: {problem.text}")
    rows: Any = tree.value
    if not isinstance(rows, tuple | list) or not all(isinstance(row, dict) and row.get("metric") for row in rows):
        raise _unreadable(path, "expected a list of rows that each begin with '- metric:'")
    names = AuditIssue.__slots__
    return tuple(AuditIssue(**{name: str(row.get(name) or "") for name in names}) for row in rows)


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"audits/{path.name} cannot be used as a log of issues: {why}",
        hint="keep each row as it was written: '- metric: ...' at the start of a line; then run it again",
    )
