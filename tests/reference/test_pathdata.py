"""ChannelAttribution's example data (Altomare and Loris): 10,000 aggregated paths over twelve channels.

First, last and linear conversions are published (RPubs document 446210). Removal effects are compared with a chain
written here and solved in exact fractions; the figures of ChannelAttribution 2.2.5, which simulates the chain, stand
beside them with their error.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from incrementality.attribution import PATH_MODELS, credit_paths, open_paths, paths_of_strings, read_path_table
from incrementality.stats import coalition_sums, exact_shapley, removal_effects, shapley_values
from incrementality.warehouse import connect, locate
from incrementality.warehouse.sql import parse

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "channelattribution_pathdata" / "PathData.csv.gz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="needs PathData.csv.gz, which is not shipped with the code")

COLUMNS = ("total_conversions", "total_conversion_value", "total_null")
PUBLISHED = {
    "alpha": (6308, 8447, 7574.718594),
    "beta": (2831, 989, 2083.500145),
    "delta": (1, 5, 1.725),
    "epsilon": (99, 531, 272.170438),
    "eta": (3164, 4167, 3539.951157),
    "gamma": (165, 92, 121.041639),
    "iota": (4606, 3355, 3857.096221),
    "kappa": (74, 230, 137.964078),
    "lambda": (902, 1207, 1035.257572),
    "mi": (2, 2, 2.222222),
    "theta": (1606, 653, 1022.801394),
    "zeta": (27, 107, 136.551540),
}
# markov_model(order=1, var_null="total_null", seed=1) of ChannelAttribution 2.2.5, single-threaded: conversions
SIMULATED = {
    "alpha": 5370.093187660669,
    "beta": 2547.297557840617,
    "delta": 4.238431876606684,
    "epsilon": 563.7114395886889,
    "eta": 3382.2686375321337,
    "gamma": 165.29884318766065,
    "iota": 3852.734575835476,
    "kappa": 296.69023136246784,
    "lambda": 1292.7217223650384,
    "mi": 0.0,
    "theta": 1941.2017994858613,
    "zeta": 368.7435732647815,
}
CHANNELS = tuple(PUBLISHED)


@pytest.fixture(scope="module")
def rows():
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        return [(row["path"], *(float(row[name]) for name in COLUMNS)) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def paths(rows):
    names, won, value, lost = zip(*rows, strict=True)
    return paths_of_strings(names, won, value=value, nulls=lost)


@pytest.mark.domain("M1")
@pytest.mark.oracle("first, last and linear credit of paths", "published table (RPubs 446210)", "every digit")
def test_first_last_and_linear_are_those_published_to_every_digit(paths):
    assert paths.channels == CHANNELS
    for place, rule in enumerate(("first", "last", "linear")):
        published = [row[place] for row in PUBLISHED.values()]
        assert [round(credit, 6) for credit in credit_paths(paths, rule).tolist()] == published
        assert credit_paths(paths, rule).sum() == pytest.approx(19_785, rel=1e-12)


def test_repeated_paths_are_summed_and_nothing_is_lost(paths):
    assert len(paths.lengths) == 5_408
    assert (paths.conversions.sum(), paths.nulls.sum()) == (19_785, 68_602)
    assert paths.value.sum() == pytest.approx(74_802.971587, abs=5e-7)


def chain(rows):
    """Transition probabilities as exact fractions, from the rows alone."""
    passed = Counter()
    for path, won, _, lost in rows:
        steps = ["start", *path.split(" > ")]
        for pair in pairwise(steps):
            passed[pair] += int(won + lost)
        passed[steps[-1], "won"] += int(won)
        passed[steps[-1], "lost"] += int(lost)
    left = Counter()
    for (origin, _), n in passed.items():
        left[origin] += n
    return {pair: Fraction(n, left[pair[0]]) for pair, n in passed.items()}


def chance_of_converting(probability, removed=None):
    """Gauss's elimination over the start and the channels that are not removed."""
    names = ["start", *(channel for channel in CHANNELS if channel != removed)]
    system = [
        [Fraction(int(a == b)) - probability.get((a, b), 0) for b in names] + [probability.get((a, "won"), Fraction(0))]
        for a in names
    ]
    for i in reversed(range(len(names))):
        for k in range(i):
            scale = system[k][i] / system[i][i]
            system[k] = [x - scale * y for x, y in zip(system[k], system[i], strict=True)]
    return system[0][-1] / system[0][0]


