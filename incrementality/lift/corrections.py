"""What several questions cost: primaries share the error rate, secondaries the false discovery rate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.stats import benjamini_hochberg, hochberg, holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment

__all__ = ["corrected"]

_ADJUST = {"holm": holm, "hochberg": hochberg, "benjamini_hochberg": benjamini_hochberg}


def corrected(estimates: Sequence[LiftEstimate], experiment: Experiment) -> list[LiftEstimate]:
    """Return the estimates with corrected p-values, which run over registered estimates, all arms together.

    Primaries share ``alpha`` by the experiment's ``alpha_split``; secondaries are corrected by Benjamini and Hochberg.
    Guardrails keep the full ``alpha`` each: harm must not be missed for the number of questions.
    """
    found = _with_family(list(estimates), "primary", experiment.alpha_split)
    return _with_family(found, "secondary", "benjamini_hochberg")


def _with_family(estimates: list[LiftEstimate], role: str, correction: str) -> list[LiftEstimate]:
    adjusted = {e.metric for e in estimates if e.adjusted}
    family = [i for i, e in enumerate(estimates) if e.role == role and e.adjusted == (e.metric in adjusted)]
    pvalues = _ADJUST[correction]([estimates[i].pvalue for i in family])
    for i, pvalue in zip(family, pvalues, strict=True):
        estimates[i] = replace(estimates[i], pvalue_adjusted=pvalue, correction=correction)
    return estimates
