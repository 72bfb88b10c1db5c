"""A network with two paths of different sizes is refused with the image sizes that fit."""

from __future__ import annotations

import pytest

from cnnrun.engine import Network
from cnnrun.engine.fitting import describe_fitting_sizes
from cnnrun.engine.layers import Concat, Conv2D, Conv2DTranspose, Flatten, MaxPool2D, Residual
from cnnrun.errors import ShapeError

POOL, CONV = MaxPool2D.Config(2), Conv2D.Config(2, 3, padding="same")
UP = Conv2DTranspose.Config(2, 2, stride=2)
INNER = Concat.Config((POOL, CONV, UP))
UNET = [CONV, Concat.Config((POOL, INNER, UP)), Conv2D.Config(1, 1)]


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((30, 30, 1), "28x28 or 32x32"),
        ((28, 29, 3), "28x28 or 28x32"),
        ((4, 5, 1), "4x4 or 4x8"),
    ],
)
def test_a_u_net_names_the_sizes_that_its_poolings_divide(shape, sizes):
    with pytest.raises(ShapeError) as caught:
        Network(UNET, shape)
    assert caught.value.path.startswith("network[1].concat")
    assert str(caught.value).endswith(f"; images of {sizes} fit")
    for size in sizes.split(" or "):
        height, width = map(int, size.split("x"))
        assert Network(UNET, (height, width, shape[2])).output_shape == (height, width, 1)


def test_a_residual_block_names_them_too():
    with pytest.raises(ShapeError, match="; images of 4x6 or 6x6 fit"):
        Network([Residual.Config((POOL, UP))], (5, 6, 2))


@pytest.mark.parametrize("branch", [(POOL,), (Flatten.Config(),)])
def test_nothing_is_promised_where_no_size_fits(branch):
    with pytest.raises(ShapeError) as caught:
        Network([Concat.Config(branch)], (5, 6, 2))
    assert "fit" not in str(caught.value)


def test_vectors_have_no_sizes():
    assert describe_fitting_sizes((5,), lambda shape: True) == ""
