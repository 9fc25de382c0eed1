"""A company is asked for: what may be asked, and which experiments it usually runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.simulate.company.capture_faults import CaptureFaults
from incrementality.simulate.company.holdouts import USUAL_HOLDOUTS, CompanyHoldout, check_holdouts
from incrementality.simulate.company.simulated import SimulatedCompany

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["simulate_company"]

_MOST_QUARTERS = 40


def simulate_company(
    accounts: int = 1_000,
    quarters: int = 6,
    *,
    seed: int = 1,
    dirty: bool | CaptureFaults = True,
    holdouts: Sequence[CompanyHoldout] | None = None,
) -> SimulatedCompany:
    """Return a simulated software company, with its truth (see :mod:`incrementality.simulate.company`).

    Nothing is simulated until it is asked for.

    Args:
        accounts: Number of accounts: prospects and customers.
        quarters: Number of quarters, from 2025Q1 on.
        seed: Seed of all chance, 0 or more. Population, luck, arms, touches and faults come from streams of their
            own: the same accounts meet the same luck whatever is withheld.
        dirty: Whether faults of capture are planted, or which.
        holdouts: The experiments that are run; default: ``USUAL_HOLDOUTS``, as far as they start within the period.

    Raises:
        InputError: An argument is outside what is allowed.

    Examples:
        >>> company = simulate_company(500, seed=3)
        >>> [holdout.name for holdout in company.holdouts][:2]
        ['global-holdout', 'renewal-outreach-holdout']
    """
    allowed = (
        (accounts >= 1, f"accounts is {accounts}", "one account or more"),
        (1 <= quarters <= _MOST_QUARTERS, f"quarters is {quarters}", f"1 to {_MOST_QUARTERS}"),
        (seed >= 0, f"seed is {seed}", "0 or more"),
    )
    for fine, wrong, what in allowed:
        if not fine:
            raise InputError(wrong, hint=f"allowed: {what}")
    run = _usual(quarters) if holdouts is None else check_holdouts(holdouts, quarters)
    faults = dirty if isinstance(dirty, CaptureFaults) else CaptureFaults() if dirty else None
    return SimulatedCompany(accounts, quarters, seed, faults, run)


def _usual(quarters: int) -> tuple[CompanyHoldout, ...]:
    """Return the usual holdouts that start within the period; those that end after it last to its end."""
    return tuple(
        each if each.last is None or each.last < quarters else _to_the_end(each)
        for each in USUAL_HOLDOUTS
        if each.first < quarters
    )


def _to_the_end(holdout: CompanyHoldout) -> CompanyHoldout:
    return replace(holdout, last=None)
