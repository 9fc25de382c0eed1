"""Who may enter at all: the global holdout, and the slots by which experiments in one layer exclude one another."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from incrementality.assignment.hashing import SPACE, cut
from incrementality.assignment.records import Edge, Record, Salt, made
from incrementality.errors import InputError

if TYPE_CHECKING:
    from incrementality.assignment.hashing import Share

__all__ = ["GlobalHoldout", "Layer", "LayerSlot", "close_slot", "global_holdout", "open_slot", "rotate"]


class GlobalHoldout(Record):
    """The units that no experiment may touch, in two halves.

    The status-quo half gets neither tests nor what tests have shipped; the all-shipped half gets no tests and all
    that was shipped. Between them lies what everything shipped has caused.

    Attributes:
        salt: Names the draw, e.g. ``gh-2026h1``.
        unit_type: The unit that is held out.
        status_quo: Hashes in [0, status_quo) are the status-quo half.
        end: Hashes in [status_quo, end) are the all-shipped half.
        starts: The first day.
        replaces: The salt before the last rotation.
        washout_ends: The first day on which effects on the units of the replaced holdout are taken to have faded.
    """

    salt: Salt
    unit_type: Salt
    status_quo: Edge
    end: Edge
    starts: date | None = None
    replaces: Salt | None = None
    washout_ends: date | None = None

    @model_validator(mode="after")
    def _halves_in_order(self) -> Self:
        if self.status_quo > self.end:
            raise ValueError(f"the status-quo half ends at {self.status_quo}, after the holdout's end {self.end}")
        return self

    def is_washing_out(self, at: date) -> bool:
        """Say whether a day lies in the wash-out after a rotation."""
        return self.starts is not None and self.washout_ends is not None and self.starts <= at < self.washout_ends


def global_holdout(salt: str, share: Share, *, unit_type: str = "contact", starts: date | None = None) -> GlobalHoldout:
    """Return a global holdout whose halves are equally likely.

    Raises:
        InputError: Salt, share or unit type are not allowed.

    Examples:
        >>> holdout = global_holdout("gh-2026h1", 0.05)
        >>> holdout.status_quo, holdout.end
        (107374182, 214748365)
    """
    end = cut(share)
    halves = {"status_quo": end // 2, "end": end}
    return made(GlobalHoldout, {"salt": salt, "unit_type": unit_type, "starts": starts, **halves})


def rotate(holdout: GlobalHoldout, salt: str, *, starts: date, washout_days: int) -> GlobalHoldout:
    """Return the next holdout: a new draw of the same size, with the wash-out of the old one on record.

    Raises:
        InputError: The salt is the old one, so nothing would rotate, or the wash-out is negative.

    Examples:
        >>> holdout = rotate(global_holdout("gh-2026h1", 0.05), "gh-2026h2", starts=date(2026, 7, 1), washout_days=28)
        >>> holdout.replaces, holdout.washout_ends.isoformat(), holdout.is_washing_out(date(2026, 7, 15))
        ('gh-2026h1', '2026-07-29', True)
    """
    if salt == holdout.salt:
        raise InputError(f"the new salt {salt!r} is the old one: the same units would stay held out", hint="rename it")
    if washout_days < 0:
        raise InputError(f"washout_days is {washout_days}; allowed: 0 or more", hint="write the days as a whole number")
    ends = starts + timedelta(days=washout_days)
    changes = {"salt": salt, "starts": starts, "replaces": holdout.salt, "washout_ends": ends}
    return made(GlobalHoldout, {**dict(holdout), **changes})


class LayerSlot(Record):
    """An experiment's part [lo, hi) of a layer; experiments in other slots of the layer never meet its units.

    Attributes:
        layer: The layer's name, which is its salt.
        unit_type: The unit that the layer divides.
        experiment: Who holds the slot.
        lo: First hash of the slot.
        hi: First hash after it.
    """

    layer: Salt
    unit_type: Salt
    experiment: str
    lo: Edge
    hi: Edge

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.lo >= self.hi:
            raise ValueError(f"the slot [{self.lo}, {self.hi}) is empty")
        return self


class Layer(Record):
    """A division of all units among experiments that must not overlap; layers are independent of one another.

    Attributes:
        name: The layer's name, which is its salt.
        unit_type: The unit that it divides.
        slots: The slots in use, by their place.

    Examples:
        >>> layer = open_slot(Layer(name="lifecycle-email", unit_type="contact"), "winback-2026q1", 0.5)
        >>> layer = open_slot(layer, "upsell-2026q1", 0.25)
        >>> [(slot.experiment, slot.lo, slot.hi) for slot in layer.slots]
        [('winback-2026q1', 0, 2147483648), ('upsell-2026q1', 2147483648, 3221225472)]
    """

    name: Salt
    unit_type: Salt
    slots: tuple[LayerSlot, ...] = ()

    @model_validator(mode="after")
    def _slots_are_apart(self) -> Self:
        for before, after in pairwise(self.slots):
            if after.lo < before.hi:
                raise ValueError(f"the slots of {before.experiment!r} and {after.experiment!r} overlap or are unsorted")
        holders = [slot.experiment for slot in self.slots]
        if len(set(holders)) < len(holders):
            raise ValueError(f"an experiment holds more than one slot: {', '.join(holders)}")
        if any((slot.layer, slot.unit_type) != (self.name, self.unit_type) for slot in self.slots):
            raise ValueError(f"a slot belongs to another layer than {self.name!r} of {self.unit_type}")
        return self

    def slot(self, experiment: str) -> LayerSlot:
        """Return the slot of an experiment.

        Raises:
            InputError: It holds none.
        """
        found = next((slot for slot in self.slots if slot.experiment == experiment), None)
        if found is None:
            held = ", ".join(slot.experiment for slot in self.slots) or "none"
            raise InputError(
                f"{experiment!r} holds no slot of the layer {self.name!r}; held: {held}", hint="open one with open_slot"
            )
        return found


def open_slot(layer: Layer, experiment: str, share: Share) -> Layer:
    """Return the layer with a slot for an experiment, in the first gap that is wide enough.

    Raises:
        InputError: The experiment holds a slot already, the share is empty, or no gap is wide enough.
    """
    if any(slot.experiment == experiment for slot in layer.slots):
        raise InputError(
            f"{experiment!r} holds a slot of the layer {layer.name!r} already", hint="close it once it has ended"
        )
    width = cut(share)
    ends = [0, *(slot.hi for slot in layer.slots)]
    starts = [*(slot.lo for slot in layer.slots), SPACE]
    widest = max(start - end for end, start in zip(ends, starts, strict=True))
    place = next((end for end, start in zip(ends, starts, strict=True) if 0 < width <= start - end), None)
    if place is None:
        raise InputError(
            f"the share {share} of the layer {layer.name!r} is not to be had; the widest gap is {widest / SPACE:.4g}",
            hint="ask for less (above 0), wait until an experiment ends, or choose another layer",
        )
    slot = LayerSlot(layer=layer.name, unit_type=layer.unit_type, experiment=experiment, lo=place, hi=place + width)
    slots = tuple(sorted([*layer.slots, slot], key=lambda held: held.lo))
    return Layer(name=layer.name, unit_type=layer.unit_type, slots=slots)


def close_slot(layer: Layer, experiment: str) -> Layer:
    """Return the layer without an experiment's slot.

    Raises:
        InputError: It holds none.
    """
    closed = layer.slot(experiment)
    kept = tuple(slot for slot in layer.slots if slot != closed)
    return Layer(name=layer.name, unit_type=layer.unit_type, slots=kept)
