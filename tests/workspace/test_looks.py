"""Looks are kept as they are taken: once each, in order, as numbers alone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest

from incrementality.design import looks_of
from incrementality.errors import WorkspaceBusy, WorkspaceError
from incrementality.workspace import design_experiment, health_of, sign_design, stored_design
from incrementality.workspace.looks import looks_text, looks_with, taken_looks, write_with_look

FILE = """\
id: mail
question: Does the mail bring customers back?
started: 2026-01-05
ended: 2026-03-08
data: {{source: mail.csv, unit: contact_id, arm: arm, t0: t0, data_cut: "{cut}T00:00:00Z"}}
arms:
  - {{name: holdout, share: 50%, control: true}}
  - {{name: mail, share: 50%}}
metrics:
  - {{name: bought, kind: conversion, role: primary, window: 14d, smallest_effect: {{relative: 20%}}}}
request:
  decision: Send the mail to everybody, or stop it.
  arrivals_per_week: 1000
  baseline: {{mean: 0.1}}
  monitoring: {monitoring}
  approvals: [owner]
"""
GROUP = "{kind: group sequential, looks: 3, spending: pocock}"


def _rows(seed=3, n=9000):
    rng = random.Random(seed)  # noqa: S311 - sample data
    yield "contact_id,arm,t0,bought"
    for i in range(n):
        t0 = date(2026, 1, 5) + timedelta(days=rng.randrange(60))
        yield f"c{i},{('holdout', 'mail')[i % 2]},{t0},{int(rng.random() < 0.1)}"


@pytest.fixture
def reading(workspace):
    """Reads the signed experiment out as its data stood on a day."""
    folder = workspace.folder("mail")
    (folder / "mail.csv").write_text("\n".join([*_rows(), ""]), encoding="utf-8")

    def write(cut, monitoring):
        (folder / "experiment.yaml").write_text(FILE.format(cut=cut, monitoring=monitoring), encoding="utf-8")

    def make(cut, monitoring=GROUP):
        write(cut, monitoring)
        if not design_experiment(workspace, "mail").signed:
            sign_design(workspace, "mail", role="owner", name="Ada", on=date(2026, 1, 2))
        return workspace.readout("mail")

    return make


def test_looks_are_kept_in_order_and_each_once(workspace, reading):
    reading("2026-02-01")
    first, second, _ = (look.on for look in looks_of(stored_design(workspace, "mail")))
    path = workspace.folder("mail") / "looks.json"
    assert not path.exists()  # a day between looks
    one = reading(first)
    kept = path.read_bytes()
    again = reading(first)
    assert path.read_bytes() == kept
    two = reading(second)
    record = json.loads(path.read_text(encoding="utf-8"))["looks"]
    assert [(entry["number"], entry["on"]) for entry in record] == [(1, str(first)), (2, str(second))]
    assert path.read_text(encoding="utf-8").startswith(kept.decode().rstrip("\n ]}"))
    assert one.look == again.look
    assert two.look.earlier == (one.look.taken(),)
    assert workspace.check("mail").look == two.look


def test_the_record_holds_numbers_and_names_of_comparisons_alone(workspace, reading):
    reading("2026-02-01")
    reading(looks_of(stored_design(workspace, "mail"))[0].on)
    (entry,) = json.loads((workspace.folder("mail") / "looks.json").read_text(encoding="utf-8"))["looks"]
    assert set(entry) == {"on", "number", "of", "information", "critical", "spent", "results", "units"}
    assert {key for key, value in entry["results"][0].items() if isinstance(value, str)} == {"metric", "arm"}


def test_watching_states_a_look_as_its_readout_does(workspace, reading):
    reading("2026-02-01")
    first = looks_of(stored_design(workspace, "mail"))[0].on
    readout = reading(first)
    (estimate,) = health_of(workspace, "mail", on=first).primary
    assert estimate.alpha == readout.look.nominal_alpha
    assert estimate.effect == readout.headline("bought", "mail").effect


def test_a_damaged_record_is_refused(workspace, reading):
    reading("2026-02-01")
    (workspace.folder("mail") / "looks.json").write_text('{"looks": [{"on": 1}]}', encoding="utf-8")
    with pytest.raises(WorkspaceError, match="says what earlier looks have spent"):
        workspace.readout("mail")


def test_a_confidence_sequence_keeps_no_record(workspace, reading):
    readout = reading("2026-02-24", "{kind: confidence sequence}")
    assert readout.look.kind == "confidence sequence"
    assert not (workspace.folder("mail") / "looks.json").exists()
    seen = health_of(workspace, "mail", on=date(2026, 2, 24))
    assert "on any day" in seen.note
    assert seen.primary == ()


TAKER = """
import sys
from dataclasses import replace
from datetime import date, timedelta
from incrementality.workspace import Workspace, result_text
from incrementality.workspace.looks import taken_looks, write_with_look
workspace = Workspace(sys.argv[1])
folder, answer, files = workspace.folder("mail"), workspace.stored_readout("mail"), workspace.files("mail")
print("ready", flush=True)
sys.stdin.readline()
for k in range(int(sys.argv[3])):
    taken = taken_looks(folder)
    mine = replace(answer, look=replace(answer.look, on=str(date(int(sys.argv[2]), 1, 1) + timedelta(days=k))))
    write_with_look(folder, {files.result: result_text(mine)}, mine, taken)
"""


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX")
def test_two_processes_lose_no_look_of_each_other(workspace, reading):
    reading("2026-02-01")
    reading(looks_of(stored_design(workspace, "mail"))[0].on)
    rounds, pipe = 40, subprocess.PIPE
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, str(workspace.root), year, str(rounds)],
            stdin=pipe, stdout=pipe, stderr=pipe, text=True,
        )
        for year in ("2001", "2002")
    ]  # fmt: skip
    assert [process.stdout.readline() for process in started] == ["ready\n", "ready\n"]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=120)[1] for process in started] == ["", ""]
    kept = [one.on for one in taken_looks(workspace.folder("mail"))]
    assert len(kept) == len(set(kept)) == 1 + 2 * rounds
    assert [on for on in kept if on.startswith("2001")] == sorted(on for on in kept if on.startswith("2001"))


def test_a_readout_that_missed_an_earlier_look_writes_nothing(workspace, reading):
    reading("2026-02-01")
    first, second, _ = (look.on for look in looks_of(stored_design(workspace, "mail")))
    reading(first)
    late = reading(second)
    folder, files = workspace.folder("mail"), workspace.files("mail")
    before = files.result.read_bytes(), (folder / "looks.json").read_bytes()
    with pytest.raises(WorkspaceBusy, match=r"(?s)does not know what it spent.*Next: run again"):
        write_with_look(folder, {files.result: "{}"}, late, ())
    assert (files.result.read_bytes(), (folder / "looks.json").read_bytes()) == before


def test_a_look_kept_before_units_were_is_not_kept_again(workspace, reading):
    reading("2026-02-01")
    readout = reading(looks_of(stored_design(workspace, "mail"))[0].on)
    path = workspace.folder("mail") / "looks.json"
    content = json.loads(looks_text([replace(readout.look.taken(), units=None)]))
    del content["looks"][0]["units"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert looks_with(taken_looks(path.parent), readout) is None
