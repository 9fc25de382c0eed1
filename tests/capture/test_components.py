"""Connected components in the engine are those of an independent implementation, whatever the graph and its order."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components as oracle

from incrementality.capture.components import connected_components
from incrementality.errors import InputError
from incrementality.warehouse import connect, frame_locator
from incrementality.warehouse.sql import parse


@pytest.fixture(scope="module")
def engine():
    with connect(threads=1) as warehouse:
        yield warehouse


def labels(engine, pairs, n):
    """Return the label of each vertex from 0 to n - 1; a vertex without an edge stands for itself."""
    a, b = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    edges = engine.open(frame_locator({"a": a, "b": b}))
    found = connected_components(engine, edges.name, largest=n)
    label = np.arange(n)
    for vertex, component in engine.query(parse("SELECT v, r FROM f", f=found.name)):
        label[vertex] = component
    return label


def partition(label):
    """Return each vertex's first companion: the same for two labellings that part the vertices alike."""
    return [int(np.flatnonzero(label == mine)[0]) for mine in label]


def expected(pairs, n):
    a, b = zip(*pairs, strict=True)
    return oracle(coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)[1]


@pytest.mark.domain("D4")
@pytest.mark.oracle("connected components in the engine", "scipy.sparse.csgraph", "exact")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40))
def test_components_are_those_of_scipy(engine, pairs):
    assert partition(labels(engine, pairs, 31)) == partition(expected(pairs, 31))


@pytest.mark.parametrize("shape", ["path", "backward path", "star", "ring", "two cliques", "comb"])
def test_every_shape_of_graph_ends(engine, shape):
    n = 200
    pairs = {
        "path": [(k, k + 1) for k in range(n - 1)],
        "backward path": [(k + 1, k) for k in reversed(range(n - 1))],
        "star": [(0, k) for k in range(1, n)],
        "ring": [(k, (k + 1) % n) for k in range(n)],
        "two cliques": [(a + s, b + s) for s in (0, 100) for a in range(20) for b in range(a)],
        "comb": [*((k, k + 1) for k in range(99)), *((k, 100 + k) for k in range(100))],
    }[shape]
    assert partition(labels(engine, pairs, n)) == partition(expected(pairs, n))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=12), st.randoms())
def test_rows_in_another_order_doubled_or_turned_give_the_same_labels(engine, pairs, random):
    other = [pair if random.random() < 0.5 else pair[::-1] for pair in [*pairs, *pairs[:3]]]
    random.shuffle(other)
    np.testing.assert_array_equal(labels(engine, pairs, 13), labels(engine, other, 13))


def test_a_long_path_takes_few_rounds(engine):
    before = len(engine.statements)
    labels(engine, [(k, k + 1) for k in range(20_000)], 20_001)
    rounds = sum("_joined_" in ran and "CREATE" in ran and "MIN(" in ran for ran in engine.statements[before:])
    assert rounds <= 30


def test_a_graph_without_edges_has_no_components(engine):
    edges = parse("SELECT CAST(1 AS BIGINT) AS a, CAST(1 AS BIGINT) AS b WHERE FALSE")
    found = connected_components(engine, edges, largest=1)
    assert engine.query(parse("SELECT v FROM f", f=found.name)) == []


def test_more_vertices_than_the_arithmetic_holds_are_refused(engine):
    with pytest.raises(InputError, match="too many"):
        connected_components(engine, parse("SELECT 1 AS a, 2 AS b"), largest=2**31)
