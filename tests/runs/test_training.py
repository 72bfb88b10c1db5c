"""Training from Python: to its end, event by event, and what the run says afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from experiments import TINY, log_of, tiny, weights_of

from cnnrun.config import load_experiment
from cnnrun.data import epoch_order
from cnnrun.engine import LAYERS
from cnnrun.engine.layers import Conv2D
from cnnrun.engine.optimizers.base import global_norm
from cnnrun.errors import GradientError
from cnnrun.runs import resume_run, start_run, train, train_events, trainer
from cnnrun.runs.events import EpochFinished, FinalTest, StepFinished, TrainingFinished


def test_a_run_trained_from_python_has_its_test_figure(tmp_path):
    events = []
    run = train(tiny(tmp_path), tmp_path / "runs", workers=1, on_event=events.append)
    assert [type(event) for event in events[-2:]] == [TrainingFinished, FinalTest]
    assert run.record["status"] == "finished"
    assert run.record["test"] == events[-1].to_json()
    test = run.model("best").evaluate("test")
    assert run.record["test"] == {
        "checkpoint": "best", "loss": test.loss, "accuracy": test.accuracy,
    }  # fmt: skip


def test_the_test_figure_is_that_of_the_best_weights_not_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "rank", lambda metrics, best: -metrics["epoch"])
    run = train(tiny(tmp_path), tmp_path / "runs", workers=1)
    best, last = (run.model(which).evaluate("test", workers=1) for which in ("best", "last"))
    assert best.loss != last.loss
    assert run.record["test"]["loss"] == best.loss


def test_events_one_by_one(tmp_path):
    events = list(train_events(tiny(tmp_path, "train.epochs=2"), tmp_path / "runs", workers=1))
    assert sum(isinstance(event, EpochFinished) for event in events) == 2
    assert isinstance(events[-1], FinalTest)


@pytest.mark.parametrize("last", [7, 20])
def test_whoever_stops_listening_leaves_a_run_that_resumes(tmp_path, last):
    whole = train(tiny(tmp_path), tmp_path / "whole", workers=1)
    session = start_run(tiny(tmp_path), tmp_path / "left", workers=1)
    events = session.events()
    next(event for event in events if isinstance(event, StepFinished) and event.step == last)
    events.close()  # as the end of a `for` that was left does
    run = session.run
    assert run.record["status"] == "interrupted"
    list(resume_run(run, workers=1))
    assert run.record["status"] == "finished"
    assert weights_of(run.folder) == weights_of(whole.folder)
    assert log_of(run.folder) == log_of(whole.folder)
    assert run.record["test"] == whole.record["test"]


def test_a_run_that_ended_before_its_test_is_finished_by_a_resume(tmp_path):
    whole = train(tiny(tmp_path), tmp_path / "whole", workers=1)
    session = start_run(tiny(tmp_path), tmp_path / "killed", workers=1)
    events = session.events()
    next(event for event in events if isinstance(event, TrainingFinished))
    events.close()
    assert "test" not in session.run.record
    list(resume_run(session.run, workers=1))
    assert session.run.record["test"] == whole.record["test"]
    assert session.run.record["status"] == "finished"


def test_gradients_are_checked_first_when_asked(tmp_path, monkeypatch):
    class Wrong(Conv2D):
        def backward(self, dy, ctx):
            return 2 * super().backward(dy, ctx)

    monkeypatch.setattr("cnnrun.runs.preflight.SECONDS", 0.1)
    run = train(tiny(tmp_path, "train.epochs=1"), tmp_path / "right", workers=1, gradcheck=True)
    assert run.record["gradcheck"]["verdict"] == "pass"
    assert (run.folder / "gradcheck.json").exists()
    LAYERS.register("wrong")(Wrong)
    (tmp_path / "wrong.yaml").write_text(TINY.replace("- conv2d", "- relu\n  - wrong"))
    with pytest.raises(GradientError, match="nothing was trained"):
        train(load_experiment(tmp_path / "wrong.yaml"), tmp_path / "wrong", gradcheck=True)
    (folder,) = (tmp_path / "wrong").iterdir()
    assert not (folder / "metrics.jsonl").exists()
    assert '"failed"' in (folder / "run.json").read_text()


def test_the_figures_of_an_epoch_are_means_over_samples_and_steps(tmp_path):
    """With weights that stand still, what a trained model measures is what training met."""
    experiment = tiny(
        tmp_path,
        "data.validation=0",
        "data.augment=[]",
        "network=[flatten, {dense: {units: classes}}]",
        "optimizer={sgd: {learning_rate: 1e-30}}",
        "train.epochs=1",
        "train.batch_size=40",
    )
    run = train(experiment, tmp_path / "runs", workers=1)
    (line,) = log_of(run.folder)
    model = run.model()
    assert line["train_loss"] == pytest.approx(model.evaluate("train").loss, rel=1e-5)
    split = experiment.data.dataset.load(tmp_path).train
    norms = []
    order = epoch_order(90, experiment.seed, 0)
    for batch in (order[:40], order[40:80], order[80:]):
        gradients = model.gradients(split.images[batch], split.labels[batch])
        del gradients["x"]
        norms.append(global_norm(gradients))
    assert line["grad_norm"] == pytest.approx(np.mean(norms), rel=1e-4)
