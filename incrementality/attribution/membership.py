"""Which touch lies in the window of which event, as SQL: bounds on the events, one condition on the pair."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.windows import ANCHORS, ANY_KIND
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.attribution.windows import Anchor, WindowRule, Windows

__all__ = ["all_of", "anchor_flags", "any_of", "bounds", "inside"]


def all_of(tests: Iterable[exp.Expression]) -> exp.Expression:
    """Return whether every test holds; with none it does.

    Examples:
        >>> all_of([parse("a"), parse("b OR c")]).sql()
        '(a) AND (b OR c)'
    """
    kept: list[exp.Expression] = [exp.Paren(this=test) for test in tests]
    return reduce(lambda left, right: exp.And(this=left, expression=right), kept) if kept else exp.true()


def any_of(tests: Iterable[exp.Expression]) -> exp.Expression:
    """Return whether one test holds; with none it does not.

    Examples:
        >>> any_of([]).sql()
        'FALSE'
    """
    kept: list[exp.Expression] = [exp.Paren(this=test) for test in tests]
    return reduce(lambda left, right: exp.Or(this=left, expression=right), kept) if kept else exp.false()


def bounds(windows: Windows, *, prefix: str = "") -> list[exp.Expression]:
    """Return the columns that an event needs for ``inside``: where each window opens and closes.

    Rules in which the touch has a say have bounds of their own; all others share one pair, chosen by the event.
    """
    own, shared = _parted(windows)
    opened = [_start(rule) for rule in own] + [_chosen(shared, [_start(rule) for rule in shared])]
    closed = [_end(rule) for rule in own] + [_chosen(shared, [_end(rule) for rule in shared])]
    return [
        named(node, f"{prefix}{name}_{k}")
        for name, nodes in (("opened", opened), ("closed", closed))
        for k, node in enumerate(nodes)
    ]


def inside(windows: Windows, at: exp.Expression, *, prefix: str = "") -> exp.Expression:
    """Return whether a touch ``t`` at a time lies in its window of the event ``e``; both ends are inside."""
    own, _ = _parted(windows)
    last = _between(at, f"{prefix}opened_{len(own)}", f"{prefix}closed_{len(own)}")
    if not own:
        return last
    case = exp.Case(default=last)
    for k, rule in enumerate(own):
        between = _between(at, f"{prefix}opened_{k}", f"{prefix}closed_{k}")
        if rule.only_expected:
            allowed = exp.In(this=column("function", of="t"), expressions=[literal(name) for name in rule.expected])
            between = all_of([between, allowed])
        case = case.when(all_of([*_on_event(rule), *_on_touch(rule)]), between)
    return case


def anchor_flags(windows: Windows) -> list[exp.Expression]:
    """Return two columns: whether an event is counted back from another anchor than its rule's, and from none."""
    own, shared = _parted(windows)
    flags = []
    for name, flag in (("other_anchor", _takes_another), ("no_anchor", _has_none)):
        chosen = [all_of([*_on_event(rule), flag(rule)]) for rule in own]
        chosen.append(_chosen(shared, [flag(rule) for rule in shared]))
        flags.append(named(parse("CASE WHEN $flag THEN 1 ELSE 0 END", flag=any_of(chosen)), name))
    return flags


def _parted(windows: Windows) -> tuple[list[WindowRule], list[WindowRule]]:
    """Part the rules, the most particular first, into those that look at the touch or stand before one, and others."""
    rules = list(windows.ordered)
    last = max((k for k, rule in enumerate(rules) if rule.by_touch or rule.only_expected), default=-1)
    return rules[: last + 1], rules[last + 1 :]


def _chosen(rules: Sequence[WindowRule], values: Sequence[exp.Expression]) -> exp.Expression:
    """Return the value of the first rule that fits the event."""
    case = exp.Case()
    for rule, value in zip(rules, values, strict=True):
        if not _on_event(rule):
            case.set("default", value)
            break
        case = case.when(all_of(_on_event(rule)), value)
    return case if case.args.get("ifs") else case.args.get("default") or exp.null()


def _on_event(rule: WindowRule) -> list[exp.Expression]:
    wanted = {"kind": None if rule.kind == ANY_KIND else rule.kind, "segment": rule.segment}
    return [_equal(name, value, of="e") for name, value in wanted.items() if value is not None]


def _on_touch(rule: WindowRule) -> list[exp.Expression]:
    wanted = {"journey": rule.journey, "function": rule.function}
    return [_equal(name, value, of="t") for name, value in wanted.items() if value is not None]


def _equal(name: str, value: str, *, of: str) -> exp.Expression:
    return exp.EQ(this=column(name, of=of), expression=literal(value))


def _between(at: exp.Expression, opened: str, closed: str) -> exp.Expression:
    return parse(
        "$at >= $opened AND $at <= $closed", at=at, opened=column(opened, of="e"), closed=column(closed, of="e")
    )


def _anchor(name: Anchor) -> exp.Expression:
    return column(ANCHORS[name], of="e")


def _first_known(names: Sequence[Anchor | None]) -> exp.Expression:
    known = [_anchor(name) for name in names if name is not None]
    return known[0] if len(known) == 1 else exp.Coalesce(this=known[0], expressions=known[1:])


def _end(rule: WindowRule) -> exp.Expression:
    """Return the anchor, or the event itself where that came first."""
    if rule.anchor == "close":
        return _anchor("close")
    return parse(
        "CASE WHEN $anchor < $close THEN $anchor ELSE $close END", anchor=_ends_at(rule), close=_anchor("close")
    )


def _ends_at(rule: WindowRule) -> exp.Expression:
    return _first_known([rule.anchor] if rule.anchor == "close" else [rule.anchor, rule.otherwise])


def _start(rule: WindowRule) -> exp.Expression:
    days = exp.Interval(this=literal(str(rule.days)), unit=exp.var("DAY"))
    back: exp.Expression = exp.Sub(this=_ends_at(rule), expression=days)
    return back if rule.since is None else exp.Coalesce(this=_anchor(rule.since), expressions=[back])


def _missing(name: Anchor) -> exp.Expression:
    return parse("$anchor IS NULL", anchor=_anchor(name))


def _takes_another(rule: WindowRule) -> exp.Expression:
    wanted = [rule.anchor] if rule.otherwise is not None else []
    asked = [name for name in (*wanted, rule.since) if name is not None and name != "close"]
    return any_of(_missing(name) for name in asked)


def _has_none(rule: WindowRule) -> exp.Expression:
    asked = [name for name in (rule.anchor, rule.otherwise) if name is not None]
    return all_of(_missing(name) for name in asked)
