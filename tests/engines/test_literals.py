"""A literal is the value that was meant, on every engine: exact floats, whole big numbers, text that stays text."""

import math
import struct

import numpy as np
import pytest
from sqlglot import exp

from incrementality.warehouse.sql import column, literal, number_of, parse

ENGINES = ["duckdb", "postgres", "spark"]
EXTREMES = [0.0, -0.5, 5e-324, 1e-300, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3, 1e22, 123456789.125]
HOSTILE = [
    "o'neil; drop table x --",
    "a\\'b\\",
    "${x} $1 %s {0} :name ?",
    "line\nbreak\ttab\r",
    "é😀\u202e",
    "/* x */ -- y",
    '"`',
    "",
    " ",
    "NULL",
    "a''b",
]


def values_of(warehouse, values):
    query = parse("SELECT 1")
    query.set("expressions", [exp.alias_(value, f"c{i}") for i, value in enumerate(values)])
    return list(warehouse.row(query))


def as_double(value):
    return parse("CAST($x AS DOUBLE)", x=literal(value))


@pytest.fixture
def warehouse(copies, request):
    return copies[request.param].warehouse


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_floats_keep_every_bit(warehouse):
    patterns = np.random.default_rng(7).integers(0, 2**64, 200, dtype=np.uint64)
    drawn = [value for pattern in patterns if math.isfinite(value := struct.unpack("d", struct.pack("Q", pattern))[0])]
    meant = [*EXTREMES, *drawn]
    assert values_of(warehouse, map(as_double, meant)) == meant
    assert values_of(warehouse, map(literal, meant)) == meant


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_arithmetic_of_literals_is_floating_point(warehouse):
    a, c, d = 1e-120, 3.0, 0.1
    query = parse("SELECT $a * $a, $a / $c, $a - $d", a=literal(a), c=literal(c), d=literal(d))
    assert warehouse.row(query) == (a * a, a / c, a - d)


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_infinities_and_nan_are_literals(warehouse):
    assert values_of(warehouse, map(literal, [math.inf, -math.inf])) == [math.inf, -math.inf]
    assert math.isnan(values_of(warehouse, [literal(math.nan)])[0])


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_big_integers_stay_whole(warehouse):
    meant = [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 10**30 + 1]
    assert values_of(warehouse, map(literal, meant)) == meant
    assert values_of(warehouse, map(as_double, meant)) == [float(value) for value in meant]


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_text_stays_text(warehouse):
    assert values_of(warehouse, map(literal, HOSTILE)) == HOSTILE


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_names_stay_names(warehouse):
    names = ['we"ird', "select", "é😀", "a`b", "x; drop table y --", "a.b"]
    inner = parse("SELECT 1")
    inner.set("expressions", [exp.alias_(literal(i), column(name).this) for i, name in enumerate(names)])
    outer = parse("SELECT 1 FROM rows AS r", rows=exp.Subquery(this=inner))
    outer.set("expressions", [column(name) for name in names])
    assert warehouse.row(outer) == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["won", "converted", "money", "pre"])
def test_number_of_is_the_float_that_python_reads(copies, units, engine, name):
    copy = copies[engine]
    number = number_of(name, copy.relation.columns[name])
    query = parse("SELECT $y FROM source ORDER BY id LIMIT 50", y=number, source=copy.relation.name)
    found = [row[0] for row in copy.warehouse.query(query)]
    assert found == pytest.approx(units[name][:50].astype(float).tolist(), rel=1e-15)
    assert all(isinstance(value, float) for value in found)
