"""The worked scenarios that ship give the credit that a pencil gives."""

from __future__ import annotations

import pytest

from incrementality.attribution import read_ledger
from incrementality.simulate.scenarios import SCENARIOS
from incrementality.warehouse import connect
from incrementality.workspace import Workspace, attribute, attribution_files


@pytest.mark.domain("M3", "M18", "M22")
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_gives_the_credit_that_it_states(tmp_path, name):
    scenario = SCENARIOS[name]
    workspace = Workspace.create(tmp_path, example=False)
    scenario.write(tmp_path)
    attribute(workspace, "2026Q2")
    with connect() as engine:
        totals = read_ledger(attribution_files(workspace, "2026Q2").ledger, engine).totals()
    for model, expected in scenario.credit.items():
        found = {function: credit for (function,), credit in totals.of(model).items() if credit}
        assert found == dict(expected), (name, model)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_stated_credit_adds_up_to_the_amount(name):
    sums = {sum(credit.values()) for credit in SCENARIOS[name].credit.values()}
    assert len(sums) == 1
