"""Durations and half-open windows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from incrementality.errors import InputError
from incrementality.windows import Window, parse_duration

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "days"), [("14d", 14), ("14 days", 14), ("1 day", 1), ("2w", 14), (" 1 week ", 7), ("36h", 1.5)]
)
def test_a_duration_is_read(text, days):
    assert parse_duration(text) == timedelta(days=days)


@pytest.mark.parametrize("text", ["", "14", "d", "1.5d", "-1d", "1 month", "1d 2h", "14D"])
def test_what_is_no_duration_is_refused_with_the_next_step(text):
    with pytest.raises(InputError, match="Next: write it like 36h, 14d or 2w"):
        parse_duration(text)


@given(st.integers(0, 10_000), st.sampled_from("hdw"))
def test_a_number_of_units_is_that_many_times_the_unit(number, unit):
    assert parse_duration(f"{number}{unit}") == number * parse_duration(f"1{unit}")


@pytest.mark.parametrize(("length", "start"), [(0, 0), (-1, 0), (1, -1)])
def test_a_window_that_is_empty_or_looks_back_is_refused(length, start):
    with pytest.raises(InputError, match="is empty or looks back"):
        Window(timedelta(days=length), timedelta(days=start))


def test_a_window_closes_after_its_start_and_length():
    assert Window(timedelta(days=14), timedelta(days=2)).closes(T0) == datetime(2026, 1, 17, tzinfo=UTC)


def test_a_window_is_mature_from_its_closing_moment_on():
    window, closing = Window(timedelta(days=14)), T0 + timedelta(days=14)
    assert window.is_mature(T0, data_cut=closing)
    assert not window.is_mature(T0, data_cut=closing - timedelta(microseconds=1))


def test_late_data_delays_maturity():
    window, closing = Window(timedelta(days=14)), T0 + timedelta(days=14)
    assert not window.is_mature(T0, data_cut=closing, lag=timedelta(days=1))
    assert window.is_mature(T0, data_cut=closing + timedelta(days=1), lag=timedelta(days=1))
