"""`train --check`: the checks stand in the run, and what fails them is not trained."""

from __future__ import annotations

import json

import pytest
from experiments import tiny
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.errors import PreflightError


def test_a_run_keeps_its_checks(tmp_path):
    experiment = tiny(tmp_path, "train.epochs=1")
    plain = cnnrun.train(experiment, tmp_path / "plain", workers=1)
    run = cnnrun.train(experiment, tmp_path / "runs", workers=1, before=cnnrun.check_run)
    kept = json.loads((run.folder / "check.json").read_text())
    assert kept["verdict"] == run.record["check"]["verdict"] == "pass"
    assert [row["check"] for row in kept["checks"]][-1] == "cost"
    assert run.record["final"]["val_loss"] == plain.record["final"]["val_loss"]
    again = cnnrun.resume(run, epochs=2, workers=1)
    assert again.record["check"]["verdict"] == "pass"


def test_what_fails_a_check_is_not_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path)
    done = CliRunner().invoke(app, ["train", "tiny.yaml", "--check", "-q", "seed=1",
                                    "optimizer.adam.learning_rate=1e30"])  # fmt: skip
    assert isinstance(done.exception, SystemExit | PreflightError)
    (run,) = cnnrun.list_runs()
    assert run.record["status"] == "failed"
    assert "one batch by heart" in run.record["error"]
    assert run.record["check"]["verdict"] == "fail"
    assert not run.log.exists() or not run.log.read_text()
    with pytest.raises(PreflightError, match="nothing was trained"):
        cnnrun.train(
            tiny(tmp_path, "optimizer.adam.learning_rate=1e30"), workers=1, before=cnnrun.check_run
        )


@pytest.mark.parametrize("more", [["--seeds", "2"], ["--resume", "last"]])
def test_a_group_and_a_resume_refuse_it(more, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = tiny(tmp_path, "train.epochs=1")
    words = ["tiny.yaml"] if more[0] == "--seeds" else []
    if not words:
        cnnrun.train(experiment, workers=1)
    done = CliRunner().invoke(app, ["train", *words, *more, "--check"])
    assert done.exit_code == 2
    assert "--check" in done.output
