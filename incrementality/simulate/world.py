"""An online shop's lapsed contacts: who they are, and what each would do under a journey of a given strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHANNELS",
    "OUTCOMES",
    "REGIONS",
    "REGION_WEIGHTS",
    "Contacts",
    "Luck",
    "draw_contacts",
    "draw_luck",
    "respond",
]

Column: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

OUTCOMES = ("reactivated", "revenue", "orders", "sessions", "unsubscribed")
CHANNELS = ("email", "app", "web")
REGIONS = ("north", "south", "east", "west")
REGION_WEIGHTS = (0.4, 0.3, 0.2, 0.1)

_TIERS = ("basic", "silver", "gold")
_TIER_SPEND = (80.0, 250.0)
_REGION_LOGIT = np.array([0.0, 0.10, -0.15, 0.45])
_CHANNEL_LIFT = np.array([0.13, 0.33, 0.18])
_EMAIL_OUTSIDE_APP = 0.65
_ACCOUNT_SHOCK = 0.6


@dataclass(frozen=True, slots=True)
class Contacts:
    """The contacts before anything is sent.

    Attributes:
        account: Index of each contact's account, 0, 1, ...; shape (n,).
        shock: What the contacts of an account share, on the logit scale; shape (n,).
        engagement: Latent liking of the shop, about standard normal; shape (n,).
        log_basket: Log of the usual basket in EUR; shape (n,).
        channel: Index into ``CHANNELS``; shape (n,).
        region: Index into ``REGIONS``, the same within an account; shape (n,).
        known: The columns known at assignment, by name; each of shape (n,).
    """

    account: Integers
    shock: Floats
    engagement: Floats
    log_basket: Floats
    channel: Integers
    region: Integers
    known: dict[str, Column]


@dataclass(frozen=True, slots=True)
class Luck:
    """Chance of each contact, the same whatever the arm, so that arms differ by the journey only; each (n,)."""

    reactivation: Floats
    orders: Floats
    sessions: Floats
    unsubscribing: Floats
    basket: Floats


def draw_contacts(n: int, *, account_size: float | None, rng: np.random.Generator) -> Contacts:
    """Return ``n`` contacts in accounts of unequal size with mean ``account_size`` (None: no accounts)."""
    account = np.arange(n) if account_size is None else _accounts(n, account_size, rng)
    accounts = int(account[-1]) + 1
    spread = 0.0 if account_size is None else _ACCOUNT_SHOCK
    shock = (spread * rng.standard_normal(accounts))[account]
    region = rng.choice(len(REGIONS), size=accounts, p=REGION_WEIGHTS)[account]
    engagement = rng.standard_normal(n)
    log_basket = 3.5 + 0.7 * rng.standard_normal(n) + 0.3 * shock
    channel = _channels(engagement, rng)
    known = _history(engagement, log_basket, rng) | {
        "channel": _labels(CHANNELS, channel),
        "region": _labels(REGIONS, region),
    }
    return Contacts(account, shock, engagement, log_basket, channel, region, known)


def draw_luck(n: int, rng: np.random.Generator) -> Luck:
    """Return uniform draws for what happens and one normal draw for the size of the basket."""
    reactivation, orders, sessions, unsubscribing = rng.random((4, n))
    return Luck(reactivation, orders, sessions, unsubscribing, rng.standard_normal(n))


def respond(contacts: Contacts, luck: Luck, *, strength: float) -> dict[str, Column]:
    """Return the outcomes of every contact under a journey of this strength, keyed by ``OUTCOMES``.

    Strength 0 is no journey. At 1 the journey brings more contacts back (most in the app, least by e-mail, more
    among the less engaged), its voucher takes 3 % off the basket, and it makes more contacts unsubscribe.
    """
    engagement = contacts.engagement
    reactivated = luck.reactivation < _expit(_willing(contacts) + strength * _lift(contacts))
    orders = np.where(reactivated, 1 + _geometric(luck.orders, 0.3 * np.exp(0.2 * engagement)), 0)
    cents = np.rint(100 * orders * np.exp(contacts.log_basket + 0.7 * luck.basket - 0.03 * strength))
    browsing = 1.5 * np.exp(0.4 * engagement + 0.3 * contacts.shock + 0.05 * strength)
    unsubscribed = luck.unsubscribing < _expit(-4.45 - 0.3 * engagement + 0.5 * strength)
    return {
        "reactivated": reactivated.astype(np.int64),
        "revenue": np.where(reactivated, np.maximum(cents, 1), 0) / 100,
        "orders": orders,
        "sessions": orders + _geometric(luck.sessions, browsing),
        "unsubscribed": unsubscribed.astype(np.int64),
    }


def _willing(contacts: Contacts) -> Floats:
    orders, tenure = contacts.known["orders_last_year"], contacts.known["tenure_months"]
    person = 0.45 * contacts.engagement + 0.35 * np.log1p(orders) - 0.006 * tenure
    willing: Floats = -2.74 + person + _REGION_LOGIT[contacts.region] + contacts.shock
    return willing


def _lift(contacts: Contacts) -> Floats:
    lift: Floats = _CHANNEL_LIFT[contacts.channel] - 0.04 * contacts.engagement
    return lift


def _accounts(n: int, mean_size: float, rng: np.random.Generator) -> Integers:
    sizes = rng.geometric(1 / mean_size, size=n)
    return np.repeat(np.arange(n), sizes)[:n]


def _channels(engagement: Floats, rng: np.random.Generator) -> Integers:
    in_app = rng.random(engagement.size) < _expit(-1.0 + 0.6 * engagement)
    by_email = rng.random(engagement.size) < _EMAIL_OUTSIDE_APP
    outside = np.where(by_email, CHANNELS.index("email"), CHANNELS.index("web"))
    return np.where(in_app, CHANNELS.index("app"), outside)


def _history(engagement: Floats, log_basket: Floats, rng: np.random.Generator) -> dict[str, Column]:
    tenure = 1 + rng.gamma(2.0, 13.0, size=engagement.size).astype(np.int64)
    orders = rng.poisson(np.exp(0.35 + 0.45 * engagement)).astype(np.int64)
    spend = np.rint(100 * orders * np.exp(log_basket + 0.6 * rng.standard_normal(engagement.size))) / 100
    tier = _labels(_TIERS, np.digitize(spend, _TIER_SPEND))
    return {"tenure_months": tenure, "orders_last_year": orders, "spend_last_year": spend, "loyalty_tier": tier}


def _labels(names: tuple[str, ...], codes: NDArray[np.integer[Any]]) -> Column:
    labels: Column = np.array(names, dtype=object)[codes]
    return labels


def _expit(logit: Floats) -> Floats:
    return 1 / (1 + np.exp(-logit))


def _geometric(uniform: Floats, mean: Floats) -> Integers:
    # by inversion, so that the same luck gives more where the mean is higher
    return np.floor(np.log1p(-uniform) / np.log(mean / (1 + mean))).astype(np.int64)
