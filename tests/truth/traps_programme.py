"""Worlds of the traps that lie between units, experiments and journeys: accounts, salts, caps, looks, sums.

As in the worlds of one experiment both outcomes of every unit are known. Assignments and decisions are made by the
product itself where the trap lies in them.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from incrementality.assignment import assign, make_plan
from incrementality.assignment.slots import global_holdout
from incrementality.cohorts import decide, parse_rule
from incrementality.warehouse import connect, frame_locator
from incrementality.warehouse.sql import parse


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


one = loaded("traps_units")
Asked, World, N, LIFT, START = one.Asked, one.World, one.N, one.LIFT, one.START
HALVES = {"holdout": 0.5, "journey": 0.5}
CRITICAL = 1.959964


@dataclass(frozen=True)
class NullWorld:
    """A world in which nothing has an effect: whether the naive reading finds one, and how we are asked."""

    naive: bool
    ours: Asked
    mistake: Asked | None = None


def ids(rng, n=N):
    """Ids that no other world has, so that each world has draws of its own."""
    first = int(rng.integers(0, 10**9))
    return [f"c_{first + i:010d}" for i in range(n)]


def members(rng, accounts, mean_size):
    """The account of each contact; sizes are unequal."""
    sizes = 2 + rng.geometric(1 / (mean_size - 1), accounts)
    return np.repeat(np.arange(accounts), sizes)


def spillover(rng):
    """Contacts are drawn within accounts, and treated colleagues persuade those held back."""
    account = members(rng, 500, 12)
    n, (own, colleagues) = len(account), (0.05, 0.09)
    base, luck = 0.1 + 0.2 * rng.random(500)[account], rng.random(n)

    def bought(treated):
        others = (np.bincount(account, treated)[account] - treated) / (np.bincount(account)[account] - 1)
        return luck < base + own * treated + colleagues * others

    mixed, whole = rng.random(n) < 0.5, (rng.random(500) < 0.5)[account]
    truth = bought(np.ones(n, bool)).mean() - bought(np.zeros(n, bool)).mean()
    by_contact = one.frame_of(mixed, bought(mixed), account=account)
    ours = Asked(one.frame_of(whole, bought(whole), account=account), {"cluster": "account"})
    naive = one.difference(bought(mixed), mixed)
    return World(ours, naive, truth, mistake=Asked(by_contact, {"cluster": "account"}))


def reused_salt(rng):
    """An earlier test used the same salt: its arms are the arms of this one, and its effect has not faded."""
    names, eager, luck = ids(rng), rng.random(N), rng.random(N)
    earlier = assign(make_plan("welcome", HALVES), names).arm == "journey"
    base = 0.05 + 0.3 * eager + 0.06 * earlier
    without, with_it = luck < base, luck < base + 0.5 * LIFT
    again = assign(make_plan("winback", HALVES, salt="welcome"), names).arm == "journey"
    treated = assign(make_plan("winback", HALVES), names).arm == "journey"
    naive = one.difference(np.where(again, with_it, without), again)
    ours = Asked(one.frame_of(treated, np.where(treated, with_it, without)))
    return World(ours, naive, with_it.mean() - without.mean())


def global_control(rng):
    """The global holdout serves as the control of one journey: it misses all the other journeys too."""
    plan = make_plan("winback", HALVES, global_holdout=global_holdout("gh-2026h1", 0.2))
    drawn = assign(plan, ids(rng))
    held = np.array([reason.startswith("global") for reason in drawn.reason])
    treated, eager, luck = drawn.arm == "journey", rng.random(N), rng.random(N)
    base = 0.05 + 0.3 * eager + np.where(held, 0.0, 0.06)
    without, with_it = luck < base, luck < base + 0.5 * LIFT
    y = np.where(treated, with_it, without)
    naive = y[treated].mean() - y[held].mean()
    frame = one.frame_of(treated, y)
    mistake = Asked(frame[treated | held])
    frame.loc[held, "arm"] = None
    return World(Asked(frame), naive, with_it[~held].mean() - without[~held].mean(), mistake=mistake)


def rule(journey):
    return parse_rule(
        {
            "journey": journey,
            "purpose": "marketing",
            "tables": {journey: {"kind": "events"}},
            "trigger": {"event": journey},
            "caps": [{"name": "monthly", "most": 1, "window": "30d", "across": True}],
            "window": "28d",
        }
    )


def decided(journeys):
    """Decide both journeys together: units that enter the first, and those whose second send its cap refused."""
    period = {"since": datetime(2026, 1, 1, tzinfo=UTC), "until": datetime(2026, 2, 1, tzinfo=UTC)}
    with connect(threads=1) as engine:
        relations = {name: engine.open(frame_locator(events)) for name, events in journeys.items()}
        rules = {name: rule(name) for name in journeys}
        log = decide(rules, relations, warehouse=engine, data_cut=period["until"], **period)
        query = "SELECT unit_id, experiment_id, eligible, reasons FROM log"
        rows = pd.DataFrame(
            engine.query(parse(query, log=log.relation.name)), columns=["unit", "journey", "eligible", "reasons"]
        )
    entered = rows[rows["eligible"]].groupby("journey")["unit"].agg(set)
    refused = rows[rows["reasons"].str.contains("monthly")].groupby("journey")["unit"].agg(set)
    return entered, refused


def firings(rng, names, share):
    """When the trigger of a journey fires, for a share of the units."""
    some = np.flatnonzero(rng.random(len(names)) < share)
    seconds = rng.integers(0, 30 * 86_400, len(some))
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=int(s)) for s in seconds]
    return pd.DataFrame({"unit_id": np.array(names, object)[some], "occurred_at": moments})


def uncounted_cap(rng):
    """A real send uses up the monthly cap, a withheld one does not: the holdout gets another journey instead."""
    names = ids(rng)
    entered, refused = decided({"winback": firings(rng, names, 0.9), "upgrade": firings(rng, names, 0.9)})
    population = [name for name in names if name in entered["winback"]]
    crowded = np.array([name in refused["upgrade"] for name in population])
    treated = assign(make_plan("winback", HALVES), population).arm == "journey"
    eager, luck = rng.random(len(population)), rng.random(len(population))
    base = 0.05 + 0.3 * eager
    without, with_it = luck < base, luck < base + LIFT
    instead = luck < base + 0.1 * crowded
    naive = one.difference(np.where(treated, with_it, instead), treated)
    ours = Asked(one.frame_of(treated, np.where(treated, with_it, without)))
    return World(ours, naive, with_it.mean() - without.mean())


def summed_wins(rng):
    """Forty journeys, each with a test of its own: the significant gains are added up and called the programme's."""
    effects = np.linspace(-0.022, 0.023, 40)
    n, base = 3000, 0.2
    arms = rng.binomial(n, base + effects) / n, rng.binomial(n, np.full(40, base)) / n
    gains = arms[0] - arms[1]
    z = gains / np.sqrt(sum(p * (1 - p) for p in arms) / n)
    luck, treated = rng.random(N), rng.random(N) < 0.5
    without, with_it = luck < base, luck < base + effects.sum()
    ours = Asked(one.frame_of(treated, np.where(treated, with_it, without)))
    return World(ours, float(gains[z > CRITICAL].sum()), with_it.mean() - without.mean())


