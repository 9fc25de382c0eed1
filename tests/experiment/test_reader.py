"""Reading an experiment from its file or its folder."""

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from incrementality.errors import ExperimentFileError
from incrementality.experiment import experiment_yaml_example, parse_experiment, read_experiment

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "winback-2026q1"
    folder.mkdir()
    (folder / "experiment.yaml").write_text(experiment_yaml_example(), encoding="utf-8")
    return folder


def test_a_folder_and_its_file_are_the_same_experiment(folder):
    assert read_experiment(folder) == read_experiment(str(folder / "experiment.yaml"))


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in EXPERIMENTS.glob("*/experiment.yaml")), ids=lambda path: path.name
)
def test_every_experiment_of_the_repository_is_read(folder):
    assert read_experiment(folder).id == folder.name


def test_shares_and_windows_are_exact():
    experiment = read_experiment(EXPERIMENTS / "hillstrom-email-2008")
    assert [arm.share for arm in experiment.arms] == [Fraction(1, 3)] * 3
    assert experiment.primary[0].window == timedelta(days=14)


def test_a_byte_order_mark_changes_nothing(folder):
    text = experiment_yaml_example()
    (folder / "experiment.yaml").write_bytes(text.encode("utf-8-sig"))
    assert read_experiment(folder) == parse_experiment(text) == parse_experiment("\ufeff" + text)


def test_windows_line_ends_change_nothing(folder):
    text = experiment_yaml_example()
    (folder / "experiment.yaml").write_bytes(text.replace("\n", "\r\n").encode())
    assert read_experiment(folder) == parse_experiment(text)


def test_an_id_that_differs_from_the_folder_is_refused_at_its_line(folder):
    renamed = folder.rename(folder.with_name("other"))
    with pytest.raises(ExperimentFileError, match=r"line 2, id: 'winback-2026q1' differs from .* 'other'"):
        read_experiment(renamed)


def test_a_misplaced_file_is_reported_with_its_other_problems(folder):
    (folder / "experiment.yaml").write_text("id: other\n", encoding="utf-8")
    with pytest.raises(ExperimentFileError) as caught:
        read_experiment(folder)
    assert any("differs" in problem for problem in caught.value.problems)
    assert any("'arms' is missing" in problem for problem in caught.value.problems)


def test_a_missing_folder_suggests_its_neighbour(folder):
    with pytest.raises(ExperimentFileError, match=r"no such file\. Did you mean 'winback-2026q1'\?"):
        read_experiment(folder.with_name("winback-2026q2") / "experiment.yaml")


def test_a_folder_without_the_file_says_so(tmp_path):
    with pytest.raises(ExperimentFileError, match="the folder has no such file"):
        read_experiment(tmp_path)


def test_a_file_with_the_other_suffix_is_pointed_at(folder):
    (folder / "experiment.yaml").rename(folder / "experiment.yml")
    with pytest.raises(ExperimentFileError, match=r"rename 'experiment\.yml' to 'experiment\.yaml'"):
        read_experiment(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id: a\nquestion: caf\xe9\n", "line 2: the byte 0xE9 is not UTF-8"),
        ("id: a".encode("utf-16"), "is UTF-16"),
        (b"#" * 1_000_001, "larger than 1 MB"),
        (b"\0" * 10, "line 1: the character"),
    ],
    ids=["latin-1", "utf-16", "large", "binary"],
)
def test_a_file_that_is_no_utf8_text_is_refused(folder, content, words):
    (folder / "experiment.yaml").write_bytes(content)
    with pytest.raises(ExperimentFileError, match=words) as caught:
        read_experiment(folder)
    assert caught.value.problems
    assert caught.value.hint
