"""What all pages share: how templates are found, escaped and kept printable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.report import wording

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["page_environment"]


def page_environment() -> Environment:
    """Return the environment that renders every page: escaped, strict about names, the same bytes again."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("incrementality.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )
    environment.filters["prose"] = wording.kept_together
    return environment


def _printable(value: object) -> object:
    """Return text without the control characters that HTML forbids; anything else as it is."""
    return "".join(c for c in value if c.isprintable() or c.isspace()) if type(value) is str else value
