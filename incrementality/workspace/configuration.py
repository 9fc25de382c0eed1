"""The settings of a workspace: ``incrementality.yaml``, read with every problem and its line at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from incrementality.errors import did_you_mean
from incrementality.experiment.tree import Problem, clip, read_tree
from incrementality.workspace.settings import holds_nothing, settings_refusal, settings_text
from incrementality.workspace.sources import EMBEDDED, TableSources

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.experiment.tree import Tree

__all__ = ["CONFIGURATION", "EMBEDDED", "Configuration", "read_configuration"]

CONFIGURATION = "incrementality.yaml"

_WAREHOUSE = r"^(duckdb:|postgres(ql)?://\S+|spark://\S+|spark:local\S*|\$\{[A-Za-z_]\w*\}\S*)$"
_MEMORY = r"^[1-9]\d*(\.\d+)?\s?(MB|GB|MiB|GiB)$"


class Configuration(BaseModel):
    """The settings of a workspace.

    Examples:
        >>> Configuration()
        Configuration(warehouse='duckdb:', memory_limit='320MB', sources={})
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    warehouse: Annotated[
        str,
        Field(
            pattern=_WAREHOUSE,
            description="duckdb:, postgresql://user@host/database, spark://host:port, or ${NAME} from the environment",
        ),
    ] = EMBEDDED
    memory_limit: Annotated[str, Field(pattern=_MEMORY, description="a number and its unit, like 320MB or 2GB")] = (
        "320MB"
    )
    sources: Annotated[
        TableSources,
        Field(description="the tables that experiments name, like orders: {source: data/orders.parquet}"),
    ] = {}


def read_configuration(path: Path) -> Configuration:
    """Read the settings; a file without any gives the defaults.

    Args:
        path: The file.

    Raises:
        InputError: The file cannot be read, or has problems. All are listed, none shows a warehouse's address.
    """
    text = settings_text(path)
    if holds_nothing(text):
        return Configuration()
    tree = read_tree(text)
    try:
        found, problems = _validated(tree)
    except ValidationError as error:
        refused = {problem.path for problem in tree.problems}
        found, problems = None, [p for p in _problems(error, tree) if p.path not in refused]
    problems = [*tree.problems, *problems]
    if found is None or problems:
        raise settings_refusal(CONFIGURATION, problems)
    return found


def _validated(tree: Tree) -> tuple[Configuration | None, list[Problem]]:
    if tree.value is None and tree.problems:
        return None, []
    if not isinstance(tree.value, dict):
        text = f"the file holds {tree.spot(()).kind}; expected lines like 'warehouse: \"{EMBEDDED}\"'"
        return None, [Problem(tree.spot(()).line, (), text)]
    return Configuration.model_validate(tree.value, strict=True), []


def _problems(error: ValidationError, tree: Tree) -> list[Problem]:
    return [Problem(tree.spot(found["loc"]).line, found["loc"], _words(found, tree)) for found in error.errors()]


def _words(found: Any, tree: Tree) -> str:  # noqa: ANN401 - what the validating library says
    key, allowed = str(found["loc"][0]), tuple(Configuration.model_fields)
    if found["type"] == "extra_forbidden":
        return f"the key is unknown. Allowed: {', '.join(allowed)}.{did_you_mean(key, allowed)}"
    meaning = Configuration.model_fields[key].description
    if key == "warehouse":  # an address may hold a password
        return f"the value cannot be used. Write {meaning}"
    if key == "sources":
        return f"this cannot be used. Write {meaning}"
    return f"{clip(tree.spot((key,)).text)} cannot be used. Write {meaning}"
