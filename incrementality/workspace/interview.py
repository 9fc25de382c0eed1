"""Asks for a request in plain questions, one by one; whoever shows them hands in how to ask and how to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import IncrementalityError, InputError
from incrementality.workspace.answers import Answers, checked, read_answer
from incrementality.workspace.question import suggestion
from incrementality.workspace.questions import QUESTIONS, next_question
from incrementality.workspace.requests import found_in_history, new_request, request_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from incrementality.workspace.project import Workspace
    from incrementality.workspace.question import Question

__all__ = ["interview", "interview_request"]

_HISTORY = frozenset(question.key for question in QUESTIONS if question.key.startswith("history"))
_CONFIRM = "Is that right, and shall it be used?"


def interview_request(
    workspace: Workspace, experiment_id: str, *, ask: Callable[[str], str], say: Callable[[str], None]
) -> Path:
    """Ask for a request and write it; a person who breaks off leaves nothing behind.

    Args:
        workspace: The workspace.
        experiment_id: The new experiment's id.
        ask: Shows a question and returns what was typed; raises what it likes when the person breaks off.
        say: Shows a line.

    Returns:
        Where the file lies.

    Raises:
        WorkspaceError: There is such an experiment already.
        InputError: The answers contradict one another; nothing is written.
    """
    request_path(workspace, experiment_id)
    answers = interview(ask, say, lambda known: found_in_history(workspace, experiment_id, known))
    return new_request(workspace, experiment_id, answers)


def interview(ask: Callable[[str], str], say: Callable[[str], None], look_up: Callable[[Answers], str]) -> Answers:
    """Return the answers of a person to all questions that apply.

    ``?`` shows help, an empty answer takes what stands in brackets, and an answer that cannot be used is asked for
    again. A history is looked up at once; what it says is shown and has to be confirmed, else numbers are asked for.

    Args:
        ask: Shows a question and returns what was typed.
        say: Shows a line.
        look_up: Says in words what the history says that the answers name.
    """
    answers: Answers = {}
    confirmed = False
    while (question := next_question(answers)) is not None:
        if answers.get("history") and not confirmed and question.key not in _HISTORY:
            confirmed = _confirmed(answers, ask, say, look_up)
        elif question.kind == "rows":
            answers[question.key] = _rows(question, answers, ask, say)
        else:
            answers[question.key] = _answer(question, answers, ask, say)
    return answers


def _answer(question: Question, answers: Answers, ask: Callable[[str], str], say: Callable[[str], None]) -> object:
    while True:
        text = ask(_prompt(question, answers))
        if text.strip() == "?":
            say(f"  {question.help}")
            continue
        try:
            return read_answer(question, text, answers)
        except InputError as error:
            say(f"  {error.message.removeprefix(f'{question.key}: ')}. {error.hint}")


def _prompt(question: Question, answers: Answers) -> str:
    choices = f" ({', '.join(question.choices)})" if question.choices else ""
    default = suggestion(question, answers)
    return f"{question.ask}{choices}{f' [{default}]' if default else ''}"


def _rows(question: Question, answers: Answers, ask: Callable[[str], str], say: Callable[[str], None]) -> list[Answers]:
    """Ask for rows until the first column of one stays empty."""
    say(question.ask)
    rows: list[Answers] = []
    first, *others = question.columns
    while (name := _answer(first, answers, ask, say)) is not None:
        row = {first.key: name} | {column.key: _answer(column, answers, ask, say) for column in others}
        try:
            rows = checked(question, [*rows, row], answers)
        except InputError as error:
            say(f"  {error.message.removeprefix(f'{question.key}: ')}. {error.hint}")
    return rows


def _confirmed(
    answers: Answers, ask: Callable[[str], str], say: Callable[[str], None], look_up: Callable[[Answers], str]
) -> bool:
    """Show what the history says; where it is not right, forget it, so that the numbers are asked for."""
    try:
        say(f"  Found: {look_up(answers)}")
    except IncrementalityError as error:
        say(f"  {error.message}. {error.hint}")
        for key in _HISTORY:
            answers.pop(key, None)
        return False
    if ask(f"{_CONFIRM} (yes, no) [yes]").strip().casefold() in {"", "y", "yes"}:
        return True
    for key in _HISTORY:
        answers.pop(key, None)
    answers["history"] = None
    return True
