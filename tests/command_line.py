"""Runs the real program in a process of its own."""

from __future__ import annotations

import subprocess
import sys

__all__ = ["run"]


def run(*arguments, cwd, check=True):
    """Run the real program; return the finished process."""
    done = subprocess.run(
        [sys.executable, "-m", "cnnrun", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done
