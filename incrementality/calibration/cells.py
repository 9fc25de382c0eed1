"""The cells that credit and experiments speak of: a function inside a journey, of one variant, in one segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["Cell", "CellTable"]

_FLOOR = 1.0


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """What can be switched off on its own, or is treated as if it could.

    Attributes:
        function: Who touches: marketing, cs ...
        journey: The journey, or the touch group where there is none.
        variant: Offer, version or content; "" for all.
        segment: The segment of accounts; "" for all.
        earlier: Whether it holds touches on entries of earlier periods that are still inside their horizon.
    """

    function: str
    journey: str
    variant: str = ""
    segment: str = ""
    earlier: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class CellTable:
    """The cells of a reporting period, what attribution credits them with, and how they overlap.

    All amounts are in one unit: money in minor units, or a count. The order of the cells is the caller's.

    Attributes:
        cells: The cells; n of them, each once.
        credited: What the consensus of attribution models credits each with; shape (n,), not negative.
        touches: How many touches each has; shape (n,).
        revenue: All revenue of the period, credited or not.
        together: How many units were exposed to both of two cells; the diagonal is each cell's own; shape (n, n).
            ``None``: nothing is known of the overlap, and cells do not interact.
        disagreement: Covariance of the credit between attribution models and over the journey bootstrap; shape
            (n, n). ``None``: they agree and the credit is certain.
        per_touch: What a touch is worth at least, as prior scale of cells that attribution credits with nothing.
        event_value: Mean worth of one revenue event in the same unit, 1 where events are counted: two cells interact
            by the product of their effects per unit, which is a probability only once it is counted in events.

    Raises:
        InputError: A cell is there twice, a shape does not fit, a number is negative or not finite, or the cells were
            credited with more than the revenue.

    Examples:
        >>> table = CellTable((Cell("cs", "renewal"), Cell("product", "onboarding")),
        ...                   credited=np.array([60.0, 0.0]), touches=np.array([20.0, 5.0]), revenue=100.0)
        >>> table.scale.tolist()
        [60.0, 5.0]
    """

    cells: tuple[Cell, ...]
    credited: FloatArray
    touches: FloatArray
    revenue: float
    together: FloatArray | None = None
    disagreement: FloatArray | None = None
    per_touch: float = _FLOOR
    event_value: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.cells)
        if n == 0 or len(set(self.cells)) < n:
            raise InputError("a table of cells needs at least one cell, and each cell once")
        for name, shape in (("credited", (n,)), ("touches", (n,)), ("together", (n, n)), ("disagreement", (n, n))):
            found = getattr(self, name)
            if found is None:
                continue
            if found.shape != shape or not np.isfinite(found).all():
                raise InputError(f"{name} of {n} cells has the shape {found.shape}, or is not finite; needed: {shape}")
            if name != "disagreement" and (found < 0).any():
                raise InputError(f"{name} is negative for {self._worst(found)}")
        if not self.event_value > 0:
            raise InputError(f"one revenue event is worth {self.event_value:g}; it must be positive")
        if self.credited.sum() > self.revenue * (1 + 1e-9) + 1e-9:
            raise InputError(
                f"the cells are credited with {self.credited.sum():g}, more than the revenue of {self.revenue:g}",
                hint="credit adds up to the revenue at most; influenced revenue cannot be calibrated",
            )

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def scale(self) -> FloatArray:
        """The prior scale of each cell: its credit, or a little per touch where it was never credited; shape (n,)."""
        return np.maximum(self.credited, self.per_touch * self.touches)

    def members(self, wanted: Callable[[Cell], bool]) -> BoolArray:
        """Return which cells a condition holds for; shape (n,)."""
        return np.array([wanted(cell) for cell in self.cells], dtype=bool)

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions, sorted."""
        return tuple(sorted({cell.function for cell in self.cells}))

    @property
    def journeys(self) -> tuple[str, ...]:
        """The journeys, sorted."""
        return tuple(sorted({cell.journey for cell in self.cells}))

    def overlap(self) -> FloatArray:
        """Return n_cd / (n_c n_d v) between different cells, v the worth of one event; 0 on the diagonal; (n, n)."""
        n = len(self.cells)
        if self.together is None:
            return np.zeros((n, n))
        own = np.diag(self.together)
        product = self.event_value * np.outer(own, own)
        ratio = np.divide(self.together, product, out=np.zeros((n, n)), where=product > 0)
        np.fill_diagonal(ratio, 0.0)
        return ratio

    def _worst(self, found: FloatArray) -> str:
        return str(self.cells[int(np.argmin(found if found.ndim == 1 else found.min(axis=1)))])
