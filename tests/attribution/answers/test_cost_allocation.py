"""Costs by what they served add up to each function's cost, to the cent."""

import pytest
from hypothesis import given, strategies as st

from incrementality.attribution.answers import CostRow, allocate_costs
from incrementality.errors import InputError

TOUCHES = {("cs", "renewal"): 20, ("cs", "expansion"): 10, ("ae", "new"): 7}


def served(*lines):
    return {row.served: row.amount for row in allocate_costs(lines, TOUCHES).rows}


@pytest.mark.domain("R14")
class TestRules:
    def test_direct_serves_one_thing(self):
        assert served(CostRow("ae", "2026Q1", 500, served="new", rule="direct")) == {"new": 500}

    def test_touches_split_by_the_functions_own_touches(self):
        assert served(CostRow("cs", "2026Q1", 100, rule="touches")) == {"expansion": 33, "renewal": 67}

    def test_time_and_fixed_leave_the_rest_on_a_line_of_its_own(self):
        assert served(CostRow("cs", "2026Q1", 1000, served="renewal", rule="time", share=0.7)) == {
            "renewal": 700,
            "unallocated": 300,
        }

    def test_what_nobody_explained_is_unallocated(self):
        assert served(CostRow("cs", "2026Q1", 1000)) == {"unallocated": 1000}

    def test_a_function_without_touches_keeps_its_cost(self):
        assert served(CostRow("partner", "2026Q1", 1000, rule="touches")) == {"unallocated": 1000}

    def test_footnotes_stay(self):
        row = allocate_costs([CostRow("cs", "2026Q1", 1, note="half a year of tools")], {}).rows[0]
        assert row.note == "half a year of tools"


LINES = st.builds(
    CostRow,
    st.sampled_from(["cs", "ae", "partner"]),
    st.just("2026Q1"),
    st.integers(-(10**9), 10**9),
    served=st.sampled_from(["renewal", "new"]),
    rule=st.sampled_from(["direct", "time", "touches", "fixed", ""]),
    share=st.floats(0, 1),
)


@pytest.mark.domain("R14")
@given(st.lists(LINES, max_size=10))
def test_parts_add_up_to_each_functions_cost(lines):
    split = allocate_costs(lines, TOUCHES)
    for function in ("cs", "ae", "partner"):
        assert split.of(function) == sum(line.amount for line in lines if line.function == function)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"rule": "tuoches"}, "Did you mean 'touches'"),
        ({"rule": "fixed", "served": "new"}, "has the share None"),
        ({"rule": "fixed", "served": "new", "share": 1.2}, r"has the share 1\.2"),
        ({"rule": "direct"}, "does not say what it served"),
    ],
)
def test_a_rule_lacks_what_it_needs(facts, message):
    with pytest.raises(InputError, match=message):
        CostRow("cs", "2026Q1", 100, **facts)