def contacts_of_accounts(rng):
    """Accounts are drawn whole, and their contacts are counted as if each had been drawn."""
    account = members(rng, 120, 20)
    treated = (rng.permutation(120) < 60)[account]
    y = rng.random(len(account)) < rng.beta(2, 8, 120)[account]
    ours = Asked(one.frame_of(treated, y, account=account), {"cluster": "account"})
    return NullWorld(significant(y, treated), ours)


def twenty_looks(rng):
    """A fixed test is looked at every week for twenty weeks, and the first significant week is reported."""
    n, days = 4000, 140
    age, treated, y = days * rng.random(n), rng.random(n) < 0.5, rng.random(n) < 0.2
    naive = any(significant(y[age < day], treated[age < day]) for day in np.arange(7, days + 1, 7))
    moments = START + pd.to_timedelta(age, unit="D")
    frame = one.frame_of(treated, y, decided=moments)
    plan = {"ended": str((START + pd.Timedelta(days=days - 1)).date())}

    def read_on(day):
        return Asked(frame, {"t0": "decided", "data_cut": str((START + pd.Timedelta(days=day)).date())}, plan)

    return NullWorld(naive, read_on(days + 28), mistake=read_on(days // 2 + 28))


def significant(y, treated):
    """The pooled test of two shares at 5 %, as spreadsheets do it."""
    n = treated.sum(), (~treated).sum()
    if min(n) == 0 or not 0 < y.mean() < 1:
        return False
    error = math.sqrt(y.mean() * (1 - y.mean()) * (1 / n[0] + 1 / n[1]))
    return abs(one.difference(y, treated)) > CRITICAL * error


TRAPS = {
    "spillover inside an account": spillover,
    "an earlier test's salt used again": reused_salt,
    "the global holdout as control of one journey": global_control,
    "caps used up in one arm only": uncounted_cap,
    "summed wins": summed_wins,
}
NULL_TRAPS = {
    "accounts randomised, contacts analysed": contacts_of_accounts,
    "twenty looks at a fixed test": twenty_looks,
}
