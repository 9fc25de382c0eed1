"""An engine for each test."""

import pytest

from incrementality.warehouse import connect


@pytest.fixture
def engine():
    with connect(threads=2) as warehouse:
        yield warehouse
