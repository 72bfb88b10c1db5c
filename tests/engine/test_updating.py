"""An optimizer's step done by several processes, and gradients of batches cut in different ways."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from cnnrun.engine import Build, Executor, Network
from cnnrun.engine.execution import executor as executors
from cnnrun.engine.execution.messages import Shard, Work
from cnnrun.engine.execution.shared_memory import are_shared, can_fork
from cnnrun.engine.layers import Dense, Flatten, Tanh
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.engine.optimizers import SGD, AdamW, RMSprop
from cnnrun.errors import WorkerError

CONFIGS = [Flatten.Config(), Dense.Config(7), Tanh.Config(), Dense.Config(3)]
IMAGE = (5, 4, 2)
OPTIMIZERS = [
    SGD(0.1, momentum=0.9, weight_decay=1e-3, clip_norm=0.5, decay_weights_only=True),
    AdamW(0.01),
    RMSprop(0.01, momentum=0.5),
]


def draw(samples):
    rng = np.random.default_rng(samples)
    x = rng.standard_normal((samples, *IMAGE)).astype(np.float32)
    return x, rng.integers(0, 3, samples)


def train(optimizer, workers, shared):
    network = Network(CONFIGS, IMAGE, Build(shared=shared))
    state = optimizer.initial_state(network.parameters)
    assert are_shared([*network.parameters.values(), *state.values()]) == shared
    with Executor(
        network, SoftmaxCrossEntropy(), workers=workers, shard_size=4,
        optimizer=optimizer, optimizer_state=state,
    ) as executor:  # fmt: skip
        for step in range(4):
            executor.step(*draw(12 - step), seed=0, step=step)
            executor.update(learning_rate=0.05, step=step + 1)
        helped = bool(executor.processes)
    return {**network.parameters, **state}, helped


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.type_name)
@pytest.mark.parametrize("shared", [True, False])
def test_any_number_of_workers_changes_parameters_to_the_same_bits(optimizer, shared, monkeypatch):
    monkeypatch.setattr(executors, "UPDATE_SIZE", 1)
    expected, _ = train(optimizer, 1, shared=False)
    for workers in (2, 3):
        found, helped = train(optimizer, workers, shared)
        assert helped == can_fork()
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{name}, {workers} workers")


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 400])
def test_the_parts_of_an_update_make_the_whole(parts):
    """Also of parameters that are not contiguous, and with more parts than some have values."""
    shapes = {"w": (9, 5), "b": (3,), "t": (4, 6)}

    def run(parts):
        rng = np.random.default_rng(1)
        parameters = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        parameters["t"] = parameters["t"].T
        optimizer = SGD(0.1, momentum=0.9)
        state = optimizer.initial_state(parameters)
        for step in (1, 2):
            gradients = {name: rng.standard_normal(p.shape) for name, p in parameters.items()}
            for part in range(parts):
                optimizer.update(
                    parameters, gradients, state,
                    learning_rate=0.1, step=step, norm=1.0, part=part, parts=parts,
                )  # fmt: skip
        return parameters

    for name, expected in run(1).items():
        np.testing.assert_array_equal(run(parts)[name], expected)


@pytest.mark.parametrize("workers", [1, 2])
def test_gradients_do_not_depend_on_the_batches_before(workers):
    """Batches of one shard, one round of shards and several rounds take arrays over in turn."""
    network, loss = Network(CONFIGS, IMAGE), SoftmaxCrossEntropy()
    with Executor(network, loss, workers=workers, shard_size=4) as executor:
        for samples in (4, 18, 8, 3, 20, 8, 4, 16):
            found = executor.step(*draw(samples), seed=0, step=0).gradients
            with Executor(network, loss, shard_size=4) as fresh:
                for name, expected in fresh.step(*draw(samples), seed=0, step=0).gradients.items():
                    np.testing.assert_array_equal(
                        found[name], expected, err_msg=f"{samples} {name}"
                    )


def test_updating_needs_an_optimizer():
    with (
        Executor(Network(CONFIGS, IMAGE), SoftmaxCrossEntropy()) as executor,
        pytest.raises(ValueError, match="without an optimizer"),
    ):
        executor.update(learning_rate=0.1, step=1)


def test_a_network_is_shared_only_where_it_is_asked_for():
    assert not are_shared(Network(CONFIGS, IMAGE).parameters.values())
    network = Network(CONFIGS, IMAGE, Build(shared=True, seed=3))
    for name, array in Network(CONFIGS, IMAGE, Build(seed=3)).parameters.items():
        np.testing.assert_array_equal(network.parameters[name], array)
    assert network.layers["01_dense"].params["w"] is network.parameters["01_dense/w"]


@pytest.mark.skipif(not can_fork(), reason="worker processes cannot be forked here")
@pytest.mark.parametrize("when", ["step", "update"])
def test_a_killed_worker_is_reported_and_replaced(when, monkeypatch):
    monkeypatch.setattr(executors, "UPDATE_SIZE", 1)
    network = Network(CONFIGS, IMAGE, Build(shared=True))
    optimizer = SGD(0.1)
    with Executor(
        network, SoftmaxCrossEntropy(), workers=2, shard_size=4,
        optimizer=optimizer, optimizer_state=optimizer.initial_state(network.parameters),
    ) as executor:  # fmt: skip
        expected = executor.step(*draw(8), seed=0, step=0).loss
        (process,) = executor.processes
        os.kill(process, signal.SIGKILL)
        hand_out = {
            "step": lambda: executor._crew.compute(two_shards(), executor._contexts[0]),
            "update": lambda: executor.update(learning_rate=0.1, step=1),
        }
        with pytest.raises(WorkerError, match="exit code -9; perhaps"):
            hand_out[when]()
        again = executor.step(*draw(8), seed=0, step=1).loss
        assert again == expected if when == "step" else again < expected  # half of it was done
        assert executor.processes != [process]


def two_shards():
    """Return two shards as a step hands them to the crew."""
    x, targets = draw(8)
    outputs = np.empty((8, 3), np.float32)
    return [
        Shard(Work(8, samples=4, shard=number), x[part], targets[part], outputs[part])
        for number, part in enumerate((slice(4), slice(4, 8)))
    ]
