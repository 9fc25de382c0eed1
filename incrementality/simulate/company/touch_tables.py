"""Touches and campaigns as the company's systems hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.calendar import HOUR, as_times, start_of_quarter
from incrementality.simulate.company.cells import FUNCTIONS
from incrementality.simulate.company.deal_tables import actors
from incrementality.simulate.company.rows import ids, labels
from incrementality.simulate.company.touches import KINDS_OF_TOUCH

if TYPE_CHECKING:
    from incrementality.simulate.company.people_tables import People
    from incrementality.simulate.company.rows import Columns
    from incrementality.simulate.company.touches import Kind, Touches
    from incrementality.simulate.world import Column

__all__ = ["campaign_table", "touch_table"]

_BY_HAND = np.array([kind.touch.system == "crm" for kind in KINDS_OF_TOUCH])
_VARIANTS = ("a", "b")
_COLLEAGUES = np.array(
    [
        FUNCTIONS.index(kind.function) if kind.touch.direction != "automatic" and kind.function in FUNCTIONS else -1
        for kind in KINDS_OF_TOUCH
    ]
)


def _campaign(kind: Kind) -> str | None:
    if kind.function != "marketing" or kind.journey is None:
        return None
    audience = "prospects" if kind.stage in {"awareness", "consideration"} else "customers"
    return f"{_channel(kind)}_{audience}_{kind.journey}_{kind.offer}_v1"


def _channel(kind: Kind) -> str:
    return kind.touch.channel.replace("_", "-")


def _url(kind: Kind) -> str | None:
    page = "https://www.company.example/"
    if kind.touch.type == "site_visit":
        return page
    if kind.touch.type not in {"ad_click", "content_download"}:
        return None
    fields = {
        "source": kind.touch.system,
        "medium": _channel(kind),
        "campaign": _campaign(kind),
        "content": kind.offer,
        "term": "seats",
    }
    return page + "?" + "&".join(f"utm_{name}={value}" for name, value in fields.items())


def touch_table(touches: Touches, people: People, deals: Column, already: int) -> Columns:
    """Return a block's touches as columns, in the order of their time.

    Args:
        touches: The touches.
        people: The names of accounts and contacts.
        deals: The ids of the block's deals.
        already: Touches that were written before.
    """
    kinds, touch = KINDS_OF_TOUCH, touches.kind
    ends = [(kind.touch.outcomes[1], kind.touch.outcomes[0]) for kind in kinds]
    variant = np.where(np.array([_campaign(kind) is not None for kind in kinds])[touch], touches.account % 2, -1)
    return {
        "touch_id": ids("t", already + np.arange(touch.size)),
        "occurred_at": as_times(touches.at),
        "account_id": people.accounts[touches.account],
        "contact_id": people.contacts[people.first[touches.account] + touches.contact],
        "function": labels([kind.function for kind in kinds], touch),
        "type": labels([kind.touch.type for kind in kinds], touch),
        "stage": labels([kind.stage for kind in kinds], touch),
        "channel": labels([kind.touch.channel for kind in kinds], touch),
        "campaign": labels([_campaign(kind) for kind in kinds], touch),
        "journey": labels([kind.journey for kind in kinds], touch),
        "variant": labels(_VARIANTS, variant),
        "direction": labels([kind.touch.direction for kind in kinds], touch),
        "actor": actors(_COLLEAGUES[touch], touches.account),
        "outcome": labels([end for pair in ends for end in pair], 2 * touch + touches.well),
        "topic": labels([kind.topic for kind in kinds], touch),
        "opportunity_id": labels(tuple(deals.tolist()), touches.deal),
        "source_system": labels([kind.touch.system for kind in kinds], touch),
        "url": labels([_url(kind) for kind in kinds], touch),
        "logged_at": as_times(touches.at + np.where(_BY_HAND[touch], 2 * HOUR, 0)),
    }


def campaign_table(quarters: int) -> Columns:
    """Return the register of campaigns."""
    kinds = {name: kind for kind in KINDS_OF_TOUCH if (name := _campaign(kind)) is not None}
    n = len(kinds)
    parts = [name.split("_") for name in kinds]
    columns = {"campaign": list(kinds)} | {
        name: [part[place] for part in parts]
        for place, name in enumerate(("channel", "audience", "journey", "offer", "version"))
    }
    columns["channel"] = [kind.touch.channel for kind in kinds.values()]
    every = np.arange(n)
    return {name: labels(values, every) for name, values in columns.items()} | {
        "started_at": as_times(np.full(n, start_of_quarter(0))),
        "ended_at": as_times(np.full(n, start_of_quarter(quarters))),
    }
