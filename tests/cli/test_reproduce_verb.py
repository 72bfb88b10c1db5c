"""`cnnrun reproduce`: plug-ins, kernels of the BLAS, and what is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run as program
from experiments import TINY

ROOT = Path(__file__).parents[2]
PLUGIN = """
from cnnrun.engine import LAYERS, Layer

@LAYERS.register("times_again")
class Times(Layer):
    def forward(self, x, ctx):
        return 2 * x
    def backward(self, dy, ctx):
        return 2 * dy
"""


def test_a_plugin_that_has_changed_or_is_missing(tmp_path):
    (tmp_path / "times.py").write_text(PLUGIN)
    text = TINY.replace("  - relu", "  - times_again\n  - relu").replace("epochs: 4", "epochs: 1")
    (tmp_path / "tiny.yaml").write_text(text)
    program("train", "tiny.yaml", "-q", "--plugin", "times.py", cwd=tmp_path)
    lacking = program("reproduce", "last", "-q", cwd=tmp_path, check=False)
    assert lacking.returncode == 4
    assert "times.py" in lacking.stdout
    (kept,) = (tmp_path / "runs" / "tiny-0001" / "plugins").iterdir()
    kept.write_text(PLUGIN.replace("2 * x", "3 * x"))
    done = program("reproduce", "last", "--plugin", "run", "--json", cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["verdict"] == "different"
    assert [cause["kind"] for cause in document["causes"]] == ["plugin"]
    assert "times.py" in document["causes"][0]["text"]


def test_what_is_printed(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY.replace("epochs: 4", "epochs: 1"))
    program("train", "tiny.yaml", "-q", "--check-every", 2, cwd=tmp_path)
    done = program("reproduce", "last", "-q", cwd=tmp_path)
    said = done.stdout.splitlines()
    assert said[0] == "tiny-0001: same"
    assert said[1].startswith("compared up to step 5: digests of the weights at 4 steps; the ")
    assert "; the metrics of 1 epoch; " in said[1]
    assert said[2:] == ["run runs/tiny-again-0001"]
    config = tmp_path / "runs" / "tiny-0001" / "config.yaml"
    config.write_text(config.read_text().replace("seed: 3", "seed: 4"))
    done = program("reproduce", "last", "-q", cwd=tmp_path, check=False)
    assert done.returncode == 1
    said = done.stdout.splitlines()
    assert said[0] == "tiny-0001: different"
    assert "first difference: epoch 1, step 0, in 00_conv2d/w, 05_dense/w" in said
    assert "likely cause: the seed: it was 3, and is 4" in said
    listed = json.loads(program("runs", "list", "--json", cwd=tmp_path).stdout)
    assert {run["name"]: run["reproduces"] for run in listed["runs"]} == {
        "tiny-0001": None,
        "tiny-again-0001": "tiny-0001",
        "tiny-again-0002": "tiny-0001",
    }


def test_another_kernel_of_the_blas(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    shown = "import threadpoolctl, numpy; print(threadpoolctl.threadpool_info()[0]['architecture'])"

    def in_kernel(name, *words):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_CORETYPE": name}
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    if in_kernel("Haswell", "-c", shown).stdout == in_kernel("Sandybridge", "-c", shown).stdout:
        pytest.skip("OPENBLAS_CORETYPE changes nothing here")
    assert not in_kernel("Haswell", "-m", "cnnrun", "train", "tiny.yaml", "-q").returncode
    done = in_kernel("Sandybridge", "-m", "cnnrun", "reproduce", "last", "--json")
    document = json.loads(done.stdout)
    if document["verdict"] == "same":
        pytest.skip("both kernels give the same bits here")
    assert (done.returncode, document["verdict"]) == (0, "within tolerance")
    (cause,) = document["causes"]
    assert (cause["kind"], cause["rounds"]) == ("kernel", True)
    assert "it was Haswell, and is Sandybridge" in cause["text"]
