"""What was registered before anybody was assigned, and whether the readout follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.design import monitoring_asked
from incrementality.estimates import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from incrementality.design import DesignAnswer
    from incrementality.experiment import Experiment

__all__ = ["changed_since", "registration_checks", "registration_lines"]


def changed_since(design: DesignAnswer, experiment: Experiment) -> tuple[str, ...]:
    """Return what the experiment file says otherwise than the design that was made of it, by name.

    Only what decides the analysis counts: a corrected note or a new owner is no other test.
    """
    return tuple(name for name, registered, now in _compared(design, experiment) if registered != now)


def _compared(design: DesignAnswer, experiment: Experiment) -> Iterator[tuple[str, object, object]]:
    registered, metric = design.request, experiment.primary[0]
    yield "primary metric", registered.metric, metric.name
    yield "its kind", registered.kind, metric.kind
    yield "its direction", registered.direction, metric.direction
    if metric.window is not None:
        yield "its window", registered.window_days, max(1, round(metric.window.total_seconds() / 86400))
    if registered.cap is not None or metric.winsorise is not None:
        yield "its cap", registered.cap, None if metric.winsorise is None else metric.winsorise.value
    yield "unit", registered.unit, experiment.unit
    yield "arms", registered.treatment_arms, len(experiment.treatments)
    yield "alpha", registered.alpha, experiment.alpha
    if len(experiment.primary) * len(experiment.treatments) > 1:
        yield "how primaries share alpha", registered.alpha_split or "holm", experiment.alpha_split
    yield "first day", registered.starts, experiment.started
    if experiment.request is not None:
        yield "looks", registered.looks, experiment.request.looks
        yield "how it is watched", registered.monitoring, monitoring_asked(experiment.request)
        yield "what it withholds", registered.scope, experiment.request.scope


def registration_lines(designs: Sequence[DesignAnswer]) -> tuple[tuple[str, str], ...]:
    """Return each version on record, the one that counts first, as lines of the measurement specification.

    Args:
        designs: Every version on record, the oldest first.
    """
    return tuple(
        ("Earlier design" if older else "Registered design", _told(design))
        for older, design in enumerate(reversed(designs))
    )


def registration_checks(designs: Sequence[DesignAnswer], experiment: Experiment) -> tuple[CheckResult, ...]:
    """Return whether what is read out is what was signed; nothing where there is no design.

    Args:
        designs: Every version on record, the oldest first.
        experiment: The experiment as its file reads now.
    """
    if not designs:
        return ()
    *earlier, last = designs
    changed, passed = changed_since(last, experiment), None
    told = f"Design version {last.version} ({last.hash[:12]}) was not signed by: {', '.join(last.missing_approvals)}"
    if changed:
        passed, told = False, f"Since design version {last.version} ({last.hash[:12]}) changed: {', '.join(changed)}"
    elif last.signed:
        passed, told = True, f"Read out as registered: design version {last.version} ({last.hash[:12]})"
    if earlier:
        told += f"; it replaces {', '.join(f'version {d.version} ({d.hash[:12]})' for d in earlier)}"
    rows = tuple(
        {"version": d.version, "registration_hash": d.hash, "signed": d.signed, "n": d.n, "verdict": d.verdict}
        for d in designs
    )
    return (CheckResult(name="registration", passed=passed, sentence=f"{told}.", table=rows),)


def _told(design: DesignAnswer) -> str:
    signed = "; ".join(f"{s.role} {s.name}, {s.on}" for s in design.sign_offs) or "nobody"
    return (
        f"Version {design.version}, registration {design.hash}: {design.n:,} {design.request.unit}s planned, "
        f"{design.verdict}; signed by {signed}."
    )
