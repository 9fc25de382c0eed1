"""Every bad file is refused with its line, its key, what is allowed, and never with the validating library's words."""

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings, strategies as st

from incrementality.errors import ExperimentFileError
from incrementality.experiment import experiment_yaml_example, parse_experiment

GOOD = """\
id: winback
question: Does it work?
started: 2026-01-05
alpha: 0.05
data:
  unit: contact_id
  covariates: [orders_before]
arms:
  - {name: holdout, share: 10%, control: true}
  - {name: journey, share: 90%}
metrics:
  - name: reactivated
    role: primary
    kind: conversion
    window: 28d
withholds:
  journeys: [win-back]
"""

JARGON = re.compile(
    r"pydantic|value error|input should|validation|tuple|str_|extra inputs|field required|timedelta", re.IGNORECASE
)

BAD = {
    "unknown key": ("role: primary", "rol: primary", 13, ["metrics[0].rol", "unknown", "Did you mean 'role'?"]),
    "missing key": ("question: Does it work?\n", "", 1, ["question", "missing", "The question that"]),
    "missing choice": ("    role: primary\n", "", 12, ["metrics[0].role", "Allowed: primary, secondary, guardrail"]),
    "literal": ("kind: conversion", "kind: conversions", 14, ["'conversions'", "Allowed: conversion, mean"]),
    "literal's suggestion": ("kind: conversion", "kind: revenu", 14, ["Did you mean 'revenue'?"]),
    "duplicate key": ("data:", "id: other\ndata:", 5, ["'id'", "line 1 ", "line 5"]),
    "boolean for text": ("name: reactivated", "name: no", 12, ["'no'", "boolean false", 'quotes: "no"']),
    "number for text": ("question: Does it work?", "question: 010", 2, ["'010'", "a whole number", "quotes"]),
    "empty value": ("question: Does it work?", "question:", 2, ["empty", "expected text"]),
    "blank text": ("question: Does it work?", "question: ''", 2, ["empty"]),
    "text for a boolean": ("control: true", "control: maybe", 9, ["arms[0].control", "'maybe'", "true or false"]),
    "boolean for a number": ("alpha: 0.05", "alpha: yes", 4, ["'yes'", "boolean true", "a number"]),
    "text for a number": ("alpha: 0.05", "alpha: '0.05'", 4, ["read as text", "without quotes"]),
    "above the bound": ("alpha: 0.05", "alpha: 0.7", 4, ["'0.7'", "below 0.5", "error rate"]),
    "below the bound": ("share: 10%", "share: -0.1", 9, ["'-0.1'", "above 0", "1/3, 0.05 or 5%"]),
    "no share": ("share: 10%", "share: a tenth", 9, ["arms[0].share", "'a tenth'", "1/3, 0.05 or 5%"]),
    "no sane share": ("share: 10%", "share: 1e99999999", 9, ["is not a share"]),
    "list for a share": ("share: 10%", "share: [10%]", 9, ["a list", "a share like"]),
    "infinite effect": ("window: 28d", "smallest_effect: {absolute: .inf}", 15, ["absolute", "'.inf'"]),
    "number for a window": ("window: 28d", "window: 28", 15, ["'28'", "36h, 14d or 2w"]),
    "no window": ("window: 28d", "window: a month", 15, ["'a month'", "36h, 14d or 2w"]),
    "empty window": ("window: 28d", "window: 0d", 15, ["'0d'", "from 1h to 3650d"]),
    "endless window": ("window: 28d", "window: 99999999999d", 15, ["from 1h to 3650d"]),
    "no such day": ("2026-01-05", "2026-02-30", 3, ["'2026-02-30'", "looks like a date"]),
    "time of day": ("2026-01-05", "2026-01-05 10:00:00", 3, ["a date and time", "without quotes or time"]),
    "number for a date": ("2026-01-05", "20260105", 3, ["a whole number", "a date like"]),
    "backward dates": ("alpha: 0.05", "ended: 2025-01-01", 4, ["ended", "is before started"]),
    "text for a list": ("[win-back]", "win-back", 17, ["withholds.journeys", "a list", "[win-back]"]),
    "text for a mapping": ("withholds:\n  journeys: [win-back]", "withholds: no", 16, ["journeys, functions"]),
    "number for a column": ("[orders_before]", "[5]", 7, ["data.covariates[0]", "a column's name"]),
    "id": ("id: winback", "id: Win Back", 1, ["'Win Back'", "a-z, 0-9"]),
    "too long": ("name: reactivated", f"name: {'x' * 81}", 12, ["81 characters", "at most 80"]),
    "one arm": ("  - {name: journey, share: 90%}\n", "", 8, ["arms", "at least 2"]),
    "no control": (", control: true", "", 8, ["arms", "exactly one arm needs 'control: true'"]),
    "shares": ("90%", "80%", 8, ["arms", "add up to 0.9"]),
    "same names": ("name: journey", "name: holdout", 8, ["arms", "'holdout' stands more than once"]),
    "no primary": ("role: primary", "role: secondary", 11, ["metrics", "'role: primary'"]),
    "ratio": ("kind: conversion", "kind: ratio", 12, ["metrics[0]", "'numerator' and 'denominator'"]),
    "two units": ("unit: contact_id", "row_number_as_unit: true\n  unit: x", 5, ["data", "either 'unit'"]),
    "late covariate": ("[orders_before]", "[reactivated]", 7, ["data.covariates", "also an outcome"]),
    "column twice": ("unit: contact_id", "unit: arm", 5, ["data", "'arm' cannot be used twice"]),
    "as treated": ("  unit:", "  population: as_treated\n  unit:", 6, ["no incremental", "map the column"]),
    "per protocol": ("  unit:", "  population: per_protocol\n  unit:", 6, ["no incremental effect", "compliers"]),
    "openers": ("  unit:", "  population: openers\n  unit:", 6, ["no openers", "write eligible or assigned"]),
    "delivered only": ("  unit:", "  population: delivered\n  unit:", 6, ["no incremental effect", "compliers"]),
    "no population": ("  unit:", "  population: all\n  unit:", 6, ["'all'", "Allowed: eligible, assigned"]),
    "eligible unmapped": ("  unit:", "  population: eligible\n  unit:", 6, ["needs the key 'eligible'"]),
    "cut without t0": ("  unit:", "  data_cut: 2026-03-01\n  unit:", 6, ["needs the key 't0'"]),
    "no data cut": ("  unit:", "  data_cut: soon\n  unit:", 6, ["data.data_cut", "like 2026-03-01"]),
    "flag twice": ("  unit:", "  eligible: arm\n  unit:", 5, ["'arm' cannot be eligible, delivered, t0 or p_arm"]),
    "tab": ("  unit: contact_id", "\tunit: contact_id", 6, ["a tab", "spaces"]),
    "indentation": ("  unit: contact_id", "   unit: contact_id", 7, ["line keys up"]),
    "colon": ("Does it work?", "this: works?", 2, ["quotes"]),
    "open bracket": ("[win-back]", "[win-back", 17, ["bracket"]),
    "open quote": ("Does it work?", "'Does it work?", 2, ["quote is not closed"]),
    "words after a quote": ("Does it work?", "'Does' it work?", 2, ["already complete"]),
    "escape": ("Does it work?", '"\\q"', 2, ["single quotes"]),
    "huge escape": ("Does it work?", '"\\UFFFFFFFF"', 2, ["no valid YAML"]),
    "at sign": ("Does it work?", "@home", 2, ["cannot start", "quotes"]),
    "line without a key": ("data:", "only words\ndata:", 5, ["key: value"]),
    "control character": ("Does it work?", "\x07", 2, ["'\\x07'", "delete it"]),
    "half a character": ("Does it work?", '"\\ud800"', 2, ["unprintable"]),
    "half a character as key": ("data:", '"\\ud800": 1\ndata:', 5, ["unprintable"]),
    "key that is a list": ("data:", "? [a]\n: 1\ndata:", 5, ["plain words"]),
    "anchor": ("Does it work?", "&a Does it work?", 2, ["anchor '&a'", "refused"]),
    "alias": ("[win-back]", "[*other]", 17, ["withholds.journeys[0]", "alias '*other'", "refused"]),
    "merge": ("data:", "<<: {a: b}\ndata:", 5, ["'<<' is unknown"]),
    "tag": ("Does it work?", "!!python/object/apply:os.system [ls]", 2, ["'!!python/object/apply:", "refused"]),
    "second document": ("withholds:", "---\nwithholds:", 16, ["second document"]),
}  # fmt: skip


