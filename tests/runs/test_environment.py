"""What a run records of where it was made."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from cnnrun.runs import environment
from cnnrun.runs.environment import numpy_blas


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_git_is_asked_without_a_lock_that_a_kill_would_leave(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("content")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "file"], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], check=True)
    os.utime(tmp_path / "file", (0, 0))  # git would note in its index that nothing has changed
    before = (tmp_path / ".git" / "index").read_bytes()
    assert environment.environment()["git"]["dirty"] is False
    assert (tmp_path / ".git" / "index").read_bytes() == before


def test_the_blas_that_is_recorded_is_numpys(monkeypatch):
    other = {"user_api": "blas", "filepath": "/lib/scipy.libs/libopenblas.so", "version": "1"}
    own = {"user_api": "blas", "filepath": "/lib/numpy.libs/libopenblas.so", "version": "2"}
    for order in ([other, own], [own, other]):
        monkeypatch.setattr(environment, "threadpool_info", lambda order=order: order)
        assert numpy_blas()["version"] == "2"
    monkeypatch.setattr(environment, "threadpool_info", lambda: [other])
    assert numpy_blas()["version"] == "1"
