"""Plain questions, one by one: help, defaults, a second chance, and the same file as from a form."""

import json
from datetime import date, timedelta

import pytest

from incrementality.errors import WorkspaceError
from incrementality.workspace import QUESTIONS, interview_request, request_text
from incrementality.workspace.answers import read_answer
from incrementality.workspace.question import Question
from incrementality.workspace.questions import next_question

TYPED = {
    "What do you want to learn?": "Does it work?",
    "Which decision": "Scale it, or stop it.",
    "Its name?": "win-back, second chance",
    "What are the messages for?": "win-back",
    "Which metric decides?": "reactivated",
    "The smallest effect": "10 %",
    "Is there a table": "",
    "How large is the metric": "0.05",
    "How many are eligible now?": "40000",
}
SAID = {
    "question": "Does it work?",
    "decision": "Scale it, or stop it.",
    "journeys": ["win-back", "second chance"],
    "purpose": "win-back",
    "metric": "reactivated",
    "smallest_effect": "10%",
    "baseline": 0.05,
    "population": 40000,
}


class Person:
    """Someone at a terminal: answers by the question's first words, each of several answers once."""

    def __init__(self):
        self.typed = {start: [text] for start, text in TYPED.items()}
        self.seen, self.shown = [], []

    def will(self, start, *texts):
        self.typed = (
            {start: list(texts), **self.typed} if start not in self.typed else self.typed | {start: list(texts)}
        )
        return self

    def ask(self, question):
        self.seen.append(question)
        found = next((texts for start, texts in self.typed.items() if question.startswith(start)), [""])
        text = found.pop(0) if found else ""
        if isinstance(text, BaseException):
            raise text
        return text

    def asked(self, start):
        return sum(question.startswith(start) for question in self.seen)


def interviewed(workspace, person):
    return interview_request(workspace, "winback", ask=person.ask, say=person.shown.append)


def test_the_file_is_the_one_that_a_form_would_write(workspace):
    path = interviewed(workspace, Person())
    assert path.read_text(encoding="utf-8") == request_text("winback", SAID)


def test_defaults_stand_in_brackets_and_choices_in_parentheses(workspace):
    person = Person()
    interviewed(workspace, person)
    assert "What is drawn: contacts or whole accounts? (contact, account) [contact]" in person.seen
    assert "Which column holds the ids? [contact_id]" in person.seen


def test_a_question_mark_helps_and_asks_again(workspace):
    person = Person().will("Which decision", "?", "Stop it.")
    path = interviewed(workspace, person)
    assert any("What you will do if it works" in line for line in person.shown)
    assert "decision: Stop it." in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("start", "wrong", "right", "help_"),
    [
        ("The smallest effect", "ten", "10%", "is no share. write it like 10%, 0.1 or 1/10"),
        ("Which decision", "  ", "Stop it.", "this needs an answer"),
        ("What is drawn", "acount", "account", "Did you mean 'account'"),
        ("How large is the metric", "5 %", "0.05", "is no number. write it in digits"),
        ("Its name?", "billing", "win-back", "are never withheld"),
        ("First day?", "next week", "2026-03-02", "write it like 2026-03-02"),
    ],
)
def test_a_wrong_answer_is_explained_and_asked_again(workspace, start, wrong, right, help_):
    person = Person().will(start, wrong, right)
    interviewed(workspace, person)
    assert person.asked(start) == 2
    assert any(help_ in line for line in person.shown), person.shown


def test_guardrails_are_asked_until_there_is_no_more(workspace):
    person = Person().will("Its column's name?", "unsubscribed", "reactivated", "complained", "")
    person.will("The rise that is too much?", "0.003", "0.1", "0.001")
    text = interviewed(workspace, person).read_text(encoding="utf-8")
    rows = [{"name": "unsubscribed", "margin": 0.003}, {"name": "complained", "margin": 0.001}]
    assert text == request_text("winback", {**SAID, "guardrails": rows})
    assert any("not the one that decides" in line for line in person.shown)


@pytest.mark.parametrize("end", [KeyboardInterrupt(), EOFError()])
def test_breaking_off_leaves_nothing_behind(workspace, end):
    person = Person().will("Who has to sign?", end)
    with pytest.raises(type(end)):
        interviewed(workspace, person)
    assert not (workspace.root / "experiments" / "winback").exists()


def test_nobody_is_asked_for_an_experiment_that_is_there(workspace):
    person = Person()
    with pytest.raises(WorkspaceError, match="is there already"):
        interview_request(workspace, "mail", ask=person.ask, say=person.shown.append)
    assert person.seen == []


@pytest.fixture
def history(workspace):
    """26 weeks of 2,142 contacts a week."""
    lines = [f"c{i},{date(2026, 1, 5) + timedelta(days=i % 182)},{int(i // 182 % 20 == 0)}" for i in range(182 * 306)]
    (workspace.root / "past.csv").write_text(
        "\n".join(["contact_id,entered,reactivated", *lines, ""]), encoding="utf-8"
    )
    return "../../past.csv"


def test_a_history_is_shown_and_confirmed_instead_of_asked(workspace, history):
    person = Person().will("Is there a table", history).will("Its column with the day", "entered")
    text = interviewed(workspace, person).read_text(encoding="utf-8")
    found = next(line for line in person.shown if "Found: " in line).replace("\N{NO-BREAK SPACE}", " ")
    assert "2,142 contacts a week over the last 26 weeks; reactivated 5.23 % ± 0.20 % within 28 days" in found
    assert person.asked("How large is the metric") == person.asked("How many") == 0
    named = {"history": history, "history_t0": "entered"}
    stated = {key: value for key, value in SAID.items() if key not in {"baseline", "population"}}
    assert text == request_text("winback", {**stated, **named})


def test_a_history_that_is_not_right_is_forgotten(workspace, history):
    person = Person().will("Is there a table", history).will("Is that right", "no")
    assert interviewed(workspace, person).read_text(encoding="utf-8") == request_text("winback", SAID)


def test_a_history_that_cannot_be_read_is_explained_and_asked_again(workspace, history):
    person = Person().will("Is there a table", "../../pats.csv", history).will("Its column with the day", "entered")
    interviewed(workspace, person)
    assert any("Did you mean 'past.csv'" in line for line in person.shown)
    assert person.asked("Is there a table") == 2


def every_column(questions):
    return [*questions, *(column for question in questions for column in question.columns)]


@pytest.mark.parametrize("question", every_column(QUESTIONS), ids=lambda question: question.key)
def test_every_question_is_plain_data_with_help(question: Question):
    assert question.help
    assert len(question.ask) <= 110
    assert (question.kind == "choice") == bool(question.choices)
    assert (question.kind == "rows") == bool(question.columns)
    if question.default and "{" not in question.default:
        read_answer(question, "", {"metric_kind": "conversion"})


def test_questions_ask_only_for_what_comes_before():
    known = set()
    for question in QUESTIONS:
        named = {key for key, _ in question.needs} | set(question.unless) | ({question.after} - {""})
        assert named <= known
        known.add(question.key)
    assert len(known) == len(QUESTIONS)


def test_questions_fit_json():
    from dataclasses import asdict

    assert json.loads(json.dumps([asdict(question) for question in QUESTIONS]))
    assert next_question(dict.fromkeys(known.key for known in QUESTIONS)) is None
