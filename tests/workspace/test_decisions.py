"""The decision log: decided once, continued where it ends, whole or not at all, and by the rule that is declared."""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from incrementality.errors import InputError, LedgerDamaged, WorkspaceError
from incrementality.workspace import decide_units
from incrementality.workspace.decisions import log_of, logged_runs

_spec = importlib.util.spec_from_file_location("journeys", Path(__file__).with_name("journeys.py"))
journeys = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(journeys)

day = journeys.day
EVERY = "CAST(COLUMNS(*) AS VARCHAR)"


@pytest.fixture
def workspace(tmp_path):
    return journeys.make_workspace(tmp_path)


def decide(workspace, until, *, experiment_id="mail", cut=21, **options):
    return decide_units(workspace, experiment_id, until=day(until), data_cut=day(cut), **options)


def rows(workspace, columns="decision_id", where="true"):
    files = str(workspace.root / "decisions" / "*.parquet")
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        return engine.sql(f"SELECT {columns} FROM read_parquet('{files}') WHERE {where} ORDER BY ALL").fetchall()  # noqa: S608


def total(counts):
    return sum(count.n for count in counts)


@pytest.mark.domain("X2")
def test_a_period_is_decided_once(workspace):
    first = decide(workspace, 10)
    before = rows(workspace, EVERY)
    again = decide(workspace, 10)
    assert total(first.new) == total(first.logged) == len(before) > 0
    assert again.new == ()
    assert again.logged == first.logged
    assert rows(workspace, EVERY) == before


def test_an_overlapping_period_adds_only_what_is_new(workspace):
    decide(workspace, 10)
    before = rows(workspace)
    second = decide(workspace, 20, since=day(5))
    assert (second.since, second.until) == (day(10), day(20))
    assert set(before) < set(rows(workspace))
    assert len(rows(workspace)) == len(before) + total(second.new)


@pytest.mark.domain("X2")
@pytest.mark.parametrize("reentry", ["never", "{{after: 3d}}"])
def test_the_log_of_many_runs_is_that_of_one(tmp_path, reentry):
    rule = journeys.RULE + "reentry: " + reentry + "\n"
    once, often = (journeys.make_workspace(tmp_path / name, rule=rule) for name in ("once", "often"))
    decide(once, 20)
    for until in (3, 4, 11, 20):
        decide(often, until)
    assert rows(once, EVERY) == rows(often, EVERY)
    entered = rows(often, "unit_id", "entry_no = 1")
    assert len(set(entered)) == len(entered)


def test_what_arrives_late_for_a_decided_period_is_no_new_decision(workspace):
    decide(workspace, 10)
    before = rows(workspace)
    journeys.write_table(
        workspace.root / "data" / "logins.parquet", {"contact_id": ["c_00001"], "occurred_at": [day(2)]}
    )
    decide(workspace, 20)
    assert rows(workspace) == before


def test_decisions_are_marked_by_how_they_were_made(workspace):
    decide(workspace, 10, basis="reconstructed")
    decide(workspace, 20)
    found = rows(workspace, "DISTINCT basis, t0 < TIMESTAMPTZ '2025-01-11 00:00:00+00' AS early")
    assert found == [("logged", False), ("reconstructed", True)]


