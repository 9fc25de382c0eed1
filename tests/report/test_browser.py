from __future__ import annotations

import re
import shutil
import subprocess
from html import escape

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PDFINFO, PDFTOTEXT = map(shutil.which, ("pdfinfo", "pdftotext"))
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# the page itself stands unchanged in a frame of the wanted width; only its host holds a script
HOST = """<!DOCTYPE html><body style="margin:0"><iframe id="f" style="border:0;width:{width}px;height:800px"></iframe>
<script>
const frame = document.getElementById("f");
frame.onload = () => {{
  const inner = frame.contentDocument, root = inner.documentElement;
  const cut = [...inner.querySelectorAll("main *")].filter(e => !e.closest("svg") && e.scrollWidth > e.clientWidth + 1
    && e.clientWidth > 0 && getComputedStyle(e).display !== "inline").map(e => e.tagName).join(",");
  const texts = [...inner.querySelectorAll("svg.chart text")].map(e => e.getBoundingClientRect());
  const sizes = [...inner.querySelectorAll("svg.chart")].map(
    s => 12 * s.getBoundingClientRect().width / s.viewBox.baseVal.width);
  document.body.setAttribute("data-answer", JSON.stringify({{
    inner: frame.contentWindow.innerWidth, scroll: root.scrollWidth, cut: cut,
    verdict: Math.ceil(inner.getElementById("verdict").getBoundingClientRect().bottom),
    rightmost: Math.ceil(Math.max(...texts.map(t => t.right))), smallest: Math.min(...sizes)}}));
}};
frame.srcdoc = document.getElementById("page").value;
</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the path to lay the page out")


def run(tmp_path, *options):
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    return subprocess.run(
        [CHROMIUM, *OPTIONS, profile, *options], capture_output=True, text=True, timeout=120, check=True
    )


def said(*command) -> str:
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=True).stdout


def measured(tmp_path, page: str, width: int) -> dict[str, float | str]:
    import json
    from html import unescape

    host = tmp_path / "host.html"
    host.write_text(
        f'<textarea id="page" hidden>{escape(page)}</textarea>'
        + HOST.format(width=width).replace("<!DOCTYPE html>", ""),
        encoding="utf-8",
    )
    dom = run(tmp_path, "--window-size=1400,900", "--virtual-time-budget=5000", "--dump-dom", host.as_uri()).stdout
    return json.loads(unescape(re.search(r'data-answer="([^"]*)"', dom)[1]))


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["trust", "failed", "plain", "hostile"])
def test_page_fits_its_window(tmp_path, pages, name, width):
    answer = measured(tmp_path, pages[name], width)
    assert answer["inner"] == width
    assert answer["scroll"] <= width
    assert answer["cut"] == ""
    assert answer["rightmost"] <= width
    assert answer["smallest"] >= 11
    if name != "hostile":
        assert answer["verdict"] <= 600


@pytest.mark.skipif(PDFINFO is None or PDFTOTEXT is None, reason="needs pdfinfo and pdftotext to look into the PDF")
@pytest.mark.parametrize("name", ["trust", "hostile"])
def test_page_prints_on_a4_with_nothing_cut(tmp_path, pages, name):
    (tmp_path / "page.html").write_text(pages[name], encoding="utf-8")
    pdf = tmp_path / "page.pdf"
    run(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", (tmp_path / "page.html").as_uri())
    facts, boxes = said(PDFINFO, pdf), said(PDFTOTEXT, "-bbox", pdf, "-")
    assert "(A4)" in facts
    assert max(float(x) for x in re.findall(r'xMax="([\d.]+)"', boxes)) <= 595
    if name == "trust":
        words = " ".join(re.findall(r">([^<]+)</word>", boxes))
        assert "Unadjusted: difference of" in words  # inside <details>, open in print
        assert "Standardised difference" in words
        assert "&lt; 0.00 1" not in words  # a p-value broken over two lines
