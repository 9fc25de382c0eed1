"""How single values are read: times of every form and zone, amounts of every spelling."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("stories", Path(__file__).with_name("stories.py"))
stories = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stories)
EVENTS, TOUCHES, changed = stories.EVENTS, stories.TOUCHES, stories.changed


@pytest.fixture
def read_time(take_in, rows):
    """The instant of one touch, and its flags."""

    def read(text, **settings):
        company = take_in({"touchpoints": [TOUCHES[0] | {"occurred_at": text}]}, settings={"touchpoints": settings})
        found = rows(company, "touchpoints", "occurred_at")
        intake = company.intake["touchpoints"]
        return found[0][0].isoformat(sep=" ") if found else intake.refused[0].name, [one.name for one in intake.flagged]

    return read


@pytest.mark.domain("D5")
@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-01-05 10:00", "UTC", "2026-01-05 10:00:00"),
        ("2026-01-05T10:00:00Z", "America/New_York", "2026-01-05 10:00:00"),
        ("2026-01-05T10:00:00.000+0000", "Europe/Berlin", "2026-01-05 10:00:00"),
        ("2026-01-05 10:00:00 +02:00", "UTC", "2026-01-05 08:00:00"),
        ("2026-01-05 10:00-05", "UTC", "2026-01-05 15:00:00"),
        ("2026-01-05 10:00:00.250 UTC", "Asia/Tokyo", "2026-01-05 10:00:00.250000"),
        ("2026-01-05 10:00", "Europe/Berlin", "2026-01-05 09:00:00"),
        ("2026-05-05 10:00", "Europe/Berlin", "2026-05-05 08:00:00"),
        ("2026-01-05", "Asia/Tokyo", "2026-01-04 15:00:00"),
        ("2026-02-30", "UTC", "unreadable_occurred_at"),
        ("05.01.2026", "UTC", "unreadable_occurred_at"),
        ("2026-01-05 10:00 PST", "UTC", "unreadable_occurred_at"),
    ],
)
def test_a_time_is_brought_to_utc(read_time, text, zone, utc):
    assert read_time(text, time_zone=zone) == (utc, [])


@pytest.mark.domain("D5")
def test_a_local_time_that_occurs_twice_is_read_as_standard_time_and_flagged(read_time):
    found = read_time("2025-10-26 02:30", time_zone="Europe/Berlin")
    assert found == ("2025-10-26 01:30:00", ["ambiguous_occurred_at"])


@pytest.mark.domain("D5")
def test_a_local_time_that_never_occurs_is_read_with_the_offset_before_and_flagged(read_time):
    found = read_time("2026-03-29 02:30", time_zone="Europe/Berlin")
    assert found == ("2026-03-29 01:30:00", ["skipped_occurred_at"])


@pytest.mark.parametrize("text", ["2025-10-26 01:59", "2025-10-26 03:00", "2026-03-29 01:59", "2026-03-29 03:00"])
def test_the_hours_beside_a_change_of_clocks_are_plain(read_time, text):
    assert read_time(text, time_zone="Europe/Berlin")[1] == []


@pytest.mark.domain("D5")
def test_where_every_time_must_carry_its_offset_one_without_is_refused(read_time):
    assert read_time("2026-01-05 10:00", time_zone="offset in the value") == ("no_zone_occurred_at", [])
    assert read_time("2026-01-05 10:00+01", time_zone="offset in the value") == ("2026-01-05 09:00:00", [])


@pytest.mark.parametrize(
    ("text", "form", "utc"),
    [
        ("14.03.2026 14:30", "%d.%m.%Y %H:%M", "2026-03-14 14:30:00"),
        ("3/14/2026, 2:30 PM", "%m/%d/%Y, %I:%M %p", "2026-03-14 14:30:00"),
        ("2026-03-14T14:30:00+02:00", "%d.%m.%Y %H:%M", "2026-03-14 12:30:00"),
        ("1773498600", "epoch", "2026-03-14 14:30:00"),
        ("1773498600000", "epoch_ms", "2026-03-14 14:30:00"),
        ("14/03/2026", "%m/%d/%Y", "unreadable_occurred_at"),
    ],
)
def test_a_form_of_times_can_be_declared(read_time, text, form, utc):
    assert read_time(text, time_format=form) == (utc, [])


@pytest.fixture
def read_amount(take_in, rows):
    """The amount of one event, and its flags."""

    def read(text, company=None, **money):
        settings = {"revenue_events": {"money": money} if money else {}}
        opened = take_in({"revenue_events": changed(EVENTS, 0, amount=text)[:1]}, settings=settings, company=company)
        intake = opened.intake["revenue_events"]
        found = rows(opened, "revenue_events", "amount")
        return found[0][0] if found else intake.refused[0].name, [one.name for one in intake.flagged]

    return read


@pytest.mark.parametrize(
    ("text", "money", "minor"),
    [
        ("1234.5", {}, 123_450),
        ("1,234.50", {}, 123_450),
        ("1 234.50", {}, 123_450),
        ("1'234.50", {}, 123_450),
        ("€1,234.50", {}, 123_450),
        ("USD 1,234.50", {}, 123_450),
        ("(1,234.50)", {}, -123_450),
        ("-5", {}, -500),
        ("5-", {}, -500),
        ("1.5e3", {}, 150_000),
        ("1.234,50", {"decimal": ","}, 123_450),
        ("1234,5", {"decimal": ","}, 123_450),
        ("123450", {"unit": "minor"}, 123_450),
        ("1.234,50", {}, "unreadable_amount"),
        ("1,234.50", {"decimal": ","}, "unreadable_amount"),
        ("NaN", {}, "unreadable_amount"),
        ("1e40", {}, "unreadable_amount"),
    ],
)
def test_an_amount_is_brought_to_minor_units(read_amount, text, money, minor):
    assert read_amount(text, **money) == (minor, [])


def test_what_is_finer_than_a_cent_is_rounded_and_flagged(read_amount):
    assert read_amount("10.005") == (1001, ["rounded_amount"])
    assert read_amount("-10.005") == (-1001, ["rounded_amount"])


def test_yen_have_no_minor_unit_and_dinars_three_digits(read_amount):
    assert read_amount("1200", company={"currency": "JPY"}) == (1200, [])
    assert read_amount("1.2345", company={"currency": "KWD"}) == (1235, ["rounded_amount"])
