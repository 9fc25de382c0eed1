"""Every shape of reduction gives the same moments on every engine, and those that numpy gives."""

import numpy as np
import pytest

from incrementality.stats.moments import moments_of_rows
from incrementality.warehouse import ReductionPlan, pilot_means, reduce_moments
from incrementality.warehouse.sql import column, literal, not_nan, number_of, parse

NAMES = ('we"ird', "pre", "revenue", "converted", "won", "money", "gaps")
PAIRS = frozenset({('we"ird', "pre"), ("revenue", "money"), ("gaps", "won")})
SHIFT = {'we"ird': 1e6 + 0.1, "pre": 1e6 - 0.3, "revenue": 4.7, "money": 240.123, "gaps": 1e-300}


def plan(copy, *, groups=("select",), names=NAMES, **options):
    columns = {name: number_of(name, copy.relation.columns[name]) for name in names}
    pairs = frozenset(pair for pair in PAIRS if set(pair) <= set(names))
    shift = {name: SHIFT[name] for name in names if name in SHIFT}
    shapes = {"pairs": pairs, "shift": shift, **options}
    return ReductionPlan(relation=copy.relation.name, groups=tuple(map(column, groups)), columns=columns, **shapes)


SHAPES = {
    "one group": {"groups": ()},
    "by arm": {},
    "by arm and stratum": {"groups": ("select", "é😀")},
    "by a boolean": {"groups": ("won",)},
    "clusters": {"cluster": column("account")},
    "clusters by stratum": {"cluster": column("account"), "groups": ("select", "é😀")},
    "bounded and counted": {"bounded": ("converted", "gaps"), "counted": ("revenue", "money")},
    "bounded and counted clusters": {"bounded": ("gaps",), "counted": ("revenue",), "cluster": column("account")},
    "where": {"where": parse("$g IS NOT NULL AND $a = $v", g=column("gaps"), a=column("select"), v=literal("holdout"))},
    "powers": {"powers": frozenset({("pre",) * 3, ("pre", "pre", "revenue", "revenue"), ("gaps", "gaps", "won")})},
    "where nothing": {"where": parse("$a = $v", a=column("select"), v=literal("nobody"))},
    "keys only": {"names": ()},
}


def assert_same(found, expected, tolerance=1e-9):
    assert found.moments.groups == expected.moments.groups
    assert found.values == expected.values
    assert found.missing == expected.missing
    assert_same_moments(found.moments, expected.moments, tolerance)
    assert found.minimum == pytest.approx(expected.minimum, rel=tolerance)
    assert found.maximum == pytest.approx(expected.maximum, rel=tolerance)
    np.testing.assert_equal(found.nonzero, expected.nonzero)
    assert found.powers.keys() == expected.powers.keys()
    for factors, sums in expected.powers.items():
        np.testing.assert_allclose(found.powers[factors], sums, rtol=tolerance, atol=0)


def assert_same_moments(found, expected, tolerance=1e-9):
    parts = [(found, expected, ("n", "count", "shift", "sums", "products"))]
    if expected.clusters is not None:
        parts.append((found.clusters, expected.clusters, ("count", "nn", "ns", "ss")))
    for mine, theirs, names in parts:
        for name in names:
            scale = np.nanmax(np.abs(getattr(theirs, name)), initial=0.0)
            np.testing.assert_allclose(
                getattr(mine, name), getattr(theirs, name), rtol=tolerance, atol=tolerance * scale * 1e-3, err_msg=name
            )


