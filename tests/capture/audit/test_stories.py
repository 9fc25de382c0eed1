"""One small story for each metric of the audit, with figures worked by hand."""

import csv
from datetime import UTC, datetime

import pytest

from incrementality.capture import open_company, parse_sources
from incrementality.capture.audit import PastAudit, audit_company, parse_targets
from incrementality.errors import InputError
from incrementality.taxonomy import default_taxonomy
from incrementality.warehouse import connect

AS_OF = datetime(2026, 4, 30, tzinfo=UTC)
TOUCH = {"touch_id": "t1", "account_id": "a1", "function": "ae", "outcome": "held", "occurred_at": "2026-01-10 10:00"}
EVENT = {"event_id": "e1", "account_id": "a1", "kind": "new", "occurred_at": "2026-03-20", "amount": "100"}
DEAL = {
    "opportunity_id": "o1", "account_id": "a1", "kind": "new", "created_at": "2026-02-01 09:00",
    "closed_at": "2026-03-20 09:00", "outcome": "won", "amount": "100", "creation_source": "csm",
    "source_logged_at": "2026-02-01 10:00", "reason": "",
}  # fmt: skip


@pytest.fixture
def audited(tmp_path):
    """Audit a company whose tables are lists of rows."""
    with connect(threads=2) as engine:

        def audit(tables, *, targets=None, earlier=(), guesses=False, **options):
            mapping = {}
            for name, rows in ({"touchpoints": [TOUCH], "revenue_events": [EVENT]} | tables).items():
                with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
                    writer.writeheader()
                    writer.writerows(rows)
                mapping[name] = f"{name}.csv"
            sources = parse_sources(mapping, tmp_path)
            company = open_company(sources, default_taxonomy(), engine, as_of=AS_OF, guesses=guesses)
            return audit_company(company, parse_targets(targets), earlier, **options)

        yield audit


def deals(*changes):
    return [DEAL | {"opportunity_id": f"o{k}"} | change for k, change in enumerate(changes, 1)]


@pytest.mark.domain("D1", "D6")
def test_a_missing_source_and_the_literal_unknown_are_kept_apart(audited):
    changes = [{}, {"creation_source": ""}, {"creation_source": "unknown"}, {"source_logged_at": "2026-02-03"}]
    audit = audited({"opportunities": deals(*changes)})
    found = {name: audit[name].last.at_fault for name in ("source_missing", "source_unknown", "source_late")}
    assert found == {"source_missing": 1, "source_unknown": 1, "source_late": 1}
    assert audit["capture_rate"].value == 0.25
    assert audit["source_missing"].last.money == 10_000


@pytest.mark.domain("D1")
def test_a_source_within_24_hours_is_in_time_and_a_minute_later_is_late(audited):
    times = ["2026-02-02 09:00", "2026-02-02 09:01"]
    audit = audited({"opportunities": deals(*({"source_logged_at": time} for time in times))})
    assert audit["source_late"].last.at_fault == 1


@pytest.mark.domain("D1", "D7")
def test_a_source_after_the_close_is_no_other_fault(audited):
    audit = audited({"opportunities": deals({"source_logged_at": "2026-03-25", "source_at_close": "sales"})})
    names = ("source_after_close", "source_late", "source_unknown", "source_overwritten")
    assert [audit[name].last.at_fault for name in names] == [1, 0, 0, 0]


@pytest.mark.domain("D1", "D2")
def test_an_expansion_names_what_set_it_off(audited):
    changes = [{"creation_trigger": "QBR"}, {"creation_trigger": ""}, {"creation_source": "partner"}, {"kind": "new"}]
    audit = audited({"opportunities": deals(*(EXPANSION | {"creation_trigger": ""} | change for change in changes))})
    assert (audit["trigger_missing"].last.at_fault, audit["trigger_missing"].last.of) == (1, 2)


@pytest.mark.domain("D7")
def test_a_deal_is_linked_by_the_part_that_its_lead_plays(audited):
    steps = [{"step": "lead", "occurred_at": "2026-01-20", "account_id": "a1", "contact_id": "c1"}]
    roles = [{"contact_id": "c1", "opportunity_id": "o1"}, {"contact_id": "c2", "opportunity_id": "o2"}]
    tables = {"opportunities": deals({}, {}, {"kind": "renewal"}), "stages": steps}
    assert audited(tables | {"contact_roles": roles})["lead_linkage"].value == 0.5
    assert audited(tables)["lead_linkage"].value == 1  # parts are not recorded: the account links both


