"""What runs: its order, its methods, its memory; and that no rewrite changes a result."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Build, Executor, Network
from cnnrun.engine.execution.program import REWRITES, Program
from cnnrun.engine.execution.shared_memory import are_shared
from cnnrun.engine.layers import (
    BatchNorm,
    Concat,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Residual,
)
from cnnrun.engine.losses import SoftmaxCrossEntropy

IMAGE = (16, 16, 3)
CONV, POOL = Conv2D.Config(4, 3, padding="same"), MaxPool2D.Config(2)
FLOAT64 = Build(np.dtype(np.float64))


def names(order):
    return [name for _, name in order]


def test_relu_runs_behind_max_pooling_and_nothing_else_moves():
    network = Network([CONV, ReLU.Config(), POOL, LeakyReLU.Config(), POOL], IMAGE)
    program = Program.of(network)
    assert names(program.orders[""]) == [
        "00_conv2d", "02_max_pool2d", "01_relu", "03_leaky_relu", "04_max_pool2d",
    ]  # fmt: skip
    assert not Program.of(network, "checking").orders
    assert not Program.of(Network(network.configs, IMAGE, FLOAT64)).orders


def test_relu_moves_inside_a_branch_too():
    branch = (ReLU.Config(), MaxPool2D.Config(3, stride=1, padding=1))
    program = Program.of(Network([CONV, Residual.Config(branch)], IMAGE))
    assert list(program.orders) == ["01_residual/branch"]
    assert names(program.orders["01_residual/branch"]) == ["01_max_pool2d", "00_relu"]


def test_relu_moves_inside_nested_skips_and_not_out_of_them():
    """A ReLU before a block does not pass the pooling inside: the shortcut needs it as well."""
    inner = Concat.Config((ReLU.Config(), POOL, Conv2DTranspose.Config(2, 2, stride=2)))
    configs = [
        CONV,
        ReLU.Config(),
        Concat.Config((POOL, inner, ReLU.Config(), POOL), (CONV, *[POOL] * 2)),
    ]
    program = Program.of(Network(configs, IMAGE))
    assert {key: names(order) for key, order in program.orders.items()} == {
        "02_concat/branch": ["00_max_pool2d", "01_concat", "03_max_pool2d", "02_relu"],
        "02_concat/branch/01_concat/branch": ["01_max_pool2d", "00_relu", "02_conv2d_transpose"],
    }


def test_a_relu_of_ones_own_stays_where_it_is():
    class Odd(ReLU):
        """Not monotone, so its place matters."""

    assert not Program.of(Network([CONV, Odd.Config(), POOL], IMAGE)).orders


@pytest.mark.parametrize("options", [(2,), (3, 2, "same"), (2, 1)])
def test_relu_behind_max_pooling_changes_nothing(options):
    """The bits are the same, also where cells tie."""
    configs = [Conv2D.Config(3, 1), ReLU.Config(), MaxPool2D.Config(*options), Flatten.Config()]
    network, loss = Network([*configs, Dense.Config(3)], (7, 6, 2)), SoftmaxCrossEntropy()
    rng = np.random.default_rng(0)
    x = np.round(rng.standard_normal((6, 7, 6, 2))).astype(np.float32)
    labels = rng.integers(0, 3, 6)
    results = []
    for purpose in ("training", "checking"):
        with Executor(network, loss, purpose=purpose) as executor:
            assert bool(executor.program.orders) == (purpose == "training")
            step = executor.step(x, labels, seed=0, step=0)
            results.append({"y": step.outputs.copy()})
            results[-1].update({name: g.copy() for name, g in step.gradients.items()})
    for name, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][name], err_msg=name)


def test_winograd_is_chosen_where_it_pays_and_never_for_a_check():
    transposed, strided = Conv2DTranspose.Config(4, 3), Conv2D.Config(4, 3, stride=2)
    configs = [CONV, Conv2D.Config(4, 1), transposed, strided]
    network = Network(configs, IMAGE)
    program = Program.of(network)
    assert program.methods == {"00_conv2d": "winograd", "02_conv2d_transpose": "winograd"}
    assert program.method("01_conv2d", network.layers["01_conv2d"]) == "columns"
    assert program.method("x", ReLU(ReLU.Config(), IMAGE)) is None
    assert not Program.of(network, "checking").methods
    assert not Program.of(Network(configs, IMAGE, FLOAT64)).methods
    assert not Program.of(Network(configs, IMAGE, Build(convolution="columns"))).methods
    for groups, methods in ((1, {"00_conv2d": "winograd"}), (2, {})):  # of two filters each
        grouped = Network([Conv2D.Config(4, 3, groups=groups)], (16, 16, 6))
        assert Program.of(grouped).methods == methods
    grey = Network([Conv2D.Config(4, 3)], (16, 16, 1))
    assert not Program.of(grey).methods
    forced = Network([Conv2D.Config(4, 3)], (16, 16, 1), Build(convolution="winograd"))
    assert Program.of(forced).methods == {"00_conv2d": "winograd"}


def test_gradients_lie_where_the_program_says():
    network = Network([CONV, BatchNorm.Config()], IMAGE)
    for memory in ("private", "shared"):
        program = Program.of(network, "training", memory)
        assert program.gradients.keys() == network.parameters.keys()
        assert are_shared(program.gradients.values()) == (memory == "shared")
    assert not Program.of(network, "inference").gradients


def test_every_rewrite_says_why_it_may_be_done():
    assert len({rewrite.name for rewrite in REWRITES}) == len(REWRITES)
    assert all(len(rewrite.why) > 40 for rewrite in REWRITES)
