"""A function is held against the layer that it should be, in either layout of images."""

from __future__ import annotations

import pytest
from homework.convolution import conv_backward_naive, conv_forward_naive
from homework.dense import affine_backward, affine_forward
from homework.losses import softmax_loss
from homework.pooling import max_pool_backward_naive, max_pool_forward_naive

import cnnrun
from cnnrun.errors import ConfigError

CONV = {"x": "2x3x5x4", "w": "2x3x3x3", "b": "2"}
PAD = {"conv_param": {"stride": 1, "pad": 1}}


def turned(dout, cache):
    x, w, b, param = cache
    right = conv_backward_naive(dout, cache)
    return conv_backward_naive(dout, (x, w[:, :, ::-1, ::-1], b, param))[0], *right[1:]


@pytest.mark.parametrize("layout", [None, "NCHW"])
def test_a_right_convolution_is_like_ours(layout):
    report = cnnrun.gradcheck(
        conv_forward_naive, conv_backward_naive, inputs=CONV, constants=PAD, like="conv2d",
        layout=layout,
    )  # fmt: skip
    assert report.passed, report


def test_a_missing_rotation_is_named_in_the_users_layout():
    report = cnnrun.gradcheck(conv_forward_naive, turned, inputs=CONV, constants=PAD, like="conv2d")
    assert report.guilty.tensor == "x"
    assert report.diagnosis.startswith("missing rotation: dx would be right with w turned")


def test_channels_last_and_a_bias_of_four_axes_fit_too():
    def forward(x, w, b):
        y, cache = conv_forward_naive(
            x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), b.reshape(-1), PAD["conv_param"]
        )
        return y.transpose(0, 2, 3, 1), cache

    def backward(dout, cache):
        dx, dw, db = conv_backward_naive(dout.transpose(0, 3, 1, 2), cache)
        return dx.transpose(0, 2, 3, 1), dw.transpose(2, 3, 1, 0), db.reshape(1, 1, 1, -1)

    inputs = {"x": "2x5x4x3", "w": "3x3x3x2", "b": "1x1x1x2"}
    like = "conv2d: {padding: 1}"
    assert cnnrun.gradcheck(forward, backward, inputs=inputs, like=like).passed


def test_a_right_backward_of_a_wrong_forward_is_said_to_be_so():
    def forward(x, w, b):
        return affine_forward(x, w, 2 * b)

    def backward(dout, cache):
        dx, dw, db = affine_backward(dout, cache)
        return dx, dw, 2 * db

    inputs = {"x": "4x3", "w": "3x2", "b": "2"}
    assert cnnrun.gradcheck(forward, backward, inputs=inputs).passed
    report = cnnrun.gradcheck(forward, backward, inputs=inputs, like="dense")
    assert report.verdict == "fail"
    assert [row.tensor for row in report.rows if row.verdict == "fail"] == ["-"]
    assert "forward is not that of dense (units=2): taken as NCHW, y[" in report.diagnosis


def test_weights_that_lie_transposed_are_seen_to():
    def forward(x, weight, bias):
        return x @ weight.T + bias, (x, weight)

    def backward(dout, cache):
        x, weight = cache
        return dout @ weight, dout.T @ x, dout.sum(0)

    inputs = {"x": "4x3", "weight": "3x3", "bias": "3"}
    assert cnnrun.gradcheck(forward, backward, inputs=inputs, like="dense").passed


def test_pooling_takes_its_window_from_the_constants():
    constants = {"pool_param": {"pool_height": 2, "pool_width": 2, "stride": 2}}
    pair = max_pool_forward_naive, max_pool_backward_naive
    inputs = {"x": "2x3x4x6"}
    assert cnnrun.gradcheck(*pair, inputs=inputs, constants=constants, like="max_pool2d").passed
    report = cnnrun.gradcheck(*pair, inputs=inputs, constants=constants, like="avg_pool2d")
    assert "forward is not that of avg_pool2d (" in report.diagnosis


def test_a_loss_is_held_against_ours():
    inputs = {"x": "5x4", "y": "5:0..3"}
    assert cnnrun.gradcheck(softmax_loss, inputs=inputs, like="softmax_cross_entropy").passed

    def summed(x, y):
        loss, dx = softmax_loss(x, y)
        return loss * len(x), dx * len(x)

    report = cnnrun.gradcheck(summed, inputs=inputs, like="softmax_cross_entropy")
    assert "forward is not that of softmax_cross_entropy: its value is" in report.diagnosis


@pytest.mark.parametrize(
    ("like", "layout", "words"),
    [
        ("conv9d", None, "there is no layer or loss conv9d; there are"),
        ("dense: {untis: 3}", None, "untis"),
        ("conv2d", None, "kernel_size"),
        ("max_pool2d", None, "have no shapes of a max_pool2d"),
        ("dense", "HWCN", "--layout HWCN: it is NCHW or NHWC"),
    ],
)
def test_what_it_cannot_be_like_is_refused_in_words(like, layout, words):
    inputs = {"x": "4x3", "w": "3x2", "b": "2"}
    with pytest.raises(ConfigError, match=words):
        cnnrun.gradcheck(affine_forward, affine_backward, inputs=inputs, like=like, layout=layout)
