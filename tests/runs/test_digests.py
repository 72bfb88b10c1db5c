"""`digests.jsonl`: the same whether a run was interrupted or not, and with lines at given steps."""

from __future__ import annotations

import pytest
from experiments import tiny

import cnnrun
from cnnrun.errors import RunError
from cnnrun.runs import StopRequest, resume_run, start_run
from cnnrun.runs.digests import digests_of, parting_tensors, read_digests
from cnnrun.runs.events import StepFinished
from cnnrun.runs.observers.lines import StepLines


def test_a_line_for_the_start_and_every_epoch(tmp_path):
    run = cnnrun.train(tiny(tmp_path, "train.epochs=2"), tmp_path / "runs", workers=1)
    digests = read_digests(run)
    assert list(digests) == [0, *(m["step"] for m in run.metrics)]
    assert digests[run.metrics[-1]["step"]] == digests_of(run.model("last").network.state())
    assert "00_conv2d/w" in parting_tensors(digests[0], list(digests.values())[1])


def test_an_interrupted_run_has_the_lines_of_one_that_was_not(tmp_path):
    options = {"workers": 1, "check_every": 2}
    whole = cnnrun.train(tiny(tmp_path, "train.epochs=2"), tmp_path / "a", **options)
    session = start_run(tiny(tmp_path, "train.epochs=2"), tmp_path / "b", **options)
    stop = StopRequest()
    for event in session.events(stop):
        if isinstance(event, StepFinished) and event.step == 4:
            stop.signal = 2
    run = session.run
    with run.digests.open("ab") as file:  # what a kill may leave behind the last checkpoint
        file.write(b'{"epoch": 0, "step": 6, "weights": {}}\n{"epoch"')
    with resume_run(run, workers=1) as session:
        list(session.events())
    assert run.digests.read_bytes() == whole.digests.read_bytes()
    assert run.record["check_every"] == 2


def test_what_counts_is_never_written_anew_and_what_is_damaged_is_cut(tmp_path, monkeypatch):
    path = tmp_path / "digests.jsonl"
    lines = [f'{{"epoch": {step}, "step": {step}, "weights": {{}}}}\n' for step in range(4)]
    monkeypatch.setattr(type(path), "write_bytes", None)  # a kill would leave a part
    for damaged in ("[" * 100_000, '{"epoch": 3}', '{"step": "x"}', lines[1].strip(), "\0", ""):
        path.write_text("".join(lines[:3]) + damaged)
        log = StepLines(path, 2)
        log.append(2, 2, weights={})  # which stands there
        assert path.read_text() == "".join(lines[:3])
        assert log.epoch == 2
    path.write_text("".join(lines))
    StepLines(path, 0)
    assert path.read_text() == ""


def test_a_damaged_line_is_named(tmp_path):
    run = cnnrun.train(tiny(tmp_path, "train.epochs=1"), tmp_path / "runs", workers=1)
    run.digests.write_text('{"epoch": 0, "step": "x", "weights": {}}\n')
    with pytest.raises(RunError, match=r"digests.jsonl:1: step: .*integer"):
        read_digests(run)


def test_the_record_says_what_computed(tmp_path):
    run = cnnrun.train(tiny(tmp_path, "train.epochs=1"), tmp_path / "runs", workers=1)
    assert len(run.record["source_sha256"]) == 64
    assert isinstance(run.record["cpu_features"], list)
    assert "blas_kernel" in run.record
