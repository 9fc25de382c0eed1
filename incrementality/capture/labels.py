"""The names of lists in one source: what each spelling means, joined to the rows; what a touch's type implies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.cells import Cell, Finding, stands, written
from incrementality.capture.spellings import distinct_spellings, meanings
from incrementality.taxonomy import VOCABULARY_OF
from incrementality.warehouse.sql import column, literal, named, parse
from incrementality.warehouse.upload import upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.capture.opening import OpenSource
    from incrementality.capture.spellings import Spellings
    from incrementality.tables import ColumnContract
    from incrementality.taxonomy import Taxonomy
    from incrementality.warehouse import Warehouse

__all__ = ["Labels", "label_cell", "read_labels"]

_FREE_WORDS = frozenset({"topic"})
_IMPLIED = ("function", "stage")
_STRICT = frozenset({"touchpoints", "costs"})


@dataclass(frozen=True, slots=True)
class Labels:
    """The names of lists in one source.

    Attributes:
        table: The canonical table.
        spelled: The spellings of each column that has a list.
        maps: The stored table of meanings of those columns whose spellings are not all canonical.
    """

    table: str
    spelled: Mapping[str, Spellings]
    maps: Mapping[str, exp.Table]

    def joined(self, rows: exp.Expression, alias: str) -> exp.Select:
        """Return a query over rows, under an alias, with the tables of meanings beside them."""
        query = exp.Select().from_(exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier(alias))))
        for name, stored in self.maps.items():
            on = parse("$m = $r", m=column("spelled", of=f"m_{name}"), r=stands(name))
            query = query.join(exp.alias_(stored, f"m_{name}", table=True), on=on, join_type="left", copy=False)
        return query

    def value(self, name: str) -> exp.Expression:
        """Return the meaning of a column's spelling."""
        return column("meant", of=f"m_{name}") if name in self.maps else stands(name)

    def implied(self, cells: Mapping[str, Cell]) -> dict[str, exp.Expression]:
        """Return a touch's function and stage: what its row says, else what its type implies, else unknown."""
        if self.table != "touchpoints":
            return {}
        found: dict[str, exp.Expression] = {}
        for name in _IMPLIED:
            parts = [cells[name].value] if name in cells else []
            parts += [column(name, of="m_type")] if "type" in self.maps else []
            parts += [literal("unknown")] if name == "function" else []
            if parts:
                found[name] = exp.Coalesce(this=parts[0].copy(), expressions=[part.copy() for part in parts[1:]])
        return found

    def known(self) -> list[exp.Expression]:
        """Return the columns ``k_<name>``: 0 where no mapping knows the spelling."""
        return [named(column("known", of=f"m_{name}"), f"k_{name}") for name in self.maps]

    def refusals(self) -> list[Finding]:
        """Return what refuses a row: a function that no mapping knows, where functions are credited or paid."""
        strict = self.table in _STRICT and self.unmapped_functions
        return [Finding("unmapped_function", parse("$k = 0", k=column("k_function")))] if strict else []

    def flags(self) -> list[Finding]:
        """Return what is noted: names that no mapping knows, and touches whose function nothing says."""
        found = [
            Finding(f"unmapped_{name}", parse("$k = 0", k=column(f"k_{name}")))
            for name in self.maps
            if self.spelled[name].unmapped and not (name == "function" and self.table in _STRICT)
        ]
        return found + (self._unknown_functions() if self.table == "touchpoints" else [])

    def _unknown_functions(self) -> list[Finding]:
        unknown = parse("$f = 'unknown'", f=column("function"))
        if "function" not in self.spelled:
            return [Finding("function_missing", unknown)]
        blank = parse("$r IS NULL", r=stands("function"))
        return [
            Finding("function_missing", parse("$u AND $b", u=unknown, b=blank)),
            Finding("function_unknown", parse("$u AND NOT $b", u=unknown, b=blank)),
        ]

    @property
    def unmapped_functions(self) -> tuple[str, ...]:
        """The spellings of functions that no mapping knows."""
        return self.spelled["function"].unmapped if "function" in self.spelled else ()


def read_labels(warehouse: Warehouse, opened: OpenSource, taxonomy: Taxonomy, *, name: str) -> Labels:
    """Return the names of lists in a source, looked up once each.

    Args:
        warehouse: The engine.
        opened: The source.
        taxonomy: The company's words.
        name: A name that serves once, for the tables of meanings.
    """
    source = opened.source
    listed = [one for one in opened.columns if source.table.column(one).kind == "label"]
    wanted = [one for one in listed if one in source.values or (one in VOCABULARY_OF and one not in _FREE_WORDS)]
    seen = {one: written(opened.node(one)) for one in wanted}
    spelled = {
        one: meanings(one, found, taxonomy, values=source.values.get(one), table=source.table.name)
        for one, found in distinct_spellings(warehouse, opened.relation, seen).items()
    }
    maps = {
        one: upload(warehouse, f"{name}_{one}_meanings", *found.rows()).name
        for one, found in spelled.items()
        if not found.plain
    }
    return Labels(source.table.name, spelled, maps)


def label_cell(contract: ColumnContract, node: exp.Expression, labels: Labels, *, needed: bool, bare: bool) -> Cell:
    """Return the cell of a name of a list; currencies are in capital letters.

    Args:
        contract: The canonical column.
        node: The source's value.
        labels: The names of lists in the source.
        needed: Whether a row without it is refused.
        bare: Whether every value stands as it is wanted.
    """
    name = contract.name
    value = parse("UPPER($r)", r=stands(name)) if name == "currency" else labels.value(name)
    absent = Finding(f"no_{name}", parse("$v IS NULL", v=column(name)))
    return Cell(contract, node if bare else written(node), value, (absent,) if needed else ())
