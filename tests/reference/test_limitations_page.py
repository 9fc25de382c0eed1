"""The page of proofs is what the tests' marks say."""

from __future__ import annotations

import runpy
from pathlib import Path

MAKER = runpy.run_path(str(Path(__file__).with_name("make_limitations_page.py")))


def test_the_page_is_what_the_marks_say():
    assert MAKER["PAGE"].read_text(encoding="utf-8") == MAKER["page"]()


def test_every_estimator_stands_on_it_once_for_each_proof():
    rows = MAKER["oracles"]()
    assert len(rows) == len(set(rows))
    assert {"statsmodels", "scipy"} <= {against.split()[0] for _, against, _, _ in rows}
