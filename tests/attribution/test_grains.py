"""The same touches by touch, by contact and by account."""

import numpy as np
import pytest

from incrementality.attribution import count_grains
from incrementality.errors import ColumnNotFound
from incrementality.warehouse import connect, frame_locator

TOUCHES = {
    "account_id": np.array([1, 1, 1, 2, 3]),
    "contact_id": np.array(["p", "p", "q", "r", None], dtype=object),
    "function": np.array(["cs", "cs", "ae", "cs", None], dtype=object),
}


@pytest.fixture
def counted():
    def count(frame=None, **settings):
        with connect() as engine:
            return count_grains(engine, engine.open(frame_locator(frame or TOUCHES)), **settings)

    return count


@pytest.mark.domain("T8")
class TestGrains:
    def test_each_label_at_three_grains(self, counted):
        found = {row.label: (row.touches, row.contacts, row.accounts, row.nobody) for row in counted().rows}
        assert found == {"cs": (3, 2, 2, 0), "ae": (1, 1, 1, 0), "unknown": (1, 0, 1, 1)}

    def test_the_total_counts_everybody_once(self, counted):
        total = counted().total
        assert (total.touches, total.contacts, total.accounts) == (5, 3, 3)

    def test_without_people_touches_are_of_nobody(self, counted):
        found = counted({name: TOUCHES[name] for name in ("account_id", "function")})
        assert (found.total.contacts, found.total.nobody) == (0, 5)


def test_an_unknown_label_is_named(counted):
    with pytest.raises(ColumnNotFound, match="Did you mean 'function'"):
        counted(by="functoin")
