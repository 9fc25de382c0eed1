"""Who starts expansions, who closes them, who helps: the mix by function, source against close, and by quarter."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from incrementality.attribution.answers.team_budget import TeamBudget, TeamShare
from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DealRoles", "RoleMix"]

_INITIATED = frozenset({"raised"})
_RECEIVED = frozenset({"automatic", "product_trigger", "customer_executive", "inbound"})


@dataclass(frozen=True, slots=True)
class DealRoles:
    """The roles of one expansion.

    Attributes:
        event: The revenue event.
        quarter: The quarter of its close: ``2026Q1``.
        amount: What it is worth, in minor units.
        source: The function that moved first, or ``unknown``.
        source_rule: The rule that says so.
        close: The function that converted it, or ``unknown``.
        assists: Touches of each function between the two.
    """

    event: str
    quarter: str
    amount: int
    source: str
    source_rule: str
    close: str
    assists: Mapping[str, int] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """``initiated`` by a person, ``received`` from customer or product, or ``unknown``."""
        if self.source_rule in _INITIATED:
            return "initiated"
        return "received" if self.source_rule in _RECEIVED else "unknown"


@dataclass(frozen=True, slots=True)
class RoleMix(DisplayMixin):
    """The mix of source, close and assist over expansions, weighted by what they are worth.

    Attributes:
        deals: The expansions.
        currency: The currency.

    Raises:
        InputError: There are none, or together they are worth nothing.

    Examples:
        >>> mix = RoleMix((DealRoles("e1", "2026Q1", 900, "product", "product_trigger", "cs", {"customer": 1}),
        ...                DealRoles("e2", "2026Q1", 100, "cs", "raised", "cs")), "EUR")
        >>> mix.matrix()[("product", "cs")], mix.paths()["2026Q1"]["received"]
        (900, 0.9)
    """

    deals: tuple[DealRoles, ...]
    currency: str

    def __post_init__(self) -> None:
        if self.revenue == 0:
            raise InputError(
                "no expansion revenue, so there is no mix", hint="take a period in which expansions closed"
            )

    @property
    def revenue(self) -> int:
        """All of it, in minor units."""
        return sum(deal.amount for deal in self.deals)

    def by(self, role: str) -> dict[str, float]:
        """Return each function's share of a role (``source``, ``close``, ``assist``); shares add up to one.

        Deals without an assist count as ``none`` among the assists.
        """
        found: defaultdict[str, float] = defaultdict(float)
        for deal in self.deals:
            for function, share in _split(deal, role).items():
                found[function] += share * deal.amount / self.revenue
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def matrix(self) -> dict[tuple[str, str], int]:
        """Return revenue by (source, close), in minor units; its cells add up to the revenue."""
        found: defaultdict[tuple[str, str], int] = defaultdict(int)
        for deal in self.deals:
            found[deal.source, deal.close] += deal.amount
        return dict(sorted(found.items()))

    def paths(self) -> dict[str, dict[str, float]]:
        """Return the share of initiated, received and unknown revenue in each quarter."""
        found: dict[str, dict[str, int]] = {}
        for deal in sorted(self.deals, key=lambda deal: deal.quarter):
            quarter = found.setdefault(deal.quarter, {"initiated": 0, "received": 0, "unknown": 0})
            quarter[deal.path] += deal.amount
        return {
            quarter: {path: amount / whole for path, amount in amounts.items()}
            for quarter, amounts in found.items()
            if (whole := sum(amounts.values()))
        }

    def budget(self, *, weights: tuple[float, float, float] = (0.4, 0.4, 0.2), decimals: int = 2) -> TeamBudget:
        """Return what each function may claim, with the joint counts that the deals give."""
        source, close, assist = (self.by(role) for role in ("source", "close", "assist"))
        matrix = self.matrix()
        teams = sorted({*source, *close, *assist})
        shares = tuple(
            TeamShare(
                team,
                source.get(team, 0.0),
                close.get(team, 0.0),
                assist.get(team, 0.0),
                matrix.get((team, team), 0) / self.revenue,
            )
            for team in teams
        )
        return TeamBudget(self.revenue / 10**decimals, shares, self.currency, weights)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a function with its share of each role."""
        roles = {role: self.by(role) for role in ("source", "close", "assist")}
        names = dict.fromkeys(name for shares in roles.values() for name in shares)
        return tuple({"function": name, **{role: roles[role].get(name, 0.0) for role in roles}} for name in names)


def _split(deal: DealRoles, role: str) -> dict[str, float]:
    if role == "assist":
        touches = sum(deal.assists.values())
        return {name: n / touches for name, n in deal.assists.items()} if touches else {"none": 1.0}
    return {deal.source if role == "source" else deal.close: 1.0}
