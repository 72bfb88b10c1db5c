"""Error maps: each element has a cell, cells are square, a sampled pass does not look broken."""

from __future__ import annotations

from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from cnnrun.gradcheck.report.error_maps import write_error_maps
from cnnrun.gradcheck.report.layout import arrange
from cnnrun.gradcheck.report.rows import Row
from cnnrun.gradcheck.stages.elements import Element, Tensor

SHAPES = [(), (7,), (130,), (2, 3), (3, 200), (4, 5, 6, 1), (4, 5, 6, 3), (2, 3, 4), (1, 1, 1, 1)]


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_element_has_one_cell(shape, weights):
    layout = arrange(shape, weights=weights)
    numbers = np.arange(prod(shape))
    assert sorted(layout.grid[layout.grid >= 0]) == numbers.tolist()
    np.testing.assert_array_equal(layout.grid[layout.place(numbers)], numbers)
    assert layout.grid.shape == tuple(np.multiply(layout.tiles, layout.tile))


def test_pictures_of_a_tensor_stand_together():
    images = arrange((2, 3, 4, 5), weights=False)
    assert (images.tiles, images.down, images.across) == ((2, 5), "sample", "channel")
    place = images.place(np.array([np.ravel_multi_index((1, 2, 3, 4), (2, 3, 4, 5))]))
    assert np.ravel(place).tolist() == [1 * 3 + 2, 4 * 4 + 3]
    filters = arrange((3, 4, 2, 5), weights=True)
    assert (filters.tiles, filters.down, filters.across) == ((2, 5), "input channel", "filter")


def drawn(monkeypatch, tmp_path, shape, statuses, name="x"):
    """Return the figure of a tensor of which the first elements were checked."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: figures.append(self))
    tensor = Tensor(None, name, np.ones(shape), np.ones(1))
    for number, status in enumerate(statuses):
        index = tuple(map(int, np.unravel_index(number, shape)))
        tensor.elements.append(Element(index, 1.0, 1.0, 1e-9, status, 1e-9))
    row = Row("00_conv2d", name, prod(shape), [("data", tensor)])
    write_error_maps(SimpleNamespace(rows=[row]), tmp_path)
    return figures[0]


def legend(figure):
    return [text.get_text() for each in figure.legends for text in each.get_texts()]


@pytest.mark.parametrize("shape", [(2, 9, 9, 3), (1, 40), (500,), (30, 400)])
def test_cells_are_square_and_a_sample_is_named_as_such(monkeypatch, tmp_path, shape):
    figure = drawn(monkeypatch, tmp_path, shape, ["right"] * 3 + ["kink"])
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 3
    for axes in panels:
        (left, bottom), (right, top) = axes.transData.transform([(0, 0), (1, 1)])
        assert right - left == pytest.approx(bottom - top)
    count = prod(shape)
    assert f"not checked one by one: {count - 4:,} of {count:,}" in legend(figure)
    assert "at a kink, or not resolved: 1" in legend(figure)
    assert f"4 of {count:,} elements checked" in figure.get_suptitle()


def test_a_whole_pass_needs_no_legend_and_a_wrong_element_has_one(monkeypatch, tmp_path):
    figure = drawn(monkeypatch, tmp_path, (2, 3), ["right"] * 6)
    assert legend(figure) == []
    assert figure.axes[0].get_xlabel() == "element"
    assert figure.axes[0].get_ylabel() == "sample"
    figure = drawn(monkeypatch, tmp_path, (3, 2), ["right", "wrong"] + ["right"] * 4, "w")
    assert legend(figure) == ["the worst of 1 wrong: [0, 1]"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("unit", "input")
