"""The page of the simulated company, made from the company: ``python tests/simulate/company/make_company_page.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from incrementality.simulate import simulate_company
from incrementality.simulate.company.playbook import JOURNEYS
from incrementality.tables import COMPANY_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.simulate import SimulatedCompany

PAGE = Path(__file__).parents[3] / "docs" / "company.md"
WORLD = {"accounts": 2_000, "quarters": 6, "seed": 1}
ORDERS = 10

HEAD = """\
# The simulated company

A business-to-business software company that does not exist. It is the sample data of this package and the judge of
its estimates: what every function and every journey truly causes is known. `simulate_company(accounts, quarters,
seed=...)` makes it; `.tables` are its tables, `.write(folder)` puts them on disk with a data card and a manifest that
makes every byte again, `.truth`, `.removal(cells)`, `.fair_share()`, `.interaction(one, other)` and
`.counterfactual(off)` tell the truth. This page is made from the company of {accounts:,} accounts, {quarters} quarters
and seed {seed}.

## The world

*Accounts* want the product more or less: latent intent, and a mood that comes and goes. *Moments* start *journeys*;
inside a journey *functions* act. One function inside one journey is a *cell*: the smallest thing that can be switched
off.

* Intent moves the moments and the purchase alike, so accounts that are touched buy more than others, whoever touched
  them.
* What helps saturates: functions replace one another. Some pairs work only together. Promotions sell a little and cost
  renewals. Pressure tires people, and who unsubscribes gets no more e-mail.
* What is won in one quarter is used, renewed and grown in later ones; a first deal may stay open for quarters.
* Visits by search, inbound requests and self-serve upgrades leave touches too, in no journey: nobody caused them.
* Every number in it was written for this world; none is an estimate of a real company.

## Journeys

| journey | starts with | comes before | functions in their order |
|---|---|---|---|
"""
TABLES = """
## Tables

Times are UTC. Money is EUR in whole cents, exact. Days are text. Ids look like `a_000001`. Columns carry the names of
the contracts of a company's tables, so no mapping is needed.

| table | rows | one row is | columns |
|---|---|---|---|
"""
KINDS = """
*New*, *expansion* and *renewal* partition the money. A renewal of an account that had been seen at risk says so in
`flagged_at`, `loss_at` and `at_risk`; where somebody intervened, a row of the kind `saved` stands beside it, whose
amount is the renewal's and must not be added to it.

Beside the tables, `.entries` logs which account met the moment of which journey when, in both arms, and
`.assignments` the arm of every account in every experiment.

## Experiments

Accounts are drawn whole, each experiment by itself. What is withheld is withheld in its quarters; its effect may last.

| experiment | share held out | withholds | from quarter | to quarter | accounts held out |
|---|---|---|---|---|---|
"""
TRUTH = """
## What is true

Everything on, nothing held out: {revenue} of revenue net of refunds, of which {baseline} would have been booked
had nobody acted. {caused} is what all cells cause together: {caused_share:.0%}. Yet {touched:.0%} of the revenue was
won after a touch of a journey in the 180 days before: whoever credits touches alone credits the rest too.

*Removal* is what is lost when the row alone is switched off: exact, by living the same luck again. Removal effects
overlap and are not parts of a whole. *Fair share* is the Shapley value, from {orders} orders of entry followed
forwards and backwards, with its standard error; fair shares add up to what all cause.

| function | removal | fair share |
|---|---|---|
"""
BY_JOURNEY = """
| journey | removal |
|---|---|
"""
FAULTS = """
## What is wrong in the captured data

`dirty=False` leaves all of it out; `CaptureFaults(...)` chooses. The truth is the same either way.

| fault | rows |
|---|---|
"""
LIMITS = """
## What it does not have

Seasons, price changes, several currencies, several products, people who move between accounts, spillover between
accounts, effects within the quarter on what started a journey earlier in that quarter. Cells act once a quarter on an
account; what their touches are counts for nothing beyond that. Customers who left do not come back.
"""


def page() -> str:
    """Return the page's text."""
    company = simulate_company(**WORLD)
    parts = [HEAD.format(**WORLD), _table(_journeys()), TABLES, _table(_tables(company)), KINDS]
    parts += [_table(_experiments(company)), _truth(company), FAULTS]
    parts.append(_table((name, f"{count:,}") for name, count in sorted(company.planted.items())))
    return "".join([*parts, LIMITS])


def _table(rows: Iterable[Iterable[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _journeys() -> Iterable[tuple[str, ...]]:
    for journey in JOURNEYS:
        functions = ", ".join(step.function for step in journey.steps)
        yield journey.name, journey.moment.replace("_", " "), journey.goal, functions


def _tables(company: SimulatedCompany) -> Iterable[tuple[str, ...]]:
    for name, columns in sorted(company.tables.items()):
        rows = len(next(iter(columns.values())))
        yield name, f"{rows:,}", COMPANY_TABLES[name].meaning, ", ".join(columns)


def _experiments(company: SimulatedCompany) -> Iterable[tuple[str, ...]]:
    arms = company.assignments
    for each in company.holdouts:
        what = " in ".join(word for word in (each.function, each.journey) if word) or "everything"
        held = ((arms["experiment_id"] == each.name) & (arms["arm"] == "holdout")).sum()
        last = company.quarters - 1 if each.last is None else each.last
        yield each.name, f"{each.share:.0%}", what, str(each.first), str(last), f"{held:,}"


def _truth(company: SimulatedCompany) -> str:
    truth, shares = company.truth, company.fair_share(permutations=ORDERS)
    told = {name: _euros(getattr(truth, name)) for name in ("revenue", "baseline", "caused")}
    functions = (
        (
            share.name,
            _euros(truth.removal_by_function[share.name]),
            f"{_euros(share.value)} (± {_euros(share.standard_error)})",
        )
        for share in shares
    )
    journeys = ((name, _euros(removal)) for name, removal in truth.removal_by_journey.items())
    told |= {"caused_share": truth.caused / truth.revenue, "touched": _touched()}
    return TRUTH.format(**told, orders=ORDERS) + _table(functions) + BY_JOURNEY + _table(journeys)


def _touched() -> float:
    """The share of the revenue with a touch of a journey in the 180 days before, nothing held out or lost."""
    company = simulate_company(**WORLD, dirty=False, holdouts=())
    touches, events = (pd.DataFrame(company.tables[name]) for name in ("touchpoints", "revenue_events"))
    touches = touches.dropna(subset=["journey"])[["account_id", "occurred_at"]].sort_values("occurred_at")
    events = events.query("kind != 'saved'").sort_values("occurred_at")
    before = touches.assign(touched_at=touches["occurred_at"])
    window = pd.Timedelta(days=180)
    found = pd.merge_asof(events, before, on="occurred_at", by="account_id", tolerance=window)
    return float(events["amount"].to_numpy()[found["touched_at"].notna()].sum() / events["amount"].sum())


def _euros(cents: float) -> str:
    return f"{round(cents / 100):,} EUR"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
