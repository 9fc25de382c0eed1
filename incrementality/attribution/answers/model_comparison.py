"""Models side by side: which ranks flip, and how far a function's share moves with the model that one believes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ModelComparison", "RankFlip"]


@dataclass(frozen=True, slots=True)
class RankFlip:
    """Two functions whose order depends on the model.

    Attributes:
        first: The function that the leading model puts ahead.
        second: The other one.
        models: The models that put the second ahead.
    """

    first: str
    second: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelComparison(DisplayMixin):
    """Each function's share of the credit by every model; the first model leads.

    Attributes:
        credit: ``{model: {function: credit}}``, in any one unit; functions that a model leaves out have none.
        withheld: ``{model: why}`` for models that are shown greyed and count for nothing: too few conversions, or a
            score no better than chance.

    Raises:
        InputError: There is no model, or none that counts.

    Examples:
        >>> compared = ModelComparison({"position": {"cs": 60.0, "ae": 40.0}, "last": {"cs": 30.0, "ae": 70.0}})
        >>> compared.flips
        (RankFlip(first='cs', second='ae', models=('last',)),)
    """

    credit: Mapping[str, Mapping[str, float]]
    withheld: Mapping[str, str]

    def __init__(self, credit: Mapping[str, Mapping[str, float]], withheld: Mapping[str, str] | None = None) -> None:
        object.__setattr__(self, "credit", {model: dict(shares) for model, shares in credit.items()})
        object.__setattr__(self, "withheld", dict(withheld or {}))
        if not self.models:
            raise InputError("there is no model to compare", hint="name at least one model that may lead")

    @property
    def models(self) -> tuple[str, ...]:
        """The models that count, the leading one first."""
        return tuple(model for model in self.credit if model not in self.withheld)

    @property
    def functions(self) -> tuple[str, ...]:
        """All functions, by the leading model's credit."""
        names = {name for shares in self.credit.values() for name in shares}
        return tuple(sorted(names, key=lambda name: (-self.share(self.models[0], name), name)))

    def share(self, model: str, function: str) -> float:
        """Return a function's share of a model's credit."""
        shares = self.credit[model]
        whole = sum(shares.values())
        return shares.get(function, 0.0) / whole if whole else 0.0

    def rank(self, model: str, function: str) -> int:
        """Return a function's place by a model, 1 for the most credit; equals share the better place."""
        mine = self.share(model, function)
        return 1 + sum(self.share(model, other) > mine for other in self.functions)

    @property
    def flips(self) -> tuple[RankFlip, ...]:
        """Pairs of functions that some model orders the other way round than the leading one."""
        found = []
        for first, second in combinations(self.functions, 2):
            against = tuple(m for m in self.models[1:] if self.share(m, second) > self.share(m, first))
            if against and self.share(self.models[0], first) > self.share(self.models[0], second):
                found.append(RankFlip(first, second, against))
        return tuple(found)

    @property
    def sentence(self) -> str:
        """What one may conclude whichever model one believes."""
        if len(self.models) == 1:
            return f"Only {self.models[0]} counts, so nothing says how much hangs on the choice of model."
        if not self.flips:
            return f"All {len(self.models)} models rank the functions alike."
        pairs = "; ".join(
            f"{flip.first} before {flip.second} turns around under {', '.join(flip.models)}" for flip in self.flips
        )
        return f"The order of functions hangs on the model: {pairs}. An experiment would settle it."

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a function: its share by each model, its best and worst place among those that count."""
        return tuple(self._row(function) for function in self.functions)

    def _row(self, function: str) -> dict[str, object]:
        places = [self.rank(model, function) for model in self.models]
        shares = {model: self.share(model, function) for model in self.credit}
        return {"function": function, **shares, "best_rank": min(places), "worst_rank": max(places)}
