"""What an experiment file may hold: its JSON Schema, and a look-up of one key's part of it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from incrementality.experiment.spec import Experiment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from incrementality.experiment.tree import KeyPath

__all__ = ["choices_at", "json_schema", "keys_at", "meaning_at", "schema_of"]

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_RENAMED = {"gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


def json_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of the experiment file, for editors that check while one types.

    Returns:
        A new dictionary with a title and, for every key, a description.

    Examples:
        >>> schema = json_schema()
        >>> schema["title"], schema["required"]
        ('Experiment', ['id', 'question', 'data', 'arms', 'metrics'])
    """
    return schema_of(Experiment)


def schema_of(record: type[BaseModel]) -> Schema:
    """Return the JSON Schema of any record that people write as YAML.

    Examples:
        >>> from incrementality.experiment import Withholds
        >>> list(schema_of(Withholds)["properties"])
        ['journeys', 'functions']
    """
    return {"$schema": _DRAFT, **_plain(record.model_json_schema())}


def keys_at(path: KeyPath, schema: Schema | None = None) -> tuple[str, ...]:
    """Return the keys that the mapping at the path may hold, in the order of the documentation.

    Examples:
        >>> keys_at(("withholds",))
        ('journeys', 'functions')
    """
    return next(
        (tuple(part["properties"]) for part in _parts_at(path, schema or _schema()) if "properties" in part), ()
    )


def choices_at(path: KeyPath, schema: Schema | None = None) -> tuple[str, ...]:
    """Return the values that the key at the path may take, empty where they are not listed.

    Examples:
        >>> choices_at(("metrics", 0, "role"))
        ('primary', 'secondary', 'guardrail')
    """
    parts = _parts_at(path, schema or _schema())
    return next((tuple(part.get("enum", [part.get("const")])) for part in parts if {"enum", "const"} & set(part)), ())


def meaning_at(path: KeyPath, schema: Schema | None = None) -> str:
    """Return the description of the key at the path, empty where there is none.

    Examples:
        >>> meaning_at(("arms", 0, "share"))
        'Planned share of units: 1/3, 0.05 or 5%.'
    """
    return next(
        (str(part["description"]) for part in _parts_at(path, schema or _schema()) if "description" in part), ""
    )


@cache
def _schema() -> Schema:
    return json_schema()


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON is untyped
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {_RENAMED.get(key, key): _plain(item) for key, item in value.items()}
    if isinstance(plain.get("description"), str):
        plain["description"] = plain["description"].partition("\n\n")[0]
    return plain


def _parts_at(path: KeyPath, schema: Schema) -> list[Schema]:
    parts = list(_alternatives(schema, schema))
    for step in path:
        parts = [inner for part in parts for inner in _step(part, step, schema)]
    return parts


def _step(part: Schema, step: str | int, schema: Schema) -> Iterator[Schema]:
    inner = part.get("items") if isinstance(step, int) else part.get("properties", {}).get(step)
    free = (part.get("additionalProperties"), *part.get("patternProperties", {}).values())
    for found in (inner,) if inner is not None else free:
        if isinstance(found, dict):
            yield from _alternatives(found, schema)


def _alternatives(part: Schema, schema: Schema) -> Iterator[Schema]:
    yield part
    if "$ref" in part:
        yield from _alternatives(schema["$defs"][part["$ref"].rpartition("/")[2]], schema)
    for option in part.get("anyOf", ()):
        yield from _alternatives(option, schema)
