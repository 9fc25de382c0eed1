"""The measurement specification: windows, models, expansion rules, gates and unit, with a fingerprint of each part."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from incrementality.attribution.models.expansion import ExpansionRules
from incrementality.attribution.models.groups import per_kind
from incrementality.attribution.models.roles import expansion_model
from incrementality.attribution.windows import ANY_KIND
from incrementality.display import DisplayMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incrementality.attribution.journeys import Unit
    from incrementality.attribution.models.datadriven import PathModel
    from incrementality.attribution.models.gates import ConversionGate
    from incrementality.attribution.models.rules import RuleModel
    from incrementality.attribution.shares import CreditModel
    from incrementality.attribution.windows import Windows
    from incrementality.warehouse import Relation

__all__ = ["LEADING", "AttributionSpec"]

LEADING = "leading"

_ASSUMED = "assumption, not measurement"


@dataclass(frozen=True, slots=True)
class AttributionSpec(DisplayMixin):
    """What an attribution was made with; made by ``parse_attribution``.

    Attributes:
        windows: Which touches count for which event.
        leading: The model that leads for each kind of event, ``"*"`` for all others; expansion rules stand for the
            split by source, close and assist.
        beside: Models that are shown beside it, whatever the kind.
        learned: Models that learn from paths; they count only where the gate opens.
        learned_by: The label whose values those models take for channels.
        gate: How many conversions a month they need.
        unknown_floor: The share of a period's credit that may be unknown or unallocated; above it ratios to cost are
            withheld.
        unit: ``money`` or ``deals``.
        visit: Channels in the order in which they claim a visit, and the minutes that a visit lasts; no order: every
            touch counts.
        sections: Every setting by section as plain values, defaults filled in: what the fingerprints are taken of.

    Examples:
        >>> from incrementality.attribution import parse_attribution
        >>> spec = parse_attribution({})
        >>> spec.leading_label("renewal")
        'half as much with each 60 days before the event; no function above 60 % before shares are taken anew'
        >>> len(spec.fingerprint), sorted(spec.fingerprints)[:2]
        (64, ['channels', 'expansion'])
    """

    windows: Windows
    leading: Mapping[str, RuleModel | ExpansionRules]
    beside: tuple[RuleModel, ...]
    learned: tuple[PathModel, ...]
    learned_by: str
    gate: ConversionGate
    unknown_floor: float
    unit: Unit
    visit: tuple[tuple[str, ...], int]
    sections: Mapping[str, object] = field(repr=False)

    @property
    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each section's canonical JSON: a changed figure is another fingerprint."""
        return {name: _sha256(section) for name, section in self.sections.items()}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all sections together."""
        return _sha256(dict(self.sections))

    def leading_of(self, kind: str) -> RuleModel | ExpansionRules:
        """Return the model that leads for a kind of event."""
        return self.leading.get(kind, self.leading[ANY_KIND])

    def leading_label(self, kind: str) -> str:
        """Return in words what the leading model of a kind does."""
        model = self.leading_of(kind)
        return _in_words(model) if isinstance(model, ExpansionRules) else model.label

    def credit_models(self, kinds: Iterable[str], opportunities: Relation) -> list[CreditModel]:
        """Return the models of a ledger: the leading ones under the one name ``leading``, then those beside.

        Args:
            kinds: The kinds of events that there are.
            opportunities: The clean opportunities, which say who started an expansion and how.
        """
        found = sorted(set(kinds))
        split = [kind for kind in found if isinstance(self.leading_of(kind), ExpansionRules)]
        weighed = tuple(kind for kind in found if kind not in split)
        models: list[CreditModel] = []
        if weighed:
            rules = {kind: cast("RuleModel", self.leading_of(kind)) for kind in weighed}
            models.append(replace(per_kind(LEADING, rules, otherwise=next(iter(rules.values()))), kinds=weighed))
        for kind in split:
            rules_of = cast("ExpansionRules", self.leading_of(kind))
            models.append(expansion_model(opportunities, rules_of, kind=kind, name=LEADING))
        return [*models, *self.beside]

    def expansion_kinds(self, kinds: Iterable[str]) -> dict[str, ExpansionRules]:
        """Return the kinds of events that are split by source, close and assist, with their rules."""
        found = {kind: self.leading_of(kind) for kind in sorted(set(kinds))}
        return {kind: rules for kind, rules in found.items() if isinstance(rules, ExpansionRules)}

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return the specification as it stands beside numbers: what, its value, and whether it is an assumption."""
        return tuple(
            {"part": part, "of": of, "value": value, "basis": basis} for part, of, value, basis in self._lines()
        )

    def _lines(self) -> Iterable[tuple[str, str, str, str]]:
        for rule in (*self.windows.rules, *self.windows.source):
            source = " (source only)" if rule in self.windows.source else ""
            place = [rule.kind, *(value for value in (rule.segment, rule.function, rule.journey) if value)]
            ends = f"from {rule.since} to {rule.anchor}" if rule.since else f"before {rule.anchor}"
            yield "window", ", ".join(place) + source, f"{rule.days} days {ends}, both ends inside", ""
        order, minutes = self.visit
        if order:
            yield (
                "one visit",
                ", ".join(order),
                f"the first of these channels within {minutes} minutes counts",
                _ASSUMED,
            )
        for kind in self.leading:
            yield "leading model", kind, self.leading_label(kind), _ASSUMED
        for model in self.beside:
            yield "model beside", model.name, model.label, ""
        for learned in self.learned:
            yield "learned model", learned.name, f"{learned.label}, by {self.learned_by}", ""
        gate = f"{self.gate.conversions_a_month} conversions a month, mean of {self.gate.months} months"
        yield "gate", "learned models", gate, _ASSUMED
        yield "floor", "ratios to cost", f"at most {self.unknown_floor:.0%} unknown or unallocated", _ASSUMED
        yield "unit", "credit", self.unit, ""


def _in_words(rules: ExpansionRules) -> str:
    return f"source {rules.source:.0%}, close {rules.close:.0%}, assists {rules.assist:.0%}".replace("%", " %")


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
