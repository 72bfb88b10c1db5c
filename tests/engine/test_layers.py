"""Every registered layer, through the same contract."""

from __future__ import annotations

import numpy as np
import pytest
from layer_cases import CASES

from cnnrun.engine import LAYERS, Build, Context, Executor, Network, Pass
from cnnrun.engine.layers import Dropout, LayerNorm
from cnnrun.engine.losses import MeanSquaredError

SAMPLES = 5
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def build(case, dtype="float64"):
    layer = case.config.layer(case.config, case.input_shape, Build(np.dtype(dtype), 3, classes=4))
    rng = np.random.default_rng(7)
    for array in layer.named_parameters().values():  # biases and gammas are not left symmetric
        array += 0.1 * rng.standard_normal(array.shape).astype(dtype)
    return layer


def draw(case, samples=SAMPLES, dtype="float64", seed=1):
    """Return distinct values, at least 0.01 apart: no maximum is tied and no ReLU near its kink."""
    size = samples * int(np.prod(case.input_shape))
    values = (np.arange(size) - size / 2 + 0.3) * (4 / size) + 0.01
    shape = (samples, *case.input_shape)
    return np.random.default_rng(seed).permutation(values).reshape(shape).astype(dtype)


def run(layer, x, dy=None, training=True, ctx=None):
    ctx = ctx or Context(Pass(training=training, seed=4, step=2))
    y = layer.forward(x, ctx)
    if dy is None:
        dy = np.random.default_rng(2).standard_normal(y.shape).astype(x.dtype)
    dx = layer.backward(dy, ctx)
    return y.copy(), dx.copy(), {k: g.copy() for k, g in ctx.collect("gradients").items()}, dy


def test_every_registered_layer_has_a_row():
    without = set(LAYERS) - {case.config.layer.type_name for case in CASES}
    assert not without, f"add a row to tests/layer_cases.py for {sorted(without)}"


