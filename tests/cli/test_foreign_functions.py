"""`cnnrun gradcheck --functions`: a homework's file on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run
from typer.testing import CliRunner

from cnnrun.cli.app import app

CWD = Path(__file__).parents[2]
HOMEWORK = CWD / "docs" / "exercise" / "homework.py"
CONV = [
    "gradcheck", "--functions", f"{HOMEWORK}:conv_forward,conv_backward", "--input", "x=2x3x5x5",
    "--input", "w=2x3x3x3", "--input", "b=2", "--constant", "conv_param={stride: 1, pad: 1}",
]  # fmt: skip


def test_a_missing_rotation_is_named_and_the_exit_code_says_so(tmp_path):
    page = tmp_path / "page.html"
    result = run(*CONV, "--html", str(page), "--quiet", cwd=CWD, check=False)
    assert result.returncode == 1
    assert "conv_backward, dx: missing rotation: dx would be right with w turned" in (
        " ".join(result.stdout.split())
    )
    assert "missing rotation" in page.read_text("utf-8")


def test_json_has_the_same_keys_as_for_a_layer():
    result = run(*CONV, "--json", "--like", "conv2d", cwd=CWD, check=False)
    document = json.loads(result.stdout)
    assert document["guilty"] == {"layer": "conv_backward", "tensor": "x"}
    assert document["verdict"] == "fail"
    assert [row["tensor"] for row in document["tensors"]] == ["x", "w", "b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--functions", f"{HOMEWORK}:conv_forward"], "conv_forward needs inputs"),
        (["--functions", "a.py:f", "--torch", "b.py:g"], "do not go together"),
        (["--functions", "a.py:f", "--layer", "relu"], "--functions goes without --layer"),
        (["--like", "relu"], "--like goes with --functions"),
        (["--layer", "relu", "--input", "x=3"], "--input NAME=SIZES goes with --functions"),
        ([*CONV[1:], "--input", "q"], "--input q: write NAME=VALUE, as in --input x=4x3x7x7"),
        ([*CONV[1:], "--constant", "p={a"], "--constant p"),
        ([*CONV[1:], "--no-gradient", "q"], "--no-gradient q: the inputs are x, w, b"),
    ],
)
def test_options_that_do_not_fit_are_refused(words, message):
    result = CliRunner().invoke(app, ["gradcheck", *words])
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
