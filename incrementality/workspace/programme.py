"""What the experiments of a workspace share: ``programme.yaml``, read with every problem and its line at once."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads the annotation at run time
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from incrementality.assignment import GlobalHoldout, Layer, UnitType, global_holdout, open_slot, rotate
from incrementality.errors import InputError, did_you_mean
from incrementality.experiment.parts import Record, Share, refuse, repeated
from incrementality.experiment.schema import choices_at, keys_at, meaning_at, schema_of
from incrementality.experiment.tree import Problem, clip, read_tree
from incrementality.workspace.settings import holds_nothing, settings_refusal, settings_text

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.experiment.tree import Tree

__all__ = [
    "PROGRAMME",
    "HeldOut",
    "Programme",
    "SharedLayer",
    "SlotShare",
    "Spelling",
    "programme_schema",
    "read_programme",
]

PROGRAMME = "programme.yaml"

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]

_NAME = "a-z, 0-9, '.', '_' and '-', at most 63 characters"


class HeldOut(Record):
    """A global holdout: the units of one type that no experiment may touch, in two halves.

    The status-quo half gets neither tests nor what tests have shipped, the all-shipped half gets all that was shipped.
    """

    salt: Annotated[Name, Field(description=f"Names the draw, e.g. gh-2026h1: {_NAME}.")]
    share: Annotated[Share, Field(gt=0, lt=1, description="Share of all units, both halves together, e.g. 5%.")]
    unit: Annotated[Name, Field(description="What is held out: contact, account.")] = "contact"
    starts: Annotated[date | None, Field(description="First day, e.g. 2026-07-01.")] = None
    replaces: Annotated[Name | None, Field(description="The salt before the last rotation.")] = None
    washout_days: Annotated[
        int, Field(ge=0, description="Days after a rotation in which the old holdout still shows; a whole number.")
    ] = 0

    @model_validator(mode="after")
    def _rotates_on_a_day(self) -> Self:
        if self.replaces is not None and self.starts is None:
            raise ValueError("a rotation needs its first day: starts: 2026-07-01")
        if self.replaces == self.salt:
            raise ValueError("the salt is that of the holdout that it replaces: the same units would stay held out")
        return self

    def drawn(self) -> GlobalHoldout:
        """Return the draw."""
        if self.replaces is None or self.starts is None:
            return global_holdout(self.salt, self.share, unit_type=self.unit, starts=self.starts)
        before = global_holdout(self.replaces, self.share, unit_type=self.unit)
        return rotate(before, self.salt, starts=self.starts, washout_days=self.washout_days)


class Spelling(Record):
    """How ids of one unit are spelled, so that two spellings of one id are one unit."""

    case: Annotated[
        Literal["keep", "lower"], Field(description="keep: A and a are two units; lower: A to Z are read as a to z.")
    ] = "keep"
    form: Annotated[
        Literal["text", "email"], Field(description="text: as it is; email: accents are composed (NFC) first.")
    ] = "text"


class SlotShare(Record):
    """A slot that is kept for an experiment."""

    experiment: Annotated[Name, Field(description="The experiment's id.")]
    share: Annotated[Share, Field(gt=0, le=1, description="Share of the layer, e.g. 25%.")]


class SharedLayer(Record):
    """A layer: experiments in it never share a unit."""

    name: Annotated[Name, Field(description=f"The layer's name, which is its salt: {_NAME}.")]
    unit: Annotated[Name, Field(description="The unit that it divides: contact, account.")] = "contact"
    washout_days: Annotated[
        int, Field(ge=0, description="Days after an experiment's last day before others get its units; a whole number.")
    ] = 0
    slots: Annotated[
        tuple[SlotShare, ...],
        Field(description="Slots kept by hand, from the layer's start; others open at an experiment's first draw."),
    ] = ()

    @model_validator(mode="after")
    def _slots_fit(self) -> Self:
        held = repeated([slot.experiment for slot in self.slots])
        refuse([f"slots: {name!r} holds more than one slot" for name in held])
        if sum(slot.share for slot in self.slots) > 1:
            raise ValueError("slots: the shares add up to more than 1")
        return self

    def kept(self) -> Layer:
        """Return the layer with the slots that are kept by hand."""
        layer = Layer(name=self.name, unit_type=self.unit)
        for slot in self.slots:
            layer = open_slot(layer, slot.experiment, slot.share)
        return layer


class Programme(Record):
    """What the experiments of a workspace share; without a file, nothing.

    Examples:
        >>> programme = Programme(global_holdouts=({"salt": "gh-2026h1", "share": "5%"},))
        >>> programme.holdout("contact").salt, programme.holdout("account")
        ('gh-2026h1', None)
    """

    global_holdouts: Annotated[
        tuple[HeldOut, ...], Field(description="A list with one global holdout for each unit.")
    ] = ()
    units: Annotated[
        dict[Name, Spelling],
        Field(description="How the ids of a unit are spelled: contact: {case: lower}."),
    ] = {}  # noqa: RUF012 - pydantic copies it
    layers: Annotated[tuple[SharedLayer, ...], Field(description="A list of layers, each with its name.")] = ()

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        units, salts = repeated([held.unit for held in self.global_holdouts]), [h.salt for h in self.global_holdouts]
        refuse(
            [
                *(f"global_holdouts: two holdouts of the unit {unit!r}; keep one" for unit in units),
                *(f"global_holdouts: two holdouts have the salt {salt!r}" for salt in repeated(salts)),
                *(f"layers: two layers are called {n!r}" for n in repeated([layer.name for layer in self.layers])),
            ]
        )
        return self

    def unit_type(self, unit: str) -> UnitType:
        """Return how the ids of a unit are spelled; a unit that is not named keeps them as they are."""
        found = self.units.get(unit, Spelling())
        return UnitType(name=unit, lower=found.case == "lower", nfc=found.form == "email")

    def holdout(self, unit: str) -> GlobalHoldout | None:
        """Return the global holdout of a unit, or ``None``."""
        return next((held.drawn() for held in self.global_holdouts if held.unit == unit), None)

    def layer(self, name: str) -> SharedLayer:
        """Return a layer by its name.

        Raises:
            InputError: The programme has no such layer.
        """
        found = next((layer for layer in self.layers if layer.name == name), None)
        if found is None:
            known = [layer.name for layer in self.layers]
            raise InputError(
                f"{PROGRAMME} has no layer {name!r}; it has: {', '.join(known) or 'none'}.{did_you_mean(name, known)}",
                hint=f"add it there, under layers: - {{name: {name}}}, or correct request.layer",
            )
        return found


def read_programme(path: Path) -> Programme:
    """Read what the experiments share; no file, or one of comments, shares nothing.

    Raises:
        InputError: The file cannot be read, or has problems; all are listed with their lines.
    """
    text = settings_text(path) if path.exists() else ""
    if holds_nothing(text):
        return Programme()
    tree = read_tree(text)
    found, problems = _validated(tree)
    refused = {problem.path for problem in tree.problems}
    problems = [*tree.problems, *(problem for problem in problems if problem.path not in refused)]
    if found is None or problems:
        raise settings_refusal(PROGRAMME, problems)
    return found


def _validated(tree: Tree) -> tuple[Programme | None, list[Problem]]:
    if tree.value is None and tree.problems:
        return None, []
    if not isinstance(tree.value, dict):
        text = f"the file holds {tree.spot(()).kind}; expected the keys {', '.join(Programme.model_fields)}"
        return None, [Problem(tree.spot(()).line, (), text)]
    try:
        return Programme.model_validate(tree.value, strict=True), []
    except ValidationError as error:
        return None, [_problem(found, tree) for found in error.errors(include_url=False)]


def programme_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``programme.yaml``.

    Examples:
        >>> list(programme_schema()["properties"])
        ['global_holdouts', 'units', 'layers']
    """
    return schema_of(Programme)


@cache
def _schema() -> dict[str, Any]:
    return programme_schema()


def _problem(found: Any, tree: Tree) -> Problem:  # noqa: ANN401 - what the validating library says
    path = tuple(step for step in found["loc"] if step != "[key]")
    return Problem(tree.spot(path).line, path, _words(found, path, tree))


def _words(found: Any, path: tuple[str | int, ...], tree: Tree) -> str:  # noqa: ANN401 - what the validating library says
    meaning, key = meaning_at(path, _schema()), str(path[-1]) if path else ""
    if found["type"] == "value_error":
        return str(found["ctx"]["error"])
    if found["type"] == "extra_forbidden":
        allowed = keys_at(path[:-1], _schema())
        return f"the key {clip(key)} is unknown. Allowed: {', '.join(allowed)}.{did_you_mean(key, allowed)}"
    if found["type"] == "missing":
        return f"the key {clip(key)} is missing. {meaning}"
    choices = choices_at(path, _schema())
    allowed_text = f" Allowed: {', '.join(choices)}." if choices else ""
    spot = tree.spot(path)
    return f"{clip(spot.text) if spot.text else spot.kind} cannot be used.{allowed_text} {meaning}".rstrip()
