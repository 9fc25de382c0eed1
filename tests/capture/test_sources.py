"""The settings of sources: every problem is told by its key, presets fill in what users need not write."""

import numpy as np
import pytest

from incrementality.capture import PRESETS, parse_sources
from incrementality.errors import ColumnNotFound, SourcesError
from incrementality.tables import COMPANY_TABLES

FRAME = {"account_id": np.array(["a"])}
NEEDED = {"touchpoints": {"from": FRAME}, "revenue_events": {"from": FRAME}}


def problems(mapping, **options):
    with pytest.raises(SourcesError) as error:
        parse_sources(NEEDED | mapping, **options)
    return error.value.problems


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"colums": {}}, "sources.costs.colums: this key is unknown; allowed: from, table, preset, columns"),
        ({"columns": {"functoin": "f"}}, "sources.costs.columns.functoin: costs has no column of this name. Did you"),
        ({"constants": {"funktion": "f"}}, "sources.costs.constants.funktion: costs has no column of this name."),
        ({"values": {"amount": {"1": "2"}}}, "sources.costs.values.amount: a money has no spellings"),
        ({"time_zone": "Europe/Berln"}, "sources.costs.time_zone: 'Europe/Berln' is no time zone; write an"),
        ({"money": {"unit": "cents"}}, "sources.costs.money.unit: 'cents' is not allowed; write 'major' or 'minor'."),
        ({"money": {"decimal": ";"}}, "sources.costs.money.decimal: ';' is not allowed; write '.' or ','."),
        ({"currency": "Euro"}, "sources.costs.currency: 'Euro' is no currency; write three letters, like EUR"),
        ({"preset": "salesforce_task"}, "sources.costs.preset: the preset 'salesforce_task' is for the"),
        ({"from": "nowhere.csv"}, "sources.costs.from: there is no file at 'nowhere.csv'"),
    ],
)  # fmt: skip
def test_every_problem_is_told_by_its_key(source, told, tmp_path):
    found = problems({"costs": {"from": FRAME} | source}, base=tmp_path)
    assert len(found) == 1
    assert found[0].startswith(told)


def test_all_problems_are_told_at_once():
    found = problems({"cost": FRAME, "usage": {"from": FRAME, "colums": 1}}, company={"curency": "EUR"})
    assert [one.split(":")[0] for one in found] == ["company.curency", "sources.cost", "sources.usage.colums"]


def test_touches_and_revenue_are_needed():
    with pytest.raises(SourcesError, match=r"sources.touchpoints: this table is missing"):
        parse_sources({"opportunities": FRAME})
    with pytest.raises(SourcesError, match="opportunities with their won deals"):
        parse_sources({"touchpoints": FRAME})


def test_a_rate_is_a_positive_number_of_a_month():
    found = problems({}, company={"convert": {"USD": {"2026-13": 1}, "GBP": -1, "usd": 2}})
    assert [one.split(": ")[1] for one in found] == [
        "'2026-13' is no month; write it like 2026-03",
        "the rate -1 is no positive number",
        "a currency is three capital letters, like USD",
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_columns_of_its_contract(name):
    preset = PRESETS[name]
    known = {column.name for column in COMPANY_TABLES[preset.table].columns}
    assert {*preset.columns, *preset.constants, *preset.values} <= known


def test_a_user_overrides_single_columns_of_a_preset(take_in, rows):
    deals = [
        {"Id": "o1", "AccountId": "a1", "Typ__c": "Upsell", "CreatedDate": "2026-01-05T10:00:00.000+0000"}
        | {"CloseDate": "2026-03-01", "StageName": "Closed Won", "Amount": "1200"},
        {"Id": "o2", "AccountId": "a2", "Typ__c": "Upsell", "CreatedDate": "2026-01-05T10:00:00.000+0000"}
        | {"CloseDate": "2026-09-01", "StageName": "Negotiation/Review", "Amount": "900"},
    ]
    settings = {"opportunities": {"preset": "salesforce_opportunity", "columns": {"kind": "Typ__c"}}}
    company = take_in({"opportunities": deals, "revenue_events": None}, settings=settings)
    assert rows(company, "opportunities", "opportunity_id", "kind", "outcome") == [
        ("o1", "expansion", "won"),
        ("o2", "expansion", "open"),
    ]
    assert rows(company, "revenue_events", "event_id", "amount", "kind") == [("o1", 120_000, "expansion")]


def test_stripe_amounts_are_cents_and_times_seconds(take_in, rows):
    lines = [{"id": "il_1", "customer": "a1", "amount": "1999", "currency": "eur", "created": "1767225600"}]
    company = take_in({"invoices": lines}, settings={"invoices": {"preset": "stripe_invoices"}})
    (found,) = rows(company, "invoices", "line_id", "amount", "currency", "issued_at")
    assert (*found[:3], found[3].isoformat()) == ("il_1", 1999, "EUR", "2026-01-01T00:00:00")


def test_a_column_that_the_user_names_must_be_there(take_in):
    with pytest.raises(ColumnNotFound, match=r"has no column 'typ', which is to be 'type'\. Did you mean 'type'\?"):
        take_in(settings={"touchpoints": {"columns": {"type": "typ"}}})


def test_a_needed_column_that_nobody_names_is_asked_for(take_in):
    with pytest.raises(ColumnNotFound, match="has no column for 'kind', 'amount'") as error:
        take_in({"revenue_events": [{"account_id": "a1", "occurred_at": "2026-01-01"}]})
    assert "write sources.revenue_events.columns: {kind: <its name there>}" in error.value.hint
