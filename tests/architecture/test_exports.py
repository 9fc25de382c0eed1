"""Public names are listed, sorted, and exactly those that exist; rooms are those that the README maps."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import incrementality

ROOT = Path(__file__).parents[2]
OPTIONAL = {"postgres_engine": "psycopg", "spark_engine": "pyspark"}
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(incrementality.__path__, "incrementality.")
    if not module.name.endswith("__main__")
)


def import_module(name):
    extra = OPTIONAL.get(name.rpartition(".")[2])
    if extra is not None:
        pytest.importorskip(extra)
    return importlib.import_module(name)


def defined_in(path: Path) -> set[str]:
    """Public functions, classes and upper-case constants that a module defines itself."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {t.id for t in targets if isinstance(t, ast.Name) and t.id.isupper()}
    return {name for name in names if not name.startswith("_")}


def unlisted(path: Path, listed: list[str]) -> set[str]:
    """Public functions and classes of a module that its ``__all__`` leaves out."""
    return {name for name in defined_in(path) if not name.isupper()} - set(listed)


@pytest.mark.parametrize("name", ["incrementality", *MODULES])
def test_public_names_are_sorted_and_exist(name):
    module = import_module(name)
    assert list(module.__all__) == sorted(module.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert all(hasattr(module, public) for public in module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_no_public_name_is_missing_from_all(name):
    module = import_module(name)
    if name == "incrementality.cli":
        return  # commands are public on the command line
    assert unlisted(Path(module.__file__), module.__all__) == set()


def test_a_planted_public_name_is_found(tmp_path):
    module = tmp_path / "planted.py"
    module.write_text("__all__ = ['listed']\n\ndef listed(): ...\n\ndef planted(): ...\n")
    assert unlisted(module, ["listed"]) == {"planted"}


def test_the_facade_offers_what_it_lists():
    assert set(incrementality._ROOMS) == set(incrementality.__all__)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = incrementality.nothing_like_it


def rooms() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(incrementality.__path__) if module.name != "__main__"}


def test_the_readme_maps_every_room():
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(table) == rooms()


def test_the_package_docstring_maps_every_room():
    listed = re.findall(r"^    (\w+)  +\S", incrementality.__doc__.split("Five lines")[0], re.MULTILINE)
    assert set(listed) == rooms()
