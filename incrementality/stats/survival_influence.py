"""What each unit adds to a restricted mean time: pseudo-observations, whose mean is the estimate.

With them a time to an event goes wherever a plain column goes: to whole accounts, to strata, to a covariance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.stats.survival import kaplan_meier, restricted_mean

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["restricted_mean_pseudo_values"]


def restricted_mean_pseudo_values(durations: ArrayLike, events: ArrayLike, horizon: float) -> FloatArray:
    """Return each unit's pseudo-observation of one arm's restricted mean time, shape (n,).

    The restricted mean plus the unit's influence on it (the infinitesimal jackknife). Their mean is the restricted
    mean itself, and where every unit was watched up to its event or the horizon each is just its time cut there.

    Args:
        durations: Time from entry to event or end of the watch, shape (n,).
        events: True or 1 where the event came, shape (n,).
        horizon: Time at which the mean is cut, within the follow-up.

    Raises:
        InputError: As for ``kaplan_meier`` and ``restricted_mean``.

    References:
        Andersen, Klein and Rosthoj (2003), Generalised linear models for correlated pseudo-observations,
        https://doi.org/10.1093/biomet/90.1.15;
        Parner, Andersen and Overgaard (2023), Regression models for censored time-to-event data using infinitesimal
        jack-knife pseudo-observations, https://doi.org/10.1007/s10985-023-09597-5

    Examples:
        >>> restricted_mean_pseudo_values([2, 3, 9, 5], [1, 1, 0, 1], 6).tolist()
        [2.0, 3.0, 6.0, 5.0]
    """
    curve = kaplan_meier(durations, events)
    mean = restricted_mean(curve, horizon).value
    time, event = np.asarray(durations, dtype=float), np.asarray(events, dtype=float) == 1
    inside = curve.times < horizon
    times, at_risk, survival = curve.times[inside], curve.at_risk[inside], curve.survival[inside]
    if not len(times):
        return np.full(len(time), mean)
    beyond = (survival * np.diff(np.append(times, horizon)))[::-1].cumsum()[::-1]
    left = at_risk > curve.events[inside]
    # where everybody at risk has the event nothing lies beyond, so no unit moves the area there
    jump = np.divide(beyond * at_risk, at_risk - curve.events[inside], out=np.zeros(len(times)), where=left)
    compensator = np.cumsum(jump * curve.events[inside] / at_risk**2)
    place = np.searchsorted(times, time, side="right") - 1
    own = event & (time < horizon)
    drift = np.where(place >= 0, compensator[np.maximum(place, 0)], 0.0)
    at_event = np.where(own, (jump / at_risk)[np.maximum(place, 0)], 0.0)
    return np.asarray(mean - len(time) * (at_event - drift))
