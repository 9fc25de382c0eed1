"""The verbs of attribution on a company of two files, and on a simulated one with every table."""

from __future__ import annotations

import json

import pytest

from incrementality.attribution import read_ledger
from incrementality.attribution.analysis import AUDIENCES
from incrementality.errors import InputError, StaleReadout, WorkspaceError
from incrementality.warehouse import connect
from incrementality.workspace import (
    attribute,
    attribution_files,
    audit_data,
    check_attribution,
    deal_tree,
    make_company_demo,
    read_attribution_settings,
    start_attribution,
)
from tests.workspace.companies import EVENTS, SETTINGS, TOUCHES, simulated, two_files


def credited(result, table="functions"):
    """Credit by function of one table, without the total."""
    rows = result.table(table).rows
    return {row["function"]: row["revenue_credited"] for row in rows if row["function"] != "total"}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A company of two files."""
    return two_files(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def result(two):
    """Its attribution."""
    return attribute(two, "2026Q2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The attribution of a simulated company with every table."""
    return attribute(simulated(tmp_path_factory.mktemp("simulated")))


class TestTwoFiles:
    @pytest.mark.domain("R1", "M18")
    def test_credit_of_the_quarter_by_hand(self, result):
        """Of 100.01 won from a: marketing 30, SDR 15, AE 35 of 80; b's renewal is CS alone; c was never touched."""
        assert credited(result) == pytest.approx(
            {"marketing": 37.50375, "sdr": 18.751875, "ae": 43.754375, "cs": 50.0, "unallocated": 30.0}
        )

    def test_a_touch_after_an_earlier_event_does_not_count_for_it(self, result):
        trend = {(row["quarter"], row["function"]): row["revenue_credited"] for row in result.table("trend").rows}
        assert trend["2026Q1", "unallocated"] == pytest.approx(10.0)

    @pytest.mark.domain("G5")
    def test_revenue_in_is_credited_unknown_unallocated_and_quarantined(self, result):
        for row in result.table("reconciliation").rows:
            parts = row["credited"] + row["unknown"] + row["unallocated"] + row["quarantined"]
            assert round(100 * row["revenue_in"]) == round(100 * parts) == 22001
            assert (row["quarantined"], row["unallocated"]) == (30.0, 40.0)

    @pytest.mark.domain("M13")
    def test_influenced_revenue_is_apart_and_each_event_counts_once(self, result):
        rows = {row["function"]: row["influenced"] for row in result.table("influence").rows}
        assert rows == {"ae": 100.01, "cs": 50.0, "marketing": 100.01, "sdr": 100.01, "each event once": 150.01}

    def test_each_missing_table_says_what_it_costs(self, result):
        assert "costs" in result.missing
        assert "ROI" in result.missing["costs"]
        assert {table.key for table in result.tables} & {"costs", "unit_costs", "velocity", "cohorts"} == set()

    @pytest.mark.domain("M2")
    def test_learned_models_without_enough_conversions_count_for_nothing(self, result):
        assert set(result.withheld) == {"markov", "shapley", "regression"}
        assert "Needs 500 conversions a month" in result.withheld["markov"]

    def test_the_ledger_on_disk_adds_up_to_the_cent(self, two, result):
        with connect() as engine:
            ledger = read_ledger(attribution_files(two, "2026Q2").ledger, engine)
            assert ledger.reconcile().holds
            assert ledger.revenue["linear"] == 19001
            assert ledger.fingerprint == result.manifest["specification"]

    def test_the_page_is_rendered_again_byte_by_byte(self, two, result):
        assert check_attribution(two, "2026Q2") == result

    @pytest.mark.domain("G1")
    def test_the_numbers_say_what_they_were_made_with(self, two, result):
        assert set(result.manifest["sources_sha256"]) == {"touchpoints.csv", "revenue_events.csv"}
        assert result.fingerprints == read_attribution_settings(two).spec.fingerprints

    @pytest.mark.domain("R3")
    def test_a_deal_as_a_tree(self, two):
        tree = deal_tree(two, "e1")
        assert [(branch.function, branch.touches) for branch in tree.branches] == [
            ("ae", 1),
            ("marketing", 1),
            ("sdr", 1),
        ]
        assert tree.unallocated == pytest.approx(0)

    def test_an_unknown_deal_is_named_with_one_that_is_there(self, two):
        with pytest.raises(InputError, match="there is no revenue event or opportunity 'e9'") as error:
            deal_tree(two, "e9")
        assert "e1" in error.value.hint

    def test_a_quarter_without_events_is_refused_with_those_that_have_some(self, two):
        with pytest.raises(InputError, match="no revenue event closed in 2025Q4") as error:
            attribute(two, "2025Q4")
        assert "2026Q2" in error.value.hint
        assert not attribution_files(two, "2025Q4").result.exists()

    def test_what_was_refused_is_counted_with_its_money(self, two):
        audit = audit_data(two)
        assert audit.intake["revenue_events"].rows_refused("duplicate") == 1
        assert audit.revenue.quarantined == {"duplicate": 3000}
        assert audit.intake["touchpoints"].rows_refused("duplicate") == 1

    def test_samples_are_hashed_on_request(self, two):
        plain, hashed = (audit_data(two, hash_ids=wanted).intake for wanted in (False, True))
        assert plain["touchpoints"].refused[0].samples == ("t5",)
        assert hashed["touchpoints"].refused[0].samples != ("t5",)
        again = audit_data(two, hash_ids=True).intake
        assert again["touchpoints"].refused[0].samples == hashed["touchpoints"].refused[0].samples


