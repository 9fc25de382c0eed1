"""Whoever takes a company's tables in, one after the other: reads, applies the rules, stores, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.capture.drafts import draft_of
from incrementality.capture.reading import read_source
from incrementality.capture.settling import clean, counted, stage
from incrementality.errors import SourceUnreadable, UnmappedNames, WarehouseError
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlglot import exp

    from incrementality.capture.drafts import Draft
    from incrementality.capture.intake import TableIntake
    from incrementality.capture.opening import OpenSource
    from incrementality.capture.reading import Manner, Reading
    from incrementality.capture.samples import Sampling
    from incrementality.capture.settling import Staged
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Clerk"]

_MOST_UNMAPPED = 0.05
_MAIN_TIMES = ("occurred_at", "issued_at", "refunded_at", "day")
_SHOWN = 10


class Clerk:
    """Takes tables in.

    Args:
        warehouse: The engine.
        opened: The sources of each table.
        manner: How all sources are read alike.
        as_of: Until when the records reach, UTC; what is later is refused.
        sampling: How many ids are shown, and whether hashed.
        prefix: What the names of stored tables begin with; serves once.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        opened: Mapping[str, Sequence[OpenSource]],
        manner: Manner,
        *,
        as_of: datetime,
        sampling: Sampling,
        prefix: str,
    ) -> None:
        self.warehouse = warehouse
        self.opened = opened
        self.manner = manner
        self.sampling = sampling
        self.prefix = prefix
        self.now = parse("CAST($t AS TIMESTAMP)", t=literal(as_of.replace(tzinfo=None).isoformat(sep=" ")))
        self.clean: dict[str, Relation] = {}
        self.staged: dict[str, Staged] = {}
        self.intakes: dict[str, TableIntake] = {}
        self.helpers: dict[str, Relation] = {}
        self._unmapped: dict[str, tuple[str, ...]] = {}

    def drafted(self, table: str, *made: Reading) -> Draft | None:
        """Return the rows of a table as they are read, with the rule that none lies in the future.

        Args:
            table: The canonical table.
            made: Rows of it that were made of other tables.
        """
        sources = self.opened.get(table, ())
        if not sources:
            return None
        readings = [
            read_source(self.warehouse, one, self.manner, name=f"{self.prefix}_{table}_{k}")
            for k, one in enumerate(sources)
        ]
        self._unmapped[table] = tuple(sorted({name for one in readings for name in one.unmapped}))
        draft = draft_of(sources[0].source.table, [*readings, *made], self.manner.whole)
        for name in _MAIN_TIMES:
            if name in draft.columns:
                draft = draft.refusing("future", self.later(name))
        return draft

    def later(self, name: str) -> exp.Expression:
        """Return whether a time lies after the records' end."""
        return parse("$t > $now", t=column(name), now=self.now)

    def stage(self, draft: Draft) -> Staged:
        """Store a draft's rows with what became of each.

        Raises:
            SourceUnreadable: A file is damaged.
            UnmappedNames: Over 5 % of the rows name functions that no mapping knows.
        """
        table = draft.table.name
        try:
            staged = stage(self.warehouse, draft, name=f"{self.prefix}_{table}")
        except WarehouseError as error:
            files = [one.source.locator for one in self.opened.get(table, ()) if one.source.locator.kind == "csv"]
            if not files or "memory" in error.message:
                raise
            named = ", ".join(one.written for one in files)
            told = str(error.__cause__ or error).splitlines()[0][:200]
            raise SourceUnreadable(
                f"{table}: {named} cannot be read: {told}", hint="check that the file is whole, and its separator"
            ) from error
        self.staged[table] = staged
        return staged

    def settle(self, staged: Staged) -> None:
        """Count what became of a table's rows, and offer those that are clean."""
        table = staged.draft.table.name
        intake = counted(self.warehouse, staged, self.sampling)
        self._check_mapped(table, intake)
        self.intakes[table] = intake
        every, name = intake.kept == intake.read, f"{self.prefix}_{table}"
        self.clean[table] = clean(self.warehouse, staged, name=name, every=every, whole=self.manner.whole)

    def helper(self, name: str, query: exp.Expression) -> Relation:
        """Return a table that several rules need, stored once."""
        if name not in self.helpers:
            self.helpers[name] = self.warehouse.materialise(f"{self.prefix}_{name}", query)
        return self.helpers[name]

    def take_in(self, draft: Draft | None) -> None:
        """Stage and settle a table, where there is one."""
        if draft is not None:
            self.settle(self.stage(draft))

    def _check_mapped(self, table: str, intake: TableIntake) -> None:
        refused = intake.rows_refused("unmapped_function")
        if refused <= _MOST_UNMAPPED * intake.read:
            return
        names = self._unmapped[table]
        listed = ", ".join(repr(name) for name in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        wanted = ", ".join(f"{name}: marketing" for name in names[:_SHOWN])
        raise UnmappedNames(
            f"{table}: {refused:,} of {intake.read:,} rows name a function that no mapping knows: {listed}{more}",
            hint=f"say which functions they are, in attribution.yaml: "
            f"sources: {{{table}: {{values: {{function: {{{wanted}}}}}}}}}",
        )
