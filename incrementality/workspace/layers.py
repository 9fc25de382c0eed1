"""Slots of layers: kept by hand in programme.yaml, or opened by an experiment's first draw and written down.

layers.json   at the workspace's root, generated, belongs into git: which experiment holds which part of which layer
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from incrementality.assignment import Layer, LayerSlot, cut, open_slot
from incrementality.errors import ExperimentNotFound, InputError, WorkspaceError
from incrementality.files import write_whole
from incrementality.workspace.lifecycle import stopped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.experiment import Experiment
    from incrementality.workspace.programme import SharedLayer
    from incrementality.workspace.project import Workspace

__all__ = ["LAYERS", "layer_on", "open_layer_slot", "proposed_slot", "still_holds"]

LAYERS = "layers.json"


def proposed_slot(
    workspace: Workspace,
    experiment: Experiment,
    spec: SharedLayer,
    share: float,
    on: date,
    *,
    frozen: LayerSlot | None = None,
) -> LayerSlot:
    """Return the slot that an experiment holds, or that its first draw would open on a day; nothing is written.

    Args:
        workspace: The workspace.
        experiment: The experiment.
        spec: The layer, as programme.yaml has it.
        share: The share of the layer that the experiment asks for.
        on: The day, which says whose units are free again.
        frozen: The slot that units were assigned by, where some were.

    Raises:
        InputError: No gap is wide enough.
        WorkspaceError: The experiment holds a slot of another share.
    """
    held = frozen if frozen is not None and frozen.layer == spec.name else None
    if held is None:
        layer = layer_on(workspace, spec, on)
        if all(slot.experiment != experiment.id for slot in layer.slots):
            return open_slot(layer, experiment.id, share).slot(experiment.id)
        held = layer.slot(experiment.id)
    by_hand = any(slot.experiment == experiment.id for slot in spec.slots)
    if held.hi - held.lo != cut(share) and not (by_hand and share == 1):
        raise WorkspaceError(
            f"{experiment.id!r} holds {(held.hi - held.lo) / 2**32:.4g} of the layer {spec.name!r} and asks for "
            f"{share}",
            hint="take the change back; whoever needs another share needs an experiment of its own",
        )
    return held


def layer_on(workspace: Workspace, spec: SharedLayer, on: date) -> Layer:
    """Return a layer with the slots that are held on a day.

    A slot is free again once its experiment has ended or was stopped, and the layer's wash-out is over; one that
    people keep by hand stays until they take it out of programme.yaml.

    Raises:
        InputError: A slot kept by hand overlaps one that was opened before.
    """
    kept = spec.kept()
    names = {slot.experiment for slot in kept.slots}
    opened = [
        slot
        for slot in _opened(workspace, spec.name)
        if slot.experiment not in names and not _is_free(workspace, slot.experiment, spec.washout_days, on)
    ]
    slots = sorted([*kept.slots, *opened], key=lambda slot: slot.lo)
    try:
        return Layer(name=spec.name, unit_type=spec.unit, slots=tuple(slots))
    except ValueError as error:
        raise InputError(
            f"the layer {spec.name!r} does not fit together: a slot in programme.yaml overlaps one in {LAYERS}",
            hint=f"take it back: experiments draw from the slots in {LAYERS} already",
        ) from error


def _is_free(workspace: Workspace, experiment_id: str, washout_days: int, on: date) -> bool:
    try:
        planned, early = workspace.experiment(experiment_id).ended, stopped(workspace, experiment_id)
    except ExperimentNotFound:
        return False  # nobody knows whether it is over
    last_days = [day for day in (planned, None if early is None else early.on) if day is not None]
    return bool(last_days) and min(last_days) + timedelta(days=washout_days) < on


def open_layer_slot(workspace: Workspace, slot: LayerSlot, spec: SharedLayer, on: date) -> None:
    """Write down that an experiment holds a slot; a second call changes nothing.

    Call it in turn, see ``plans.in_turn``. Slots that are free again and that the new one takes over
    are no longer held.
    """
    written = _read(workspace)
    opened = _opened(workspace, spec.name)
    if slot in opened or any(kept.experiment == slot.experiment for kept in spec.slots):
        return
    held = [other for other in opened if other.hi <= slot.lo or slot.hi <= other.lo]
    entry = {"slots": _rows([*held, slot]), "unit": spec.unit}
    freed = _rows(set(opened) - set(held), until=on)
    released = [*written.get(spec.name, {}).get("released", []), *freed]
    written[spec.name] = {**entry, "released": released}
    write_whole(workspace.root / LAYERS, json.dumps(written, indent=1, sort_keys=True) + "\n")


def still_holds(workspace: Workspace, slot: LayerSlot, spec: SharedLayer) -> bool:
    """Say whether an experiment's slot is still its own: another may have taken its units over after its end."""
    return slot in _opened(workspace, spec.name) or slot in spec.kept().slots


def _rows(slots: Iterable[LayerSlot], until: date | None = None) -> list[dict[str, Any]]:
    ended = {} if until is None else {"until": str(until)}
    ordered = sorted(slots, key=lambda slot: slot.lo)
    return [{"experiment": slot.experiment, "lo": slot.lo, "hi": slot.hi, **ended} for slot in ordered]


def _opened(workspace: Workspace, name: str) -> tuple[LayerSlot, ...]:
    entry = _read(workspace).get(name, {"slots": [], "unit": "contact"})
    return tuple(LayerSlot(layer=name, unit_type=entry["unit"], **row) for row in entry["slots"])


def _read(workspace: Workspace) -> dict[str, Any]:
    path = workspace.root / LAYERS
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise WorkspaceError(f"{LAYERS} cannot be read: {error}", hint="restore it from git") from error
    return content
