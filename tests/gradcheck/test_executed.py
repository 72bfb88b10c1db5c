"""A training step as it runs is held against float64, and mistakes in what runs are found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cnnrun.engine import Build, Network
from cnnrun.engine.execution.shared_memory import SWITCH
from cnnrun.engine.layer import LAYERS, Layer, LayerConfig
from cnnrun.engine.layers import (
    BatchNorm,
    Concat,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Residual,
    Tanh,
)
from cnnrun.engine.losses import MeanSquaredError, SoftmaxCrossEntropy
from cnnrun.gradcheck import plan_network
from cnnrun.gradcheck.mutants import EXECUTION_MUTANTS
from cnnrun.gradcheck.mutants.execution import mutant_network
from cnnrun.gradcheck.selftest import check_execution_mutant
from cnnrun.gradcheck.stages.executed import ExecutedStep
from cnnrun.gradcheck.stages.rounding import count_terms, tolerance

IMAGE = (8, 8, 3)
CONV = Conv2D.Config(4, 3, padding="same")
BLOCK = Residual.Config((CONV, ReLU.Config(), MaxPool2D.Config(3, 1, "same"), BatchNorm.Config()),
                        (Conv2D.Config(4, 1),))  # fmt: skip
SKIP = Concat.Config((MaxPool2D.Config(2), CONV, ReLU.Config(), MaxPool2D.Config(2),
                      Conv2DTranspose.Config(3, 4, stride=4)))  # fmt: skip
END = [Flatten.Config(), Dense.Config(3)]


def step(configs, samples=8, seed=0, loss=None, **options):
    network = Network(configs, IMAGE, Build(seed=seed))
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, *IMAGE))
    labels = rng.integers(0, 3, samples)
    return ExecutedStep(network, loss or SoftmaxCrossEntropy(), x, labels, seed=seed, **options)


@pytest.mark.parametrize("mutant", EXECUTION_MUTANTS, ids=lambda m: m.name)
def test_a_mistake_in_what_runs_is_found_in_its_layer(mutant):
    for seed in (0, 1):
        result = check_execution_mutant(mutant, seed)
        assert result.killed, (result.guilty, result.diagnosis)


def test_a_right_skip_is_not_accused_and_a_wrong_one_is():
    result = step([CONV, SKIP, *END], samples=9, shard_size=3).run()
    assert not result.findings, result.findings
    assert "01_concat/branch/02_relu" in result.moved

    class Exchanged(Concat):
        """Gives each path the other's error in float32."""

        def backward(self, dy, ctx):
            return super().backward(dy[..., ::-1] if dy.dtype == np.float32 else dy, ctx)

    Exchanged.type_name = "exchanged"
    wrong = step([CONV, Exchanged.Config(SKIP.branch), *END]).run()
    assert {finding.layer for finding in wrong.findings} == {"01_exchanged"}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_right_network_is_not_accused(seed, kind, monkeypatch):
    monkeypatch.setenv(SWITCH, kind)
    inner = [
        CONV,
        BatchNorm.Config(),
        ReLU.Config(),
        BLOCK,
        Dropout.Config(0.3),
        LayerNorm.Config(),
    ]
    result = step([*inner, *END], samples=9, seed=seed, shard_size=3).run()
    assert not result.findings, result.findings
    assert not result.notes
    assert result.shards == 3
    assert "03_residual/branch/01_relu" in result.moved
    assert {"loss", "03_residual", "03_residual/branch/03_batch_norm"} <= {
        tensor.layer for tensor in result.tensors
    }
    assert max(tensor.error / tensor.tolerance for tensor in result.tensors) < 0.5


def test_the_network_stays_as_it_is():
    network = mutant_network(0)
    arrays = {name: (array, array.copy()) for name, array in network.state().items()}
    x = np.random.default_rng(0).standard_normal((8, *network.input_shape))
    ExecutedStep(network, SoftmaxCrossEntropy(), x, np.arange(8) % 4).run()
    for name, (array, values) in arrays.items():
        assert network.state()[name] is array
        np.testing.assert_array_equal(array, values)


