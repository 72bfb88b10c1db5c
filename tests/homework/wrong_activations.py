"""Mistakes in the backwards of activations and dropout."""

from __future__ import annotations

import numpy as np

from homework.pairs import DROPOUT, DROPOUT_TEST, LEAKY_RELU, RELU, SIGMOID, TANH

MASK = "mask|active|side|sign of|not zero where"


@RELU.wrong("x", kind=MASK)
def relu_mask_of_dout(dout, cache):
    return dout * (dout > 0)


@RELU.wrong("x", kind=MASK)
def relu_mask_inverted(dout, cache):
    return dout * (cache < 0)


@RELU.wrong("x", kind=MASK)
def relu_without_a_mask(dout, cache):
    return dout.copy()


@RELU.wrong("x", kind="times x|multiplied by|x itself|times y|the output")
def relu_multiplied_by_its_output(dout, cache):
    return dout * np.maximum(cache, 0)


@RELU.wrong("x", kind="upstream|ignored|dout")
def relu_upstream_forgotten(dout, cache):
    return (cache > 0).astype(float)


@RELU.wrong("x", kind="upstream|linear|relu of")
def relu_of_the_upstream(dout, cache):
    return np.maximum(0, dout * (cache > 0))


@RELU.wrong("dout", kind="writes|written|mutat|in place|chang")
def relu_zeroes_the_upstream(dout, cache):
    dout[cache <= 0] = 0
    return dout


@RELU.wrong("x", kind="writes|written|mutat|in place|chang", part="forward")
def relu_zeroes_its_input(x):
    x[x < 0] = 0
    return x, x


@LEAKY_RELU.wrong("x", kind="slope|negative|zero")
def leaky_relu_without_its_slope(dout, x, slope):
    return dout * (x > 0)


@LEAKY_RELU.wrong("x", kind="slope|side|negative")
def leaky_relu_slope_on_the_other_side(dout, x, slope):
    return np.where(x > 0, slope * dout, dout)


@LEAKY_RELU.wrong("x", kind="upstream|dout|sign of|linear")
def leaky_relu_decided_by_dout(dout, x, slope):
    return np.where(dout > 0, dout, slope * dout)


@SIGMOID.wrong("x", kind="of x|x rather|1 - |output|derivative")
def sigmoid_slope_of_x(dout, cache):
    x = np.log(cache / (1 - cache))
    return dout * x * (1 - x)


@SIGMOID.wrong("x", kind="1 - |missing|derivative")
def sigmoid_half_its_slope(dout, cache):
    return dout * cache


@TANH.wrong("x", kind="of x|x rather|1 - |output|derivative")
def tanh_slope_of_x(dout, x):
    return dout * (1 - x**2)


@TANH.wrong("x", kind="square|1 - |derivative")
def tanh_without_the_square(dout, x):
    return dout * (1 - np.tanh(x))


@TANH.wrong("x", kind="tanh of|twice|1 - |derivative")
def tanh_of_tanh(dout, x):
    return dout * (1 - np.tanh(np.tanh(x)) ** 2)


@DROPOUT.wrong("x", kind=r"1/p|ratio 0\.7|keep")
def dropout_not_divided_by_p(dout, cache):
    return dout * (cache[1] > 0)


@DROPOUT.wrong("x", kind=r"1/p|ratio 1\.4|twice|keep")
def dropout_divided_by_p_twice(dout, cache):
    return dout * cache[1] / cache[0]["p"]


@DROPOUT.wrong("x", kind=r"1/p|1 - p|ratio 2\.3|keep")
def dropout_divided_by_the_other_p(dout, cache):
    return dout * (cache[1] > 0) / (1 - cache[0]["p"])


@DROPOUT.wrong("x", kind=MASK)
def dropout_mask_inverted(dout, cache):
    return dout * (cache[1] == 0) / cache[0]["p"]


@DROPOUT.wrong("x", kind=MASK)
def dropout_without_its_mask(dout, cache):
    return dout.copy()


@DROPOUT.wrong("x", kind="random|drawn|anew|twice|same")
def dropout_mask_drawn_anew(dout, cache):
    p = cache[0]["p"]
    return dout * (np.random.default_rng().random(dout.shape) < p) / p


@DROPOUT_TEST.wrong("x", kind=r"ratio 0\.7|factor")
def dropout_scaled_in_a_test(dout, cache):
    return dout * cache[0]["p"]


@DROPOUT.wrong("x", kind="random|seed|same|twice", part="forward")
def dropout_forward_without_a_seed(x, dropout_param):
    mask = (np.random.default_rng().random(x.shape) < dropout_param["p"]) / dropout_param["p"]
    return x * mask, (dropout_param, mask)


@RELU.wrong("x", kind="float32|dtype", part="forward")
def relu_forward_in_float32(x):
    return np.maximum(x, 0, dtype=np.float32), x
