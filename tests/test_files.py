"""Outputs appear complete or not at all."""

from __future__ import annotations

import hashlib

import pytest

from facedge import files
from facedge.errors import InputError


def write_then_raise(target, error):
    with files.new_folder(target, overwrite=True) as work:
        (work / "half").write_text("half")
        raise error


def test_a_failing_block_leaves_neither_folder_nor_remains(tmp_path):
    with pytest.raises(RuntimeError):
        write_then_raise(tmp_path / "bundle", RuntimeError("killed"))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_the_earlier_folder_as_it_was(tmp_path):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_then_raise(target, KeyboardInterrupt())
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]
    assert (target / "old").read_text() == "old"


def test_a_finished_block_replaces_the_earlier_folder_whole(tmp_path):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old").write_text("old")
    with files.new_folder(target, overwrite=True) as work:
        (work / "new").write_text("new")
    assert [p.name for p in target.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_an_existing_folder_is_refused_without_overwrite(tmp_path):
    with pytest.raises(InputError, match="exists already"), files.new_folder(tmp_path):
        raise AssertionError("the block must not run")


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        files.write_file(tmp_path / "ranges.json", "{}")
    assert list(tmp_path.iterdir()) == []


def test_a_written_file_is_readable_by_others_as_umask_says(tmp_path):
    files.write_file(tmp_path / "a.txt", "text")
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~files._umask()


def test_sha256_agrees_with_hashlib_over_several_blocks(tmp_path):
    data = bytes(range(256)) * 8200
    (tmp_path / "big").write_bytes(data)
    assert files.sha256_file(tmp_path / "big") == hashlib.sha256(data).hexdigest()


def test_folders_made_on_the_way_go_when_nothing_appeared(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(RuntimeError):
        write_then_raise(tmp_path / "mine" / "a" / "b" / "bundle", RuntimeError("killed"))
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with files.new_folder(tmp_path / "link", overwrite=True) as work:
        (work / "new").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "new").read_text() == "new"
