"""From a request for a holdout to a plain answer: feasible or not, how many, how long, at what cost, what to change.

Modules, from the ground up:

    inputs          the small records of a request
    monitoring      how it is watched: once, at planned looks, or on any day
    request         what is asked for
    history         the metric's past, in the few numbers that a design rests on
    plan            units, power, what can be seen, how long; no words
    record          records to plain JSON values and back
    parts           the parts of an answer
    answer          the record that comes out: frozen, signed, versioned, back from JSON
    watching        the looks and their price in words
    wording         the sentences, and the answer as Markdown
    money           revenue at risk, the value of the decision, the share that earns most
    surroundings    live experiments and negative signals
    counted         power counted on the history, with the small-holdout rule
    changes         what stands in the way, what would clear it, the way out
    designer        from the request to the answer
    drawn           the arms so far against the plan
    looks           on which days the answer may be looked at
"""

from incrementality.design.answer import DesignAnswer
from incrementality.design.designer import METHOD_VERSION, design, revise
from incrementality.design.drawn import arms_drawn
from incrementality.design.history import MetricHistory, baseline_of_history, baseline_of_moments
from incrementality.design.inputs import (
    ContaminationRoute,
    Guardrail,
    LiveExperiment,
    LookUp,
    MetricBaseline,
    ReleasePlan,
)
from incrementality.design.looks import Look, look_on, looks_of
from incrementality.design.monitoring import Monitoring, monitoring_asked, monitoring_of
from incrementality.design.parts import SignOff
from incrementality.design.request import DesignRequest
from incrementality.design.surroundings import conflicts_with_live

__all__ = [
    "METHOD_VERSION",
    "ContaminationRoute",
    "DesignAnswer",
    "DesignRequest",
    "Guardrail",
    "LiveExperiment",
    "Look",
    "LookUp",
    "MetricBaseline",
    "MetricHistory",
    "Monitoring",
    "ReleasePlan",
    "SignOff",
    "arms_drawn",
    "baseline_of_history",
    "baseline_of_moments",
    "conflicts_with_live",
    "design",
    "look_on",
    "looks_of",
    "monitoring_asked",
    "monitoring_of",
    "revise",
]
