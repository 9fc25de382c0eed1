"""A design whose numbers are looked up in a history instead of stated."""

import json
import random
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.design import DesignAnswer
from incrementality.errors import ColumnNotFound, InputError, SourceNotFound, UnsafePath, WorkspaceError
from incrementality.files import sha256_of
from incrementality.workspace import Workspace, assign_units, design_experiment, sign_design
from incrementality.workspace.designs import drawn_so_far

METRIC = "{name: bought, kind: conversion, role: primary}"
BOUGHT = "{name: bought, kind: conversion, role: primary, window: 28d, smallest_effect: {relative: 10%}}"
REVENUE = "{name: spend, kind: revenue, role: primary, window: 28d, unit: EUR, smallest_effect: {relative: 30%}}"
RATIO = (
    "{name: order value, kind: ratio, numerator: spend, denominator: orders, role: primary, window: 28d, "
    "smallest_effect: {relative: 30%}}"
)
REQUEST = """\
request:
  decision: Send the mail to everybody, or stop it.
  population: auto
  arrivals_per_week: auto
  baseline: {from: history.csv, unit: contact_id, t0: entered%s}
  approvals: [owner]
"""


@pytest.fixture
def folder(workspace):
    """An experiment with 26 weeks of history: 70 contacts a week, in accounts of seven."""
    folder = workspace.root / "experiments" / "mail"
    rng = random.Random(3)  # noqa: S311 - sample data
    lines = ["contact_id,account,entered,bought,spend,orders"]
    for i in range(1820):
        bought = int(rng.random() < 0.2)
        day = date(2026, 1, 5) + timedelta(days=i % 182)
        spend = bought * rng.lognormvariate(3, 1.2)
        lines.append(f"c{i},a{i // 7},{day},{bought},{spend:.2f},{bought + rng.randint(1, 3)}")
    (folder / "history.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return folder


def ask(folder, metric=BOUGHT, more="", request=REQUEST):
    path = folder / "experiment.yaml"
    text = path.read_text(encoding="utf-8").partition("request:")[0].replace(METRIC, metric)
    path.write_text(text + request % more, encoding="utf-8")


def test_baseline_and_traffic_come_from_the_history(workspace, folder):
    ask(folder)
    request = design_experiment(workspace, "mail").request
    assert (request.population, request.arrivals_per_week, request.baseline.n) == (0, 70.0, 1550)
    assert request.baseline.mean == pytest.approx(0.2, abs=0.03)
    assert request.looked_up.sha256 == sha256_of(folder / "history.csv")
    assert request.looked_up.what == "baseline, population, arrivals_per_week"


def test_the_page_and_the_file_say_what_was_looked_up(workspace, folder):
    ask(folder)
    design_experiment(workspace, "mail")
    content = json.loads((folder / "design.json").read_text(encoding="utf-8"))
    said = content["request"]["looked_up"]["sentence"]
    assert said.startswith("70 contacts a week over the last 26 weeks; bought ")
    assert "270 are too recent to be counted" in said
    assert DesignAnswer.from_dict(content).request.looked_up.sentence == said
    page = (folder / "design.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    for words in ("history.csv", "70 contacts a week", sha256_of(folder / "history.csv")):
        assert words in page


@pytest.mark.parametrize(
    ("metric", "more"),
    [(REVENUE, ""), (RATIO, ""), (BOUGHT, ", cluster: account"), (REVENUE, ", cluster: account")],
    ids=["revenue", "ratio", "clustered conversion", "clustered revenue"],
)
def test_power_is_counted_on_the_history_where_formulas_mislead(workspace, folder, metric, more):
    ask(folder, metric, more)
    answer = design_experiment(workspace, "mail")
    assert answer.guarded.power is not None
    assert "Counted on the history" in answer.guarded.sentence
    assert (answer.request.baseline.units_per_cluster > 1) == bool(more)


def test_a_signed_design_holds_while_its_history_grows(workspace, folder):
    ask(folder)
    before = design_experiment(workspace, "mail")
    with (folder / "history.csv").open("a", encoding="utf-8") as file:
        file.write("late,a1,2026-07-01,1,5.00,1\n")
    assert sign_design(workspace, "mail", role="owner", name="Ada").hash == before.hash


def test_another_question_to_the_history_has_to_be_designed_again(workspace, folder):
    ask(folder)
    design_experiment(workspace, "mail")
    ask(folder, more=", weeks: 8")
    with pytest.raises(WorkspaceError, match="has changed since it was designed"):
        sign_design(workspace, "mail", role="owner", name="Ada")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("history.csv", "histroy.csv", (SourceNotFound, "Did you mean 'history.csv'")),
        ("history.csv", "../../../history.csv", (UnsafePath, "lies outside the workspace")),
        ("t0: entered", "t0: enterd", (ColumnNotFound, "Did you mean 'entered'")),
        ("unit: contact_id", "unit: contact_id, column: spent", (ColumnNotFound, "Did you mean 'spend'")),
        ("from: history.csv", "from: crm.history", (SourceNotFound, "crm.history")),
    ],
)
def test_a_history_that_cannot_be_used_writes_no_design(workspace, folder, old, new, expected):
    ask(folder, request=REQUEST.replace(old, new))
    error, words = expected
    with pytest.raises(error, match=words):
        design_experiment(workspace, "mail")
    assert not (folder / "design.json").exists()


