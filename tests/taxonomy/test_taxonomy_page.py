"""The page of the taxonomy says what ships, and its example is one that can be read."""

import re
import runpy
from pathlib import Path

import yaml

from incrementality.taxonomy import default_taxonomy, parse_taxonomy

MAKER = runpy.run_path(str(Path(__file__).with_name("make_taxonomy_page.py")))


def test_the_page_says_what_ships():
    assert MAKER["PAGE"].read_text(encoding="utf-8") == MAKER["page"](default_taxonomy())


def test_every_vocabulary_has_its_section():
    assert set(MAKER["SECTIONS"]) == {vocabulary.name for vocabulary in default_taxonomy().vocabularies()}


def test_the_pages_example_can_be_read():
    text = re.search(r"```yaml\n(.*?)```", MAKER["HEAD"], re.DOTALL).group(1)
    taxonomy = parse_taxonomy(yaml.safe_load(text)["taxonomy"])
    assert taxonomy.counts_as("WhatsApp") == "sms"
    assert taxonomy.milestones["invited_team"].event == "invite_sent"
