"""The records of a company: touches, deals and money read under contract, cleaned, matched, set aside, audited."""

from incrementality.capture.presets import PRESETS, Preset
from incrementality.capture.source import MoneyFormat, Source, Sources
from incrementality.capture.sources import parse_sources

__all__ = ["PRESETS", "MoneyFormat", "Preset", "Source", "Sources", "parse_sources"]
