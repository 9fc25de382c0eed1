"""Which ranks flip under another model."""

import pytest

from incrementality.attribution.answers import ModelComparison
from incrementality.errors import InputError

CREDIT = {
    "position": {"cs": 50.0, "ae": 30.0, "product": 20.0},
    "last": {"cs": 20.0, "ae": 60.0, "product": 20.0},
    "markov": {"cs": 10.0, "product": 90.0},
}


@pytest.mark.domain("R20")
class TestFlips:
    def test_pairs_that_turn_around_are_named_with_their_models(self):
        compared = ModelComparison({name: CREDIT[name] for name in ("position", "last")})
        assert [(f.first, f.second, f.models) for f in compared.flips] == [("cs", "ae", ("last",))]
        assert "cs before ae turns around under last" in compared.sentence

    @pytest.mark.domain("M2")
    def test_a_withheld_model_is_shown_and_flips_nothing(self):
        compared = ModelComparison(CREDIT, {"markov": "310 conversions a month, 500 needed"})
        assert all("markov" not in flip.models for flip in compared.flips)
        assert compared.to_dicts()[0]["markov"] == pytest.approx(0.1)

    def test_models_that_agree_say_so(self):
        compared = ModelComparison({"a": {"cs": 2.0, "ae": 1.0}, "b": {"cs": 9.0, "ae": 1.0}})
        assert compared.sentence == "All 2 models rank the functions alike."

    def test_best_and_worst_place(self):
        row = next(row for row in ModelComparison(CREDIT).to_dicts() if row["function"] == "product")
        assert (row["best_rank"], row["worst_rank"]) == (1, 3)


def test_a_tie_is_no_flip():
    assert ModelComparison({"a": {"cs": 1.0, "ae": 1.0}, "b": {"cs": 1.0, "ae": 2.0}}).flips == ()


def test_with_every_model_withheld_nothing_leads():
    with pytest.raises(InputError, match="no model"):
        ModelComparison({"a": {"cs": 1.0}}, {"a": "too few"})