def test_an_edited_page_is_stale(tmp_path):
    workspace = two_files(tmp_path)
    attribute(workspace, "2026Q2")
    files = attribution_files(workspace, "2026Q2")
    record = json.loads(files.result.read_text(encoding="utf-8"))
    record["sentence"] = "Everything was caused by us."
    files.result.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(StaleReadout, match=r"attribution.html is not what"):
        check_attribution(workspace, "2026Q2")
    files.result.write_text("{}", encoding="utf-8")
    with pytest.raises(StaleReadout, match="damaged or edited"):
        check_attribution(workspace, "2026Q2")


@pytest.mark.domain("W14")
def test_a_ledger_may_count_deals(tmp_path):
    workspace = two_files(tmp_path, settings=SETTINGS + "unit: deals\n")
    result = attribute(workspace, "2026Q2")
    assert result.currency == "deals"
    assert sum(credited(result).values()) == pytest.approx(3)
    assert credited(result)["cs"] == pytest.approx(1)


@pytest.mark.domain("G7")
def test_too_much_unknown_credit_withholds_ratios(tmp_path):
    workspace = two_files(tmp_path, settings=SETTINGS.replace("50%", "5%"))
    result = attribute(workspace, "2026Q2")
    assert "of the credit is unknown or unallocated" in result.insufficient
    assert result.table("functions").rows[0]["roi"] == "insufficient data"


