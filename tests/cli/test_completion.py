"""What the shell is told when a user presses the tab key."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from broken_configs import GOOD


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a configuration and two runs that have only just begun."""
    home = tmp_path_factory.mktemp("home")
    (home / "good.yaml").write_text(GOOD)
    for folder in ("runs/a-0001", "runs/b-0001", "other/c-0001"):
        (home / folder).mkdir(parents=True)
        (home / folder / "config.yaml").write_text(GOOD)
    return home


@pytest.mark.parametrize(
    ("words", "offered", "not_offered"),
    [
        ("evaluate a", {"a-0001"}, {"b-0001", "last"}),
        ("inspect l", {"last"}, {"a-0001"}),
        ("train --resume b", {"b-0001"}, {"a-0001"}),
        ("evaluate --runs-dir other c", {"c-0001"}, {"a-0001"}),
        ("runs compare a-0001 b", {"b-0001"}, {"a-0001"}),
        ("runs rm a", {"a-0001"}, {"b-0001"}),
        (
            "train good.yaml optimizer.",
            {"optimizer.sgd.learning_rate=", "optimizer.sgd.momentum="},
            {"optimizer=", "train.epochs=", "optimizer.adam.beta1="},
        ),
        ("summary good.yaml network[0].conv2d.f", {"network[0].conv2d.filters="}, {"seed="}),
        ("train nowhere.yaml o", set(), {"optimizer="}),
    ],
)
def test_runs_and_keys_are_completed(home, words, offered, not_offered):
    line = f"cnnrun {words}"
    asked = {
        **os.environ,
        "_CNNRUN_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "cnnrun"], cwd=home, env=asked, capture_output=True, text=True
    )
    answers = set(done.stdout.split())
    assert offered <= answers, done.stderr
    assert not not_offered & answers
    assert done.stderr == ""
