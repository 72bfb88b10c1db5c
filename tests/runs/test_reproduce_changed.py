"""`reproduce` of a run whose folder, data or configuration was changed: where, and why."""

from __future__ import annotations

import json

import numpy as np
import pytest
from experiments import tiny
from reproductions import add, again, kinds, set_in, sign

import cnnrun


def test_another_seed(copied):
    set_in(copied, "seed: 3", "seed: 4")
    result = again(copied)
    assert (result.verdict, result.exit_code, kinds(result)) == ("different", 1, ["seed"])
    assert (result.first["epoch"], result.first["step"]) == (1, 0)
    assert "it was 3, and is 4" in result.causes[0].text


def test_another_setting(copied):
    set_in(copied, "rate: 0.2", "rate: 0.3")
    result = again(copied)
    assert (result.verdict, kinds(result)) == ("different", ["configuration"])
    assert (result.first["step"], result.first["same_until"]) == (1, 0)


def test_a_repetition_that_diverges(copied):
    set_in(copied, "learning_rate: 0.01", "learning_rate: 1.0e+30")
    result = again(copied)
    assert (result.verdict, result.exit_code, kinds(result)) == ("different", 1, ["configuration"])
    assert "diverged" in result.ended
    assert result.first["step"] == 1


def test_a_repetition_that_is_shorter(tmp_path):
    run = cnnrun.train(
        tiny(tmp_path, "train.epochs=2", "schedule.constant={}"), tmp_path / "runs", workers=1
    )
    set_in(run, "epochs: 2", "epochs: 1")
    result = again(run)
    assert (result.verdict, kinds(result)) == ("different", ["configuration"])
    assert "give 5 steps, and the run had 10" in result.ended
    assert result.first["epoch"] == 2


def test_a_pixel_of_the_data(copied):
    path = copied.folder.parents[1] / "d.npz"
    arrays = dict(np.load(path))
    arrays["images"][0, 0, 0] ^= 255
    np.savez(path, **arrays)
    result = again(copied)
    assert (result.verdict, kinds(result)) == ("different", ["data"])
    assert copied.record["dataset"]["sha256"][:12] in result.causes[0].text


def test_a_weight_of_the_checkpoint(copied):
    add(copied, "last", 0.5)
    result = again(copied)
    assert (result.verdict, kinds(result)) == ("different", ["checkpoint"])
    assert result.weights == {"00_conv2d/w": pytest.approx(0.5)}
    assert result.first is None  # the training itself repeats
    sign(copied, "last")
    result = again(copied)
    assert (result.verdict, kinds(result)) == ("different", ["checkpoint"])
    assert "digests.jsonl" in result.causes[0].text


def test_a_weight_of_the_best_epoch(copied):
    add(copied, "best", 0.5)
    sign(copied, "best")
    result = again(copied)
    assert (result.verdict, kinds(result)) == ("different", ["checkpoint"])
    assert result.best_weights == {"00_conv2d/w": pytest.approx(0.5)}
    assert not result.weights
    assert result.predictions["samples"] > 0
    (copied.checkpoint("best") / "weights.safetensors").write_bytes(b"nothing")
    result = again(copied)
    assert (result.verdict, kinds(result)) == ("different", ["checkpoint"])


def test_a_figure_of_the_log(copied):
    lines = copied.log.read_text().splitlines()
    changed = {**json.loads(lines[1]), "val_loss": 0.0}
    copied.log.write_text(f"{lines[0]}\n{json.dumps(changed)}\n")
    result = again(copied)
    assert (result.verdict, kinds(result), result.first["epoch"]) == ("different", ["log"], 2)
