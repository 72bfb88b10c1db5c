"""Mistakes that hide from a check: small ones, and those that unit upstream gradients do not show.

A gradient that is clipped, for instance, is right for every upstream gradient of ones and zeros.
"""

from __future__ import annotations

import numpy as np

from homework import losses
from homework.activations import gelu_backward, relu_backward
from homework.convolution import conv_backward_naive
from homework.dense import affine_backward
from homework.normalisation import (
    layernorm_backward,
    spatial_batchnorm_backward,
    spatial_groupnorm_backward,
)
from homework.pairs import (
    AFFINE,
    CONV,
    GELU,
    GROUPNORM,
    LAYERNORM,
    RELU,
    RNN_STEP,
    SOFTMAX_LOSS,
    SPATIAL_BATCHNORM,
)
from homework.sequences import rnn_step_backward

EPSILON = "epsilon|eps"
LINEAR = "linear|clip|upstream|large"


def without_epsilon(inverse):
    """Return 1 / deviation of `1 / sqrt(variance + 1e-5)`."""
    return 1 / np.sqrt(1 / inverse**2 - 1e-5)


@LAYERNORM.wrong("x", kind=EPSILON)
def layernorm_eps_forgotten(dout, cache):
    hat, inverse, gamma = cache
    dx = layernorm_backward(dout, (hat, without_epsilon(inverse), gamma))[0]
    return dx, *layernorm_backward(dout, cache)[1:]


@GROUPNORM.wrong("x", kind=EPSILON)
def groupnorm_eps_forgotten(dout, cache):
    hat, inverse, *rest = cache
    dx = spatial_groupnorm_backward(dout, (hat, without_epsilon(inverse), *rest))[0]
    return dx, *spatial_groupnorm_backward(dout, cache)[1:]


@SPATIAL_BATCHNORM.wrong("x", "gamma", kind=EPSILON)
def spatial_batchnorm_eps_forgotten(dout, cache):
    inverse = without_epsilon(cache["inverse"])
    return spatial_batchnorm_backward(dout, cache | {"inverse": inverse})


@GELU.wrong("x", kind="constant|digits")
def gelu_constant_shortened(dout, cache):
    return gelu_backward(dout, cache, cubic=0.0447)


@GELU.wrong("x", kind="factor 3|term|derivative")
def gelu_without_its_3(dout, cache):
    return gelu_backward(dout, cache, cubic=0.044715 / 3)


@AFFINE.wrong("w", kind="float16|digits|rounded|half")
def affine_dw_through_float16(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw.astype(np.float16).astype(float), db


@CONV.wrong("b", kind="digits|ratio 1 -|ratio 0.9995")
def conv_db_a_little_off(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    return dx, dw, db * 0.9995


@SOFTMAX_LOSS.wrong("x", kind="epsilon|eps|log|forward")
def softmax_loss_epsilon_in_forward_only(x, y):
    p = losses.probabilities(x)[np.arange(len(x)), y]
    return -np.log(p + 1e-5).mean(), losses.softmax_loss(x, y)[1]


@RELU.wrong("x", kind=LINEAR)
def relu_gradient_clipped(dout, cache):
    return np.clip(relu_backward(dout, cache), -1, 1)


@RNN_STEP.wrong("x", "prev_h", "Wx", "Wh", "b", kind=LINEAR)
def rnn_step_upstream_clipped(dnext_h, cache):
    return rnn_step_backward(np.clip(dnext_h, -1, 1), cache)


@AFFINE.wrong("x", "w", "b", kind=LINEAR + "|sign|negative")
def affine_of_the_positive_upstream(dout, cache):
    return affine_backward(np.abs(dout), cache)


@CONV.wrong("x", "w", "b", kind=LINEAR + "|norm|ratio")
def conv_upstream_clipped_by_norm(dout, cache):
    return conv_backward_naive(dout / max(1, np.linalg.norm(dout)), cache)
