"""The same answers give the same file, and whatever people type reads back as they typed it."""

import string

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from incrementality.errors import ExperimentNotFound, InputError, WorkspaceError
from incrementality.experiment import parse_experiment, read_experiment
from incrementality.workspace import QUESTIONS, new_request, request_text

ANSWERS = {
    "question": "Does the win-back journey bring customers back?",
    "decision": "Send it in all countries, or stop it.",
    "journeys": ["win-back"],
    "purpose": "win-back",
    "metric": "reactivated",
    "smallest_effect": "10%",
    "baseline": 0.05,
    "population": 40000,
}
HARD = (
    "o'neil", 'say "hello"', "client\N{ZERO WIDTH NO-BREAK SPACE}", "yes", "null", "~", "1e5", "0x1f", "2026-01-01",
    "12:30:45", "# no comment", "a: b", "- a", "[a, b]", "{a: b}", "*a", "&a", "!tag", "%a", "@a", "`a`", "|", ">", "?",
    "line\nline\n\n  line", "tab\there", "\N{GRINNING FACE} 漢字 zoë", "\N{NEXT LINE}", "\N{LINE SEPARATOR}x", " ends ",
    "back\\slash \\u0041", "...", "---", "<<", "=", "a #b", "a, b]",
)  # fmt: skip
TYPED = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters=["\n", "\t", *string.punctuation]),
    min_size=1,
    max_size=60,
).filter(lambda text: bool(text.strip()))


def of(**changed):
    return parse_experiment(request_text("mail", {**ANSWERS, **changed}))


def test_every_answer_that_is_left_out_takes_its_default():
    found = of()
    assert (found.unit, found.data.unit, found.control.name) == ("contact", "contact_id", "holdout")
    assert [str(arm.share) for arm in found.arms] == ["1/10", "9/10"]
    assert found.request.approvals == ("owner", "analyst")


def test_every_question_finds_its_place_in_the_file():
    full = {
        **ANSWERS, "owner": "Ada", "scope": "function", "functions": ["CS", "product"], "unit": "account",
        "why_this_unit": "Colleagues talk.", "data_unit": "crm_id", "data_source": "sent.parquet",
        "metric_kind": "ratio", "numerator": "spend", "denominator": "orders", "metric_unit": "EUR",
        "direction": "decrease", "window": "8w", "guardrails": [{"name": "left", "margin": 0.003}], "sd": 12,
        "arrivals_per_week": 700, "holdout_share": "1/3", "starts": "2026-03-02", "ends": "2026-04-30",
        "answer_by": "2026-07-01", "layer": "email", "release_when": "at the end", "release_how": "send",
        "approvals": ["owner", "legal"],
    }  # fmt: skip
    assert {q.key for q in QUESTIONS if not q.key.startswith("history")} == set(full)
    found = of(**full)
    asked, (primary, guardrail) = found.request, found.metrics
    assert (found.owner, found.unit, found.data.unit, found.data.source) == ("Ada", "account", "crm_id", "sent.parquet")
    assert (primary.kind, primary.columns, primary.unit, primary.direction) == (
        "ratio",
        ("spend", "orders"),
        "EUR",
        "decrease",
    )
    assert (primary.window.days, str(primary.smallest_effect.relative)) == (56, "1/10")
    assert (guardrail.name, guardrail.role, guardrail.smallest_effect.absolute) == ("left", "guardrail", 0.003)
    assert [str(arm.share) for arm in found.arms] == ["1/3", "2/3"]
    assert (str(found.started), str(found.ended), str(asked.answer_by)) == ("2026-03-02", "2026-04-30", "2026-07-01")
    assert (asked.baseline.mean, asked.baseline.sd, asked.population, asked.arrivals_per_week) == (0.05, 12, 40000, 700)
    assert (asked.scope, asked.why_this_unit, asked.layer) == ("function", "Colleagues talk.", "email")
    assert (asked.release.when, asked.release.how, asked.approvals) == ("at the end", "send", ("owner", "legal"))


@pytest.mark.parametrize(("t0", "arrivals"), [("entered", "auto"), (None, 0.0)])
def test_a_history_replaces_the_numbers(t0, arrivals):
    answers = {key: value for key, value in ANSWERS.items() if key not in {"baseline", "population"}}
    more = {"history": "history.csv", "history_unit": "id", "history_t0": t0, "history_column": "won"}
    asked = parse_experiment(request_text("mail", {**answers, **more})).request
    found = (asked.baseline.history, asked.baseline.unit, asked.baseline.t0, asked.baseline.column)
    assert found == ("history.csv", "id", t0, "won")
    assert (asked.population, asked.arrivals_per_week) == ("auto", arrivals)


