"""The company in blocks of accounts, which know nothing of one another: memory stays small at any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.cells import CELLS
from incrementality.simulate.company.life import KINDS, Silence, live
from incrementality.simulate.company.population import draw_luck, draw_population

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from incrementality.simulate.company.cells import Cell
    from incrementality.simulate.company.holdouts import CompanyHoldout
    from incrementality.simulate.company.life import Quarter
    from incrementality.simulate.company.population import Luck, Population
    from incrementality.simulate.world import BoolArray, Integers

__all__ = ["Block", "Books", "blocks_of", "cells_off", "keep_books", "silence_of", "stream"]

_WORLD = 3  # keeps the chance of this world apart from that of other worlds of the same seed
_ACCOUNTS_AT_ONCE = 10_000
_POPULATION, _LUCK, _ARMS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Block:
    """Some of the accounts.

    Attributes:
        number: Its number, 0, 1, ...
        first: Accounts before it.
        seed: The company's seed.
        population: Its accounts.
        withheld: From whom each holdout withholds; shape (holdouts, accounts).
    """

    number: int
    first: int
    seed: int
    population: Population
    withheld: BoolArray

    @property
    def size(self) -> int:
        """Accounts in it."""
        return self.population.segment.size

    def luck(self, quarter: int, *, draw: int = 0) -> Luck:
        """Return the luck of a quarter; draw 0 is what happened, others what might as well have happened."""
        return draw_luck(self.size, stream(self.seed, self.number, _LUCK, quarter, draw))

    def quarters(self, silence: Silence, *, draw: int = 0) -> Iterator[Quarter]:
        """Yield what happens in each quarter when some cells do not act."""
        return live(self.population, lambda quarter: self.luck(quarter, draw=draw), silence)


@dataclass(frozen=True, slots=True, eq=False)
class Books:
    """Revenue booked, net of refunds, in cents.

    Attributes:
        by_account: Shape (accounts, quarters).
        by_kind: Shape (quarters, kinds), in the order of ``KINDS``: new, expansion, renewal.
    """

    by_account: Integers
    by_kind: Integers

    @property
    def revenue(self) -> int:
        """The total."""
        return self.booked()

    def booked(self, quarter: int | None = None) -> int:
        """Return what was booked in one quarter, or in all."""
        return int((self.by_kind if quarter is None else self.by_kind[quarter]).sum())


def stream(*key: int) -> np.random.Generator:
    """Return the chance of one purpose, independent of every other key's."""
    return np.random.default_rng(np.random.SeedSequence((_WORLD, *key)))


def blocks_of(accounts: int, quarters: int, seed: int, holdouts: Sequence[CompanyHoldout]) -> Iterator[Block]:
    """Yield the company's accounts, block by block."""
    for number, first in enumerate(range(0, accounts, _ACCOUNTS_AT_ONCE)):
        size = min(_ACCOUNTS_AT_ONCE, accounts - first)
        arms = [stream(seed, number, _ARMS, each.stream).random(size) < each.share for each in holdouts]
        yield Block(
            number=number,
            first=first,
            seed=seed,
            population=draw_population(size, quarters, stream(seed, number, _POPULATION)),
            withheld=np.array(arms, dtype=bool).reshape(len(arms), size),
        )


def cells_off(cells: Iterable[Cell], quarters: int, *, since: int = 0, until: int | None = None) -> BoolArray:
    """Return which cells are off in which quarter, the last one included; shape (quarters, cells)."""
    off = np.zeros((quarters, len(CELLS)), dtype=bool)
    last = quarters - 1 if until is None else until
    off[since : last + 1, [CELLS.index(cell) for cell in cells]] = True
    return off


def keep_books(
    blocks: Iterable[Block],
    off: BoolArray,
    holdouts: Sequence[CompanyHoldout] = (),
    *,
    draw: int = 0,
) -> Books:
    """Return the revenue of the world in which some cells do not act.

    Args:
        blocks: The accounts.
        off: The cells that are off for everybody; shape (quarters, cells).
        holdouts: The holdouts that are run, in the order of each block's ``withheld``; none by default.
        draw: Which luck.
    """
    by_account, by_kind = [], np.zeros((len(off), len(KINDS)), dtype=np.int64)
    for block in blocks:
        found = [
            quarter.amounts - quarter.refunds for quarter in block.quarters(silence_of(block, off, holdouts), draw=draw)
        ]
        by_account.append(np.stack([revenue.sum(axis=0) for revenue in found], axis=1))
        by_kind += np.stack([revenue.sum(axis=1) for revenue in found])
    return Books(np.concatenate(by_account), by_kind)


def silence_of(block: Block, off: BoolArray, holdouts: Sequence[CompanyHoldout]) -> Silence:
    """Return what does not act in a block when these holdouts are run and these cells are off."""
    withheld = (
        (cells_off(each.cells, len(off), since=each.first, until=each.last), accounts)
        for each, accounts in zip(holdouts, block.withheld, strict=False)
    )
    return Silence(off, tuple(withheld))
