"""Lifetime value by channel and quarter, against a handful of customers counted by hand."""

from datetime import datetime

import numpy as np
import pytest

from incrementality.attribution.answers import measure_cohorts
from incrementality.errors import InputError
from incrementality.warehouse import connect, frame_locator

AS_OF = datetime(2026, 7, 1)  # noqa: DTZ001 - clean times are UTC
ACCOUNTS = [("a", "web", "2026-01-05"), ("b", "web", "2026-02-10"), ("c", None, "2025-06-01"), ("d", "web", None)]
EVENTS = [  # account, day, cents
    ("a", "2026-01-05", 100_00),
    ("a", "2026-03-01", 50_00),
    ("b", "2026-02-10", 80_00),
    ("b", "2026-06-25", 999_00),
    ("c", "2025-05-01", 10_00),
    ("c", "2025-06-01", 20_00),
]


def dates(values):
    return np.array([v or "NaT" for v in values], dtype="datetime64[us]")


def cohorts(**settings):
    ids, channels, since = zip(*ACCOUNTS, strict=True)
    owners, days, amounts = zip(*EVENTS, strict=True)
    accounts = {
        "account_id": np.array(ids, dtype=object),
        "acquisition_channel": np.array(channels, dtype=object),
        "customer_since": dates(since),
    }
    events = {
        "account_id": np.array(owners, dtype=object),
        "occurred_at": dates(days),
        "amount": np.array(amounts),
    }
    with connect() as engine:
        opened = [engine.open(frame_locator(frame)) for frame in (accounts, events)]
        rows = measure_cohorts(engine, *opened, as_of=AS_OF, **settings).rows
        return {(row.channel, row.period): row for row in rows}


@pytest.mark.domain("R6")
class TestCohorts:
    def test_value_counts_only_months_that_all_have_behind_them(self):
        """The younger of the two became a customer 141 days before: four whole months for both."""
        web = cohorts()["web", "2026Q1"]
        assert (web.accounts, web.months) == (2, 4)
        assert web.value == (100_00 + 50_00 + 80_00) / 2

    def test_young_cohorts_are_marked(self):
        assert cohorts()["web", "2026Q1"].censored
        assert not cohorts(horizon=4)["web", "2026Q1"].censored

    def test_cost_value_and_payback(self):
        web = cohorts(costs={("web", "2026Q1"): 200_00})["web", "2026Q1"]
        assert (web.acquisition_cost, web.value_to_cost, web.payback_months) == (100_00, 1.15, 2)

    def test_not_yet_paid_back(self):
        assert cohorts(costs={("web", "2026Q1"): 10_000_00})["web", "2026Q1"].payback_months is None

    def test_an_unknown_channel_is_a_row_and_revenue_before_the_first_close_is_not_theirs(self):
        unknown = cohorts()["unknown", "2025Q2"]
        assert (unknown.value, unknown.acquisition_cost) == (20_00, None)


def test_a_horizon_lasts_a_month_at_least():
    with pytest.raises(InputError, match="0 months"):
        cohorts(horizon=0)
