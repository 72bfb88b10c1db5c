"""The lecture's equations for convolution and pooling, written out, held against the engine."""

import numpy as np
import pytest
import references
from geometries import Case
from numpy.testing import assert_allclose


def convolution(x, w):
    """Slide w over x: O_ij = sum over p, q of X_(i+p)(j+q) F_pq."""
    high, wide = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    out = np.zeros((high, wide))
    for i in range(high):
        for j in range(wide):
            for p in range(w.shape[0]):
                for q in range(w.shape[1]):
                    out[i, j] += x[i + p, j + q] * w[p, q]
    return out


def full_convolution(x, w):
    """Slide w over x from the first overlap to the last."""
    (above, beside) = (w.shape[0] - 1, w.shape[1] - 1)
    return convolution(np.pad(x, ((above, above), (beside, beside))), w)


def rotated(w):
    """Turn by 180 degrees: flip vertically, then horizontally."""
    return w[::-1, :][:, ::-1]


def dilated(error, stride):
    """Put stride - 1 zeros between the rows and the columns."""
    high, wide = ((size - 1) * step + 1 for size, step in zip(error.shape, stride, strict=True))
    out = np.zeros((high, wide))
    out[:: stride[0], :: stride[1]] = error
    return out


def engine(x, w, error, **options):
    """Return O, dL/dF and dL/dX of one image and one filter."""
    shape = (*x.shape, 1)
    options = {"filters": 1, "kernel_size": w.shape, "use_bias": False, **options}
    arrays = {"x": x[None, :, :, None], "w": w[:, :, None, None], "dy": error[None, :, :, None]}
    found = Case("conv2d", 1, shape, options).run(arrays)
    return found["y"][0, :, :, 0], found["dw"][:, :, 0, 0], found["dx"][0, :, :, 0]


@pytest.mark.parametrize("seed", range(3))
def test_the_lectures_seventeen_equations(seed):
    rng = np.random.default_rng(seed)
    x, f, d = rng.standard_normal((3, 3)), *rng.standard_normal((2, 2, 2))
    (x11, x12, x13), (x21, x22, x23), (x31, x32, x33) = x
    (f11, f12), (f21, f22) = f
    (d11, d12), (d21, d22) = d  # dL/dO
    output, filter_gradient, input_gradient = engine(x, f, d)

    o11 = x11 * f11 + x12 * f12 + x21 * f21 + x22 * f22
    o12 = x12 * f11 + x13 * f12 + x22 * f21 + x23 * f22
    o21 = x21 * f11 + x22 * f12 + x31 * f21 + x32 * f22
    o22 = x22 * f11 + x23 * f12 + x32 * f21 + x33 * f22
    assert_allclose(output, [[o11, o12], [o21, o22]], rtol=1e-12)

    df11 = d11 * x11 + d12 * x12 + d21 * x21 + d22 * x22
    df12 = d11 * x12 + d12 * x13 + d21 * x22 + d22 * x23
    df21 = d11 * x21 + d12 * x22 + d21 * x31 + d22 * x32
    df22 = d11 * x22 + d12 * x23 + d21 * x32 + d22 * x33
    assert_allclose(filter_gradient, [[df11, df12], [df21, df22]], rtol=1e-12)

    dx11 = d11 * f11
    dx12 = d11 * f12 + d12 * f11
    dx13 = d12 * f12
    dx21 = d11 * f21 + d21 * f11
    dx22 = d11 * f22 + d12 * f21 + d21 * f12 + d22 * f11
    dx23 = d12 * f22 + d22 * f12
    dx31 = d21 * f21
    dx32 = d21 * f22 + d22 * f21
    dx33 = d22 * f22
    rows = [[dx11, dx12, dx13], [dx21, dx22, dx23], [dx31, dx32, dx33]]
    assert_allclose(input_gradient, rows, rtol=1e-12)


def test_the_lecture_by_hand():
    x = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    f = np.array([[1.0, 2], [3, 4]])
    output, filter_gradient, input_gradient = engine(x, f, np.array([[1.0, 10], [100, 1000]]))
    assert_allclose(output, [[37, 47], [67, 77]])
    assert_allclose(filter_gradient, [[5421, 6532], [8754, 9865]])
    assert_allclose(input_gradient, [[1, 12, 20], [103, 1234, 2040], [300, 3400, 4000]])


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation"),
    [
        ((3, 3), (2, 2), (1, 1), (0, 0), (1, 1)),
        ((6, 5), (3, 2), (1, 1), (0, 0), (1, 1)),
        ((7, 8), (3, 2), (2, 3), (0, 0), (1, 1)),  # leftover rows and columns
        ((5, 6), (3, 4), (1, 1), (1, 2), (1, 1)),
        ((7, 9), (2, 3), (1, 1), (0, 0), (3, 2)),
        ((8, 7), (3, 3), (2, 2), (1, 1), (1, 1)),
        ((9, 8), (3, 2), (2, 1), (2, 1), (2, 3)),
        ((4, 5), (4, 5), (1, 1), (0, 0), (1, 1)),
    ],
)
def test_both_gradients_are_convolutions(size, kernel, stride, padding, dilation):
    """Both takeaways of the lecture, with what it leaves out.

    With a stride the error is dilated by it, and zeros stand for the leftover edge; with a padding
    the input is padded, and its gradient cropped; with a dilation the filter has holes, and its
    gradient is read at the taps.
    """
    rng = np.random.default_rng(0)
    x, f = rng.standard_normal(size), rng.standard_normal(kernel)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    shape = references.output_shape((1, *size), 1, kernel, **options)[1:3]
    error = rng.standard_normal(shape)
    _, filter_gradient, input_gradient = engine(x, f, error, **options)

    padded = np.pad(x, [(p, p) for p in padding])
    holed = dilated(f, dilation)
    spread = dilated(error, stride)
    room = [
        whole - window + 1 - used
        for whole, window, used in zip(padded.shape, holed.shape, spread.shape, strict=True)
    ]
    spread = np.pad(spread, [(0, rest) for rest in room])

    taps = convolution(padded, spread)[:: dilation[0], :: dilation[1]]
    assert_allclose(filter_gradient, taps, rtol=1e-10, atol=1e-12)

    whole = full_convolution(spread, rotated(holed))
    (top, left), (high, wide) = padding, size
    cropped = whole[top : top + high, left : left + wide]
    assert_allclose(input_gradient, cropped, rtol=1e-10, atol=1e-12)


def test_max_pooling_assigns_the_error_to_where_it_comes_from():
    x = np.array([[1.0, 3, 2, 1], [4, 2, 0, 5]]).reshape(1, 2, 4, 1)
    dy = np.array([7.0, 9]).reshape(1, 1, 2, 1)
    dx = Case("max_pool2d", 1, (2, 4, 1)).run({"x": x, "dy": dy})["dx"]
    assert_allclose(dx[0, :, :, 0], [[0, 0, 0, 0], [7, 0, 0, 9]])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_average_pooling_multiplies_the_error_by_1_over_n_n(n):
    rng = np.random.default_rng(n)
    dy = rng.standard_normal((1, 2, 2, 1))
    arrays = {"x": rng.standard_normal((1, 2 * n, 2 * n, 1)), "dy": dy}
    dx = Case("avg_pool2d", 1, (2 * n, 2 * n, 1), {"pool_size": n}).run(arrays)["dx"]
    assert_allclose(dx[0, :, :, 0], np.kron(dy[0, :, :, 0], np.ones((n, n))) / (n * n))
