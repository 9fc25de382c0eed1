"""From answers to a request on disk: the same answers give the same file, whoever asked."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import yaml

from incrementality.errors import ExperimentNotFound, InputError, WorkspaceError
from incrementality.experiment import experiment_yaml_example, parse_experiment
from incrementality.files import make_folder, write_once
from incrementality.workspace.answers import completed
from incrementality.workspace.histories import look_up_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from incrementality.workspace.answers import Answers
    from incrementality.workspace.project import Workspace

__all__ = ["found_in_history", "new_request", "request_path", "request_text"]

_PLAIN = re.compile(r"[A-Za-z0-9][\w ./-]*", re.ASCII)
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def request_text(experiment_id: str, answers: Mapping[str, object]) -> str:
    r"""Return the experiment file that answers make.

    Args:
        experiment_id: The experiment's id.
        answers: Answers by the keys of ``QUESTIONS``; what is left out takes its default.

    Raises:
        InputError: An answer is missing or cannot be used.

    Examples:
        >>> text = request_text("winback-2026q1", {
        ...     "question": "Does it work?", "decision": "Scale it or stop it.", "journeys": ["win-back"],
        ...     "purpose": "win-back", "metric": "reactivated", "smallest_effect": "10%", "baseline": 0.05,
        ...     "population": 40000,
        ... })
        >>> print("\n".join(text.splitlines()[1:4]))
        id: winback-2026q1
        question: "Does it work?"
        owner: owner
    """
    text = "\n".join(_lines(experiment_id, completed(answers))) + "\n"
    parse_experiment(text)
    return text


def request_path(workspace: Workspace, experiment_id: str) -> Path:
    """Return where a new request will lie.

    Raises:
        ExperimentNotFound: That is no id.
        WorkspaceError: There is one already.
    """
    if not _ID.fullmatch(experiment_id):
        raise ExperimentNotFound(
            f"{experiment_id[:60]!r} is no id for an experiment; allowed: a-z, 0-9, '.', '_' and '-', up to 63",
            hint="name it like winback-2026q1; it becomes the folder's name and the salt of the draw",
        )
    path = workspace.root / "experiments" / experiment_id / "experiment.yaml"
    if path.exists():
        raise WorkspaceError(
            f"experiments/{experiment_id}/experiment.yaml is there already", hint="open it, or choose another id"
        )
    return path


def new_request(workspace: Workspace, experiment_id: str, answers: Mapping[str, object] | None = None) -> Path:
    """Write a new experiment file, whole, and never over one that is there.

    Args:
        workspace: The workspace.
        experiment_id: The experiment's id.
        answers: As in ``request_text``; without any, a commented example to fill in.

    Returns:
        Where it lies.

    Raises:
        ExperimentNotFound: That is no id.
        WorkspaceError: There is one already, or the folder cannot be written.
        InputError: An answer is missing or cannot be used; nothing is written.
    """
    path = request_path(workspace, experiment_id)
    text = experiment_yaml_example(experiment_id) if answers is None else request_text(experiment_id, answers)
    make_folder(path.parent)
    try:
        written = write_once(path, text)
    except WorkspaceError:
        with suppress(OSError):
            path.parent.rmdir()
        raise
    if not written:
        request_path(workspace, experiment_id)
    return path


def found_in_history(workspace: Workspace, experiment_id: str, answers: Mapping[str, object]) -> str:
    """Return in words what the history says that answers name, so that a person can confirm it.

    Raises:
        InputError: The answers name no history, or it cannot be used.
    """
    experiment = parse_experiment(request_text(experiment_id, answers))
    found = None if experiment.request is None else look_up_history(workspace, experiment, experiment.request)
    if found is None or found.looked_up is None:
        raise InputError("the answers name no history", hint="name a file or a table")
    return found.looked_up.sentence


def _lines(experiment_id: str, a: Answers) -> Iterator[str]:
    """Yield the file's lines; what people typed enters as a quoted value only."""
    yield "# A request for a holdout, from answers; yours to edit. `incrementality holdout check` says what is off."
    yield f"id: {_value(experiment_id)}"
    yield from _entries(a, "", "question", "owner", "unit", started="starts", ended="ends")
    yield "\ndata:"
    yield from _entries(a, "  ", source="data_source", unit="data_unit")
    yield "  arm: arm                          # assigned arm, whether or not anything was delivered"
    yield "\narms:                               # planned shares add up to 1; exactly one control"
    yield f"  - {{name: holdout, share: {_value(a['holdout_share'])}, control: true}}"
    yield f"  - {{name: treatment, share: {_value(_rest(a['holdout_share']))}}}"
    yield "\nmetrics:"
    yield from _metric(a)
    for guardrail in a["guardrails"]:
        yield from _guardrail(guardrail, a["window"])
    yield "\nwithholds:                          # what the holdout does not get"
    yield from _entries(a, "  ", "journeys", "functions")
    yield "\nrequest:"
    yield from _entries(a, "  ", "decision", "purpose", "scope", "why_this_unit")
    yield from _numbers(a)
    yield f"  holdout_share: {_value(float(_fraction(a['holdout_share'])))}"
    yield from _entries(a, "  ", "answer_by", "layer", "approvals")
    how = f", how: {_value(a['release_how'])}" if a.get("release_how") else ""
    yield f"  release: {{when: {_value(a['release_when'])}{how}}}"


