from __future__ import annotations

import math

import pytest

from incrementality.errors import InputError
from incrementality.stats.roots import increasing_root, reaching_root

FUNCTIONS = [
    (lambda x: x**3 - 2, 2 ** (1 / 3)),
    (lambda x: math.expm1(40 * (x - 0.3)), 0.3),
    (lambda x: -1.0 if x < 0.7 else 1.0, 0.7),
    (lambda x: max(-1e-9, min(x - 1.9, 1.0)), 1.9),
    (lambda x: math.copysign(abs(x - 0.5) ** 0.1, x - 0.5), 0.5),
]


@pytest.mark.parametrize(("function", "root"), FUNCTIONS)
def test_roots_of_steep_flat_and_broken_functions_are_found(function, root):
    assert increasing_root(function, 0.0, 2.0) == pytest.approx(root, abs=1e-9)
    assert reaching_root(function, 0.0, 0.01) == pytest.approx(root, abs=1e-9)
    assert reaching_root(function, 2.0, 0.01) == pytest.approx(root, abs=1e-9)


def test_few_steps_are_enough_for_a_smooth_function():
    seen = []
    increasing_root(lambda x: seen.append(x) or math.atan(x - 0.1), -50.0, 60.0)
    assert len(seen) < 40


def test_a_function_of_one_sign_is_refused():
    with pytest.raises(InputError, match="between 0"):
        increasing_root(lambda x: x + 1, 0.0, 1.0)
    with pytest.raises(InputError, match="answers"):
        reaching_root(lambda _: 1.0, 0.0, 1.0)
