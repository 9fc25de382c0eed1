"""The error tree is the one that is drawn, and every error says the next step."""

import re

import pytest

from incrementality import errors

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


def drawn():
    """Return the drawn tree: each class's name with the name of its parent."""
    stack, parents = {}, {}
    for indent, name in re.findall(r"^([ │├└─]*)([A-Z]\w+)", errors.__doc__.partition("\n\n")[2], re.MULTILINE):
        stack[len(indent)] = name
        parents[name] = stack[max((depth for depth in stack if depth < len(indent)), default=len(indent))]
        stack = {depth: above for depth, above in stack.items() if depth <= len(indent)}
    return parents


def test_the_drawn_tree_is_the_real_tree():
    real = {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES}
    assert drawn() == real | {"IncrementalityError": "IncrementalityError"}


def test_the_exports_are_sorted_and_complete():
    assert errors.__all__ == [*sorted(cls.__name__ for cls in CLASSES), "did_you_mean"]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_prints_its_message_and_the_next_step(cls):
    assert str(cls("the arm 'B' is empty", hint="check the data")) == "the arm 'B' is empty\nNext: check the data"
    assert str(cls("the arm 'B' is empty")) == "the arm 'B' is empty"


def test_an_input_error_is_a_value_error():
    assert issubclass(errors.InputError, ValueError)


def test_an_experiment_file_error_keeps_its_problems():
    assert errors.ExperimentFileError("two", problems=("a", "b")).problems == ("a", "b")


def test_a_warehouse_error_keeps_the_sql():
    assert errors.WarehouseError("refused", sql="select 1").sql == "select 1"


@pytest.mark.parametrize(
    ("word", "said"),
    [("REVENUE", " Did you mean 'revenue'?"), ("revnue", " Did you mean 'revenue'?"), ("xyz", ""), ("", "")],
)
def test_did_you_mean_suggests_the_closest_word_or_nothing(word, said):
    assert errors.did_you_mean(word, ["revenue", "mean"]) == said