@pytest.mark.domain("D10")
def test_leads_are_answered_by_whoever_reaches_out(audited):
    leads = [
        {
            "step": "lead",
            "occurred_at": f"2026-02-0{k} 10:00",
            "account_id": f"a{k}",
            "logged_at": f"2026-02-0{k} 10:30",
        }
        for k in range(1, 5)
    ]
    answers = [
        ("a1", "sdr", "10:04", "outbound"),
        ("a2", "ae", "10:20", "outbound"),
        ("a3", "sdr", "12:00", "outbound"),
    ]
    answers.append(("a4", "marketing", "10:01", "outbound"))
    touches = [
        TOUCH
        | {"touch_id": a, "account_id": a, "function": who, "occurred_at": f"2026-02-0{a[1]} {at}", "direction": way}
        for a, who, at, way in answers
    ]
    audit = audited({"stages": leads, "touchpoints": touches}, targets={"agreed_minutes": 60})
    names = ("response_in_5_minutes", "response_in_30_minutes", "response_in_agreed_time")
    assert [audit[name].value for name in names] == [0.25, 0.5, 0.5]
    assert audit["response_time"].value == 20  # the median of 4, 20 and 120 minutes; one was never answered
    assert audit["response_time"].passed is None
    assert audit["stage_update_latency"].value == 0.5


@pytest.mark.domain("D10")
def test_stage_updates_and_reasons_are_held_against_targets(audited):
    step = {"step": "proposal", "occurred_at": "2026-02-01", "account_id": "a1", "reason": ""}
    steps = [step | {"logged_at": f"2026-02-0{day}"} for day in (1, 2, 4)]
    steps += [step | {"step": "lost", "reason": why, "logged_at": ""} for why in ("no budget", "")]
    lost = deals(*({"outcome": "lost", "reason": why} for why in ("price", "", "")))
    audit = audited({"stages": steps, "opportunities": lost})
    assert (audit["stage_updates_late"].last.at_fault, audit["stage_updates_late"].last.of) == (1, 3)
    assert audit["reject_reasons"].value == 0.5
    assert audit["loss_reasons"].value == pytest.approx(1 / 3)
    assert audit["loss_reasons"].failed


@pytest.mark.domain("D8", "D10")
def test_outcomes_opens_and_single_systems_are_counted(audited):
    touches = [
        TOUCH
        | {"touch_id": f"t{k}", "account_id": account, "outcome": outcome, "source_system": system, "channel": "email"}
        for k, (account, outcome, system) in enumerate(
            [("a1", "held", "crm"), ("a1", "clicked", "mail"), ("a2", "opened", "mail"), ("a2", "", "mail")]
        )
    ]
    audit = audited({"touchpoints": touches})
    assert audit["disposition_coverage"].value == 0.75
    assert audit["opens_and_clicks"].value == 0.5
    assert audit["one_system_accounts"].value == 0.5


EXPANSION = {"kind": "expansion", "created_at": "2026-03-01", "source_logged_at": "2026-03-01"}
WON = [EVENT | {"kind": "expansion", "opportunity_id": "o1", "amount": "1000.05"}]


@pytest.mark.domain("D9")
def test_credit_that_went_to_the_last_human_says_how_much_would_move(audited):
    touches = [TOUCH | {"function": "product", "type": "usage limit", "occurred_at": "2026-02-10"}]
    audit = audited({"opportunities": deals(EXPANSION), "revenue_events": WON, "touchpoints": touches})
    metric = audit["credited_to_last_human"]
    assert (metric.last.at_fault, metric.last.money, metric.moved) == (1, 100_005, 40_002)
    assert metric in audit.named


@pytest.mark.domain("D9")
@pytest.mark.parametrize(("outcome", "at_fault"), [("sent", 1), ("held", 0)])
def test_cs_owns_by_default_what_it_never_spoke_about(audited, outcome, at_fault):
    touches = [TOUCH | {"function": "cs", "outcome": outcome, "occurred_at": "2026-02-10"}]
    audit = audited({"opportunities": deals(EXPANSION), "revenue_events": WON, "touchpoints": touches})
    assert audit["cs_by_default"].last.at_fault == at_fault
    assert audit["credited_to_last_human"].last.at_fault == 0


@pytest.mark.domain("D9")
def test_the_source_share_that_would_move_is_the_companys(audited):
    touches = [TOUCH | {"function": "cs", "outcome": "sent"}]
    tables = {"opportunities": deals(EXPANSION), "revenue_events": WON, "touchpoints": touches}
    assert audited(tables, targets={"source_share": "50%"})["cs_by_default"].moved == 50_002  # half of 100,005, to even


