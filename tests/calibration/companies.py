"""Small tables of cells and experiments on them, drawn by seed."""

from __future__ import annotations

import numpy as np

from incrementality.calibration import Cell, CellTable, Evidence, EvidenceSet


def company(seed=0, *, functions=3, journeys=4, overlap=True, disagreement=False):
    rng = np.random.default_rng(seed)
    cells = tuple(Cell(f"f{i}", f"j{k}") for i in range(functions) for k in range(journeys))
    n = len(cells)
    exposed = rng.uniform(50, 200, n)
    together = np.minimum.outer(exposed, exposed) * rng.uniform(0, 0.5, (n, n))
    together = (together + together.T) / 2
    np.fill_diagonal(together, exposed)
    noise = rng.normal(size=(n, 2 * n))
    credited = rng.uniform(0, 100, n) * (rng.random(n) > 0.1)
    return CellTable(
        cells,
        credited,
        rng.integers(1, 50, n).astype(float),
        revenue=float(credited.sum() * 1.4),
        together=together if overlap else None,
        disagreement=noise @ noise.T if disagreement else None,
        event_value=50.0,
    )


def experiments(table, seed=0, *, correlated=True, ages=True):
    rng = np.random.default_rng(seed + 1)
    sets = [table.members(lambda cell, j=j: cell.journey == j) for j in table.journeys]
    sets.append(np.ones(len(table), dtype=bool))
    m = len(sets)
    root = rng.normal(0, 5, (m, 3 * m))
    covariance = root @ root.T if correlated else np.diag(rng.uniform(50, 400, m))
    rows = tuple(
        Evidence(
            f"x{k}",
            frozenset(cell for cell, switched in zip(table.cells, off, strict=True) if switched),
            float(rng.normal(0.35, 0.2) * table.scale[off].sum()),
            float(covariance[k, k]),
            age=float(rng.integers(0, 5)) if ages else 0.0,
        )
        for k, off in enumerate(sets)
    )
    return EvidenceSet(rows, covariance)