def refusal(text):
    with pytest.raises(ExperimentFileError) as caught:
        parse_experiment(text)
    return caught.value


@pytest.mark.parametrize(("old", "new", "line", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_its_line_and_words(old, new, line, words):
    assert GOOD.count(old) == 1
    problems = refusal(GOOD.replace(old, new)).problems
    wanted = [problem for problem in problems if all(word in problem for word in words)]
    assert len(wanted) == 1, problems
    assert wanted[0].startswith(f"experiment.yaml, line {line}")


@pytest.mark.parametrize(("old", "new"), [bad[:2] for bad in BAD.values()], ids=BAD.keys())
def test_no_jargon_reaches_the_user(old, new):
    assert not JARGON.search(str(refusal(GOOD.replace(old, new))))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# a comment only\n", "the file is empty"),
        ("- a list\n", "the file holds a list"),
        ("words", "the file holds text"),
        ("~", "nothing (empty)"),
        ("[" * 1000, "nested deeper than 20 levels"),
        ("x" * 1_000_001, "more than 1,000,000 characters"),
    ],
    ids=["empty", "comment", "list", "text", "null", "deep", "large"],
)
def test_a_file_that_holds_no_mapping_is_refused(text, words):
    assert words in refusal(text).message


def test_all_problems_are_reported_at_once_in_the_order_of_the_file():
    text = GOOD.replace("alpha: 0.05", "alpha: 7").replace("kind: conversion", "kind: x").replace("90%", "80%")
    lines = [int(re.search(r"line (\d+)", problem)[1]) for problem in refusal(text).problems]
    assert lines == [4, 8, 14]


