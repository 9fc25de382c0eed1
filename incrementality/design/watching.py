"""The looks of a design and their price in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from incrementality import formatting as fmt
from incrementality.design.looks import looks_of
from incrementality.design.monitoring import monitoring_of, units_for_monitoring
from incrementality.stats import comparison_alpha

if TYPE_CHECKING:
    from incrementality.design.answer import DesignAnswer
    from incrementality.design.request import DesignRequest

__all__ = ["monitoring_facts", "monitoring_price"]


def monitoring_price(request: DesignRequest) -> str:
    """Return what watching costs, in a sentence; empty for a test that is read once."""
    plan = monitoring_of(request)
    if plan.spending == "equal looks":
        return f"{plan.looks} looks, by O'Brien and Fleming's boundary, are paid for in units."
    if plan.kind == "fixed":
        return ""
    factor = units_for_monitoring(plan, _alpha(request), request.power)
    more = f"{fmt.share(abs(factor - 1))} {'more' if factor >= 1 else 'fewer'} units than one two-sided look"
    what = f"{plan.looks} looks" if plan.kind == "group sequential" else "Reading on any day"
    return f"{what}, by {plan.rule}: that takes {more}, and sizes allow for it."


def monitoring_facts(answer: DesignAnswer) -> list[tuple[str, str]]:
    """Return the looks in pairs of a term and its value: when, at which information, and what ``|z|`` has to reach."""
    request, plan = answer.request, monitoring_of(answer.request)
    if plan.kind == "fixed":
        return []
    if plan.kind == "confidence sequence":
        return [("Looks", f"any day, by {plan.rule}; conversions and revenue from 100 payers in the smaller arm on")]
    bounds, days = plan.planned(_alpha(request)), [look.on for look in looks_of(answer)]
    statistic = "|z|" if plan.sides > 1 else "z"
    lines = [
        f"{fmt.share(share)} of the units{f' ({days[k]})' if days else ''}: {statistic} {_bound(critical)}"
        for k, (share, critical) in enumerate(zip(bounds.times, bounds.critical, strict=True))
    ]
    return [("Looks", f"{plan.looks}, by {plan.rule}. At {'; '.join(lines)}")]


def _bound(critical: float) -> str:
    return "cannot stop it yet" if math.isinf(critical) else f"at least {critical:.2f}"


def _alpha(request: DesignRequest) -> float:
    return comparison_alpha(request.alpha, request.treatment_arms)
