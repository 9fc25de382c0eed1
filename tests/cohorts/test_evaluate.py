"""May this contact get it now? True, false with reasons, or unknown with what is missing."""

from datetime import UTC, datetime, timedelta

import pytest

from incrementality.cohorts import Inputs, evaluate
from incrementality.errors import ColumnTypeError

T0 = datetime(2026, 3, 1, tzinfo=UTC)
PAYING = {"name": "paying", "when": {"value": "contacts.plan", "equals": "pro"}}
ACTIVE = {"name": "active", "when": {"value": {"count": "logins", "within": "7d"}, "at_least": 2}}


def contact(days=10, **values):
    return {"unit_id": "a", "valid_from": T0 - timedelta(days=days), **values}


def logins(*days):
    return [{"unit_id": "a", "occurred_at": T0 - timedelta(days=day)} for day in days]


def verdict(rule, at=T0, **tables):
    return evaluate(rule, Inputs("a", {"logins": [], "orders": [], "contacts": [], "consents": [], **tables}), at)


@pytest.mark.domain("X2")
def test_the_answer_has_three_values_with_reasons(rule):
    asked = rule(audience=[PAYING, ACTIVE])
    assert verdict(asked, contacts=[contact(plan="pro")], logins=logins(1, 2)).status == "eligible"
    assert verdict(asked, contacts=[contact(plan="free")]).reasons == ("audience.paying", "audience.active")
    assert verdict(asked, logins=logins(1, 2)).reasons == ("missing.contacts.plan",)


def test_unknown_is_never_false_and_false_outweighs_it(rule):
    asked = rule(audience=[PAYING, ACTIVE])
    assert verdict(asked, logins=logins(1, 2)).eligible is None
    assert verdict(asked).reasons == ("audience.active",)


def test_an_absent_table_is_unknown_and_an_empty_one_is_not(rule):
    asked = rule(audience=[{"name": "new", "when": {"not": {"exists": "orders"}}}])
    assert verdict(asked).eligible is True
    found = evaluate(asked, Inputs("a", {"logins": []}), T0)
    assert (found.eligible, found.reasons) == (None, ("missing.count orders",))


def test_look_backs_are_half_open_and_strictly_before(rule):
    asked = rule(audience=[{"name": "a", "when": {"value": {"count": "logins", "within": "7d"}, "equals": 1}}])
    assert verdict(asked, logins=logins(0, 7)).eligible is True
    assert verdict(asked, logins=logins(0, 7.001)).eligible is False


def test_a_state_holds_from_its_time_to_the_next(rule):
    asked = rule(audience=[PAYING])
    rows = [contact(5, plan="free"), contact(0, plan="pro"), contact(-1, plan="free")]
    assert verdict(asked, contacts=rows).eligible is True
    assert verdict(asked, contacts=rows, at=T0 - timedelta(seconds=1)).eligible is False


def test_two_values_at_the_same_instant_are_unknown(rule):
    assert verdict(rule(audience=[PAYING]), contacts=[contact(plan="pro"), contact(plan="free")]).eligible is None


def test_rows_of_the_own_journey_are_left_out(rule):
    tables = {"touches": {"kind": "events", "journey": "campaign"}, "logins": {"kind": "events"}}
    asked = rule(tables=tables, audience=[{"name": "quiet", "when": {"not": {"exists": "touches"}}}])
    row = logins(1)[0]
    own, other = [[row | {"campaign": name}] for name in ("winback", "news")]
    assert verdict(asked, touches=own).eligible is True
    assert verdict(asked, touches=other).eligible is False


@pytest.mark.domain("X12")
def test_consent_and_preference_choose_the_channel(rule):
    def no(channel):
        where = {"channel": channel, "purpose": "marketing"}
        when = {"value": {"attribute": "consents.granted", "where": where}, "equals": False}
        return {"name": f"no-{channel}", "kind": "consent", "channel": channel, "when": when}

    def consent(**given):
        ((channel, granted),) = given.items()
        return contact(channel=channel, purpose="marketing", granted=granted)

    asked = rule(channels=["email", "sms"], preference="contacts.likes", suppressions=[no("email"), no("sms")])
    both = [consent(email=True), consent(sms=True)]
    assert verdict(asked, consents=both).channel == "email"
    assert verdict(asked, consents=both, contacts=[contact(likes="sms")]).channel == "sms"
    assert verdict(asked, consents=[consent(email=False), consent(sms=True)]).channel == "sms"
    refused = [consent(email=False), consent(sms=False)]
    assert verdict(asked, consents=refused).reasons == ("suppressed.no-email", "suppressed.no-sms")
    unknown = verdict(asked, consents=[consent(email=False)])
    assert (unknown.eligible, unknown.reasons) == (None, ("missing.consents.granted[channel=sms,purpose=marketing]",))


def test_always_send_and_exit_keep_a_unit_out(rule):
    asked = rule(always_send={"value": "contacts.vip", "equals": True}, exit={"exists": "orders", "within": "7d"})
    found = verdict(asked, contacts=[contact(vip=True)], orders=logins(1))
    assert found.reasons == ("always_send", "exit")


@pytest.mark.parametrize(
    ("test", "eligible"),
    [({"between": ["1d", "3d"]}, True), ({"between": ["1d", "2d"]}, False), ({"at_most": "2d"}, True)],
)
def test_durations_compare_and_between_is_half_open(rule, test, eligible):
    asked = rule(audience=[{"name": "a", "when": {"value": {"since_last": "logins"}, **test}}])
    assert verdict(asked, logins=logins(5, 2)).eligible is eligible


def test_the_inputs_hash_is_that_of_the_inputs(rule):
    asked = rule(audience=[PAYING])
    first = verdict(asked, contacts=[contact(plan="pro")])
    assert verdict(asked, contacts=[contact(20, plan="pro")], logins=logins(3)).inputs_hash == first.inputs_hash
    assert verdict(asked, contacts=[contact(plan="free")]).inputs_hash != first.inputs_hash


def test_a_constant_of_another_type_is_refused(rule):
    with pytest.raises(ColumnTypeError, match="of another type"):
        verdict(rule(audience=[PAYING]), contacts=[contact(plan=3)])


def test_a_moment_without_a_zone_is_refused(rule):
    with pytest.raises(ColumnTypeError, match="has no zone"):
        verdict(rule(), at=datetime(2026, 3, 1))  # noqa: DTZ001 - the fault
