"""Three engines with the same data.

Fixtures, all of the session:

``duck``, ``postgres``, ``spark``
    The warehouses. PostgreSQL is started in a temporary folder on a unix socket, Spark in this process; both skip
    with a reason where they cannot run. The last two come up on first use (about 1 s and 10 s).
``everywhere``
    A function: ``everywhere(path, table="orders")`` takes a CSV or Parquet file and returns a ``Copy`` for each
    engine. DuckDB and Spark read the file itself, PostgreSQL a table with the types that DuckDB finds in it.
    For a whole analysis: ``for copy in everywhere(path).values(): analyze(copy.warehouse, copy.locator)``.
``copies``
    ``everywhere`` of the seeded units below: hostile names and values, nulls, NaN, money, booleans, clusters.
``units``
    The same units as numpy arrays.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from incrementality.warehouse import Locator, Relation, Warehouse, connect

ENGINES = ("duckdb", "postgres", "spark")
OTHERS = ENGINES[1:]
ARMS = ("holdout", "o'neil; drop table x --")
STRATA = ('we"ird \\', "select", "é😀", "${x} %s $1")
N = 3000


@dataclass(frozen=True)
class Copy:
    warehouse: Warehouse
    locator: Locator
    relation: Relation


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engines)


@pytest.fixture(scope="session")
def duck():
    with connect("duckdb:", threads=2) as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def postgres_url():
    programs = _postgres_programs()
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    os.chown(folder, account.pw_uid, account.pw_gid)

    def run(*command):
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **identity)

    run(programs / "initdb", "-D", folder / "data", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    run(programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql://tester@/postgres?host={folder}"
    finally:
        run(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs():
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'incrementality[postgres]'")
    found = [shutil.which("initdb"), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True))]
    program = next((Path(path) for path in found if path), None)
    if program is None:
        pytest.skip("no PostgreSQL server programs (initdb) on this machine")
    return program.parent


def _account():
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


@pytest.fixture(scope="session")
def postgres(postgres_url):
    with connect(postgres_url) as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def spark():
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'incrementality[spark]'")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java 17, and there is no java on this machine")
    with connect("spark:local[2]") as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def everywhere(duck, postgres, postgres_url, spark):
    def load(path, table=None):
        kind = "csv" if ".csv" in path.name else "parquet"
        name = table or path.name.split(".")[0]
        _copy_to_postgres(postgres_url, path, name)
        file, stored = Locator(kind, path=path, written=path.name), Locator("table", table=name, written=name)
        opened = {"duckdb": (duck, file), "postgres": (postgres, stored), "spark": (spark, file)}
        return {e: Copy(warehouse, locator, warehouse.open(locator)) for e, (warehouse, locator) in opened.items()}

    return load


def _copy_to_postgres(url, path, table):
    import psycopg
    from psycopg import sql

    with duckdb.connect() as source:
        found = source.from_csv_auto(str(path)) if ".csv" in path.name else source.from_parquet(str(path))
        kinds = {"DOUBLE": "double precision", "VARCHAR": "text"}
        types = [kinds.get(str(kind), str(kind)) for kind in found.types]
        named = zip(found.columns, types, strict=True)
        columns = [sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in named]
        rows = found.fetchall()
    where = sql.Identifier(*table.split("."))
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(where, sql.SQL(", ").join(columns)))
        with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(where)) as copy:
            for row in rows:
                copy.write_row(row)


@pytest.fixture(scope="session")
def units():
    rng = np.random.default_rng(20261121)
    pre = rng.normal(1e6, 1e3, N)
    revenue = np.where(rng.random(N) < 0.05, rng.lognormal(4, 1, N), 0.0)
    gaps, nans = rng.random(N) < 0.1, rng.random(N) < 0.02
    strata = np.array([STRATA[i] if i < len(STRATA) else None for i in rng.integers(0, len(STRATA) + 1, N)], object)
    arms, flags = rng.integers(0, 2, N), np.random.default_rng(7)
    decided = np.datetime64("2026-01-01T00:00:00", "us") + flags.integers(0, 50 * 86_400, N).astype("timedelta64[s]")
    later = np.ceil(np.random.default_rng(8).exponential(40, N)).astype("timedelta64[D]")
    expanded = np.where(np.random.default_rng(9).random(N) < 0.7, decided + later, np.datetime64("NaT"))
    decided[flags.random(N) < 0.01] = np.datetime64("NaT")
    could = np.where(flags.random(N) < 0.03, np.nan, flags.random(N) < 0.8)
    reached = (flags.random(N) < np.where(arms == 1, 0.7, 0.02)) & (could == 1)
    return {
        "id": np.array([f"{i:05d}" for i in range(N)]),
        "select": np.array([ARMS[i] for i in arms], object),
        "é😀": strata,
        "account": rng.integers(0, 150, N),
        'we"ird': pre + rng.normal(0, 300, N),
        "pre": pre,
        "revenue": revenue,
        "converted": (revenue > 0).astype(np.int64),
        "won": rng.random(N) < 0.3,
        "money": np.round(rng.lognormal(5, 1, N), 2),
        "gaps": np.where(gaps, np.nan, rng.normal(3, 1, N)),
        "nans": np.where(nans, np.nan, rng.normal(-3, 1, N)),
        "could": could,
        "reached": reached,
        "decided": decided,
        "day": decided.astype("datetime64[D]"),
        "watched": np.minimum(later.astype(float), 25 + np.arange(N) % 60),
        "came": later.astype(float) <= 25 + np.arange(N) % 60,
        "expanded": expanded,
        "chance": np.where(np.arange(N) % 4 == 0, 0.25, 0.75),
    }


@pytest.fixture(scope="session")
def units_file(units, tmp_path_factory):
    """The units as Parquet: money is a decimal, gaps are nulls, NaN stays NaN."""
    path = tmp_path_factory.mktemp("units") / "units.parquet"
    cents = [Decimal(f"{amount:.2f}") for amount in units["money"]]
    special = {
        "money": pa.array(cents, pa.decimal128(14, 2)),
        "gaps": pa.array(units["gaps"], mask=np.isnan(units["gaps"])),
    }
    pq.write_table(pa.table({name: special.get(name, pa.array(values)) for name, values in units.items()}), path)
    return path


@pytest.fixture(scope="session")
def copies(everywhere, units_file):
    return everywhere(units_file)
