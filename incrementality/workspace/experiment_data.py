"""Where a readout's rows come from: a table that brings them, or the decision log, the ledger and event tables."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from incrementality.errors import SourceUnreadable
from incrementality.files import sha256_of
from incrementality.outcomes.from_events import event_tables, units_from_events
from incrementality.warehouse import Locator
from incrementality.workspace.configuration import CONFIGURATION
from incrementality.workspace.decided_units import decided_units
from incrementality.workspace.decisions import logged_runs
from incrementality.workspace.eligibility import has_eligibility, read_eligibility
from incrementality.workspace.sources import Sources, connect_tables, locate_tables, open_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from incrementality.experiment import Experiment
    from incrementality.warehouse import Relation, Warehouse
    from incrementality.workspace.project import Workspace

__all__ = ["ExperimentData", "engine_for", "opened"]

_UNITS = "units_of_the_readout"


@dataclass(frozen=True, slots=True)
class ExperimentData:
    """The data of an experiment, ready to be read out.

    Attributes:
        engine: The engine that holds it.
        locator: The unit table there.
        manifest: What it was made of: hashes, decisions, the rows of each event table by use.
        make: Makes the unit table of other metrics on the same decisions and events, under a name; ``None`` where the
            data is not made of events.
    """

    engine: Warehouse
    locator: Locator
    manifest: dict[str, Any] = field(default_factory=dict)
    make: Callable[[Experiment, str], Relation] | None = None


def engine_for(workspace: Workspace, experiment: Experiment) -> Warehouse:
    """Open the engine that holds an experiment's data.

    Raises:
        InputError: Nothing says where the data lies, or it lies apart.
    """
    if not experiment.data.log:
        return workspace.connect(workspace.locate(experiment))
    settings = workspace.configuration
    locators = _event_locators(workspace, experiment)
    return connect_tables(locators, warehouse=settings.warehouse, memory_limit=settings.memory_limit)


@contextmanager
def opened(workspace: Workspace, experiment: Experiment, engine: Warehouse | None = None) -> Iterator[ExperimentData]:
    """Yield an experiment's data in its engine.

    Args:
        workspace: The workspace.
        experiment: The experiment.
        engine: An open engine; default: one of its own, closed afterwards.

    Raises:
        InputError: The data cannot be used; the message says why and what to do.
    """
    with ExitStack() as stack:
        warehouse = stack.enter_context(engine_for(workspace, experiment)) if engine is None else engine
        if experiment.data.log:
            yield _from_log(workspace, experiment, warehouse)
        else:
            locator = workspace.locate(experiment)
            yield ExperimentData(warehouse, locator, _hash_of(locator))


def _hash_of(locator: Locator) -> dict[str, Any]:
    if locator.path is None or not locator.path.is_file():
        return {}
    try:
        return {"source_sha256": sha256_of(locator.path)}
    except OSError as error:
        raise SourceUnreadable(
            f"the source {locator.written!r} cannot be opened: {error.strerror}", hint="check who may read the file"
        ) from error


def _from_log(workspace: Workspace, experiment: Experiment, engine: Warehouse) -> ExperimentData:
    locators = _event_locators(workspace, experiment)
    decided = decided_units(workspace, experiment.id, engine)
    tables = open_tables(locators, engine)
    made = units_from_events(engine, decided, tables, experiment, name=_UNITS)

    def make(asked: Experiment, name: str) -> Relation:
        return units_from_events(engine, decided, tables, asked, name=name).relation

    runs = logged_runs(workspace, experiment.id)
    manifest = {
        "decisions": {
            "runs": [run.name for run in runs],
            "basis": sorted({run.basis for run in runs}),
            "rules": sorted({run.rules[experiment.id].fingerprint for run in runs}),
        },
        "events": {table: {"source": locators[table].written, **counts} for table, counts in made.events.items()},
        **{f"{name}_sha256": digest for name, place in locators.items() for digest in _hash_of(place).values()},
    }
    written = f"decisions and {', '.join(locators)}"
    return ExperimentData(engine, Locator("table", table=_UNITS, written=written), manifest, make)


def _event_locators(workspace: Workspace, experiment: Experiment) -> dict[str, Locator]:
    shared = Sources(workspace.configuration.sources, workspace.root, CONFIGURATION)
    found = has_eligibility(workspace, experiment.id)
    maps = read_eligibility(workspace, experiment.id).maps if found else (shared,)
    warehouse = workspace.configuration.warehouse
    return locate_tables(event_tables(experiment), maps, root=workspace.root, warehouse=warehouse)
