"""The verb that takes all experiments on one metric together."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from incrementality.errors import InputError, StaleReadout, WorkspaceError
from incrementality.formatting import share
from incrementality.lift import pool_evidence
from incrementality.workspace.covariance import experiment_covariance
from incrementality.workspace.lifecycle import stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.lift import Evidence, PooledEvidence, Readout
    from incrementality.workspace.project import Workspace

__all__ = ["evidence_of"]

_CORRELATED = 0.05


def evidence_of(
    workspace: Workspace,
    metric: str | None = None,
    *,
    experiment_ids: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> PooledEvidence:
    """Return what all readouts of a workspace say of one metric.

    Null results and experiments that were stopped count like any other. Left out, and named, are readouts graded
    "do not use", stale ones, and experiments that ended or were stopped without one.

    Args:
        workspace: The workspace.
        metric: The metric; may be left out where all readouts keep the same one.
        experiment_ids: The experiments; default: all.
        alpha: Error rate of the intervals.

    Raises:
        InputError: No readout keeps the metric, it is left open which one is meant, or effects are not of one thing.
        ExperimentNotFound: There is no such experiment.
    """
    readouts, left_out = _readouts(workspace, workspace.experiment_ids() if experiment_ids is None else experiment_ids)
    wanted = _metric(readouts, metric)
    usable: dict[str, Evidence] = {}
    for one, readout in readouts.items():
        if readout.evidence is None:
            left_out.append((one, "read out by an earlier version: read it out again"))
        elif all(kept.metric != wanted for kept in readout.evidence.comparisons):
            continue
        elif readout.grade == "do not use":
            left_out.append((one, f'graded "do not use": {readout.grade_reason}'))
        else:
            usable[one] = readout.evidence
    return pool_evidence(
        usable, wanted, alpha=alpha, left_out=left_out, notes=_dependence_notes(workspace, list(usable), wanted)
    )


def _readouts(workspace: Workspace, experiment_ids: Sequence[str]) -> tuple[dict[str, Readout], list[tuple[str, str]]]:
    """The readouts on disk, and why others are not among them."""
    readouts: dict[str, Readout] = {}
    left_out: list[tuple[str, str]] = []
    for one in experiment_ids:
        if not workspace.files(one).result.is_file():
            early = stopped(workspace, one)
            why = "not read out" if early is None else f"stopped on {early.on} and never read out: {early.reason}"
            left_out.append((one, why))
            continue
        try:
            readouts[one] = workspace.stored_readout(one)
        except StaleReadout as error:
            left_out.append((one, error.message))
    return readouts, left_out


def _metric(readouts: dict[str, Readout], metric: str | None) -> str:
    kept = [one.metric for readout in readouts.values() if readout.evidence for one in readout.evidence.comparisons]
    known = list(dict.fromkeys(kept))
    if metric is None and len(known) == 1:
        return known[0]
    if metric is None or metric not in known:
        told = "no readout keeps an effect" if not known else f"readouts keep effects on: {', '.join(known)}"
        raise InputError(
            f"{told}; asked for: {metric or 'none by name'}",
            hint="name one: incrementality evidence --metric NAME"
            if known
            else "run `incrementality readout ID` first",
        )
    return metric


def _dependence_notes(workspace: Workspace, experiment_ids: Sequence[str], metric: str) -> list[str]:
    """Pairs of experiments whose errors go together: the pooled interval takes them as independent."""
    found = []
    for one, other in combinations(experiment_ids, 2):
        try:
            pair = experiment_covariance(workspace, [one, other], metric)
        except (InputError, WorkspaceError):
            continue
        ours = [effect for effect in pair.effects if effect[0] == one]
        theirs = [effect for effect in pair.effects if effect[0] == other]
        widest = max((pair.correlation(a, b) for a in ours for b in theirs), key=abs)
        if abs(widest) > _CORRELATED:
            found.append(f"{one} and {other} ({pair.dependence[one, other]}, correlation {share(widest)})")
    if not found:
        return []
    return [f"Errors go together in {'; '.join(found)}; the mean and its interval take experiments as independent."]
