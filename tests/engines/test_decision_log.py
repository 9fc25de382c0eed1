"""Decisions that another engine makes reach the log as those of the embedded one, over two runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import duckdb
import numpy as np
import pytest

from incrementality.cohorts import decide, parse_rule
from incrementality.warehouse.parquet import ParquetEngine
from incrementality.warehouse.upload import upload
from incrementality.workspace.decision_log import DecisionLog, Run, RunRule
from incrementality.workspace.decision_rows import decided_table, entries_on_record

START = datetime(2025, 1, 1, tzinfo=UTC)
NUMBERS = count()
RULE = {
    "journey": "mail", "purpose": "marketing", "window": "14d", "account": "contacts.account", "channels": ["email"],
    "tables": {"logins": {"kind": "events"}, "contacts": {"kind": "states", "at": "since"}},
    "trigger": {"event": "logins"},
    "audience": [{"name": "paying", "when": {"value": "contacts.plan", "equals": "pro"}}],
}  # fmt: skip
SHADOWS = {"first": {}, "capped": {"reentry": {"after": "1d"}, "caps": [{"name": "w", "most": 1, "window": "6d"}]}}


def tables(engine):
    rng, number = np.random.default_rng(4), next(NUMBERS)
    units = [f"c'{i}" for i in range(40)]
    contacts = [
        (u, "2024-12-01 00:00:00+00", str(rng.choice(["pro", "free"])), f"a{i // 3}") for i, u in enumerate(units)
    ]
    times = [START + timedelta(minutes=int(m)) for m in rng.integers(0, 20 * 1440, 150)]
    logins = [(str(rng.choice(units)), at.strftime("%Y-%m-%d %H:%M:%S+00")) for at in times]
    kinds = {"unit_id": "TEXT", "since": "TIMESTAMPTZ", "plan": "TEXT", "account": "TEXT"}
    return {
        "contacts": upload(engine, f"contacts_{number}", kinds, contacts),
        "logins": upload(engine, f"logins_{number}", {"unit_id": "TEXT", "occurred_at": "TIMESTAMPTZ"}, logins),
    }


def logged(engine, folder, rule):
    """What two runs leave in a log, as text."""
    log, relations, known = DecisionLog(folder), tables(engine), ()
    for since, until in ((0, 9), (9, 20)):
        period = {"since": START + timedelta(days=since), "until": START + timedelta(days=until)}
        number = next(NUMBERS)
        entries = entries_on_record(engine, log.paths(known), name=f"entries_{number}")
        cut = START + timedelta(days=21)
        found = decide(
            {"x": rule}, relations, warehouse=engine, data_cut=cut, name=f"d_{number}", earlier=entries, **period
        )  # fmt: skip
        run = Run(rules={"x": RunRule(1, rule.fingerprint)}, basis="logged", data_cut=cut, decided_at=cut, **period)
        with decided_table(engine, found, memory_limit="320MB") as (writer, table):
            known = (*known, log.append(writer, table, run, after=known))
    log.verify(known)
    with duckdb.connect() as reader:
        reader.execute("SET TimeZone = 'UTC'")
        files = str(folder / "*.parquet")
        rows = reader.sql(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM '{files}' ORDER BY decision_id").fetchall()  # noqa: S608
    return [run.name for run in known], rows


@pytest.mark.parametrize("shadow", SHADOWS)
@pytest.mark.parametrize("name", ["postgres", "spark"])
def test_the_log_is_the_same_whichever_engine_decides(request, tmp_path, name, shadow):
    rule = parse_rule(RULE | SHADOWS[shadow])
    with ParquetEngine() as embedded:
        expected = logged(embedded, tmp_path / "embedded", rule)
    assert logged(request.getfixturevalue(name), tmp_path / name, rule) == expected
