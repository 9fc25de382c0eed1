"""What a metric may be, and which columns it reads."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from incrementality.metrics import Metric


def test_a_metric_reads_the_column_of_its_name_unless_told_otherwise():
    assert Metric(name="visit", kind="conversion").columns == ("visit",)
    assert Metric(name="visit", kind="conversion", column="v").columns == ("v",)


def test_a_ratio_reads_numerator_and_denominator():
    ratio = Metric(name="order value", kind="ratio", numerator="spend", denominator="orders")
    assert ratio.columns == ("spend", "orders")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "ratio"}, "needs 'numerator' and 'denominator'"),
        ({"kind": "ratio", "numerator": "a"}, "needs 'numerator' and 'denominator'"),
        ({"kind": "ratio", "numerator": "a", "denominator": "b", "column": "c"}, "no 'column'"),
        ({"kind": "ratio", "numerator": "a", "denominator": "a"}, "the same column, 'a'"),
        ({"kind": "mean", "numerator": "a"}, "belong to kind ratio, not to mean"),
        ({"kind": "mean", "column": ""}, "column"),
        ({"kind": "mean", "window": "0d"}, "'0d' is not a window"),
        ({"kind": "mean", "window": "3651d"}, "from 1h to 3650d"),
        ({"kind": "mean", "window": "9" * 19 + "d"}, "from 1h to 3650d"),
        ({"kind": "mean", "window": "9" * 5000 + "d"}, "from 1h to 3650d"),
        ({"kind": "mean", "window": timedelta(minutes=90)}, "whole hours"),
    ],
)
def test_a_metric_that_contradicts_itself_is_refused(options, words):
    with pytest.raises(ValidationError, match=words):
        Metric(name="x", **options)


@pytest.mark.parametrize(("window", "text"), [("2w", "14d"), ("36h", "36h"), ("48 hours", "2d"), (None, None)])
def test_a_window_is_written_in_days_or_else_hours(window, text):
    assert Metric(name="x", kind="mean", window=window).model_dump(mode="json")["window"] == text