@pytest.mark.parametrize("typed", HARD)
def test_hard_text_survives_the_file(tmp_path, typed):
    printable = typed.replace("\N{NEXT LINE}", "x")
    text = request_text("mail", {**ANSWERS, "question": printable, "owner": printable, "metric": printable})
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "experiment.yaml").write_text(text, encoding="utf-8", newline="\n")
    found = read_experiment(tmp_path / "mail")
    assert (found.question, found.owner, found.primary[0].name) == (printable, printable, printable)


@given(typed=TYPED)
@settings(max_examples=200, deadline=None)
def test_any_text_survives_the_file(typed):
    found = of(question=typed, why_this_unit=typed, approvals=[typed])
    assert (found.question, found.request.why_this_unit, found.request.approvals) == (typed, typed, (typed,))
    assert yaml.safe_load(request_text("mail", {**ANSWERS, "question": typed}))["question"] == typed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"question": ""}, "question: this needs an answer"),
        ({"question": "bell \x07"}, "a sign that cannot be printed"),
        ({"metric": "m" * 81}, "81 signs are too many"),
        ({"unit": "acount"}, "Did you mean 'account'"),
        ({"smallest_effect": "ten"}, "is no share"),
        ({"smallest_effect": "0%"}, "not between 0 and all"),
        ({"holdout_share": "100%"}, "not between 0 and all"),
        ({"holdout_share": "1/0"}, "is no share"),
        ({"baseline": 1.2}, "a conversion of 1.2 is more than all"),
        ({"baseline": True}, "is not above 0"),
        ({"population": -1}, "no whole number"),
        ({"window": "soon"}, "no stretch of time"),
        ({"window": "1h"}, "not from a day to ten years"),
        ({"starts": "tomorrow"}, "is no day"),
        ({"starts": "2026-03-02", "ends": "2026-03-01"}, "does not come after 2026-03-02"),
        ({"journeys": "win-back"}, "no list of names"),
        ({"journeys": ["a", "a"]}, "stands twice"),
        ({"guardrails": [{"name": "reactivated", "margin": 0.1}]}, "not the one that decides"),
        ({"guardrails": [{"nmae": "left"}]}, "give each the keys margin, name"),
        ({"guardrails": [{"name": "left", "margin": 0}]}, "margin: 0 is not above 0"),
        ({"jorneys": ["x"]}, "Did you mean 'journeys'"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_with_help(changed, words):
    with pytest.raises(InputError) as refused:
        of(**changed)
    assert words in f"{refused.value.message} {refused.value.hint}"
    assert refused.value.hint


@pytest.mark.domain("X12")
@pytest.mark.parametrize(
    "changed", [{"journeys": ["win-back", "Invoice reminder"]}, {"purpose": "security notices"}, {"purpose": "service"}]
)
def test_what_customers_are_owed_cannot_be_withheld(changed):
    with pytest.raises(InputError, match="are never withheld"):
        of(**changed)


def test_a_new_request_is_written_once(workspace):
    path = new_request(workspace, "winback", ANSWERS)
    before = path.read_bytes()
    assert before.decode() == request_text("winback", ANSWERS)
    with pytest.raises(WorkspaceError, match="is there already"):
        new_request(workspace, "winback")
    assert path.read_bytes() == before


def test_without_answers_it_is_a_page_of_comments_to_fill_in(workspace):
    text = new_request(workspace, "winback").read_text(encoding="utf-8")
    assert "id: winback" in text
    assert text.count("#") > 20
    assert len(text.splitlines()) < 70


def test_answers_that_cannot_be_used_leave_nothing_behind(workspace):
    with pytest.raises(InputError):
        new_request(workspace, "winback", {**ANSWERS, "baseline": 3})
    assert workspace.experiment_ids() == ["mail"]
    assert not (workspace.root / "experiments" / "winback").exists()


@pytest.mark.parametrize("written", ["", "Winback", "../mail", "a b", "x" * 64, ".hidden"])
def test_an_id_is_a_folders_name(workspace, written):
    with pytest.raises(ExperimentNotFound, match="is no id"):
        new_request(workspace, written)