def _entries(a: Answers, indent: str, *same: str, **named: str) -> Iterator[str]:
    """Yield ``key: value`` for the answers that there are; ``named`` maps the file's keys to the answers'."""
    for key, answer in (dict(zip(same, same, strict=True)) | named).items():
        if a.get(answer) not in (None, []):
            value = date.fromisoformat(a[answer]) if answer in {"starts", "ends", "answer_by"} else a[answer]
            yield f"{indent}{key}: {_value(value)}"


def _metric(a: Answers) -> Iterator[str]:
    yield f"  - name: {_value(a['metric'])}"
    yield "    role: primary                   # this one decides"
    yield f"    kind: {_value(a['metric_kind'])}"
    yield from _entries(a, "    ", "numerator", "denominator", "direction", "window", unit="metric_unit")
    yield f"    smallest_effect: {{relative: {_value(a['smallest_effect'])}}}   # a smaller one changes nothing"


def _guardrail(row: Mapping[str, Any], window: str) -> Iterator[str]:
    yield f"  - name: {_value(row['name'])}"
    yield "    role: guardrail                 # must not get worse"
    yield "    kind: conversion"
    yield "    direction: decrease"
    yield f"    window: {_value(window)}"
    yield f"    smallest_effect: {{absolute: {_value(row['margin'])}}}"


def _numbers(a: Answers) -> Iterator[str]:
    """Yield the metric today and the traffic, stated or as a question to the history."""
    if a.get("history"):
        yield "  population: auto"
        if a.get("history_t0"):
            yield "  arrivals_per_week: auto"
        yield "  baseline:                         # looked up by `incrementality holdout design`"
        yield from _entries(
            a, "    ", **{"from": "history", "unit": "history_unit", "t0": "history_t0", "column": "history_column"}
        )
        return
    yield from _entries(a, "  ", "population", "arrivals_per_week")
    spread = f", sd: {_value(float(a['sd']))}" if a.get("sd") is not None else ""
    yield f"  baseline: {{mean: {_value(float(a['baseline']))}{spread}}}"


def _fraction(share: str) -> Fraction:
    return Fraction(share[:-1]) / 100 if share.endswith("%") else Fraction(share)


def _rest(share: str) -> str:
    """Return what a share leaves, in percent where that is exact."""
    rest = 1 - _fraction(share)
    percent = f"{float(100 * rest):.10g}"
    return f"{percent}%" if Fraction(percent) == 100 * rest else str(rest)


def _value(value: object) -> str:
    """Return a value as YAML that reads back as the same value."""
    if isinstance(value, str):
        return value if _reads_as_itself(value) else _quoted(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def _reads_as_itself(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and not text.endswith(" ") and yaml.safe_load(text) == text


def _quoted(text: str) -> str:
    """Return text in double quotes; signs that YAML would fold or hide are escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in quoted)


def _escape(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08x}"  # noqa: PLR2004 - what \u can hold
