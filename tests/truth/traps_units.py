"""Worlds of the traps that lie in one experiment: who is compared with whom, over which days, in which rows.

Worlds are written from the domain, with both outcomes of every unit known: units differ in how eager they are, eager
units buy, open and are reached more often, and a message adds the same to everyone whom it reaches.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

N = 6000
LIFT = 0.08
CUT = pd.Timestamp("2026-03-01")
START = pd.Timestamp("2026-01-01")


@dataclass(frozen=True)
class Asked:
    """Data as it is handed to a readout: the frame, what the mapping adds, and what the plan changes."""

    frame: pd.DataFrame
    data: dict = field(default_factory=dict)
    plan: dict = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """One capture: how we are asked, the naive number, the truth; and the mistake as someone hands it in."""

    ours: Asked | None
    naive: float
    truth: float
    which: str = "estimates"
    mistake: Asked | None = None


def shares(holdout):
    """A plan with a holdout of this share."""
    arms = [{"name": "holdout", "share": holdout, "control": True}, {"name": "journey", "share": 1 - holdout}]
    return {"arms": arms}


def units(rng, *, effect_on=None, share=0.5):
    """Units with both outcomes: ``effect_on`` are those whom the message would reach."""
    eager, luck = rng.random(N), rng.random(N)
    treated = rng.random(N) < share
    reached = np.ones(N, bool) if effect_on is None else effect_on(eager)
    without, with_it = luck < 0.05 + 0.3 * eager, luck < 0.05 + 0.3 * eager + LIFT
    return eager, treated, reached, without, with_it


def difference(y, treated):
    """The difference between those treated and the others."""
    return float(y[treated].mean() - y[~treated].mean())


def frame_of(treated, y, **columns):
    arm = np.where(treated, "journey", "holdout")
    return pd.DataFrame({"id": np.arange(len(arm)), "arm": arm, "y": y.astype(int), **columns})


def openers(rng):
    """E-mail openers against the whole holdout: openers would have bought more anyway."""
    eager, treated, _, without, with_it = units(rng)
    opened = treated & (rng.random(N) < eager)
    y = np.where(treated, with_it, without)
    naive = y[opened].mean() - y[~treated].mean()
    return World(Asked(frame_of(treated, y)), naive, with_it.mean() - without.mean())


def messaged(rng):
    """Messaged against not messaged: a working address goes with buying."""
    _, treated, reached, without, with_it = units(rng, effect_on=lambda eager: eager > 0.4)
    got = treated & reached
    y = np.where(got, with_it, without)
    truth = with_it[reached].mean() - without[reached].mean()
    ours = Asked(frame_of(treated, y, got=got), {"delivered": "got"})
    return World(ours, difference(y, got), truth, "compliers")


def contaminated(rng):
    """Holdout members who got the message anyway are dropped: they were the eager ones."""
    eager, treated, reached, without, with_it = units(rng, effect_on=lambda eager: eager > 0.2)
    got = np.where(treated, reached, eager > 0.7)
    y = np.where(got, with_it, without)
    naive = y[treated].mean() - y[~treated & ~got].mean()
    compliers = reached & (eager <= 0.7)
    truth = with_it[compliers].mean() - without[compliers].mean()
    return World(Asked(frame_of(treated, y, got=got), {"delivered": "got"}), naive, truth, "compliers")


def ramp(rng):
    """A journey that ramps up: most units are young, and their windows still open when the data is cut."""
    _, treated, _, without, with_it = units(rng)
    age = 60 * (1 - np.sqrt(rng.random(N)))  # days before the cut; more and more units enter
    y = np.where(treated, with_it, without)
    seen = y & (28 * rng.random(N) < age)
    old = age >= 28
    truth = with_it[old].mean() - without[old].mean()
    frame = frame_of(treated, seen, decided=CUT - pd.to_timedelta(age, unit="D"))
    ours = Asked(frame, {"t0": "decided", "data_cut": "2026-03-01"})
    return World(ours, difference(seen, treated), truth)


def unequal_ramp(rng):
    """The journey's arm opens later than the holdout: its units are younger, so less of their outcome is seen."""
    _, treated, _, without, with_it = units(rng)
    age = 60 * rng.random(N) * np.where(treated, 0.6, 1.0)
    y = np.where(treated, with_it, without)
    seen = y & (28 * rng.random(N) < age)
    truth = with_it.mean() - without.mean()
    frame = frame_of(treated, seen, decided=CUT - pd.to_timedelta(age, unit="D"))
    mistake = Asked(frame, {"t0": "decided", "data_cut": "2026-03-01"})
    return World(None, difference(seen, treated), truth, mistake=mistake)


