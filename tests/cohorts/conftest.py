from __future__ import annotations

from datetime import UTC, datetime

import pytest

from incrementality.cohorts import parse_rule

BASE = {
    "journey": "winback",
    "purpose": "win-back",
    "tables": {
        "logins": {"kind": "events"},
        "orders": {"kind": "events"},
        "contacts": {"kind": "states", "at": "valid_from"},
        "consents": {"kind": "states", "at": "valid_from"},
    },
    "trigger": {"event": "logins"},
    "window": "14d",
}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def rule():
    def make(**changes):
        return parse_rule(BASE | changes)

    return make
