"""Which elements are compared when there are too many."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnrun.gradcheck.points.sampling import choose


def test_all_elements_if_there_are_few():
    assert choose((2, 3), 6, np.random.default_rng(0)) == list(np.ndindex(2, 3))
    assert choose((), 4, np.random.default_rng(0)) == [()]


@pytest.mark.parametrize("shape", [(4, 28, 28, 3), (5, 5, 20, 50)])
def test_corners_and_borders_always(shape):
    chosen = choose(shape, 200, np.random.default_rng(1))
    corners = set(product(*[(0, length - 1) for length in shape]))
    assert corners <= set(chosen)
    on_border = [i for i in chosen if i[1] in (0, shape[1] - 1) or i[2] in (0, shape[2] - 1)]
    assert len(on_border) > 40


@pytest.mark.parametrize("shape", [(300, 200), (1, 100, 90, 1), (40, 50, 60)])
def test_a_quarter_lies_on_the_border_and_every_side_has_its_share(shape):
    chosen = choose(shape, 200, np.random.default_rng(3))
    axes = [axis for axis, length in enumerate(shape) if length > 1]
    corners = [i for i in chosen if all(i[a] in (0, shape[a] - 1) for a in axes)]
    inside_a_side = [i for i in chosen if i not in corners]
    sides = {
        (axis, end): [i for i in inside_a_side if i[axis] == end]
        for axis in axes
        for end in (0, shape[axis] - 1)
    }
    assert all(len(indices) >= 3 for indices in sides.values()), sides
    on_sides = {index for indices in sides.values() for index in indices}
    assert len(on_sides) >= 20 * len(axes) // len(shape)


def test_the_others_are_spread():
    chosen = choose((1000,), 100, np.random.default_rng(2))
    gaps = np.diff([index[0] for index in chosen])
    assert gaps.max() < 40


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.integers(4, 60),
    st.integers(0, 5),
)
def test_any_shape(shape, count, seed):
    chosen = choose(tuple(shape), count, np.random.default_rng(seed))
    assert len(chosen) == len(set(chosen))
    assert 1 <= len(chosen) <= count or len(chosen) == int(np.prod(shape))
    assert all(0 <= i < n for index in chosen for i, n in zip(index, shape, strict=True))