@pytest.fixture(scope="module")
def exact(rows):
    probability = chain(rows)
    whole = chance_of_converting(probability)
    return {channel: float(1 - chance_of_converting(probability, channel) / whole) for channel in CHANNELS}


@pytest.mark.domain("M1")
@pytest.mark.oracle("Markov removal effects of public paths", "a chain of its own, solved in exact fractions", "1e-12")
def test_removal_effects_are_those_of_an_independent_solve(paths, exact):
    found = removal_effects(paths.transitions(1))
    assert found.effects == pytest.approx(list(exact.values()), rel=1e-12)
    assert found.expected == pytest.approx(19_785 / 88_387, rel=1e-12)
    assert found.effects[:2] == pytest.approx([0.558399489508, 0.264038535741], rel=1e-11)


def test_a_chain_gives_back_the_rate_of_conversion_at_every_order(paths):
    for order in (1, 2, 3):
        assert removal_effects(paths.transitions(order)).expected == pytest.approx(19_785 / 88_387, rel=1e-12)
    per_journey = removal_effects(paths.transitions(1), of="value").expected
    assert per_journey == pytest.approx(paths.value.sum() / 88_387, rel=1e-12)


def test_the_simulating_package_errs_by_percents_where_ours_does_not(paths, exact):
    total = sum(exact.values())
    expected = np.array([19_785 * effect / total for effect in exact.values()])
    ours = 19_785 * PATH_MODELS["markov"].credit(paths).shares
    theirs = np.array(list(SIMULATED.values()))
    error = dict(zip(CHANNELS, np.abs(theirs / expected - 1), strict=True))
    assert np.abs(ours / expected - 1).max() < 1e-12
    assert error["kappa"] == pytest.approx(0.081, abs=5e-4)  # 297 conversions for 274
    assert error["epsilon"] == pytest.approx(0.060, abs=5e-4)  # 564 for 600
    assert error["mi"] == 1.0  # the rarest channel is never simulated
    assert error["alpha"] < 0.005


@pytest.mark.oracle("Shapley values of public paths", "all 4,096 coalitions by the zeta transform", "1e-12")
def test_shapley_values_of_both_kinds_add_up(paths):
    sets = paths.sets()
    masks = sets.members @ (1 << np.arange(12))
    additive = exact_shapley(coalition_sums(masks, sets.conversions, 12))
    assert shapley_values(sets).values == pytest.approx(additive, rel=1e-12)
    assert shapley_values(sets).values.sum() == pytest.approx(19_785, rel=1e-12)
    assert shapley_values(sets, game="rate").values.sum() == pytest.approx(19_785 / 88_387, rel=1e-12)


def test_the_file_read_by_an_engine_is_the_same_paths(paths):
    with connect() as engine:
        table = engine.open(locate(str(FILE), base=FILE.parent))
        names = dict(zip(("conversions", "value", "nulls"), COLUMNS, strict=True))
        found = read_path_table(engine, table, **names)
    assert found.lengths.tolist() == paths.lengths.tolist()
    assert found.codes.tolist() == paths.codes.tolist()
    assert found.conversions.tolist() == paths.conversions.tolist()
    assert found.value == pytest.approx(paths.value, rel=1e-12)


def test_single_touches_in_an_engine_count_the_same_chain(rows, paths):
    with connect() as engine:
        steps = parse(
            """SELECT r.journey AS journey, u.place AS place, trim(u.channel) AS channel FROM (
              SELECT row_number() OVER (ORDER BY path, total_conversion_value, total_null) AS journey,
                string_split(path, '>') AS parts FROM paths WHERE total_conversions = 1
            ) AS r, (SELECT unnest(r.parts) AS channel, unnest(range(len(r.parts))) AS place) AS u""",
            paths=engine.open(locate(str(FILE), base=FILE.parent)).name,
        )
        kept = engine.materialise("single_touches", steps)
        won = parse("SELECT DISTINCT journey, 1 AS amount FROM steps", steps=kept.name)
        found = open_paths(engine, kept.name, won, journey=("journey",), order=("place",)).transitions(3)
    single = [row for row in rows if row[1] == 1]
    expected = paths_of_strings([row[0] for row in single], np.ones(len(single))).transitions(3)
    assert found.counts.tolist() == expected.counts.tolist()
    assert found.conversions.tolist() == expected.conversions.tolist()