def dilution(rng):
    """All assigned are compared, though the trigger fires for a quarter of them."""
    _, treated, _, without, with_it = units(rng)
    could = rng.random(N) < 0.25
    y = np.where(treated & could, with_it, without)
    truth = with_it[could].mean() - without[could].mean()
    naive = y[treated].mean() - y[~treated].mean()
    return World(Asked(frame_of(treated, y, could=could), {"eligible": "could"}), naive, truth)


def all_control(rng):
    """Eligible treated units against all of the control: the trigger fires for eager units."""
    eager, treated, _, without, with_it = units(rng)
    could = rng.random(N) < eager
    y = np.where(treated & could, with_it, without)
    truth = with_it[could].mean() - without[could].mean()
    naive = y[treated & could].mean() - y[~treated].mean()
    return World(Asked(frame_of(treated, y, could=could), {"eligible": "could"}), naive, truth)


def immortal(rng):
    """Conversions before the send are dropped in the arm that has a send: it loses purchases that the holdout keeps."""
    _, treated, _, without, with_it = units(rng)
    day, send = 28 * rng.random(N), 10 * rng.random(N)
    y = np.where(treated & (day > send), with_it, without)
    early = treated & without & (day <= send)
    naive = y[treated & ~early].mean() - y[~treated].mean()
    truth = (np.where(day > send, with_it, without)).mean() - without.mean()
    return World(Asked(frame_of(treated, y)), naive, truth)


def moved_trigger(rng):
    """The treatment makes units eligible (a visit after the first message): the eligible of both arms are not alike."""
    eager, treated, _, without, with_it = units(rng)
    could = rng.random(N) < np.where(treated, 0.1 + 0.8 * (1 - eager), 0.2)
    y = np.where(treated, with_it, without)
    naive = y[treated & could].mean() - y[~treated & could].mean()
    mistake = Asked(frame_of(treated, y, could=could), {"eligible": "could"})
    return World(None, naive, with_it.mean() - without.mean(), mistake=mistake)


def two_clocks(rng):
    """The holdout's window starts at the trigger, the journey's at the send: early purchases count in one arm only."""
    eager, treated, _, _, _ = units(rng)
    buys, extra = rng.random(N) < 0.05 + 0.3 * eager, rng.random(N) < LIFT
    day, send = rng.exponential(10, N), rng.uniform(1, 9, N)
    day_with = np.where(buys, day, np.where(extra, send + rng.exponential(5, N), np.inf))
    day = np.where(buys, day, np.inf)
    own = np.where(treated, day_with, day)
    sent = np.where(treated, send, 0.0)
    naive_y = (own >= sent) & (own < sent + 28)
    decided = START + pd.to_timedelta(60 * rng.random(N), unit="D")
    truth = (day_with < 28).mean() - (day < 28).mean()
    late = frame_of(treated, naive_y, decided=decided + pd.to_timedelta(sent, unit="D"))
    ours = Asked(frame_of(treated, own < 28, decided=decided), {"t0": "decided"})
    return World(ours, difference(naive_y, treated), truth, mistake=Asked(late, {"t0": "decided"}))


