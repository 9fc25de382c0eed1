"""A workspace whose decisions come from event tables: contacts that sign in, some of whom could get a journey."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from incrementality.workspace import Workspace

START = datetime(2025, 1, 1, tzinfo=UTC)
RULE = """\
sources:
  logins: ../../data/logins.parquet
  contacts: ../../data/contacts.parquet
journey: {journey}
purpose: marketing
tables:
  logins: {{kind: events, unit: contact_id}}
  contacts: {{kind: states, unit: contact_id, at: valid_from}}
trigger: {{event: logins}}
audience:
  - {{name: paying, when: {{value: contacts.plan, equals: pro}}}}
account: contacts.account
window: 14d
"""
EXPERIMENT = """\
id: {id}
question: Does the mail bring customers back?
started: 2025-01-01
data: {{source: mail.csv, unit: contact_id, arm: arm}}
arms:
  - {{name: holdout, share: 50%, control: true}}
  - {{name: mail, share: 50%}}
metrics:
  - {{name: bought, kind: conversion, role: primary}}
"""


def day(number):
    return START + timedelta(days=number)


def write_table(path, columns):
    """Write columns to a Parquet file; times become UTC instants."""
    path.parent.mkdir(exist_ok=True)
    arrays = {name: pa.array(list(values)) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), path)


def make_workspace(folder, *, ids=("mail",), n=300, seed=3, rule=RULE):
    """A workspace with experiments that have a rule; the data has 20 days of logins of n contacts."""
    workspace = Workspace.create(folder / "crm", example=False)
    for experiment_id in ids:
        own = workspace.root / "experiments" / experiment_id
        own.mkdir()
        (own / "experiment.yaml").write_text(EXPERIMENT.format(id=experiment_id), encoding="utf-8")
        (own / "eligibility.yaml").write_text(rule.format(journey=experiment_id), encoding="utf-8")
    rng = np.random.default_rng(seed)
    contacts = [f"c_{i:05d}" for i in range(n)]
    plans = rng.choice(["pro", "free", ""], size=n, p=[0.6, 0.3, 0.1])
    write_table(
        workspace.root / "data" / "contacts.parquet",
        {
            "contact_id": contacts,
            "valid_from": [day(-30)] * n,
            "plan": [plan or None for plan in plans],
            "account": [f"a_{i // 3:05d}" for i in range(n)],
        },
    )
    rows = [
        (contact, START + timedelta(minutes=int(minute)))
        for contact in contacts
        for minute in rng.integers(0, 20 * 1440, rng.poisson(2))
    ]
    write_table(
        workspace.root / "data" / "logins.parquet",
        dict(zip(("contact_id", "occurred_at"), zip(*rows, strict=True), strict=True)),
    )
    return workspace


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
