"""The smallest company: three touches and two revenue events, all clean."""

from datetime import UTC, datetime

AS_OF = datetime(2026, 6, 30, tzinfo=UTC)
TOUCHES = [
    {"touch_id": "t1", "account_id": "a1", "function": "sdr", "type": "call", "occurred_at": "2026-02-01 10:00"},
    {"touch_id": "t2", "account_id": "a1", "function": "ae", "type": "demo", "occurred_at": "2026-02-10 10:00"},
    {"touch_id": "t3", "account_id": "a2", "function": "marketing", "type": "webinar", "occurred_at": "2026-03-01"},
]
EVENTS = [
    {"event_id": "e1", "account_id": "a1", "kind": "new", "occurred_at": "2026-03-01", "amount": "1000.00"},
    {"event_id": "e2", "account_id": "a2", "kind": "expansion", "occurred_at": "2026-04-01", "amount": "250.50"},
]


def changed(rows, k, **values):
    """The rows with values of one of them changed."""
    return [row | values if i == k else row for i, row in enumerate(rows)]
