"""What is Spark's own: its catalog, its errors, and text files read as the embedded engine reads them."""

import gzip

import pytest

from incrementality.errors import InputError, SourceNotFound, SourceUnreadable, WarehouseError
from incrementality.warehouse import Locator, connect
from incrementality.warehouse.sql import literal, parse

FILES = {
    "codes and quotes": 'id,we"ird,é😀\n007,"o\'neil; ""x""",1.5\n010,"",NaN\n011,"two\nlines",inf\n',
    "types": "a,b,c,d,e\n1,true,2024-01-01,12345678901234567890,-5\n2,false,2024-01-02,1,0\n",
    "header only": "a,b\n",
    "semicolons": "a;b\n1;x\n2;y\n",
    "blank line": "a,b\n1,2\n\n3,4\n",
    "number sign": "id,arm\n#1,a\nb,c\n",
}


def csv(path):
    return Locator("csv", path=path, written=path.name)


@pytest.mark.parametrize(("case", "ending"), [*((case, ".csv") for case in FILES), ("codes and quotes", ".csv.gz")])
def test_text_files_are_read_as_the_embedded_engine_reads_them(duck, spark, tmp_path, case, ending):
    path = tmp_path / f"some[1]*{ending}"
    path.write_bytes(FILES[case].encode() if ending == ".csv" else gzip.compress(FILES[case].encode()))
    (tmp_path / f"some1{ending}").write_bytes(b"not this one")
    answers = []
    for warehouse in (duck, spark):
        relation = warehouse.open(csv(path))
        rows = warehouse.query(parse("SELECT * FROM source", source=relation.name))
        answers.append((list(relation.columns), repr(sorted(rows, key=repr))))
    assert answers[0] == answers[1]


def test_a_ragged_text_file_is_refused(spark, tmp_path):
    path = tmp_path / "ragged.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(SourceUnreadable, match="Malformed CSV record: 3"):
        spark.open(csv(path))


@pytest.mark.parametrize("content", [b"a,b\n1,\xff\n", b"a\nM\xfcller\n"])
def test_a_text_file_in_another_encoding_is_refused(spark, tmp_path, content):
    path = tmp_path / "latin.csv"
    path.write_bytes(content)
    with pytest.raises(SourceUnreadable, match="not encoded in UTF-8"):
        spark.open(csv(path))


def test_a_damaged_archive_is_refused(spark, tmp_path):
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 999)[:-9])
    with pytest.raises(SourceUnreadable, match=r"cut\.csv\.gz cannot be read"):
        spark.open(csv(path))


def test_a_damaged_parquet_file_is_refused(spark, tmp_path):
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(SourceUnreadable, match="is not a Parquet file"):
        spark.open(Locator("parquet", path=path, written=path.name))


def test_only_the_columns_that_are_needed_are_kept(spark, tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("a,b,c\n1,2,x\n")
    relation = spark.open(csv(path), columns=("c", "a"))
    assert relation.columns == {"a": "integer", "b": "integer", "c": "text"}
    assert spark.query(parse("SELECT * FROM source", source=relation.name)) == [(1, "x")]


def test_a_missing_table_names_the_near_one(spark):
    spark.materialise("customer_orders", parse("SELECT 1 AS a"))
    with pytest.raises(SourceNotFound, match="Did you mean 'customer_orders'"):
        spark.open(Locator("table", table="customer_order"))


def test_frames_are_not_read(spark):
    with pytest.raises(SourceNotFound, match="which Spark does not read"):
        spark.open(Locator("frame", written="pandas frame", frame=object()))


def test_temporary_results_are_kept(spark):
    kept = spark.materialise("kept", parse("SELECT rand() AS a, $b AS b", b=literal("${x}")))
    first = spark.row(parse("SELECT a, b FROM source", source=kept.name))
    assert spark.row(parse("SELECT a, b FROM source", source=kept.name)) == first
    assert first[1] == "${x}"
    assert any("kept" in text and "${x}" in text for text in spark.statements)


def test_an_error_names_the_condition_and_keeps_the_query(spark, capfd):
    with pytest.raises(WarehouseError, match="UNRESOLVED_COLUMN") as caught:
        spark.row(parse("SELECT nosuch"))
    assert caught.value.sql == "SELECT nosuch"
    assert capfd.readouterr() == ("", "")


def test_overflow_and_division_by_zero_are_refused(spark):
    with pytest.raises(WarehouseError, match="DIVIDE_BY_ZERO"):
        spark.row(parse("SELECT 1e0 / 0e0"))
    with pytest.raises(WarehouseError, match="CAST_INVALID_INPUT"):
        spark.row(parse("SELECT CAST('x' AS DOUBLE)"))


def test_a_second_warehouse_shares_the_context_and_nothing_else(spark):
    spark.materialise("mine", parse("SELECT 1 AS a"))
    with connect("spark:local[2]") as second, pytest.raises(SourceNotFound):
        second.open(Locator("table", table="mine"))
    assert spark.row(parse("SELECT 1")) == (1,)


def test_a_master_that_does_not_answer_is_said_at_once(spark):
    with pytest.raises(WarehouseError, match=r"no connection to Spark at spark://127\.0\.0\.1:1"):
        connect("spark://127.0.0.1:1")


@pytest.mark.parametrize("url", ["spark:", "spark:local[x]", "spark://host", "spark:yarn"])
def test_other_urls_are_refused(url):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    with pytest.raises(InputError, match="no URL of Spark"):
        connect(url)
