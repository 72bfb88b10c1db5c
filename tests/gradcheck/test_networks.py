"""In a network the layer that is wrong is named, wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.data import prepare
from cnnrun.data.pipeline import DataOptions
from cnnrun.data.sources import Mnist5k
from cnnrun.engine import LAYERS, Build, Context, Executor, Network
from cnnrun.engine.execution.program import Program
from cnnrun.engine.layers import (
    AvgPool2D,
    BatchNorm,
    Concat,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.engine.optimizers import SGD
from cnnrun.gradcheck import plan_network

IMAGE = (6, 6, 2)
OPTIONS = {
    "dense": Dense.Config(6),
    "conv2d": Conv2D.Config(3, 3, padding="same"),
    "depthwise_conv2d": DepthwiseConv2D.Config(3, padding="same"),
    "conv2d_transpose": Conv2DTranspose.Config(3, 3, padding=1),
    "max_pool2d": MaxPool2D.Config(3, stride=1, padding=1),
    "avg_pool2d": AvgPool2D.Config(3, stride=1, padding=1),
    "dropout": Dropout.Config(0.3),
    "residual": Residual.Config((Conv2D.Config(3, 3, padding="same"), Tanh.Config())),
    "concat": Concat.Config((Conv2D.Config(3, 3, padding="same"), Tanh.Config())),
}
TO_A_VECTOR = ("flatten", "global_avg_pool2d")


def eight_layers(kind):
    """Return a network of eight layers with one of the given type in the middle, and its name."""
    config = OPTIONS.get(kind) or (
        Dense.Config(6) if kind == "dense" else LAYERS.get(kind).Config()
    )
    images = [Conv2D.Config(3, 3, padding="same"), Tanh.Config(), BatchNorm.Config()]
    if kind in TO_A_VECTOR:
        layers = [*images, config, Dense.Config(5), Tanh.Config(), LayerNorm.Config()]
    elif kind == "dense":
        layers = [*images[:2], Flatten.Config(), config, Tanh.Config(), Dense.Config(4)]
        layers.append(Sigmoid.Config())
    else:
        layers = [*images, config, Tanh.Config(), MaxPool2D.Config(2), Flatten.Config()]
    network = Network([*layers, Dense.Config(3)], IMAGE)
    assert len(network.layers) == 8
    return network, f"03_{kind}"


def spoiled(kind, tensor):
    """Return a class of layers with one wrong gradient; the layer of a network takes it on."""
    base = LAYERS.get(kind)

    class Wrong(base):
        def backward(self, dy, ctx):
            dx = np.array(super().backward(dy, ctx))
            gradient = dx if tensor == "x" else ctx.gradients[tensor]
            gradient.reshape(-1)[7 % gradient.size] *= 1.5
            return dx

    return Wrong


def tensors_of(kind):
    network, name = eight_layers(kind)
    return ["x", *network.layers[name].params]


CASES = [(kind, tensor) for kind in LAYERS for tensor in tensors_of(kind)]


@pytest.mark.parametrize(("kind", "tensor"), CASES)
def test_the_wrong_one_of_eight_layers_is_named(kind, tensor):
    network, name = eight_layers(kind)
    network.layers[name].__class__ = spoiled(kind, tensor)
    check = plan_network(network, budget=1500, seed=3)
    list(check.run())
    report = check.report()
    assert report.verdict == "fail"
    assert (report.guilty.layer, report.guilty.tensor) == (name, tensor)
    wrong = {row.layer for row in report.rows if row.verdict == "fail"}
    assert wrong <= {name, "network"}  # no other layer is accused


def test_a_healthy_one_is_not_accused():
    for kind in ("conv2d", "dense", "residual", "concat"):
        report = cnnrun.gradcheck(eight_layers(kind)[0], budget=4000)
        assert report.passed, report.summary()
        assert report.guilty is None
        assert any(row.layer == "network" for row in report.rows)


@pytest.mark.parametrize("kind", ["residual", "concat"])
def test_inside_a_block(kind):
    network, name = eight_layers(kind)
    inner = network.layers[name].branch.layers["00_conv2d"]
    inner.__class__ = spoiled("conv2d", "b")
    report = cnnrun.gradcheck(network, budget=4000)
    assert (report.guilty.layer, report.guilty.tensor) == (f"{name}/branch/00_conv2d", "b")


def test_a_mistake_that_shows_in_the_network_alone():
    """Right on its own, wrong for a batch whose first value is what the network feeds it."""
    network, name = eight_layers("tanh")
    images = np.random.default_rng(0).standard_normal((4, *IMAGE))
    healthy = cnnrun.gradcheck(network, images, budget=3000)
    assert healthy.passed

    class Deep(Tanh):
        def backward(self, dy, ctx):
            dx = np.array(super().backward(dy, ctx))
            return dx * 1.01 if ctx.path else dx  # a layer alone has no place in a network

    network.layers[name].__class__ = Deep
    report = cnnrun.gradcheck(network, images, budget=3000)
    assert (report.guilty.layer, report.guilty.tensor) == (name, "x")
    assert {row.layer for row in report.rows if row.verdict == "fail"} == {"network"}


def test_a_wrong_loss_is_blamed_before_any_layer():
    class Doubled(SoftmaxCrossEntropy):
        def __call__(self, outputs, targets, batch_size, dy=None):
            value, gradient = super().__call__(outputs, targets, batch_size, dy)
            return value, 2 * gradient

    network, _ = eight_layers("relu")
    report = cnnrun.gradcheck(network, loss=Doubled(), budget=3000)
    assert report.guilty.layer == "loss"


def test_a_bias_that_batch_normalisation_removes_is_noted():
    network = Network(
        [Conv2D.Config(2, 3), BatchNorm.Config(), ReLU.Config(), Flatten.Config(), Dense.Config(3)],
        IMAGE,
    )
    check = plan_network(network, budget=4000)
    list(check.run())
    report = check.report()
    assert report.passed, report.summary()
    (note,) = report.notes
    assert "00_conv2d/b" in note
    assert check.report().notes == [note]  # a second report does not repeat it


def test_a_trained_network_on_digits_whose_background_is_zero():
    """A third of all coordinates lie on a kink; none is taken for a mistake."""
    data = prepare(DataOptions(Mnist5k(), normalize="none"), 0, None)
    network = Network(
        [
            Conv2D.Config(6, 5),
            ReLU.Config(),
            MaxPool2D.Config(2),
            Conv2D.Config(8, 5),
            ReLU.Config(),
            MaxPool2D.Config(2),
            Flatten.Config(),
            Dense.Config(10),
        ],
        (28, 28, 1),
    )
    with Executor(network, SoftmaxCrossEntropy()) as executor:
        for step in range(30):
            x, labels = data.train.batch(np.arange(32 * step, 32 * (step + 1)))
            gradients = executor.step(x, labels, seed=0, step=step).gradients
            SGD(0.1).update(network.parameters, gradients, {}, learning_rate=0.1, step=step + 1)
    x, _ = data.train.batch(np.arange(3))
    check = plan_network(network, x, loss=SoftmaxCrossEntropy(), budget=6000)
    list(check.run())
    report = check.report()
    assert report.passed, report.summary()
    rows = {(row.layer, row.tensor): row.to_dict() for row in report.rows}
    assert rows["02_max_pool2d", "x"]["kinks"] > 10
    for layer in ("00_conv2d", "03_conv2d", "07_dense"):
        for tensor in ("w", "b"):
            row = rows[layer, tensor]
            assert row["resolved"] == row["checked"]
            whole = rows["network", f"{layer}/{tensor}"]
            assert whole["resolved"] == whole["checked"]


def test_softmax_at_the_end_is_checked_too():
    network = Network([Flatten.Config(), Dense.Config(3), Softmax.Config()], (2, 2, 1))
    assert cnnrun.gradcheck(network, budget=2000).passed


def test_a_float32_network_is_checked_on_direct_sums_in_the_order_it_is_written():
    """Its float64 copy computes what a network built in float64 does, to the bit."""
    configs = [Conv2D.Config(4, 3), ReLU.Config(), MaxPool2D.Config(2), Flatten.Config()]
    single = Network(configs, (16, 16, 3))
    program = Program.of(single)
    assert program.methods == {"00_conv2d": "winograd"}
    assert [name for _, name in program.orders[""]][1:3] == ["02_max_pool2d", "01_relu"]
    double = single.astype(np.float64)
    built = Network(configs, (16, 16, 3), Build(np.dtype(np.float64)))
    for name, layer in built.layers.items():
        for key, array in layer.params.items():
            array[...] = double.layers[name].params[key]
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 16, 16, 3)), rng.standard_normal((2, *single.output_shape))
    found = []
    for network in (double, built):
        ctx = Context()
        y = network.forward(x, ctx).copy()
        found.append([y, network.backward(dy, ctx), *ctx.collect("gradients").values()])
        assert list(ctx._children) == list(network.layers)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
