"""What must not matter does not: names of arms, currency, order of rows, split strata, the metric's sign."""

from __future__ import annotations

import uuid
from dataclasses import replace

import numpy as np
import pytest

from incrementality import Readout, read_out

EXACT = 1e-9
MAPPINGS = [{}, {"covariates": ["x", "s"]}, {"stratum": "s"}]
CHANGED = ("effect", "standard_error", "effect_ci_lower", "effect_ci_upper")
KEPT = ("rel_effect", "rel_effect_ci_lower", "rel_effect_ci_upper", "pvalue", "df")


def values(estimate, names):
    return [getattr(estimate, name) for name in names]


@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
def test_names_of_arms_do_not_matter(plan, sample, mapping):
    rows = sample()
    first = read_out(plan(data=mapping), data=rows)
    names = {"control": "zz control", "journey": 'o\'neil "lift" 客户'}
    planned = [{"name": names[arm], "share": 0.5, "control": arm == "control"} for arm in ("journey", "control")]
    second = read_out(plan(data=mapping, arms=planned), data=rows.assign(arm=rows["arm"].map(names)))
    for one, other in zip(first.estimates, second.estimates, strict=True):
        assert replace(one, arm="", control="", sentence="") == replace(other, arm="", control="", sentence="")


@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
@pytest.mark.parametrize("factor", [1e-6, 100.0, 3.7e8])
def test_another_currency_rescales_effects_and_nothing_else(plan, sample, mapping, factor):
    rows = sample()
    first, second = (read_out(plan(data=mapping), data=frame) for frame in (rows, rows.assign(y=rows["y"] * factor)))
    for one, other in zip(first.estimates, second.estimates, strict=True):
        assert values(other, CHANGED) == pytest.approx([factor * v for v in values(one, CHANGED)], rel=EXACT)
        assert values(other, KEPT) == pytest.approx(values(one, KEPT), rel=EXACT)
    assert first.grade == second.grade


@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
def test_the_order_of_rows_does_not_matter(plan, sample, mapping):
    rows = sample(2000)
    first = read_out(plan(data=mapping, segments=["s"]), data=rows)
    second = read_out(plan(data=mapping, segments=["s"]), data=rows.sample(frac=1, random_state=3))
    for one, other in zip((*first.estimates, *first.segments), (*second.estimates, *second.segments), strict=True):
        assert values(other, CHANGED + KEPT) == pytest.approx(values(one, CHANGED + KEPT), rel=EXACT)
    assert first.verdict == second.verdict


def test_an_offset_moves_means_and_no_effect(plan, sample):
    rows = sample()
    first, second = (read_out(plan(), data=frame) for frame in (rows, rows.assign(y=rows["y"] + 1e6)))
    for one, other in zip(first.estimates, second.estimates, strict=True):
        assert values(other, CHANGED) == pytest.approx(values(one, CHANGED), rel=1e-8)


def test_a_stratum_split_by_chance_leaves_the_effect_about_where_it_was(plan, sample):
    rows = sample(4000)
    rows["t"] = rows["s"] + (np.arange(4000) % 2).astype(str)
    one, other = (read_out(plan(data={"stratum": name}), data=rows).estimates[0] for name in ("s", "t"))
    assert other.effect == pytest.approx(one.effect, abs=one.standard_error / 5)
    assert other.standard_error == pytest.approx(one.standard_error, rel=0.02)


def test_a_stratum_renamed_changes_nothing(plan, sample):
    rows = sample()
    renamed = rows.assign(s=rows["s"].map({"north": 3, "south": 2, "west": 1}))
    one, other = (read_out(plan(data={"stratum": "s"}), data=frame).estimates[0] for frame in (rows, renamed))
    assert values(other, CHANGED + KEPT) == pytest.approx(values(one, CHANGED + KEPT), rel=EXACT)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
def test_the_negated_metric_mirrors_everything(plan, sample, mapping):
    rows = sample()
    metric = {"name": "y", "kind": "mean", "role": "primary", "smallest_effect": {"absolute": 0.01}}
    first = read_out(plan(data=mapping, metrics=[metric]), data=rows)
    second = read_out(plan(data=mapping, metrics=[metric | {"direction": "decrease"}]), data=rows.assign(y=-rows["y"]))
    for one, other in zip(first.estimates, second.estimates, strict=True):
        assert (other.effect, other.effect_ci_lower, other.effect_ci_upper) == pytest.approx(
            (-one.effect, -one.effect_ci_upper, -one.effect_ci_lower), rel=EXACT
        )
        assert values(other, KEPT) == pytest.approx(values(one, KEPT), rel=EXACT)
    assert second.verdict == first.verdict.replace("raised", "lowered")


def identifiers(n):
    rng = np.random.default_rng(1)
    return {
        "int": np.arange(n),
        "large int": np.arange(n) + 2**62,
        "text": [f"c_{k:06d}" for k in range(n)],
        "leading zeros": [f"{k:05d}" for k in range(n)],
        "uuid": [uuid.UUID(bytes=rng.bytes(16)) for _ in range(n)],
        "uuid text": [str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(n)],
    }


@pytest.mark.parametrize("kind", identifiers(1))
def test_ids_may_be_whole_numbers_text_or_uuid(plan, sample, kind, check):
    rows = sample()
    readout = read_out(plan(), data=rows.assign(id=identifiers(len(rows))[kind]))
    assert check(readout, "duplicates").passed
    assert readout.estimates == read_out(plan(), data=rows).estimates


@pytest.mark.parametrize(
    "knobs", [{}, {"unplanned_arm": 9, "missing_arm": 4, "missing_outcomes": 30}, {"account_size": 4.0}], ids=str
)
def test_a_readout_survives_json(simulated, knobs):
    import json

    readout = simulated(n=5000, **knobs)
    assert Readout.from_dict(json.loads(json.dumps(readout.to_dict()))) == readout


def test_every_number_of_a_readout_is_plain(simulated):
    def kinds(value):
        if isinstance(value, dict):
            return {kind for item in value.values() for kind in kinds(item)}
        if isinstance(value, (list, tuple)):
            return {kind for item in value for kind in kinds(item)}
        return {type(value)}

    assert kinds(simulated(n=4000).to_dict()) <= {str, int, float, bool, type(None)}


def test_a_readout_prints_itself(simulated):
    readout = simulated(n=4000)
    assert "reactivated" in readout.to_text()
    assert len(readout.to_frame()) == len(readout.estimates)
    assert readout.headline("reactivated", "journey").adjusted
