"""The matrix forms are the gradients."""

from __future__ import annotations

import numpy as np
import pytest
from explained import each_layer, make

from cnnrun.engine.layers import Conv2D
from cnnrun.explain.numbers import add_numbers
from cnnrun.explain.subjects import LayerSubject
from cnnrun.explain.takeaways import WIDEST_MATRIX


@each_layer
def test_matrices_are_the_gradients(name):
    """The matrix forms, computed by sliding windows, give the engine's gradients."""
    explanation = make(name)
    layer = explanation.layer
    if not isinstance(layer, Conv2D) or not explanation.takeaways:
        assert explanation.takeaways == [] or explanation.title.startswith("Dense")
        return
    values = LayerSubject(layer).draw(3)
    numbered = add_numbers(explanation, values)
    value = {e.left: e.value for s in numbered.sections for e in s.equations}
    groups = layer.config.groups
    channels, filters = layer.input_shape[2], layer.config.filters
    assert max(len(m.rows) for t in explanation.takeaways for m in t.arguments) <= WIDEST_MATRIX

    def numbers(matrix, c, f):
        own = c % (channels // groups)

        def one(symbol):
            if symbol == "0":
                return 0.0
            letter, _, place = symbol.rpartition("_")
            axes = {"c": str((own if letter == "F" else c) + 1), "f": str(f + 1)}
            place = ",".join(axes.get(part, part) for part in place.split(","))
            array = values[letter]
            spatial = place.split(",")[0]
            index = [int(digit) - 1 for digit in spatial]
            index += [int(part) - 1 for part in place.split(",")[1:]]
            return float(array[(*index, *[0] * (array.ndim - len(index)))])

        return np.array([[one(cell) for cell in row] for row in matrix.rows])

    of_filter, of_input = explanation.takeaways
    window = layer.window
    dx = np.zeros(layer.input_shape)
    for f in range(filters):
        for c in range(channels):
            if f // (filters // groups) != c // (channels // groups):
                continue
            x, error = (numbers(m, c, f) for m in of_filter.arguments)
            kernel = window.kernel
            for i, j in np.ndindex(*kernel):
                top, left = i * window.dilation[0], j * window.dilation[1]
                seen = x[top : top + error.shape[0], left : left + error.shape[1]]
                symbol = of_filter.result.rows[i][j]
                own = c % (channels // groups)
                symbol = symbol.replace(",c", f",{own + 1}").replace(",f", f",{f + 1}")
                assert np.sum(seen * error) == pytest.approx(value[symbol])
            turned, error = (numbers(m, c, f) for m in of_input.arguments)
            full = full_convolution(turned, error)
            whole = np.zeros(window.padded_size)
            whole[: full.shape[0], : full.shape[1]] = full
            (top, left), (height, width) = window.before, window.input_size
            dx[:, :, c] += whole[top : top + height, left : left + width]
    of_lines = [equation.value for equation in numbered.section("input_gradient").equations]
    np.testing.assert_allclose(dx.reshape(-1), of_lines, atol=1e-12)


def full_convolution(turned, error):
    """Slide a matrix over another from the first overlap to the last."""
    (a, b), (c, d) = turned.shape, error.shape
    padded = np.pad(error, ((a - 1, a - 1), (b - 1, b - 1)))
    out = np.zeros((a + c - 1, b + d - 1))
    for i, j in np.ndindex(*out.shape):
        out[i, j] = np.sum(turned * padded[i : i + a, j : j + b])
    return out


def test_stride_dilates_the_error_and_padding_crops():
    explanation = make("all at once")
    of_filter, of_input = explanation.takeaways
    assert of_filter.arguments[1].rows[1] == ("0",) * len(of_filter.arguments[1].rows[0])
    assert "dilated by the stride 2x1" in of_filter.arguments[1].caption
    assert of_filter.arguments[0].rows[0] == ("0",) * 9
    assert any("cropped by the padding: 1 row above" in remark for remark in of_input.remarks)
    assert any("dilation" in remark for remark in of_filter.remarks)


def test_what_no_window_reaches_is_said_where_it_is_so():
    words = "no window reaches"
    for name, expected in (("left over", 2), ("lecture", 0), ("stride", 0), ("padding", 0)):
        remarks = [r for takeaway in make(name).takeaways for r in takeaway.remarks]
        assert sum(words in remark for remark in remarks) == expected, name
