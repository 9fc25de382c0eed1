"""Whom an experiment's answer is about, and up to when outcomes have arrived: what the data mapping may say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer

__all__ = ["DataCut", "Population", "PopulationChoice"]

_FIRST_YEAR, _LAST_YEAR = 1990, 2200

Population = Literal["eligible", "assigned"]

_WAY_OUT = (
    "write eligible or assigned, which keep the arms as they were drawn (intention to treat); for the effect on those "
    "whom it reached, map the column data.delivered and read the effect on compliers"
)
_NOT_INCREMENTAL = {
    "as_treated": "compares units by what they got, and what a unit gets depends on the unit",
    "per_protocol": "leaves out units after the draw, and those left in each arm are no longer alike",
    "openers": "keeps units that opened, and the holdout has no openers to compare them with",
    "delivered": "keeps units that were reached, and the holdout does not show whom it would have reached",
}


def _known(value: object) -> object:
    reason = _NOT_INCREMENTAL.get(value) if isinstance(value, str) else None
    if reason is not None:
        raise ValueError(f"'{value}' is no incremental effect: it {reason}; {_WAY_OUT}")
    return value


def _moment(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise ValueError("expected a day or a moment in UTC, like 2026-03-01 or 2026-03-01T06:00:00Z")  # noqa: TRY004
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"the year {value.year} is not allowed; a data cut lies from {_FIRST_YEAR} to {_LAST_YEAR}")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _written(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


PopulationChoice = Annotated[Population, BeforeValidator(_known, json_schema_input_type=Population)]

DataCut = Annotated[
    datetime,
    BeforeValidator(_moment, json_schema_input_type=str),
    PlainSerializer(_written, return_type=str, when_used="json"),
]
