"""What a team may claim of expansion revenue: sourced, closed, assisted, blended; nothing counted twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JointCountsMissing", "TeamBudget", "TeamShare"]

_DUST = 1e-9


class JointCountsMissing(InputError):
    """Revenue that a team sourced *or* closed needs the revenue that it sourced *and* closed."""


@dataclass(frozen=True, slots=True)
class TeamShare:
    """The parts that one team has in a company's expansion revenue.

    Attributes:
        team: The team.
        source: The share of the revenue that it sourced, from 0 to 1.
        close: The share that it closed.
        assist: Its share among the assists.
        both: The share that it sourced *and* closed; ``None`` where only the margins are known.
    """

    team: str
    source: float
    close: float
    assist: float
    both: float | None = None


@dataclass(frozen=True, slots=True)
class TeamBudget(DisplayMixin):
    """Six ways to read one expansion revenue by team; each column says which it is, none is called caused.

    ``sourced`` and ``closed`` each add up to the revenue over teams, and so does ``blended``, the sum by the shares
    of source, close and assist. ``either`` overlaps between teams: a deal that one sourced and another closed counts
    for both. Without the joint counts it is only known to lie between two bounds, and is refused.

    Attributes:
        revenue: All expansion revenue, in currency units.
        shares: One a team.
        currency: The currency.
        weights: What source, close and assist count in ``blended``.
        incremental: What experiments say that each team caused, where calibration has said so.

    Raises:
        InputError: The shares of a role do not add up to one, or a joint share lies outside its bounds.

    Examples:
        >>> teams = (TeamShare("cs", 0.55, 0.75, 0.15), TeamShare("product", 0.30, 0.0, 0.10),
        ...          TeamShare("others", 0.15, 0.25, 0.75))
        >>> budget = TeamBudget(4_000_000.0, teams, "USD")
        >>> [round(budget.blended(team.team)) for team in teams]
        [2200000, 560000, 1240000]
    """

    revenue: float
    shares: tuple[TeamShare, ...]
    currency: str
    weights: tuple[float, float, float] = (0.4, 0.4, 0.2)
    incremental: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for role in ("source", "close", "assist"):
            total = sum(getattr(share, role) for share in self.shares)
            if abs(total - 1) > _DUST:
                raise InputError(
                    f"the teams' shares of {role} add up to {total:g}, not to 1",
                    hint="name everybody, with a team 'others' or 'unknown' for the rest",
                )
        for share in self.shares:
            low, high = self._bounds_of_both(share)
            if share.both is not None and not low - _DUST <= share.both <= high + _DUST:
                raise InputError(
                    f"team {share.team!r} sourced and closed {share.both:g} of the revenue; by what it sourced and "
                    f"what it closed this must lie between {low:g} and {high:g}",
                    hint="count the deals that it both sourced and closed",
                )

    def sourced(self, team: str) -> float:
        """Return the revenue that a team sourced, in currency units."""
        return self.revenue * self._share(team).source

    def closed(self, team: str) -> float:
        """Return the revenue that a team closed."""
        return self.revenue * self._share(team).close

    def assisted(self, team: str) -> float:
        """Return a team's part in the assists: its share among them, of the whole revenue."""
        return self.revenue * self._share(team).assist

    def blended(self, team: str) -> float:
        """Return source, close and assist by their weights; teams add up to the revenue."""
        share = self._share(team)
        parts = zip(self.weights, (share.source, share.close, share.assist), strict=True)
        return self.revenue * sum(weight * part for weight, part in parts)

    def both(self, team: str) -> float:
        """Return the revenue that a team sourced and closed.

        Raises:
            JointCountsMissing: Only the margins are known.
        """
        share = self._share(team)
        if share.both is None:
            low, high = self._bounds_of_both(share)
            raise self._refusal(team, "sourced and closed", low, high)
        return self.revenue * share.both

    def either(self, team: str) -> float:
        """Return the revenue that a team sourced or closed, each deal once.

        Raises:
            JointCountsMissing: Only the margins are known; the message gives the bounds.
        """
        share = self._share(team)
        if share.both is None:
            low, high = self.bounds_of_either(team)
            raise self._refusal(team, "sourced or closed", low / self.revenue, high / self.revenue)
        return self.revenue * (share.source + share.close - share.both)

    def bounds_of_either(self, team: str) -> tuple[float, float]:
        """Return the least and the most that a team can have sourced or closed, given the margins alone."""
        share = self._share(team)
        return (
            self.revenue * max(share.source, share.close),
            self.revenue * min(1.0, share.source + share.close),
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a team; ``not known`` where joint counts are missing."""
        return tuple(self._row(share) for share in self.shares)

    def _row(self, share: TeamShare) -> dict[str, object]:
        joint = share.both is not None
        row: dict[str, object] = {
            "team": share.team,
            "sourced": self.sourced(share.team),
            "closed": self.closed(share.team),
            "both": self.both(share.team) if joint else "not known",
            "either": self.either(share.team) if joint else "not known",
            "assist": self.assisted(share.team),
            "blended": self.blended(share.team),
        }
        if self.incremental is not None:
            row["incremental"] = self.incremental.get(share.team)
        return row

    def _share(self, team: str) -> TeamShare:
        for share in self.shares:
            if share.team == team:
                return share
        raise InputError(
            f"there is no team {team!r}", hint=f"the teams are {', '.join(share.team for share in self.shares)}"
        )

    def _bounds_of_both(self, share: TeamShare) -> tuple[float, float]:
        return max(0.0, share.source + share.close - 1.0), min(share.source, share.close)

    def _refusal(self, team: str, what: str, low: float, high: float) -> JointCountsMissing:
        return JointCountsMissing(
            f"what {team} {what} is only known to lie between {self.currency} {self.revenue * low:,.0f} and "
            f"{self.revenue * high:,.0f}: the deals that it both sourced and closed were not counted",
            hint="count source and close deal by deal, or report sourced and closed apart",
        )
