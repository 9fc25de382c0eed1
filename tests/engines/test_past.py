"""What a history says is the same on every engine."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from incrementality.design import MetricHistory, baseline_of_history
from incrementality.outcomes.past import PastColumns, past_units


@pytest.fixture(scope="module")
def histories(tmp_path_factory, everywhere):
    """Entries of units that partly come back, with missing outcomes and hostile names."""
    rng = np.random.default_rng(8)
    lines = ["o'id,entered,bought,spend,visits,account"]
    for i in range(3000):
        day = date(2026, 1, 5) + timedelta(days=int(rng.integers(0, 182)))
        bought = "" if rng.random() < 0.01 else str(int(rng.random() < 0.2))
        spend = round(float(rng.lognormal(3, 1)), 2) if bought == "1" else 0.0
        lines.append(f"é'{rng.integers(0, 2500)},{day},{bought},{spend},{rng.integers(1, 5)},a{i % 90}")
    path = tmp_path_factory.mktemp("past") / "history.csv"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return everywhere(path, table="history")


ASKED = {
    "conversion": {"kind": "conversion", "outcome": "bought"},
    "revenue by account": {"kind": "revenue", "outcome": "spend", "cluster": "account"},
    "ratio": {"kind": "ratio", "outcome": "spend", "denominator": "visits", "weeks": 12},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_every_engine_finds_the_same_past(histories, asked):
    columns = PastColumns(unit="o'id", t0="entered", window=timedelta(days=28), **asked)
    found = {name: past_units(copy.warehouse, copy.locator, columns) for name, copy in histories.items()}
    first = found.pop("duckdb")
    assert found
    for other in found.values():
        for name in ("too_recent", "missing", "here_now", "arrivals_per_week", "weeks"):
            assert getattr(other, name) == getattr(first, name)
        np.testing.assert_array_equal(np.sort(other.values), np.sort(first.values))
        one, two = (
            baseline_of_history(MetricHistory(values=past.values, denominator=past.denominator, clusters=past.clusters))
            for past in (first, other)
        )
        assert two.mean == pytest.approx(one.mean, rel=1e-9)
        assert two.sd == pytest.approx(one.sd, rel=1e-9)
        assert two.design_effect == pytest.approx(one.design_effect, rel=1e-9)
