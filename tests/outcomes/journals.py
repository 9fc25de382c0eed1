"""Decisions and events as rows, handed to any engine, and the unit table that plain Python makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np

from incrementality.cohorts.values import micros
from incrementality.experiment import Experiment
from incrementality.outcomes.from_events import DECIDED_COLUMNS, units_from_events
from incrementality.warehouse.sql import column, parse
from incrementality.warehouse.upload import upload

START = datetime(2025, 1, 1, tzinfo=UTC)
CUT = START + timedelta(days=60)
HOUR = timedelta(hours=1)
NUMBERS = count()
ORDERS = {"contact": "TEXT", "at": "TIMESTAMPTZ", "amount": "DOUBLE", "status": "TEXT", "items": "BIGINT"}
MADE = {"table": "orders", "unit": "contact", "at": "at"}


def experiment(**changes):
    content = {
        "id": "mail",
        "question": "Does it work?",
        "data": {
            "log": True,
            "data_cut": "2025-03-02",
            "deliveries": MADE | {"where": {"status": "sent"}},
            "covariates": [{"column": "before", "from": MADE | {"column": "amount", "lookback": "10d"}}],
        },
        "arms": [{"name": "holdout", "share": "50%", "control": True}, {"name": "mail", "share": "50%"}],
        "metrics": [
            {"name": "bought", "kind": "conversion", "role": "primary", "window": "14d", "from": MADE},
            {"name": "spend", "kind": "revenue", "role": "secondary", "window": "7d",
             "from": MADE | {"column": "amount", "where": {"status": ["paid", "refunded"]}}},
            {"name": "orders", "kind": "mean", "role": "secondary", "window": "14d", "from": MADE},
            {"name": "value", "kind": "ratio", "numerator": "top", "denominator": "below", "role": "secondary",
             "window": "14d", "from": MADE | {"column": "items"}, "over": MADE | {"where": {"items": [1, 2]}}},
        ],
    }  # fmt: skip
    return Experiment.model_validate(content | changes)


def decisions(n=60, seed=1):
    rng = np.random.default_rng(seed)
    eligible = rng.choice([True, False, None], size=n, p=[0.7, 0.2, 0.1])
    return [
        {
            "unit_id": f"c'{i}",
            "decision_id": f"d{i}",
            "arm": ["holdout", "mail", None][int(rng.integers(0, 3))],
            "p_arm": 0.5,
            "t0_us": micros(START + HOUR * int(rng.integers(0, 24 * 30))),
            "eligible": eligible[i],
            "account_id": f"a{i // 3}",
            "stratum": None,
            "channel": "email",
            "rule_version": "v1",
            "basis": "logged",
        }
        for i in range(n)
    ]


def events(decided, n=900, seed=2):
    """Events at whole hours around the decisions, so that many lie exactly on the bounds of a window."""
    rng = np.random.default_rng(seed)
    bounds = [0, 24 * 7, 24 * 14, -24 * 10, *range(-300, 400, 13)]
    rows = []
    for _ in range(n):
        chosen = decided[int(rng.integers(0, len(decided)))]
        at = datetime.fromtimestamp(chosen["t0_us"] / 1e6, UTC) + HOUR * int(rng.choice(bounds))
        unit = rng.choice([chosen["unit_id"], "stranger", None, " "], p=[0.9, 0.04, 0.03, 0.03])
        amount = None if rng.random() < 0.01 else round(float(rng.normal(20, 30)), 2)
        status = str(rng.choice(["paid", "refunded", "open", "sent"]))
        rows.append((unit, at if rng.random() < 0.98 else None, amount, status, int(rng.integers(1, 4))))
    return rows


def loaded(engine, decided, rows):
    number = next(NUMBERS)
    table = upload(
        engine, f"decided_{number}", DECIDED_COLUMNS, [tuple(d[n] for n in DECIDED_COLUMNS) for d in decided]
    )
    written = [(u, None if at is None else at.strftime("%Y-%m-%d %H:%M:%S+00:00"), *rest) for u, at, *rest in rows]
    return table, {"orders": upload(engine, f"orders_{number}", ORDERS, written)}


COLUMNS = ("unit_id", "bought", "spend", "orders", "top", "below", "delivered", "before")


def by_engine(engine, decided, rows, asked=None):
    table, tables = loaded(engine, decided, rows)
    made = units_from_events(engine, table, tables, asked or experiment(), name=f"units_{next(NUMBERS)}")
    query = parse("SELECT 1 FROM source ORDER BY unit_id", source=made.relation.name)
    query.set("expressions", [column(name) for name in COLUMNS])
    return engine.query(query), made


def by_python(decided, rows):
    found = []
    for decision in sorted(decided, key=lambda d: d["unit_id"]):
        t0 = decision["t0_us"]
        own = [
            (micros(at) - t0, amount, status, items)
            for unit, at, amount, status, items in rows
            if unit == decision["unit_id"] and at is not None and at < CUT
        ]

        def inside(start, end, own=own):
            day = 24 * 3600 * 10**6
            return [row for row in own if start * day <= row[0] < end * day]

        def total(amounts):
            return None if None in amounts else sum(amounts)

        late, week = inside(0, 14), inside(0, 7)
        found.append(
            (
                decision["unit_id"],
                int(bool(late)),
                total([a for _, a, status, _ in week if status in {"paid", "refunded"}]),
                len(late),
                sum(items for *_, items in late),
                len([1 for *_, items in late if items < 3]),
                int(any(status == "sent" for _, _, status, _ in late)),
                total([a for _, a, _, _ in inside(-10, 0)]),
            )
        )
    return found


def comparable(rows):
    """Rows in the order of their units, missing values as a number that nothing else comes near."""
    return [value if value is not None else -1e12 for row in sorted(rows, key=lambda row: row[0]) for value in row[1:]]


__all__ = ["COLUMNS", "by_engine", "by_python", "comparable", "decisions", "events", "experiment", "loaded"]
