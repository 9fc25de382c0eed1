"""What people concluded from a readout, with its grade, its hash and its headline numbers beside the words.

experiments/<id>/decision.json      the decision that counts
experiments/<id>/decision-v1.json   those that it replaced
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from incrementality.display import DisplayMixin
from incrementality.errors import InputError, StaleReadout, WorkspaceError, did_you_mean
from incrementality.files import write_files
from incrementality.workspace.lifecycle import record_of
from incrementality.workspace.requested import release_of

if TYPE_CHECKING:
    from incrementality.estimates import LiftEstimate
    from incrementality.lift import Readout
    from incrementality.workspace.project import Workspace

__all__ = ["DECISIONS", "Conclusion", "Decision", "conclude", "conclusion_of"]

Decision = Literal["scale", "keep", "limit to segment", "pause", "retest"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)

_HEADLINE = (
    "metric", "arm", "n_control", "n_treatment", "control_mean", "treatment_mean", "effect", "effect_ci_lower",
    "effect_ci_upper", "rel_effect", "rel_effect_ci_lower", "rel_effect_ci_upper", "pvalue", "sentence",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion(DisplayMixin):
    """A decision on an experiment, and the readout that it rests on.

    Attributes:
        experiment_id: The experiment.
        decision: Scale, keep, limit to segment, pause, or retest.
        segment: The segment that it is limited to, as ``name: value``; empty elsewhere.
        reason: Why, in words.
        name: Who decided.
        on: The day (UTC).
        despite: Why it was concluded without a readout, or on one that is graded "do not use"; empty elsewhere.
        grade: The readout's grade; empty without one.
        verdict: The readout's verdict; empty without one.
        readout_hash: SHA-256 of the readout but for its manifest; empty without one.
        experiment_hash: Hash of the experiment file at that time.
        headline: The registered estimate of every primary comparison.
        release: What becomes of those held out, as the request says.
        version: Counts from 1; a later decision replaces an earlier one.
    """

    experiment_id: str
    decision: Decision
    segment: str
    reason: str
    name: str
    on: date
    despite: str
    grade: str
    verdict: str
    readout_hash: str
    experiment_hash: str
    headline: tuple[dict[str, Any], ...]
    release: str
    version: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return {**asdict(self), "on": str(self.on), "headline": [dict(row) for row in self.headline]}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row."""
        shown = ("experiment_id", "decision", "segment", "name", "on", "grade", "reason", "release")
        return ({name: getattr(self, name) for name in shown},)


def conclude(
    workspace: Workspace,
    experiment_id: str,
    *,
    decision: str,
    name: str,
    reason: str,
    segment: str = "",
    despite: str = "",
    on: date | None = None,
) -> Conclusion:
    """Record what is done with an answer: ``decision.json``; an earlier decision stays beside it.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        decision: One of ``DECISIONS``.
        name: Who decides.
        reason: Why, in words.
        segment: Where it is limited to one: ``name: value``, as the readout shows it.
        despite: Why it is concluded without a readout, or on one that is graded "do not use".
        on: The day; default: today (UTC).

    Raises:
        InputError: The decision is unknown, nobody is named, no reason is given, or the segment was not read out.
        StaleReadout: There is no readout of the file as it stands, and ``despite`` does not say why that is no matter.
        WorkspaceError: The readout is graded "do not use", and ``despite`` does not say why that is no matter.
    """
    chosen = _decision(decision)
    _check_words(name, reason)
    readout = _readout(workspace, experiment_id, despite)
    _check_segment(chosen, segment, readout)
    before = conclusion_of(workspace, experiment_id)
    experiment = workspace.experiment(experiment_id)
    release = release_of(experiment.request)
    found = Conclusion(
        experiment_id=experiment_id,
        decision=chosen,
        segment=segment,
        reason=reason,
        name=name,
        on=on or datetime.now(UTC).date(),
        despite=despite,
        grade="" if readout is None else readout.grade,
        verdict="" if readout is None else readout.verdict,
        readout_hash="" if readout is None else _hash(readout),
        experiment_hash=experiment.hash,
        headline=() if readout is None else tuple(map(_numbers, _primary(readout))),
        release="not stated" if release is None else release.sentence,
        version=1 if before is None else before.version + 1,
    )
    folder = workspace.folder(experiment_id)
    texts = {folder / "decision.json": _json_of(found)}
    if before is not None:
        texts[folder / f"decision-v{before.version}.json"] = _json_of(before)
    write_files(texts)
    return found


def conclusion_of(workspace: Workspace, experiment_id: str) -> Conclusion | None:
    """Return the decision on record, or ``None``.

    Raises:
        WorkspaceError: It cannot be read.
    """
    content = record_of(workspace.folder(experiment_id) / "decision.json")
    if content is None:
        return None
    try:
        rows = tuple(content["headline"])
        return Conclusion(**{**content, "on": date.fromisoformat(content["on"]), "headline": rows})
    except (TypeError, KeyError, ValueError) as error:
        raise WorkspaceError(
            f"experiments/{experiment_id}/decision.json cannot be read: {error}", hint="restore it from git"
        ) from error


def _decision(written: str) -> Decision:
    for known in DECISIONS:
        if written == known:
            return known
    raise InputError(
        f"{written!r} is no decision; allowed: {', '.join(DECISIONS)}.{did_you_mean(written, DECISIONS)}",
        hint="say what is done with the journey from now on",
    )


def _check_words(name: str, reason: str) -> None:
    if not name.strip() or not reason.strip():
        raise InputError("a decision needs who decides and why", hint="give both --name and --reason some words")


def _readout(workspace: Workspace, experiment_id: str, despite: str) -> Readout | None:
    try:
        readout = workspace.stored_readout(experiment_id)
    except StaleReadout as error:
        if despite.strip():
            return None
        raise type(error)(error.message, hint=f"{error.hint}; or say why it is no matter: --despite REASON") from error
    if readout.grade == "do not use" and not despite.strip():
        raise WorkspaceError(
            f'the readout of {experiment_id!r} is graded "do not use": {readout.grade_reason}',
            hint="clear what failed and read it out again; or say why it is no matter: --despite REASON",
        )
    return readout


def _check_segment(decision: Decision, segment: str, readout: Readout | None) -> None:
    if decision != "limit to segment":
        if segment:
            raise InputError(
                f"a segment is named and the decision is {decision!r}",
                hint='leave it out, or decide "limit to segment"',
            )
        return
    known = [] if readout is None else sorted({": ".join(e.segment) for e in readout.segments if e.segment})
    if not segment.strip():
        raise InputError(
            f"no segment is named; read out: {', '.join(known) or 'none'}", hint='name it: --segment "name: value"'
        )
    if readout is not None and segment not in known:
        raise InputError(
            f"the segment {segment!r} was not read out; it has: {', '.join(known) or 'none'}."
            f"{did_you_mean(segment, known)}",
            hint="name one that was declared beforehand, or retest with it declared",
        )


def _primary(readout: Readout) -> list[LiftEstimate]:
    pairs = dict.fromkeys((e.metric, e.arm) for e in readout.estimates if e.role == "primary")
    return [readout.headline(metric, arm) for metric, arm in pairs]


def _numbers(estimate: LiftEstimate) -> dict[str, Any]:
    return {name: getattr(estimate, name) for name in _HEADLINE}


def _hash(readout: Readout) -> str:
    content = {name: value for name, value in readout.to_dict().items() if name != "manifest"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _json_of(found: Conclusion) -> str:
    return json.dumps(found.to_dict(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
