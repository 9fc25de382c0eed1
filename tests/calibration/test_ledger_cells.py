"""Cells from a small ledger, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.attribution import RULE_MODELS, WINDOW_PRESETS, make_ledger, open_journeys
from incrementality.calibration import Cell, cells_of_ledger
from incrementality.errors import InputError
from incrementality.warehouse import connect, frame_locator

TOUCHES = [  # account, function, journey, day
    (1, "marketing", "winback", "2026-01-05"),
    (1, "cs", "renewal", "2026-01-06"),
    (1, "cs", "renewal", "2026-01-07"),
    (2, "marketing", "winback", "2026-01-05"),
    (2, "customer", None, "2026-01-20"),
]


def opened(engine):
    accounts, functions, journeys, days = zip(*TOUCHES, strict=True)
    touches = {
        "touch_id": np.arange(5),
        "account_id": np.array(accounts),
        "function": np.array(functions, dtype=object),
        "journey": np.array(journeys, dtype=object),
        "occurred_at": np.array(days, dtype="datetime64[us]"),
    }
    events = {
        "event_id": np.array([1, 2, 3]),
        "account_id": np.array([1, 2, 9]),
        "kind": np.array(["new"] * 3, dtype=object),
        "occurred_at": np.array(["2026-02-01"] * 3, dtype="datetime64[us]"),
        "amount": np.array([900, 400, 200]),
    }
    pair = [engine.open(frame_locator(frame)) for frame in (touches, events)]
    journeys = open_journeys(engine, *pair, WINDOW_PRESETS["default"])
    return make_ledger(journeys, [RULE_MODELS[name] for name in ("linear", "first")]), journeys


@pytest.fixture
def table():
    with connect() as engine:
        return cells_of_ledger(*opened(engine), models=("linear", "first"))


CELLS = (Cell("cs", "renewal"), Cell("marketing", "winback"))


def test_the_consensus_is_the_mean_of_the_models(table):
    """Linear: cs 600, marketing 300 + 200; first: cs 0, marketing 900 + 400."""
    assert table.cells == CELLS
    assert table.credited == pytest.approx([300, 900])


def test_models_that_disagree_widen_the_prior(table):
    assert table.disagreement == pytest.approx(np.array([[300**2, -300 * 400], [-300 * 400, 400**2]]))


def test_what_nobody_can_switch_off_belongs_to_the_rest(table):
    """The customer's own move and the deal without touches are revenue, and no cell."""
    assert table.revenue == 1500
    assert table.event_value == 500


def test_touches_and_accounts_that_met_both(table):
    assert table.touches.tolist() == [2, 2]
    assert table.together.tolist() == [[1, 1], [1, 2]]


def test_an_unknown_model_is_named():
    with connect() as engine, pytest.raises(InputError, match=r"no model 'linaer'.*Did you mean 'linear'"):
        cells_of_ledger(*opened(engine), models=("linaer",))
