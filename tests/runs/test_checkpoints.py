"""Checkpoints: whole or refused, and replaced without a moment of loss."""

from __future__ import annotations

import contextlib
import json
import os

import numpy as np
import pytest

from cnnrun.errors import CheckpointError
from cnnrun.runs import checkpoints
from cnnrun.runs.checkpoints import (
    FILES,
    Checkpoint,
    has_checkpoint,
    read_checkpoint,
    write_checkpoint,
)


def sample(value=1.0):
    transposed = np.arange(6, dtype=np.float32).reshape(2, 3).T * value
    return Checkpoint({"a/w": transposed}, {"m/a/w": np.ones(3)}, {"step": 3, "x": 0.1})


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path / "last", sample())
    return tmp_path / "last"


def test_it_comes_back_as_it_was_in_any_memory_layout(folder):
    found = read_checkpoint(folder)
    np.testing.assert_array_equal(found.weights["a/w"], sample().weights["a/w"])
    np.testing.assert_array_equal(found.optimizer["m/a/w"], np.ones(3))
    assert found.state == {"step": 3, "x": 0.1}
    assert sorted(path.name for path in folder.parent.iterdir()) == ["last"]


def test_a_new_one_replaces_the_old(folder):
    write_checkpoint(folder, sample(2.0))
    assert read_checkpoint(folder).weights["a/w"][2, 1] == 10
    assert sorted(path.name for path in folder.parent.iterdir()) == ["last"]


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove", "empty", "foreign"])
def test_damage_is_found_and_the_file_named(folder, name, damage):
    path = folder / name
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    elif damage == "flip":
        path.write_bytes(content[:10] + bytes([content[10] ^ 1]) + content[11:])
    else:
        path.write_bytes({"cut": content[:-5], "empty": b"", "foreign": b"\x80\x04K\x01."}[damage])
    with pytest.raises(CheckpointError, match=name.split(".")[0]):
        read_checkpoint(folder)


def test_another_format_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        read_checkpoint(folder)


@pytest.mark.parametrize("name", FILES)
def test_what_the_disk_does_not_give_back_as_written_replaces_nothing(folder, monkeypatch, name):
    write = checkpoints.write_durably

    def lose_a_byte(path, content):
        write(path, content[:-1] if path.name == name else content)

    monkeypatch.setattr(checkpoints, "write_durably", lose_a_byte)
    with pytest.raises(OSError, match=f"{name} did not read back"):
        write_checkpoint(folder, sample(2.0))
    assert read_checkpoint(folder).weights["a/w"][2, 1] == 5


def test_there_is_none(tmp_path):
    assert not has_checkpoint(tmp_path / "last")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "last")


@pytest.mark.parametrize("calls", range(1, 12))
def test_a_write_that_stops_anywhere_leaves_a_whole_checkpoint(folder, monkeypatch, calls):
    """Let the n-th change of the disk fail, as a kill or a full disk would."""
    left = calls

    def count(function):
        def counted(*arguments, **options):
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(28, "No space left on device")
            return function(*arguments, **options)

        return counted

    monkeypatch.setattr(checkpoints, "write_durably", count(checkpoints.write_durably))
    monkeypatch.setattr(checkpoints, "sync_folder", count(checkpoints.sync_folder))
    monkeypatch.setattr(os, "rename", count(os.rename))
    monkeypatch.setattr(checkpoints.shutil, "rmtree", count(checkpoints.shutil.rmtree))
    with contextlib.suppress(OSError):
        write_checkpoint(folder, sample(2.0))
    monkeypatch.undo()
    assert has_checkpoint(folder)
    assert read_checkpoint(folder).weights["a/w"][2, 1] in (5, 10)
    write_checkpoint(folder, sample(3.0))
    assert read_checkpoint(folder).weights["a/w"][2, 1] == 15