@pytest.mark.parametrize("engine", ["postgres", "spark"])
@pytest.mark.parametrize("shape", SHAPES)
def test_engine_agrees_with_the_embedded_one(copies, engine, shape):
    both = [copies["duckdb"], copies[engine]]
    expected, found = (reduce_moments(copy.warehouse, plan(copy, **SHAPES[shape])) for copy in both)
    assert_same(found, expected)


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_engine_agrees_with_numpy(copies, units, engine):
    names = tuple(name for name in NAMES if name != "gaps")
    options = {"names": names, "cluster": column("account")}
    found = reduce_moments(copies[engine].warehouse, plan(copies[engine], **options)).moments
    expected = moments_of_rows(
        {name: units[name] for name in names},
        groups=units["select"].astype(str),
        clusters=units["account"],
        shift={name: SHIFT.get(name, 0.0) for name in names},
    )
    asked = ~np.isnan(found.products)
    np.testing.assert_allclose(found.products[asked], expected.products[asked], rtol=1e-9)
    np.testing.assert_allclose(found.sums, expected.sums, rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(found.clusters.ss[asked], expected.clusters.ss[asked], rtol=1e-9)
    assert found.groups == expected.groups


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_nulls_are_absent_and_counted(copies, units, engine):
    found = reduce_moments(copies[engine].warehouse, plan(copies[engine], groups=(), names=("gaps",)))
    present = units["gaps"][~np.isnan(units["gaps"])]
    assert found.moments.count[0, 0] == len(present)
    assert found.moments.sums[0, 0] == pytest.approx(present.sum(), rel=1e-12)


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_nan_is_present_largest_and_spoils_sums(copies, units, engine):
    options = {"groups": (), "names": ("nans",), "bounded": ("nans",), "counted": ("nans",)}
    found = reduce_moments(copies[engine].warehouse, plan(copies[engine], **options))
    assert found.moments.count[0, 0] == len(units["nans"])
    assert found.nonzero["nans"][0] == len(units["nans"])
    assert found.minimum["nans"] == pytest.approx(np.nanmin(units["nans"]), rel=1e-12)
    assert np.isnan([found.maximum["nans"], found.moments.sums[0, 0], found.moments.products[0, 0, 0]]).all()


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_not_nan_makes_nan_absent(copies, units, engine):
    relation = copies[engine].relation
    columns = {"nans": not_nan(number_of("nans", relation.columns["nans"]))}
    found = reduce_moments(
        copies[engine].warehouse, ReductionPlan(relation=relation.name, groups=(), columns=columns, bounded=("nans",))
    )
    assert found.moments.count[0, 0] == np.isfinite(units["nans"]).sum()
    assert found.maximum["nans"] == pytest.approx(np.nanmax(units["nans"]), rel=1e-12)
    assert found.moments.sums[0, 0] == pytest.approx(np.nansum(units["nans"]), rel=1e-12)


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_pilot_means_are_those_of_all_rows_of_a_small_table(copies, units, engine):
    copy = copies[engine]
    columns = {name: number_of(name, copy.relation.columns[name]) for name in (*NAMES, "nans")}
    found = pilot_means(copy.warehouse, copy.relation.name, columns)
    expected = {name: float(np.nanmean(units[name])) for name in NAMES} | {"nans": 0.0}
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_groups_can_be_written_back_as_predicates(copies, engine):
    copy = copies[engine]
    found = reduce_moments(copy.warehouse, plan(copy, groups=("select", "é😀"), names=("won",)))
    for (arm, stratum), n in zip(found.values, found.moments.n, strict=True):
        test = parse("$a = $x AND $s = $y", a=column("select"), x=literal(arm), s=column("é😀"), y=literal(stratum))
        count = parse("SELECT count(*) FROM source WHERE $test", source=copy.relation.name, test=test)
        assert copy.warehouse.row(count) == (n,)


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_column_types_agree(copies, engine):
    assert copies[engine].relation.columns == copies["duckdb"].relation.columns


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_products_of_powers_are_those_of_numpy(copies, units, engine):
    factors = ("converted", "money", "money", "revenue")
    found = reduce_moments(copies[engine].warehouse, plan(copies[engine], groups=(), powers=frozenset({factors})))
    u, v, w = (units[name].astype(float) - SHIFT.get(name, 0.0) for name in ("converted", "money", "revenue"))
    assert found.sum_of(factors, [0]) == pytest.approx(float((u * v * v * w).sum()), rel=1e-9)
    assert found.has(factors)
    assert found.has(("money", "revenue"))
    assert not found.has(("money",) * 3)
    assert found.sum_of((), [0]) == len(u)
