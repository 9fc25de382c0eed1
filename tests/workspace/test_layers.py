"""Slots of layers: opened once, apart from one another, also when several processes open them at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace import UnitBatch, Workspace, erase_units, plan_of, record_units, stop_experiment
from incrementality.workspace.holdouts import check_deliveries, ledger_of
from incrementality.workspace.layers import layer_on
from incrementality.workspace.programme import SharedLayer

DAY = date(2026, 1, 5)
EXPERIMENT = """\
id: {id}
question: Does it help?
started: 2026-01-01
data: {{source: x.csv, unit: contact_id}}
arms: [{{name: holdout, share: 50%, control: true}}, {{name: mail, share: 50%}}]
metrics: [{{name: bought, kind: conversion, role: primary}}]
request: {{decision: Send it or stop it., layer: lifecycle, traffic: {share}}}
"""
IDS = [f"c_{i:05d}" for i in range(400)]
OPENER = """
import sys
from datetime import date
from incrementality.workspace import UnitBatch, Workspace, record_units
workspace = Workspace(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
record_units(workspace, sys.argv[2], UnitBatch(ids=[f"c_{i:05d}" for i in range(400)]), at=date(2026, 1, 5))
"""


def write(workspace, name, share):
    folder = workspace.root / "experiments" / name
    folder.mkdir(exist_ok=True)
    (folder / "experiment.yaml").write_text(EXPERIMENT.format(id=name, share=share), encoding="utf-8")


@pytest.fixture(scope="session")
def roots(tmp_path_factory):
    return lambda: tmp_path_factory.mktemp("layers")


def layered(root, text="layers: [{name: lifecycle}]\n"):
    workspace = Workspace.create(root / "crm", example=False)
    (workspace.root / "programme.yaml").write_text(text, encoding="utf-8")
    return workspace


@pytest.mark.domain("X7")
@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(5, 60), min_size=2, max_size=6))
def test_slots_never_overlap_and_what_does_not_fit_is_refused(roots, percents):
    workspace = layered(roots())
    taken = 0
    for number, percent in enumerate(percents):
        write(workspace, f"e{number}", percent / 100)
        fits = taken + percent <= 100
        try:
            record_units(workspace, f"e{number}", UnitBatch(ids=IDS[:20]), at=DAY)
        except InputError:
            assert not fits
        else:
            taken += percent
    slots = layer_on(workspace, SharedLayer(name="lifecycle"), DAY).slots
    assert all(before.hi <= after.lo for before, after in pairwise(slots))
    ledger = ledger_of(workspace)
    units = [unit for name in ledger.experiments() for unit in ledger.read(name).unit_id]
    assert len(units) == len(set(units))


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX")
def test_processes_that_open_slots_at_once_get_slots_of_their_own(tmp_path):
    workspace = layered(tmp_path)
    names = [f"e{number}" for number in range(4)]
    for name in names:
        write(workspace, name, 0.25)
    words = [(name, copy) for name in names for copy in range(2)]  # each experiment twice
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, str(workspace.root), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, _ in words
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    slots = json.loads((workspace.root / "layers.json").read_text(encoding="utf-8"))["lifecycle"]["slots"]
    assert [(slot["lo"], slot["hi"]) for slot in slots] == [(i * 2**30, (i + 1) * 2**30) for i in range(4)]
    ledger = ledger_of(workspace)
    assert sorted(unit for name in names for unit in ledger.read(name).unit_id) == IDS
    assert all(plan_of(workspace, slot["experiment"]).layer.lo == slot["lo"] for slot in slots)


def test_slots_kept_by_hand_come_first_and_must_not_overlap_what_was_opened(tmp_path):
    workspace = layered(tmp_path)
    write(workspace, "first", 0.5)
    record_units(workspace, "first", UnitBatch(ids=IDS), at=DAY)
    by_hand = "layers: [{name: lifecycle, slots: [{experiment: second, share: 25%}]}]\n"
    (workspace.root / "programme.yaml").write_text(by_hand, encoding="utf-8")
    write(workspace, "second", 0.25)
    with pytest.raises(InputError, match=r"overlaps one in layers\.json"):
        record_units(workspace, "second", UnitBatch(ids=IDS), at=DAY)
    other = layered(tmp_path / "other", by_hand)
    write(other, "third", 0.5)
    write(other, "second", 1)
    record_units(other, "third", UnitBatch(ids=IDS), at=DAY)
    record_units(other, "second", UnitBatch(ids=IDS), at=DAY)
    assert (plan_of(other, "third").layer.lo, plan_of(other, "second").layer.hi) == (2**30, 2**30)


def test_another_share_than_the_slot_has_is_refused(tmp_path):
    workspace = layered(tmp_path)
    write(workspace, "first", 0.5)
    record_units(workspace, "first", UnitBatch(ids=IDS), at=DAY)
    write(workspace, "first", 0.6)
    with pytest.raises(WorkspaceError, match=r"holds 0\.5 of the layer 'lifecycle' and asks for 0\.6"):
        record_units(workspace, "first", UnitBatch(ids=IDS), at=DAY)


def test_a_stopped_experiment_gives_its_slot_back_after_the_wash_out(tmp_path):
    workspace = layered(tmp_path, "layers: [{name: lifecycle, washout_days: 7}]\n")
    write(workspace, "first", 0.8)
    record_units(workspace, "first", UnitBatch(ids=IDS), at=DAY)
    stop_experiment(workspace, "first", name="Ada", reason="enough", on=date(2026, 1, 10))
    write(workspace, "second", 0.5)
    with pytest.raises(InputError, match="the widest gap"):
        record_units(workspace, "second", UnitBatch(ids=IDS), at=date(2026, 1, 17))
    record_units(workspace, "second", UnitBatch(ids=IDS), at=date(2026, 1, 18))
    written = json.loads((workspace.root / "layers.json").read_text(encoding="utf-8"))["lifecycle"]
    assert [slot["experiment"] for slot in written["slots"]] == ["second"]
    assert [(slot["experiment"], slot["until"]) for slot in written["released"]] == [("first", "2026-01-18")]


def test_two_spellings_of_a_unit_are_one_everywhere(tmp_path):
    workspace = layered(tmp_path, "layers: [{name: lifecycle}]\nunits: {contact: {case: lower}}\n")
    write(workspace, "first", 1)
    record_units(workspace, "first", UnitBatch(ids=["Ana@X.com", "ben@x.com"]), at=DAY)
    assert record_units(workspace, "first", UnitBatch(ids=["ANA@x.com"]), at=DAY).recorded == 1
    ledger = ledger_of(workspace)
    assert ledger.read("first").unit_id.tolist() == ["ana@x.com", "ben@x.com"]
    sent, forget = workspace.root / "sent.csv", workspace.root / "forget.csv"
    sent.write_text("unit,action,delivered_at\nANA@X.COM,mail,2100-01-01T00:00:00Z\n", encoding="utf-8")
    _, found = check_deliveries(workspace, "first", sent)
    assert "were not assigned" not in found.sentence
    forget.write_text("id\nAna@x.com\n", encoding="utf-8")
    assert erase_units(workspace, forget, unit_column="id").found == 1
    assert ledger.read("first").unit_id.tolist() == ["ben@x.com"]
