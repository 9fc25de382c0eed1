"""Small random worlds and random rules, the same rows for Python and for an engine, and the comparison of both."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from hypothesis import strategies as st
from sqlglot import exp

from incrementality.cohorts import Inputs, decide, decide_unit, parse_rule
from incrementality.warehouse.sql import literal, named, parse

START = datetime(2026, 3, 1, tzinfo=UTC)
SINCE, UNTIL, CUT = START + timedelta(days=2), START + timedelta(days=9), START + timedelta(days=10)
NUMBERS = count()
PLANS = ["pro", "free", "we'ird; é😀"]
COLUMNS = {
    "logins": {"unit_id": "TEXT", "occurred_at": "TIMESTAMPTZ", "kind": "TEXT", "amount": "DOUBLE", "n": "INTEGER"},
    "contacts": {
        "unit_id": "TEXT",
        "valid_from": "TIMESTAMPTZ",
        "plan": "TEXT",
        "score": "DOUBLE",
        "vip": "BOOLEAN",
        "renews_at": "TIMESTAMPTZ",
        "account": "TEXT",
    },
    "consents": {"unit_id": "TEXT", "valid_from": "TIMESTAMPTZ", "channel": "TEXT", "granted": "BOOLEAN"},
    "touches": {"unit_id": "TEXT", "sent_at": "TIMESTAMPTZ", "campaign": "TEXT"},
}
TABLES = {
    "logins": {"kind": "events"},
    "contacts": {"kind": "states", "at": "valid_from"},
    "consents": {"kind": "states", "at": "valid_from"},
    "touches": {"kind": "events", "at": "sent_at", "journey": "campaign"},
}

quarters = st.integers(-8, 40).map(lambda n: n / 4)


def moment(rng):
    return START + timedelta(hours=4 * rng.randint(0, 60))


CELLS = {
    "unit_id": lambda rng: rng.choice(["a", "b", "c", "d"] * 5 + ["", None, " "]),
    "occurred_at": lambda rng: moment(rng) if rng.random() < 0.95 else None,
    "valid_from": lambda rng: moment(rng) if rng.random() < 0.95 else None,
    "sent_at": lambda rng: moment(rng) if rng.random() < 0.95 else None,
    "kind": lambda rng: rng.choice(["x", "x", "y", None]),
    "amount": lambda rng: rng.choice([None, float("nan"), *[rng.randint(-8, 40) / 4] * 12]),
    "n": lambda rng: rng.choice([None, *[rng.randint(-2, 9)] * 9]),
    "plan": lambda rng: rng.choice([*PLANS, *PLANS, None]),
    "score": lambda rng: rng.choice([None, *[rng.randint(-8, 40) / 4] * 9]),
    "vip": lambda rng: rng.choice([True, False, False, None]),
    "renews_at": lambda rng: moment(rng) if rng.random() < 0.9 else None,
    "account": lambda rng: rng.choice(["k", "l", None]),
    "channel": lambda rng: rng.choice(["email", "sms"]),
    "granted": lambda rng: rng.choice([True, True, True, False, None]),
    "campaign": lambda rng: rng.choice(["j0", "j1", "news", None]),
}
SIZES = {"logins": 40, "contacts": 25, "consents": 20, "touches": 6}


def world_of(number):
    """A world from a seed; the sizes make faults, ties and all verdicts common."""
    rng = Random(number)  # noqa: S311 - worlds, not secrets
    return {
        table: [{column: CELLS[column](rng) for column in columns} for _ in range(SIZES[table])]
        for table, columns in COLUMNS.items()
    }


worlds = st.integers(0, 2**32).map(world_of)


wheres = st.sampled_from([{}, {"kind": "x"}, {"kind": ["x", "y"]}, {"n": [1, 2, 3]}])
lengths = st.sampled_from(["4h", "1d", "3d", "9d"])
withins = st.fixed_dictionaries({}, optional={"within": lengths})


def merged(*parts):
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


def keyed(key, values):
    return values.map(lambda value: {key: value})


def compare(operand, tests):
    return st.tuples(operand, tests).map(lambda pair: {"value": pair[0], **pair[1]})


number_tests = st.one_of(
    [keyed(test, quarters) for test in ("equals", "below", "at_most", "above", "at_least")]
    + [keyed("in", st.lists(quarters, min_size=1, max_size=3)), keyed("between", st.tuples(quarters, quarters))]
)
duration_tests = st.one_of([keyed(test, lengths) for test in ("below", "at_most", "above", "at_least")])
text_tests = keyed("equals", st.sampled_from(PLANS)) | keyed("in", st.lists(st.sampled_from(PLANS), min_size=1))
filtered = merged(wheres.map(lambda where: {"where": where}), withins)
sums = st.sampled_from(["logins.amount", "logins.n"])
leaves = st.one_of(
    compare(st.just("contacts.plan"), text_tests),
    compare(st.just("contacts.score"), number_tests),
    compare(st.just("contacts.vip"), keyed("equals", st.booleans())),
    compare(merged(keyed("count", st.just("logins")), filtered), number_tests),
    compare(merged(keyed("sum", sums), filtered), number_tests),
    compare(merged(keyed("since_last", st.just("logins")), filtered), duration_tests),
    compare(st.sampled_from([{"since": "contacts.renews_at"}, {"until": "contacts.renews_at"}]), duration_tests),
    merged(keyed("exists", st.sampled_from(["logins", "touches"])), withins),
    keyed("missing", st.sampled_from(["contacts.plan", "contacts.score", {"since_last": "logins"}])),
)
predicates = st.recursive(
    leaves,
    lambda inner: st.one_of(
        keyed("all", st.lists(inner, min_size=1, max_size=3)),
        keyed("any", st.lists(inner, min_size=1, max_size=3)),
        keyed("not", inner),
    ),
    max_leaves=5,
)
triggers = st.one_of(
    wheres.map(lambda where: {"event": "logins", "where": where}),
    st.sampled_from(
        [
            {"state": "contacts.plan", "to": PLANS[0]},
            {"state": "contacts.plan", "to": [PLANS[0], PLANS[2]], "from": "free"},
            {"state": "contacts.vip", "to": True},
            {"threshold": "contacts.score", "above": 4, "rearm": 2},
            {"threshold": "contacts.score", "below": 3},
            {"schedule": "contacts", "every": "36h", "start": START.isoformat()},
            {"schedule": "consents", "every": "2d", "start": "2026-03-03T01:00:00+02:00", "where": {"channel": "sms"}},
        ]
    ),
)


def consent(channel):
    operand = {"attribute": "consents.granted", "where": {"channel": channel}}
    return {"name": f"no-{channel}", "kind": "consent", "channel": channel, "when": {"value": operand, "equals": False}}


audiences = st.sampled_from([0, 0, 1, 2]).flatmap(lambda n: st.lists(predicates, min_size=n, max_size=n))


@st.composite
def rules(draw, journey):
    rule = {
        "journey": journey,
        "purpose": "marketing",
        "tables": TABLES,
        "trigger": draw(triggers),
        "window": "7d",
        "audience": [{"name": f"p{i}", "when": p} for i, p in enumerate(draw(audiences))],
        "priority": draw(st.integers(0, 1)),
        "account": "contacts.account",
        "reentry": draw(st.sampled_from(["never", {"after": "1d"}, {"after": "3d"}])),
    }
    if draw(st.integers(0, 3)) == 0:
        rule["suppressions"] = [{"name": "hold", "kind": "legal_hold", "when": draw(predicates)}]
    if draw(st.integers(0, 3)) == 0:
        rule |= {"exit": draw(leaves), "always_send": draw(leaves)}
    if draw(st.booleans()):
        rule["channels"] = ["email", "sms"]
        rule["preference"] = "contacts.plan"
        every = [*rule.get("suppressions", []), consent("email"), consent("sms")]
        rule["suppressions"] = every[: draw(st.integers(1, 3))]
    if draw(st.booleans()):
        channel = draw(st.sampled_from([None, "email"])) if "channels" in rule else None
        across = draw(st.booleans())
        rule["caps"] = [{"name": "weekly", "most": 1, "window": "2d", "channel": channel, "across": across}]
    return parse_rule(rule)


rule_sets = st.fixed_dictionaries({"e0": rules("j0")}, optional={"e1": rules("j1")})


def loaded(warehouse, world):
    """The world's tables in an engine, every column with its type."""
    number = next(NUMBERS)
    return {
        name: warehouse.materialise(f"world_{number}_{name}", _values(COLUMNS[name], rows))
        for name, rows in world.items()
    }


