"""Pages that are made from evidence say what the evidence says."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_traps_is_made_from_what_was_measured():
    made = runpy.run_path(str(ROOT / "tests" / "truth" / "make_traps_page.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](made["measured"]())
