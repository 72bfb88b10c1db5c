"""A training that is killed leaves no process behind, and no memory that outlives its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from experiments import TINY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PATIENCE = 60.0
MARK = "CNNRUN_TEST_FAMILY"
FAMILY = 3
"""The training itself, the worker beside it, and the process that prepares augmented batches."""


def family(mark: str) -> dict[int, str]:
    """Return the processes that inherited a mark in their environment, and what each maps."""
    members = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                members[int(folder.name)] = (folder / "maps").read_text()
        except OSError:  # it has ended, or is not ours
            continue
    return members


def wait_for(what: str, is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.01)


def test_a_killed_training_takes_its_processes_and_their_memory_with_it(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = ["train", "tiny.yaml", "train.epochs=1000000", "--workers", "2", "--quiet"]
    mark = str(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "cnnrun", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, MARK: mark},
    ) as parent:
        try:
            wait_for("it did not begin", lambda: len(family(mark)) == FAMILY)
            maps = "".join(family(mark).values())
        finally:
            parent.kill()
        assert parent.stderr is not None
        assert parent.stderr.read() == b""  # read to its end: nobody holds it open any more
    wait_for("a process is left", lambda: not family(mark))
    # Their shared memory has no name: the system frees it with the last process that maps it.
    assert "/dev/zero (deleted)" in maps
    assert "/dev/shm" not in maps


@pytest.mark.parametrize("options", ["size=4k", "ro"])
def test_a_full_or_closed_shm_does_not_matter(tmp_path, options):
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = [sys.executable, "-m", "cnnrun", "train", "tiny.yaml", "--workers", "2", "--quiet"]
    mount = f"mount -t tmpfs -o {options} tmpfs /dev/shm"
    alone = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no file systems can be mounted here")
    fill = "head -c 4096 /dev/zero > /dev/shm/full;" if options != "ro" else ""
    script = f'{mount}; {fill} ! echo more > /dev/shm/more && exec "$@"'
    done = subprocess.run(
        [*alone, "sh", "-c", script, "sh", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "finished" in (tmp_path / "runs/tiny-0001/run.json").read_text()
