"""`reproduce`: the same to the bit, whole, stopped, extended and of an earlier version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from experiments import tiny
from reproductions import add, again, kinds, note, set_in, sign

import cnnrun
from cnnrun.errors import RunError
from cnnrun.runs import Run, StopRequest, resume, resume_run, start_run, train
from cnnrun.runs.events import StepFinished
from cnnrun.runs.reproduction import first_parting, within_tolerance


def test_a_run_repeats_to_the_bit_elsewhere_too(copied):
    result = again(copied)
    assert (result.verdict, result.exit_code, result.causes) == ("same", 0, ())
    assert result.predictions["samples"] == 0
    made = Run(Path(result.again))
    assert made.name == "tiny-again-0001"
    assert made.record["reproduces"] == {"run": copied.name, "verdict": "same"}
    assert made.digests.read_bytes() == copied.digests.read_bytes()
    assert cnnrun.load_run("last", copied.folder.parent).name == copied.name


def test_the_first_epochs_alone(copied):
    result = again(copied, epochs=1)
    assert (result.verdict, result.epochs) == ("same", 1)
    assert result.steps == copied.metrics[0]["step"]


def test_another_version_of_numpy(copied):
    note(copied, versions={**copied.record["versions"], "numpy": "1.26.0"})
    result = again(copied)
    assert (result.verdict, kinds(result)) == ("same", ["numpy"])
    add(copied, "last", 1e-6)
    sign(copied, "last")
    copied.digests.unlink()
    result = again(copied)
    assert (result.verdict, result.exit_code) == ("within tolerance", 0)
    assert result.weights == {"00_conv2d/w": pytest.approx(1e-6, rel=0.1)}
    assert f"numpy: it was 1.26.0, and is {np.__version__}" in [c.text for c in result.causes]
    set_in(copied, "seed: 3", "seed: 4")
    assert again(copied).verdict == "different"


def test_a_run_of_an_earlier_version(copied):
    copied.digests.unlink()
    later = ("segments", "blas_kernel", "cpu", "cpu_features", "source_sha256", "check_every")
    note(copied, **dict.fromkeys(later))
    result = again(copied)
    assert (result.verdict, result.causes) == ("same", ())
    assert not any("digests" in words for words in result.compared)
    add(copied, "last", 0.5)
    assert kinds(again(copied)) == ["checkpoint"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("versions", 3), ("cpu_features", "AVX"), ("earlier_environments", [{"versions": []}])],
)
def test_a_damaged_record_is_said(copied, key, value):
    note(copied, **{key: value})
    with pytest.raises(RunError, match=key):
        again(copied)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("digests.jsonl", b"{}\n"),
        ("metrics.jsonl", b"{}\n"),
        ("config.yaml", b"network: ["),
        ("checkpoints/last/state.json", b"{}"),
        ("checkpoints/last/state.json", b'{"progress": 7}'),
        ("checkpoints/last/weights.safetensors", b""),
    ],
)
def test_it_cannot_tell_of_a_damaged_run(copied, file, content):
    (copied.folder / file).write_bytes(content)
    result = again(copied)
    assert (result.verdict, result.exit_code, result.again) == ("cannot tell", 4, None)
    assert file in result.reason


def test_missing_data_are_named_with_their_digest(copied):
    (copied.folder.parents[1] / "d.npz").unlink()
    result = again(copied)
    assert (result.verdict, result.exit_code, result.again) == ("cannot tell", 4, None)
    assert copied.record["dataset"]["sha256"] in result.reason
    assert "d.npz" in result.reason


def test_stopped_and_extended_runs_repeat(tmp_path):
    def go(session, until=None):
        stop = StopRequest()
        for event in session.events(stop):
            if isinstance(event, StepFinished) and event.step == until:
                stop.signal = 2
        return session.run

    runs = tmp_path / "runs"
    run = go(start_run(tiny(tmp_path, "train.epochs=2"), runs, workers=1))
    run = go(resume_run(run, workers=1, epochs=3), until=13)
    result = cnnrun.reproduce(run, runs, workers=2)
    assert (result.verdict, result.steps) == ("same", 13), result
    note(run, blas_kernel="Elsewhere")
    run = go(resume_run(run, workers=1, epochs=4))
    (earlier,) = run.record["earlier_environments"]
    assert earlier["blas_kernel"] == "Elsewhere"
    result = cnnrun.reproduce(run, runs, workers=1)
    assert (result.verdict, kinds(result)) == ("same", ["kernel"])
    assert "it was for a part of the run Elsewhere, and is" in result.causes[0].text


def test_a_run_that_stopped_early_and_went_on_repeats(tmp_path):
    runs = tmp_path / "runs"
    stopping = "train.early_stopping={monitor: val_loss, patience: 1, min_delta: 9}"
    run = train(tiny(tmp_path, "train.epochs=20", stopping, "train.accumulate=3"), runs, workers=1)
    for epochs in (20, 9):  # each stops again, an epoch later
        run = resume(run, workers=1, epochs=epochs)
    assert [segment["from_epoch"] for segment in run.record["segments"]] == [0, 2, 3]
    result = cnnrun.reproduce(run, runs, workers=2)
    assert (result.verdict, result.epochs) == ("same", 4), result
    assert Run(Path(result.again)).record["stopped_early"] == run.record["stopped_early"]


def test_where_digests_part():
    one = {0: {"w": "a"}, 5: {"w": "b", "v": "c"}, 9: {"w": "d"}}
    assert first_parting(one, one) == (9, None, [])
    assert first_parting(one, {**one, 5: {"w": "b", "v": "x"}}) == (0, 5, ["v"])


def test_the_tolerance():
    def run(start, accuracy):
        return [
            {"train_loss": start, "val_accuracy": 0.5},
            {"train_loss": 0.1, "val_accuracy": accuracy},
        ]

    assert within_tolerance(run(1.0, 0.9), run(1.01, 0.915))
    assert not within_tolerance(run(1.0, 0.9), run(1.1, 0.9))
    assert not within_tolerance(run(1.0, 0.9), run(1.0, 0.93))
