"""What experiments share is read with every problem and its line; the starter's file is an example that works."""

from __future__ import annotations

from datetime import date

import pytest

from incrementality.assignment import cut
from incrementality.errors import InputError
from incrementality.workspace.programme import PROGRAMME, Programme, read_programme

FULL = """\
global_holdouts:
  - {salt: gh-2026h2, share: 5%, starts: 2026-07-01, replaces: gh-2026h1, washout_days: 28}
  - {salt: gh-accounts, share: 0.02, unit: account}
units:
  email: {case: lower, form: email}
layers:
  - name: lifecycle-email
    slots: [{experiment: winback, share: 50%}, {experiment: upsell, share: 25%}]
  - {name: sales-plays, unit: account, washout_days: 14}
"""


@pytest.fixture
def read(tmp_path):
    def written(content: str) -> Programme:
        (tmp_path / PROGRAMME).write_text(content, encoding="utf-8")
        return read_programme(tmp_path / PROGRAMME)

    return written


def test_no_file_and_a_file_of_comments_share_nothing(read, tmp_path):
    assert read_programme(tmp_path / "absent.yaml") == read("# later\n") == Programme()


def test_every_part_is_read(read):
    programme = read(FULL)
    held = programme.holdout("contact")
    assert (held.salt, held.end, held.replaces) == ("gh-2026h2", cut("0.05"), "gh-2026h1")
    assert held.status_quo == held.end // 2
    assert held.washout_ends == date(2026, 7, 29)
    assert programme.unit_type("email").lower
    assert programme.unit_type("email").nfc
    assert not programme.unit_type("contact").lower
    slots = programme.layer("lifecycle-email").kept().slots
    assert [(slot.experiment, slot.lo, slot.hi) for slot in slots] == [
        ("winback", 0, 2**31),
        ("upsell", 2**31, 3 * 2**30),
    ]


def test_a_new_workspace_has_a_commented_file_whose_example_can_be_read(read, workspace):
    text = (workspace.root / PROGRAMME).read_text(encoding="utf-8")
    assert read(text) == Programme()
    example = "\n".join(line[2:] for line in text.splitlines()[2:])
    programme = read(example)
    assert [layer.name for layer in programme.layers] == ["lifecycle-email"]
    assert programme.holdout("contact").salt == "gh-2026h1"


BAD = {
    "unknown key": ("layer: []", "line 1, layer: the key 'layer' is unknown. Allowed: global_holdouts, units, layers."),
    "deep key": ("layers:\n  - nam: x", "line 2, layers[0].nam: the key 'nam' is unknown. Allowed: name, unit"),
    "missing": ("layers:\n  - unit: account", "line 2, layers[0].name: the key 'name' is missing. The layer's name"),
    "bad share": ("global_holdouts:\n  - {salt: gh, share: much}", "line 2, global_holdouts[0].share: 'much' is not a"),
    "large share": ("global_holdouts:\n  - salt: gh\n    share: 2", "line 3, global_holdouts[0].share: '2' cannot be"),
    "no list": ("layers: mail", "line 1, layers: 'mail' cannot be used. A list of layers"),
    "bad choice": ("units:\n  email: {case: upper}", "'upper' cannot be used. Allowed: keep, lower."),
    "bad name": ("layers: [{name: Upper Case}]", "'Upper Case' cannot be used. The layer's name, which is its salt"),
    "rotation without a day": (
        "global_holdouts: [{salt: b, share: 5%, replaces: a}]",
        "a rotation needs its first day: starts: 2026-07-01",
    ),
    "same salt": ("global_holdouts: [{salt: b, share: 5%, replaces: b, starts: 2026-07-01}]", "the same units would"),
    "two of one unit": (
        "global_holdouts: [{salt: a, share: 5%}, {salt: b, share: 5%}]",
        "two holdouts of the unit 'contact'",
    ),
    "two layers": ("layers: [{name: a}, {name: a}]", "two layers are called 'a'"),
    "too full": (
        "layers: [{name: a, slots: [{experiment: x, share: 60%}, {experiment: y, share: 50%}]}]",
        "the shares add up to more than 1",
    ),
    "a word": ("nothing", "line 1: the file holds text; expected the keys global_holdouts, units, layers"),
    "twice": ("layers: []\nlayers: []", "line 2, layers: the key 'layers' stands on line 1"),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_a_problem_is_named_with_its_line(read, content, said):
    with pytest.raises(InputError) as caught:
        read(content)
    assert said in caught.value.message
    assert PROGRAMME in caught.value.message


def test_all_problems_are_listed_at_once(read):
    with pytest.raises(InputError, match="has 3 problems"):
        read("global_holdouts: [{salt: gh}]\nlayers: [{nam: a}]\n")


def test_an_unknown_layer_is_refused_with_those_that_are_there():
    programme = Programme.model_validate({"layers": [{"name": "lifecycle-email"}]})
    with pytest.raises(InputError, match="Did you mean 'lifecycle-email'"):
        programme.layer("lifecycle-emial")
