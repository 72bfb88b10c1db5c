"""The report of several runs: what differs, and where they disagree."""

from __future__ import annotations

import json
import re

import pytest
from experiments import tiny

import cnnrun
from cnnrun.errors import ConfigError


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    options = [("train.epochs=1",), ("data.dataset.synthetic.classes=4",), ("train.epochs=2",)]
    return [cnnrun.train(tiny(folder, *each), folder / "runs", workers=1) for each in options]


def written(runs, **options):
    text = cnnrun.write_report(runs, workers=1, **options).read_text("utf-8")
    numbers = re.search(r'<script type="application/json" id="numbers">(.*?)</script>', text, re.S)
    return text, json.loads(numbers[1])


def test_two_runs_of_one_data_set_are_compared_sample_by_sample(runs):
    first, third = runs[0], runs[2]
    text, numbers = written([first, third])
    assert (first.folder.parent / "comparison.html").is_file()
    assert numbers["settings"] == {"train.epochs": [1, 2]}
    assert numbers["metrics"][third.name] == third.metrics
    [pair] = numbers["pairs"]
    samples = cnnrun.compare([first, third], workers=1).samples
    assert pair["verdict"] == samples.verdict
    low, high = pair["difference_interval"]
    assert low < (samples.only_second - samples.only_first) / samples.samples < high
    assert f"Where {first.name} and {third.name} disagree" in text
    assert text.count('class="card"') == min(24, len(samples.disagreements))
    assert "validation loss of every run" in text


def test_runs_of_other_data_are_compared_by_their_figures(runs):
    text, numbers = written(runs[:2])
    assert "Not compared sample by sample: " in text
    assert "pairs" not in numbers
    assert len(numbers["results"]["test_accuracy"]) == 2
    assert "Paired differences" not in text


def test_a_run_beside_itself_agrees(runs, tmp_path):
    text, numbers = written([runs[0]] * 3, file=tmp_path / "all.html")
    assert "They say the same of every test sample." in text
    assert "No setting differs." in text
    assert len(numbers["pairs"]) == 2


def test_a_report_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="name a run"):
        cnnrun.write_report([])
