from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from incrementality.report import render_readout

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "readout_page.txt"
VOID = {"meta", "col", "br", "link", "img"}


class Text(HTMLParser):
    """The words of a page in order, without its styles and drawings."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._skipped = 0

    def handle_starttag(self, tag, attrs):
        self._skipped += tag in {"style", "svg"}

    def handle_endtag(self, tag):
        self._skipped -= tag in {"style", "svg"}

    def handle_data(self, data):
        if not self._skipped and data.strip():
            self.words.append(" ".join(data.split()))


class Nesting(HTMLParser):
    """Whether every element that opens is closed by its own name."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def text_of(page: str) -> str:
    parser = Text()
    parser.feed(page)
    return "\n".join(parser.words)


def nesting_of(page: str) -> Nesting:
    parser = Nesting()
    parser.feed(page)
    return parser


def verdict_of(page: str) -> str:
    return page[page.index('<header id="verdict"') : page.index("</header>")]


def test_page_refers_to_nothing_outside_itself(page):
    without_names = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"', "", page)
    for forbidden in ("http://", "https://", "<script", "url(", "@import", "href=", "src="):
        assert forbidden not in without_names


def test_page_has_no_script_and_no_handlers(page):
    parser = nesting_of(page)
    assert "script" not in parser.tags
    assert parser.handlers == []


def test_every_element_is_closed_and_every_id_is_single(page):
    parser = nesting_of(page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))


def test_hostile_names_are_escaped_and_still_readable(pages):
    page = pages["hostile"]
    assert "<script" not in page
    assert "<b>unit</b>" not in page
    assert "&lt;script&gt;alert(" in page
    assert "<script>alert('x')</script> & \"Q\"" in text_of(page)
    assert "\x07" not in page


def test_same_record_gives_same_bytes(readouts, pages):
    for name, readout in readouts.items():
        assert render_readout(readout).encode() == pages[name].encode()


def test_record_survives_its_file(readouts, pages):
    import json

    from incrementality.lift.readout import Readout

    content = json.loads(json.dumps(readouts["trust"].to_dict()))
    assert render_readout(Readout.from_dict(content)) == pages["trust"]


def test_words_of_the_page_are_as_stored(pages, request):
    words = text_of(pages["trust"]) + "\n"
    assert words == SNAPSHOT.read_text(encoding="utf-8"), "if the change is meant, store the new words in the snapshot"


@pytest.mark.parametrize(
    ("name", "word", "shape"),
    [("trust", "Trust", "<circle"), ("plain", "Caution", "M12 1.5"), ("failed", "Do not use", "M7.4 1")],
)
def test_grade_is_said_by_word_shape_and_colour(pages, name, word, shape):
    verdict = verdict_of(pages[name])
    badge = verdict[verdict.index('class="badge"') : verdict.index('class="id"')]
    assert f"<span>{word}</span>" in badge
    assert shape in badge


def test_verdict_holds_answer_who_and_reason(readouts, pages):
    words = text_of(verdict_of(pages["trust"]))
    assert "64,000 customers: No E-Mail 21,306 (control), Mens E-Mail 21,307, Womens E-Mail 21,387." in words
    assert readouts["trust"].grade_reason in words
    assert words.count("raised visit from") == 2


def test_failed_readout_says_no_lift_in_its_verdict(pages):
    assert "lift" not in verdict_of(pages["failed"]).lower()


def test_failed_readout_stands_behind_a_banner(pages):
    words = text_of(pages["failed"])
    assert words.index("Do not use for decisions.") < words.index("Every comparison, as registered.")
    assert "Do not use for decisions: a check failed." in pages["failed"]


def test_failed_check_comes_first(pages):
    words = text_of(pages["failed"])
    assert words.index("Failed") < words.index("Passed") < words.index("For information")


def test_refused_rows_are_told_by_reason(pages):
    words = text_of(pages["failed"])
    assert "64,000 rows were read, 61,212 kept, 2,788 refused." in words
    assert "id missing\n2,700 refused" in words


def test_page_without_covariates_segments_and_relative_effect(pages):
    words = text_of(pages["plain"])
    assert "No covariates were declared, so every estimate is unadjusted." in words
    assert "not stated" in words
    assert "exploratory" not in words
    assert "without adjustment" not in words.split("Every comparison")[1]


def test_adjustment_is_told_per_metric(pages):
    assert "visit: covariates narrowed the interval by 1.3 to 1.4 %." in text_of(pages["trust"]).replace("\xa0", " ")


def test_intervals_are_said_not_to_be_adjusted_for_many_comparisons(pages):
    assert "intervals are not adjusted for the number of comparisons" in text_of(pages["trust"])


def test_importing_the_room_loads_no_heavy_library():
    import subprocess
    import sys

    program = (
        "import sys, incrementality.report; print([m for m in ('matplotlib', 'jinja2', 'pandas') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
