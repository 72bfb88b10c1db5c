import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import references
from geometries import POOLINGS, Case
from numpy.testing import assert_allclose, assert_array_equal

from cnnrun.engine.context import Context
from cnnrun.engine.kernels import windows
from cnnrun.engine.layer import NO_GRADIENT
from cnnrun.errors import ShapeError

GOLDEN = Path(__file__).parents[1] / "golden" / "pooling.npz"


def assert_same(found, expected):
    for name, array in found.items():
        assert_allclose(array, expected[name], rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("case", POOLINGS, ids=str)
def test_equals_nested_loops(case):
    arrays = case.draw()
    assert_same(case.run(arrays), references.run(case.layer, arrays, case.options))


@pytest.mark.parametrize("case", POOLINGS, ids=str)
def test_equals_torch(case):
    pytest.importorskip("torch")
    import yardstick

    arrays = case.draw()
    assert_same(case.run(arrays), yardstick.run(case.layer, arrays, case.options))


def test_equals_what_torch_gave():
    with np.load(GOLDEN) as golden:
        stored = dict(golden)
    for case in POOLINGS:
        found = case.run({name: stored[f"{case}/{name}"] for name in ("x", "dy")})
        assert_same(found, {name: stored[f"{case}/{name}"] for name in found})


def test_there_are_enough_geometries():
    for layer in ("max_pool2d", "avg_pool2d"):
        assert sum(case.layer == layer for case in POOLINGS) >= 20
    assert len({str(case) for case in POOLINGS}) == len(POOLINGS)


def max_pool(x, dy=None, **options):
    """Return y, dx and the winners of a batch of one image with one channel."""
    x = np.asarray(x, np.float64)[None, :, :, None]
    layer = Case("max_pool2d", 1, x.shape[1:], options).build()
    ctx = Context()
    y = layer.forward(x, ctx)[0, :, :, 0].copy()
    errors = np.ones_like(y) if dy is None else np.asarray(dy, np.float64)
    dx = layer.backward(errors[None, :, :, None], ctx)[0, :, :, 0]
    return y, dx, ctx.saved["winner"][0, :, :, 0]


class TestMaxPool:
    def test_the_error_goes_where_the_maximum_came_from(self):
        x = [[1, 5, 2, 0], [3, 4, 1, 7], [8, 0, 2, 2], [6, 7, 9, 1]]
        y, dx, winner = max_pool(x, [[10, 20], [30, 40]])
        assert_array_equal(y, [[5, 7], [8, 9]])
        assert_array_equal(winner, [[1, 3], [0, 2]])
        assert_array_equal(dx, [[0, 10, 0, 0], [0, 0, 0, 20], [30, 0, 0, 0], [0, 0, 40, 0]])

    def test_windows_that_overlap_add_their_errors(self):
        y, dx, _ = max_pool([[1, 9, 2]], [[3, 4]], pool_size=(1, 2), stride=1)
        assert_array_equal(y, [[9, 9]])
        assert_array_equal(dx, [[0, 7, 0]])

    @pytest.mark.parametrize(
        ("x", "tap"),
        [
            ([[1, 1], [1, 1]], 0),
            ([[0, 1], [1, 1]], 1),
            ([[0, 1], [1, 0]], 1),
            ([[0, 0], [1, 1]], 2),
            ([[-0.0, 0.0], [0.0, 0.0]], 0),
        ],
    )
    def test_a_tie_goes_to_the_first_in_row_major_order(self, x, tap):
        _, dx, winner = max_pool(x)
        assert winner[0, 0] == tap
        assert_array_equal(np.flatnonzero(dx), [tap])

    @pytest.mark.parametrize("pool_size", [2, 3, (2, 3), (3, 1), (1, 3), (17, 16)])
    @pytest.mark.parametrize("padding", [0, "same"])
    def test_ties_everywhere(self, pool_size, padding):
        x = np.random.default_rng(0).integers(0, 3, (1, 18, 18, 1)).astype(float)
        case = Case("max_pool2d", 1, x.shape[1:], {"pool_size": pool_size, "padding": padding})
        dy = np.random.default_rng(1).standard_normal((1, *case.build().output_shape))
        arrays = {"x": x, "dy": dy}
        assert_same(case.run(arrays), references.run(case.layer, arrays, case.options))

    def test_padding_never_wins(self):
        y, dx, _ = max_pool([[-5, -6], [-7, -8]], pool_size=2, padding=1)
        assert_array_equal(y, [[-5, -6], [-7, -8]])
        assert_array_equal(dx, [[1, 1], [1, 1]])

    def test_minus_infinity_beats_padding(self):
        y, dx, _ = max_pool(np.full((3, 3), -np.inf), pool_size=2, padding=1)
        assert np.all(y == -np.inf)
        assert dx.sum() == y.size  # no error is lost on the padding

    @pytest.mark.parametrize("place", range(9))
    def test_nan_goes_through_and_takes_the_error(self, place):
        x = np.arange(9.0)
        x[place] = np.nan
        y, dx, winner = max_pool(x.reshape(3, 3), pool_size=3)
        assert np.isnan(y[0, 0])
        assert winner[0, 0] == place
        assert_array_equal(np.flatnonzero(dx), [place])

    def test_of_two_nan_the_first_wins(self):
        _, dx, _ = max_pool([[1, np.nan], [np.nan, 3]])
        assert_array_equal(dx, [[0, 1], [0, 0]])

    def test_an_error_that_is_not_finite_stays_at_its_place(self):
        _, dx, _ = max_pool([[1, 2, 3, 4], [0, 0, 0, 0]], [[np.inf, np.nan]])
        assert_array_equal(dx, [[0, np.inf, 0, np.nan], [0, 0, 0, 0]])

    @pytest.mark.parametrize("case", [c for c in POOLINGS if c.layer == "max_pool2d"], ids=str)
    def test_conserves_the_sum_of_the_error(self, case):
        arrays = case.draw()
        assert_allclose(case.run(arrays)["dx"].sum(), arrays["dy"].sum(), atol=1e-12)


class TestAveragePool:
    def test_the_error_is_multiplied_by_1_over_n_squared(self):
        case = Case("avg_pool2d", 1, (4, 4, 1), {"pool_size": 2})
        dy = np.array([[4.0, 8], [12, 16]]).reshape(1, 2, 2, 1)
        dx = case.run({"x": np.zeros((1, 4, 4, 1)), "dy": dy})["dx"][0, :, :, 0]
        assert_array_equal(dx, [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]])

    @pytest.mark.parametrize(("count_padding", "corner"), [(True, 0.25), (False, 1.0)])
    def test_whether_padding_counts(self, count_padding, corner):
        options = {"pool_size": 2, "padding": 1, "count_padding": count_padding}
        case = Case("avg_pool2d", 1, (2, 2, 1), options)
        arrays = {"x": np.ones((1, 2, 2, 1)), "dy": np.ones((1, 2, 2, 1))}
        found = case.run(arrays)
        assert_array_equal(found["y"], np.full((1, 2, 2, 1), corner))
        assert_array_equal(found["dx"], np.full((1, 2, 2, 1), corner))