def _values(columns, rows):
    selects = []
    for row in rows:
        select = parse("SELECT 1")
        select.set("expressions", [named(_cell(row[name], kind), name) for name, kind in columns.items()])
        selects.append(select)
    tree = selects[0]
    for select in selects[1:]:
        tree = exp.Union(this=tree, expression=select, distinct=False)
    return tree


def _cell(value, kind):
    written = value.strftime("%Y-%m-%d %H:%M:%S+00:00") if isinstance(value, datetime) else value
    node = exp.null() if written is None else literal(written)
    return exp.cast(node, exp.DataType.build(kind, dialect="duckdb"))


FIELDS = (
    "decision_id", "experiment_id", "unit_id", "entry_no", "eligible", "reasons", "inputs_hash",
    "would_send_channel", "shadow_caps",
)  # fmt: skip


def by_sql(warehouse, chosen, world):
    number = next(NUMBERS)
    found = decide(
        chosen, loaded(warehouse, world), warehouse=warehouse,
        since=SINCE, until=UNTIL, data_cut=CUT, name=f"log_{number}",
    )  # fmt: skip
    query = parse("SELECT 1 FROM source", source=found.relation.name)
    query.set("expressions", [exp.column(name) for name in FIELDS])
    return Counter(warehouse.query(query)), found


def by_python(chosen, world):
    rows = defaultdict(lambda: {table: [] for table in world})
    for table, every in world.items():
        for row in every:
            if row["unit_id"] is not None:
                rows[row["unit_id"]][table].append(row)
    period = {"since": SINCE, "until": UNTIL, "data_cut": CUT}
    decisions = [d for unit, tables in rows.items() for d in decide_unit(chosen, Inputs(unit, tables), **period)]
    return Counter(
        tuple("; ".join(d.reasons) if name == "reasons" else getattr(d, name) for name in FIELDS) for d in decisions
    )


__all__ = ["by_python", "by_sql", "loaded", "rule_sets", "worlds"]
