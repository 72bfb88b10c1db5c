"""What `train`, `runs` and `data` print of sets that have no classes."""

from __future__ import annotations

import json

import pytest
from tasks import SETS, write_config
from typer.testing import CliRunner

from cnnrun.cli.app import app


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def invoke(*words):
    result = CliRunner().invoke(app, [*map(str, words), "--plugin", str(SETS)])
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize(
    ("task", "says"), [("regression", "test MAE"), ("colour", "test MAE"), ("multi_label", "acc")]
)
def test_a_training_ends_with_figures_that_fit(tmp_path, task, says):
    result = invoke("train", write_config(tmp_path, task), "--epochs", "1")
    assert says in result.stdout
    assert ("train acc" in result.stdout) == (task == "multi_label")
    (record,) = tmp_path.glob("runs/*/run.json")
    test = json.loads(record.read_text())["test"]
    assert ("summary" in test) == (task != "multi_label")


@pytest.mark.parametrize(
    ("task", "says", "learnt"),
    [
        ("regression", "2 numbers to be learnt of each", "row "),
        ("colour", "to be made into images 6x6x3", "target"),
        ("multi_label", "2 labels", "class"),
    ],
)
def test_a_data_set_is_described_by_its_task(tmp_path, task, says, learnt):
    config = write_config(tmp_path, task)
    assert says in invoke("data", "info", config).stdout
    described = json.loads(invoke("data", "info", config, "--json").stdout)
    counts = described["splits"]["test"]["per_class"]
    assert (described["task"], len(counts)) == {
        "regression": ("regression", 0),
        "colour": ("image", 0),
        "multi_label": ("multi_label", 2),
    }[task]
    assert learnt in invoke("data", "export", config, "--index", "0", "-o", "x.png").stdout
