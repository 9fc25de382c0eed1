"""The measurement specification that stands beside each number: definitions, windows, models, versions, owners."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.attribution import AttributionSpec
    from incrementality.attribution.analysis import AttributionResult
    from incrementality.capture.audit import AuditTargets
    from incrementality.workspace.definitions import DefinitionChange
    from incrementality.workspace.governance import Governance

__all__ = ["ASSUMPTION", "MeasurementSpec", "SpecLine", "measurement_spec", "stated_beside"]

ASSUMPTION = "(D) assumption, not measurement"


@dataclass(frozen=True, slots=True)
class SpecLine:
    """One line: what, of what, its value, and ``ASSUMPTION`` where it is a decision that nobody measured.

    Examples:
        >>> SpecLine("unit", "credit", "money").basis
        ''
    """

    part: str
    of: str
    value: str
    basis: str = ""


@dataclass(frozen=True, slots=True)
class MeasurementSpec(DisplayMixin):
    """What a number was made with, line by line."""

    lines: tuple[SpecLine, ...]

    @property
    def assumptions(self) -> tuple[SpecLine, ...]:
        """The decisions that nobody measured."""
        return tuple(line for line in self.lines if line.basis == ASSUMPTION)

    @property
    def sentence(self) -> str:
        """What it is, in words."""
        return (
            f"{len(self.lines)} definitions stand behind these figures; {len(self.assumptions)} of them are "
            "assumptions, not measurements. Credit says who touched the revenue, not who caused it."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a line."""
        return tuple(
            {"part": line.part, "of": line.of, "value": line.value, "basis": line.basis} for line in self.lines
        )


def measurement_spec(
    spec: AttributionSpec,
    *,
    governance: Governance | None = None,
    targets: AuditTargets | None = None,
    change: DefinitionChange | None = None,
    package: str = "",
) -> MeasurementSpec:
    """Return what stands beside each number.

    Args:
        spec: Windows, models, rules of expansion, gates, unit.
        governance: Owners, rights, uses.
        targets: What the audit assumes about credit that would move.
        change: The record of definitions that is in force.
        package: The version of this package.

    Examples:
        >>> from incrementality.attribution import parse_attribution
        >>> found = measurement_spec(parse_attribution(), package="1.0")
        >>> found.lines[0].value, {line.basis for line in found.assumptions}
        ('1.0', {'(D) assumption, not measurement'})
    """
    return MeasurementSpec(
        (
            *_versions(spec, change, package),
            *_definitions(spec),
            *(_audited(targets) if targets is not None else ()),
            *(_governed(governance) if governance is not None else ()),
        )
    )


def stated_beside(result: AttributionResult, spec: MeasurementSpec) -> AttributionResult:
    """Return an attribution's answer with this specification in the place of the bare one."""
    tables = (replace(one, rows=spec.to_dicts()) if one.key == "specification" else one for one in result.tables)
    return replace(result, tables=tuple(tables))


def _versions(spec: AttributionSpec, change: DefinitionChange | None, package: str) -> Iterator[SpecLine]:
    if package:
        yield SpecLine("version", "package", package)
    yield SpecLine("version", "specification", spec.fingerprint[:12])
    if change is None:
        yield SpecLine("version", "definitions", "not on record")
        return
    yield SpecLine("version", "definitions", f"record {change.number}, in force from {change.effective_from}")
    yield SpecLine("owner", "this version", f"{change.owner}; approved by {change.approved_by}: {change.reason}")


def _definitions(spec: AttributionSpec) -> Iterator[SpecLine]:
    for row in spec.to_dicts():
        yield SpecLine(str(row["part"]), str(row["of"]), str(row["value"]), ASSUMPTION if row["basis"] else "")


def _audited(targets: AuditTargets) -> Iterator[SpecLine]:
    for rule in targets.rules.values():
        if 0 < rule.moves < 1:
            value = f"{100 * rule.moves:g} % of the amount is the source's credit"
            yield SpecLine("audit", rule.title, value, ASSUMPTION)
    for name, floor in targets.floors.items():
        yield SpecLine("floor", name.replace("_", " "), f"{100 * floor:g} %", ASSUMPTION)


def _governed(governance: Governance) -> Iterator[SpecLine]:
    for row in governance.to_dicts():
        yield SpecLine(str(row["part"]), str(row["of"]), str(row["value"]))
