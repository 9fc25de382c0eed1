"""Names and values enter queries as nodes: whatever they hold, they stay names and values."""

import math

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings, strategies as st
from sqlglot import exp

from incrementality.errors import ColumnTypeError, InputError
from incrementality.warehouse import connect
from incrementality.warehouse.sql import add, column, literal, not_nan, number_of, parse, product, render, table

DIALECTS = ["duckdb", "postgres", "spark"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as connection:
        yield connection


@settings(max_examples=300, deadline=None)
@given(value=TEXT)
def test_any_text_is_the_same_text_in_the_engine(engine, value):
    query = render(parse("SELECT $x", x=literal(value)), "duckdb")
    assert engine.execute(query).fetchall() == [(value,)]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=100, deadline=None)
@given(value=TEXT, name=NAME)
def test_any_text_is_one_literal_and_any_name_one_name(dialect, value, name):
    query = parse("SELECT $y FROM source WHERE $y = $x", y=column(name), x=literal(value), source=table("t"))
    trees = sqlglot.parse(render(query, dialect), read=dialect)
    assert len(trees) == 1
    assert [node.this for node in trees[0].find_all(exp.Literal)] == [value]
    assert {node.name for node in trees[0].find_all(exp.Column)} == {name}


@settings(max_examples=300, deadline=None)
@given(value=st.floats())
def test_any_float_is_the_same_float_in_the_engine(engine, value):
    (found,) = engine.execute(render(parse("SELECT $x", x=literal(value)), "duckdb")).fetchone()
    assert found == value or (math.isnan(found) and math.isnan(value))


@settings(max_examples=100, deadline=None)
@given(value=st.integers(-(2**127) + 1, 2**127 - 1))
def test_any_integer_is_the_same_integer_in_the_engine(engine, value):
    assert engine.execute(render(parse("SELECT $x", x=literal(value)), "duckdb")).fetchone() == (value,)


@pytest.mark.parametrize("value", [True, False])
def test_truth_is_a_literal(engine, value):
    assert engine.execute(render(parse("SELECT $x", x=literal(value)), "duckdb")).fetchone() == (value,)


def test_a_place_inside_text_is_text():
    assert render(parse("SELECT $x, '$x'", x=literal(1)), "duckdb") == "SELECT 1, '$x'"


def test_templates_are_not_changed_by_their_filling():
    first = render(parse("SELECT $x + 1", x=literal(1)), "duckdb")
    parse("SELECT $x + 1", x=literal(2))
    assert render(parse("SELECT $x + 1", x=literal(1)), "duckdb") == first


def test_a_table_keeps_its_alias():
    assert render(parse("SELECT 1 FROM source AS s", source=table("a.b")), "duckdb") == 'SELECT 1 FROM "a"."b" AS s'


def test_a_filling_is_copied():
    node = column("y")
    parse("sum($y) + max($y)", y=node)
    assert node.parent is None


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ([], "0.0e0"),
        ([column("y")], '"y"'),
        ([column("y"), literal(0.0), literal(2.0)], '"y" + 2.0e0'),
        ([product([literal(2.0), column("x")]), literal(-1.0)], '2.0e0 * "x" + (-1.0e0)'),
    ],
)
def test_sums_leave_zeros_out(terms, text):
    assert render(add(terms), "duckdb") == text


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        ([literal(1.0), column("y")], '"y"'),
        ([literal(0.0), column("y")], "0.0e0"),
        ([literal(1.0)], "1.0e0"),
        ([column("x"), add([column("y"), literal(2.0)])], '"x" * ("y" + 2.0e0)'),
    ],
)
def test_products_leave_ones_out_and_keep_sums_together(factors, text):
    assert render(product(factors), "duckdb") == text


@pytest.mark.parametrize("kind", ["text", "temporal", "other"])
def test_number_of_refuses_what_is_no_number(kind):
    with pytest.raises(ColumnTypeError, match=f"'notes' is {kind}, not a number"):
        number_of("notes", kind)


def test_not_nan_keeps_nulls_and_numbers(engine):
    values = parse("SELECT unnest([1e0, NULL, $nan]) AS y", nan=literal(math.nan))
    query = parse("SELECT $y FROM rows AS t", y=not_nan(column("y")), rows=exp.Subquery(this=values))
    assert engine.execute(render(query, "duckdb")).fetchall() == [(1.0,), (None,), (None,)]


def test_text_that_is_no_unicode_is_refused():
    with connect() as warehouse, pytest.raises(InputError, match="not valid Unicode"):
        warehouse.row(parse("SELECT $x", x=literal("\ud800")))
