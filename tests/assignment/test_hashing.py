"""The hash is the published one, uniform, and its draws know nothing of one another."""

import hashlib
import uuid
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from incrementality.assignment import cut, hash_unit, hash_units, long_crm_id
from incrementality.assignment.hashing import SPACE, exact, key_prefix, ranks
from incrementality.errors import InputError

VECTORS = [
    ("global", "gh-2026h1", "contact", "c_000001", 2484217477),
    ("exp", "winback-2026q1", "contact", "c_000001", 3472529440),
    ("exp", "winback-2026q1", "contact", "c_000002", 1033482039),
    ("exp", "winback-2026q1", "account", "0015g00000AbCdEAAV", 3483512948),
    ("layer", "lifecycle-email", "contact", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", 1213573199),
    ("exp", "onboarding-nudge", "contact", "ana@example.com", 983086451),
    ("exp", "onboarding-nudge", "contact", "zoë@exämple.com", 844337296),
    ("arm", "expansion-trigger-07", "account", "42", 355914778),
    ("arm", "expansion-trigger-07", "account", "042", 828407626),
    ("exp", "qbr-invite", "contact", "客户-9 / x", 374648787),
    ("exp", "qbr-invite", "contact", "o'neil+😀@example.com", 3412909025),
]
N = 20_000
RNG = np.random.default_rng(20261121)
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
CRM_15 = ["0015g00000" + "".join(letters) for letters in RNG.choice(LETTERS, (N, 5))]
SHAPES = {
    "sequential": [str(i) for i in range(N)],
    "padded": [f"c_{i:08d}" for i in range(N)],
    "uuid": [str(uuid.UUID(bytes=RNG.bytes(16), version=4)) for _ in range(N)],
    "e-mail": [
        f"{name}{i}@{domain}.com"
        for i, (name, domain) in enumerate([("ana", "example"), ("zoë", "exämple")] * (N // 2))
    ],
    "crm 15": CRM_15,
    "crm 18": [long_crm_id(text) for text in CRM_15],
}
KINDS = ("global", "layer", "exp", "arm")


@pytest.mark.parametrize(("kind", "salt", "unit_type", "unit_id", "value"), VECTORS)
def test_the_hash_gives_the_published_vectors(kind, salt, unit_type, unit_id, value):
    assert hash_unit(kind, salt, unit_type, unit_id) == value


@given(
    st.lists(st.text(st.characters(blacklist_categories=("Cs", "Z", "C")), min_size=1).map("u".__add__), max_size=20)
)
def test_a_batch_hashes_as_the_formula_says(ids):
    formula = [hashlib.sha256(f"1/arm/s/contact/{i}".encode()).digest()[:4] for i in ids]
    assert hash_units("arm", "s", "contact", ids).tolist() == [int.from_bytes(first) for first in formula]


def test_no_unit_has_no_hash():
    assert hash_units("arm", "s", "contact", []).shape == (0,)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_hashes_are_uniform(shape, kind):
    drawn = hash_units(kind, "winback-2026q1", "contact", SHAPES[shape])
    assert stats.kstest(drawn / SPACE, "uniform").pvalue > 1e-4
    assert stats.chisquare(np.bincount(drawn * 64 // SPACE, minlength=64)).pvalue > 1e-4


@pytest.mark.domain("X7")
@pytest.mark.parametrize("shape", SHAPES)
def test_draws_of_two_kinds_are_independent(shape):
    drawn = {kind: hash_units(kind, "one-salt", "contact", SHAPES[shape]) * 8 // SPACE for kind in KINDS}
    for one in KINDS:
        for other in KINDS[: KINDS.index(one)]:
            table = np.histogram2d(drawn[one], drawn[other], bins=8)[0]
            assert stats.chi2_contingency(table).pvalue > 1e-4


@pytest.mark.domain("X7")
def test_draws_of_two_salts_are_independent():
    one, other = (hash_units("arm", salt, "contact", SHAPES["sequential"]) * 8 // SPACE for salt in ("q1", "q2"))
    assert stats.chi2_contingency(np.histogram2d(one, other, bins=8)[0]).pvalue > 1e-4


def test_the_rank_starts_with_the_hash():
    digits = ranks(key_prefix("rank", "s", "contact"), ["c_1"])[0]
    assert int(digits[:8], 16) == hash_unit("rank", "s", "contact", "c_1")


@pytest.mark.parametrize("salt", ["", "Upper", "a b", "a/b", "-a", "a" * 64, "é", "a\n", None])
def test_salts_are_refused(salt):
    with pytest.raises(InputError, match="salt"):
        hash_unit("exp", salt, "contact", "c_1")


def test_unknown_kinds_are_refused():
    with pytest.raises(InputError, match="'arms' is unknown; allowed: arm, exp"):
        hash_unit("arms", "s", "contact", "c_1")


@pytest.mark.parametrize("share", [0.1, "0.1", "10%", "1/10", Fraction(1, 10)])
def test_shares_are_read_as_written(share):
    assert exact(share) == Fraction(1, 10)
    assert cut(share) == round(Fraction(1, 10) * SPACE) == 429496730


@pytest.mark.parametrize("share", [-0.1, 1.01, "x", "1/0", float("nan"), float("inf"), None])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(InputError, match="not between 0 and 1"):
        cut(share)
