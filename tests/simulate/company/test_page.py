"""The page of the simulated company says what the company is."""

import runpy
from pathlib import Path


def test_the_page_is_made_from_the_company():
    made = runpy.run_path(str(Path(__file__).with_name("make_company_page.py")))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"]()
