"""Campaign names are counted in the engine: only different names leave it."""

import pytest

from incrementality.capture.campaign_names import audit_campaigns
from incrementality.errors import ColumnNotFound
from incrementality.taxonomy import default_taxonomy, parse_taxonomy
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse

GOOD = "email_smb_winback_20off_v2"


@pytest.fixture(scope="module")
def engine():
    with connect(threads=1) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def touches(engine):
    made = "CASE k % 5 WHEN 0 THEN 'Email SMB winback 20off v2' WHEN 1 THEN NULL ELSE 'email_smb_winback_20off_v2' END"
    return engine.materialise("touches", parse(f"SELECT {made} AS campaign FROM range(1000) AS r(k)"))  # noqa: S608


@pytest.mark.domain("T6")
def test_every_bad_name_is_reported_with_its_touches(engine, touches):
    report = audit_campaigns(engine, touches, default_taxonomy())
    assert (report.names, report.touches, report.bad_touches) == (2, 800, 200)
    assert report.values == {"Email SMB winback 20off v2": GOOD}


@pytest.mark.domain("T6")
def test_with_a_register_its_names_alone_are_good(engine, touches):
    register = engine.materialise("register", parse("SELECT 'sms_ent_renewal_none_v1' AS campaign"))
    report = audit_campaigns(engine, touches, default_taxonomy(), campaigns=register)
    assert report.bad_touches == 800


def test_the_companys_own_rule_decides(engine, touches):
    taxonomy = parse_taxonomy({"campaigns": {"parts": ["a", "b", "c", "d", "e"], "separator": " ", "lower": False}})
    assert [r.name for r in audit_campaigns(engine, touches, taxonomy).repairs] == [
        GOOD,
        "Email SMB winback 20off v2",
    ]


def test_a_table_without_campaigns_is_named(engine):
    bare = engine.materialise("bare", parse("SELECT 1 AS touch_id"))
    with pytest.raises(ColumnNotFound, match=r"the table touches has no column 'campaign'"):
        audit_campaigns(engine, bare, default_taxonomy())
