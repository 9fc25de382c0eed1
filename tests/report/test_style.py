from __future__ import annotations

import re

import pytest

ON_PAPER = ("ink", "muted", "accent", "trust", "stop")
PAIRS = [
    *[(name, ground) for name in ON_PAPER for ground in ("paper", "page")],
    ("ink", "soft"),
    ("muted", "soft"),
    ("trust", "trust-soft"),
    ("caution", "caution-soft"),
    ("stop", "stop-soft"),
]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def colours(pages):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", pages["trust"]))


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(colours, text, ground):
    assert contrast(colours[text], colours[ground]) >= 4.5


def test_every_text_colour_of_the_style_is_a_named_one(pages):
    style = pages["trust"].split("<style>")[1].split("</style>")[0]
    used = set(re.findall(r"(?<![-\w])color: var\(--([\w-]+)\)", style))
    assert used <= {"ink", "muted", "accent", "trust", "stop", "tone"}
    assert not re.search(r"(?<![-\w])color: #", style)


def test_text_and_marks_of_figures_stand_out_from_paper(page):
    for svg in re.findall(r'<svg[^>]*role="img".*?</svg>', page, flags=re.DOTALL):
        for style in re.findall(r'<text[^>]*style="([^"]*)"', svg):
            fill = re.search(r"fill: (#[0-9a-f]{6})", style)
            assert contrast(fill[1] if fill else "#000000", "#ffffff") >= 4.5
