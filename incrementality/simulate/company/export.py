"""What the company exports: the tables of each block, the log of entries, and what was planted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.blocks import cells_off, silence_of, stream
from incrementality.simulate.company.calendar import DAY, as_times, days_of, start_of_quarter
from incrementality.simulate.company.costs import cost_table, work_of
from incrementality.simulate.company.deal_tables import deal_ids, deal_tables
from incrementality.simulate.company.deals import collect_deals
from incrementality.simulate.company.people_tables import people_of, people_tables
from incrementality.simulate.company.plant_deals import plant_in_deals
from incrementality.simulate.company.plant_touches import plant_in_touches
from incrementality.simulate.company.playbook import JOURNEYS
from incrementality.simulate.company.rows import ids, joined, labels
from incrementality.simulate.company.state import first_state
from incrementality.simulate.company.touch_tables import campaign_table, touch_table
from incrementality.simulate.company.touches import join, touches_of
from incrementality.simulate.company.use_tables import use_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from incrementality.simulate.company.blocks import Block
    from incrementality.simulate.company.calendar import Days
    from incrementality.simulate.company.capture_faults import CaptureFaults
    from incrementality.simulate.company.holdouts import CompanyHoldout
    from incrementality.simulate.company.life import Quarter
    from incrementality.simulate.company.people_tables import People
    from incrementality.simulate.company.rows import Columns, Tables
    from incrementality.simulate.company.touches import Touches
    from incrementality.simulate.world import Integers

__all__ = ["Export"]

_TOUCHES, _TABLES, _FAULTS = 3, 4, 5


@dataclass(slots=True)
class Export:
    """The company's export, block by block; it is read once.

    Attributes:
        quarters: Number of quarters.
        holdouts: The experiments that are run.
        faults: Faults of capture; None for a clean company.
        planted: Rows hit by each fault, complete once all blocks were read.
    """

    quarters: int
    holdouts: Sequence[CompanyHoldout]
    faults: CaptureFaults | None
    planted: Counter[str] = field(default_factory=Counter)
    _written: Counter[str] = field(default_factory=Counter)
    _work: list[Integers] = field(default_factory=list)
    _accounts: int = 0

    def tables(self, blocks: Sequence[Block]) -> Iterator[Tables]:
        """Yield the tables of each block, with ``entries`` and ``assignments``, then those of the whole."""
        for block in blocks:
            yield self._block(block)
        yield {
            "campaigns": campaign_table(self.quarters),
            "costs": cost_table(np.sum(self._work, axis=0), self._accounts),
        }

    def _block(self, block: Block) -> Tables:
        off = silence_of(block, cells_off((), self.quarters), self.holdouts)
        quarters = list(block.quarters(off))
        rng = stream(block.seed, block.number, _TOUCHES)
        chance = rng.random((len(quarters), len(JOURNEYS), block.size))
        days = [days_of(block.population, *each) for each in zip(quarters, chance, strict=True)]
        deals, on_deals = collect_deals(block.population, quarters, days)
        people, names = people_of(block), deal_ids(deals, self._written["opportunities"])
        parts = [list(touches_of(block.population, *each, rng)) for each in zip(quarters, days, on_deals, strict=True)]
        touches = join([touch for part in parts for touch in part])
        self._count_work(block, parts)
        chance_of_tables = stream(block.seed, block.number, _TABLES)
        tables = people_tables(block, people, deals, chance_of_tables)
        tables |= deal_tables(deals, people, names, self._written)
        tables["touchpoints"] = touch_table(touches, people, names, self._written["touchpoints"])
        tables |= _used(block, quarters, people, chance_of_tables)
        tables["entries"] = _entries(quarters, days, people, self._written["entries"])
        tables["assignments"] = _assignments(block, people, self.holdouts)
        self._written.update({name: next(iter(columns.values())).size for name, columns in tables.items()})
        return self._dirtied(block, tables)

    def _count_work(self, block: Block, parts: list[list[Touches]]) -> None:
        self._accounts += block.size
        by_quarter = [join(part) for part in parts]
        counted = [work_of(part, np.zeros(part.kind.size, dtype=np.int64), 1)[0] for part in by_quarter]
        self._work.append(np.stack(counted))

    def _dirtied(self, block: Block, tables: Tables) -> Tables:
        if self.faults is None:
            return tables
        rng = stream(block.seed, block.number, _FAULTS)
        since = np.datetime64(start_of_quarter(self.quarters - 1), "s").astype("datetime64[us]")
        found, counts = plant_in_deals(tables, self.faults, since, rng)
        found["touchpoints"], more = plant_in_touches(
            tables["touchpoints"], tables["accounts"], self.faults, since, rng
        )
        self.planted.update(counts | more)
        return found


def _used(block: Block, quarters: list[Quarter], people: People, rng: np.random.Generator) -> Tables:
    before = [first_state(block.population).usage, *(quarter.usage for quarter in quarters)]
    return joined(use_tables(quarter, usage, people, rng) for quarter, usage in zip(quarters, before, strict=False))


def _entries(quarters: list[Quarter], days: list[Days], people: People, already: int) -> Columns:
    """Return who met which moment when: both arms, and no arm in sight."""
    met = [np.stack([quarter.moments[journey.moment] for journey in JOURNEYS]) for quarter in quarters]
    number, journey, account = np.nonzero(np.stack(met))
    first_second = np.array([start_of_quarter(quarter.number) for quarter in quarters])
    at = first_second[number] + np.stack([each.start for each in days])[number, journey, account] * DAY
    order = np.argsort(at, kind="stable")
    return {
        "entry_id": ids("n", already + np.arange(at.size)),
        "account_id": people.accounts[account[order]],
        "journey": labels([each.name for each in JOURNEYS], journey[order]),
        "entered_at": as_times(at[order]),
    }


def _assignments(block: Block, people: People, holdouts: Sequence[CompanyHoldout]) -> Columns:
    """Return the arm of every account in every experiment."""
    experiment, account = np.divmod(np.arange(len(holdouts) * block.size), block.size)
    starts = np.array([start_of_quarter(each.first) for each in holdouts], dtype=np.int64)
    return {
        "experiment_id": labels([each.name for each in holdouts], experiment),
        "account_id": people.accounts[account],
        "arm": labels(("always-on", "holdout"), block.withheld.ravel().astype(np.int64)),
        "assigned_at": as_times(np.maximum(starts[experiment], people.created[account])),
    }
