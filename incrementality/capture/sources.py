"""Where each table of a company lies, and how its columns, times, amounts and names are to be read."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from incrementality.capture.rates import parse_rates
from incrementality.capture.source import Source, Sources
from incrementality.capture.source_parser import SourceParser
from incrementality.capture.source_problems import Problems, checked_currency, checked_keys, checked_zone
from incrementality.errors import did_you_mean
from incrementality.tables import COMPANY_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["parse_sources"]

_COMPANY_KEYS = ("name", "currency", "time_zone", "as_of", "convert")


def parse_sources(
    mapping: Mapping[str, Any],
    base: Path | str = ".",
    *,
    company: Mapping[str, Any] | None = None,
    root: Path | None = None,
) -> Sources:
    """Read the section ``sources`` of ``attribution.yaml``, or the same mapping with frames in Python.

    Args:
        mapping: For each canonical table one source, or a list of several that are read as one. A source is a path
            or a frame, or a mapping with the keys ``from`` (a CSV, Parquet or DuckDB file, a warehouse's URL, a
            frame), ``table`` (of a database), ``preset``, ``columns`` ({ours: theirs}), ``constants`` ({ours:
            value}), ``values`` ({ours: {their spelling: ours}}), ``time_zone``, ``time_format``, ``money`` ({unit,
            decimal}) and ``currency``.
        base: The folder that relative paths start from.
        company: The section ``company``: ``currency``, ``time_zone``, and ``convert`` with rates by month.
        root: The workspace, which written paths must not leave; ``None`` allows any.

    Raises:
        SourcesError: Unknown tables, keys or columns, values that cannot be used, a needed table that is missing.

    Examples:
        >>> import numpy as np
        >>> touches = {"account_id": np.array(["a"]), "occurred_at": np.array(["2026-02-01"])}
        >>> deals = {"account_id": np.array(["a"]), "occurred_at": np.array(["2026-03-01"]), "amount": np.array([100])}
        >>> won = {"from": deals, "constants": {"kind": "new"}}
        >>> sorted(parse_sources({"touchpoints": touches, "revenue_events": won}).tables)
        ['revenue_events', 'touchpoints']
        >>> parse_sources({"touchpoint": touches})
        Traceback (most recent call last):
        incrementality.errors.SourcesError: the sources have 1 problem:
        sources.touchpoint: this is no table of a company. Did you mean 'touchpoints'?
        ...
    """
    problems = Problems()
    settings = checked_keys(company or {}, _COMPANY_KEYS, "company", problems)
    zone = checked_zone(settings.get("time_zone", "UTC"), "company.time_zone", problems)
    tables: dict[str, tuple[Source, ...]] = {}
    for name, written in mapping.items():
        if name in COMPANY_TABLES:
            parser = SourceParser(COMPANY_TABLES[name], Path(base), root, zone, problems)
            tables[name] = parser.parse_all(written)
        else:
            problems.add(f"sources.{name}", f"this is no table of a company.{did_you_mean(str(name), COMPANY_TABLES)}")
    rates = parse_rates(settings.get("convert"), problems)
    currency = checked_currency(settings.get("currency", ""), "company.currency", problems)
    if not problems.found:
        _check_needed(tables, problems)
    problems.raise_if_any(hint=f"tables of a company: {', '.join(COMPANY_TABLES)}")
    return Sources(MappingProxyType(tables), currency, rates)


def _check_needed(tables: Mapping[str, tuple[Source, ...]], problems: Problems) -> None:
    if "touchpoints" not in tables:
        problems.add("sources.touchpoints", "this table is missing; without touches there is nothing to credit")
    if not {"revenue_events", "opportunities"} & set(tables):
        problems.add("sources.revenue_events", "write this table, or opportunities with their won deals")
