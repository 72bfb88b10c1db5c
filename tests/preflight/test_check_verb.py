"""`cnnrun check` on the command line: table, advice, JSON, exit codes."""

from __future__ import annotations

import json

from experiments import tiny
from typer.testing import CliRunner

from cnnrun.cli.app import app


def test_the_table_and_the_advice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path)
    done = CliRunner().invoke(app, ["check", "tiny.yaml", "-q"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "tiny: nothing speaks against training"
    twice = CliRunner().invoke(app, ["check", "tiny.yaml", "-q", "network[4]=softmax",
                                     "network[5]=softmax"])  # fmt: skip
    assert twice.exit_code == 2, "a network that does not fit its data is no finding"


def test_json_and_exit_code_of_what_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path)
    words = ["check", "tiny.yaml", "--json", "optimizer.adam.learning_rate=1e30"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["verdict"] == "fail"
    failed = {row["check"]: row for row in document["checks"] if row["status"] == "fail"}
    assert "optimizer.adam.learning_rate" in failed["one batch by heart"]["advice"]
