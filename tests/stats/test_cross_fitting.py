"""Out-of-fold predictions: no unit teaches the model that predicts it, and as a covariate they narrow the interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.errors import InputError
from incrementality.stats import cross_fitted


def curve(train, y, new):
    """A polynomial that a linear adjustment for the feature cannot draw."""
    return np.polyval(np.polyfit(train[:, 0], y, 4), new[:, 0])


def bent(n=4000, seed=3):
    rng = np.random.default_rng(seed)
    x, arm = rng.uniform(-2, 2, n), rng.choice(["control", "journey"], n)
    return pd.DataFrame(
        {"id": np.arange(n), "arm": arm, "x": x, "y": 4 * x**2 + 0.3 * (arm == "journey") + rng.normal(size=n)}
    )


def test_no_unit_is_in_the_training_of_its_own_prediction():
    seen = []

    def remember(train, y, new):
        seen.append((set(train[:, 0]), set(new[:, 0])))
        return np.zeros(len(new))

    cross_fitted(remember, np.arange(50.0)[:, None], np.zeros(50), seed=2, folds=5)
    assert all(train.isdisjoint(new) for train, new in seen)
    assert sorted(x for _, new in seen for x in new) == list(range(50))


def test_a_group_stays_in_one_fold():
    groups, folds = np.repeat(np.arange(10), 5), []

    def remember(train, y, new):
        folds.append(set(new[:, 0]))
        return np.zeros(len(new))

    cross_fitted(remember, groups[:, None].astype(float), np.zeros(50), seed=2, folds=5, groups=groups)
    assert sum(len(part) for part in folds) == 10


def test_the_same_seed_gives_the_same_predictions():
    rows = bent(n=200)
    one, other, third = (cross_fitted(curve, rows[["x"]], rows["y"], seed=seed) for seed in (1, 1, 2))
    assert (one == other).all()
    assert (one != third).any()


def test_as_a_covariate_it_narrows_what_a_plain_column_cannot(plan):
    rows = bent()
    rows["predicted"] = cross_fitted(curve, rows[["x"]], rows["y"], seed=1)
    plain, linear, fitted = (
        read_out(plan(data={"covariates": columns} if columns else {}), data=rows).headline("y", "journey")
        for columns in ([], ["x"], ["predicted"])
    )
    assert linear.standard_error > 0.98 * plain.standard_error
    assert fitted.standard_error < 0.35 * plain.standard_error
    assert fitted.effect_ci_lower < 0.3 < fitted.effect_ci_upper


@pytest.mark.parametrize("folds", [1, 51])
def test_folds_that_cannot_be_are_refused(folds):
    with pytest.raises(InputError, match=f"{folds} folds for 50"):
        cross_fitted(curve, np.zeros((50, 1)), np.zeros(50), seed=1, folds=folds)


def test_predictions_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match="missing or infinite"):
        cross_fitted(lambda _train, _y, new: np.full(len(new), np.nan), np.zeros((9, 1)), np.zeros(9), seed=1, folds=3)
