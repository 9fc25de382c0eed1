"""The readout as a page and as figures: renders records, never computes.

``render_readout`` returns one self-contained HTML page; the plots return matplotlib figures for a notebook.
"""

from incrementality.report.figures import plot_arms, plot_balance, plot_effects, plot_segments
from incrementality.report.readout_page import render_readout

__all__ = ["plot_arms", "plot_balance", "plot_effects", "plot_segments", "render_readout"]
