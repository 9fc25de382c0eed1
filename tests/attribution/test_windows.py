"""Windows: which rule decides, what the presets say, and what a wrong setting is told."""

from dataclasses import replace

import pytest

from incrementality.attribution import WINDOW_PRESETS, WindowRule, Windows, parse_windows, windows_to_dict
from incrementality.errors import InputError

DEFAULT, STAGED = WINDOW_PRESETS["default"], WINDOW_PRESETS["staged"]


@pytest.mark.domain("W1", "W2", "W3", "W4", "W6")
@pytest.mark.parametrize(
    ("kind", "days", "anchor"),
    [("new", 180, "close"), ("expansion", 90, "close"), ("renewal", 180, "renewal"), ("saved", 90, "loss")],
)
def test_the_default_windows(kind, days, anchor):
    rule = DEFAULT.rule(kind)
    assert (rule.days, rule.anchor) == (days, anchor)


@pytest.mark.domain("W1", "W2", "W3", "W4")
def test_each_kind_names_the_functions_that_usually_work_on_it():
    assert DEFAULT.rule("new").expected == ("marketing", "sdr", "ae", "presales")
    assert DEFAULT.rule("renewal").expected == ("cs", "product", "support")
    assert not DEFAULT.rule("new").only_expected


@pytest.mark.domain("W5")
def test_enterprise_reaches_180_days_back_for_the_source_only():
    assert DEFAULT.rule("expansion", segment="enterprise").days == 90
    assert DEFAULT.source_rule("expansion", "enterprise").days == 180
    assert DEFAULT.source_rule("expansion", "small").days == 90


@pytest.mark.domain("W15")
def test_the_staged_preset_hands_over_at_the_creation_of_the_opportunity():
    marketing, sales = STAGED.rule("new", function="marketing"), STAGED.rule("new", function="ae")
    assert (marketing.days, marketing.anchor, marketing.since) == (90, "opportunity", None)
    assert (sales.since, sales.anchor) == ("opportunity", "close")
    assert STAGED.rule("expansion").days == 180


@pytest.mark.domain("W7", "W8")
def test_the_most_particular_rule_decides():
    windows = Windows(
        (
            WindowRule("*", 90),
            WindowRule("purchase", 60),
            WindowRule("*", 50, segment="small"),
            WindowRule("*", 40, function="support"),
            WindowRule("purchase", 7, journey="cart_reminder"),
        )
    )
    asked = {"segment": "small", "function": "support", "journey": "cart_reminder"}
    found = [windows.rule("purchase", **dict(list(asked.items())[:n])).days for n in range(4)]
    assert found == [60, 50, 40, 7]


@pytest.mark.domain("W10")
def test_a_kind_that_no_rule_names_has_a_window_too():
    assert DEFAULT.rule("reactivation").days == 90


def test_the_settings_replace_and_join_rules():
    windows = parse_windows(
        {"rules": [{"kind": "new", "days": 120}, {"journey": "replenishment", "days": 30}], "source": [{"days": 200}]}
    )
    assert windows.rule("new").days == 120
    assert windows.rule("anything", journey="replenishment").days == 30
    assert windows.source_rule("new", "enterprise").days == 180
    assert windows.source_rule("expansion", "small").days == 90  # 'expansion' is more particular than any kind
    assert windows.source_rule("purchase").days == 200


def test_what_is_written_comes_back():
    written = windows_to_dict(STAGED)
    assert parse_windows({"preset": "staged", **written}) == STAGED


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"presets": "default"}, r"unknown key 'presets'.*Did you mean 'preset'"),
        ({"preset": "stagd"}, r"'stagd'; allowed: default, staged. Did you mean 'staged'"),
        ({"rules": {"kind": "new"}}, "expected a list"),
        ({"rules": ["new"]}, r"rules\[0\] is 'new'; expected a mapping"),
        ({"rules": [{"kind": "new"}]}, "states no days"),
        ({"rules": [{"kind": "new", "day": 3}]}, r"unknown key 'day'.*Did you mean 'days'"),
        ({"rules": [{"kind": "new", "days": 0}]}, r"rules\[0\]: the window for 'new' is 0 days"),
        ({"rules": [{"kind": "new", "days": True}]}, "True days"),
        ({"rules": [{"kind": "new", "days": 9, "anchor": "opportunities"}]}, "Did you mean 'opportunity'"),
        ({"rules": [{"kind": 3, "days": 9}]}, "kind is 3; expected a name"),
        ({"rules": [{"kind": "new", "days": 9, "expected": "cs"}]}, "expected a list of functions"),
        ({"rules": [{"kind": "new", "days": 9, "only_expected": 1}]}, "only_expected is 1"),
        ({"rules": [{"kind": "new", "days": 9, "only_expected": True}]}, "expects none"),
        ({"rules": [{"kind": "new", "days": 9}, {"kind": "new", "days": 8}]}, "same place: kind 'new'"),
        (["new"], "expected a mapping"),
    ],
)
def test_a_wrong_setting_is_named(section, said):
    with pytest.raises(InputError, match=said) as refused:
        parse_windows(section)
    assert refused.value.hint


def test_every_kind_must_be_covered():
    with pytest.raises(InputError, match="no rule names"):
        Windows((WindowRule("new", 3),))


def test_changed_windows_leave_the_old_as_they_were():
    before = replace(DEFAULT)
    DEFAULT.changed((WindowRule("new", 1),))
    assert before == DEFAULT
