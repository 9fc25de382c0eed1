"""The section ``targets`` of ``attribution.yaml``: targets and owners of the audit, floors, words and times."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from incrementality.capture.audit.rules import AUDIT_RULES
from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incrementality.capture.audit.metrics import MetricRule

__all__ = ["AuditTargets", "parse_targets"]

_FLOORS = MappingProxyType({"capture_rate": 0.5, "unknown_share": 0.4, "lead_linkage": 0.4})
_OTHERS = ("agreed_minutes", "floors", "owner", "response_functions", "source_share")


@dataclass(frozen=True, slots=True)
class AuditTargets:
    """What an audit holds the records against.

    Attributes:
        rules: The metrics by name.
        floors: Below ``capture_rate`` or ``lead_linkage``, or above ``unknown_share`` (missing and unknown sources
            together), tables of budget and return print *insufficient data*.
        agreed_minutes: Within how many minutes a lead is to be answered.
        response_functions: Whose touches answer a lead.

    Examples:
        >>> AuditTargets().rules["capture_rate"].target
        0.8
    """

    rules: Mapping[str, MetricRule] = field(default_factory=lambda: AUDIT_RULES)
    floors: Mapping[str, float] = field(default_factory=lambda: _FLOORS)
    agreed_minutes: float = 240.0
    response_functions: tuple[str, ...] = ("sdr", "ae")


def parse_targets(mapping: Mapping[str, Any] | None = None) -> AuditTargets:
    """Read the section ``targets``; what is missing is the default.

    Args:
        mapping: A target for each metric, ``90%``, ``0.9`` or ``{target: 90%, owner: Ann}``, ``none`` for no target;
            ``owner`` of all metrics that name none here; ``floors``; ``agreed_minutes``; ``response_functions``;
            ``source_share`` (the share of an expansion that its source is credited).

    Raises:
        InputError: A key is unknown or a value cannot be used; the message names it.

    Examples:
        >>> targets = parse_targets({"capture_rate": "95%", "never_logged": {"owner": "Ann"}, "agreed_minutes": 60})
        >>> targets.rules["capture_rate"].target, targets.rules["never_logged"].owner
        (0.95, 'Ann')
        >>> parse_targets({"capture": 0.9})
        Traceback (most recent call last):
        incrementality.errors.InputError: targets.capture: the key is unknown. Did you mean 'capture_rate'?
        Next: name a metric, or one of: agreed_minutes, floors, owner, response_functions, source_share
    """
    written = _section(mapping, "targets", (*AUDIT_RULES, *_OTHERS))
    floors = _section(written.get("floors"), "targets.floors", tuple(_FLOORS))
    usual, owner = AuditTargets(), str(written.get("owner", ""))
    return AuditTargets(
        MappingProxyType({name: _rule(rule, written, owner) for name, rule in AUDIT_RULES.items()}),
        MappingProxyType({name: _number(floors, name, low, "targets.floors") for name, low in _FLOORS.items()}),
        _number(written, "agreed_minutes", usual.agreed_minutes, "targets", most=1e9),
        _names(written, "response_functions", usual.response_functions),
    )


def _rule(rule: MetricRule, written: Mapping[str, Any], owner: str) -> MetricRule:
    place, given = f"targets.{rule.name}", written.get(rule.name, {})
    said = _section(given if isinstance(given, dict) else {"target": given}, place, ("target", "owner"))
    changed = replace(rule, owner=str(said.get("owner", owner or rule.owner)))
    if 0 < rule.moves < 1:
        changed = replace(changed, moves=_number(written, "source_share", rule.moves, "targets"))
    if "target" not in said:
        return changed
    if said["target"] in (None, "none"):
        return replace(changed, target=None)
    if not rule.better:
        raise InputError(f"{place}: the metric only informs and has no target", hint="leave it out")
    most = 1.0 if rule.unit == "share" else 1e9
    return replace(changed, target=_number(said, "target", 0.0, place, most=most))


def _section(written: object, place: str, allowed: Iterable[str]) -> Mapping[str, Any]:
    known = tuple(allowed)
    if written is None:
        return {}
    if not hasattr(written, "items"):
        raise InputError(f"{place} is {written!r}; expected a mapping", hint=f"its keys are: {', '.join(known)}")
    found: dict[str, Any] = dict(written.items())
    wrong = next((key for key in found if key not in known), None)
    if wrong is not None:
        metrics = place == "targets"
        hint = f"name a metric, or one of: {', '.join(_OTHERS)}" if metrics else f"its keys are: {', '.join(known)}"
        raise InputError(f"{place}.{wrong}: the key is unknown.{did_you_mean(str(wrong), known)}", hint=hint)
    return found


def _number(section: Mapping[str, Any], key: str, default: float, place: str, *, most: float = 1.0) -> float:
    value = section.get(key, default)
    found = _percent(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= most:
        raise InputError(f"{place}.{key} is {value!r}; expected a number from 0 to {most:g}", hint=f"write {default:g}")
    return float(found)


def _percent(text: str) -> float | None:
    number, sign, rest = text.strip().partition("%")
    try:
        return float(number) / 100 if sign and not rest else None
    except ValueError:
        return None


def _names(section: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = section.get(key, list(default))
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) and one for one in value):
        raise InputError(f"targets.{key} is {value!r}; expected a list of names", hint=f"write {key}: [sdr, ae]")
    return tuple(value)
