"""Mistakes in the backwards of dense layers, products of matrices and embeddings."""

from __future__ import annotations

import numpy as np

from homework import dense
from homework.dense import affine_backward, matmul_backward, residual_backward
from homework.pairs import AFFINE, EMBEDDING, LINEAR_RELU, LINEAR_SIGMOID, MATMUL, RESIDUAL

SQUARE = {"x": (4, 3, 2), "w": (6, 6), "b": (6,)}
MEAN = r"mean over .* instead of their sum|ratio 0\.|averag"


@AFFINE.wrong("x", kind="transpos", inputs=SQUARE)
def affine_dx_weight_not_transposed(dout, cache):
    x, w, _ = cache
    return (dout @ w).reshape(x.shape), *affine_backward(dout, cache)[1:]


@AFFINE.wrong("w", kind="transpos", inputs=SQUARE)
def affine_dw_transposed_square(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw.T, db


@AFFINE.wrong("w", kind="shape|transpos")
def affine_dw_transposed(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw.T, db


@AFFINE.wrong("x", kind="shape")
def affine_dx_not_reshaped(dout, cache):
    return dout @ cache[1].T, *affine_backward(dout, cache)[1:]


@AFFINE.wrong("b", kind="shape|sum over|not summed")
def affine_db_not_summed(dout, cache):
    return *affine_backward(dout, cache)[:2], dout


@AFFINE.wrong("b", kind="shape")
def affine_db_summed_over_units(dout, cache):
    return *affine_backward(dout, cache)[:2], dout.sum(axis=1)


@AFFINE.wrong("b", kind="shape")
def affine_db_kept_its_axis(dout, cache):
    return *affine_backward(dout, cache)[:2], dout.sum(axis=0, keepdims=True)


@AFFINE.wrong("b", kind=MEAN)
def affine_db_averaged(dout, cache):
    return *affine_backward(dout, cache)[:2], dout.mean(axis=0)


@AFFINE.wrong("b", kind="sample|assigned")
def affine_db_of_last_sample(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    for row in dout:
        db = row
    return dx, dw, db


@AFFINE.wrong("w", kind=MEAN)
def affine_dw_divided_by_n(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw / len(dout), db


@AFFINE.wrong("w", "b", kind=MEAN)
def affine_parameters_divided_by_n(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw / len(dout), db / len(dout)


@AFFINE.wrong("w", kind="sample|assigned")
def affine_dw_of_last_sample(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    for row, dy in zip(cache[0].reshape(len(dout), -1), dout, strict=True):
        dw = np.outer(row, dy)
    return dx, dw, db


@AFFINE.wrong("x", kind="sign|ratio -1")
def affine_dx_sign(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return -dx, dw, db


@AFFINE.wrong("x", kind="factor 2|ratio 2")
def affine_dx_twice(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return 2 * dx, dw, db


@AFFINE.wrong("b", kind="None|nothing|missing")
def affine_db_none(dout, cache):
    return *affine_backward(dout, cache)[:2], None


@AFFINE.wrong("b", kind="returns|gradients|missing")
def affine_db_not_returned(dout, cache):
    return affine_backward(dout, cache)[:2]


@AFFINE.wrong("x", "w", kind="shape|swap|order")
def affine_dw_before_dx(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dw, dx, db


@AFFINE.wrong("w", kind="float32|dtype")
def affine_dw_in_float32(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw.astype(np.float32), db


@AFFINE.wrong("x", kind="int|dtype|rounded|truncated")
def affine_dx_in_integers(dout, cache):
    x, w, _ = cache
    dx = np.zeros(x.shape, int)
    dx[...] = (dout @ w.T).reshape(x.shape)
    return dx, *affine_backward(dout, cache)[1:]


@AFFINE.wrong("x", kind="writes|written|mutat|in place|chang", part="forward")
def affine_x_centred_in_place(x, w, b):
    x -= x.mean()
    return dense.affine_forward(x, w, b)


def remembering_the_first_call():
    """Return a forward that keeps its cache at the first call only."""
    first = {}

    def forward(x, w, b):
        out, cache = dense.affine_forward(x, w, b)
        return out, first.setdefault("cache", cache)

    return forward


def sharing_one_buffer():
    """Return a forward whose cache is overwritten by the next call."""
    buffer = {}

    def forward(x, w, b):
        out, buffer["cache"] = dense.affine_forward(x, w, b)
        return out, buffer

    return forward


STALE = "cache|stale|earlier|first call|other call|another call|between calls|kept"


@AFFINE.wrong("x", "w", kind=STALE, forward=remembering_the_first_call())
def affine_cache_of_the_first_call(dout, cache):
    return affine_backward(dout, cache)


@AFFINE.wrong("x", "w", kind=STALE, forward=sharing_one_buffer())
def affine_cache_overwritten(dout, cache):
    return affine_backward(dout, cache["cache"])


@MATMUL.wrong("a", "b", kind="swap|order", inputs={"a": (3, 3), "b": (3, 3)})
def matmul_gradients_swapped(dout, a, b):
    return matmul_backward(dout, a, b)[::-1]


@MATMUL.wrong("b", kind="transpos", inputs={"a": (3, 3), "b": (3, 4)})
def matmul_a_not_transposed(dout, a, b):
    return dout @ b.T, a @ dout


@MATMUL.wrong("a", kind="transpos|order|turned", inputs={"a": (3, 3), "b": (3, 3)})
def matmul_factors_exchanged(dout, a, b):
    return b.T @ dout, a.T @ dout


@LINEAR_RELU.wrong("W", "b", kind=MEAN)
def linear_relu_divided_by_m(dA, cache):
    dA_prev, dW, db = dense.linear_activation_backward(dA, cache)
    return dA_prev, dW / dA.shape[1], db / dA.shape[1]


@LINEAR_RELU.wrong("b", kind="shape")
def linear_relu_db_lost_its_axis(dA, cache):
    dA_prev, dW, db = dense.linear_activation_backward(dA, cache)
    return dA_prev, dW, db[:, 0]


@LINEAR_RELU.wrong("A_prev", "W", "b", kind="mask|active|relu")
def linear_relu_mask_forgotten(dA, cache):
    A_prev, W, *_ = cache
    return W.T @ dA, dA @ A_prev.T, dA.sum(axis=1, keepdims=True)


@LINEAR_SIGMOID.wrong("A_prev", "W", "b", kind="mask|derivative|sigmoid|1 - ")
def linear_sigmoid_slope_of_relu(dA, cache):
    *kept, _ = cache
    return dense.linear_activation_backward(dA, (*kept, "relu"))


@RESIDUAL.wrong("x", kind="branch|skip|term|missing")
def residual_without_the_skip(dout, cache):
    dx, dw = residual_backward(dout, cache)
    return dx - dout, dw


@RESIDUAL.wrong("x", kind="branch|term|missing|upstream")
def residual_without_the_branch(dout, cache):
    return dout, residual_backward(dout, cache)[1]


@RESIDUAL.wrong("x", "w", kind="mask|active|relu")
def residual_mask_forgotten(dout, cache):
    x, w, _ = cache
    return dout + dout @ w.T, x.T @ dout


@EMBEDDING.wrong("W", kind="assigned|last|repeat")
def embedding_assigned(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    dW[x] = dout
    return dW


@EMBEDDING.wrong("W", kind="add.at|assigned|last|repeat|once")
def embedding_added_once(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    dW[x] += dout
    return dW


@EMBEDDING.wrong("W", kind="averag|mean|count|divided")
def embedding_averaged(dout, cache):
    x, W = cache
    count = np.bincount(x.ravel(), minlength=len(W))[:, None]
    return dense.embedding_backward(dout, cache) / np.maximum(count, 1)
