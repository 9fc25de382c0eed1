"""Identifiers of people as they are compared: brought to one spelling where that is safe, and never guessed.

* ``email``: without blanks around it, A to Z as a to z. Dots and what follows a plus sign stay: whether they matter is
  the mail provider's business. A value of 64 hexadecimal digits is the SHA-256 of an address, kind ``hash``.
* ``phone``: the digits, with the plus sign before a country code; a leading 00 is a plus, ``(0)`` after a country code
  falls away. A number without country code meets only numbers that are written without one too. 64 hexadecimal digits
  are a hash. A value without any digit stays as it is, and is no number.
* ``customer_number``, ``app_id``, ``contact_id``: without blanks around them; upper and lower case differ.
* ``hash``: without blanks around it, in lower case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from incrementality.cohorts.sql_engine import hash_of
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = [
    "IDENTIFIER_KINDS",
    "identifier_kind",
    "is_hashed",
    "is_usable",
    "normalise_identifier",
    "normalised",
    "sealed",
]

IDENTIFIER_KINDS = ("contact_id", "email", "phone", "customer_number", "app_id", "hash")

_UPPER, _LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_HASH = "^[0-9a-f]{64}$"
_ADDRESS = "^[^@ ]+@[^@ ]+$"
_NUMBER = "^[+]?[0-9]{5,20}$"
_FOLDED = {ord(upper): lower for upper, lower in zip(_UPPER, _LOWER, strict=True)}
_KINDS = {
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "telephone": "phone",
    "mobile": "phone",
    "phone_number": "phone",
    "customer_id": "customer_number",
    "customer": "customer_number",
    "app": "app_id",
    "user_id": "app_id",
    "contact": "contact_id",
    "sha256": "hash",
    "email_hash": "hash",
    "hashed_email": "hash",
}


def identifier_kind(spelled: str) -> str | None:
    """Return the kind of identifier that a spelling means, or ``None``.

    Examples:
        >>> [identifier_kind(text) for text in ("E-Mail", "customer id", "app_id", "cookie")]
        ['email', 'customer_number', 'app_id', None]
    """
    folded = re.sub(r"[\s\-]+", "_", spelled.strip().casefold())
    return folded if folded in IDENTIFIER_KINDS else _KINDS.get(folded)


def normalise_identifier(kind: str, text: str) -> str:
    """Return an identifier as it is compared; the same rule as ``normalised`` in the engine.

    Examples:
        >>> normalise_identifier("email", " Ana.B+news@Example.com "), normalise_identifier("app_id", " uX7 ")
        ('ana.b+news@example.com', 'uX7')
        >>> [normalise_identifier("phone", text) for text in ("+49 (0)30 1234-56", "0049 30 123456", "030/123456")]
        ['+4930123456', '+4930123456', '030123456']
    """
    trimmed = text.strip(" ")
    if kind in {"email", "hash"}:
        return trimmed.translate(_FOLDED)
    if kind != "phone":
        return trimmed
    lower = trimmed.translate(_FOLDED)
    if re.search(_HASH, lower):
        return lower
    plus = re.sub(r"^(00|[+])", "+", re.sub(r"[^0-9+()]", "", trimmed))
    national = plus.replace("(0)", "") if re.match(r"^[+][0-9]+[(]0[)]", plus) else plus
    return re.sub(r"[()]", "", national) or lower


def normalised(kind: str, node: exp.Expression) -> exp.Expression:
    """Return the expression of an identifier as it is compared; ``normalise_identifier`` in the engine."""
    text = parse("trim(CAST($x AS TEXT))", x=node)
    lower = parse("translate($x, $upper, $lower)", x=text, upper=literal(_UPPER), lower=literal(_LOWER))
    if kind in {"email", "hash"}:
        return lower
    if kind != "phone":
        return text
    digits = parse("regexp_replace($x, '[^0-9+()]', '', 'g')", x=text)
    plus = parse("regexp_replace($x, '^(00|[+])', '+')", x=digits)
    trunk = parse("CASE WHEN regexp_matches($x, '^[+][0-9]+[(]0[)]') THEN replace($x, '(0)', '') ELSE $x END", x=plus)
    number = parse("regexp_replace($x, '[()]', '', 'g')", x=trunk)
    told = parse("CASE WHEN length($number) > 0 THEN $number ELSE $lower END", number=number, lower=lower)
    return parse("CASE WHEN $hashed THEN $lower ELSE $told END", hashed=is_hashed(lower), lower=lower, told=told)


def is_hashed(value: exp.Expression) -> exp.Expression:
    """Return the test that a normalised value is the SHA-256 of an identifier."""
    return parse("regexp_matches($x, $pattern)", x=value, pattern=literal(_HASH))


def is_usable(kind: str, value: exp.Expression) -> exp.Expression:
    """Return the test that a normalised value can be an identifier of its kind: a placeholder is none."""
    patterns = {"email": _ADDRESS, "phone": _NUMBER, "hash": "^[0-9a-f]{32,128}$"}
    if kind not in patterns:
        return parse("length($x) > 0", x=value)
    shaped = parse("regexp_matches($x, $pattern)", x=value, pattern=literal(patterns[kind]))
    return shaped if kind == "hash" else parse("($shaped OR $hashed)", shaped=shaped, hashed=is_hashed(value))


def sealed(value: exp.Expression, dialect: str, *, key: str) -> exp.Expression:
    """Return an identifier as a keyed hash (SHA-256 of key, slash, identifier), or as it is where the key is empty."""
    if not key:
        return value
    return hash_of(parse("$key || $x", key=literal(f"{key}/"), x=value), dialect)
