"""From what a person types to an answer, and from answers to complete ones; each refusal says what would help."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

from incrementality.errors import InputError, did_you_mean
from incrementality.experiment import Withholds
from incrementality.experiment.always_send import owed_messages
from incrementality.windows import parse_duration
from incrementality.workspace.question import applies, suggestion
from incrementality.workspace.questions import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from incrementality.workspace.question import Question

__all__ = ["Answers", "checked", "completed", "read_answer"]

Answers = dict[str, Any]

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,12})?(e[+-]?\d{1,2})?", re.IGNORECASE)
_SHARE = re.compile(r"\d{1,12}(\.\d{1,12})?\s?%?|\d{1,12}/\d{1,12}")
_MOST_WHOLE = 10**15


def read_answer(question: Question, text: str, answers: Mapping[str, object]) -> Any:  # noqa: ANN401 - as kinds differ
    """Return the answer that a typed text is; an empty one is the question's default.

    Args:
        question: The question.
        text: What was typed.
        answers: The answers before it.

    Returns:
        Text, a number, a list of names, or ``None`` for no answer: plain values that JSON can hold.

    Raises:
        InputError: The text is no answer to it; the message says why, the hint what would be.

    Examples:
        >>> from incrementality.workspace.questions import QUESTIONS
        >>> share = next(question for question in QUESTIONS if question.key == "smallest_effect")
        >>> read_answer(share, " 10 % ", {})
        '10%'
    """
    written = text.strip() or suggestion(question, answers)
    if question.kind == "names":
        return checked(question, [name.strip() for name in written.split(",") if name.strip()], answers)
    if question.kind in {"number", "count"} and written:
        if not _NUMBER.fullmatch(written):
            _refuse(f"{_clip(written)} is no number", "write it in digits with a point: 0.05 or 1200")
        number = float(written)
        return checked(question, int(number) if number.is_integer() else number, answers)
    return checked(question, written or None, answers)


def completed(answers: Mapping[str, object]) -> Answers:
    """Return answers with the defaults of what was left out, each one checked, in the order of the questions.

    Raises:
        InputError: A key is unknown, an answer is missing, or one cannot be used.
    """
    unknown = [key for key in answers if key not in {question.key for question in QUESTIONS}]
    if unknown:
        close = did_you_mean(unknown[0], [question.key for question in QUESTIONS])
        _refuse(f"no question has the key {unknown[0]!r}.{close}", "leave it out, or correct it")
    whole: Answers = {}
    for question in QUESTIONS:
        if applies(question, whole):
            given = answers.get(question.key)
            empty = given is None or given in ("", [], ())
            found = read_answer(question, "", whole) if empty else checked(question, given, whole)
            whole[question.key] = found
    return whole


def checked(question: Question, value: object, answers: Mapping[str, object]) -> Any:  # noqa: ANN401 - as kinds differ
    """Return an answer, or refuse it.

    Raises:
        InputError: It cannot be used; the message names the question's key.
    """
    if value is None or value == []:
        if question.optional:
            return [] if question.kind in {"names", "rows"} else None
        _refuse(f"{question.key}: this needs an answer", question.help)
    return _CHECKS[question.kind](question, value, answers)


def _text(question: Question, value: object, answers: Mapping[str, object]) -> str:
    if not isinstance(value, str) or not value.strip():
        _refuse(f"{question.key}: {value!r} is no text", question.help)
    if _UNPRINTABLE.search(value):
        _refuse(
            f"{question.key}: {_clip(value)} holds a sign that cannot be printed", "type it again without that sign"
        )
    if len(value) > question.longest:
        _refuse(f"{question.key}: {len(value):,} signs are too many", f"at most {question.longest}; say it shorter")
    if question.key == "purpose":
        _refuse_owed(Withholds(), value)
    del answers
    return value


def _choice(question: Question, value: object, answers: Mapping[str, object]) -> str:
    del answers
    found = next((known for known in question.choices if str(value).casefold() == known.casefold()), None)
    if found is None:
        close = did_you_mean(str(value), question.choices)
        _refuse(
            f"{question.key}: {_clip(value)} is not among the choices.{close}", f"one of: {', '.join(question.choices)}"
        )
    return found


def _date(question: Question, value: object, answers: Mapping[str, object]) -> str:
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        _refuse(f"{question.key}: {_clip(value)} is no day", "write it like 2026-03-02")
    before = answers.get(question.after)
    if before is not None and day <= date.fromisoformat(str(before)):
        _refuse(f"{question.key}: {day} does not come after {before}", "give a later day")
    return day.isoformat()


def _number(question: Question, value: object, answers: Mapping[str, object]) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _MOST_WHOLE:
        _refuse(f"{question.key}: {_clip(value)} is not above 0", f"write a number. {question.help}")
    if question.key == "baseline" and answers.get("metric_kind") == "conversion" and value >= 1:
        _refuse(f"{question.key}: a conversion of {value:g} is more than all", "0.05 is 5 %")
    return value


def _count(question: Question, value: object, answers: Mapping[str, object]) -> int:
    del answers
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST_WHOLE:
        _refuse(f"{question.key}: {_clip(value)} is no whole number from 0 on", question.help)
    return value


def _share(question: Question, value: object, answers: Mapping[str, object]) -> str:
    del answers
    written = re.sub(r"\s", "", str(value))
    if not _SHARE.fullmatch(written) or written.endswith("/0"):
        _refuse(f"{question.key}: {_clip(value)} is no share", "write it like 10%, 0.1 or 1/10")
    share = Fraction(written[:-1]) / 100 if written.endswith("%") else Fraction(written)
    if share <= 0 or (question.key == "holdout_share" and share >= 1):
        _refuse(f"{question.key}: {_clip(value)} is not between 0 and all", "write it like 10%")
    return written


def _window(question: Question, value: object, answers: Mapping[str, object]) -> str:
    del answers
    try:
        window = parse_duration(str(value))
    except (InputError, OverflowError):
        _refuse(f"{question.key}: {_clip(value)} is no stretch of time", "write it like 14d, 28d or 8w")
    if not 1 <= window.days <= 3650:  # noqa: PLR2004 - what a metric allows
        _refuse(f"{question.key}: {_clip(value)} is not from a day to ten years", "28d is usual")
    return str(value).strip()


def _names(question: Question, value: object, answers: Mapping[str, object]) -> list[str]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        _refuse(f"{question.key}: {_clip(value)} is no list of names", question.help)
    names = [_text(question, name, answers) for name in value]
    if len(set(names)) < len(names):
        _refuse(f"{question.key}: a name stands twice", "name each once")
    if question.key == "journeys":
        _refuse_owed(Withholds(journeys=tuple(names)), "")
    return names


def _rows(question: Question, value: object, answers: Mapping[str, object]) -> list[Answers]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        _refuse(f"{question.key}: {_clip(value)} is no list of records", question.help)
    keys = {column.key for column in question.columns}
    for row in value:
        if not isinstance(row, dict) or set(row) != keys or not row["name"]:
            _refuse(f"{question.key}: {_clip(row)} is no record", f"give each the keys {', '.join(sorted(keys))}")
    rows = [{column.key: checked(column, row[column.key], answers) for column in question.columns} for row in value]
    names = [row["name"] for row in rows]
    if len({*names, answers.get("metric")}) <= len(names):
        _refuse(f"{question.key}: a metric stands twice", "name each once, and not the one that decides")
    return rows


def _refuse_owed(withholds: Withholds, purpose: str) -> None:
    for complaint in owed_messages(withholds, purpose):
        what, _, advice = complaint.partition(". ")
        _refuse(what, advice)


def _clip(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004 - as errors echo elsewhere


def _refuse(message: str, hint: str) -> NoReturn:
    raise InputError(message, hint=hint)


_CHECKS: dict[str, Callable[[Question, object, Mapping[str, object]], Any]] = {
    "text": _text,
    "choice": _choice,
    "date": _date,
    "number": _number,
    "count": _count,
    "share": _share,
    "window": _window,
    "names": _names,
    "rows": _rows,
}
