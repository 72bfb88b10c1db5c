"""An option that a verb lacks is answered with the override that sets it."""

from __future__ import annotations

import pytest
from broken_configs import GOOD
from typer.testing import CliRunner

from cnnrun.cli.app import app


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize(
    ("verb", "words", "override"),
    [
        ("train", ["--lr", "0.1"], "optimizer.sgd.learning_rate=0.1"),
        ("train", ["--lr=0.1"], "optimizer.sgd.learning_rate=0.1"),
        ("train", ["--batch-size", "8"], "train.batch_size=8"),
        ("summary", ["--epochs", "3"], "train.epochs=3"),
        ("summary", ["--epochs"], "train.epochs=VALUE"),
    ],
)
def test_an_unknown_option_is_answered_with_the_key(good, verb, words, override):
    result = CliRunner().invoke(app, [verb, str(good), *words])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert f"No such option: {words[0].partition('=')[0]}; did you mean {override} " in said


@pytest.mark.parametrize("words", [["--wxyz", "1"], ["--wxyz"]])
def test_an_option_like_nothing_is_refused_as_ever(good, words):
    result = CliRunner().invoke(app, ["train", str(good), *words])
    assert result.exit_code == 2
    assert "No such option: --wxyz" in result.output
    assert "did you mean" not in result.output
