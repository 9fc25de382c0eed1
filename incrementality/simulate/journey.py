"""A holdout on a win-back journey of an online shop: contacts, assignment, outcomes, capture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError, did_you_mean
from incrementality.simulate.faults import UNPLANNED, Faults, plant
from incrementality.simulate.holdout import Manifest, SimulatedHoldout, content_sha256
from incrementality.simulate.truth import true_effects
from incrementality.simulate.world import (
    OUTCOMES,
    REGION_WEIGHTS,
    REGIONS,
    Contacts,
    draw_contacts,
    draw_luck,
    respond,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.simulate.world import Column, Integers

__all__ = ["crm_journey_holdout", "regenerate"]

_FEWEST_ARMS = 2
_WORLD = 1  # keeps the chance of this world apart from that of other worlds of the same seed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Everything but the faults: validated, and what the manifest tells."""

    n: int
    seed: int
    holdout_share: float
    arms: tuple[str, ...]
    strengths: tuple[float, ...]
    account_size: float | None
    region_shares: dict[str, float] | None

    def __post_init__(self) -> None:
        _check(self.n >= 1, f"n is {self.n}", "at least one contact")
        _check(self.seed >= 0, f"seed is {self.seed}", "0 or more")
        _check_arms(self.arms, self.strengths)
        _check(
            self.account_size is None or 1 <= self.account_size < math.inf,
            f"account_size is {self.account_size}",
            "1 or more contacts",
        )
        regions = self.region_shares or dict.fromkeys(REGIONS, self.holdout_share)
        for region in regions:
            _check(region in REGIONS, f"region {region!r}", f"{', '.join(REGIONS)}.{did_you_mean(region, REGIONS)}")
        _check(
            len(regions) == len(REGIONS), f"region_shares names {', '.join(regions)}", f"all of {', '.join(REGIONS)}"
        )
        for share in (self.holdout_share, *regions.values()):
            _check(0 < share < 1, f"a holdout share is {share}", "above 0 and below 1")

    @property
    def shares_by_region(self) -> tuple[float, ...]:
        """The control's share in each of ``REGIONS``."""
        shares = self.region_shares or dict.fromkeys(REGIONS, self.holdout_share)
        return tuple(shares[region] for region in REGIONS)

    @property
    def arm_shares(self) -> dict[str, float]:
        """The planned share of each arm over all regions."""
        held_out = math.fsum(
            weight * share for weight, share in zip(REGION_WEIGHTS, self.shares_by_region, strict=True)
        )
        rest = (1 - held_out) / (len(self.arms) - 1)
        return {arm: rest if place else held_out for place, arm in enumerate(self.arms)}


def crm_journey_holdout(
    *,
    n: int = 60_000,
    seed: int = 1,
    holdout_share: float = 0.1,
    arms: Sequence[str] = ("holdout", "journey"),
    strengths: Sequence[float] | None = None,
    account_size: float | None = None,
    region_shares: Mapping[str, float] | None = None,
    missing_outcomes: int = 0,
    missing_arm: int = 0,
    unplanned_arm: int = 0,
    duplicated_rows: int = 0,
    mixed_units: int = 0,
    lost_control_rows: int = 0,
) -> SimulatedHoldout:
    """Return a simulated holdout on a win-back journey, with its truth.

    Contacts of an online shop have not bought for a while. The journey lifts reactivation from about 8 % to about
    9.5 %, most in the app and least by e-mail, and raises unsubscribing from about 1.2 % to about 2 %. Contacts,
    chance, assignment and faults are drawn from four streams of one seed: the assignment knows no outcome, and the
    same contacts meet any assignment.

    Args:
        n: Number of contacts.
        seed: Seed of all chance, 0 or more.
        holdout_share: Probability of the control; the other arms share the rest equally.
        arms: Names of the arms; the first is the control.
        strengths: Strength of the journey in each treatment arm; 1 (the default) as described above, 0 changes
            nothing for anybody, below 0 does harm.
        account_size: Mean number of contacts an account; None for no accounts. Sizes are unequal, the contacts of an
            account share a shock, and an account is assigned as a whole. Adds the column ``account_id``.
        region_shares: Probability of the control in each region, which makes region a stratum; None for the same
            ``holdout_share`` everywhere. Regions differ in how many come back by themselves.
        missing_outcomes: Number of rows whose outcomes are all missing.
        missing_arm: Number of rows without an arm.
        unplanned_arm: Number of rows with the arm ``unplanned``.
        duplicated_rows: Number of rows that are there twice.
        mixed_units: Number of contacts that are there a second time, with another arm.
        lost_control_rows: Number of rows of the control that were never captured.

    Raises:
        InputError: An argument is outside what is allowed; the message names it.

    Examples:
        >>> world = crm_journey_holdout(n=20_000, seed=4)
        >>> effect = world.truth["reactivated", "journey"]
        >>> round(effect.control_mean, 3), round(effect.treatment_mean, 3)
        (0.08, 0.095)
        >>> null = crm_journey_holdout(n=1_000, strengths=[0])
        >>> null.truth["revenue", "journey"].effect
        0.0
    """
    plan = _Plan(
        n=n,
        seed=seed,
        holdout_share=holdout_share,
        arms=tuple(arms),
        strengths=(1.0,) * (len(arms) - 1) if strengths is None else tuple(float(value) for value in strengths),
        account_size=account_size,
        region_shares=None if region_shares is None else dict(region_shares),
    )
    faults = Faults(
        missing_outcomes=missing_outcomes,
        missing_arm=missing_arm,
        unplanned_arm=unplanned_arm,
        duplicated_rows=duplicated_rows,
        mixed_units=mixed_units,
        lost_control_rows=lost_control_rows,
    )
    return _run(plan, faults)


