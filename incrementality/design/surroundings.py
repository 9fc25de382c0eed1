"""What stands beside a design: live experiments and their overlap, negative signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.design.parts import Conflict, GuardrailPower
from incrementality.design.plan import free_traffic, make_plan
from incrementality.design.wording import count, percent
from incrementality.stats import minimal_detectable_effect, outcome_of_rate

if TYPE_CHECKING:
    from incrementality.design.inputs import Guardrail, LiveExperiment
    from incrementality.design.plan import Plan
    from incrementality.design.request import DesignRequest

__all__ = ["conflicts_of_plan", "conflicts_with_live", "guardrails_of_plan"]

_FEWEST = 2


def conflicts_of_plan(request: DesignRequest, plan: Plan) -> tuple[Conflict, ...]:
    """Return every live experiment with its expected overlap, those to be settled first in front."""
    found = (_conflict(request, plan, live) for live in request.live)
    return tuple(sorted(found, key=lambda conflict: not conflict.blocking))


def conflicts_with_live(request: DesignRequest) -> tuple[Conflict, ...]:
    """Return the same for a request that has no plan yet.

    Examples:
        >>> from incrementality.design import DesignRequest, LiveExperiment, MetricBaseline
        >>> request = DesignRequest(
        ...     id="mail", question="Does it work?", metric="bought", kind="conversion", population=5000,
        ...     baseline=MetricBaseline(mean=0.05), smallest_effect=0.5, layer="email",
        ...     live=(LiveExperiment(id="cart", layer="email"),),
        ... )
        >>> [conflict.blocking for conflict in conflicts_with_live(request)]
        [True]
    """
    return conflicts_of_plan(request, make_plan(request))


def guardrails_of_plan(request: DesignRequest, plan: Plan) -> tuple[GuardrailPower, ...]:
    """Return the rise of each negative signal that the design sees, one-sided at the full error rate."""
    return tuple(_guardrail(request, plan, guardrail) for guardrail in request.guardrails)


def _conflict(request: DesignRequest, plan: Plan, live: LiveExperiment) -> Conflict:
    both = sorted(set(live.withholds) & set(request.withholds))
    if live.layer and live.layer == request.layer:
        short = free_traffic(request) < request.traffic - 1e-9
        said = (
            f"The experiment {live.id} takes {percent(live.traffic)} of the layer {live.layer}; "
            f"{percent(free_traffic(request))} is left and {percent(request.traffic)} is asked for."
        )
        return Conflict(experiment=live.id, blocking=short, overlap=0, sentence=f"{said} No unit is in both.")
    overlap = round(plan.n * live.audience_overlap * live.traffic)
    said = f"About {count(overlap)} of {count(plan.n)} {request.unit}s will be in {live.id} too."
    if both:
        said += f" Both withhold {', '.join(both)}, so neither can tell its own effect: put both in one layer."
    else:
        said += " Its arms are drawn independently, so they spread evenly over ours; read the interaction as well."
    return Conflict(experiment=live.id, blocking=bool(both) and overlap > 0, overlap=overlap, sentence=said)


def _guardrail(request: DesignRequest, plan: Plan, guardrail: Guardrail) -> GuardrailPower:
    rise = None
    if min(plan.n_control, plan.n_treatment) >= _FEWEST:
        rise = minimal_detectable_effect(
            outcome_of_rate(guardrail.rate),
            n_control=plan.n_control,
            n_treatment=plan.n_treatment,
            alpha=2 * request.alpha,
            power=max(request.power, 2 * request.alpha + 0.01),
        )
    relative = None if rise is None else rise / guardrail.rate
    enough = relative is not None and relative <= guardrail.largest_rise
    seen = "no rise would be seen" if relative is None else f"a rise by {percent(relative)} or more would be seen"
    said = f"{guardrail.name}: {seen}; {percent(guardrail.largest_rise)} is the most that is accepted"
    return GuardrailPower(
        name=guardrail.name,
        detectable_rise=relative,
        largest_rise=guardrail.largest_rise,
        enough=enough,
        sentence=f"{said}." if enough else f"{said}. A harmful rise could go unseen: watch it over several tests.",
    )
