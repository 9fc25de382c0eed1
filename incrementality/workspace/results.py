"""The numbers on disk: ``result.json``, written from a readout and read back into one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from incrementality.errors import InputError, StaleReadout
from incrementality.lift import Readout
from incrementality.report import render_readout

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["page_of", "read_result", "result_text"]


def result_text(readout: Readout) -> str:
    """Return ``result.json``: what is not finite becomes null, so that every reader of JSON can read it."""
    return json.dumps(_finite(readout.to_dict()), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value


def read_result(path: Path, *, experiment_id: str) -> Readout:
    """Return the readout that ``result.json`` holds.

    Args:
        path: The file.
        experiment_id: Whose result it should be.

    Raises:
        StaleReadout: There is none, it was edited, or another version of the package wrote it.
    """
    if not path.is_file():
        raise _stale(experiment_id, "has not been read out", again="run")
    try:
        readout = Readout.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except InputError as error:
        raise _stale(experiment_id, f"cannot be checked: {error.message}") from error
    except OSError as error:
        raise _stale(experiment_id, f"cannot be checked: result.json: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _stale(experiment_id, "cannot be checked: its result.json was damaged or edited") from error
    if readout.experiment_id != experiment_id:
        raise _stale(experiment_id, f"holds the result of {readout.experiment_id!r}")
    return readout


def page_of(readout: Readout) -> str:
    """Return the page of a readout that was read back.

    Raises:
        StaleReadout: The numbers cannot be rendered: somebody edited them.
    """
    try:
        return render_readout(readout)
    except Exception as error:  # an edited file can hold anything
        raise _stale(readout.experiment_id, "cannot be checked: its result.json was damaged or edited") from error


def _stale(experiment_id: str, what: str, *, again: str = "run again") -> StaleReadout:
    return StaleReadout(f"{experiment_id!r} {what}", hint=f"{again}: incrementality readout {experiment_id}")
