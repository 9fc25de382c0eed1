"""One source of a company's table as a query: canonical columns, what refuses a row, what is noted about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.amounts import money_cell
from incrementality.capture.cells import Cell, Finding, flag_cell, id_cell, number_cell, text_cell, untidy
from incrementality.capture.instants import day_cell, time_cell
from incrementality.capture.labels import Labels, label_cell, read_labels
from incrementality.capture.opening import id_family
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from incrementality.capture.amounts import Currency
    from incrementality.capture.opening import OpenSource
    from incrementality.tables import ColumnContract
    from incrementality.taxonomy import Taxonomy
    from incrementality.warehouse import Warehouse

__all__ = ["Manner", "Reading", "first_of", "read_source"]

_DATED = ("occurred_at", "closed_at", "issued_at", "refunded_at")


@dataclass(frozen=True, slots=True)
class Manner:
    """How all sources of a company are read alike.

    Attributes:
        taxonomy: The company's words.
        currency: The currency in which everything is counted.
        whole: Families of ids that are whole numbers in every table.
        foreign: Whether amounts may be in other currencies.
    """

    taxonomy: Taxonomy
    currency: Currency
    whole: frozenset[str] = frozenset()
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A source as a query.

    Attributes:
        rows: The query: the canonical columns and ``problem`` (the first reason that refuses the row), and one column
            ``f_<flag>`` of true or null for each flag.
        columns: The canonical columns.
        flags: The names of the flags.
        unmapped: Spellings of functions that no mapping knows.
        plain: Whether values stand there as they are wanted, so that they can be read again at little cost.
    """

    rows: exp.Expression
    columns: tuple[str, ...]
    flags: tuple[str, ...]
    unmapped: tuple[str, ...] = ()
    plain: bool = False


def read_source(warehouse: Warehouse, opened: OpenSource, manner: Manner, *, name: str) -> Reading:
    """Return a source as a query.

    Args:
        warehouse: The engine.
        opened: The source.
        manner: How all sources are read alike.
        name: A name of the source that serves once, for what is stored beside it.
    """
    labels = read_labels(warehouse, opened, manner.taxonomy, name=name)
    contracts = {one: opened.source.table.column(one) for one in opened.columns}
    bare = _bare(warehouse, opened)
    cells = {one: _cell(opened, contract, manner, labels, bare) for one, contract in contracts.items()}
    money = {one: cell for one, cell in cells.items() if contracts[one].kind == "money"}
    others = {one: cell for one, cell in cells.items() if one not in money}
    rows: exp.Expression = labels.joined(_selected(opened.relation.name, _raws(cells)), "r")
    values = {one: cell.value for one, cell in others.items()} | labels.implied(others)
    kept = [column(f"r_{one}", of="r") for one in cells]
    rows.set("expressions", [*kept, *_named(values), *labels.known()])
    if money:
        rows = _selected(exp.Subquery(this=rows, alias=_alias("v")), [exp.Star(), *_named(_values(money))])
    columns = tuple(one.name for one in opened.source.table.columns if one.name in {*values, *money})
    refusals = [found for cell in cells.values() for found in cell.refusals] + labels.refusals()
    flags = [found for cell in cells.values() for found in cell.flags] + labels.flags()
    problem = named(first_of(refusals), "problem")
    noted = [named(parse("CASE WHEN $t THEN TRUE END", t=one.test), f"f_{one.reason}") for one in flags]
    rows = _selected(exp.Subquery(this=rows, alias=_alias("w")), [*map(column, columns), problem, *noted])
    plain = opened.source.locator.kind != "csv" and not _parsed(opened)
    return Reading(rows, columns, tuple(one.reason for one in flags), labels.unmapped_functions, plain)


def first_of(findings: Sequence[Finding]) -> exp.Expression:
    """Return the reason of the first finding that holds, null where none does.

    Examples:
        >>> from incrementality.warehouse.sql import render
        >>> render(first_of([Finding("orphan", parse("account_id IS NULL"))]), "duckdb")
        "CASE WHEN account_id IS NULL THEN 'orphan' END"
    """
    if not findings:
        return parse("CAST(NULL AS TEXT)")
    tree = exp.Case()
    for found in findings:
        tree = tree.when(found.test.copy(), literal(found.reason), copy=False)
    return tree


def _cell(opened: OpenSource, contract: ColumnContract, manner: Manner, labels: Labels, bare: frozenset[str]) -> Cell:
    source, name = opened.source, contract.name
    node, kind = opened.node(name), opened.kind(name)
    needed = contract.required or name == source.table.key
    makers: dict[str, Callable[[], Cell]] = {
        "id": lambda: id_cell(
            contract,
            node,
            needed=needed,
            bare=name in bare or (kind == "integer" and id_family(name) in manner.whole),
            prefix=source.key_prefix if name == source.table.key else "",
        ),
        "time": lambda: time_cell(
            contract, node, kind, source, zoned=opened.found.get(name) in opened.zoned, needed=needed
        ),
        "day": lambda: day_cell(contract, node, kind, source, needed=needed),
        "money": lambda: _money(opened, contract, manner, needed=needed),
        "number": lambda: number_cell(contract, node, needed=needed),
        "flag": lambda: flag_cell(contract, node),
        "label": lambda: label_cell(contract, node, labels, needed=needed, bare=name in bare),
        "text": lambda: text_cell(contract, node, bare=name in bare),
    }
    return makers[contract.kind]()


def _bare(warehouse: Warehouse, opened: OpenSource) -> frozenset[str]:
    """The columns of typed texts in which every value stands as it is wanted, found in one pass."""
    kinds = {one: opened.source.table.column(one).kind for one in opened.found}
    texts = [one for one, kind in kinds.items() if kind in ("id", "label", "text") and opened.kind(one) == "text"]
    if opened.source.locator.kind == "csv" or not texts:
        return frozenset()
    tests = [untidy(opened.node(one), is_id=kinds[one] == "id") for one in texts]
    counts = [named(parse("max(CASE WHEN $t THEN 1 ELSE 0 END)", t=test), f"n{k}") for k, test in enumerate(tests)]
    found = warehouse.row(_selected(opened.relation.name, counts))
    return frozenset(one for one, count in zip(texts, found, strict=True) if not count)


def _money(opened: OpenSource, contract: ColumnContract, manner: Manner, *, needed: bool) -> Cell:
    return money_cell(
        contract,
        opened.node(contract.name),
        opened.kind(contract.name),
        opened.source.money,
        manner.currency,
        needed=needed,
        dated=next((one for one in _DATED if one in opened.columns), None),
        foreign=manner.foreign and "currency" in opened.columns,
    )


def _parsed(opened: OpenSource) -> bool:
    """Whether times or amounts are texts, which cost much to read again."""
    costly = ("time", "day", "money", "number")
    return any(opened.kind(one) == "text" and opened.source.table.column(one).kind in costly for one in opened.found)


def _raws(cells: Mapping[str, Cell]) -> list[exp.Expression]:
    return [named(cell.raw, f"r_{one}") for one, cell in cells.items()]


def _values(cells: Mapping[str, Cell]) -> dict[str, exp.Expression]:
    return {one: cell.value for one, cell in cells.items()}


def _named(values: Mapping[str, exp.Expression]) -> list[exp.Expression]:
    return [named(value, one) for one, value in values.items()]


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name))


def _selected(source: exp.Expression, items: Iterable[exp.Expression]) -> exp.Expression:
    query = parse("SELECT 1 FROM source", source=source)
    query.set("expressions", list(items))
    return query
