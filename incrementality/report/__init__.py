"""Readout, design and attribution as pages and as figures: renders records, never computes.

``render_readout``, ``render_design`` and ``render_attribution`` return one self-contained HTML page; the plots return
matplotlib figures for a notebook.
"""

from incrementality.report.attribution_cells import attribution_cell, column_title
from incrementality.report.attribution_page import render_attribution
from incrementality.report.design_charts import plot_detectable
from incrementality.report.design_page import render_design
from incrementality.report.evidence_chart import plot_evidence
from incrementality.report.figures import (
    plot_arms,
    plot_balance,
    plot_cumulative,
    plot_effects,
    plot_novelty,
    plot_segments,
    plot_survival,
)
from incrementality.report.readout_page import render_readout

__all__ = [
    "attribution_cell",
    "column_title",
    "plot_arms",
    "plot_balance",
    "plot_cumulative",
    "plot_detectable",
    "plot_effects",
    "plot_evidence",
    "plot_novelty",
    "plot_segments",
    "plot_survival",
    "render_attribution",
    "render_design",
    "render_readout",
]