def test_a_broken_entry_is_not_counted_as_absent():
    assert len(refusal(GOOD.replace("share: 90%", "share: 9")).problems) == 1


def test_the_message_lists_its_problems_and_names_the_next_step():
    error = refusal(GOOD.replace("alpha: 0.05", "alpha: 7"))
    assert error.problems[0] in error.message
    assert "Next: correct the file" in str(error)


def test_a_message_names_the_file_as_it_was_called():
    with pytest.raises(ExperimentFileError, match=r"holdouts/a\.yaml, line 1, "):
        parse_experiment("id: a", file="holdouts/a.yaml")


def test_long_values_are_cut_in_the_message():
    error = refusal(GOOD.replace("kind: conversion", f"kind: {'x' * 5000}"))
    assert "x" * 57 + "...'" in error.problems[0]
    assert "x" * 58 not in str(error)


def test_a_long_name_is_cut_where_a_rule_repeats_it():
    text = GOOD.replace("name: holdout", f"name: {'x' * 500}").replace("name: journey", f"name: {'x' * 500}")
    assert "x" * 58 not in str(refusal(text))


def test_many_problems_are_counted_and_the_first_hundred_shown():
    error = refusal("".join(f"key_{i}: 1\n" for i in range(200)))
    assert len(error.problems) > 200
    assert f"and {len(error.problems) - 100} more" in error.message


def test_the_validation_does_not_show_in_the_traceback():
    error = refusal("id: a")
    assert error.__cause__ is None
    assert error.__context__ is None


@settings(deadline=None)
@given(st.text())
def test_arbitrary_text_raises_only_the_named_error(text):
    with pytest.raises(ExperimentFileError):
        parse_experiment(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from([*"&*!%@`[]{}:,-?|>'\"\\#\t\n ", "a", "0", "id", "<<", "---", "arms", "\\x"])))
def test_yaml_like_noise_raises_only_the_named_error(pieces):
    with pytest.raises(ExperimentFileError):
        parse_experiment("".join(pieces))


@settings(deadline=None)
@given(st.integers(0, 1500), st.text(max_size=3), st.integers(0, 12))
def test_a_damaged_example_is_read_or_refused(at, inserted, removed):
    text = experiment_yaml_example()
    with suppress(ExperimentFileError):
        assert parse_experiment(text[:at] + inserted + text[at + removed :]).hash