def pooled_phases(rng):
    """A ramp holds fewer and fewer back while the season warms up: the pooled arms are of different months."""
    phase = np.repeat([0, 1, 2], N // 3)
    eager, season = rng.random(N), np.array([0.0, 0.1, 0.2])[phase]
    share = np.array([0.1, 0.5, 0.9])[phase]
    treated, luck = rng.random(N) < share, rng.random(N)
    without, with_it = luck < 0.05 + 0.3 * eager + season, luck < 0.05 + 0.3 * eager + season + LIFT
    y = np.where(treated, with_it, without)
    decided = START + pd.to_timedelta(20 * phase + 20 * rng.random(N), unit="D")
    chance = np.where(treated, share, 1 - share)
    frame = frame_of(treated, y, decided=decided, phase=phase, chance=chance)
    times = {"t0": "decided"}
    ours = Asked(frame, times | {"stratum": "phase", "p_arm": "chance"})
    truth = with_it.mean() - without.mean()
    return World(ours, difference(y, treated), truth, mistake=Asked(frame, times))


def mixed_dropped(rng):
    """Eager units are drawn again on a second device, a tenth into the holdout; those seen in both arms are dropped."""
    eager, treated, _, without, with_it = units(rng, share=0.9)
    again, second = eager > 0.5, rng.random(N) < 0.9
    y = np.where(treated, with_it, without)
    kept = ~(again & (second != treated))
    day = 30 * rng.random(N)
    first = frame_of(treated, y, decided=START + pd.to_timedelta(day, unit="D"))
    later = frame_of(second, y, decided=START + pd.to_timedelta(day + 20, unit="D"))[again]
    frame = pd.concat([later, first], ignore_index=True)
    truth = with_it.mean() - without.mean()
    ours, mistake = Asked(frame, {"t0": "decided"}, shares(0.1)), Asked(frame, {}, shares(0.1))
    return World(ours, difference(y[kept], treated[kept]), truth, mistake=mistake)


def reentries(rng):
    """Units that did not buy enter again, up to three times more, and each entry is counted as a row."""
    eager, treated, _, without, with_it = units(rng)
    y = np.where(treated, with_it, without)
    decided = START + pd.to_timedelta(20 * rng.random(N), unit="D")
    rows, open_still = [frame_of(treated, y, decided=decided)], ~y
    for entry in range(1, 4):
        open_still = open_still & (rng.random(N) < 0.9)
        bought = rng.random(N) < 0.02 + 0.1 * eager
        moment = decided + pd.Timedelta(days=30 * entry)
        rows.append(frame_of(treated, bought, decided=moment)[open_still])
        open_still = open_still & ~bought
    frame = pd.concat(rows, ignore_index=True)
    naive = difference(frame["y"].to_numpy(), (frame["arm"] == "journey").to_numpy())
    return World(Asked(frame, {"t0": "decided"}), naive, with_it.mean() - without.mean())


def still_marketable(rng):
    """Only who can still be sent to at the second send is counted: the first send drove off those who buy least."""
    eager, treated, _, without, with_it = units(rng)
    y = np.where(treated, with_it, without)
    stays = rng.random(N) > np.where(treated, 0.8, 0.1) * (1 - eager)
    naive = difference(y[stays], treated[stays])
    frame = frame_of(treated, y, stays=stays)
    mistake = Asked(frame, {"eligible": "stays"})
    return World(Asked(frame), naive, with_it.mean() - without.mean(), mistake=mistake)


def before_and_after(rng):
    """The trigger fires in a bad week; the next week is better without any journey (regression to the mean)."""
    eager, mood = rng.random(8 * N), rng.standard_normal(8 * N)
    fired = np.flatnonzero(eager + mood < -0.3)[:N]
    eager, mood = eager[fired], mood[fired]
    before = rng.random(N) < np.clip(0.15 + 0.2 * eager + 0.1 * mood, 0, 1)
    luck, later = rng.random(N), np.clip(0.15 + 0.2 * eager + 0.1 * rng.standard_normal(N), 0, 0.9)
    without, with_it = luck < later, luck < later + LIFT
    treated = rng.random(N) < 0.5
    y = np.where(treated, with_it, without)
    naive = y[treated].mean() - before[treated].mean()
    return World(Asked(frame_of(treated, y)), naive, with_it.mean() - without.mean())


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
    "two clocks": two_clocks,
    "ramp phases pooled": pooled_phases,
    "mixed units dropped": mixed_dropped,
    "re-entries as rows": reentries,
    "still marketable at the send": still_marketable,
    "before and after a threshold trigger": before_and_after,
}
