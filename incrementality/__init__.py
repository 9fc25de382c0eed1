"""What customer contacts caused, not only what they touched.

Rooms, from the ground up:

    errors          one error tree
    windows         half-open UTC windows relative to a decision
    display         the mixin by which answers print themselves
    formatting      numbers as people write them
    files           files written whole or not at all; locks between processes
    tables          the contracts of the input tables
    estimates       the answers: LiftEstimate, CheckResult
    stats           arrays or moments in, frozen records out; never sees a database
    warehouse       where the data lives: DuckDB, PostgreSQL, Spark; rows become moments
    cohorts         eligibility rules and the decision log of both arms, blind to the arm
    taxonomy        what touches, functions, channels and campaigns are called
    metrics         metric definitions: kind, columns, window, direction
    experiment      the experiment file: arms, metrics with their roles, data, what it withholds
    assignment      who gets what: hash, holdout, layers, ramp; the same draw in Python and SQL
    outcomes        the unit table: one row for each assigned unit
    design          from a request for a holdout to a plain answer: how many, how long, at what cost
    capture         a company's touches, deals and money, cleaned, matched, audited
    simulate        worlds with known truth
    lift            checks, estimates, segments, verdict
    attribution     journeys, models of credit, the credit ledger
    calibration     experiments correct attribution into incremental credit
    report          pages and figures of designs and readouts
    workspace       the project folder and its verbs
    cli             the command line

Five lines in a notebook:

    import incrementality as inc
    experiment = inc.read_experiment("experiments/winback-2026q1")
    readout = inc.read_out(experiment, data=frame)
    readout.verdict
    inc.render_readout(readout)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incrementality.attribution.analysis import assemble_attribution, attribute_company
    from incrementality.capture import audit_company, open_company, parse_sources
    from incrementality.errors import IncrementalityError
    from incrementality.estimates import CheckResult, LiftEstimate
    from incrementality.experiment import Experiment, parse_experiment, read_experiment
    from incrementality.lift import Readout, read_out, read_summaries
    from incrementality.metrics import Metric
    from incrementality.report import (
        plot_arms,
        plot_balance,
        plot_cumulative,
        plot_detectable,
        plot_effects,
        plot_evidence,
        plot_novelty,
        plot_segments,
        plot_survival,
        render_attribution,
        render_readout,
    )
    from incrementality.simulate import crm_journey_holdout, simulate_company
    from incrementality.taxonomy import (
        build_campaign,
        build_link,
        check_campaigns,
        default_taxonomy,
        parse_taxonomy,
    )
    from incrementality.warehouse import connect
    from incrementality.workspace import Workspace, design_experiment, evidence_of, experiment_covariance

__version__ = "0.1.0"

_ROOMS = {
    "CheckResult": "estimates",
    "Experiment": "experiment",
    "IncrementalityError": "errors",
    "LiftEstimate": "estimates",
    "Metric": "metrics",
    "Readout": "lift",
    "Workspace": "workspace",
    "assemble_attribution": "attribution.analysis",
    "attribute_company": "attribution.analysis",
    "audit_company": "capture",
    "build_campaign": "taxonomy",
    "build_link": "taxonomy",
    "check_campaigns": "taxonomy",
    "connect": "warehouse",
    "crm_journey_holdout": "simulate",
    "default_taxonomy": "taxonomy",
    "design_experiment": "workspace",
    "evidence_of": "workspace",
    "experiment_covariance": "workspace",
    "open_company": "capture",
    "parse_experiment": "experiment",
    "parse_sources": "capture",
    "parse_taxonomy": "taxonomy",
    "plot_arms": "report",
    "plot_balance": "report",
    "plot_cumulative": "report",
    "plot_detectable": "report",
    "plot_effects": "report",
    "plot_evidence": "report",
    "plot_novelty": "report",
    "plot_segments": "report",
    "plot_survival": "report",
    "read_experiment": "experiment",
    "read_out": "lift",
    "read_summaries": "lift",
    "render_attribution": "report",
    "render_readout": "report",
    "simulate_company": "simulate",
}

__all__ = [
    "CheckResult",
    "Experiment",
    "IncrementalityError",
    "LiftEstimate",
    "Metric",
    "Readout",
    "Workspace",
    "assemble_attribution",
    "attribute_company",
    "audit_company",
    "build_campaign",
    "build_link",
    "check_campaigns",
    "connect",
    "crm_journey_holdout",
    "default_taxonomy",
    "design_experiment",
    "evidence_of",
    "experiment_covariance",
    "open_company",
    "parse_experiment",
    "parse_sources",
    "parse_taxonomy",
    "plot_arms",
    "plot_balance",
    "plot_cumulative",
    "plot_detectable",
    "plot_effects",
    "plot_evidence",
    "plot_novelty",
    "plot_segments",
    "plot_survival",
    "read_experiment",
    "read_out",
    "read_summaries",
    "render_attribution",
    "render_readout",
    "simulate_company",
]


def __getattr__(name: str) -> object:
    """Load a public name's room on first use."""
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{room}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
