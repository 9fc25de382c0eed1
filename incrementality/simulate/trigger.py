"""A holdout on an expansion trigger: seats run short, and some accounts are nudged to buy more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.simulate.customers import WINDOW_DAYS, decide_teams, draw_customers, draw_luck
from incrementality.simulate.holdout import Manifest, content_sha256
from incrementality.simulate.truth import TrueEffect

if TYPE_CHECKING:
    import pandas as pd

    from incrementality.simulate.customers import Customers, Teams
    from incrementality.simulate.world import Column, Floats

__all__ = ["SimulatedTrigger", "expansion_trigger_holdout"]

ARMS = ("holdout", "nudge")
_WORLD = 2
_MEANS = ("expanded", "net_expansion_arr", "discount", "net_revenue", "complaints", "days_to_expansion")
_PLANS = ("team", "business", "enterprise")
_EXPERIMENT = Template("""\
# A holdout on an expansion trigger, randomised by account. The data is simulated, so the true effect is known.
id: $id
question: Does the nudge at 80 % of the seats make accounts buy more, net of what they drop and of the discount?
owner: Customer success
unit: account            # contacts of one account talk to one another, so accounts are randomised whole

data:
  source: $source
  unit: account_id
  arm: arm
  covariates:            # known when the trigger fired
    - seats
    - tenure_months
    - usage_before
    - plan

arms:
$arms

metrics:
  - name: net_expansion_arr   # yearly price of seats added, less seats dropped; may be negative
    kind: mean
    role: primary
    unit: EUR
    window: 90d
    smallest_effect: {absolute: 500}
  - name: expanded            # any seat added
    kind: conversion
    role: secondary
    window: 90d
  - name: net_revenue         # the same net of the discount: what one trigger is worth
    kind: mean
    role: secondary
    unit: EUR
    window: 90d
  - name: days_to_expansion   # how soon, of the first 90 days; who has not expanded by then was watched for 90
    kind: time
    event: expanded
    role: secondary
    direction: decrease
    window: 90d
  - name: discount            # what the nudge gives away
    kind: mean
    role: secondary
    direction: decrease
    unit: EUR
    window: 90d
    relative: false           # without a nudge nobody gets one
  - name: complaints          # must not get worse
    kind: mean
    role: guardrail
    direction: decrease
    window: 90d
    smallest_effect: {absolute: 0.05}

withholds:
  journeys: [seat-limit-nudge]
  functions: [customer-success, product]
