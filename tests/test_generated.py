"""Generated files are current. The test's message is the command that renews them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import renew

SCRIPT = Path(renew.__file__)


def test_generated_files_are_current():
    check = subprocess.run(  # in a process of its own: tests here may have registered plug-ins
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False
    )
    assert not check.returncode, check.stderr


def test_a_row_of_the_readme_names_what_is_registered():
    row = "| layers | `conv2d` `relu` `gone`, and more |"
    completed = renew.complete_row(row, {"relu": 0, "conv2d": 0, "hard_tanh": 0, "x_for_test": 0})
    assert completed == "| layers | `conv2d` `relu` `hard_tanh`, and more |"
