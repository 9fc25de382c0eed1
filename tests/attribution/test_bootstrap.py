"""Intervals of credit: against a loop by hand over events, repeatable, and honest about shares."""

import numpy as np
import pytest

from incrementality.attribution import RULE_MODELS, bootstrap_credit, make_ledger
from incrementality.errors import InputError
from incrementality.stats.poisson_bootstrap import poisson_counts
from tests.attribution.worlds import event, journeys_of, touch

MODELS = [RULE_MODELS[name] for name in ("first", "linear")]


@pytest.fixture
def ledger(engine):
    rng = np.random.default_rng(4)
    accounts = [f"a{k:02}" for k in range(30)]
    functions = ["marketing", "ae", "cs"]
    touches = [
        touch(f"t{k:03}", int(rng.integers(0, 90)), functions[rng.integers(3)], account=accounts[rng.integers(28)])
        for k in range(90)
    ]
    events = [event(f"e{k:02}", int(rng.integers(-50, 999)), account=a) for k, a in enumerate(accounts)]
    return make_ledger(journeys_of(engine, touches, events), MODELS)


@pytest.mark.oracle("journey bootstrap of credit", "a loop over events", "1e-9 relative")
def test_intervals_are_those_of_a_loop_by_hand(ledger):
    frame = ledger.to_frame()
    weights = dict(
        zip(sorted(frame.event_id.unique()), poisson_counts(np.random.default_rng(8), (30, 200)), strict=True)
    )
    found = bootstrap_credit(ledger, replicates=200, level=0.8, seed=8)
    for row in found.rows:
        mine = frame[(frame.function == row.label) & (frame.model == row.model)]
        whole = frame[frame.model == row.model]
        sums = sum(credit * weights[e] for e, credit in zip(mine.event_id, mine.unrounded, strict=True))
        wholes = sum(credit * weights[e] for e, credit in zip(whole.event_id, whole.unrounded, strict=True))
        assert row.credit == pytest.approx(mine.unrounded.sum(), rel=1e-9)
        assert (row.lower, row.upper) == pytest.approx(np.percentile(sums, [10, 90]), rel=1e-9)
        assert (row.share_lower, row.share_upper) == pytest.approx(np.percentile(sums / wholes, [10, 90]), rel=1e-9)
    assert {row.label for row in found.rows} == {"marketing", "ae", "cs", "unallocated"}


def test_the_same_seed_gives_the_same_intervals(ledger):
    first, second, other = (bootstrap_credit(ledger, replicates=50, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_more_events_than_a_block_are_the_same_events(engine, monkeypatch):
    touches = [touch(f"t{k}", k % 9, f"f{k % 3}", account=f"a{k % 50}") for k in range(120)]
    ledger = make_ledger(
        journeys_of(engine, touches, [event(f"e{k:02}", k, account=f"a{k}") for k in range(60)]), MODELS
    )
    whole = bootstrap_credit(ledger, replicates=30, seed=1)
    monkeypatch.setattr("incrementality.attribution.bootstrap._BLOCK", 7)
    assert bootstrap_credit(ledger, replicates=30, seed=1).to_dicts() == whole.to_dicts()


@pytest.mark.parametrize(
    ("options", "said"), [({"by": "functions"}, "Did you mean 'function'"), ({"level": 1.5}, "no level")]
)
def test_what_cannot_be_shown_is_refused(ledger, options, said):
    with pytest.raises(InputError, match=said):
        bootstrap_credit(ledger, **options)
