"""From an experiment and its data to a readout: checks first, then estimates, then a verdict in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from incrementality.lift.caps import with_caps
from incrementality.lift.evidence import gather_evidence
from incrementality.lift.findings import find_all
from incrementality.lift.layout import lay_out
from incrementality.lift.looks import look_of, read_look, stated_at
from incrementality.lift.sample import take_sample
from incrementality.outcomes import open_unit_table
from incrementality.warehouse import Locator, connect, frame_locator, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from incrementality.design import DesignAnswer
    from incrementality.estimates import CheckResult
    from incrementality.experiment import Experiment
    from incrementality.lift.evidence import Evidence
    from incrementality.lift.look_records import TakenLook
    from incrementality.lift.readout import Readout
    from incrementality.lift.sample import Sample
    from incrementality.warehouse import Warehouse

__all__ = ["analyze", "read_out"]


def read_out(
    experiment: Experiment,
    data: object = None,
    *,
    warehouse: Warehouse | None = None,
    designs: Sequence[DesignAnswer] = (),
    taken: Sequence[TakenLook] = (),
) -> Readout:
    """Read out an experiment that brings its own assignment. Needs no workspace.

    Args:
        experiment: What was planned, and which column is what.
        data: A pandas, Polars or Arrow frame, a dictionary of numpy arrays, or a path to a CSV, Parquet or
            DuckDB file; default: the experiment's own ``data.source``.
        warehouse: The engine; default: the embedded one, or the one at the source's URL. Its ``statements`` hold
            the SQL that ran.
        designs: Every version of the design on record, the oldest first; the last one, once signed, says on which
            days the experiment may be read before its end.
        taken: Looks taken before.

    Returns:
        Checks, estimates and a verdict; shows itself in a notebook.

    Raises:
        InputError: The data cannot be used; the message says why and what to do.
        WarehouseError: The engine failed.

    Examples:
        >>> import numpy as np
        >>> from incrementality import Experiment
        >>> experiment = Experiment(
        ...     id="winback", question="Does it work?", data={"unit": "id"},
        ...     arms=[{"name": "holdout", "share": "50%", "control": True}, {"name": "journey", "share": "50%"}],
        ...     metrics=[{"name": "spend", "kind": "revenue", "unit": "EUR", "role": "primary"}],
        ... )
        >>> rng = np.random.default_rng(7)
        >>> frame = {"id": np.arange(4000), "arm": np.repeat(["holdout", "journey"], 2000),
        ...          "spend": rng.gamma(2.0, 10.0, 4000) + np.repeat([0.0, 3.0], 2000)}
        >>> readout = read_out(experiment, data=frame)
        >>> readout.grade, round(readout.headline("spend", "journey").effect, 2)
        ('trust', 3.67)
    """
    locator = _locator(experiment, data)
    if warehouse is not None:
        return analyze(experiment, locator, warehouse, designs=designs, taken=taken)
    with connect(locator.url or "duckdb:") as engine:
        return analyze(experiment, locator, engine, designs=designs, taken=taken)


def _locator(experiment: Experiment, data: object) -> Locator:
    if isinstance(data, Locator):
        return data
    if data is None:
        return locate(experiment.data.source, table=experiment.data.table, base=Path.cwd())
    if isinstance(data, (str, Path)):
        return locate(str(data), table=experiment.data.table, base=Path.cwd())
    return frame_locator(data)


def analyze(
    experiment: Experiment,
    locator: Locator,
    warehouse: Warehouse,
    *,
    designs: Sequence[DesignAnswer] = (),
    taken: Sequence[TakenLook] = (),
    checks: Sequence[CheckResult] = (),
    keep: Callable[[Sample, Evidence], None] | None = None,
) -> Readout:
    """Read out an experiment from a source that an engine can open; see ``read_out``.

    Args:
        experiment: What was planned.
        locator: Where the source lies.
        warehouse: The engine.
        designs: Every version of the design on record, the oldest first; the readout prints them all.
        taken: Looks taken before, for what they have spent.
        checks: What was checked beside the data, such as the arms of other experiments; they count for the grade.
        keep: Called with the units while they are at hand, and with what the readout leaves for later.
    """
    experiment = with_caps(experiment, designs)
    sample = take_sample(open_unit_table(warehouse, locator, experiment))
    look = read_look(experiment, designs, units=_units(sample), taken=taken)
    sample = replace(sample, table=replace(sample.table, experiment=stated_at(experiment, look)))
    found = find_all(sample, experiment, look, designs=designs, beside=checks)
    evidence = gather_evidence(sample, found.headlines, grade=found.grade, look=look_of(experiment, designs))
    if keep is not None:
        keep(sample, evidence)
    return replace(lay_out(found), manifest=_manifest(locator, warehouse), evidence=evidence)


def _units(sample: Sample) -> int:
    return sum(sample.units(arm.name) for arm in sample.experiment.arms)


def _manifest(locator: Locator, warehouse: Warehouse) -> dict[str, Any]:
    from incrementality import __version__

    return {"package_version": __version__, "engine": warehouse.dialect, "source": locator.written}
