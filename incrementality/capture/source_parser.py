"""One source of a company's table as the settings write it: checked, with its preset filled in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from incrementality.capture.presets import NO_PRESET, PRESETS, Preset
from incrementality.capture.source import OFFSET_IN_THE_VALUE, MoneyFormat, Source
from incrementality.capture.source_problems import (
    Problems,
    checked_choice,
    checked_currency,
    checked_keys,
    checked_map,
    checked_zone,
)
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse import Locator, frame_locator, locate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from incrementality.tables import TableContract

__all__ = ["SourceParser"]

_KEYS = (
    "from", "table", "preset", "columns", "constants", "values", "time_zone", "time_format", "money", "currency",
)  # fmt: skip
_NUMBERED_BY_SYSTEM = "touchpoints"
_NOWHERE = Locator("frame", written="")


@dataclass(frozen=True, slots=True)
class SourceParser:
    """Reads the sources of one table.

    Attributes:
        table: The contract.
        base: The folder that relative paths start from.
        root: The workspace, which written paths must not leave.
        zone: The company's time zone.
        problems: Where what cannot be used is told.
    """

    table: TableContract
    base: Path
    root: Path | None
    zone: str
    problems: Problems

    def parse_all(self, written: object) -> tuple[Source, ...]:
        """Return the table's sources, one or several."""
        where = f"sources.{self.table.name}"
        if not isinstance(written, list):
            return (self.parse(written, where),)
        found = tuple(self.parse(one, f"{where}[{k}]") for k, one in enumerate(written))
        return self._told_apart(found, where) if self.table.name == _NUMBERED_BY_SYSTEM and len(found) > 1 else found

    def parse(self, written: object, where: str) -> Source:
        """Return one source.

        Args:
            written: A path, a frame, or a mapping of keys.
            where: Its key, as a problem names it.
        """
        keys = checked_keys(_long_form(written), _KEYS, where, self.problems)
        preset = self._preset(keys.get("preset"), where)
        named = self._columns(keys.get("columns"), f"{where}.columns")
        return Source(
            self.table,
            self._locator(keys, where),
            columns={**preset.columns, **named},
            chosen=frozenset(name for name, theirs in named.items() if theirs),
            constants={**preset.constants, **self._constants(keys.get("constants"), f"{where}.constants")},
            values={**preset.values, **self._values(keys.get("values"), f"{where}.values")},
            time_zone=self._zone(keys.get("time_zone", preset.time_zone or self.zone), f"{where}.time_zone"),
            time_format=str(keys.get("time_format", preset.time_format)),
            money=self._money(keys.get("money"), preset, f"{where}.money"),
            currency=checked_currency(keys.get("currency", ""), f"{where}.currency", self.problems),
        )

    def _told_apart(self, found: tuple[Source, ...], where: str) -> tuple[Source, ...]:
        """Sources whose ids say which system they come from, since systems number their rows alike."""
        systems = [one.constants.get("source_system", "") for one in found]
        for k, system in enumerate(systems):
            if not system or systems.index(system) < k:
                text = "several sources need different constants 'source_system', since they may number touches alike"
                self.problems.add(f"{where}[{k}].constants", text)
        return tuple(replace(one, key_prefix=f"{system}:") for one, system in zip(found, systems, strict=True))

    def _locator(self, keys: Mapping[str, Any], where: str) -> Locator:
        place, table = keys.get("from"), keys.get("table")
        if place is not None and not isinstance(place, str) and not hasattr(place, "__fspath__"):
            return frame_locator(place)
        try:
            return locate(None if place is None else str(place), table=table, base=self.base, root=self.root)
        except InputError as error:
            self.problems.add(f"{where}.from", error.message.replace("data.", f"{where}."))
            return _NOWHERE

    def _preset(self, written: object, where: str) -> Preset:
        if written is None:
            return NO_PRESET
        preset = PRESETS.get(str(written))
        fitting = [name for name, known in PRESETS.items() if known.table == self.table.name]
        if preset is None or preset.table != self.table.name:
            said = "is unknown" if preset is None else f"is for the table {preset.table}"
            near = did_you_mean(str(written), fitting)
            listed = ", ".join(fitting) or "none"
            self.problems.add(
                f"{where}.preset", f"the preset {written!r} {said}; for {self.table.name}: {listed}.{near}"
            )
            return NO_PRESET
        return preset

    def _columns(self, written: object, where: str) -> dict[str, tuple[str, ...]]:
        found = self._of_columns(written, where)
        return {name: () if theirs is None else (str(theirs),) for name, theirs in found.items()}

    def _constants(self, written: object, where: str) -> dict[str, str]:
        found = self._of_columns(written, where)
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in found.items()}

    def _values(self, written: object, where: str) -> dict[str, dict[str, str]]:
        found = {}
        for name, spellings in self._of_columns(written, where).items():
            if self.table.column(name).kind not in ("label", "flag"):
                kind = self.table.column(name).kind
                self.problems.add(f"{where}.{name}", f"a {kind} has no spellings; values are for names of lists")
            known = checked_map(spellings, f"{where}.{name}", self.problems)
            found[name] = {theirs: str(ours) for theirs, ours in known.items()}
        return found

    def _of_columns(self, written: object, where: str) -> dict[str, Any]:
        """What is written for canonical columns; a name that is none is told."""
        known = [column.name for column in self.table.columns]
        found = checked_map(written, where, self.problems)
        for name in found:
            if name not in known:
                text = f"{self.table.name} has no column of this name.{did_you_mean(name, known)}"
                self.problems.add(f"{where}.{name}", text)
        return {name: value for name, value in found.items() if name in known}

    def _zone(self, written: object, where: str) -> str | None:
        return None if written == OFFSET_IN_THE_VALUE else checked_zone(written, where, self.problems)

    def _money(self, written: object, preset: Preset, where: str) -> MoneyFormat:
        if written is None:
            return MoneyFormat(unit=preset.unit)
        keys = checked_keys(written, ("unit", "decimal"), where, self.problems)
        unit = checked_choice(keys.get("unit", preset.unit), ("major", "minor"), f"{where}.unit", self.problems)
        decimal = checked_choice(keys.get("decimal", "."), (".", ","), f"{where}.decimal", self.problems)
        return MoneyFormat(cast("Any", unit), cast("Any", decimal))


def _long_form(written: object) -> object:
    """A path or frame alone is the key ``from``; a dictionary of columns is a frame."""
    if isinstance(written, dict):
        is_frame = bool(written) and all(hasattr(value, "dtype") for value in written.values())
        return {"from": written} if is_frame else written
    return {"from": written}
