"""The unit table of events is the same on every engine."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_path = Path(__file__).parents[1] / "outcomes" / "journals.py"
_spec = importlib.util.spec_from_file_location("journals", _path)
journals = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(journals)


@pytest.mark.parametrize("name", ["duck", "postgres", "spark"])
def test_events_become_the_same_unit_table_everywhere(request, name):
    engine = request.getfixturevalue(name)
    decided = journals.decisions()
    rows = journals.events(decided)
    found, made = journals.by_engine(engine, decided, rows)
    expected = journals.by_python(decided, rows)
    assert {row[0] for row in found} == {row[0] for row in expected}
    assert journals.comparable(found) == pytest.approx(journals.comparable(expected), rel=1e-9, abs=1e-9)
    assert sum(n for reason, n in made.events["orders"].items() if reason != "rows") == len(rows)
