"""What all tests share: where public data lies, and the domain rows that tests show."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"

# A plan that fits two arms and one metric; tests change what they are about.
BASE = {
    "id": "winback",
    "question": "Does it work?",
    "data": {"unit": "id"},
    "arms": [
        {"name": "control", "share": "50%", "control": True},
        {"name": "journey", "share": "50%"},
    ],
    "metrics": [{"name": "y", "kind": "mean", "role": "primary"}],
}

# The checklist of the domain: what users must be able to express, by the ids that tests name.
DOMAIN_ROWS = [
    *(f"T{i}" for i in range(1, 11)),
    *(f"W{i}" for i in range(1, 17)),
    *(f"M{i}" for i in range(1, 23)),
    *(f"D{i}" for i in range(1, 14)),
    *(f"X{i}" for i in range(1, 13)),
    *(f"G{i}" for i in range(1, 9)),
    *(f"R{i}" for i in (*range(1, 15), *range(16, 21))),
]


def pytest_addoption(parser):
    parser.addoption("--domain-rows", action="store_true", help="list the domain rows that no test shows, and stop")


def pytest_collection_modifyitems(config, items):
    shown: dict[str, int] = {}
    for item in items:
        for marker in item.iter_markers("domain"):
            for row in marker.args:
                if row not in DOMAIN_ROWS:
                    raise pytest.UsageError(f"{item.nodeid} names {row!r}, which is no row of the domain")
                shown[row] = shown.get(row, 0) + 1
    if config.getoption("--domain-rows"):
        missing = [row for row in DOMAIN_ROWS if row not in shown]
        told = ", ".join(f"{row} ({shown[row]})" for row in DOMAIN_ROWS if row in shown)
        pytest.exit(f"shown by tests: {told or 'none'}\nnot shown: {', '.join(missing) or 'none'}", returncode=0)


@pytest.fixture(scope="session")
def hillstrom() -> Path:
    """The real e-mail holdout; it is read where it lies and never copied."""
    path = SHARED / "hillstrom_email_2008" / "hillstrom.csv.gz"
    if not path.is_file():
        pytest.skip("the Hillstrom file is not on this machine; the README says where to get it")
    return path


@pytest.fixture
def plan():
    """An experiment; ``data`` adds to the mapping, other keys replace."""
    from incrementality import Experiment

    def make(*, data=None, **changes):
        return Experiment.model_validate(BASE | changes | {"data": BASE["data"] | (data or {})})

    return make
