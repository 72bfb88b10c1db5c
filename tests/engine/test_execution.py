"""Networks and their execution: names, memory, errors, and where a value stops being finite."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

from cnnrun.engine import Context, Executor, Network, Pass, find_nonfinite
from cnnrun.engine.execution.shared_memory import SWITCH, can_fork
from cnnrun.engine.layers import (
    BatchNorm,
    Concat,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Residual,
    Tanh,
)
from cnnrun.engine.losses import MeanSquaredError, SoftmaxCrossEntropy
from cnnrun.engine.optimizers import SGD
from cnnrun.errors import CheckpointError, DataError, ShapeError

LENET = [
    Conv2D.Config(20, 5), ReLU.Config(), MaxPool2D.Config(2),
    Conv2D.Config(50, 5), ReLU.Config(), MaxPool2D.Config(2),
    Flatten.Config(), Dense.Config(500), ReLU.Config(), Dense.Config(10),
]  # fmt: skip
SMALL = [Flatten.Config(), Dense.Config(6), Tanh.Config(), Dense.Config(3)]


def draw(samples, shape, classes, dtype=np.float32):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((samples, *shape)).astype(dtype)
    return x, rng.integers(0, classes, samples)


@pytest.mark.parametrize("extra", [[], [BatchNorm.Config(), Dropout.Config(0.2)]])
def test_a_steady_step_allocates_nothing_large(extra):
    configs = [*LENET[:3], *extra, *LENET[3:]]
    network, loss, optimizer = Network(configs, (28, 28, 1)), SoftmaxCrossEntropy(), SGD(0.01)
    x, labels = draw(64, (28, 28, 1), 10)
    state = optimizer.initial_state(network.parameters)

    def step(number):
        result = executor.step(x, labels, seed=0, step=number)
        optimizer.update(
            network.parameters, result.gradients, state, learning_rate=0.01, step=number + 1
        )

    with Executor(network, loss, workers=2, shard_size=32) as executor:
        for number in range(3):
            step(number)
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for number in range(20):
            step(number)
        after, peak = tracemalloc.get_traced_memory()
        tables = one_off_growth()
        tracemalloc.stop()
    assert after - before - tables < 1 << 20
    assert peak - before - tables < 3 << 20  # what is in flight at any moment


def one_off_growth():
    """Return the bytes of Python's own tables that have been enlarged, such as interned strings'.

    NumPy's arrays have a domain of their own, so none of them is among these; neither is what
    consists of many pieces.
    """
    objects = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.DomainFilter(inclusive=True, domain=0)]
    )
    return sum(trace.size for trace in objects.traces if trace.size > 1 << 20)


def test_parameters_have_full_names():
    branch = (Conv2D.Config(2, 1), Tanh.Config())
    network = Network([Residual.Config(branch), Flatten.Config(), Dense.Config(3)], (2, 2, 2))
    assert list(network.parameters) == [
        "00_residual/branch/00_conv2d/w",
        "00_residual/branch/00_conv2d/b",
        "02_dense/w",
        "02_dense/b",
    ]
    assert network.parameter_count == 4 + 2 + 24 + 3
    assert network.spared_from_decay == {"00_residual/branch/00_conv2d/b", "02_dense/b"}


def test_errors_name_the_layer_as_the_configuration_does():
    inner = Residual.Config((Conv2D.Config(2, 9),))
    with pytest.raises(ShapeError) as caught:
        Network([ReLU.Config(), inner], (4, 4, 2))
    assert caught.value.path == "network[1].residual.branch[0].conv2d"


@pytest.mark.parametrize("pool", [(2, 1), (1, 2)])
def test_a_skip_needs_paths_of_one_height_and_width(pool):
    with pytest.raises(
        ShapeError, match=r"gives \dx\dx2 and the shortcut 4x4x2; .* agree"
    ) as caught:
        Network([Concat.Config((MaxPool2D.Config(pool),))], (4, 4, 2))
    assert (caught.value.path, caught.value.option) == ("network[0].concat", "branch")
    with pytest.raises(ShapeError, match="gives 32 and the shortcut 4x4x2"):
        Network([Concat.Config((Flatten.Config(),))], (4, 4, 2))


def test_state_is_loaded_whole_or_not_at_all():
    network = Network(SMALL, (2, 2, 1))
    state = {key: array + 1 for key, array in network.state().items()}
    kept = {key: array.copy() for key, array in network.state().items()}
    for broken, says in [
        ({k: v for k, v in state.items() if k != "03_dense/b"}, "lack 03_dense/b"),
        ({**state, "x": state["03_dense/b"]}, "no place for x"),
        ({**state, "03_dense/b": state["03_dense/b"][:1]}, "03_dense/b"),
        ({**state, "03_dense/b": state["03_dense/b"].astype(float)}, "float64"),
    ]:
        with pytest.raises(CheckpointError, match=says):
            network.load_state(broken)
        for key, array in network.state().items():
            np.testing.assert_array_equal(array, kept[key])
    network.load_state(state)
    np.testing.assert_array_equal(network.parameters["03_dense/b"], 1)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((2, 3, 2, 1), "float32"), ((0, 2, 2, 1), "float32"), ((2, 2, 2, 1), "float64")],
)
def test_inputs_that_do_not_fit_are_refused(shape, dtype):
    x = np.zeros(shape, dtype)
    with (
        Executor(Network(SMALL, (2, 2, 1)), SoftmaxCrossEntropy()) as executor,
        pytest.raises(ShapeError),
    ):
        executor.predict(x)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_an_error_in_a_shard_reaches_the_caller(workers):
    network = Network([BatchNorm.Config(), Flatten.Config(), Dense.Config(3)], (2, 2, 1))
    x, labels = draw(6, (2, 2, 1), 3)
    labels[5] = 7  # an index that the loss cannot take
    with Executor(network, SoftmaxCrossEntropy(), workers=workers, shard_size=2) as executor:
        with pytest.raises(DataError, match="do not fit 3 outputs"):
            executor.step(x, labels, seed=0, step=0)
        labels[5] = 0
        assert executor.step(x, labels, seed=0, step=0).loss > 0


@pytest.mark.parametrize("layers", [[], [BatchNorm.Config()]])
def test_more_shards_than_processes_need_threads_for_sums_over_the_batch(layers):
    network = Network([*layers, *SMALL], (2, 2, 1))
    with Executor(network, SoftmaxCrossEntropy(), workers=2, shard_size=2) as executor:
        assert executor.threads(4) == (1 if can_fork() else 2)
        assert executor.threads(6) == (1 if can_fork() and not layers else 2)


def test_batch_norm_refuses_a_single_value():
    network = Network([BatchNorm.Config(), Dense.Config(3)], (4,))
    x, labels = draw(1, (4,), 3)
    with (
        Executor(network, SoftmaxCrossEntropy()) as executor,
        pytest.raises(DataError, match="more than one value"),
    ):
        executor.step(x, labels, seed=0, step=0)


def test_dropout_repeats_with_its_seed_and_changes_with_the_step():
    layer = Dropout(Dropout.Config(0.5), (50,))
    x = np.ones((4, 50), np.float32)

    def mask(**key):
        return layer.forward(x, Context(Pass(training=True, **key))).copy()

    np.testing.assert_array_equal(mask(seed=1, step=2, shard=3), mask(seed=1, step=2, shard=3))
    for other in (
        {"seed": 2, "step": 2},
        {"seed": 1, "step": 3},
        {"seed": 1, "step": 2, "shard": 1},
    ):
        assert (mask(seed=1, step=2) != mask(**other)).any()
    assert layer.forward(x, Context()) is x


def test_what_dropout_leaves_makes_up_for_what_it_silences():
    layer = Dropout(Dropout.Config(0.2), (5000,))
    ctx = Context(Pass(training=True, seed=1))
    x = np.ones((1, 5000), np.float32)
    y = layer.forward(x, ctx).copy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1.25)}
    assert y.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(layer.backward(x, ctx), y)


@pytest.mark.parametrize(
    ("name", "value", "layer", "stage"),
    [
        ("01_dense/w", np.inf, "01_dense", "forward"),
        ("03_dense/b", np.nan, "03_dense", "forward"),
        ("03_dense/w", 3e38, "03_dense", "forward"),
    ],
)
def test_the_first_layer_that_is_not_finite_is_named(name, value, layer, stage):
    network = Network(SMALL, (2, 2, 1))
    network.parameters[name][...] = value
    x, labels = draw(5, (2, 2, 1), 3)
    found = find_nonfinite(network, SoftmaxCrossEntropy(), np.abs(x) + 1, labels, shard_size=2)
    assert (found.layer, found.stage) == (layer, stage)


def test_the_earliest_place_is_named_whichever_shard_it_is_in():
    network = Network([Dense.Config(2), Dense.Config(3)], (2,))
    network.parameters["00_dense/w"][...] = 1e30
    network.parameters["01_dense/w"][...] = 1e10
    x = np.array([[1, 1], [1e10, 1e10]], np.float32)  # of two shards
    for samples in (x, x[::-1]):
        place = find_nonfinite(
            network, SoftmaxCrossEntropy(), samples, np.array([0, 1]), shard_size=1
        )
        assert (place.layer, place.stage) == ("00_dense", "forward")


def test_of_parameters_whose_gradients_overflow_the_one_nearest_the_loss_is_named():
    network = Network([Dense.Config(1), Dense.Config(1)], (1,))
    network.parameters["00_dense/w"][...] = 1
    network.parameters["01_dense/w"][...] = 1e-10
    x = np.array([[1e30]], np.float32)  # outputs 1e20, dw 1e50 and then 1e40; errors stay finite
    place = find_nonfinite(network, MeanSquaredError(), x, np.zeros_like(x))
    assert (place.layer, place.stage) == ("01_dense", "backward")


def test_finite_passes_and_bad_inputs_are_told_apart():
    network, loss = Network(SMALL, (2, 2, 1)), SoftmaxCrossEntropy()
    x, labels = draw(5, (2, 2, 1), 3)
    assert find_nonfinite(network, loss, x, labels) is None
    x[3] = np.nan
    assert find_nonfinite(network, loss, x, labels).layer == "input"


def test_a_gradient_that_overflows_backward_is_named():
    network = Network([Dense.Config(4), ReLU.Config(), Dense.Config(3)], (2,))
    network.parameters["02_dense/w"][...] = np.array([[3e38, -3e38, 3e38]])
    network.parameters["00_dense/w"][...] = 0
    network.parameters["00_dense/b"][...] = 1e-38
    x, _ = draw(2, (2,), 3)
    found = find_nonfinite(network, SoftmaxCrossEntropy(), 1e30 * x, np.array([1, 1]))
    assert found is not None
    assert (found.layer, found.stage) == ("00_dense", "backward")


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_threads_and_processes_give_the_same_bits(kind, workers, monkeypatch):
    """With dropout, and batch norm's sums over three shards; also where nothing can be forked."""
    configs = [Conv2D.Config(4, 3), BatchNorm.Config(), ReLU.Config(), MaxPool2D.Config(2)]
    configs += [Residual.Config((Dropout.Config(0.3), BatchNorm.Config()))]
    configs += [Flatten.Config(), Dense.Config(3)]
    x, labels = draw(9, (10, 10, 2), 3)
    results = []
    for chosen, count in (("threads", 1), (kind, workers)):
        monkeypatch.setenv(SWITCH, chosen)
        with Executor(
            Network(configs, (10, 10, 2)), SoftmaxCrossEntropy(), workers=count, shard_size=3
        ) as executor:
            step = executor.step(x, labels, seed=1, step=2)
            arrays = {"y": step.outputs, **step.gradients, **step.updates}
            results.append({name: array.copy() for name, array in arrays.items()})
            forked = kind == "processes" and workers == 3 and can_fork()
            assert bool(executor.processes) == (forked and count > 1)
    for name, expected in results[0].items():
        np.testing.assert_array_equal(results[1][name], expected, err_msg=name)
