"""An optimizer's step done by several processes, and gradients of batches cut in different ways."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from cnnrun.engine import Build, Executor, Network
from cnnrun.engine.execution import crew
from cnnrun.engine.execution.messages import Shard, ShardOrder
from cnnrun.engine.execution.shared_memory import SWITCH, are_shared, can_fork
from cnnrun.engine.layers import Dense, Flatten, Tanh
from cnnrun.engine.losses import MeanSquaredError, SoftmaxCrossEntropy
from cnnrun.engine.optimizers import SGD, AdamW, RMSprop
from cnnrun.errors import LayerError, WorkerError

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


def train(optimizer, workers):
    network = Network(CONFIGS, IMAGE)
    state = optimizer.initial_state(network.parameters)
    with Executor(
        network, SoftmaxCrossEntropy(), workers=workers, shard_size=4,
        optimizer=optimizer, optimizer_state=state,
    ) as executor:  # fmt: skip
        for step in range(4):
            executor.step(*draw(12 - step), seed=0, step=step)
            executor.update(learning_rate=0.05, step=step + 1)
        helped = bool(executor.processes)
        assert are_shared([*network.parameters.values(), *state.values()]) == helped
    return {**network.parameters, **state}, helped


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.type_name)
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_any_number_of_workers_changes_parameters_to_the_same_bits(optimizer, kind, monkeypatch):
    monkeypatch.setattr(crew, "UPDATE_SIZE", 1)
    monkeypatch.setenv(SWITCH, kind)
    expected, _ = train(optimizer, 1)
    for workers in (2, 3):
        found, helped = train(optimizer, workers)
        assert helped == can_fork()
        assert not (helped and kind == "threads")
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


@pytest.mark.parametrize("workers", [1, 2])
def test_targets_may_change_their_dtype(workers):
    x, _ = draw(8)
    losses = []
    with Executor(
        Network(CONFIGS, IMAGE), MeanSquaredError(), workers=workers, shard_size=4
    ) as executor:
        for targets in (np.zeros((8, 3), int), np.full((8, 3), 0.5, np.float32)):
            losses.append(executor.step(x, targets, seed=0, step=0).loss)
            outputs = executor.predict(x)
            assert losses[-1] == pytest.approx(np.sum((outputs - targets) ** 2) / 16, rel=1e-5)


def test_updating_needs_an_optimizer():
    with (
        Executor(Network(CONFIGS, IMAGE), SoftmaxCrossEntropy()) as executor,
        pytest.raises(ValueError, match="without an optimizer"),
    ):
        executor.update(learning_rate=0.1, step=1)


def test_several_workers_move_the_network_to_shared_memory():
    network = Network(CONFIGS, IMAGE, Build(seed=3))
    expected = {name: array.copy() for name, array in network.state().items()}
    with Executor(network, SoftmaxCrossEntropy(), workers=1):
        assert not are_shared(network.state().values())
    with Executor(network, SoftmaxCrossEntropy(), workers=2):
        assert are_shared(network.state().values()) == can_fork()
        moved = network.parameters["01_dense/w"]
        assert network.layers["01_dense"].params["w"] is moved
    with Executor(network, SoftmaxCrossEntropy(), workers=2):
        assert network.parameters["01_dense/w"] is moved or not can_fork()
    for name, array in expected.items():
        np.testing.assert_array_equal(network.state()[name], array)


@pytest.mark.skipif(not can_fork(), reason="worker processes cannot be forked here")
@pytest.mark.parametrize("when", ["step", "update"])
def test_a_killed_worker_is_reported_and_replaced(when, monkeypatch):
    monkeypatch.setattr(crew, "UPDATE_SIZE", 1)
    network = Network(CONFIGS, IMAGE)
    optimizer = SGD(0.1)
    with Executor(
        network, SoftmaxCrossEntropy(), workers=2, shard_size=4,
        optimizer=optimizer, optimizer_state=optimizer.initial_state(network.parameters),
    ) as executor:  # fmt: skip
        expected = executor.step(*draw(8), seed=0, step=0).loss
        (process,) = executor.processes
        os.kill(process, signal.SIGKILL)
        hand_out = {
            "step": lambda: executor._crew.forked.compute(two_shards(), executor._contexts),
            "update": lambda: executor.update(learning_rate=0.1, step=1),
        }
        with pytest.raises(WorkerError, match="exit code -9; perhaps"):
            hand_out[when]()
        again = executor.step(*draw(8), seed=0, step=1).loss
        assert again == expected if when == "step" else again < expected  # half of it was done
        assert executor.processes != [process]


def two_shards():
    """Return two shards as a step hands them to its workers."""
    x, targets = draw(8)
    outputs = np.empty((8, 3), np.float32)
    return [
        Shard(ShardOrder(8, samples=4, shard=number), x[part], targets[part], outputs[part])
        for number, part in enumerate((slice(4), slice(4, 8)))
    ]


def test_a_gradient_that_backward_leaves_out_or_misshapes_is_named():
    class Forgetful(Dense):
        """A dense layer whose backward gives no gradient of the bias."""

        def backward(self, dy, ctx):
            dx = super().backward(dy, ctx)
            del ctx.gradients["b"]
            return dx

    class Flat(Dense):
        """A dense layer whose weights' gradient is a vector."""

        def backward(self, dy, ctx):
            dx = super().backward(dy, ctx)
            ctx.gradients["w"] = ctx.gradients["w"].ravel()
            return dx

    for layer, says in [
        (Forgetful, r"layer 01_forgetful: backward gave no gradient of 'b'"),
        (Flat, r"layer 01_flat: the gradient of 'w' has shape \(21,\), but the parameter \(7, 3\)"),
    ]:
        layer.type_name = layer.__name__.lower()
        network = Network([Dense.Config(7), layer.Config(3)], (4,))
        x = np.ones((8, 4), np.float32)
        for size in (4, 8):
            with (
                Executor(network, SoftmaxCrossEntropy(), workers=2, shard_size=size) as executor,
                pytest.raises(LayerError, match=says),
            ):
                executor.step(x, np.zeros(8, int), seed=0, step=0)


def test_gradients_in_arrays_of_a_layers_own_count_as_well():
    class Own(Dense):
        """A dense layer that gives its gradients as plug-ins may: in arrays of its own."""

        def backward(self, dy, ctx):
            ctx.gradients["w"] = ctx.saved["x"].T @ dy
            ctx.gradients["b"] = dy.sum(axis=0)
            return dy @ self.params["w"].T

    loss, x = SoftmaxCrossEntropy(), np.arange(48, dtype=np.float32).reshape(12, 4) / 50
    for workers in (1, 2):
        gradients = []
        for layer in (Dense, Own):
            network = Network([layer.Config(3)], (4,))
            with Executor(network, loss, workers=workers, shard_size=4) as executor:
                step = executor.step(x, np.arange(12) % 3, seed=0, step=0)
                gradients.append({name[-1]: g.copy() for name, g in step.gradients.items()})
        for name, expected in gradients[0].items():
            np.testing.assert_allclose(gradients[1][name], expected, rtol=1e-5, atol=1e-7)
