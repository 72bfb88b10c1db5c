"""`cnnrun gradcheck`, `train --gradcheck` and `init --layer`, as a user meets them."""

from __future__ import annotations

import json

import junitparser
import pytest
from command_line import run
from experiments import TINY

LAYERS = """
import numpy as np
from cnnrun.engine import LAYERS, Layer
from cnnrun.engine.layers import Conv2D

@LAYERS.register("bad_conv")
class BadConv(Conv2D):
    def backward(self, dy, ctx):
        dx = super().backward(dy, ctx)
        ctx.gradients["w"][0, 0, 0, 0] *= 1.01
        return dx

@LAYERS.register("silent")
class Silent(Layer):
    def forward(self, x, ctx):
        return 0 * x
    def backward(self, dy, ctx):
        return 0 * dy
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradcheck")
    (folder / "tiny.yaml").write_text(TINY)
    (folder / "bad.yaml").write_text(TINY.replace("conv2d", "bad_conv", 1))
    (folder / "layers.py").write_text(LAYERS)
    return folder


def test_a_network(home):
    files = ["--output", "out/g.json", "--junit", "out/g.xml", "--maps", "maps"]
    done = run("gradcheck", "tiny.yaml", "--budget", 3000, "--layers", "conv1", *files, cwd=home)
    assert "pass: " in done.stdout
    assert "all gradients are right" in done.stdout
    assert "about" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert json.loads((home / "out/g.json").read_text())["verdict"] == "pass"
    (suite,) = junitparser.JUnitXml.fromfile(str(home / "out/g.xml"))
    assert suite.tests == 4
    assert suite.failures == 0
    assert (home / "maps/errors.npz").exists()
    assert (home / "maps/gradcheck.json").exists()
    assert len(list((home / "maps").glob("*.png"))) == 4


def test_a_wrong_layer_in_a_network_ends_with_1(home):
    arguments = ["gradcheck", "bad.yaml", "--plugin", "layers.py", "--budget", 2000, "--json"]
    done = run(*arguments, cwd=home, check=False)
    assert done.returncode == 1
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["verdict"] == "fail"
    assert document["guilty"]["layer"].endswith("bad_conv")
    assert document["guilty"]["tensor"] == "w"
    assert "1% too large" in document["diagnosis"]


def test_only_some_layers(home):
    done = run("gradcheck", "tiny.yaml", "--layers", "conv1,dense", "--json", cwd=home)
    rows = json.loads(done.stdout)["tensors"]
    kinds = {row["layer"].partition("_")[2] for row in rows} - {""}
    assert kinds == {"conv2d", "dense"}
    done = run("gradcheck", "--layers", "relu,mse", "--json", cwd=home)
    assert {row["layer"] for row in json.loads(done.stdout)["tensors"]} == {"relu", "mse"}


def test_one_layer(home):
    arguments = ["gradcheck", "--layer", "conv2d: {filters: 2, kernel_size: 2, stride: 2}"]
    done = run(*arguments, "--input", "5x4x3", "--json", cwd=home)
    document = json.loads(done.stdout)
    assert [(row["layer"], row["elements"]) for row in document["tensors"]] == [
        ("conv2d", 240), ("conv2d", 24), ("conv2d", 2),
    ]  # fmt: skip


def test_nothing_resolved_ends_with_4(home):
    done = run("gradcheck", "--plugin", "layers.py", "--layer", "silent", cwd=home, check=False)
    assert done.returncode == 4
    assert "unresolved: no element of silent/x" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch.yaml"], "nosuch.yaml: no such file"),
        (["nosuch"], "nosuch"),
        (["--layer", "conv2"], "did you mean conv2d"),
        (["--layer", "conv2d: {filter: 3}"], "did you mean filters"),
        (["--layer", "conv2d", "--input", "5x"], "write sizes as in 8x8x3"),
        (["--layer", "conv2d", "--input", "7"], "fits none of the inputs tried"),
        (["--input", "7"], "--input is the input of --layer"),
        (["--layers", "rellu"], "did you mean relu"),
        (["tiny.yaml", "--layers", "conv7"], "no layer is called 'conv7'"),
        (["tiny.yaml", "--layer", "relu"], "--layers selects"),
        (["tiny.yaml", "--samples", "0"], "--samples"),
        (["--self-test", "--layer", "relu"], "checks the checker"),
    ],
)
def test_wrong_usage_ends_with_2(home, arguments, words):
    done = run("gradcheck", *arguments, cwd=home, check=False)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_the_self_test(home):
    done = run("gradcheck", "--self-test", "--json", cwd=home)
    document = json.loads(done.stdout)
    assert len(document["mutants"]) >= 25
    assert all(mutant["killed"] and mutant["stage"] for mutant in document["mutants"])
    assert document["verdict"] == "pass"


def test_before_training(home, tmp_path):
    done = run("train", home / "tiny.yaml", "--gradcheck", "--epochs", 1, cwd=tmp_path)
    assert "all gradients are right" in done.stderr
    folder = tmp_path / "runs/tiny-0001"
    assert json.loads((folder / "gradcheck.json").read_text())["verdict"] == "pass"
    assert json.loads((folder / "run.json").read_text())["gradcheck"]["verdict"] == "pass"
    checked = run("gradcheck", "last", "--layers", "0", "--json", cwd=tmp_path)
    assert json.loads(checked.stdout)["verdict"] == "pass"


def test_a_wrong_gradient_stops_the_run(home, tmp_path):
    arguments = ["train", home / "bad.yaml", "--plugin", home / "layers.py", "--gradcheck"]
    done = run(*arguments, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "1% too large" in done.stderr
    folder = tmp_path / "runs/tiny-0001"
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "failed"
    assert json.loads((folder / "gradcheck.json").read_text())["verdict"] == "fail"
    assert not (folder / "checkpoints").exists()


def test_a_layer_to_start_from(tmp_path):
    run("init", "--layer", "my_layer.py", cwd=tmp_path)
    done = run("gradcheck", "--plugin", "my_layer.py", "--layer", "my_layer", cwd=tmp_path)
    assert "pass: 2 tensors checked" in done.stdout
    text = (tmp_path / "my_layer.py").read_text()
    (tmp_path / "my_layer.py").write_text(text.replace(".sum(axis=0)", ".mean(axis=0)"))
    done = run("gradcheck", "--plugin", "my_layer.py", "--layer", "my_layer", cwd=tmp_path,
               check=False)  # fmt: skip
    assert done.returncode == 1
    assert "my_layer, da: constant ratio" in done.stdout
    for name, words in (("my-layer.py", "letters, digits"), ("relu.py", "registered already"),
                        ("my_layer.py", "exists")):  # fmt: skip
        done = run("init", "--layer", name, cwd=tmp_path, check=False)
        assert done.returncode == 2
        assert words in done.stderr
