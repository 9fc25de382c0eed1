"""Cohorts that are drawn at once, with exact counts: stratified, and re-randomised until covariates are balanced."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment.assign import DRAWN, NO_ARM, Assigned, assign
from incrementality.assignment.hashing import SPACE, cut, key_prefix, ranks
from incrementality.assignment.plan import AssignmentPlan
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from incrementality.assignment.ramp import ArmRange, Phase

__all__ = ["THIN_STRATUM", "FixedDraw", "draw_fixed", "fill_stratum", "mahalanobis_limit", "rerandomise"]

THIN_STRATUM = "thin_stratum"

_HASH_DIGITS = 8
_SIMPLE = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class FixedDraw:
    """A re-randomised cohort and how it came about.

    Attributes:
        assigned: The units with their arms.
        plan: The plan with the salt that was accepted: :func:`draw_fixed` draws the same cohort again from it.
        tries: K: the salts base.0 to base.(K-1) were refused and base.K was accepted.
        distance: The largest Mahalanobis distance between a treatment and the control.
        limit: What it had to stay below.
    """

    assigned: Assigned
    plan: AssignmentPlan
    tries: int
    distance: float
    limit: float


def draw_fixed(
    plan: AssignmentPlan,
    unit_ids: Sequence[str | int] | NDArray[np.generic],
    strata: Sequence[object] | NDArray[np.generic] | None = None,
    *,
    phase: str | None = None,
) -> Assigned:
    """Draw a whole cohort: inside each stratum units are ranked by their hash, and the first round(p n) are control.

    Global holdout, layer slot, parent and traffic say first who enters, and overrides stand aside, as in
    :func:`assign`. Further arms follow the control, at the rounded running sums of their shares. The same units in
    another order get the same arms; another set of units does not, so the cohort must be kept.

    Args:
        plan: The plan; its ``rank_salt``, or else its salt, names the draw.
        unit_ids: The whole cohort, each unit once, shape (n,).
        strata: Each unit's stratum, shape (n,); default: all units are one stratum.
        phase: The phase's name; it may be left out where the plan has one phase.

    Returns:
        The units with ``source`` fixed, and as probability the exact share of the arm in the stratum. Where an arm
        got nobody in a stratum, its units carry the reason ``thin_stratum``: they cannot be compared there.

    Raises:
        InvalidUnitId: An id is refused.
        InputError: A unit stands twice, or a stratum is missing.

    Examples:
        >>> from incrementality.assignment.planning import make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.1, "journey": 0.9})
        >>> draw_fixed(plan, range(100), ["north"] * 40 + ["south"] * 60).counts()
        {'holdout': 10, 'journey': 90}
    """
    assigned = assign(plan, _listed(unit_ids), phase=phase)
    labels = _labels(strata, len(assigned))
    _refuse_repeated(assigned.unit_id)
    return _ranked(plan, plan.phase(phase), assigned, labels)


def _listed(unit_ids: Sequence[str | int] | NDArray[np.generic]) -> Sequence[str | int] | NDArray[np.generic]:
    return unit_ids if isinstance(unit_ids, np.ndarray) else list(unit_ids)


def _labels(strata: Sequence[object] | NDArray[np.generic] | None, n: int) -> NDArray[np.object_]:
    values = [""] * n if strata is None else list(strata)
    if len(values) != n:
        raise InputError(f"there are {n} units and {len(values)} strata", hint="hand in one stratum for each unit")
    missing = sum(value is None or value != value for value in values)  # noqa: PLR0124 - NaN is what differs from itself
    if missing:
        raise InputError(f"{missing} of {n} units have no stratum", hint="give them one of their own, e.g. 'unknown'")
    labels = np.empty(n, dtype=object)
    labels[:] = values
    return labels


def _refuse_repeated(unit_ids: NDArray[np.object_]) -> None:
    if len(set(unit_ids)) == len(unit_ids):
        return
    units, counts = np.unique(unit_ids, return_counts=True)
    twice = units[counts > 1][0]
    raise InputError(
        f"the unit {twice!r} stands more than once in the cohort", hint="hand in each unit once: counts are exact"
    )


def _ranked(plan: AssignmentPlan, phase: Phase, assigned: Assigned, labels: NDArray[np.object_]) -> Assigned:
    rows = _entrants(assigned)
    prefix = key_prefix("rank", plan.rank_salt or plan.salt, plan.unit_type.name)
    ranked = ranks(prefix, assigned.unit_id[rows].tolist())
    columns: dict[str, NDArray[Any]] = {name: column.copy() for name, column in assigned.to_columns().items()}
    columns["hash"][rows] = [int(digits[:_HASH_DIGITS], 16) for digits in ranked]
    columns["source"][rows] = "fixed"
    members: dict[object, list[tuple[str, int]]] = {}
    for digits, row in zip(ranked, rows.tolist(), strict=True):
        members.setdefault(labels[row], []).append((digits, row))
    for stratum in members.values():
        fill_stratum(columns, [row for _, row in sorted(stratum)], plan, phase)
    return Assigned(**columns)


def _entrants(assigned: Assigned) -> NDArray[np.intp]:
    drawn = (assigned.reason == DRAWN) | (assigned.reason == NO_ARM)
    return np.flatnonzero(drawn & (assigned.source == "hash"))


def fill_stratum(columns: dict[str, NDArray[Any]], rows: list[int], plan: AssignmentPlan, phase: Phase) -> None:
    """Write the arms of one stratum, whose rows are in the order of their ranks, into columns of all units.

    Args:
        columns: The columns of :class:`Assigned`; arm, probability and reason are written.
        rows: The stratum's rows, by rank.
        plan: The plan, for the arms' names.
        phase: The phase, for their shares.
    """
    n, shares = len(rows), [_share(arm) for arm in phase.ranges]
    edges = [round(share * n) for share in accumulate(shares, initial=Fraction(0))]
    places = list(pairwise(edges))
    thin = any(lo == hi and share > 0 for (lo, hi), share in zip(places, shares, strict=True))
    for name, (lo, hi) in [*zip(plan.arm_names, places, strict=True), (None, (edges[-1], n))]:
        some = rows[lo:hi]
        columns["arm"][some] = name
        columns["probability"][some] = np.nan if name is None else (hi - lo) / n
        columns["reason"][some] = NO_ARM if name is None else THIN_STRATUM if thin else DRAWN


def _share(arm: ArmRange) -> Fraction:
    """Return the share that was asked for: the simplest one that makes the same cut, so that 1/10 of 5 is a tie."""
    exact = Fraction(arm.hi - arm.lo, SPACE)
    simple = exact.limit_denominator(_SIMPLE)
    return simple if cut(simple) == arm.hi - arm.lo else exact


def mahalanobis_limit(acceptance: float, covariates: int) -> float:
    """Return the limit below which a share of all draws of two large arms falls: the quantile of chi-squared.

    Args:
        acceptance: The share of draws that is accepted, e.g. 0.05.
        covariates: How many covariates are balanced.

    Raises:
        InputError: The share is not between 0 and 1, or there is no covariate.

    References:
        Morgan and Rubin (2012), Rerandomization to improve covariate balance in experiments,
        https://doi.org/10.1214/12-AOS1008

    Examples:
        >>> round(mahalanobis_limit(0.05, 2), 4)
        0.1026
    """
    if not 0 < acceptance < 1 or covariates < 1:
        raise InputError(
            f"acceptance {acceptance} of {covariates} covariates gives no limit",
            hint="write an acceptance between 0 and 1, and at least one covariate",
        )
    from scipy.special import chdtri

    return float(chdtri(covariates, 1 - acceptance))


def rerandomise(
    plan: AssignmentPlan,
    unit_ids: Sequence[str | int] | NDArray[np.generic],
    covariates: ArrayLike,
    *,
    limit: float,
    strata: Sequence[object] | NDArray[np.generic] | None = None,
    most: int = 1000,
    phase: str | None = None,
) -> FixedDraw:
    """Draw cohorts with the salts base.0, base.1, ... until every treatment is close to the control.

    Analyse with adjustment for the same covariates, or with randomisation inference over accepted draws only.

    Args:
        plan: The plan; its salt is the base.
        unit_ids: The whole cohort, each unit once, shape (n,).
        covariates: Numbers measured before assignment, shape (n, k), none missing.
        limit: The Mahalanobis distance that a draw must stay below; fix it beforehand (:func:`mahalanobis_limit`).
        strata: Each unit's stratum, shape (n,).
        most: How many salts are tried.
        phase: The phase's name.

    Raises:
        InputError: Covariates are missing or say the same twice, or no draw was accepted.

    References:
        Morgan and Rubin (2012), https://doi.org/10.1214/12-AOS1008

    Examples:
        >>> from incrementality.assignment.planning import make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        >>> ages = np.arange(100.0) % 17
        >>> draw = rerandomise(plan, range(100), ages[:, None], limit=mahalanobis_limit(0.1, 1))
        >>> draw.plan.rank_salt, draw.distance < draw.limit
        ('winback-2026q1.4', True)
    """
    entered = assign(plan, _listed(unit_ids), phase=phase)
    labels, chosen = _labels(strata, len(entered)), plan.phase(phase)
    _refuse_repeated(entered.unit_id)
    rows = _entrants(entered)
    white = _whitened(np.asarray(covariates, dtype=np.float64), len(entered), rows)
    closest = np.inf
    for tries in range(most):
        tried = AssignmentPlan.from_dict({**dict(plan), "rank_salt": f"{plan.salt}.{tries}"})
        assigned = _ranked(tried, chosen, entered, labels)
        distance = _distance(white, assigned.arm[rows], plan.arm_names)
        if distance < limit:
            return FixedDraw(assigned, tried, tries, distance, limit)
        closest = min(closest, distance)
    raise InputError(
        f"none of {most} draws came below the limit {limit:.4g}; the closest was {closest:.4g}",
        hint="balance fewer covariates, or fix a higher limit before the next draw",
    )


def _whitened(covariates: NDArray[np.float64], n: int, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the entrants' covariates, uncorrelated and of variance 1, so that distances are plain."""
    if covariates.ndim != 2 or len(covariates) != n:  # noqa: PLR2004 - rows by columns
        raise InputError(f"covariates have the shape {covariates.shape}, not ({n}, k)", hint="one row for each unit")
    if not np.isfinite(covariates).all():
        raise InputError("covariates hold missing or infinite values", hint="fill them, and add an indicator column")
    some = covariates[rows] - covariates[rows].mean(axis=0)
    spread = some.std(axis=0)
    if len(rows) <= some.shape[1] or not spread.all() or np.linalg.matrix_rank(some / spread) < some.shape[1]:
        raise InputError("the covariates do not vary, or one follows from the others", hint="leave out what repeats")
    scaled = some / spread
    return np.linalg.solve(np.linalg.cholesky(np.cov(scaled, rowvar=False).reshape([some.shape[1]] * 2)), scaled.T).T


def _distance(white: NDArray[np.float64], arms: NDArray[np.object_], names: tuple[str, ...]) -> float:
    control = white[arms == names[0]]
    distances = []
    for name in names[1:]:
        treated = white[arms == name]
        if not len(control) or not len(treated):
            return float("inf")
        apart = treated.mean(axis=0) - control.mean(axis=0)
        distances.append(float(apart @ apart) * len(control) * len(treated) / (len(control) + len(treated)))
    return max(distances)
