"""The settings of attribution: defaults, values of one's own, and errors that name the key."""

from __future__ import annotations

import pytest

from incrementality.attribution import LEADING, RoleModel, RuleModel, parse_attribution
from incrementality.errors import InputError
from incrementality.warehouse import Relation
from incrementality.warehouse.sql import table

KINDS = ("expansion", "new", "renewal", "saved")


@pytest.mark.domain("W12", "M18")
def test_each_kind_of_event_has_a_leading_model_and_others_stand_beside():
    spec = parse_attribution()
    models = spec.credit_models(KINDS, Relation(table("opportunities"), {}))
    leading = [model for model in models if model.name == LEADING]
    assert [(type(model), model.kinds) for model in leading] == [
        (RuleModel, ("new", "renewal", "saved")),
        (RoleModel, ("expansion",)),
    ]
    assert spec.leading_label("new") == "marketing 30, sdr 15, ae 35, presales 20; alike over their touches"
    assert {"first", "last", "linear", "position", "usage_weighted"} <= {model.name for model in models}


@pytest.mark.domain("M16", "W8")
def test_half_lives_follow_the_windows():
    spec = parse_attribution(
        {"windows": {"rules": [{"kind": "expansion", "days": 180}, {"kind": "renewal", "days": 30}]}}
    )
    assert spec.beside[-1].label == "half as much with each 60 days before the event, times usage"
    assert "each 10 days" in spec.leading_label("renewal")


def test_a_leading_model_may_be_named_for_any_kind():
    spec = parse_attribution({"models": {"leading": {"win_back": "linear", "expansion": "last"}}})
    assert spec.leading_label("win_back") == "all touches alike"
    assert spec.expansion_kinds(KINDS) == {}


@pytest.mark.domain("G1", "G6")
def test_a_changed_figure_changes_its_sections_fingerprint_alone():
    one, other = parse_attribution(), parse_attribution({"expansion": {"source": 0.5, "close": 0.3}})
    changed = {name for name in one.fingerprints if one.fingerprints[name] != other.fingerprints[name]}
    assert changed == {"expansion"}
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == parse_attribution({"windows": {"preset": "default"}}).fingerprint


@pytest.mark.domain("G1")
def test_assumptions_are_marked_in_the_specification():
    rows = parse_attribution().to_dicts()
    marked = {row["of"] for row in rows if row["basis"] == "assumption, not measurement"}
    assert {"new", "expansion", "renewal", "saved", "learned models"} <= marked
    assert {"part": "window", "of": "new", "value": "180 days before close, both ends inside", "basis": ""} in rows


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"modles": {}}, "attribution.modles: the key is unknown.*Did you mean 'models'"),
        ({"models": {"beside": ["lineal"]}}, r"models.beside\[0\] names the model 'lineal'.*Did you mean 'linear'"),
        ({"models": {"beside": ["linear", "linear"]}}, "models.beside has the name 'linear' twice"),
        ({"models": {"beside": [{"model": "linear", "days": 3}]}}, r"models.beside\[0\].days: the key is unknown"),
        ({"models": {"beside": [{"model": "time_decay", "half_life_days": 0}]}}, r"models.beside\[0\].*half-life of 0"),
        ({"models": {"learned": ["markow"]}}, "models.learned names 'markow'.*Did you mean 'markov'"),
        ({"models": {"leading": {"new": "w_shape"}}}, "models.leading.new names the model 'w_shape'"),
        ({"expansion": {"source": 0.5}}, "expansion: .*add up to 1.1"),
        ({"expansion": {"source": "forty"}}, "expansion.source is 'forty'; expected a share"),
        ({"weights": {"marketing": -1}}, "weights.marketing is -1"),
        ({"gates": {"months": 13}}, "over 13 months"),
        ({"unit": "euros"}, "attribution.unit is 'euros'; allowed: money, deals"),
        ({"save": [1]}, r"save is \[1\]; expected a mapping"),
    ],
)
def test_what_cannot_be_used_is_named(written, said):
    with pytest.raises(InputError, match=said):
        parse_attribution(written)


@pytest.mark.domain("M12")
@pytest.mark.parametrize("order", [["email"], ["email", "email"]])
def test_an_order_of_channels_names_each_once(order):
    with pytest.raises(InputError, match=r"channels\.order"):
        parse_attribution({"channels": {"order": order}})