def regenerate(manifest: Manifest) -> SimulatedHoldout:
    """Make the data of a manifest again.

    Raises:
        InputError: The content differs, because another version of this package or of numpy made it.

    Examples:
        >>> world = crm_journey_holdout(n=100, seed=5)
        >>> regenerate(world.manifest).manifest == world.manifest
        True
    """
    if manifest.function != crm_journey_holdout.__name__:
        raise InputError(
            f"the manifest names the function {manifest.function!r}; allowed: {crm_journey_holdout.__name__}",
            hint="use a manifest that this function wrote",
        )
    again = crm_journey_holdout(**manifest.arguments)
    if again.manifest.sha256 != manifest.sha256:
        raise InputError(
            f"made again, the content has sha256 {again.manifest.sha256[:12]}, the manifest {manifest.sha256[:12]}",
            hint="use the versions of this package and of numpy that wrote the manifest",
        )
    return again


def _run(plan: _Plan, faults: Faults) -> SimulatedHoldout:
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence((_WORLD, plan.seed)).spawn(4)]
    contacts = draw_contacts(plan.n, account_size=plan.account_size, rng=streams[0])
    potential = _potential(contacts, plan, streams[1])
    arm = _assign(contacts, plan, streams[2])
    columns = plant(_captured(contacts, arm, potential, plan), faults, arms=plan.arms, rng=streams[3])
    for array in (*columns.values(), *potential.values()):
        array.setflags(write=False)
    arguments = _as_json(asdict(plan) | asdict(faults))
    manifest = Manifest(crm_journey_holdout.__name__, arguments, plan.seed, content_sha256(columns))
    return SimulatedHoldout(columns, potential, true_effects(potential, arms=plan.arms), plan.arm_shares, manifest)


def _potential(contacts: Contacts, plan: _Plan, rng: np.random.Generator) -> dict[tuple[str, str], Column]:
    luck = draw_luck(plan.n, rng)
    outcomes = {
        arm: respond(contacts, luck, strength=strength)
        for arm, strength in zip(plan.arms, (0.0, *plan.strengths), strict=True)
    }
    return {(name, arm): outcomes[arm][name] for arm in plan.arms for name in OUTCOMES}


def _assign(contacts: Contacts, plan: _Plan, rng: np.random.Generator) -> Integers:
    """Return the index of each contact's arm; contacts of one account get the same."""
    held_out = np.array(plan.shares_by_region)[contacts.region]
    draw = rng.random(int(contacts.account[-1]) + 1)[contacts.account]
    treatments = len(plan.arms) - 1
    place = np.floor((draw - held_out) / (1 - held_out) * treatments).astype(np.int64)
    return np.where(draw < held_out, 0, 1 + np.minimum(place, treatments - 1))


def _captured(
    contacts: Contacts, arm: Integers, potential: Mapping[tuple[str, str], Column], plan: _Plan
) -> dict[str, Column]:
    columns: dict[str, Column] = {"contact_id": _ids("c", np.arange(plan.n))}
    if plan.account_size is not None:
        columns["account_id"] = _ids("a", contacts.account)
    columns |= contacts.known
    columns["arm"] = np.array(plan.arms, dtype=object)[arm]
    for name in OUTCOMES:
        columns[name] = np.choose(arm, [potential[name, each] for each in plan.arms])
    return columns


def _ids(letter: str, numbers: Integers) -> Column:
    return np.array([f"{letter}_{number + 1:06d}" for number in numbers.tolist()], dtype=object)


def _as_json(arguments: dict[str, object]) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in arguments.items()}


def _check_arms(arms: tuple[str, ...], strengths: tuple[float, ...]) -> None:
    _check(len(set(arms)) == len(arms) >= _FEWEST_ARMS, f"arms is {arms}", "two or more different names")
    for arm in arms:
        _check(
            arm.strip() == arm != "" and arm.isprintable(), f"arm {arm!r}", "printable text without blanks at its ends"
        )
        _check(arm != UNPLANNED, f"arm {arm!r}", "any other name: this one marks a planted fault")
    _check(
        len(strengths) == len(arms) - 1,
        f"strengths has {len(strengths)} values",
        f"one per treatment arm, {len(arms) - 1}",
    )
    _check(all(map(math.isfinite, strengths)), f"strengths is {strengths}", "finite numbers")


def _check(fine: bool, found: str, allowed: str) -> None:  # noqa: FBT001 - a condition reads first, like assert
    if not fine:
        raise InputError(f"{found}; allowed: {allowed}", hint="change the argument of crm_journey_holdout")
