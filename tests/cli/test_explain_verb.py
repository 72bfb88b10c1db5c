"""`cnnrun explain`, as a user meets it."""

from __future__ import annotations

import json

import pytest
from command_line import run
from experiments import TINY


@pytest.mark.parametrize(
    "arguments",
    [
        ["conv2d", "--input", "3x3", "--filter", "2x2"],
        ["conv2d", "--input", "5x5", "--filter", 2, "--stride", 2, "--padding", 1, "--numbers"],
        ["conv2d", "--input", "5x5x2", "--filter", 2, "--dilation", 2, "--filters", 2, "--numbers"],
        ["max_pool2d", "--input", "5x5", "--pool", 3, "--stride", 2, "--numbers"],
        ["avg_pool2d", "--input", "4x4", "--pool", 3, "--stride", 1, "--numbers"],
        ["dense", "--inputs", 3, "--units", 2, "--numbers"],
        ["relu", "--inputs", 3, "--numbers"],
        ["sigmoid", "--numbers"],
        ["softmax", "--inputs", 5, "--numbers", "--seed", 3],
        ["softmax_cross_entropy", "--classes", 2, "--numbers"],
        ["batch_norm", "--samples", 3, "--numbers"],
        ["backprop", "tiny.yaml", "--numbers"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_text_and_json(tmp_path, arguments):
    (tmp_path / "tiny.yaml").write_text(TINY)
    done = run("explain", *arguments, cwd=tmp_path)
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) < 80
    if "--numbers" in arguments:
        assert "verified: " in done.stdout
    document = json.loads(run("explain", *arguments, "--json", cwd=tmp_path).stdout)
    assert document["schema_version"] == 1
    if arguments[0] == "backprop":
        assert next(iter(document["gradients"])).startswith("00_conv2d/w")
    else:
        assert {"output", "input_gradient"} <= document.keys()


def test_files(tmp_path):
    for form in ("text", "markdown", "latex", "json", "html"):
        run("explain", "dense", "--format", form, "-o", f"out/e.{form}", cwd=tmp_path)
        assert (tmp_path / f"out/e.{form}").stat().st_size > 500
    (tmp_path / "v.yaml").write_text(
        "{X: [1, 2, 3], W: [[1, 0], [0, 1], [1, 1]], b: [0, 1], dO: [1, 1]}"
    )
    done = run("explain", "dense", "--values", "v.yaml", "--element", 1, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["output"]["O_1"]["value"] == 4


def test_numbers_of_ones_own(tmp_path):
    (tmp_path / "v.json").write_text('{"z": [0, 0], "t": [0, 1]}')
    arguments = ["softmax_cross_entropy", "--classes", 2, "--values", "v.json", "--json"]
    document = json.loads(run("explain", *arguments, cwd=tmp_path).stdout)
    gradient = document["input_gradient"]
    assert (gradient["dL/dz_1"]["value"], gradient["dL/dz_2"]["value"]) == (0.5, -0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["conv2d", "--input", "3y3"], "--input 3y3: write it as 3x3"),
        (["conv2d", "--input", "3x3x2", "--channels", 3], "has 2 channels, --channels says 3"),
        (["conv2d", "--filter", "4x4"], "does not fit an input of 3x3"),
        (["conv2d", "--padding", "some"], "write it as valid, same, 1, or 1x2"),
        (["conv2d", "--input", "64x64"], "--element 2,3 asks for one entry"),
        (["conv2d", "--element", "0,1"], "--element 0,1: write it as 2,3"),
        (["max_pool2d", "--pool", "9"], "pool_size 9 does not fit"),
        (["dense", "--values", "nosuch.yaml"], "nosuch.yaml"),
        (["softmax", "--inputs", "10"], "input 10 is more than the 9 that are spelled out"),
        (["batch_norm", "--samples", "1"], "Input should be greater than or equal to 2"),
        (["backprop", "nosuch.yaml"], "nosuch.yaml: no such file"),
        (["conv3d"], "conv3d"),
    ],
    ids=lambda value: str(value),
)
def test_wrong_usage_ends_with_2(tmp_path, arguments, words):
    done = run("explain", *arguments, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