def test_a_request_without_numbers_says_what_to_write(workspace, folder):
    ask(folder, request="request: {decision: Send it or stop it., population: 100}\n%s")
    with pytest.raises(InputError, match="has no baseline for 'bought'"):
        design_experiment(workspace, "mail")


def test_the_page_shows_what_was_drawn_so_far(workspace, folder):
    ask(folder)
    design_experiment(workspace, "mail")
    assert "Drawn so far" not in (folder / "design.html").read_text(encoding="utf-8")
    assign_units(workspace, "mail", folder / "history.csv")
    design_experiment(workspace, "mail")
    page = (folder / "design.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    drawn = drawn_so_far(workspace, "mail")
    assert drawn.passed
    assert sum(row["n"] for row in drawn.table) == 1820
    for row in drawn.table:
        assert f">{row['n']}<" in page.replace(",", "")


def test_arms_that_are_not_as_planned_are_told(workspace, folder):
    ask(folder)
    assign_units(workspace, "mail", folder / "history.csv")
    path = folder / "assignment.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "counts": {"holdout": 600, "mail": 1220}}), encoding="utf-8")
    assert drawn_so_far(workspace, "mail").passed is False
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        drawn_so_far(workspace, "mail")


def test_a_history_may_be_one_of_the_named_sources(workspace, folder):
    settings = workspace.root / "incrementality.yaml"
    settings.write_text("sources: {past_entries: {source: experiments/mail/history.csv}}\n", encoding="utf-8")
    ask(folder, request=REQUEST.replace("history.csv", "past_entries"))
    found = design_experiment(Workspace(workspace.root), "mail").request
    assert (found.arrivals_per_week, found.looked_up.sha256) == (70.0, sha256_of(folder / "history.csv"))


def test_nobody_is_planned_to_enter_after_the_last_day(workspace):
    from incrementality.workspace import design_experiment

    path = workspace.folder("mail") / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("role: primary}", "role: primary, smallest_effect: {relative: 5%}}")
    asked = "request: {decision: Send it or stop., population: 100, arrivals_per_week: 100, baseline: {mean: 0.1}}\n"
    path.write_text(text + "started: 2026-01-05\nended: 2026-02-01\n" + asked, encoding="utf-8")
    answer = design_experiment(workspace, "mail")
    assert answer.enrolment_weeks == 4
    assert answer.n == 500


@pytest.mark.domain("X1")
def test_units_of_the_global_holdout_are_not_counted_on(workspace):
    from incrementality.workspace import design_experiment

    path = workspace.folder("mail") / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("role: primary}", "role: primary, smallest_effect: {relative: 5%}}")
    path.write_text(text + "request: {decision: Send or stop., population: 1000, baseline: {mean: 0.1}}\n", "utf-8")
    before = design_experiment(workspace, "mail")
    (workspace.root / "programme.yaml").write_text("global_holdouts: [{salt: gh-1, share: 10%, unit: contact}]\n")
    after = design_experiment(workspace, "mail")
    assert (before.n, after.n) == (1000, 900)
    assert any("10 % of contacts are in the global holdout" in note.replace("\xa0", " ") for note in after.notes)


CAPPED = (
    "{name: spend capped, kind: revenue, column: spend, role: primary, window: 28d, unit: EUR, "
    "smallest_effect: {relative: 30%}, winsorise: {at: 0.99, from: design}}"
)


def test_a_cap_is_looked_up_in_earlier_units_and_kept_in_the_design(workspace, folder):
    ask(folder, CAPPED)
    answer = design_experiment(workspace, "mail")
    rows = pd.read_csv(folder / "history.csv", parse_dates=["entered"])
    followed = rows.loc[rows["entered"] + pd.Timedelta("28D") <= rows["entered"].max() + pd.Timedelta("1D"), "spend"]
    assert answer.request.cap == pytest.approx(followed.quantile(0.99, interpolation="inverted_cdf"), rel=0.02)
    assert answer.request.baseline.mean < followed.mean()
    assert "count as that much" in answer.request.looked_up.sentence
    assert DesignAnswer.from_dict(json.loads((folder / "design.json").read_text(encoding="utf-8"))) == answer


def test_the_readout_takes_the_cap_from_the_design_and_never_from_its_outcomes(workspace, folder):
    ask(folder, CAPPED)
    answer, experiment = design_experiment(workspace, "mail"), workspace.experiment("mail")
    rng = np.random.default_rng(5)
    arms = [arm.name for arm in experiment.arms]
    frame = pd.DataFrame({"arm": rng.choice(arms, 3000), "spend": rng.lognormal(3, 1.5, 3000)})
    frame.insert(0, str(experiment.data.unit), np.arange(3000))
    readout = read_out(experiment, data=frame, designs=[answer])
    control = next(arm.name for arm in experiment.arms if arm.control)
    cut = frame.loc[frame["arm"] == control, "spend"].clip(upper=answer.request.cap)
    assert readout.means[0].mean == pytest.approx(cut.mean(), rel=1e-9)
    assert readout.experiment_hash == experiment.hash
    assert readout.estimates[0].method.endswith(f"of values winsorised at {answer.request.cap:g}")
    assert "the 0.99 quantile of earlier units" in str(readout.specification)
    with pytest.raises(InputError, match="there is no design that states it"):
        read_out(experiment, data=frame)


P90 = "{name: p90, kind: quantile, quantile: 0.9, column: spend, role: primary, smallest_effect: {absolute: 5}}"
DAYS = "{name: days, kind: time, event: bought, role: primary, window: 28d, smallest_effect: {absolute: 2}}"


@pytest.mark.parametrize(("metric", "kind"), [(P90, "quantile"), (DAYS, "time")])
def test_a_time_and_a_quantile_are_not_looked_up(workspace, folder, metric, kind):
    ask(folder, metric)
    with pytest.raises(InputError, match=f"kind {kind} is more than a column of sums"):
        design_experiment(workspace, "mail")


STATED = """\
request:
  decision: Send the mail to everybody, or stop it.
  population: 8000
  baseline: {mean: 22.0, sd: 9.0}
  approvals: [owner]
"""


def test_a_time_is_planned_from_the_days_that_the_request_states(workspace, folder):
    ask(folder, DAYS)
    path = folder / "experiment.yaml"
    path.write_text(path.read_text(encoding="utf-8").partition("request:")[0] + STATED, encoding="utf-8")
    answer = design_experiment(workspace, "mail")
    assert answer.request.kind == "time"
    assert answer.n > 0
