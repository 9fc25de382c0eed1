"""An audit finds the same figures wherever the company's tables lie."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from incrementality.capture import audit_company, open_company
from incrementality.capture.source import Source, Sources
from incrementality.simulate import simulate_company
from incrementality.tables import COMPANY_TABLES
from incrementality.taxonomy import default_taxonomy

COMPANY = simulate_company(80, quarters=4, seed=3)
LEFT_OUT = {"telemetry", "usage", "campaigns", "costs", "signals"}


@pytest.fixture(scope="module")
def places(everywhere, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audited")
    found = {}
    for name, columns in COMPANY.tables.items():
        if name not in LEFT_OUT:
            path = folder / f"audited_{name}.parquet"
            pq.write_table(pa.table({key: typed(column) for key, column in columns.items()}), path)
            found[name] = everywhere(path)
    return found


def typed(column):
    if column.dtype.kind == "M":
        return pa.array(column.astype("datetime64[us]"))
    values = column.tolist()
    return (
        pa.array(values, pa.string() if column.dtype == object else None)
        if not np.ma.isMA(column)
        else pa.array(values)
    )


def audited(places, engine):
    copies = {name: place[engine] for name, place in places.items()}
    tables = {name: (Source(COMPANY_TABLES[name], copy.locator),) for name, copy in copies.items()}
    warehouse = copies["touchpoints"].warehouse
    company = open_company(Sources(tables), default_taxonomy(), warehouse, as_of=COMPANY.as_of)
    return audit_company(company).to_dict()


@pytest.mark.domain("D7")
def test_an_audit_is_the_same_on_postgresql(places):
    first = audited(places, "duckdb")
    assert sum(one["total"]["at_fault"] > 0 for one in first["metrics"]) > 10
    assert audited(places, "postgres") == first
