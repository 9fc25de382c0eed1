"""Traps of populations: in each the number that people compute is wrong, and ours holds the truth or is refused.

Worlds are written from the domain, with both outcomes of every unit known: units differ in how eager they are, eager
units buy, open and are reached more often, and a message adds the same to everyone whom it reaches. ``python
tests/truth/test_populations_truth.py`` writes ``results/traps.json``, from which the documentation is made; the last
test holds the file against the worlds.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from incrementality import Experiment, read_out
from incrementality.warehouse import connect

RESULTS = Path(__file__).parent / "results" / "traps.json"
WORLDS = 10
N = 6000
LIFT = 0.08
CUT = pd.Timestamp("2026-03-01")


@dataclass(frozen=True)
class World:
    """One capture: what a company would have logged, the naive number, the truth, and how we are asked."""

    frame: pd.DataFrame
    naive: float
    truth: float
    data: dict
    which: str = "estimates"


@dataclass(frozen=True)
class Row:
    """A trap over all its worlds; errors are Monte-Carlo standard errors of the averages."""

    trap: str
    truth: float
    naive: float
    naive_error: float
    ours: float | None
    ours_error: float | None
    intervals_that_hold_the_truth: int | None
    worlds: int
    answer: str


def units(rng, *, effect_on=None, share=0.5):
    """Units with both outcomes: ``effect_on`` are those whom the message would reach."""
    eager, luck = rng.random(N), rng.random(N)
    treated = rng.random(N) < share
    reached = np.ones(N, bool) if effect_on is None else effect_on(eager)
    without, with_it = luck < 0.05 + 0.3 * eager, luck < 0.05 + 0.3 * eager + LIFT
    return eager, treated, reached, without, with_it


def frame_of(treated, y, **columns):
    arm = np.where(treated, "journey", "holdout")
    return pd.DataFrame({"id": np.arange(N), "arm": arm, "y": y.astype(int), **columns})


def openers(rng):
    """E-mail openers against the whole holdout: openers would have bought more anyway."""
    eager, treated, _, without, with_it = units(rng)
    opened = treated & (rng.random(N) < eager)
    y = np.where(treated, with_it, without)
    naive = y[opened].mean() - y[~treated].mean()
    return World(frame_of(treated, y), naive, (with_it.mean() - without.mean()), {})


def messaged(rng):
    """Messaged against not messaged: a working address goes with buying."""
    _, treated, reached, without, with_it = units(rng, effect_on=lambda eager: eager > 0.4)
    got = treated & reached
    y = np.where(got, with_it, without)
    truth = with_it[reached].mean() - without[reached].mean()
    return World(
        frame_of(treated, y, got=got), y[got].mean() - y[~got].mean(), truth, {"delivered": "got"}, "compliers"
    )


def contaminated(rng):
    """Holdout members who got the message anyway are dropped: they were the eager ones."""
    eager, treated, reached, without, with_it = units(rng, effect_on=lambda eager: eager > 0.2)
    got = np.where(treated, reached, eager > 0.7)
    y = np.where(got, with_it, without)
    naive = y[treated].mean() - y[~treated & ~got].mean()
    compliers = reached & (eager <= 0.7)
    truth = with_it[compliers].mean() - without[compliers].mean()
    return World(frame_of(treated, y, got=got), naive, truth, {"delivered": "got"}, "compliers")


def ramp(rng):
    """A journey that ramps up: most units are young, and their windows still open when the data is cut."""
    _, treated, _, without, with_it = units(rng)
    age = 60 * (1 - np.sqrt(rng.random(N)))  # days before the cut; more and more units enter
    y = np.where(treated, with_it, without)
    seen = y & (28 * rng.random(N) < age)
    old = age >= 28
    truth = with_it[old].mean() - without[old].mean()
    frame = frame_of(treated, seen, decided=CUT - pd.to_timedelta(age, unit="D"))
    return World(
        frame, seen[treated].mean() - seen[~treated].mean(), truth, {"t0": "decided", "data_cut": "2026-03-01"}
    )


def unequal_ramp(rng):
    """The journey's arm opens later than the holdout: its units are younger, so less of their outcome is seen."""
    _, treated, _, without, with_it = units(rng)
    age = 60 * rng.random(N) * np.where(treated, 0.6, 1.0)
    y = np.where(treated, with_it, without)
    seen = y & (28 * rng.random(N) < age)
    truth = with_it.mean() - without.mean()
    frame = frame_of(treated, seen, decided=CUT - pd.to_timedelta(age, unit="D"))
    return World(
        frame, seen[treated].mean() - seen[~treated].mean(), truth, {"t0": "decided", "data_cut": "2026-03-01"}
    )


def dilution(rng):
    """All assigned are compared, though the trigger fires for a quarter of them."""
    _, treated, _, without, with_it = units(rng)
    could = rng.random(N) < 0.25
    y = np.where(treated & could, with_it, without)
    truth = with_it[could].mean() - without[could].mean()
    naive = y[treated].mean() - y[~treated].mean()
    return World(frame_of(treated, y, could=could), naive, truth, {"eligible": "could"})


def all_control(rng):
    """Eligible treated units against all of the control: the trigger fires for eager units."""
    eager, treated, _, without, with_it = units(rng)
    could = rng.random(N) < eager
    y = np.where(treated & could, with_it, without)
    truth = with_it[could].mean() - without[could].mean()
    naive = y[treated & could].mean() - y[~treated].mean()
    return World(frame_of(treated, y, could=could), naive, truth, {"eligible": "could"})


