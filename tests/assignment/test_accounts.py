"""Contacts have the arm of their account, whole; whoever moves or is merged keeps the first one."""

import numpy as np
import pytest

from incrementality.assignment import assign, inherit, make_plan
from incrementality.errors import InputError

PLAN = make_plan("expansion-trigger-07", {"off": 0.5, "on": 0.5}, unit_type="account")
ACCOUNTS = assign(PLAN, [f"a_{i}" for i in range(200)])
OFF, ON = (next(ACCOUNTS.unit_id[row] for row in np.flatnonzero(ACCOUNTS.arm == arm)) for arm in ("off", "on"))


@pytest.mark.domain("X3", "X9")
def test_accounts_are_randomised_whole():
    homes = [f"a_{i % 200}" for i in range(1000)]
    contacts = inherit(ACCOUNTS, [f"c_{i}" for i in range(1000)], homes).assigned
    arm_of = dict(zip(ACCOUNTS.unit_id, ACCOUNTS.arm, strict=True))
    assert contacts.arm.tolist() == [arm_of[home] for home in homes]
    assert set(contacts.source) == {"inherited"}
    assert set(contacts.probability) == {0.5}


@pytest.mark.domain("X3")
def test_a_contact_that_moves_keeps_its_first_arm():
    before = inherit(ACCOUNTS, ["c_1", "c_2"], [OFF, ON])
    now = inherit(ACCOUNTS, ["c_1", "c_2", "c_3"], [ON, ON, OFF], first=before)
    assert now.assigned.arm.tolist() == ["off", "on", "off"]
    assert now.assigned.reason.tolist() == ["moved", "drawn", "drawn"]
    assert (now.account.tolist(), now.entered_with.tolist()) == ([ON, ON, OFF], [OFF, ON, OFF])


@pytest.mark.domain("X3")
@pytest.mark.parametrize(("other", "flag"), [(OFF, "merged"), (ON, "merged_conflict")])
def test_a_merged_contact_keeps_the_first_of_both(other, flag):
    before = inherit(ACCOUNTS, ["c_old", "c_new"], [OFF, other])
    now = inherit(ACCOUNTS, ["c_new"], [other], first=before, merged={"c_old": "c_mid", "c_mid": "c_new"})
    assert (now.assigned.arm.tolist(), now.assigned.reason.tolist()) == (["off"], [flag])


def test_merges_in_a_circle_are_refused():
    before = inherit(ACCOUNTS, ["c_1"], [OFF])
    with pytest.raises(InputError, match="lead back"):
        inherit(ACCOUNTS, ["c_1"], [OFF], first=before, merged={"c_1": "c_2", "c_2": "c_1"})


@pytest.mark.parametrize(
    ("contacts", "homes", "told"),
    [
        (["c_1"], ["a_x"], "'a_x' was not assigned"),
        (["c_1", "c_1"], [OFF, ON], "'c_1' stands more than once"),
        (["c_1"], [OFF, ON], "1 contacts and 2 accounts"),
    ],
)
def test_doubtful_contacts_are_refused(contacts, homes, told):
    with pytest.raises(InputError, match=told):
        inherit(ACCOUNTS, contacts, homes)


def test_what_came_before_is_left_as_it_was():
    before = inherit(ACCOUNTS, ["c_1"], [OFF])
    inherit(ACCOUNTS, ["c_1"], [ON], first=before)
    assert before.assigned.reason.tolist() == ["drawn"]
    assert ACCOUNTS.unit_id[0] == "a_0"
