import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import references
from geometries import CONVOLUTIONS, Case
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cnnrun.engine.context import Context
from cnnrun.engine.kernels import windows
from cnnrun.engine.layer import NO_GRADIENT
from cnnrun.errors import OptionError, ShapeError

GOLDEN = Path(__file__).parents[1] / "golden" / "convolution.npz"


def assert_same(found, expected):
    """Hold every array that the engine found against the expected one, to 1e-10 of its largest."""
    for name, array in found.items():
        scale = np.abs(expected[name]).max() or 1
        assert_allclose(array, expected[name], rtol=1e-10, atol=1e-10 * scale, err_msg=name)


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_equals_nested_loops(case):
    arrays = case.draw()
    assert_same(case.run(arrays), references.run(case.layer, arrays, case.options))


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_equals_torch(case):
    pytest.importorskip("torch")
    import yardstick

    arrays = case.draw()
    assert_same(case.run(arrays), yardstick.run(case.layer, arrays, case.options))


def test_equals_what_torch_gave():
    with np.load(GOLDEN) as golden:
        stored = dict(golden)
    for case in CONVOLUTIONS:
        arrays = {name: stored[f"{case}/{name}"] for name in case.draw()}
        found = case.run(arrays)
        assert_same(found, {name: stored[f"{case}/{name}"] for name in found})


def test_there_are_enough_geometries():
    assert sum(case.layer == "conv2d" for case in CONVOLUTIONS) >= 40
    assert len({str(case) for case in CONVOLUTIONS}) == len(CONVOLUTIONS)


ONE_OF_EACH = [
    Case("conv2d", 3, (7, 6, 4), {"filters": 4, "kernel_size": 3, "groups": 2, "padding": 1}),
    Case("conv2d", 3, (7, 6, 1), {"filters": 4, "kernel_size": (2, 3), "stride": 2}),
    Case("conv2d", 3, (5, 6, 3), {"filters": 2, "kernel_size": 1}),
    Case("depthwise_conv2d", 3, (7, 6, 3), {"kernel_size": 3, "depth_multiplier": 2}),
    Case("conv2d_transpose", 3, (4, 5, 3), {"filters": 2, "kernel_size": 3, "stride": 2}),
    Case("conv2d_transpose", 3, (4, 5, 3), {"filters": 1, "kernel_size": 4, "padding": "same"}),
]


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
class TestContract:
    def test_float32_stays_float32(self, case):
        arrays = case.draw()
        exact = case.run(arrays)
        for name, array in case.run(arrays, np.float32).items():
            assert array.dtype == np.float32
            assert_allclose(array, exact[name], rtol=1e-4, atol=1e-4)

    def test_inputs_are_neither_written_to_nor_need_be_contiguous(self, case):
        arrays = case.draw()
        expected = case.run(arrays)
        strange = {name: np.asfortranarray(array)[::-1] for name, array in arrays.items()}
        layer, ctx = case.build(), Context()
        for name, array in layer.params.items():
            array[...] = arrays[name]
        x, dy = strange["x"][::-1], strange["dy"][::-1]
        x.flags.writeable = dy.flags.writeable = False
        y = layer.forward(x, ctx)
        dx = layer.backward(dy, ctx)
        assert_same({"y": y, "dx": dx, "dw": ctx.gradients["w"]}, expected)

    def test_any_batch_size_on_one_context(self, case):
        arrays = case.draw()
        layer, ctx = case.build(), Context()
        whole = layer.forward(arrays["x"], Context())
        for size in (2, 1, 3, 2):
            y = layer.forward(arrays["x"][:size], ctx)
            dx = layer.backward(arrays["dy"][:size], ctx)
            assert_allclose(y, whole[:size], rtol=1e-12, atol=1e-12)
            assert dx.shape == (size, *case.shape)

    def test_no_input_gradient_where_nobody_reads_it(self, case):
        layer, ctx = case.build(), Context(needs_input_gradient=False)
        arrays = case.draw()
        layer.forward(arrays["x"], ctx)
        assert layer.backward(arrays["dy"], ctx) is NO_GRADIENT
        assert ctx.gradients.keys() == layer.params.keys()


@pytest.mark.parametrize(
    ("layer", "shape", "options"),
    [
        ("conv2d", (20, 20, 4), {"filters": 8, "kernel_size": 3, "groups": 2, "padding": "same"}),
        ("conv2d", (28, 28, 1), {"filters": 8, "kernel_size": 5}),
        ("depthwise_conv2d", (20, 20, 8), {"kernel_size": 3, "padding": 1}),
        ("conv2d_transpose", (10, 10, 8), {"filters": 8, "kernel_size": 3, "stride": 2}),
    ],
)
def test_a_steady_step_allocates_nothing_large(layer, shape, options):
    case = Case(layer, 32, shape, options)
    arrays, built, ctx = case.draw(), case.build(), Context()
    for _ in range(2):
        built.forward(arrays["x"], ctx)
        built.backward(arrays["dy"], ctx)
    tracemalloc.start()
    built.forward(arrays["x"], ctx)
    built.backward(arrays["dy"], ctx)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256_000  # NumPy has small buffers of its own; an output is 800 kB or more


