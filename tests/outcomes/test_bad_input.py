"""What cannot be used is refused by name, with the next step."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.errors import (
    ColumnNotFound,
    ColumnTypeError,
    EmptyArm,
    EmptyTable,
    InputError,
    InvalidUnitId,
    ValueNotAllowed,
)

WON = [{"name": "won", "kind": "conversion", "role": "primary"}]


def put(frame, column, row, value):
    changed = frame.copy()
    changed[column] = changed[column].astype(object)
    changed.loc[row, column] = value
    return changed


REFUSED = {
    "a column is missing": (lambda f: f.drop(columns="y"), ColumnNotFound, "no column 'y'"),
    "a column is misspelled": (lambda f: f.rename(columns={"y": "yy"}), ColumnNotFound, "Did you mean 'yy'"),
    "no rows": (lambda f: f.iloc[:0], EmptyTable, "no rows"),
    "no rows and no types": (lambda f: pd.DataFrame(columns=f.columns), EmptyTable, "no rows"),
    "ids are decimals": (lambda f: f.assign(id=f["id"].astype(float)), InvalidUnitId, "holds decimals"),
    "an id is null": (lambda f: f.assign(id=f["id"].astype("Int64").mask(f["id"] == 3)), InvalidUnitId, "1 null"),
    "an id is null text": (lambda f: put(f.assign(id=f["id"].astype(str)), "id", 3, None), InvalidUnitId, "1 null"),
    "an id is blank": (lambda f: put(f.assign(id=f["id"].astype(str)), "id", 3, " \t"), InvalidUnitId, "1 blank"),
    "one arm only": (lambda f: f[f["arm"] == "control"], EmptyArm, "'journey' has 0 units"),
    "one unit in an arm": (lambda f: f.drop(f.index[3::2]), EmptyArm, "'journey' has 1 units"),
    "another spelling": (lambda f: f.replace("journey", "Journey"), EmptyArm, "Did you mean 'Journey'"),
    "no arm at all": (lambda f: f.assign(arm=pd.Series([None] * len(f), dtype="string")), EmptyArm, "nothing"),
    "arms are decimals": (lambda f: f.assign(arm=(f.index % 2).astype(float)), ColumnTypeError, "the arm"),
    "outcomes are words": (lambda f: f.assign(y="n/a"), ColumnTypeError, "'n/a' (200 rows)"),
    "an outcome is a word": (lambda f: put(f.assign(y=f["y"].astype(str)), "y", 3, "n/a"), ColumnTypeError, "n/a"),
    "outcomes are days": (lambda f: f.assign(y=pd.Timestamp("2026-01-01")), ColumnTypeError, "temporal"),
    "infinity": (lambda f: put(f, "y", 3, np.inf).astype({"y": float}), ValueNotAllowed, "infinite"),
    "both infinities": (lambda f: f.assign(y=np.where(f.index == 3, np.inf, -np.inf)), ValueNotAllowed, "infinite"),
    "an arm without outcomes": (lambda f: f.assign(y=f["y"].where(f["arm"] == "control")), EmptyArm, "0 of 100 units"),
    "all outcomes missing": (lambda f: f.assign(y=np.nan), EmptyArm, "0 of 100 units"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_frame_that_cannot_be_used_is_refused_by_name(plan, rows, case):
    change, error, words = case
    with pytest.raises(error) as caught:
        read_out(plan(), data=change(rows))
    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("value", [-1, 2, 0.5])
def test_a_conversion_holds_zeros_and_ones_only(plan, rows, value):
    changed = put(rows, "won", 3, value).astype({"won": float})
    with pytest.raises(ValueNotAllowed, match=r"holds values from .* that are not only 0 and 1"):
        read_out(plan(metrics=WON), data=changed)


@pytest.mark.parametrize("convert", [bool, int, float, Decimal])
def test_a_conversion_may_be_boolean_whole_or_decimal(plan, rows, convert):
    typed = rows.assign(won=[convert(int(value)) for value in rows["won"]])
    estimate = read_out(plan(metrics=WON), data=typed).estimates[0]
    assert estimate.control_mean == rows.loc[rows["arm"] == "control", "won"].mean()


def test_decimals_are_read_as_the_nearest_float(plan, rows):
    typed = rows.assign(y=[Decimal(str(round(value, 2))) for value in rows["y"]])
    estimate = read_out(plan(), data=typed).estimates[0]
    assert estimate.control_mean == pytest.approx(typed.loc[typed["arm"] == "control", "y"].astype(float).mean())


@pytest.mark.parametrize("column", ["y", "stratum", "covariate", "segment"])
def test_hostile_names_are_only_names(plan, rows, column):
    name = "o'neil\"; DROP TABLE x; -- $y {z} %s 客户"
    arms = [{"name": name, "share": 0.5, "control": True}, {"name": "journey", "share": 0.5}]
    frame = rows.assign(arm=rows["arm"].replace("control", name))
    frame[name] = frame["y"] if column in {"y", "covariate"} else np.where(frame.index % 4 < 2, name, "b")
    changes = {
        "y": {"metrics": [{"name": "m", "column": name, "kind": "mean", "role": "primary"}]},
        "stratum": {"data": {"stratum": name}},
        "covariate": {"data": {"covariates": [name]}},
        "segment": {"segments": [name]},
    }[column]
    readout = read_out(plan(arms=arms, **changes), data=frame)
    assert readout.estimates[0].control == name


def test_many_categories_are_refused(plan, rows):
    with pytest.raises(InputError, match="more than 50 values"):
        read_out(plan(data={"covariates": ["code"]}), data=rows.assign(code=[f"k{i % 60}" for i in range(200)]))


def test_a_text_covariate_is_not_numeric(plan, rows):
    covariate = {"column": "s", "kind": "numeric"}
    with pytest.raises(ColumnTypeError, match="is text, not numeric"):
        read_out(plan(data={"covariates": [covariate]}), data=rows)


def test_an_outcome_named_like_an_indicator_is_refused_not_replaced(plan, rows):
    frame = rows.assign(s=np.where(rows.index % 4 < 2, "a", "b")).rename(columns={"y": "s=b"})
    metric = {"name": "s=b", "kind": "mean", "role": "primary"}
    with pytest.raises(InputError, match="'s=b' names two things"):
        read_out(plan(metrics=[metric], data={"covariates": ["s"]}), data=frame)


def test_a_column_named_like_a_missing_mark_is_refused_not_replaced(plan, rows):
    frame = rows.assign(x=rows["y"].mask(rows.index == 3)).rename(columns={"y": "x missing"})
    metric = {"name": "x missing", "kind": "mean", "role": "primary"}
    with pytest.raises(InputError, match="is taken by another column"):
        read_out(plan(metrics=[metric], data={"covariates": ["x"]}), data=frame)


def test_a_ratio_without_a_denominator_in_an_arm_is_refused(plan, rows):
    frame = rows.assign(n=np.where(rows["arm"] == "journey", 0.0, 1.5))
    metric = {"name": "r", "kind": "ratio", "numerator": "y", "denominator": "n", "role": "primary"}
    with pytest.raises(ValueNotAllowed, match="denominator 'n' of metric 'r' sums to zero in arm 'journey'"):
        read_out(plan(metrics=[metric]), data=frame)


def test_a_header_without_rows_is_an_empty_table(plan, tmp_path):
    path = tmp_path / "winback.csv"
    path.write_text("id,arm,y\n")
    with pytest.raises(EmptyTable, match=r"winback\.csv has columns and no rows"):
        read_out(plan(), data=path)
