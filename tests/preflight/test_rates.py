"""`tune-rate`: the same suggestion each time, one that learns, and none where nothing does."""

from __future__ import annotations

import json

import numpy as np
import pytest
from experiments import tiny
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.errors import ConfigError, UnresolvedError


def test_the_suggestion_is_the_same_each_time_and_learns(tmp_path):
    experiment = tiny(tmp_path)
    result = cnnrun.tune_rate(experiment)
    assert result.to_dict() == cnnrun.tune_rate(experiment).to_dict()
    assert (np.diff(result.rates) > 0).all()
    assert len(result.rates) == len(result.losses) == len(result.smoothed) <= 100
    assert result.suggestion == pytest.approx(min(result.lowest / 10, result.fallen), rel=0.05)
    assert result.override == f"optimizer.adam.learning_rate={result.suggestion:g}"
    run = cnnrun.train(tiny(tmp_path, result.override, "train.epochs=8"), tmp_path, workers=1)
    plain = cnnrun.train(tiny(tmp_path, "train.epochs=8"), tmp_path, workers=1)
    own, shipped = (each.record["final"]["train_loss"] for each in (run, plain))
    assert own < 1.5 * shipped


def test_the_verb_draws_and_tells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path)
    done = CliRunner().invoke(app, ["tune-rate", "tiny.yaml", "--json"])
    document = json.loads(done.stdout)
    assert document["picture"] == "runs/untrained/tiny/learning_rate.png"
    assert (tmp_path / document["picture"]).read_bytes().startswith(b"\x89PNG")
    told = CliRunner().invoke(app, ["tune-rate", "tiny.yaml", "--picture", "rate.png"]).stdout
    assert document["override"] in told.splitlines()
    assert (tmp_path / "rate.png").is_file()


def test_what_does_not_learn_at_any_rate_has_none(tmp_path):
    zero = {"constant": {"value": 0}}
    dead = tiny(tmp_path, f"network[5].dense.initializer={zero}", "network[1]=relu",
                "network[0].conv2d.initializer={constant: {value: 0}}")  # fmt: skip
    with pytest.raises(UnresolvedError, match="the loss falls clearly at no rate"):
        cnnrun.tune_rate(dead)


def test_a_picture_is_a_png(tmp_path):
    with pytest.raises(ConfigError, match=r"call it rate\.png"):
        cnnrun.tune_rate(tiny(tmp_path), picture=tmp_path / "rate.svg")