def test_several_tiles(monkeypatch):
    for case in ONE_OF_EACH:
        arrays = case.draw()
        expected = case.run(arrays)
        with monkeypatch.context() as patch:
            patch.setattr(windows, "TILE_BYTES", 1)
            assert_same(case.run(arrays), expected)


sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(
    kernel=sizes,
    stride=sizes,
    dilation=sizes,
    padding=st.sampled_from(["valid", "same", 0, 1, (2, 1)]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 99),
)
def test_the_transpose_is_the_adjoint(kernel, stride, dilation, padding, size, seed):
    """<conv(x), y> = <x, transpose(y)> for every x and y, with the same filters."""
    options = {
        "filters": 2,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "use_bias": False,
    }
    try:
        transpose = Case("conv2d_transpose", 2, (*size, 2), options).build()
    except ShapeError:
        return
    conv = Case("conv2d", 2, transpose.output_shape, options).build()
    assert conv.output_shape == transpose.input_shape
    rng = np.random.default_rng(seed)
    w = conv.params["w"][...] = transpose.params["w"][...] = rng.standard_normal(
        conv.params["w"].shape
    )
    assert w.shape == transpose.params["w"].shape
    x = rng.standard_normal((2, *conv.input_shape))
    y = rng.standard_normal((2, *conv.output_shape))
    forward = np.vdot(conv.forward(x, Context()), y)
    assert_allclose(forward, np.vdot(x, transpose.forward(y, Context())), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("layer", "shape", "options", "message", "option"),
    [
        (
            "conv2d",
            (5, 5, 1),
            {"filters": 1, "kernel_size": 7},
            "kernel_size 7 does not fit an input of 5x5 (padding valid)",
            "kernel_size",
        ),
        (
            "conv2d",
            (6, 5, 1),
            {"filters": 1, "kernel_size": (2, 3), "dilation": (1, 3)},
            "kernel_size 2x3 with dilation 1x3 does not fit an input of 6x5 (padding valid)",
            "kernel_size",
        ),
        (
            "conv2d",
            (5, 5, 3),
            {"filters": 4, "kernel_size": 1, "groups": 2},
            "groups 2 must divide both the 3 channels of the input and the 4 filters; possible: 1",
            "groups",
        ),
        (
            "conv2d",
            (5, 5, 6),
            {"filters": 3, "kernel_size": 1, "groups": 2},
            "both the 6 channels of the input and the 3 filters; possible: 1, 3",
            "groups",
        ),
        ("conv2d", (5,), {"filters": 3, "kernel_size": 1}, "put it before flatten", None),
        ("depthwise_conv2d", (5,), {"kernel_size": 1}, "put it before flatten", None),
        (
            "depthwise_conv2d",
            (2, 5, 1),
            {"kernel_size": 3},
            "kernel_size 3 does not fit an input of 2x5 (padding valid)",
            "kernel_size",
        ),
        ("conv2d_transpose", (5, 5), {"filters": 1, "kernel_size": 1}, "before flatten", None),
        (
            "conv2d_transpose",
            (2, 5, 1),
            {"filters": 1, "kernel_size": 2, "padding": 2},
            "padding 2 crops everything: an input of 2x5 would give an output of -1x2",
            "padding",
        ),
    ],
)
def test_what_does_not_fit_is_refused(layer, shape, options, message, option):
    with pytest.raises(ShapeError) as refused:
        Case(layer, 1, shape, options).build()
    assert message in refused.value.message
    assert refused.value.option == option


@pytest.mark.parametrize(
    "options", [{"stride": 2, "output_padding": 2}, {"output_padding": (0, 1)}]
)
def test_output_padding_stays_below_the_stride(options):
    with pytest.raises(OptionError, match=r"^output_padding .* must be smaller than stride"):
        Case("conv2d_transpose", 1, (3, 3, 1), {"filters": 1, "kernel_size": 3, **options}).build()


def test_output_padding_is_refused_beside_padding_same():
    options = {"padding": "same", "stride": 2, "output_padding": 1}
    with pytest.raises(OptionError, match=r"^output_padding must be 0 with padding same"):
        Case("conv2d_transpose", 1, (3, 3, 1), {"filters": 1, "kernel_size": 3, **options}).build()


@pytest.mark.parametrize(
    ("case", "count"),
    [
        (Case("conv2d", 1, (12, 12, 20), {"filters": 50, "kernel_size": 5}), 8 * 8 * 50 * 500),
        (Case("conv2d", 1, (4, 4, 4), {"filters": 6, "kernel_size": 2, "groups": 2}), 9 * 6 * 8),
        (Case("depthwise_conv2d", 1, (4, 4, 3), {"kernel_size": 3}), 4 * 3 * 9),
        (Case("conv2d_transpose", 1, (4, 5, 3), {"filters": 2, "kernel_size": 3}), 20 * 3 * 2 * 9),
    ],
    ids=str,
)
def test_multiply_adds(case, count):
    assert case.build().multiply_adds() == count
