"""A user's own export from another tool: odd column names, mixed time zones, German amounts, mapped by YAML alone."""

from datetime import UTC, datetime

import pytest
import yaml

from incrementality.capture import open_company, parse_sources
from incrementality.errors import SourcesError
from incrementality.taxonomy import default_taxonomy
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse

TOUCHES = """\
Lfd. Nr.;Kundennr.;Wann (lokal);Team;Art;Weg;Erfolg
0001;K-007;05.01.2026 10:00;Vertrieb;Vorführung;vor Ort;erledigt
0002;K-007;2026-01-06T09:30:00-05:00;Werbung;Webinar;Netz;dabei
0003;K-008;26.10.2025 02:30;Betreuung;Quartalsgespräch;Telefon;erledigt
0003;K-008;26.10.2025 02:30;Betreuung;Quartalsgespräch;Telefon;erledigt
0004;K-009;irgendwann;Betreuung;Quartalsgespräch;Telefon;
"""
DEALS = """\
Kunde;Betrag;Abschluss;Sparte
K-007;1.234,50;2026-02-01;Neu
K-008;(200,00);2026-02-01;Ausbau
"""
SETTINGS = """\
company: {currency: EUR, time_zone: Europe/Berlin}
sources:
  touchpoints:
    from: export.csv
    time_format: "%d.%m.%Y %H:%M"
    columns:
      touch_id: Lfd. Nr.
      account_id: Kundennr.
      occurred_at: Wann (lokal)
      function: Team
      type: Art
      channel: Weg
      outcome: Erfolg
    constants: {source_system: other_tool, direction: outbound}
    values:
      function: {Vertrieb: ae, Werbung: marketing, Betreuung: cs}
      type: {Vorführung: demo, Quartalsgespräch: QBR}
      channel: {vor Ort: meeting, Netz: web, Telefon: phone}
      outcome: {erledigt: held, dabei: attended}
  revenue_events:
    from: abschluesse.csv
    columns: {account_id: Kunde, amount: Betrag, occurred_at: Abschluss, kind: Sparte}
    values: {kind: {Neu: new, Ausbau: expansion}}
    money: {unit: major, decimal: ","}
"""


@pytest.fixture
def company(tmp_path):
    (tmp_path / "export.csv").write_text(TOUCHES, encoding="utf-8")
    (tmp_path / "abschluesse.csv").write_text(DEALS, encoding="utf-8")
    settings = yaml.safe_load(SETTINGS)
    sources = parse_sources(settings["sources"], tmp_path, company=settings["company"], root=tmp_path)
    with connect(threads=2) as warehouse:
        yield open_company(sources, default_taxonomy(), warehouse, as_of=datetime(2026, 6, 30, tzinfo=UTC))


@pytest.mark.domain("T1", "D5")
def test_touches_are_read_as_they_were_meant(company):
    query = parse(
        "SELECT touch_id, account_id, CAST(occurred_at AS TEXT), function, type, stage, channel, outcome "
        "FROM touches ORDER BY touch_id",
        touches=company.tables["touchpoints"].name,
    )
    assert company.warehouse.query(query) == [
        ("0001", "K-007", "2026-01-05 09:00:00", "ae", "demo", "evaluation", "meeting", "held"),
        ("0002", "K-007", "2026-01-06 14:30:00", "marketing", "webinar", "consideration", "web", "attended"),
        ("0003", "K-008", "2025-10-26 01:30:00", "cs", "quarterly_review", "adoption", "phone", "held"),
    ]


def test_what_did_not_fit_is_counted(company):
    intake = company.intake["touchpoints"]
    assert {one.name: one.rows for one in intake.refused} == {"duplicate": 1, "unreadable_occurred_at": 1}
    assert {one.name: one.rows for one in intake.flagged} == {"ambiguous_occurred_at": 1}


def test_german_amounts_are_cents(company):
    events = company.tables["revenue_events"].name
    assert company.warehouse.query(parse("SELECT kind, amount FROM events ORDER BY kind", events=events)) == [
        ("expansion", -20_000),
        ("new", 123_450),
    ]


def test_two_tools_may_number_their_touches_alike(tmp_path):
    for name in ("calls", "tickets"):
        (tmp_path / f"{name}.csv").write_text("id,account_id,occurred_at\n1,a1,2026-01-05\n2,a1,2026-01-06\n")
    (tmp_path / "won.csv").write_text("account_id,kind,occurred_at,amount\na1,new,2026-02-01,10\n")
    touches = [
        {"from": "calls.csv", "columns": {"touch_id": "id"}}
        | {"constants": {"function": "sdr", "source_system": "calls"}},
        {"from": "tickets.csv", "preset": "zendesk_tickets"},
    ]
    sources = parse_sources({"touchpoints": touches, "revenue_events": "won.csv"}, tmp_path)
    with connect(threads=2) as warehouse:
        company = open_company(sources, default_taxonomy(), warehouse, as_of=datetime(2026, 6, 30, tzinfo=UTC))
        query = parse("SELECT touch_id, function FROM t ORDER BY touch_id", t=company.tables["touchpoints"].name)
        assert warehouse.query(query) == [
            ("calls:1", "sdr"),
            ("calls:2", "sdr"),
            ("zendesk_tickets:1", "support"),
            ("zendesk_tickets:2", "support"),
        ]


def test_several_systems_without_a_name_each_are_refused(tmp_path):
    (tmp_path / "calls.csv").write_text("id\n1\n")
    with pytest.raises(SourcesError, match="several sources need different constants 'source_system'"):
        parse_sources({"touchpoints": ["calls.csv", "calls.csv"], "revenue_events": "calls.csv"}, tmp_path)


def test_a_system_without_ids_gets_ids_beside_one_that_has_them(tmp_path):
    (tmp_path / "calls.csv").write_text("touch_id,account_id,occurred_at\n1,a1,2026-01-05\n")
    (tmp_path / "visits.csv").write_text("account_id,occurred_at\na1,2026-01-05\na1,2026-01-06\n")
    (tmp_path / "won.csv").write_text("account_id,kind,occurred_at,amount\na1,new,2026-02-01,10\n")
    touches = [
        {"from": f"{name}.csv", "constants": {"function": "sdr", "source_system": name}} for name in ("calls", "visits")
    ]
    sources = parse_sources({"touchpoints": touches, "revenue_events": "won.csv"}, tmp_path)
    with connect(threads=2) as warehouse:
        company = open_company(sources, default_taxonomy(), warehouse, as_of=datetime(2026, 6, 30, tzinfo=UTC))
        query = parse("SELECT count(DISTINCT touch_id), count(*) FROM t", t=company.tables["touchpoints"].name)
        assert warehouse.query(query) == [(3, 3)]
