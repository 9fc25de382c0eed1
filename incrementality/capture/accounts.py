"""The rules of accounts and people: our own test accounts are refused, and what names an account is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from sqlglot import exp

    from incrementality.capture.clerk import Clerk
    from incrementality.capture.drafts import Draft

__all__ = ["first_contact", "take_in_accounts", "take_in_contacts", "with_account"]

_OF_ACCOUNTS = ("known_account", "account_test", "account_created")


def take_in_accounts(clerk: Clerk) -> None:
    """Take in the accounts; test accounts are refused."""
    draft = clerk.drafted("accounts")
    if draft is not None and "test" in draft.columns:
        draft = draft.refusing("test_account", parse("$t", t=column("test")))
    clerk.take_in(draft)


def take_in_contacts(clerk: Clerk) -> None:
    """Take in the people; those of test accounts are refused, those of accounts that are not listed flagged."""
    draft = clerk.drafted("contacts")
    clerk.take_in(None if draft is None else with_account(clerk, draft))


def with_account(clerk: Clerk, draft: Draft, *, orphan: bool = False) -> Draft:
    """Return a draft with the rules of its accounts: of test accounts refused, of those not listed flagged or refused.

    Args:
        clerk: Whoever takes the tables in.
        draft: The rows, with ``account_id``.
        orphan: Whether a row whose account is not listed is refused as an orphan.
    """
    if "account_id" not in draft.columns or "accounts" not in clerk.staged:
        return draft.refusing("orphan", parse("$a IS NULL", a=column("account_id"))) if orphan else draft
    listed = clerk.staged["accounts"].rows
    dated = "created_at" in clerk.staged["accounts"].columns
    one_row = parse(
        "SELECT $key AS known_account, min(CASE WHEN refused = 'test_account' THEN 1 ELSE 0 END) AS account_test, "
        "min($created) AS account_created "
        "FROM staged WHERE refused IS NULL OR refused = 'test_account' GROUP BY $key",
        key=column("account_id"), staged=listed.name,
        created=column("created_at") if dated else parse("CAST(NULL AS TIMESTAMP)"),
    )  # fmt: skip
    known = clerk.helper("known_accounts", one_row)
    on = parse("$a = $b", a=column("known_account", of="acc"), b=column("account_id", of="d"))
    draft = draft.beside(known.name, "acc", on, {name: name for name in _OF_ACCOUNTS})
    draft = draft.refusing("test_account", parse("account_test = 1"))
    unlisted = parse("$k IS NULL", k=column("known_account"))
    if orphan:
        return draft.refusing("orphan", unlisted)
    return draft.flagging("account_not_listed", parse("$u AND $a IS NOT NULL", u=unlisted, a=column("account_id")))


def first_contact(clerk: Clerk) -> exp.Expression | None:
    """Return a query of each account's first contact: when it entered the CRM, or the first of its people did.

    Where neither table says so it is the account's first touch.
    """
    for table in ("accounts", "contacts", "touchpoints"):
        time = "occurred_at" if table == "touchpoints" else "created_at"
        staged = clerk.staged.get(table)
        if staged is not None and {"account_id", time} <= set(staged.columns):
            return parse(
                "SELECT $key AS met_account, min($t) AS met_at FROM rows WHERE $key IS NOT NULL GROUP BY $key",
                key=column("account_id"), t=column(time), rows=clerk.clean[table].name,
            )  # fmt: skip
    return None
