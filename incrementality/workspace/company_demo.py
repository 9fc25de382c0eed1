"""The demo of attribution: a workspace with a simulated company, its last quarter attributed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.files import make_folder, write_whole
from incrementality.simulate import simulate_company
from incrementality.workspace.attributing import attribute, attribution_files
from incrementality.workspace.attribution_settings import ATTRIBUTION
from incrementality.workspace.demo import DEMO_MANIFEST, check_demo_folder
from incrementality.workspace.project import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.attribution.analysis import AttributionResult
    from incrementality.simulate.company import SimulatedCompany

__all__ = ["CompanyDemo", "make_company_demo"]

_NO_TABLES = frozenset({"entries", "assignments"})
_SETTINGS = """\
# A simulated company whose truth is known; `incrementality attribute init` elsewhere shows every key.
company: {{name: Simulated company, as_of: {as_of}}}
sources:
{sources}
"""


@dataclass(frozen=True, slots=True)
class CompanyDemo:
    """A finished demo.

    Attributes:
        result: The attribution of the last quarter.
        page: Where its page lies.
        caused: What all functions together caused over the whole period, in currency units: known by simulation alone.
        revenue: All revenue of the period, in currency units.
    """

    result: AttributionResult
    page: Path
    caused: float
    revenue: float


def make_company_demo(into: Path, *, accounts: int = 1000, seed: int = 1) -> CompanyDemo:
    """Make a workspace with a simulated company, and attribute the last quarter that is over.

    Args:
        into: The workspace's folder: new, empty, or an earlier demo.
        accounts: How many accounts the company has.
        seed: Seed of the simulation; one seed always gives the same company.

    Raises:
        WorkspaceError: The folder holds something else, or cannot be written.
    """
    check_demo_folder(into)
    company = simulate_company(accounts, quarters=6, seed=seed)
    make_folder(into / "data")
    write_whole(into / DEMO_MANIFEST, json.dumps({"accounts": accounts, "quarters": 6, "seed": seed}) + "\n")
    write_whole(into / "data" / ".gitignore", "*\n")
    workspace = Workspace.create(into, example=False)
    company.write(into / "data")
    write_whole(into / ATTRIBUTION, _settings(company, into / "data"))
    result = attribute(workspace)
    page = attribution_files(workspace, result.period).page
    return CompanyDemo(result, page, company.truth.caused / 100, company.truth.revenue / 100)


def _settings(company: SimulatedCompany, data: Path) -> str:
    names = sorted(path.stem for path in data.glob("*.csv") if path.stem not in _NO_TABLES)
    lines = "\n".join(f"  {name}: {{from: data/{name}.csv, money: {{unit: minor}}}}" for name in names)
    return _SETTINGS.format(as_of=f"{company.as_of:%Y-%m-%d}", sources=lines)
