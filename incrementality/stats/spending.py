"""How much of the error rate may be spent by a share of the information: Lan and DeMets's spending functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import special

from incrementality.errors import InputError

__all__ = ["Spending", "SpendingKind"]

SpendingKind = Literal["obrien_fleming", "pocock", "power"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """A spending function, fixed in the design: looks may then come at any time, as often as they like.

    Attributes:
        kind: ``obrien_fleming`` spends next to nothing early; ``pocock`` spends about evenly; ``power`` spends
            ``alpha t^rho``.
        rho: Exponent of ``power``, above 0; 1 is close to ``pocock``, 3 close to ``obrien_fleming``. The other kinds
            do not read it.

    Raises:
        InputError: The kind is unknown, or ``rho`` is not above 0.

    References:
        Lan and DeMets (1983), Discrete sequential boundaries for clinical trials,
        https://doi.org/10.1093/biomet/70.3.659;
        Kim and DeMets (1987), the power family, https://doi.org/10.1093/biomet/74.1.149

    Examples:
        >>> [round(Spending(kind="power", rho=2.0).spent(t, alpha=0.05), 4) for t in (0.2, 0.5, 1.0)]
        [0.002, 0.0125, 0.05]
    """

    kind: SpendingKind = "obrien_fleming"
    rho: float = 3.0

    def __post_init__(self) -> None:
        if self.kind not in {"obrien_fleming", "pocock", "power"}:
            raise InputError(
                f"the spending function is {self.kind!r}; allowed: obrien_fleming, pocock, power",
                hint="obrien_fleming is usual",
            )
        if not 0 < self.rho < math.inf:
            raise InputError(f"rho is {self.rho}; allowed: above 0 and finite", hint="3 spends little early")

    def spent(self, fraction: float, *, alpha: float) -> float:
        """Return the error rate spent on one side once a share of the planned information has been seen.

        Args:
            fraction: Information so far as a share of the plan, zero or more; above 1 everything is spent.
            alpha: Error rate of that side over all looks, above 0 and below 1.

        Raises:
            InputError: ``fraction`` is negative or not a number, or ``alpha`` is outside its range.

        Examples:
            >>> round(Spending(kind="obrien_fleming").spent(0.5, alpha=0.025), 6)
            0.001525
        """
        if not fraction >= 0:
            raise InputError(f"a share of information is {fraction}; it is zero or more", hint="give 0.5 for half")
        if not 0 < alpha < 1:
            raise InputError(f"alpha is {alpha}; allowed: above 0 and below 1", hint="0.05 is usual")
        if fraction == 0 or fraction >= 1:
            return alpha if fraction else 0.0
        if self.kind == "obrien_fleming":
            return 2 * float(special.ndtr(special.ndtri(alpha / 2) / math.sqrt(fraction)))
        if self.kind == "pocock":
            return alpha * math.log1p((math.e - 1) * fraction)
        return float(alpha * fraction**self.rho)
