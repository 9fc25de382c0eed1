"""Who touched the revenue: journeys, models of credit, and a ledger that adds up to the cent; never what was caused."""

from incrementality.attribution.window_settings import parse_windows, windows_to_dict
from incrementality.attribution.windows import ANCHORS, ANY_KIND, WINDOW_PRESETS, Anchor, WindowRule, Windows

__all__ = [
    "ANCHORS",
    "ANY_KIND",
    "WINDOW_PRESETS",
    "Anchor",
    "WindowRule",
    "Windows",
    "parse_windows",
    "windows_to_dict",
]
