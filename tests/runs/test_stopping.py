"""Training stops early when a metric no longer improves; resumed, after the same epoch."""

from __future__ import annotations

import pytest
from command_line import run as program
from experiments import TINY, log_of, tiny, weights_of

from cnnrun.config import EarlyStopping, TrainOptions
from cnnrun.errors import ConfigError, RunError
from cnnrun.runs import StopRequest, resume, resume_run, run_segments, start_run, train
from cnnrun.runs.events import EpochFinished, StepFinished, StoppedEarly
from cnnrun.runs.stopping import watch

STOPPING = "train.early_stopping={monitor: val_auc, patience: 2, min_delta: 0.002}"
LONG = ("train.epochs=40", "schedule=constant", STOPPING)


def waited(values, **options):
    """Return after which epoch a training of these validation losses stops, and the best."""
    train_options = TrainOptions(epochs=99, early_stopping=EarlyStopping("val_loss", **options))
    memory = {}
    for epoch, value in enumerate(values, 1):
        metrics = {"epoch": epoch, "val_loss": value, "val_accuracy": None}
        watch(train_options, metrics, memory)
        if memory.get("stopped"):
            return epoch, memory["epoch"]
    return None


@pytest.mark.parametrize(
    ("values", "options", "end"),
    [
        ([3, 2, 1, 1, 1, 1], {"patience": 3}, (6, 3)),
        ([3, 2, 2.5, 1, 1.5, 1.5], {"patience": 2}, (6, 4)),
        ([3, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.5}, (3, 1)),
        ([3, 2.9, 2.4, 2.3], {"patience": 2, "min_delta": 0.5}, None),  # better than the best by .6
        ([3, 2.5], {"patience": 1, "min_delta": 0.5}, (2, 1)),  # by more than min_delta
        ([1, float("nan")], {"patience": 1}, (2, 1)),
        ([3, 2, 1], {"patience": 1}, None),
    ],
)
def test_how_long_an_improvement_is_waited_for(values, options, end):
    assert waited(values, **options) == end