""")


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedTrigger:
    """One simulated trigger holdout with its truth.

    Attributes:
        accounts: One row an account whose trigger fired: id, what was known, arm, outcomes.
        contacts: One row a contact of those accounts: id, account, arm, whether it was nudged, what its team added.
        usage: Seats in use by account and week, before and after, of every account, fired or not.
        truth: The true effect of the nudge on exactly these accounts, by metric.
        arm_shares: The planned share of each arm; the first is the control.
        manifest: How to make it again.
    """

    accounts: dict[str, Column]
    contacts: dict[str, Column]
    usage: dict[str, Column]
    truth: dict[str, TrueEffect]
    arm_shares: dict[str, float]
    manifest: Manifest

    def to_frame(self) -> pd.DataFrame:
        """Return the accounts as a pandas frame of its own."""
        import pandas as pd

        return pd.DataFrame(self.accounts)

    def experiment_yaml(self, experiment_id: str, source: str) -> str:
        """Return the text of an ``experiment.yaml`` that fits the accounts.

        Args:
            experiment_id: The experiment's id, which is its folder's name.
            source: Where the accounts lie, relative to that folder.
        """
        arms = "\n".join(
            f'  - {{name: {name}, share: "{100 * share:.10g}%"{", control: true" if name == ARMS[0] else ""}}}'
            for name, share in self.arm_shares.items()
        )
        return _EXPERIMENT.substitute(id=json.dumps(experiment_id), source=json.dumps(source), arms=arms)


def expansion_trigger_holdout(
    *,
    accounts: int = 600,
    seed: int = 1,
    holdout_share: float = 0.5,
    icc: float = 0.1,
    strength: float = 1.0,
    discount: float = 0.1,
    randomised: str = "account",
) -> SimulatedTrigger:
    """Return a simulated holdout on an expansion trigger of a software company, with its truth.

    When four of five seats are in use, the trigger fires: contacts get a prompt in the product and customer success
    calls. Accounts whose trigger fires want to grow anyway, so most of what they buy afterwards they would have
    bought without a nudge. Contacts talk: part of the nudge reaches colleagues.

    Args:
        accounts: Accounts whose trigger fires.
        seed: Seed of all chance, 0 or more.
        holdout_share: Probability of the control.
        icc: Share of the latent variance that the teams of one account share, from 0 to below 1.
        strength: Strength of the nudge; 0 changes nothing for anybody.
        discount: Share of a year's price that the nudge offers off what is added.
        randomised: ``account`` for whole accounts; ``contact`` for single contacts, which lets the nudge spill over.

    Raises:
        InputError: An argument is outside what is allowed.

    Examples:
        >>> world = expansion_trigger_holdout(accounts=400, seed=2)
        >>> effect = world.truth["expanded"]
        >>> effect.treatment_mean > effect.control_mean > 0.2
        True
        >>> expansion_trigger_holdout(strength=0, discount=0).truth["net_revenue"].effect
        0.0
    """
    _check(accounts, holdout_share, icc, discount, randomised)
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence((_WORLD, seed)).spawn(3)]
    customers, teams = draw_customers(_enough(accounts), icc=icc, rng=streams[0])
    customers, teams, usage = _fired_only(customers, teams, accounts)
    luck = draw_luck(teams, streams[1])
    nudged = _nudged(teams, accounts, holdout_share, randomised, streams[2])
    told = {"strength": strength, "discount": discount}
    potential = {
        arm: _by_account(teams, accounts, decide_teams(customers, teams, luck, everybody, **told))
        for arm, everybody in zip(ARMS, (0.0 * nudged, 0.0 * nudged + 1), strict=True)
    }
    found = decide_teams(customers, teams, luck, nudged, **told)
    rows, people = _accounts(customers, teams, nudged, found), _contacts(teams, nudged, found)
    arguments: dict[str, object] = {
        "accounts": accounts,
        "seed": seed,
        "holdout_share": holdout_share,
        "icc": icc,
        **told,
        "randomised": randomised,
    }
    return SimulatedTrigger(
        accounts=rows,
        contacts=people,
        usage=usage,
        truth={name: TrueEffect.between(*(float(potential[arm][name].mean()) for arm in ARMS)) for name in _MEANS},
        arm_shares={ARMS[0]: holdout_share, ARMS[1]: 1 - holdout_share},
        manifest=Manifest(expansion_trigger_holdout.__name__, arguments, seed, content_sha256(rows)),
    )


def _enough(accounts: int) -> int:
    """Accounts to draw so that enough of them fire; about two in five do."""
    return 4 * accounts + 200


def _fired_only(customers: Customers, teams: Teams, accounts: int) -> tuple[Customers, Teams, dict[str, Column]]:
    """The first accounts whose trigger fires, and the usage of all that were drawn up to the last of them."""
    fired = np.flatnonzero(customers.fired >= 0)[:accounts]
    place = np.full(customers.seats.size, -1)
    place[fired] = np.arange(accounts)
    kept = place[teams.account] >= 0
    upto = int(fired[-1]) + 1
    names = np.where(place[:upto] >= 0, place[:upto], accounts + np.arange(upto))
    weeks = customers.usage.shape[1]
    usage: dict[str, Column] = {
        "account_id": np.repeat(_ids("a", names), weeks),
        "week": np.tile(np.arange(weeks), upto),
        "seats_used_share": customers.usage[:upto].ravel(),
    }
    fields = {name: getattr(customers, name)[fired] for name in customers.__slots__}
    inside = type(teams)(account=place[teams.account][kept], seats=teams.seats[kept])
    return type(customers)(**fields), inside, usage


def _nudged(teams: Teams, accounts: int, share: float, randomised: str, rng: np.random.Generator) -> Floats:
    if randomised == "account":
        return (rng.random(accounts) >= share).astype(float)[teams.account]
    return (rng.random(teams.account.size) >= share).astype(float)


def _by_account(teams: Teams, accounts: int, found: dict[str, Floats]) -> dict[str, Floats]:
    """Outcomes of accounts: sums over their teams, and the day of the first expansion."""
    total = {name: np.bincount(teams.account, found[name], accounts) for name in found if name != "day"}
    day = np.full(accounts, np.inf)
    np.minimum.at(day, teams.account, found["day"])
    net = np.rint(100 * (total["expansion_arr"] - total["contraction_arr"])) / 100
    given = np.rint(100 * total["discount_given"]) / 100
    return {
        "expanded": (total["expansion_arr"] > 0).astype(float),
        "net_expansion_arr": net,
        "discount": given,
        "net_revenue": net - given,
        "complaints": total["complaints"],
        "days_to_expansion": np.minimum(day, WINDOW_DAYS),
    }


def _accounts(customers: Customers, teams: Teams, nudged: Floats, found: dict[str, Floats]) -> dict[str, Column]:
    n = customers.seats.size
    any_nudged = np.bincount(teams.account, nudged, n) > 0
    week = customers.fired
    before = np.array([customers.usage[i, max(0, w - 4) : w + 1].mean() for i, w in enumerate(week)])
    outcomes = _by_account(teams, n, found)
    return {
        "account_id": _ids("a", np.arange(n)),
        "plan": np.array(_PLANS, dtype=object)[customers.plan],
        "seats": customers.seats,
        "tenure_months": customers.tenure_months,
        "usage_before": np.round(before, 4),
        "fired_week": week,
        "arm": np.array(ARMS, dtype=object)[any_nudged.astype(int)],
        **{name: values.astype(np.int64) if name == "expanded" else values for name, values in outcomes.items()},
    }


def _contacts(teams: Teams, nudged: Floats, found: dict[str, Floats]) -> dict[str, Column]:
    return {
        "contact_id": _ids("c", np.arange(teams.account.size)),
        "account_id": _ids("a", teams.account),
        "arm": np.array(ARMS, dtype=object)[nudged.astype(int)],
        "net_expansion_arr": found["expansion_arr"] - found["contraction_arr"],
        "expanded": (found["expansion_arr"] > 0).astype(np.int64),
    }


def _ids(letter: str, numbers: Column) -> Column:
    return np.array([f"{letter}_{number + 1:06d}" for number in numbers.tolist()], dtype=object)


def _check(accounts: int, share: float, icc: float, discount: float, randomised: str) -> None:
    allowed = (
        (accounts >= 1, "accounts", accounts, "1 or more"),
        (0 < share < 1, "holdout_share", share, "above 0 and below 1"),
        (0 <= icc < 1, "icc", icc, "0 to below 1"),
        (0 <= discount < 1, "discount", discount, "0 to below 1"),
        (randomised in {"account", "contact"}, "randomised", randomised, "account, contact"),
    )
    for fine, name, value, what in allowed:
        if not fine:
            raise InputError(
                f"{name} is {value!r}; allowed: {what}", hint="change the argument of expansion_trigger_holdout"
            )
