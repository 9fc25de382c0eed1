"""Simulated companies, clean and with planted faults, taken in and audited once a module."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from incrementality.capture import open_company, parse_sources
from incrementality.simulate import simulate_company
from incrementality.taxonomy import default_taxonomy
from incrementality.warehouse import connect

MONEY = {"money": {"unit": "minor"}}


@pytest.fixture(scope="module")
def taken_in():
    """Simulate a company and take it in; returns it with what was planted."""
    with ExitStack() as stack:

        def opened(accounts=400, *, seed=1, dirty=False, left_out=()):
            simulated = simulate_company(accounts, seed=seed, dirty=dirty)
            mapping = {
                name: {"from": columns} | (MONEY if "amount" in columns else {})
                for name, columns in simulated.tables.items()
                if name not in left_out
            }
            engine = stack.enter_context(connect(threads=2))
            company = open_company(parse_sources(mapping), default_taxonomy(), engine, as_of=simulated.as_of)
            return company, simulated

        yield opened
