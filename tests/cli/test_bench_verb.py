"""`cnnrun bench`, as a user meets it."""

from __future__ import annotations

import importlib.util
import json

import pytest
from command_line import run
from experiments import TINY

QUICK = ["--seconds", "0.1"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    (folder / "tiny.yaml").write_text(TINY)
    return folder


def test_tables(home):
    done = run("bench", "tiny.yaml", "--batch", "4,16", "--workers", 1, *QUICK, cwd=home)
    assert "batch 4, layer by layer" in done.stdout
    assert "tiny: median training steps" in done.stdout
    assert "1 worker; NumPy" in done.stdout
    assert "KiB more for each further sample" in done.stdout
    assert "batch 16:" in done.stderr
    assert "torch" not in done.stdout


def test_the_document(home):
    done = run("bench", "tiny.yaml", "--json", *QUICK, "train.batch_size=8", cwd=home)
    document = json.loads(done.stdout)
    assert document["machine"]["workers"] >= 1
    (result,) = document["results"]
    assert result["batch"] == 8
    assert result["step_ms"] > 0
    assert result["samples_per_second"] > 0
    assert result["gemm_limit_share"] > 0
    assert result["layers"][0]["name"] == "00_conv2d"
    assert result["layers"][0]["multiply_adds"] == 16 * 9 * 4
    assert not done.stderr


def test_against_torch(home):
    pytest.importorskip("torch")
    done = run("bench", "tiny.yaml", "--against", "torch", "--json", *QUICK, cwd=home)
    (result,) = json.loads(done.stdout)["results"]
    assert result["torch_ms"].keys() == {"default", "channels_last"}
    assert result["ratio"] == pytest.approx(min(result["torch_ms"].values()) / result["step_ms"])
    assert 0 < result["max_relative_difference"] < 1e-4


def test_without_torch(home):
    """A module called torch that cannot be imported stands before a real one."""
    if importlib.util.find_spec("torch"):
        (home / "torch.py").write_text("raise ImportError\n")
    done = run("bench", "tiny.yaml", "--against", "torch", cwd=home, check=False)
    (home / "torch.py").unlink(missing_ok=True)
    assert done.returncode == 2
    assert "pip install torch" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--batch", "0"], "'0' is not a number of samples"),
        (["--batch", "32,x"], "'x' is not a number of samples"),
        (["--batch", ""], "'' is not a number of samples"),
        (["--against", "keras"], "torch"),
        (["--workers", "0"], "workers"),
        (["train.batch_size=-1"], "batch_size"),
    ],
)
def test_mistakes(home, arguments, says):
    done = run("bench", "tiny.yaml", *arguments, cwd=home, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_layer_that_differs_from_torch_ends_with_1(home):
    pytest.importorskip("torch")
    (home / "layers.py").write_text(
        "from cnnrun.engine import LAYERS\n"
        "from cnnrun.engine.layers import ReLU\n"
        "ReLU.backward = lambda self, dy, ctx: 1.01 * dy * (ctx.saved['y'] > 0)\n"
    )
    arguments = ["--plugin", "layers.py", "--against", "torch", *QUICK]
    done = run("bench", "tiny.yaml", *arguments, cwd=home, check=False)
    assert done.returncode == 1
    assert "differs from PyTorch" in done.stderr
