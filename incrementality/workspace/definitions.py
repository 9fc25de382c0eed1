"""What figures rest on: the sections of ``attribution.yaml`` as fingerprints, and one recorded change of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from incrementality.attribution.journey_columns import MICRO_DEALS
from incrementality.capture.rates import minor_digits
from incrementality.display import DisplayMixin
from incrementality.experiment.tree import read_tree
from incrementality.workspace.attribution_settings import ATTRIBUTION, parse_attribution_settings
from incrementality.workspace.settings import settings_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incrementality.workspace.attribution_settings import AttributionSettings
    from incrementality.workspace.project import Workspace

__all__ = ["DefinitionChange", "Definitions", "RestatedCredit", "changed_sections", "definitions_of", "sha256_of_value"]

_NO_DEFINITIONS = frozenset({"name", "as_of"})


def sha256_of_value(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON.

    Examples:
        >>> sha256_of_value({"b": 1, "a": 2}) == sha256_of_value({"a": 2, "b": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Definitions:
    """What figures rest on.

    Attributes:
        fingerprints: SHA-256 of each section, defaults filled in: a changed figure is another fingerprint, a default
            that is written out is not. The company's name and the end of its records define nothing.
        text: ``attribution.yaml`` as it stands.

    Examples:
        >>> Definitions({"windows": "ab"}, "") == Definitions({"windows": "ab"}, "# a remark")
        True
    """

    fingerprints: Mapping[str, str]
    text: str = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all sections together."""
        return sha256_of_value(dict(self.fingerprints))


def definitions_of(workspace: Workspace, text: str | None = None) -> Definitions:
    """Return the definitions of a workspace.

    Args:
        workspace: The workspace.
        text: What ``attribution.yaml`` said at another time; default: what it says today.

    Raises:
        InputError: There is no such file, or it has problems.
    """
    written = settings_text(workspace.root / ATTRIBUTION) if text is None else text
    settings = parse_attribution_settings(workspace, written)
    found: dict[str, Any] = dict(read_tree(written).value or {})  # type: ignore[call-overload]
    company = dict(found.get("company") or {})
    sections = {
        "company": {key: value for key, value in company.items() if key not in _NO_DEFINITIONS},
        "sources": found.get("sources") or {},
        "taxonomy": settings.taxonomy.fingerprint,
        "targets": _plain_targets(settings),
        **settings.spec.sections,
    }
    return Definitions({name: sha256_of_value(section) for name, section in sections.items()}, written)


def _plain_targets(settings: AttributionSettings) -> dict[str, object]:
    targets = settings.targets
    return {
        "targets": {name: rule.target for name, rule in targets.rules.items()},
        "moves": {name: rule.moves for name, rule in targets.rules.items() if rule.moves},
        "floors": dict(targets.floors),
        "agreed_minutes": targets.agreed_minutes,
        "response_functions": list(targets.response_functions),
    }


def changed_sections(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sections whose fingerprints differ, sorted.

    Examples:
        >>> changed_sections({"windows": "a", "models": "b"}, {"windows": "c", "models": "b", "unit": "d"})
        ('unit', 'windows')
    """
    return tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))


@dataclass(frozen=True, slots=True)
class RestatedCredit:
    """What one function is credited of one kind of event, under the old definitions and the new.

    Attributes:
        kind: The kind of event; the same events stand under both definitions.
        function: The function; ``unknown`` and ``unallocated`` are functions of their own.
        before: Its credit under the old definitions, in minor units or millionths of a deal.
        after: Its credit under the new ones.

    Examples:
        >>> RestatedCredit("new", "ae", 500, 450).after
        450
    """

    kind: str
    function: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionChange(DisplayMixin):
    """A change of definitions, as it stands on record.

    Attributes:
        number: Counts from 1; the first record is where the log begins.
        recorded_at: When it was recorded, ISO 8601, UTC.
        owner: Who answers for the definitions.
        reason: Why they changed.
        approved_by: Who approved it.
        effective_from: The first day of the quarter from which they are in force.
        sections: The sections that changed; all of them in the first record.
        fingerprints: Of each section from now on.
        currency: Of restated money; ``deals`` where deals are counted.
        restated: What functions are credited before and after; empty in the first record.
        text: ``attribution.yaml`` from now on.
        previous: Hash of the record before; "" in the first.
    """

    number: int
    recorded_at: str
    owner: str
    reason: str
    approved_by: str
    effective_from: str
    sections: tuple[str, ...]
    fingerprints: Mapping[str, str]
    currency: str
    restated: tuple[RestatedCredit, ...]
    text: str = field(repr=False)
    previous: str

    @property
    def hash(self) -> str:
        """SHA-256 of all of it: the next record names it, so that no record can be changed unseen."""
        return sha256_of_value(self._content())

    @property
    def scale(self) -> int:
        """How many units of credit are one unit of the currency, or one deal."""
        return MICRO_DEALS if self.currency == "deals" else 10 ** minor_digits(self.currency)

    @property
    def moved(self) -> int:
        """How much credit went to another function: half the sum of all differences."""
        return sum(abs(row.after - row.before) for row in self.restated) // 2

    @property
    def sentence(self) -> str:
        """The change in words."""
        who = f"{self.owner} owns it, {self.approved_by} approved it"
        if self.number == 1:
            return f"Definitions are on record from {self.effective_from} ({who}): {self.reason}"
        what = ", ".join(self.sections)
        return f"Change {self.number} of {what}, in force from {self.effective_from} ({who}): {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, with its hash."""
        return self._content() | {"hash": self.hash}

    def _content(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {
            "sections": list(self.sections),
            "fingerprints": dict(self.fingerprints),
            "restated": [asdict(row) for row in self.restated],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> DefinitionChange:
        """Return it from what :meth:`to_dict` gave.

        Raises:
            ValueError: Its hash is not that of what it says.
        """
        found = {one.name: content[one.name] for one in fields(cls)}
        found["sections"] = tuple(found["sections"])
        found["restated"] = tuple(RestatedCredit(**row) for row in found["restated"])
        change = cls(**found)
        if change.hash != content["hash"]:
            msg = "it was edited since it was recorded"
            raise ValueError(msg)
        return change

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a function and kind of event: before, after, difference."""
        return tuple(_shown(self.restated))


def _shown(rows: Iterable[RestatedCredit]) -> Iterable[dict[str, object]]:
    return ({**asdict(row), "difference": row.after - row.before} for row in rows)
