"""What a rule says, what it refuses when it is written, and that its fingerprint is its content."""

import ast
from pathlib import Path

import pytest
import yaml

from incrementality import cohorts
from incrementality.cohorts import NeverWithheld, ReadsOwnJourney, RuleError, parse_rule
from incrementality.errors import InputError

ALLOWED = {"cohorts", "display", "errors", "tables", "warehouse", "windows"}
FULL = """
journey: winback
purpose: win-back
tables:
  logins: {kind: events, unit: contact_id}
  orders: {kind: events, unit: contact_id}
  contacts: {kind: states, unit: contact_id, at: valid_from, time_zone: UTC}
  consents: {kind: states, unit: contact_id, at: valid_from}
  touches: {kind: events, unit: contact_id, at: sent_at, journey: campaign}
trigger: {threshold: contacts.score, below: 20, rearm: 40}
audience:
  - name: paying
    when:
      all:
        - {value: contacts.plan, in: [pro, team]}
        - {value: {since: contacts.signed_up_at}, at_least: 30d}
        - {not: {exists: logins, within: 14d}}
        - any:
            - {value: {sum: orders.amount, within: 90d}, above: 100}
            - {missing: contacts.manager}
suppressions:
  - name: no-email-consent
    kind: consent
    channel: email
    when: {value: {attribute: consents.granted, where: {channel: email, purpose: marketing}}, equals: false}
caps:
  - {name: weekly, most: 2, window: 7d, across: true}
channels: [email, sms]
preference: contacts.preferred_channel
account: contacts.account_id
reentry: {after: 90d}
exit: {exists: orders, within: 7d}
window: 14d
maturity_lag: 2d
"""


def full():
    return yaml.safe_load(FULL)


@pytest.mark.domain("X1", "X2")
def test_a_rule_is_read_from_yaml():
    rule = parse_rule(full())
    assert [operand.label for operand in rule.inputs] == [
        "count orders within 7d",
        "contacts.plan",
        "since contacts.signed_up_at",
        "count logins within 14d",
        "sum orders.amount within 90d",
        "contacts.manager",
        "consents.granted[channel=email,purpose=marketing]",
        "contacts.preferred_channel",
    ]


def test_the_fingerprint_survives_writing_and_reading():
    rule = parse_rule(full())
    assert parse_rule(rule.model_dump(mode="json", by_alias=True, exclude_none=True)).fingerprint == rule.fingerprint


def test_the_fingerprint_is_that_of_the_content_and_not_of_its_order():
    content = full()
    turned = dict(reversed(content.items()))
    assert parse_rule(turned).fingerprint == parse_rule(content).fingerprint
    assert parse_rule(content | {"priority": 7}).fingerprint != parse_rule(content).fingerprint


def test_a_fingerprint_is_frozen(rule):
    assert rule().fingerprint == "36a1681f997789267d7bb0add1b011435068feef401974de619cd64995606c21"


@pytest.mark.domain("X2")
@pytest.mark.parametrize("column", ["arm", "variant", "is_holdout", "assignedGroup", "treatment_at"])
def test_a_rule_that_reads_an_arm_is_refused(rule, column):
    with pytest.raises(ReadsOwnJourney, match="makes the arms incomparable"):
        rule(audience=[{"name": "a", "when": {"value": f"contacts.{column}", "equals": "x"}}])


@pytest.mark.domain("X2")
@pytest.mark.parametrize("name", ["assignments", "exposures", "email_sends", "deliveries", "message_opens"])
def test_a_table_of_arms_or_own_messages_is_refused(name):
    content = full() | {"trigger": {"event": name}}
    content["tables"] = full()["tables"] | {name: {"kind": "events"}}
    with pytest.raises(ReadsOwnJourney, match=name):
        parse_rule(content)


def test_messages_are_read_where_own_rows_are_left_out():
    content = full() | {"trigger": {"event": "email_sends"}}
    content["tables"] = full()["tables"] | {"email_sends": {"kind": "events", "journey": "campaign"}}
    assert parse_rule(content).trigger.table == "email_sends"


def test_a_word_inside_another_word_is_no_arm(rule):
    assert rule(audience=[{"name": "a", "when": {"missing": "contacts.pharmacy"}}])


@pytest.mark.domain("X12")
@pytest.mark.parametrize("purpose", ["billing", "contractual notice", "security-alert", "invoices", "PasswordReset"])
def test_messages_that_must_reach_everyone_are_refused(rule, purpose):
    with pytest.raises(NeverWithheld, match="never withheld"):
        rule(purpose=purpose)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trigger": {"event": "login"}}, "Did you mean 'logins'"),
        ({"trigger": {"event": "contacts"}}, "its kind is states, and the rule reads it as events"),
        ({"trigger": {"at": "noon"}}, "write one of: event, state, threshold, schedule"),
        ({"trigger": {"threshold": "contacts.score", "above": 5, "rearm": 6}}, "at or below the threshold 5"),
        ({"trigger": {"threshold": "contacts.score"}}, "either 'above' or 'below'"),
        ({"audience": [{"name": "a", "when": "plan = 'pro'"}]}, "write one of: all, any, not, missing, exists, value"),
        ({"exit": {"value": "contacts.plan"}}, "exactly one test"),
        ({"exit": {"value": "contacts.plan", "above": "pro"}}, "texts have no order"),
        ({"exit": {"value": "contacts.plan", "in": ["pro", 1]}}, "texts and numbers stand side by side"),
        ({"exit": {"value": {"count": "logins"}, "equals": "3"}}, "compared with a number"),
        ({"exit": {"value": {"since_last": "logins"}, "below": 3}}, "no duration"),
        ({"exit": {"exists": "logins", "within": "90 minutes"}}, "is not a duration"),
        ({"window": "0d"}, "from 1h to 3650d"),
        ({"caps": [{"name": "weekly", "most": 1, "window": "7d", "channel": "fax"}]}, "journey's channels: none"),
        ({"caps": [{"name": "c", "most": 1, "window": "7d"}] * 2}, "'c' stands more than once"),
        ({"preference": "contacts.channel"}, "needs the journey's 'channels'"),
        ({"sql": "1 = 1"}, "sql"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_the_place(rule, changes, said):
    with pytest.raises(RuleError, match=said) as caught:
        rule(**changes)
    assert isinstance(caught.value, InputError)
    assert caught.value.problems
    assert caught.value.hint


def test_the_room_imports_no_arm():
    for path in Path(cohorts.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("incrementality"):
                assert node.module.split(".")[1] in ALLOWED, path.name
