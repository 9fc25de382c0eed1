"""A whole readout gives one answer on every engine: plain, by cluster, by stratum, with gaps and hostile names."""

import math

import pytest

from incrementality.experiment import Experiment
from incrementality.lift import analyze

RELATIVE = 1e-9
PLAIN = {"unit": "id", "arm": "select", "covariates": ["pre", "won", "é😀"]}
DESIGNS = {
    "plain": PLAIN,
    "by cluster": {"row_number_as_unit": True, "arm": "select", "cluster": "account", "covariates": ["pre"]},
    "by stratum": {"unit": "id", "arm": "select", "stratum": "é😀", "covariates": ["pre"]},
    "of the eligible": {
        "unit": "id",
        "arm": "select",
        "eligible": "could",
        "delivered": "reached",
        "t0": "decided",
        "data_cut": "2026-02-15T06:00:00Z",
        "covariates": ["pre"],
    },
    "of eligible accounts, by the day": {
        "row_number_as_unit": True,
        "arm": "select",
        "cluster": "account",
        "eligible": "could",
        "delivered": "reached",
        "t0": "day",
        "data_cut": "2026-02-15",
    },
    "of all, by stratum": {
        "unit": "id",
        "arm": "select",
        "stratum": "é😀",
        "eligible": "could",
        "population": "assigned",
        "delivered": "reached",
    },
    "by first entry": {"unit": "account", "arm": "select", "eligible": "could", "t0": "decided", "covariates": ["pre"]},
    "by phase, by cluster": {
        "row_number_as_unit": True,
        "arm": "select",
        "cluster": "account",
        "t0": "day",
        "p_arm": "chance",
    },
    "with gaps": {"unit": "id", "arm": "select", "covariates": ["pre", "gaps"]},
}
METRICS = [
    {"name": "converted", "kind": "conversion", "role": "primary", "window": "14d"},
    {"name": 'we"ird', "kind": "mean", "role": "secondary"},
    {"name": "revenue", "kind": "revenue", "unit": "EUR", "role": "secondary"},
    {"name": "rate", "kind": "ratio", "numerator": "revenue", "denominator": "money", "role": "secondary"},
]


ROWS = [
    {"name": "time", "kind": "time", "column": "watched", "event": "came", "window": "30d", "role": "primary"},
    {"name": "middle", "kind": "quantile", "quantile": 0.6, "column": "money", "unit": "EUR", "role": "secondary"},
    {
        "name": "money capped",
        "kind": "mean",
        "column": "money",
        "role": "secondary",
        "winsorise": {"value": 300.0},
    },
]


def experiment(design, extra=()):
    return Experiment.model_validate(
        {
            "id": "engines",
            "question": "Is it the same everywhere?",
            "data": DESIGNS[design],
            "arms": [
                {"name": "holdout", "share": "1/2", "control": True},
                {"name": "o'neil; drop table x --", "share": "1/2"},
            ],
            "metrics": [*METRICS, *extra],
            "segments": ["won"],
        }
    )


def differences(first, second, path=""):
    """Every place at which two answers differ by more than the tolerance."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), path
        return [d for key in first for d in differences(first[key], second[key], f"{path}.{key}")]
    if isinstance(first, (list, tuple)):
        assert len(first) == len(second), path
        return [d for i, pair in enumerate(zip(first, second, strict=True)) for d in differences(*pair, f"{path}[{i}]")]
    if isinstance(first, float) and isinstance(second, float):
        close = math.isclose(first, second, rel_tol=RELATIVE, abs_tol=1e-12) or (
            math.isnan(first) and math.isnan(second)
        )
        return [] if close else [(path, first, second)]
    return [] if first == second else [(path, first, second)]


def answer(copy, asked):
    content = analyze(asked, copy.locator, copy.warehouse).to_dict()
    content.pop("manifest")
    return content


@pytest.mark.parametrize("engine", ["postgres", "spark"])
@pytest.mark.parametrize("design", DESIGNS)
def test_a_readout_is_the_same_on_every_engine(copies, design, engine):
    extra = [{"name": "gaps" if design != "with gaps" else "nans", "kind": "mean", "role": "secondary"}]
    asked = experiment(design, extra)
    assert differences(answer(copies["duckdb"], asked), answer(copies[engine], asked)) == []


@pytest.mark.parametrize("engine", ["postgres", "spark"])
@pytest.mark.parametrize("design", ["plain", "by cluster", "of the eligible"])
def test_times_quantiles_and_capped_amounts_are_the_same_on_every_engine(copies, design, engine):
    asked = experiment(design, ROWS)
    assert differences(answer(copies["duckdb"], asked), answer(copies[engine], asked)) == []


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_times_worked_out_from_moments_are_the_same_on_every_engine(copies, engine):
    metric = {"name": "expansion", "kind": "time", "at": "expanded", "window": "20d", "role": "secondary"}
    asked = experiment("of the eligible", [metric])
    assert differences(answer(copies["duckdb"], asked), answer(copies[engine], asked)) == []


def test_the_comparison_sees_a_difference():
    assert differences({"a": [1.0]}, {"a": [1.0 + 1e-8]}) == [(".a[0]", 1.0, 1.0 + 1e-8)]
