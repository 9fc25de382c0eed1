"""The simulated holdout: its columns as an analyst would get them, the truth, and how to make it again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.simulate.csv_file import write_csv
from incrementality.simulate.request import experiment_yaml

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import pandas as pd

    from incrementality.simulate.truth import TrueEffect
    from incrementality.simulate.world import Column

__all__ = ["Manifest", "SimulatedHoldout", "content_sha256"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """How a simulated data set was made.

    Attributes:
        function: The name of the function that made it.
        arguments: All its arguments, as JSON could hold them.
        seed: The seed among them.
        sha256: Of names and values of all columns (see :func:`content_sha256`).
    """

    function: str
    arguments: dict[str, Any]
    seed: int
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedHoldout:
    """One simulated holdout with its truth.

    Attributes:
        columns: The data as captured, by column; arrays of one row a contact (apart from planted faults), read-only.
            Text is held as Python strings, ids like ``c_000001``.
        potential: What each contact would have done, keyed by (outcome column, arm), in the order of the ids,
            untouched by faults; shape (n,).
        truth: The true effects for exactly these contacts, keyed by (metric, treatment arm).
        arm_shares: The planned share of each arm; the first is the control.
        manifest: How to make it again.
    """

    columns: dict[str, Column]
    potential: dict[tuple[str, str], Column]
    truth: dict[tuple[str, str], TrueEffect]
    arm_shares: dict[str, float]
    manifest: Manifest

    def to_frame(self) -> pd.DataFrame:
        """Return the captured data as a pandas frame of its own.

        Examples:
            >>> from incrementality.simulate import crm_journey_holdout
            >>> crm_journey_holdout(n=3).to_frame()["contact_id"].tolist()
            ['c_000001', 'c_000002', 'c_000003']
        """
        import pandas as pd

        return pd.DataFrame(self.columns)

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the captured data as UTF-8 CSV, whole or not at all, and return its path.

        Missing values are empty cells.

        Raises:
            InputError: The folder does not exist.
        """
        return write_csv(self.columns, path)

    def experiment_yaml(self, experiment_id: str, source: str) -> str:
        """Return the text of an ``experiment.yaml`` that fits this data.

        Args:
            experiment_id: The experiment's id, which is its folder's name.
            source: Where the data lies, relative to that folder.

        Examples:
            >>> from incrementality.simulate import crm_journey_holdout
            >>> text = crm_journey_holdout(n=100).experiment_yaml("winback-demo", "winback.csv")
            >>> print(text.splitlines()[2])
            id: "winback-demo"
        """
        stratified = self.manifest.arguments["region_shares"] is not None
        return experiment_yaml(
            experiment_id,
            source,
            arm_shares=self.arm_shares,
            cluster="account_id" if "account_id" in self.columns else None,
            stratum="region" if stratified else None,
        )


def content_sha256(columns: dict[str, Column]) -> str:
    """Return the SHA-256 of a table's names and values, the same for whatever library reads it back.

    Text enters as JSON, whole numbers as 8 bytes and other numbers as IEEE 754 doubles, both little-endian.

    Examples:
        >>> content_sha256({"arm": np.array(["a", None], dtype=object), "y": np.array([1, 2])})[:12]
        'adee1e4aba8d'
    """
    digest = hashlib.sha256()
    for name, column in columns.items():
        kind, content = _canonical(column)
        digest.update(json.dumps([name, kind, len(column)]).encode())
        digest.update(content)
    return digest.hexdigest()


def _canonical(column: Column) -> tuple[str, bytes]:
    if column.dtype.kind == "O":
        return "text", json.dumps(column.tolist(), separators=(",", ":")).encode()
    if column.dtype.kind in "iub":
        return "whole", column.astype("<i8").tobytes()
    return "number", np.where(np.isnan(column), np.nan, column).astype("<f8").tobytes()