def test_a_wrong_layer_in_a_block_and_a_wrong_block_are_told_apart():
    class Wrong(Tanh):
        """Right in float64, the only dtype in which the other stages look."""

        def backward(self, dy, ctx):
            dx = super().backward(dy, ctx)
            if dx.dtype == np.float32:
                dx[0, 0, 0, 0] *= np.float32(1.01)
            return dx

    class WrongSum(Residual):
        """Forgets a hundredth of the shortcut in float32."""

        def forward(self, x, ctx):
            y = super().forward(x, ctx)
            if y.dtype == np.float32:
                y -= 0.01 * self.shortcut.forward(x, ctx.child(1, "shortcut"))
            return y

    Wrong.type_name, WrongSum.type_name = "wrong", "wrong_sum"
    inside = step([CONV, Residual.Config((CONV, Wrong.Config())), *END]).run()
    assert [(f.layer, f.tensor) for f in inside.findings] == [("01_residual/branch/01_wrong", "x")]
    outside = step([CONV, WrongSum.Config((CONV, Tanh.Config())), *END]).run()
    assert [(f.layer, f.tensor) for f in outside.findings] == [("01_wrong_sum", None)]


def test_the_check_of_a_network_tells_of_its_step():
    network = Network([CONV, ReLU.Config(), MaxPool2D.Config(2), *END], IMAGE)
    check = plan_network(network, budget=600)
    list(check.run())
    document = check.report().to_dict()
    assert document["verdict"] == "pass"
    executed = document["executed"]
    assert executed["dtype"] == "float32"
    assert (executed["samples"], executed["shards"], executed["workers"]) == (8, 2, 2)
    assert executed["moved"] == ["02_max_pool2d", "01_relu"]
    assert {tensor["method"] for tensor in executed["tensors"]} == {None, "winograd"}
    assert "1 convolution by winograd, 2 layers moved" in executed["summary"]
    assert "at most" in repr(check.report())


def test_a_step_is_checked_only_with_the_whole_network():
    network = Network([CONV, *END], IMAGE)
    assert plan_network(network, layers=["conv2d"], budget=100).step is None


def test_a_mistake_in_what_runs_fails_the_check_and_names_the_layer():
    network = mutant_network(0)
    planted = EXECUTION_MUTANTS[0]
    with planted.planted():
        check = plan_network(network, budget=300)
        list(check.run())
        report = check.report()
    assert report.verdict == "fail"
    assert (report.guilty.layer, report.guilty.tensor) == ("03_conv2d", "w")
    assert "all of it is 1.1 times what it should be" in report.diagnosis
    assert [finding.stage for finding in report.findings] == ["executed"]


@dataclass(frozen=True)
class NoiseConfig(LayerConfig):
    """No options."""


class Noise(Layer):
    """Multiplies by random numbers of its own dtype, as a plug-in may."""

    type_name = "noise"
    Config = NoiseConfig

    def forward(self, x, ctx):
        scale = ctx.generator().random(x.shape, dtype=self.dtype.type)
        ctx.saved["scale"] = scale
        return x * scale

    def backward(self, dy, ctx):
        return dy * ctx.saved["scale"]


def test_random_numbers_that_float64_cannot_draw_again_are_a_note_not_an_accusation():
    result = step([CONV, Noise.Config(), *END]).run()
    assert not result.findings
    assert any("01_noise draws random numbers" in note for note in result.notes)
    assert "noise" not in LAYERS


def test_a_layer_that_crashes_in_training_is_a_finding():
    class Crash(Tanh):
        def backward(self, dy, ctx):
            raise KeyError("x")

    Crash.type_name = "crash"
    (finding,) = step([Crash.Config(), *END]).run().findings
    assert "a training step crashes: KeyError" in finding.message


def test_an_image_to_image_network_with_the_squared_error():
    network = Network([CONV, Tanh.Config(), Conv2D.Config(3, 3, padding="same")], IMAGE)
    x = np.random.default_rng(0).random((6, *IMAGE))
    assert not ExecutedStep(network, MeanSquaredError(), x, x).run().findings


def test_tolerance_grows_with_the_root_of_the_terms_and_the_methods_bound():
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    one = tolerance(1, 1.0, 0.0, single, "columns")
    assert one == 8 * 2.0**-24
    assert tolerance(100, 1.0, 0.0, single, "columns") == pytest.approx(10 * one)
    assert tolerance(1, 1.0, 3.0, single, "columns") == pytest.approx(4 * one)
    assert tolerance(1, 2.0, 0.0, single, "winograd") == pytest.approx(2 * one + 2e-5)
    assert tolerance(1, 1.0, 0.0, double, "columns") == pytest.approx(one / 2**29)


def test_terms_are_counted_by_products():
    layer = Conv2D(Conv2D.Config(4, 3), (10, 10, 2))
    assert count_terms(layer, "y", 5, ()) == 3 * 3 * 2
    assert count_terms(layer, "w", 5, layer.params["w"].shape) == 5 * 8 * 8
    assert count_terms(layer, "b", 5, (4,)) == 5 * 8 * 8
    assert count_terms(Tanh(Tanh.Config(), (7,)), "y", 5, ()) == 7
