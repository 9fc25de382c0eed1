"""Traps of experiments: in each the number that people compute is wrong, and ours holds the truth or is refused.

The worlds lie in ``traps_units.py`` and ``traps_programme.py``. A few of each are read out always; ``pytest -m slow``
reads out many and holds ``results/traps.json`` against them, from which the documentation is made, and ``python
tests/truth/test_populations_truth.py`` writes that file.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from incrementality import Experiment, read_out
from incrementality.assignment import assign, make_plan
from incrementality.assignment.audit import audit
from incrementality.assignment.batch import Assignments
from incrementality.assignment.ledger import Ledger
from incrementality.warehouse import connect

_spec = importlib.util.spec_from_file_location("traps_programme", Path(__file__).with_name("traps_programme.py"))
programme = sys.modules.setdefault("traps_programme", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(programme)

RESULTS = Path(__file__).parent / "results" / "traps.json"
WORLDS, NULL_WORLDS = 10, 100
GRID, NULL_GRID = 100, 1000
NOMINAL = 0.05

TRAPS = programme.one.TRAPS | programme.TRAPS
NULL_TRAPS = programme.NULL_TRAPS

# The check that withholds the answer where someone hands the mistake in.
REFUSED_BY = {
    "one arm ramped up later": "maturity",
    "trigger moved by treatment": "eligible_rate",
    "two clocks": "sample_ratio_over_time",
    "ramp phases pooled": "sample_ratio_over_time",
    "mixed units dropped": "mixed_assignment",
    "still marketable at the send": "eligible_rate",
    "spillover inside an account": "mixed_assignment",
    "the global holdout as control of one journey": "sample_ratio",
    "twenty looks at a fixed test": "looks",
}
NOT_ANSWERED = {"one arm ramped up later", "trigger moved by treatment"}
ANSWERED = [trap for trap in TRAPS if trap not in NOT_ANSWERED]


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
    mistake_refused_by: str | None


@dataclass(frozen=True)
class NullRow:
    """How often an effect is found where there is none, at a nominal 5 %."""

    trap: str
    naive: float
    ours: float
    worlds: int
    mistake_refused_by: str | None


def experiment(asked):
    arms = [{"name": "holdout", "share": "50%", "control": True}, {"name": "journey", "share": "50%"}]
    metric = {"name": "y", "kind": "conversion", "role": "primary", "window": "28d"}
    request = {"id": "trap", "question": "What did it cause?", "arms": arms, "metrics": [metric]}
    return Experiment.model_validate(request | asked.plan | {"data": {"unit": "id"} | asked.data})


def read(asked, engine=None):
    return None if asked is None else read_out(experiment(asked), data=asked.frame, warehouse=engine)


def worlds(trap, number):
    """Worlds of a trap, each with its readout and that of the mistake."""
    make, place = (TRAPS | NULL_TRAPS)[trap], list(TRAPS | NULL_TRAPS).index(trap)
    with connect(threads=2) as engine:
        for seed in range(number):
            world = make(np.random.default_rng([20261121, place, seed]))
            mistake = world.mistake if trap in TRAPS or seed < WORLDS else None
            yield world, read(world.ours, engine), read(mistake, engine)


@functools.cache
def runs(trap):
    return list(worlds(trap, WORLDS if trap in TRAPS else NULL_WORLDS))


def error(values):
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def row(trap, found):
    """Average the worlds of a trap; one pass, so that no frame has to be kept."""
    truths, naives, estimates = [], [], []
    for world, readout, _ in found:
        truths.append(world.truth)
        naives.append(world.naive)
        if readout is not None:
            estimates.append(getattr(readout, world.which)[0])
    truths, effects = np.array(truths), np.array([e.effect for e in estimates])
    held = [e.effect_ci_lower <= t <= e.effect_ci_upper for e, t in zip(estimates, truths, strict=False)]
    return Row(
        trap=trap,
        truth=float(truths.mean()),
        naive=float(np.mean(naives)),
        naive_error=error(np.array(naives) - truths),
        ours=float(effects.mean()) if estimates else None,
        ours_error=error(effects - truths) if estimates else None,
        intervals_that_hold_the_truth=int(sum(held)) if estimates else None,
        worlds=len(truths),
        answer=estimates[0].population if estimates else "refused: do not use",
        mistake_refused_by=REFUSED_BY.get(trap),
    )


def null_row(trap, found):
    alarms = [(world.naive, readout.estimates[0].pvalue < NOMINAL) for world, readout, _ in found]
    naive, ours = np.mean(alarms, axis=0)
    return NullRow(
        trap=trap, naive=float(naive), ours=float(ours), worlds=len(alarms), mistake_refused_by=REFUSED_BY.get(trap)
    )


@functools.cache
def fast_row(trap):
    return (row if trap in TRAPS else null_row)(trap, runs(trap))


def rate_error(rate, number):
    return (rate * (1 - rate) / number) ** 0.5


@pytest.mark.domain("X2")
@pytest.mark.parametrize("trap", TRAPS)
def test_the_naive_number_is_visibly_wrong(trap):
    found = fast_row(trap)
    assert abs(found.naive - found.truth) > 6 * found.naive_error
    assert abs(found.naive - found.truth) > 0.15 * found.truth


@pytest.mark.domain("X2")
@pytest.mark.parametrize("trap", ANSWERED)
def test_ours_holds_the_truth(trap):
    found = fast_row(trap)
    assert abs(found.ours - found.truth) < 4 * found.ours_error
    assert found.intervals_that_hold_the_truth >= WORLDS - 3  # 95 % intervals: fewer in one of 1,000 tests


@pytest.mark.domain("X3")
@pytest.mark.parametrize("trap", NULL_TRAPS)
def test_the_naive_test_finds_effects_that_are_not_there_and_ours_does_not(trap):
    found = fast_row(trap)
    assert found.naive - NOMINAL > 4 * rate_error(found.naive, NULL_WORLDS)
    assert found.ours <= NOMINAL + 3 * rate_error(NOMINAL, NULL_WORLDS)


@pytest.mark.parametrize("trap", REFUSED_BY)
def test_the_mistake_is_refused_where_someone_hands_it_in(trap):
    readouts = [mistake for _, _, mistake in runs(trap) if mistake is not None]
    assert len(readouts) == WORLDS
    for readout in readouts:
        assert next(c for c in readout.checks if c.name == REFUSED_BY[trap]).passed is False
        assert readout.grade == "do not use"
        assert "lift" not in readout.verdict


def test_every_trap_whose_answer_is_refused_names_the_check():
    assert {trap for trap in TRAPS if runs(trap)[0][1] is None} == NOT_ANSWERED <= REFUSED_BY.keys()


@pytest.mark.parametrize("trap", [trap for trap in ANSWERED if trap != "contaminated holdout members dropped"])
def test_the_right_question_is_not_refused(trap):
    assert all(readout.grade != "do not use" for _, readout, _ in runs(trap))


def test_contamination_is_named_where_it_was_not_dropped():
    for _, readout, _ in runs("contaminated holdout members dropped"):
        assert next(c for c in readout.checks if c.name == "contamination").passed is False


def test_all_assigned_are_the_way_out_where_the_trigger_was_moved():
    held = 0
    for world, _, _ in runs("trigger moved by treatment"):
        everybody = programme.Asked(world.mistake.frame, {"eligible": "could", "population": "assigned"})
        (estimate,) = read(everybody).estimates
        held += estimate.effect_ci_lower <= world.truth <= estimate.effect_ci_upper
    assert held >= WORLDS - 3


def test_the_diluted_effect_is_that_of_all_assigned_with_less_noise():
    for world, readout, _ in runs("dilution"):
        (diluted,), part = readout.diluted, world.ours.frame["could"].mean()
        assert diluted.effect_ci_lower / part <= readout.estimates[0].effect <= diluted.effect_ci_upper / part
        (whole,) = read(programme.Asked(world.ours.frame)).estimates
        assert diluted.standard_error < 0.8 * whole.standard_error


@pytest.mark.parametrize("population", ["openers", "as_treated", "per_protocol", "delivered"])
def test_a_population_that_is_not_incremental_is_refused_before_any_number(population):
    with pytest.raises(ValueError, match="no incremental effect"):
        experiment(programme.Asked(None, {"population": population}))


def test_a_salt_that_an_earlier_test_used_fails_the_audit_of_assignments(tmp_path):
    earlier, again = make_plan("welcome", programme.HALVES), make_plan("winback", programme.HALVES, salt="welcome")
    with Ledger(tmp_path) as ledger:
        for plan in (earlier, again):
            drawn = assign(plan, [f"c_{i:06d}" for i in range(50)])
            ledger.append(Assignments.of(plan, drawn, assigned_at=datetime(2026, 1, 5, tzinfo=UTC)))
        found = audit(ledger, [earlier, again])
    assert not found.passed
    assert next(check for check in found.checks() if check.name == "salt reuse").passed is False


def test_units_that_came_back_are_counted_once():
    for world, readout, _ in runs("re-entries as rows"):
        assert readout.rows.kept == world.ours.frame["id"].nunique() == programme.N
        assert readout.rows.refused == {"a later entry of the same unit": len(world.ours.frame) - programme.N}


def test_both_arms_used_the_cap_up_alike():
    names = [f"c_{i:04d}" for i in range(400)]
    rng = np.random.default_rng(3)
    fires = {journey: programme.firings(rng, names, 1.0) for journey in ("winback", "upgrade")}
    entered, refused = programme.decided(fires)
    assert not entered["winback"] & entered["upgrade"]
    assert refused["upgrade"] == entered["winback"]
    assert refused["winback"] == entered["upgrade"]


def written():
    return {found["trap"]: found for part in json.loads(RESULTS.read_text()).values() for found in part}


def test_the_written_rows_name_every_trap():
    assert list(written()) == [*TRAPS, *NULL_TRAPS]


@pytest.mark.parametrize("trap", TRAPS)
def test_the_written_rows_agree_with_a_few_worlds(trap):
    found, large = fast_row(trap), written()[trap]
    assert large["worlds"] == GRID
    assert (large["answer"], large["mistake_refused_by"]) == (found.answer, found.mistake_refused_by)
    assert abs(found.naive - found.truth - large["naive"] + large["truth"]) < 5 * found.naive_error
    assert found.ours is None or abs(found.ours - found.truth - large["ours"] + large["truth"]) < 5 * found.ours_error


@pytest.mark.parametrize("trap", NULL_TRAPS)
def test_the_written_rates_agree_with_a_few_worlds(trap):
    found, large = fast_row(trap), written()[trap]
    assert large["worlds"] == NULL_GRID
    assert abs(found.naive - large["naive"]) < 5 * rate_error(large["naive"], NULL_WORLDS)
    assert abs(found.ours - large["ours"]) < 5 * rate_error(large["ours"], NULL_WORLDS)


@pytest.mark.slow
@pytest.mark.parametrize("trap", [*TRAPS, *NULL_TRAPS])
def test_the_written_rows_are_those_of_the_worlds(trap):
    found = asdict(grid_row(trap))
    assert written()[trap].keys() == found.keys()
    for name, value in found.items():
        assert written()[trap][name] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value), name


@pytest.mark.parametrize("trap", ANSWERED)
def test_intervals_of_many_worlds_hold_the_truth_as_often_as_they_say(trap):
    large = written()[trap]
    lowest = 1 - NOMINAL - 3 * rate_error(NOMINAL, GRID)
    assert large["intervals_that_hold_the_truth"] >= lowest * GRID
    assert abs(large["ours"] - large["truth"]) < 4 * large["ours_error"]


def grid_row(trap):
    return row(trap, worlds(trap, GRID)) if trap in TRAPS else null_row(trap, worlds(trap, NULL_GRID))


if __name__ == "__main__":
    RESULTS.parent.mkdir(exist_ok=True)
    grid = {"effects": [asdict(grid_row(t)) for t in TRAPS], "false_alarms": [asdict(grid_row(t)) for t in NULL_TRAPS]}
    RESULTS.write_text(json.dumps(grid, indent=2) + "\n")