def test_counts_and_hashes_are_in_the_summary_and_no_row_is(workspace):
    answer = decide(workspace, 10)
    text = (workspace.folder("mail") / "decisions.json").read_text(encoding="utf-8")
    summary = json.loads(text)
    assert summary["rules"] == [{"version": 1, "fingerprint": answer.fingerprint}]
    assert sum(count["n"] for count in summary["counts"]) == len(rows(workspace))
    assert [run["segment"] for run in summary["runs"]] == [run.name for run in log_of(workspace).runs()]
    assert "c_000" not in text
    assert (workspace.root / "decisions" / ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == "*"


@pytest.mark.domain("G2", "G6")
def test_a_changed_rule_is_refused_until_it_declares_a_version(workspace):
    path = workspace.folder("mail") / "eligibility.yaml"
    first = decide(workspace, 10)
    journeys.change(path, "equals: pro", "in: [pro, free]")
    with pytest.raises(WorkspaceError, match="has changed since version 1 decided") as caught:
        decide(workspace, 20)
    assert "version: 2" in caught.value.hint
    journeys.change(path, "sources:", "version: 2\nsources:")
    second = decide(workspace, 20)
    assert (second.version, first.version) == (2, 1)
    versions = rows(workspace, "rule_version, count(*) AS n", "true GROUP BY rule_version")
    assert dict(versions) == {first.fingerprint: total(first.new), second.fingerprint: total(second.new)}
    entered = rows(workspace, "unit_id", "entry_no = 1")
    assert len(set(entered)) == len(entered)


def test_a_version_without_a_change_and_an_older_one_are_refused(workspace):
    path = workspace.folder("mail") / "eligibility.yaml"
    journeys.change(path, "sources:", "version: 2\nsources:")
    decide(workspace, 10)
    journeys.change(path, "version: 2", "version: 3")
    with pytest.raises(WorkspaceError, match="of the very same rule"):
        decide(workspace, 20)
    journeys.change(path, "version: 3", "version: 1")
    with pytest.raises(WorkspaceError, match="declares version 1, and the log holds version 2"):
        decide(workspace, 20)


@pytest.mark.domain("X7")
def test_rules_that_share_a_cap_are_decided_together(tmp_path):
    shared = journeys.RULE + "caps: [{{name: weekly, most: 1, window: 7d, across: true}}]\n"
    workspace = journeys.make_workspace(tmp_path, ids=("mail", "push"), rule=shared)
    journeys.change(workspace.folder("push") / "eligibility.yaml", "window: 14d", "window: 14d\npriority: 5")
    answer = decide(workspace, 10)
    assert answer.together == ("mail", "push")
    entries = rows(workspace, "unit_id, epoch(t0)", "entry_no IS NOT NULL")
    gaps = [b[1] - a[1] for a, b in itertools.pairwise(entries) if a[0] == b[0]]
    assert min(gaps) >= 7 * 86400
    lost = rows(workspace, "DISTINCT experiment_id, reasons", "reasons LIKE 'priority%'")
    assert lost == [("mail", "priority.push")]
    assert decide(workspace, 10, experiment_id="push").new == ()
    assert (workspace.folder("push") / "decisions.json").is_file()


def test_a_send_on_record_uses_up_a_cap_in_the_next_run(tmp_path):
    shared = journeys.RULE + "caps: [{{name: monthly, most: 1, window: 30d}}]\nreentry: {{after: 1d}}\n"
    workspace = journeys.make_workspace(tmp_path, rule=shared)
    for until in (5, 20):
        decide(workspace, until)
    entered = rows(workspace, "unit_id", "entry_no IS NOT NULL")
    assert len(set(entered)) == len(entered)
    assert rows(workspace, "count(*)", "reasons = 'cap.monthly' AND t0 >= TIMESTAMPTZ '2025-01-06 00:00:00+00'") != [
        (0,)
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"until": 10, "since": day(12)}, "is empty"),
        ({"until": 22}, "reaches past the data"),
        ({"until": 10, "cut": 100_000}, "lies in the future"),
        ({"until": 10, "since": day(1).replace(tzinfo=None)}, "has no zone"),
    ],
)
def test_a_period_that_cannot_be_decided_is_refused(workspace, options, said):
    with pytest.raises(InputError, match=said):
        decide(workspace, **options)
    assert not (workspace.root / "decisions").exists() or not rows(workspace)


def test_a_period_before_the_log_is_refused(workspace):
    decide(workspace, 10, since=day(5))
    with pytest.raises(InputError, match="the log of 'mail' starts at 2025-01-06"):
        decide(workspace, 10, since=day(0))


def test_nothing_is_written_where_a_table_cannot_be_read(workspace):
    (workspace.root / "data" / "logins.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError):
        decide(workspace, 10)
    assert not (workspace.root / "decisions").exists()
    assert not (workspace.folder("mail") / "decisions.json").exists()


def test_two_processes_decide_a_period_once(workspace):
    words = ["holdout", "decide", "mail", "--until", "2025-01-15", "--data-cut", "2025-01-21", "-w", workspace.root]
    command = [sys.executable, "-m", "incrementality", *map(str, words)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    answers = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], answers
    assert len(log_of(workspace).runs()) == 1
    found = rows(workspace)
    assert len(set(found)) == len(found) > 0


def test_a_damaged_or_lost_segment_is_found(workspace):
    decide(workspace, 10)
    (run,) = logged_runs(workspace, "mail")
    log_of(workspace).verify([run])
    path = workspace.root / "decisions" / run.name
    with duckdb.connect() as engine:
        changed = path.with_name("changed.parquet")
        notes = engine.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
        kept = ", ".join(f"{key.decode()}: '{value.decode()}'" for key, value in notes)
        engine.execute(
            f"COPY (SELECT * REPLACE (NOT eligible AS eligible) FROM '{path}') TO '{changed}' "  # noqa: S608
            f"(FORMAT parquet, KV_METADATA {{{kept}}})"
        )
    changed.replace(path)
    with pytest.raises(LedgerDamaged, match="not those that its name stands for"):
        log_of(workspace).verify([run])
    path.unlink()
    with pytest.raises(WorkspaceError, match="knows 1 segment"):
        logged_runs(workspace, "mail")


@pytest.mark.parametrize("more", ["", "caps: [{{name: monthly, most: 1, window: 30d}}]\n"], ids=["first", "capped"])
def test_whole_numbers_as_ids_continue_like_texts(tmp_path, more):
    workspace = journeys.make_workspace(tmp_path, n=80, rule=journeys.RULE + more)
    for name in ("contacts", "logins"):
        path = workspace.root / "data" / f"{name}.parquet"
        columns = pq.read_table(path).to_pydict()
        columns["contact_id"] = [int(contact.removeprefix("c_")) for contact in columns["contact_id"]]
        journeys.write_table(path, columns)
    for until in (8, 20):
        decide(workspace, until)
    entered = rows(workspace, "unit_id", "entry_no IS NOT NULL")
    assert len(set(entered)) == len(entered) > 0
    assert all(isinstance(unit, str) for (unit,) in entered)
