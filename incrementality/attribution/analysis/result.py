"""What an attribution answers, as a plain record: tables, sentences, what it was made with; written and read back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AUDIENCES", "AnswerTable", "AttributionResult", "tables_of"]

AUDIENCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "marketing": ("functions", "channels", "unit_costs", "views", "signals", "trend", "cohorts"),
        "sales": ("functions", "kinds", "velocity", "engagement", "roles", "matrix"),
        "product marketing": ("channels", "views", "trend", "comparison"),
        "cs": ("kinds", "roles", "matrix", "paths", "budget", "signals"),
        "product": ("kinds", "roles", "paths", "budget", "trend"),
        "finance": ("reconciliation", "revenue", "functions", "costs", "unit_costs", "cohorts", "comparison"),
    }
)


def tables_of(audience: str) -> tuple[str, ...]:
    """Return the keys of the tables that an audience reads first.

    Raises:
        InputError: There is no such audience.

    Examples:
        >>> tables_of("finance")[0]
        'reconciliation'
    """
    if audience not in AUDIENCES:
        raise InputError(
            f"{audience!r} is no audience; there are: {', '.join(AUDIENCES)}.{did_you_mean(audience, AUDIENCES)}",
            hint="name one of these",
        )
    return AUDIENCES[audience]


@dataclass(frozen=True, slots=True)
class AnswerTable(DisplayMixin):
    """One table of the answer.

    Attributes:
        key: What it is asked for by.
        title: What it shows.
        rows: Its rows.
        note: How it is to be read.

    Examples:
        >>> print(AnswerTable("functions", "Credit", ({"function": "ae", "share": 0.5},)))
        function  share
              ae    0.5
    """

    key: str
    title: str
    rows: tuple[dict[str, object], ...]
    note: str = ""

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return its rows."""
        return self.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionResult:
    """An attribution of one quarter. It says who touched the revenue, never what caused it.

    Attributes:
        company: The company's name.
        period: The quarter.
        currency: The currency of all amounts, or ``deals``.
        as_of: Until when the records reach, UTC.
        sentence: The answer in a sentence.
        tables: The tables, in the order of the page.
        warnings: What a reader has to know before the numbers.
        insufficient: Why ratios to cost are withheld; "" where they are not.
        withheld: ``{model: why}`` for models that are shown and count for nothing.
        missing: For each table that is not there, what its absence costs.
        fingerprints: Of each section of the specification.
        manifest: What it was made with: versions, hashes, counts.

    Examples:
        >>> result = AttributionResult(company="Acme", period="2026Q1", currency="EUR", as_of="2026-04-30",
        ...     sentence="Nothing yet.", tables=(AnswerTable("functions", "Credit", ()),))
        >>> AttributionResult.from_dict(result.to_dict()) == result, result.table("functions").title
        (True, 'Credit')
    """

    company: str
    period: str
    currency: str
    as_of: str
    sentence: str
    tables: tuple[AnswerTable, ...]
    warnings: tuple[str, ...] = ()
    insufficient: str = ""
    withheld: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)

    def table(self, key: str) -> AnswerTable:
        """Return one table.

        Raises:
            InputError: There is none of that name.
        """
        known = {table.key: table for table in self.tables}
        if key not in known:
            raise InputError(
                f"the attribution has no table {key!r}; there are: {', '.join(known)}.{did_you_mean(key, known)}",
                hint="ask for one of these",
            )
        return known[key]

    def for_audience(self, audience: str) -> tuple[AnswerTable, ...]:
        """Return the tables that an audience reads first; finance, marketing and so on.

        Raises:
            InputError: There is no such audience.
        """
        return tuple(table for key in tables_of(audience) for table in self.tables if table.key == key)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "tables": [asdict(table) for table in self.tables]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> AttributionResult:
        """Return the record that ``to_dict`` described.

        Raises:
            InputError: It is none.
        """
        known = {one.name for one in fields(cls)}
        if not isinstance(content, dict) or set(content) != known:
            raise InputError("this is no record of an attribution", hint="make it again: incrementality attribute")
        tables = tuple(
            AnswerTable(each["key"], each["title"], tuple(dict(row) for row in each["rows"]), each["note"])
            for each in content["tables"]
        )
        return cls(**{**content, "tables": tables, "warnings": tuple(content["warnings"])})
