"""One question of a request: what is asked, what helps, what an answer is, when it is asked at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AnswerKind", "Question", "applies", "suggestion"]

AnswerKind = Literal["text", "choice", "date", "number", "count", "share", "window", "names", "rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    Attributes:
        key: The answer's key.
        ask: The question, in plain words.
        help: What to think of when answering it.
        kind: What an answer is. ``text``: words. ``choice``: one of ``choices``. ``date``: a day. ``number``: above 0.
            ``count``: a whole number, 0 or more. ``share``: 10%, 0.1 or 1/3. ``window``: 28d. ``names``: a list of
            names. ``rows``: a list of records with the keys of ``columns``.
        choices: The answers that a choice has.
        default: What an empty answer means, as one would write it; ``{unit}`` is the answer to that question.
        optional: Whether there may be no answer.
        longest: Most characters of a text or a name.
        needs: Earlier answers that it is asked after: a key and the answers that will do, any where none are named.
        unless: Keys whose answer makes the question needless.
        after: The key of a day that has to come before this one.
        columns: The questions of one row.
    """

    key: str
    ask: str
    help: str
    kind: AnswerKind = "text"
    choices: tuple[str, ...] = ()
    default: str = ""
    optional: bool = False
    longest: int = 1000
    needs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unless: tuple[str, ...] = ()
    after: str = ""
    columns: tuple[Question, ...] = ()


def applies(question: Question, answers: Mapping[str, object]) -> bool:
    """Return whether a question is asked, given the answers before it.

    Examples:
        >>> column = Question(key="top", ask="Which column?", help="spend", needs=(("kind", ("ratio",)),))
        >>> applies(column, {"kind": "ratio"}), applies(column, {"kind": "conversion"})
        (True, False)
    """
    wanted = (answers.get(key) in choices if choices else bool(answers.get(key)) for key, choices in question.needs)
    return all(wanted) and not any(answers.get(key) for key in question.unless)


def suggestion(question: Question, answers: Mapping[str, object]) -> str:
    """Return what an empty answer means, as one would write it.

    Examples:
        >>> column = Question(key="ids", ask="Which column holds the ids?", help="crm_id", default="{unit}_id")
        >>> suggestion(column, {"unit": "account"})
        'account_id'
    """
    return question.default.replace("{unit}", str(answers.get("unit", "")))