@pytest.mark.domain("D3", "D9")
def test_lines_of_an_event_that_was_set_aside_are_not_billing_alone(audited):
    lines = [
        {
            "line_id": "l1",
            "account_id": "a1",
            "amount": "100",
            "issued_at": "2026-03-21",
            "event_id": "e1",
            "kind": "new",
        },
        {
            "line_id": "l2",
            "account_id": "a1",
            "amount": "70",
            "issued_at": "2026-03-22",
            "event_id": "",
            "kind": "expansion",
        },
    ]
    refunds = [{"refund_id": "r1", "amount": "500", "refunded_at": "2026-03-25", "event_id": "e1"}]
    audit = audited({"invoices": lines, "refunds": refunds})
    assert (audit["never_logged"].last.at_fault, audit["never_logged"].last.of) == (1, 1)
    assert audit["never_logged"].moved == audit["billing_unmatched"].last.money == 7_000
    assert audit["billing_unmatched"].value == 0.5


@pytest.mark.domain("D13")
@pytest.mark.parametrize(("guesses", "resting"), [(False, 0), (True, 1)])
def test_revenue_that_rests_on_a_guessed_identity_is_printed(audited, guesses, resting):
    contacts = [{"contact_id": "c1", "account_id": "a1", "email": "ann@x.example", "app_id": ""}]
    link = {"left_kind": "email", "left_value": "ann@x.example", "right_kind": "app_id", "right_value": "u7"}
    tables = {
        "contacts": contacts,
        "identities": [link | {"score": "0.95"}],
        "touchpoints": [TOUCH, TOUCH | {"touch_id": "t2", "contact_id": "u7"}],
    }
    metric = audited(tables, guesses=guesses)["resting_on_guesses"]
    assert (metric.last.at_fault, metric.last.money) == (resting, resting * 10_000)


@pytest.mark.domain("G7")
def test_below_the_floor_tables_of_budget_say_insufficient_data(audited):
    poor = deals({}, {"creation_source": ""}, {"creation_source": "unknown"})
    told = audited({"opportunities": poor}).insufficient
    assert told == (
        "Insufficient data: the capture rate of 2026Q1 is 33.3 %, below the floor of 50 %; the share of missing and "
        "unknown sources of 2026Q1 is 66.7 %, above the floor of 40 %."
    )
    floors = {"capture_rate": "30%", "unknown_share": "70%"}
    assert audited({"opportunities": poor}, targets={"floors": floors}).insufficient == ""


@pytest.mark.domain("D11")
def test_the_trend_is_against_what_the_last_audit_said(audited):
    earlier = [PastAudit("2025Q4", {"capture_rate": 0.8}), PastAudit("2025Q3", {"capture_rate": 0.2})]
    later = PastAudit("2026Q2", {"capture_rate": 0.1})
    metric = audited({"opportunities": deals({}, {"creation_source": ""})}, earlier=[*earlier, later])["capture_rate"]
    assert metric.earlier == (("2025Q3", 0.2), ("2025Q4", 0.8))
    assert metric.trend == pytest.approx(-0.3)


@pytest.mark.domain("D11")
def test_each_metric_prints_formula_owner_target_value_and_trend(audited):
    audit = audited({"opportunities": deals({})}, targets={"capture_rate": {"target": "90%", "owner": "Ann"}})
    row = next(row for row in audit.to_dicts() if row["metric"] == "capture rate")
    assert (row["owner"], row["target"], row["value"], row["passed"]) == ("Ann", "90 %", "100 %", True)
    assert "written down within 24 hours" in row["formula"]
    assert "capture rate" in audit.to_text()
    assert "<table>" in audit.to_html()


def test_what_cannot_be_measured_says_which_table_is_missing(audited):
    audit = audited({})
    assert audit.unmeasured["never_logged"] == "there is no table of invoices"
    assert "capture_rate" not in {one.rule.name for one in audit.metrics}


def test_another_quarter_can_be_audited(audited):
    audit = audited(
        {"opportunities": deals({}, {"created_at": "2025-11-01", "creation_source": ""})}, quarter="2025-q4"
    )
    assert (audit.quarter, audit["source_missing"].value) == ("2025Q4", 1)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"capture_rate": "90"}, "targets.capture_rate.target is '90'"),
        ({"partner_sourced": 0.1}, "the metric only informs"),
        ({"floors": {"capture": 0.5}}, "targets.floors.capture: the key is unknown"),
        ({"response_functions": "sdr"}, "targets.response_functions is 'sdr'"),
        ({"capture_rate": {"owners": "Ann"}}, "targets.capture_rate.owners: the key is unknown"),
    ],
)
def test_targets_that_cannot_be_used_are_named(written, said):
    with pytest.raises(InputError, match=said):
        parse_targets(written)


def test_a_target_can_be_taken_away():
    assert parse_targets({"capture_rate": "none"}).rules["capture_rate"].target is None