ONE_OF_EACH = [
    Case("max_pool2d", 3, (7, 6, 3), {"pool_size": 3, "stride": 2, "padding": 1}),
    Case("max_pool2d", 3, (6, 6, 3)),
    Case("avg_pool2d", 3, (7, 6, 3), {"pool_size": (2, 3), "count_padding": False, "padding": 1}),
    Case("global_avg_pool2d", 3, (4, 5, 2)),
]


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
class TestContract:
    def test_float32_stays_float32(self, case):
        arrays = case.draw()
        exact = case.run(arrays)
        for name, array in case.run(arrays, np.float32).items():
            assert array.dtype == np.float32
            assert_allclose(array, exact[name], rtol=1e-5, atol=1e-5)

    def test_inputs_are_neither_written_to_nor_need_be_contiguous(self, case):
        arrays = case.draw()
        expected = case.run(arrays)
        x, dy = (np.asfortranarray(arrays[name])[::-1][::-1] for name in ("x", "dy"))
        x.flags.writeable = dy.flags.writeable = False
        layer, ctx = case.build(), Context()
        assert_same({"y": layer.forward(x, ctx), "dx": layer.backward(dy, ctx)}, expected)

    def test_any_batch_size_on_one_context(self, case):
        arrays = case.draw()
        expected = case.run(arrays)
        layer, ctx = case.build(), Context()
        for size in (2, 1, 3, 2):
            y = layer.forward(arrays["x"][:size], ctx)
            dx = layer.backward(arrays["dy"][:size], ctx)
            whole = {"y": expected["y"][:size], "dx": expected["dx"][:size]}
            assert_same({"y": y, "dx": dx}, whole)

    def test_several_tiles(self, case, monkeypatch):
        arrays = case.draw()
        expected = case.run(arrays)
        monkeypatch.setattr(windows, "TILE_BYTES", 1)
        assert_same(case.run(arrays), expected)

    def test_a_steady_step_allocates_nothing_large(self, case):
        case = Case(case.layer, 64, (24, 24, 8), case.options)  # x takes 2.4 MB
        arrays, layer, ctx = case.draw(), case.build(), Context()
        for _ in range(2):
            tracemalloc.start()
            layer.forward(arrays["x"], ctx)
            layer.backward(arrays["dy"], ctx)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 256_000

    def test_no_input_gradient_where_nobody_reads_it(self, case):
        layer, ctx = case.build(), Context(needs_input_gradient=False)
        arrays = case.draw()
        layer.forward(arrays["x"], ctx)
        assert layer.backward(arrays["dy"], ctx) is NO_GRADIENT


@pytest.mark.parametrize("layer", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(
    ("shape", "options", "message", "option"),
    [
        (
            (4, 5, 1),
            {"pool_size": 5},
            "pool_size 5 does not fit an input of 4x5 (padding valid)",
            "pool_size",
        ),
        (
            (4, 5, 1),
            {"pool_size": 2, "padding": 2},
            "padding 2x2 must be smaller than pool_size 2x2",
            "padding",
        ),
        (
            (4, 5, 1),
            {"pool_size": (3, 2), "padding": (1, 2)},
            "padding 1x2 must be smaller than pool_size 3x2",
            "padding",
        ),
        ((20,), {}, "put it before flatten", None),
    ],
)
def test_what_does_not_fit_is_refused(layer, shape, options, message, option):
    with pytest.raises(ShapeError) as refused:
        Case(layer, 1, shape, options).build()
    assert message in refused.value.message
    assert refused.value.option == option
