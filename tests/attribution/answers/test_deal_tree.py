"""The worked deal of 180,000: 95 % allocated, 35 of 38 touches, one function that lists more than it states."""

import pytest

from incrementality.attribution.answers import DealTree, FunctionBranch, TouchGroup
from incrementality.errors import InputError

AE = tuple(
    TouchGroup(name, n)
    for name, n in zip(("discovery", "demo", "proposal", "pricing", "follow-up"), (1, 2, 3, 1, 8), strict=True)
)
BRANCHES = (
    FunctionBranch("marketing", 0.22, 8),
    FunctionBranch("sdr", 0.15, 5),
    FunctionBranch("ae", 0.38, 14, AE),
    FunctionBranch("presales", 0.20, 8),
)
DEAL = DealTree("acme-2026", 180_000.0, "USD", BRANCHES, touches=38)


@pytest.mark.domain("R3")
class TestWorkedDeal:
    def test_what_is_not_allocated_is_its_own_line(self):
        rest = DEAL.to_dicts()[-1]
        assert rest["function"] == "unallocated"
        assert rest["credit"] == pytest.approx(9_000)
        assert rest["touches"] == 3

    def test_listed_and_stated_touches_stand_side_by_side(self):
        assert DEAL.mismatches == ("ae: 15 listed, 14 stated",)

    def test_nothing_is_rescaled(self):
        assert [row["share"] for row in DEAL.to_dicts()[:-1]] == [0.22, 0.15, 0.38, 0.20]

    def test_rows_add_up_to_the_deal(self):
        assert sum(row["credit"] for row in DEAL.to_dicts()) == pytest.approx(180_000)

    def test_the_text_is_a_tree(self):
        lines = DEAL.to_text().splitlines()
        assert lines[0] == "acme-2026  USD 180,000.00  38 touches"
        assert lines[3] == "├── ae  USD 68,400.00  38.0 %  14 touches  (15 listed, 14 stated)"
        assert lines[4] == "│   ├── discovery  1 touch"
        assert lines[-1] == "└── unallocated  USD 9,000.00  5.0 %  3 touches"


@pytest.mark.domain("D12")
def test_words_of_people_are_shown_and_not_credited():
    tree = DealTree("d", 10.0, "EUR", (FunctionBranch("cs", 1.0, 1),), notes=(("competitor", "<b>Rival</b>"),))
    assert tree.to_text().endswith("competitor: <b>Rival</b>")
    assert "&lt;b&gt;Rival" in tree.to_html()
    assert sum(row["credit"] for row in tree.to_dicts()) == 10.0


@pytest.mark.domain("M13")
def test_shares_that_overlap_are_influence_and_refused():
    with pytest.raises(InputError, match=r"170\.0 %: they overlap"):
        DealTree(
            "d",
            10.0,
            "EUR",
            tuple(FunctionBranch(n, s, 1) for n, s in (("product", 0.75), ("sales", 0.55), ("m", 0.4))),
        )
