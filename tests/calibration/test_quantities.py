"""A relative lift is not a share: the worked figures, and what types refuse."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from incrementality.calibration import (
    CalibrationFactor,
    Conversions,
    Money,
    RelativeLift,
    ShareCaused,
    scaled_to_period,
)
from incrementality.errors import InputError


@pytest.mark.domain("R11")
class TestWorkedFigures:
    def test_a_lift_of_30_percent_is_23_1_percent_of_the_treateds_conversions(self):
        assert round(RelativeLift(0.30, 0.0).share_caused().value, 3) == 0.231

    def test_credited_50_percent_and_a_lift_of_30_gives_the_factor_0_46(self):
        assert round(RelativeLift(0.30, 0.0).share_caused().factor(0.5).value, 2) == 0.46

    def test_only_a_share_of_30_percent_gives_0_60(self):
        assert ShareCaused(0.30, 0.0).factor(0.5) == CalibrationFactor(0.6, 0.0)


@given(st.floats(-0.9, 20))
def test_lift_and_share_are_there_and_back(lift):
    back = RelativeLift(lift, 0.01).share_caused().relative_lift()
    assert (back.value, back.variance) == (pytest.approx(lift, abs=1e-9), pytest.approx(0.01, rel=1e-6))


def test_variances_follow_simulation():
    """Delta method and the product of independent variables, against a million draws; three sigma of theirs."""
    rng = np.random.default_rng(2)
    lift = rng.normal(0.3, 0.01, 10**6)
    share = lift / (1 + lift)
    assert RelativeLift(0.3, 1e-4).share_caused().variance == pytest.approx(share.var(), rel=0.01)
    worth = rng.normal(10, 2, 10**6) * rng.normal(50, 3, 10**6)
    assert Conversions(10, 4.0).money(each=50, each_variance=9, currency="EUR").variance == pytest.approx(
        worth.var(), rel=0.01
    )


class TestRefusals:
    def test_more_than_everything_is_no_share(self):
        with pytest.raises(InputError, match=r"L / \(1 \+ L\)"):
            ShareCaused(1.3, 0.1)

    def test_a_lift_cannot_take_more_than_everything(self):
        with pytest.raises(InputError, match="not above -1"):
            RelativeLift(-1.0, 0.1)

    def test_nothing_credited_has_no_factor(self):
        with pytest.raises(InputError, match="no factor"):
            ShareCaused(0.3, 0.1).factor(0.0)

    def test_everything_caused_has_no_lift(self):
        with pytest.raises(InputError, match="nothing to lift"):
            ShareCaused(1.0, 0.1).relative_lift()

    def test_two_currencies_do_not_add_up(self):
        with pytest.raises(InputError, match="EUR and USD"):
            Money(1.0, 1.0, "EUR").plus(Money(1.0, 1.0, "USD"))

    @pytest.mark.parametrize("variance", [-1.0, float("nan"), float("inf")])
    def test_a_variance_is_finite_and_not_negative(self, variance):
        with pytest.raises(InputError, match="variance"):
            Conversions(1.0, variance)

    def test_no_entries_cannot_be_carried_over(self):
        with pytest.raises(InputError, match="0 entries"):
            scaled_to_period(Money(1.0, 1.0, "EUR"), entries_tested=0, entries_reported=5)


def test_a_rate_converts_amount_and_variance():
    assert Money(10.0, 4.0, "USD").converted(rate=0.5, currency="EUR") == Money(5.0, 1.0, "EUR")
