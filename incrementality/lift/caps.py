"""The cap of a winsorised metric: stated in the file, or what the design looked up before anybody was assigned."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.design import DesignAnswer
    from incrementality.experiment import Experiment, PlannedMetric

__all__ = ["with_caps"]


def with_caps(experiment: Experiment, designs: Sequence[DesignAnswer]) -> Experiment:
    """Return the experiment with the caps that its last design looked up; its hash stays that of the file.

    Args:
        experiment: As the file reads.
        designs: Every version of the design on record, the oldest first.
    """
    known = {} if not designs or designs[-1].request.cap is None else {designs[-1].request.metric: designs[-1]}
    metrics = tuple(_capped(metric, known.get(metric.name)) for metric in experiment.metrics)
    return experiment if metrics == experiment.metrics else experiment.model_copy(update={"metrics": metrics})


def _capped(metric: PlannedMetric, design: DesignAnswer | None) -> PlannedMetric:
    if design is None or metric.winsorise is None or metric.winsorise.from_ is None:
        return metric
    cap = metric.winsorise.model_copy(update={"value": design.request.cap})
    return metric.model_copy(update={"winsorise": cap})