def test_the_order_of_rows_changes_nothing(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    head, *rows = TOUCHES.splitlines(keepends=True)
    start, *events = EVENTS.splitlines(keepends=True)
    one = attribute(two_files(tmp_path / "one"), "2026Q2")
    shuffled = two_files(
        tmp_path / "two", touches="".join([head, *reversed(rows)]), events="".join([start, *reversed(events)])
    )
    assert attribute(shuffled, "2026Q2").tables == one.tables


class TestSimulated:
    def test_the_last_quarter_that_is_over_is_taken(self, whole):
        assert whole.period == "2025Q4"

    @pytest.mark.domain("R2", "R4", "R5", "R6", "R7", "R9", "R10", "R14", "R18", "R20", "M14", "M15")
    def test_every_answer_is_there(self, whole):
        assert [table.key for table in whole.tables] == [
            *("reconciliation", "functions", "kinds", "channels", "comparison", "intervals", "influence", "views"),
            *("trend", "roles", "matrix", "budget", "paths", "costs", "steps", "unit_costs", "cohorts", "velocity"),
            *("engagement", "back_test", "signals", "specification", "revenue", "intake"),
        ]
        assert whole.missing == {}

    @pytest.mark.domain("R1")
    def test_credit_by_function_adds_up_to_the_quarters_revenue(self, whole):
        rows = whole.table("functions").rows
        assert sum(row["revenue_credited"] for row in rows[:-1]) == pytest.approx(rows[-1]["revenue_credited"])
        kinds = whole.table("kinds").rows[-1]
        whole = sum(value for kind, value in kinds.items() if kind not in {"function", "saved (beside)"})
        assert whole == pytest.approx(rows[-1]["revenue_credited"])

    @pytest.mark.domain("R14")
    def test_costs_add_up_to_each_functions_cost(self, whole):
        costs = {row["function"]: row["cost"] for row in whole.table("functions").rows if row["cost"] is not None}
        parts = {}
        for row in whole.table("costs").rows:
            parts[row["function"]] = parts.get(row["function"], 0.0) + row["amount"]
        assert {name: costs[name] for name in parts} == pytest.approx(parts)

    @pytest.mark.domain("R4")
    def test_the_matrix_and_the_sourced_column_agree(self, whole):
        by_source = {
            row["source"]: sum(value for name, value in row.items() if name != "source")
            for row in whole.table("matrix").rows
        }
        sourced = {row["team"]: row["sourced"] for row in whole.table("budget").rows if row["sourced"]}
        assert by_source == pytest.approx(sourced)

    @pytest.mark.domain("R19")
    def test_every_audience_has_its_tables(self, whole):
        for audience, keys in AUDIENCES.items():
            assert [table.key for table in whole.for_audience(audience)] == list(keys)
        with pytest.raises(InputError, match=r"'sails' is no audience.*Did you mean 'sales'"):
            whole.for_audience("sails")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("company: {name: X}\n", "line .*sources.touchpoints: this table is missing"),
        (SETTINGS + "modles: {}\n", r"line 6, modles: the key is unknown.*Did you mean 'models'"),
        (SETTINGS + "models:\n  beside: [lineal]\n", r"line 7, models.beside\[0\]: names the model 'lineal'"),
        (SETTINGS + "taxonomy:\n  chanels: {}\n", r"line 7, taxonomy.chanels: the key is unknown"),
        (SETTINGS + "windows:\n  rules:\n  - {kind: new, days: 0}\n", r"line 8, windows.rules\[0\]"),
        (SETTINGS.replace("2026-07-10", "soon"), "line 1, company.as_of: 'soon' is no day"),
        (SETTINGS + "targets: {capture: 0.9}\n", "targets.capture: the key is unknown"),
        ("- a\n", "the file holds a list"),
    ],
)
def test_problems_of_the_settings_are_told_with_their_lines(tmp_path, text, said):
    workspace = two_files(tmp_path, settings=text)
    with pytest.raises(InputError, match=said):
        read_attribution_settings(workspace)


def test_without_settings_the_next_step_is_named(tmp_path):
    workspace = two_files(tmp_path)
    (tmp_path / "attribution.yaml").unlink()
    with pytest.raises(InputError, match=r"has no attribution.yaml") as error:
        attribute(workspace)
    assert error.value.hint == "write a commented one: incrementality attribute init"


def test_the_starter_can_be_read_as_it_is_and_is_never_overwritten(tmp_path):
    workspace = two_files(tmp_path)
    (tmp_path / "attribution.yaml").unlink()
    start_attribution(workspace)
    assert read_attribution_settings(workspace).name == "Example"
    with pytest.raises(WorkspaceError, match="is there already"):
        start_attribution(workspace)


def test_the_demo_of_a_company_knows_what_was_caused(tmp_path):
    made = make_company_demo(tmp_path / "demo", accounts=200, seed=3)
    assert made.page.is_file()
    assert 0 < made.caused < made.revenue
    stated = next(row["amount"] for row in made.result.table("revenue").rows if row["part"] == "stated")
    assert stated == pytest.approx(made.revenue, rel=0.1)
    again = make_company_demo(tmp_path / "demo", accounts=200, seed=3).result
    assert again.table("functions") == made.result.table("functions")
