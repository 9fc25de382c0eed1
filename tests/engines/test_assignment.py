"""The hash and the whole plan: the same answer from Python, DuckDB, PostgreSQL and Spark."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from incrementality.assignment import (
    Layer,
    Override,
    UnitType,
    Within,
    assign,
    assign_in_engine,
    global_holdout,
    long_crm_id,
    make_plan,
    open_slot,
    plan_of_holdout,
    with_phase,
)
from incrementality.assignment.dialects import DIALECTS, dialect_named, fragment
from incrementality.errors import ColumnTypeError, InvalidUnitId
from incrementality.warehouse.sql import literal, parse

ENGINES = ("duckdb", "postgres", "spark")
VECTORS = [
    ("1/global/gh-2026h1/contact/", "c_000001", 2484217477),
    ("1/exp/winback-2026q1/contact/", "c_000001", 3472529440),
    ("1/exp/winback-2026q1/contact/", "c_000002", 1033482039),
    ("1/exp/winback-2026q1/account/", "0015g00000AbCdEAAV", 3483512948),
    ("1/layer/lifecycle-email/contact/", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", 1213573199),
    ("1/exp/onboarding-nudge/contact/", "ana@example.com", 983086451),
    ("1/exp/onboarding-nudge/contact/", "zoë@exämple.com", 844337296),
    ("1/arm/expansion-trigger-07/account/", "42", 355914778),
    ("1/arm/expansion-trigger-07/account/", "042", 828407626),
    ("1/exp/qbr-invite/contact/", "客户-9 / x", 374648787),
    ("1/exp/qbr-invite/contact/", "o'neil+😀@example.com", 3412909025),
]
HOSTILE = [
    "o'neil",
    'a"b',
    "back\\slash",
    "${x} %s $1 :p ?",
    "x'); drop table ids; --",
    "客户-9 / x",
    "😀👩‍👩‍👧",
    "e\u0301",
    "é",
    "a\tb\nc",
    "NULL",
    "042",
    "42",
    "/*",
    "İstanbul ΑΣ",
    "1e5",
]
IDS = [*HOSTILE, *(f"c_{i:06d}" for i in range(4000))]


@pytest.fixture(scope="session")
def ids_copies(everywhere, tmp_path_factory):
    path = tmp_path_factory.mktemp("ids") / "assignment_ids.parquet"
    pq.write_table(pa.table({'who\'s "id"': IDS}), path)
    return everywhere(path)


@pytest.fixture(scope="session")
def engines(duck, postgres, spark):
    return {"duckdb": duck, "postgres": postgres, "spark": spark}


def everything():
    """A nested plan with a global holdout, a layer, a ramp, three arms and overrides."""
    holdout = global_holdout("gh-2026h1", 0.1)
    layer = open_slot(Layer(name="lifecycle-email", unit_type="contact"), "journeys", 0.8)
    forced = [Override(unit_id=IDS[0], arm="on", reason="it's a tester"), Override(unit_id="é", arm=None, reason="vip")]
    parent = make_plan(
        "journeys", {"off": 0.2, "on": 0.8}, global_holdout=holdout, layer=layer.slot("journeys"), overrides=forced
    )
    child = make_plan(
        "o.neil-2026",
        {"control": "1/3", "o'neil; --": "1/3", "b": "1/3"},
        traffic=0.25,
        starts=date(2026, 1, 5),
        within=Within(plan=parent, arms=("on",), phase="1"),
        overrides=[Override(unit_id="客户-9 / x", arm="b", reason='"quoted" \\ reason')],
    )
    return with_phase(child, date(2026, 2, 2), traffic=0.7)


PLANS = {
    "the global holdout": plan_of_holdout("gh-2026", global_holdout("gh-2026h1", 0.2), ["status quo", "all shipped"]),
    "one draw": make_plan("winback-2026q1", {"holdout": 0.05, "journey": 0.95}),
    "everything": everything(),
    "lower case": make_plan("winback-2026q1", {"a": 0.5, "b": 0.5}, unit_type=UnitType(name="login", lower=True)),
}


def rows_of(warehouse, relation):
    query = parse("SELECT unit_id, arm, hash, probability, phase, source, reason FROM answer", answer=relation.name)
    rows = warehouse.query(query)
    return {row[0]: row[1:] for row in rows}


def expected(plan, phase):
    columns = assign(plan, IDS, phase=phase).to_columns()
    columns["probability"] = np.where(np.isnan(columns["probability"]), None, columns["probability"])
    return {row[0]: row[1:] for row in zip(*(column.tolist() for column in columns.values()), strict=True)}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_hash_gives_the_published_vectors(engines, engine):
    dialect = dialect_named(engine)
    for prefix, unit_id, value in VECTORS:
        key = fragment("prefix || unit", prefix=literal(prefix), unit=literal(unit_id))
        assert engines[engine].row(fragment("SELECT h", h=dialect.hash_of(key))) == (value,)


@pytest.mark.domain("X1", "X7", "X10")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", PLANS)
def test_engines_assign_as_python_does(ids_copies, engine, name):
    copy, plan = ids_copies[engine], PLANS[name]
    phase = plan.phases[-1].name
    stored = f"assigned_{name.replace(' ', '_')}"
    answer = assign_in_engine(copy.warehouse, copy.relation, 'who\'s "id"', plan, phase=phase, name=stored)
    assert rows_of(copy.warehouse, answer) == expected(plan, phase)


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_numbers_are_their_digits(engines, engine):
    warehouse, plan = engines[engine], PLANS["one draw"]
    units = warehouse.materialise("numbered", fragment("SELECT 42 AS id UNION ALL SELECT 7"))
    answer = rows_of(warehouse, assign_in_engine(warehouse, units, "id", plan, name="assigned_numbers"))
    assert {unit: row[1] for unit, row in answer.items()} == dict(
        zip(["42", "7"], assign(plan, [42, 7]).hash.tolist(), strict=True)
    )


BAD = {
    "null": [None],
    "empty": [""],
    "blank at an end": ["c_1 "],
    "blank": ["\u00a0c_1"],
    "1 float": ["123.0"],
    "float": ["1.5e+07"],
    "15": ["0015g00000AbCdE", long_crm_id("0015g00000XbCdE")],
}


def good(warehouse, name):
    """Texts of 15 and 18 characters that are no CRM ids may stand together."""
    rows = [f"SELECT '{letters}' AS id" for letters in ("a" * 15, "1" * 18)]
    return warehouse.materialise(f"good_{name}", fragment(" UNION ALL ".join(rows)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("told", BAD)
def test_engines_refuse_what_python_refuses(engines, engine, told):
    warehouse, plan, name = engines[engine], PLANS["one draw"], f"bad_{list(BAD).index(told)}"
    rows = [
        "CAST(NULL AS TEXT)" if unit_id is None else literal(unit_id).sql("duckdb") for unit_id in [*BAD[told], "c_9"]
    ]
    query = fragment(" UNION ALL ".join(f"SELECT {row} AS id" for row in rows))
    units = warehouse.materialise(name, query)
    with pytest.raises(InvalidUnitId, match=told):
        assign_in_engine(warehouse, units, "id", plan)
    assert (
        len(rows_of(warehouse, assign_in_engine(warehouse, good(warehouse, name), "id", plan, name=f"ok_{name}"))) == 2
    )
    with pytest.raises(InvalidUnitId):
        assign(plan, [*BAD[told], "c_9"])


@pytest.mark.parametrize("engine", ENGINES)
def test_e_mail_is_composed_or_refused(engines, engine):
    warehouse = engines[engine]
    plan = make_plan("nudge", {"a": 0.5, "b": 0.5}, unit_type="email")
    units = warehouse.materialise("mails", fragment("SELECT mail AS id", mail=literal("zoe\u0308@example.com")))
    if DIALECTS[engine].composed is None:
        with pytest.raises(InvalidUnitId, match="not ASCII"):
            assign_in_engine(warehouse, units, "id", plan, name="assigned_mails")
        return
    answer = rows_of(warehouse, assign_in_engine(warehouse, units, "id", plan, name="assigned_mails"))
    drawn = assign(plan, ["zoë@example.com"])
    assert {unit: row[1] for unit, row in answer.items()} == {drawn.unit_id[0]: drawn.hash[0]}


def test_a_float_column_is_refused(duck):
    units = duck.materialise("floats", fragment("SELECT 1e0 AS id"))
    with pytest.raises(ColumnTypeError, match="float"):
        assign_in_engine(duck, units, "id", PLANS["one draw"])


def test_every_dialect_says_whether_it_was_run():
    assert {name for name, dialect in DIALECTS.items() if dialect.executed} == set(ENGINES)