@pytest.mark.parametrize("case", [case for case in CASES if case.formula], ids=str)
def test_the_output_equals_the_rows_formula(case):
    layer, x = build(case), 2 * draw(case)
    np.testing.assert_allclose(run(layer, x)[0], case.formula(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("over", ["channels", "all"])
def test_the_epsilon_of_layer_norm_is_the_one_asked_for(over):
    layer = LayerNorm(LayerNorm.Config(over, epsilon=0.5), (2, 3), Build(np.dtype("float64")))
    x = np.random.default_rng(0).standard_normal((4, 2, 3))
    axes = (2,) if over == "channels" else (1, 2)
    centred = x - x.mean(axis=axes, keepdims=True)
    expected = centred / np.sqrt(x.var(axis=axes, keepdims=True) + 0.5)
    np.testing.assert_allclose(layer.forward(x, Context()), expected, rtol=1e-12)


@each_case
def test_gradients_equal_central_differences(case):
    layer, x = build(case), draw(case)
    _, dx, gradients, dy = run(layer, x)

    def objective():
        return float(np.sum(run(layer, x, dy)[0] * dy))

    def difference(array, index):
        old, h = array[index], 1e-6
        array[index] = old + h
        above = objective()
        array[index] = old - h
        below = objective()
        array[index] = old
        return (above - below) / (2 * h)

    rng = np.random.default_rng(0)
    targets = {"x": (x, dx), **{k: (p, gradients[k]) for k, p in layer.named_parameters().items()}}
    for name, (array, gradient) in targets.items():
        assert gradient.shape == array.shape, name
        for flat in rng.permutation(array.size)[:25]:
            index = np.unravel_index(flat, array.shape)
            expected = difference(array, index)
            assert gradient[index] == pytest.approx(expected, rel=2e-6, abs=2e-8), (name, index)


@each_case
def test_float32_agrees_with_float64(case):
    exact = run(build(case), draw(case))
    single = run(build(case, "float32"), draw(case, dtype="float32"), exact[3].astype("float32"))
    if case.config.layer is Dropout:
        return  # another dtype draws another mask
    for a, b in [
        *zip(exact[:2], single[:2], strict=True),
        *((exact[2][k], single[2][k]) for k in exact[2]),
    ]:
        assert b.dtype == np.float32
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-5)


@each_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_shape_are_as_declared(case, dtype):
    layer, x = build(case, dtype), draw(case, dtype=dtype)
    for training in (True, False):
        y, dx, gradients, _ = run(layer, x, training=training)
        assert y.shape == (SAMPLES, *layer.output_shape)
        assert dx.shape == x.shape
        assert {y.dtype, dx.dtype, *(g.dtype for g in gradients.values())} == {np.dtype(dtype)}
        assert gradients.keys() == layer.named_parameters().keys()


@each_case
def test_inputs_are_not_written_to(case):
    layer, x = build(case), draw(case)
    *_, dy = run(layer, x)
    kept_x, kept_dy = x.copy(), dy.copy()
    parameters = {k: p.copy() for k, p in layer.named_parameters().items()}
    x.flags.writeable = dy.flags.writeable = False
    run(layer, x, dy)
    np.testing.assert_array_equal(x, kept_x)
    np.testing.assert_array_equal(dy, kept_dy)
    for name, array in layer.named_parameters().items():
        np.testing.assert_array_equal(array, parameters[name])


@each_case
def test_non_contiguous_input_gives_the_same(case):
    layer, x = build(case), draw(case)
    y, dx, gradients, dy = run(layer, x)
    strided = np.repeat(x, 2, axis=-1)[..., ::2]
    assert not strided.flags.c_contiguous
    again = run(layer, strided, np.repeat(dy, 2, axis=0)[::2])
    np.testing.assert_allclose(again[0], y, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(again[1], dx, rtol=1e-13, atol=1e-14)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(again[2][name], gradient, rtol=1e-12, atol=1e-13)


@each_case
def test_another_batch_size_on_the_same_context(case):
    layer, ctx = build(case), Context(Pass(training=True, seed=4, step=2))
    for samples in (SAMPLES, 2, SAMPLES + 3):
        x = draw(case, samples)
        used, fresh = run(layer, x, ctx=ctx), run(layer, x)
        for a, b in zip(used[:2], fresh[:2], strict=True):
            np.testing.assert_array_equal(a, b)


@each_case
def test_backward_is_linear_in_the_upstream_gradient(case):
    layer, x = build(case), draw(case)
    rng = np.random.default_rng(9)
    a, b = rng.standard_normal((2, SAMPLES, *layer.output_shape))
    parts = [run(layer, x, dy) for dy in (a, b, -2 * a + 3 * b, 0 * a)]
    np.testing.assert_allclose(parts[2][1], -2 * parts[0][1] + 3 * parts[1][1], atol=1e-11)
    assert not parts[3][1].any()
    for name in parts[0][2]:
        combined = -2 * parts[0][2][name] + 3 * parts[1][2][name]
        np.testing.assert_allclose(parts[2][2][name], combined, atol=1e-10)


@each_case
def test_any_shard_and_worker_count_gives_the_same(case):
    build_as = Build(np.dtype("float64"), 3, classes=4)
    network = Network([case.config], case.input_shape, build_as)
    x = draw(case, 7)
    targets = np.random.default_rng(5).standard_normal((7, *network.output_shape))

    def step(shard_size, workers):
        with Executor(network, MeanSquaredError(), workers=workers, shard_size=shard_size) as ex:
            r = ex.step(x, targets, seed=1, step=1)
            return [np.float64(r.loss), r.outputs.copy(), *(g.copy() for g in r.gradients.values())]

    for shard_size in (2, 7):
        for one, two, three in zip(*(step(shard_size, w) for w in (1, 2, 3)), strict=True):
            np.testing.assert_array_equal(one, two)  # to the bit
            np.testing.assert_array_equal(one, three)
    if case.config.layer is not Dropout:  # whose mask depends on the shard
        for whole, cut in zip(step(7, 1), step(3, 2), strict=True):
            np.testing.assert_allclose(cut, whole, rtol=1e-11, atol=1e-13)


@each_case
def test_large_values_stay_finite(case):
    layer, x = build(case, "float32"), draw(case, dtype="float32")
    y, dx, _, _ = run(layer, 1000 * x)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