def test_the_last_epoch_is_no_early_stop():
    memory = {}
    options = TrainOptions(epochs=2, early_stopping=EarlyStopping("loss", patience=1))
    for epoch in (1, 2):
        watch(options, {"epoch": epoch, "val_loss": 1.0, "val_accuracy": None}, memory)
    assert "stopped" not in memory


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that stopped early, and its event."""
    folder, events = tmp_path_factory.mktemp("whole"), []
    run = train(tiny(folder, *LONG), folder / "runs", workers=1, on_event=events.append)
    (stopped,) = (event for event in events if isinstance(event, StoppedEarly))
    return run, stopped


def test_the_record_says_why_and_what_is_kept(whole):
    run, stopped = whole
    log, record = log_of(run.folder), run.record
    assert len(log) == stopped.epoch == stopped.best_epoch + 2 < 40
    assert record["stopped_early"] == stopped.to_json()
    assert record["status"] == "finished"
    assert record["chosen_by"] == "val_auc"  # train.best is auto: what is monitored
    assert record["best"]["epoch"] == stopped.kept_epoch
    assert record["best"]["val_auc"] == max(line["val_auc"] for line in log)
    waited = f"val_auc has not improved for 2 epochs since epoch {stopped.best_epoch}"
    assert waited in stopped.reason
    assert stopped.reason.endswith(f"the weights of epoch {stopped.kept_epoch} are kept")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_stopped_at_many_steps_ends_after_the_same_epoch(whole, tmp_path, workers):
    run, stopped = whole
    last = log_of(run.folder)[-1]["step"]
    session = start_run(tiny(tmp_path, *LONG), tmp_path / "runs", workers=workers)
    for step in (3, last - 11, last - 6, last - 5, last - 1, last):
        stop = StopRequest()
        for event in session.events(stop):
            if isinstance(event, StepFinished) and event.step == step:
                stop.signal = 2
        if session.status == "finished":  # what stops at the last step may be the end
            break
        session = resume_run(session.run, workers=workers)
    for _ in session.events() if session.status != "finished" else ():
        pass
    for which in ("last", "best"):
        assert weights_of(session.run.folder, which) == weights_of(run.folder, which)
    assert log_of(session.run.folder) == log_of(run.folder)
    assert session.run.record["stopped_early"] == stopped.to_json()


def test_a_run_killed_after_its_last_epoch_is_tested_by_a_resume(whole, tmp_path):
    run, stopped = whole
    session = start_run(tiny(tmp_path, *LONG), tmp_path / "runs", workers=1)
    events = session.events()
    for event in events:
        if isinstance(event, EpochFinished) and event.metrics.epoch == stopped.epoch:
            break
    events.close()
    assert "stopped_early" not in session.run.record
    resume(session.run, workers=1)
    assert session.run.record["stopped_early"] == stopped.to_json()
    assert session.run.record["test"] == run.record["test"]


def test_the_last_weights_are_tested_if_that_is_asked_for(tmp_path):
    options = (*LONG, "train.early_stopping.restore_best=false", "train.best=val_loss")
    run = train(tiny(tmp_path, *options), tmp_path / "runs", workers=1)
    record, last = run.record, run.model("last").evaluate(workers=1)
    assert (record["test"]["checkpoint"], record["test"]["loss"]) == ("last", last.loss)
    assert record["stopped_early"]["kept_epoch"] == record["final"]["epoch"]
    assert record["chosen_by"] == "val_loss"
    assert record["stopped_early"]["monitor"] == "val_auc"


def test_only_more_epochs_let_it_go_on_with_its_patience_anew(tmp_path):
    run = train(tiny(tmp_path, *LONG), tmp_path / "runs", workers=1)
    done = run.record["final"]["epoch"]
    with pytest.raises(RunError, match=f"stopped early, after epoch {done} of 40; --epochs N goes"):
        resume_run(run, workers=1)
    with pytest.raises(RunError, match=f"all {done} epochs are done"):
        resume_run(run, workers=1, epochs=done)
    resume(run, workers=1, epochs=40)
    record = run.record
    assert record["final"]["epoch"] >= done + 2 or record["final"]["epoch"] == 40
    ends = [
        (segment.from_epoch, segment.experiment().train.epochs) for segment in run_segments(run)
    ]
    assert ends == [(0, 40), (done, 40)]
    again = train(tiny(tmp_path, *LONG), tmp_path / "again", workers=2)
    resume(again, workers=2, epochs=40)
    assert weights_of(again.folder) == weights_of(run.folder)


def test_a_monitor_that_is_not_measured_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"train.early_stopping.monitor: mse is not measured of"):
        tiny(tmp_path, "train.early_stopping.monitor=val_mse")
    experiment = tiny(tmp_path, "train.early_stopping={patience: 3}", "data.validation=0")
    start_run(experiment, tmp_path / "runs", workers=1).close()  # the accuracy of training


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("train.early_stopping.patience=0", "0 is not a whole number >= 1"),
        ("train.early_stopping.min_delta=-1", "-1 is not a number >= 0"),
        ("train.early_stopping=true", "needs options as 'name: value', got True"),
        ("train.early_stopping.patiance=3", "did you mean train.early_stopping.patience=3"),
    ],
)
def test_mistakes_in_the_section_are_said(tmp_path, override, says):
    with pytest.raises(ConfigError) as refused:
        tiny(tmp_path, override)
    assert says in str(refused.value)


def test_the_command_line_says_it(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    done = program("train", "tiny.yaml", *LONG, cwd=tmp_path)
    assert "stopped early, after epoch" in done.stderr
    assert "stopped early, after epoch" in done.stdout
    assert "val auc" in done.stdout
    shown = program("runs", "show", "last", cwd=tmp_path)
    assert "stopped_early" in shown.stdout
    assert "val_auc has not improved for 2 epochs" in " ".join(shown.stdout.split())
