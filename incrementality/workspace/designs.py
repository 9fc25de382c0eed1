"""Verbs of a design on disk: from the request in the experiment file to an answer that can be signed.

experiments/<id>/design.json   the answer: every number, who signed, its registration hash
experiments/<id>/design.html   the same as a page to forward; design.md as text
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from incrementality.assignment import AssignmentPlan
from incrementality.design import arms_drawn, design, revise
from incrementality.errors import WorkspaceError
from incrementality.files import write_files
from incrementality.report import render_design
from incrementality.workspace.registered import read_design
from incrementality.workspace.requested import requested, requested_again

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.design import DesignAnswer
    from incrementality.estimates import CheckResult
    from incrementality.workspace.project import Workspace

__all__ = ["design_experiment", "design_page", "drawn_so_far", "sign_design", "stored_design"]


def design_page(workspace: Workspace, experiment_id: str) -> Path:
    """Return where an experiment's design page lies, or will lie."""
    return workspace.folder(experiment_id) / "design.html"


def stored_design(workspace: Workspace, experiment_id: str) -> DesignAnswer | None:
    """Return the design on disk, or ``None``.

    Raises:
        WorkspaceError: It cannot be read.
    """
    path = workspace.folder(experiment_id) / "design.json"
    if not path.is_file():
        return None
    return read_design(path)


def design_experiment(workspace: Workspace, experiment_id: str, *, seed: int = 0) -> DesignAnswer:
    """Answer the request of an experiment file and write design.json, design.html and design.md.

    A design that somebody has signed stays on record: a request that changed since makes a new version.

    Raises:
        InputError: The file asks for no holdout, or leaves out what a design cannot do without.
    """
    experiment = workspace.experiment(experiment_id)
    request, history = requested(workspace, experiment)
    before = stored_design(workspace, experiment_id)
    answer = design(request, history, seed=seed) if before is None else revise(before, request, history, seed=seed)
    _store(workspace, answer, before)
    return answer


def sign_design(
    workspace: Workspace, experiment_id: str, *, role: str, name: str, on: date | None = None
) -> DesignAnswer:
    """Sign the design on disk: the request is frozen by the design's hash.

    Raises:
        WorkspaceError: There is no design, or the request has changed since it was made.
        InputError: The role is none of those that have to sign.
    """
    answer = stored_design(workspace, experiment_id)
    if answer is None:
        raise WorkspaceError(
            f"{experiment_id!r} has no design yet", hint=f"run: incrementality holdout design {experiment_id}"
        )
    experiment = workspace.experiment(experiment_id)
    if requested_again(workspace, experiment, answer) != answer.request:
        raise WorkspaceError(
            f"the request of {experiment_id!r} has changed since it was designed",
            hint=f"run: incrementality holdout design {experiment_id}, and read it again before signing",
        )
    signed = answer.sign(role=role, name=name, on=on or datetime.now(UTC).date())
    _store(workspace, signed, answer)
    return signed


def drawn_so_far(workspace: Workspace, experiment_id: str) -> CheckResult | None:
    """Return the arms on record against the plan that they were drawn by; ``None`` before the first draw.

    Where shares changed from phase to phase the whole record fits no single plan, and the check only informs.

    Raises:
        WorkspaceError: assignment.json cannot be read.
    """
    path = workspace.folder(experiment_id) / "assignment.json"
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        plan, counts = AssignmentPlan.from_dict(content["plan"]), dict(content["counts"])
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"experiments/{experiment_id}/assignment.json cannot be read: {error}", hint="restore it from git"
        ) from error
    shares = dict(zip(plan.arm_names, (float(arm.share) for arm in plan.phases[-1].ranges), strict=True))
    found = arms_drawn(counts, shares, unit=plan.unit_type.name)
    if len(plan.phases) == 1:
        return found
    said = f"{sum(counts.values()):,} {plan.unit_type.name}s were drawn in {len(plan.phases)} phases."
    return replace(found, passed=None, sentence=said)


def _store(workspace: Workspace, answer: DesignAnswer, before: DesignAnswer | None) -> None:
    folder = workspace.folder(answer.request.id)
    texts = {
        folder / "design.json": _json_of(answer),
        folder / "design.html": render_design(answer, drawn=drawn_so_far(workspace, answer.request.id)),
        folder / "design.md": answer.to_markdown(),
    }
    if before is not None and before.sign_offs and before.version != answer.version:
        texts[folder / f"design-v{before.version}.json"] = _json_of(before)
    write_files(texts)


def _json_of(answer: DesignAnswer) -> str:
    return json.dumps(answer.to_dict(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
