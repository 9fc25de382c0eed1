"""People, milestones and campaign names are the same on every engine."""

from __future__ import annotations

import csv
from hashlib import sha256

import numpy as np
import pytest

from incrementality.capture import audit_campaigns, identify_touches, milestones, resolve_identities
from incrementality.taxonomy import default_taxonomy
from incrementality.warehouse.sql import parse

PEOPLE = "SELECT identifier_kind, identifier, person_id, account_id, problem, guessed FROM p"
TOUCHES = "SELECT touch_id, account_id, function, type, topic FROM t"
NAMED = "SELECT contact_id, person_id, account_id, problem, guessed FROM n"


def written(folder, name, header, rows):
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def company(tmp_path_factory, everywhere):
    """Contacts, links, touches and telemetry with shared, hashed, foreign and hostile identifiers."""
    rng = np.random.default_rng(20261122)
    folder = tmp_path_factory.mktemp("people")
    mails = [f"{'Zoë' if k % 7 == 0 else 'p'}{k % 75}.o'neil@X{k % 3}.com" for k in range(90)]
    digest = sha256(mails[3].encode().lower()).hexdigest()
    contacts = [
        (f"c{k}", f"a{k // 5}" if k % 4 else "", digest if k == 80 else mails[k], f"+49 (0)30 {1000 + k // 2}", f"u{k}")
        for k in range(90)
    ]
    links = [("E-Mail", mails[int(a)], "app", f"u{b}", s) for a, b, s in zip(
        rng.integers(0, 90, 12), rng.integers(0, 90, 12), [1.0] * 6 + [0.95] * 6, strict=True
    )]  # fmt: skip
    links += [
        ("cookie", "x", "app", "u1", 1.0),
        ("phone", "n/a", "app", "u1", 1.0),
        ("hash", digest, "app", "u200", 1.0),
    ]
    touches = [(str(rng.choice([f"c{k}", mails[k], f"u{k}", f"0049 30 {1000 + k}"])), "Email smb") for k in range(90)]
    telemetry = [
        (f"a{rng.integers(0, 6)}", f"2026-{1 + day // 28:02d}-{1 + day % 28:02d} 0{day % 10}:00:00", name, value)
        for day in range(112)
        for name, value in (("workflow_completed", 1.5), ("health_score", 40.5 + day / 4), ("seat_share", rng.random()))
    ]
    contacts += [("solo", "a99", "solo@x.com", "", "")]
    links += [("email", "solo@x.com", "app", "u201", 0.95)]
    touches += [("u201", "Email smb")]
    tables = {
        "contacts": (("contact_id", "account_id", "email", "phone", "app_id"), contacts),
        "identities": (("left_kind", "left_value", "right_kind", "right_value", "score"), links),
        "touchpoints": (("contact_id", "campaign"), touches),
        "telemetry": (("account_id", "occurred_at", "name", "value"), telemetry),
    }
    copies = {
        name: everywhere(written(folder, name, *content), table=f"people_{name}") for name, content in tables.items()
    }
    return {engine: {name: copies[name][engine] for name in tables} for engine in copies["contacts"]}


def rows(warehouse, text, **relations):
    return sorted(warehouse.query(parse(text, **{name: r.name for name, r in relations.items()})), key=repr)


def on_every_engine(company, answer):
    found = {engine: answer(tables) for engine, tables in company.items()}
    first = found.pop("duckdb")
    assert found
    for engine, other in found.items():
        assert other == first, engine
    return first


@pytest.mark.domain("D4", "D13")
def test_every_engine_finds_the_same_people(company):
    def answer(tables):
        warehouse = tables["contacts"].warehouse
        links = tables["identities"].relation
        found = resolve_identities(warehouse, tables["contacts"].relation, links, guesses=True)
        named = identify_touches(warehouse, tables["touchpoints"].relation, found)
        return (
            rows(warehouse, PEOPLE, p=found.people),
            rows(warehouse, NAMED, n=named.relation),
            found.conflicts,
            found.intake,
            (named.touches, named.guessed, named.problems),
        )

    people, _, conflicts, intake, (_, guessed, _) = on_every_engine(company, answer)
    assert guessed == 1
    assert conflicts.components
    assert intake.refused_links["unknown_kind"] == intake.refused_links["malformed"] == 1
    assert len({row[2] for row in people}) > 5


@pytest.mark.domain("T9")
def test_every_engine_finds_the_same_milestones(company):
    def answer(tables):
        warehouse = tables["telemetry"].warehouse
        found = milestones(warehouse, tables["telemetry"].relation, default_taxonomy().milestones)
        return rows(warehouse, TOUCHES, t=found.touches), found.raw, found.counts

    touches, raw, counts = on_every_engine(company, answer)
    assert raw == 336
    assert len(touches) == sum(count.touches for count in counts) > 30


@pytest.mark.domain("T6")
def test_every_engine_counts_the_same_campaign_names(company):
    def answer(tables):
        touches = tables["touchpoints"]
        return audit_campaigns(touches.warehouse, touches.relation, default_taxonomy())

    assert on_every_engine(company, answer).bad_touches == 91