def immortal(rng):
    """Conversions before the send are dropped in the arm that has a send: it loses purchases that the holdout keeps."""
    _, treated, _, without, with_it = units(rng)
    day, send = 28 * rng.random(N), 10 * rng.random(N)
    y = np.where(treated & (day > send), with_it, without)
    early = treated & without & (day <= send)
    naive = y[treated & ~early].mean() - y[~treated].mean()
    truth = (np.where(day > send, with_it, without)).mean() - without.mean()
    return World(frame_of(treated, y), naive, truth, {})


def moved_trigger(rng):
    """The treatment makes units eligible (a visit after the first message): the eligible of both arms are not alike."""
    eager, treated, _, without, with_it = units(rng)
    could = rng.random(N) < np.where(treated, 0.1 + 0.8 * (1 - eager), 0.2)
    y = np.where(treated, with_it, without)
    naive = y[treated & could].mean() - y[~treated & could].mean()
    return World(frame_of(treated, y, could=could), naive, with_it.mean() - without.mean(), {"eligible": "could"})


TRAPS = {
    "openers against the whole holdout": openers,
    "messaged against not messaged": messaged,
    "contaminated holdout members dropped": contaminated,
    "unequal follow-up in a ramp": ramp,
    "one arm ramped up later": unequal_ramp,
    "dilution": dilution,
    "eligible treated against all control": all_control,
    "conversions before the send dropped": immortal,
    "trigger moved by treatment": moved_trigger,
}
REFUSED = {"one arm ramped up later", "trigger moved by treatment"}


def asked(**data):
    arms = [{"name": "holdout", "share": "50%", "control": True}, {"name": "journey", "share": "50%"}]
    metric = {"name": "y", "kind": "conversion", "role": "primary", "window": "28d"}
    request = {"id": "trap", "question": "What did it cause?", "data": {"unit": "id"} | data}
    return Experiment.model_validate(request | {"arms": arms, "metrics": [metric]})


@functools.cache
def runs(trap):
    """Each world of a trap with its readout."""
    found = []
    with connect(threads=2) as engine:
        for seed in range(WORLDS):
            world = TRAPS[trap](np.random.default_rng([20261121, list(TRAPS).index(trap), seed]))
            found.append((world, read_out(asked(**world.data), data=world.frame, warehouse=engine)))
    return found


def error(values):
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


@functools.cache
def row(trap):
    pairs = runs(trap)
    truths, naives = np.array([w.truth for w, _ in pairs]), np.array([w.naive for w, _ in pairs])
    answer = {"ours": None, "ours_error": None, "intervals_that_hold_the_truth": None, "answer": "refused: do not use"}
    if trap not in REFUSED:
        estimates = [getattr(readout, world.which)[0] for world, readout in pairs]
        effects = np.array([e.effect for e in estimates])
        held = [e.effect_ci_lower <= t <= e.effect_ci_upper for e, t in zip(estimates, truths, strict=True)]
        answer = {
            "ours": float(effects.mean()),
            "ours_error": error(effects - truths),
            "intervals_that_hold_the_truth": int(sum(held)),
            "answer": estimates[0].population,
        }
    return Row(
        trap=trap, truth=float(truths.mean()), naive=float(naives.mean()), naive_error=error(naives - truths),
        worlds=len(pairs), **answer,
    )  # fmt: skip


@pytest.mark.domain("X2")
@pytest.mark.parametrize("trap", TRAPS)
def test_the_naive_number_is_visibly_wrong(trap):
    found = row(trap)
    assert abs(found.naive - found.truth) > 6 * found.naive_error
    assert abs(found.naive - found.truth) > 0.15 * found.truth


@pytest.mark.domain("X2")
@pytest.mark.parametrize("trap", [trap for trap in TRAPS if trap not in REFUSED])
def test_ours_holds_the_truth(trap):
    found = row(trap)
    assert abs(found.ours - found.truth) < 4 * found.ours_error
    assert found.intervals_that_hold_the_truth >= WORLDS - 3  # 95 % intervals: fewer in one of 1,000 tests


@pytest.mark.parametrize("trap", sorted(REFUSED))
def test_what_cannot_be_answered_is_refused(trap):
    for _, readout in runs(trap):
        assert readout.grade == "do not use"
        assert "lift" not in readout.verdict


def test_contamination_is_named_where_it_was_not_dropped():
    for _, readout in runs("contaminated holdout members dropped"):
        assert next(c for c in readout.checks if c.name == "contamination").passed is False


def test_all_assigned_are_the_way_out_where_the_trigger_was_moved():
    held = 0
    for world, _ in runs("trigger moved by treatment"):
        (estimate,) = read_out(asked(eligible="could", population="assigned"), data=world.frame).estimates
        held += estimate.effect_ci_lower <= world.truth <= estimate.effect_ci_upper
    assert held >= WORLDS - 3


def test_the_diluted_effect_is_that_of_all_assigned_with_less_noise():
    for world, readout in runs("dilution"):
        (diluted,), part = readout.diluted, world.frame["could"].mean()
        assert diluted.effect_ci_lower / part <= readout.estimates[0].effect <= diluted.effect_ci_upper / part
        (whole,) = read_out(asked(), data=world.frame).estimates
        assert diluted.standard_error < 0.8 * whole.standard_error


@pytest.mark.parametrize("population", ["openers", "as_treated", "per_protocol", "delivered"])
def test_a_population_that_is_not_incremental_is_refused_before_any_number(population):
    with pytest.raises(ValueError, match="no incremental effect"):
        asked(population=population)


def rows():
    return [asdict(row(trap)) for trap in TRAPS]


@pytest.mark.parametrize("at", range(len(TRAPS)), ids=TRAPS)
def test_the_written_rows_are_those_of_the_worlds(at):
    written, found = json.loads(RESULTS.read_text())[at], rows()[at]
    assert written.keys() == found.keys()
    for name, value in found.items():
        assert written[name] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value), name


if __name__ == "__main__":
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows(), indent=2) + "\n")
