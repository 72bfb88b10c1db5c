"""Values that are not finite end a training with the place where that began."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from experiments import tiny

from cnnrun.engine import find_nonfinite_prediction, find_nonfinite_state
from cnnrun.errors import CheckpointError, DivergedError, RunError
from cnnrun.runs import resume_run, start_run
from cnnrun.runs.checkpoints import read_checkpoint, write_checkpoint
from cnnrun.runs.events import Diverged


def diverge(session):
    """Train to the end that is not one; return what was told, and the message."""
    events = []
    with session, pytest.raises(DivergedError) as caught:
        deque(map(events.append, session.events()), maxlen=0)
    return events, str(caught.value)


def test_an_optimizer_whose_state_overflows_is_named(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    # So nothing moves any more, and the loss is finite.
    session.trainer.optimizer_state["square/00_conv2d/w"][...] = np.inf
    events, message = diverge(session)
    assert "in epoch 1: a value is not finite, in square/00_conv2d/w after the update" in message
    assert events[-1] == Diverged(5, message)
    record = session.run.record
    assert (record["status"], record["error"]) == ("diverged", message)
    assert session.run.metrics == []


def test_what_only_the_last_step_made_infinite_is_seen_in_the_epoch(tmp_path):
    changes = ("optimizer={sgd: {learning_rate: 3e38}}", "train.batch_size=1000")
    session = start_run(tiny(tmp_path, *changes, "schedule=constant"), tmp_path / "r", workers=1)
    _, message = diverge(session)
    assert "diverged in epoch 1, on the validation split: " in message
    assert "first in layer 01_batch_norm, forward" in message


def test_a_rate_beyond_all_numbers_diverges(tmp_path):
    changes = ("schedule={exponential: {gamma: 3e38}}", "train.epochs=12")
    session = start_run(tiny(tmp_path, *changes), tmp_path / "runs", workers=1)
    assert "a value is not finite" in diverge(session)[1]


def test_a_validation_loss_that_overflows_names_the_layer(tmp_path, monkeypatch):
    from dataclasses import replace

    from cnnrun.runs import trainer

    measured = trainer.evaluate
    monkeypatch.setattr(
        trainer, "evaluate", lambda *given: replace(measured(*given), loss=float("inf"))
    )
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    _, message = diverge(session)
    assert "in epoch 1, on the validation split: " in message


def test_where_a_prediction_stops_being_finite(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    session.close()
    network, loss = session.trainer.network, session.experiment.loss
    x, targets = session.data.test.batch(np.arange(4))
    assert find_nonfinite_prediction(network, loss, x, targets) is None
    assert find_nonfinite_state(network, session.trainer.optimizer_state) is None
    network.layers["01_batch_norm"].buffers["running_var"][0] = np.nan
    first = find_nonfinite_prediction(network, loss, x, targets)
    assert str(first) == "first in layer 01_batch_norm, forward"
    state = find_nonfinite_state(network, {})
    assert str(state) == "in 01_batch_norm/running_var after the update"
    x[0, 0, 0, 0] = np.inf
    assert find_nonfinite_prediction(network, loss, x, targets).layer == "input"


def test_a_test_loss_that_overflows_ends_the_run_as_diverged(tmp_path, monkeypatch):
    from cnnrun.runs import session as module

    load = module.load_model

    def broken(*given):
        model = load(*given)
        model.network.buffers["01_batch_norm/running_var"][0] = np.nan
        return model

    monkeypatch.setattr(module, "load_model", broken)
    session = start_run(tiny(tmp_path, "train.epochs=1"), tmp_path / "runs", workers=1)
    _, message = diverge(session)
    assert "on the test split" in message
    assert "first in layer 01_batch_norm, forward" in message
    assert session.run.record["status"] == "diverged"


@pytest.mark.parametrize(
    ("key", "value"), [("progress", 3), ("statistics", {"mean": [0.5, 0.5], "std": [1.0, 1.0]})]
)
def test_a_checkpoint_of_another_kind_is_refused_by_name(tmp_path, key, value):
    with start_run(tiny(tmp_path), tmp_path / "runs", workers=1) as session:
        for _ in zip(range(3), session.events(), strict=False):
            pass
    last = session.run.checkpoint("last")
    stored = read_checkpoint(last)
    stored.state[key] = value
    write_checkpoint(last, stored)
    with pytest.raises(CheckpointError, match=rf"state\.json: .*{key}"):
        resume_run(session.run)
    with pytest.raises(CheckpointError, match=rf"state\.json: .*{key}"):
        session.run.model("last")


def test_a_log_that_is_no_text_is_refused_with_its_line(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    session.close()
    session.run.log.write_bytes(b"\xff\xfe\n")
    with pytest.raises(RunError, match=r"metrics\.jsonl:1: damaged"):
        _ = session.run.metrics
