"""Files are written whole or not at all; leftovers are swept; locks let go."""

from __future__ import annotations

import os
import threading

import pytest

from incrementality.errors import WorkspaceBusy, WorkspaceError
from incrementality.files import exclusive, make_folder, sha256_of, staged, write_files, write_once, write_whole


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "note.txt"
    write_whole(path, "old")
    write_whole(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert [found.name for found in tmp_path.iterdir()] == ["note.txt"]


def test_what_a_killed_process_left_is_swept(tmp_path):
    (tmp_path / ".note.txt.0a1b2c3d.part").write_text("half", encoding="utf-8")
    (tmp_path / ".other.txt.0a1b2c3d.part").write_text("somebody else's", encoding="utf-8")
    write_whole(tmp_path / "note.txt", "new")
    assert sorted(found.name for found in tmp_path.iterdir()) == [".other.txt.0a1b2c3d.part", "note.txt"]


def test_files_respect_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "note.txt", "mine")
    finally:
        os.umask(before)
    assert (tmp_path / "note.txt").stat().st_mode & 0o777 == 0o600


def test_of_several_files_none_changes_where_one_cannot_be_written(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    write_whole(first, "old")
    second.mkdir()
    with pytest.raises(WorkspaceError, match="in the way"):
        write_files({first: "new", second: "new"})
    assert first.read_text(encoding="utf-8") == "old"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_text_that_is_no_unicode_leaves_nothing(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "note.txt", "\ud800")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_a_named_error(tmp_path):
    with pytest.raises(WorkspaceError, match="cannot be written") as caught:
        write_whole(tmp_path / "gone" / "note.txt", "new")
    assert "folder exists" in caught.value.hint


def test_a_file_in_the_way_of_a_folder_is_a_named_error(tmp_path):
    write_whole(tmp_path / "note", "mine")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        make_folder(tmp_path / "note" / "deeper")


def test_a_held_lock_makes_others_wait_and_then_say_so(tmp_path):
    with exclusive(tmp_path), pytest.raises(WorkspaceBusy, match="another process"), exclusive(tmp_path, patience=0.1):
        pytest.fail("both hold the lock")


def test_a_lock_is_free_once_it_is_let_go_and_leaves_no_file(tmp_path):
    with exclusive(tmp_path):
        pass
    with exclusive(tmp_path, patience=0):
        assert list(tmp_path.iterdir()) == []


def test_a_waiting_writer_goes_on_when_the_lock_is_free(tmp_path):
    writer = threading.Thread(target=write_whole, args=(tmp_path / "note.txt", "late"))
    with exclusive(tmp_path):
        writer.start()
        writer.join(0.2)
        assert not (tmp_path / "note.txt").exists()
    writer.join(5)
    assert (tmp_path / "note.txt").read_text(encoding="utf-8") == "late"


def test_a_file_system_without_locks_still_writes(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="locks like these are POSIX")

    def refuse(*_):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_whole(tmp_path / "note.txt", "done")
    assert (tmp_path / "note.txt").read_text(encoding="utf-8") == "done"


def test_the_hash_is_the_files_sha256(tmp_path):
    (tmp_path / "note.txt").write_bytes(b"abc")
    assert sha256_of(tmp_path / "note.txt").startswith("ba7816bf")


def test_a_staged_file_appears_whole_or_not_at_all(tmp_path):
    def write(text):
        with staged(tmp_path / "rows.bin") as temporary:
            temporary.write_text(text, encoding="utf-8")
            if text == "half":
                raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write("half")
    assert list(tmp_path.iterdir()) == []
    write("whole")
    assert [found.name for found in tmp_path.iterdir()] == ["rows.bin"]


def test_a_staged_file_that_somebody_swept_is_told(tmp_path):
    def write():
        with staged(tmp_path / "rows.bin") as temporary:
            temporary.write_text("rows", encoding="utf-8")
            temporary.unlink()

    with pytest.raises(FileNotFoundError):
        write()


def test_of_several_first_writers_one_wins(tmp_path):
    path, wrote = tmp_path / "settings.json", []
    threads = [threading.Thread(target=lambda i=i: wrote.append(write_once(path, str(i)))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wrote) == [False] * 7 + [True]
    assert [found.name for found in tmp_path.iterdir()] == ["settings.json"]
