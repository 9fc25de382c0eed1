"""A source is found where the experiment says, and the error says what else was meant."""

import pytest

from incrementality.errors import InputError, SourceNotFound, UnsafePath
from incrementality.warehouse import frame_locator, locate
from incrementality.warehouse.sources import without_secret


@pytest.fixture
def root(tmp_path):
    for name in ("orders.csv", "orders.csv.gz", "orders.tsv", "orders.parquet", "crm.duckdb", "notes.xlsx"):
        (tmp_path / name).write_text("a\n1\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [("orders.csv", "csv"), ("orders.csv.gz", "csv"), ("orders.tsv", "csv"), ("orders.parquet", "parquet")],
)
def test_the_ending_says_the_kind(root, name, kind):
    found = locate(name, base=root, root=root)
    assert (found.kind, found.path, found.written) == (kind, root / name, name)


def test_a_database_file_needs_a_table(root):
    assert locate("crm.duckdb", table="orders", base=root).table == "orders"
    with pytest.raises(InputError, match="database without a table"):
        locate("crm.duckdb", base=root)


def test_a_text_file_takes_no_table(root):
    with pytest.raises(InputError, match="is one table"):
        locate("orders.csv", table="orders", base=root)


def test_no_source_is_a_table_of_the_workspace(root):
    assert locate(None, table="crm.orders", base=root).kind == "table"
    with pytest.raises(InputError, match="neither a 'source' nor a 'table'"):
        locate(None, base=root)


def test_a_variable_may_point_outside_the_workspace(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "orders.csv"
    elsewhere.write_text("a\n1\n")
    found = locate("${ORDERS}", base=root, root=root, environment={"ORDERS": str(elsewhere)})
    assert (found.path, found.written) == (elsewhere, "${ORDERS}")


@pytest.mark.parametrize("environment", [{"ORDER_FILE": "x"}, {"ORDERS_FILE": "", "ORDER_FILE": "x"}])
def test_a_missing_variable_names_the_near_one(root, environment):
    with pytest.raises(SourceNotFound, match=r"ORDERS_FILE, which is not set\. Did you mean 'ORDER_FILE'\?"):
        locate("${ORDERS_FILE}", base=root, environment=environment)


@pytest.mark.parametrize("source", ["../orders.csv", "/etc/passwd.csv", "folder/../../orders.csv"])
def test_a_path_that_leaves_the_workspace_is_refused(root, source):
    with pytest.raises(UnsafePath, match="outside the workspace"):
        locate(source, base=root, root=root)


def test_a_link_that_leaves_the_workspace_is_refused(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "orders.csv"
    elsewhere.write_text("a\n1\n")
    (root / "linked.csv").symlink_to(elsewhere)
    with pytest.raises(UnsafePath):
        locate("linked.csv", base=root, root=root)


def test_an_unknown_ending_names_those_that_are_known(root):
    with pytest.raises(InputError, match=r"ends in '\.xlsx'; allowed: \.csv, "):
        locate("notes.xlsx", base=root)


def test_a_folder_is_no_source(root):
    with pytest.raises(SourceNotFound, match="is a folder"):
        locate("folder", base=root)


def test_a_missing_file_names_the_near_one(root):
    with pytest.raises(SourceNotFound, match=r"Did you mean 'orders\.csv'\?"):
        locate("order.csv", base=root)


def test_a_missing_folder_is_a_missing_file(root):
    with pytest.raises(SourceNotFound, match="no file at"):
        locate("nowhere/orders.csv", base=root)


@pytest.mark.parametrize("url", ["postgresql://ada@db.example/crm", "spark://master:7077", "spark:local[2]"])
def test_a_url_needs_a_table(root, url):
    assert locate(url, table="orders", base=root).url == url
    with pytest.raises(InputError, match="warehouse without a table"):
        locate(url, base=root)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret@db.example/crm",
        "postgresql://:s3cret@db.example/crm",
        "postgresql://ada:p@s3cret@db.example/crm",
        "postgresql://ada@db.example/crm?password=s3cret&x=1",
    ],
)
def test_a_password_is_kept_for_the_engine_and_never_shown(root, url):
    found = locate(url, table="orders", base=root)
    assert found.url == url
    assert "s3cret" not in found.written
    assert "s3cret" not in without_secret(url)
    with pytest.raises(InputError) as caught:
        locate(url, base=root)
    assert "s3cret" not in str(caught.value)


def test_a_locator_prints_no_secret(root):
    assert "s3cret" not in repr(locate("postgresql://ada:s3cret@db.example/crm", table="t", base=root))


def test_a_frame_says_where_it_comes_from():
    assert frame_locator({"a": [1]}).written == "builtins frame"
