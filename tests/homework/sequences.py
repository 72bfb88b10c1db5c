"""Recurrent steps, a recurrent network over time, and attention, with their backwards."""

from __future__ import annotations

import numpy as np

__all__ = [
    "attention_backward",
    "attention_forward",
    "lstm_step_backward",
    "lstm_step_forward",
    "rnn_backward",
    "rnn_forward",
    "rnn_step_backward",
    "rnn_step_forward",
]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """Return the next state `(N, H)` from x `(N, D)` and the state before."""
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dz = dnext_h * (1 - next_h**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


def rnn_forward(x, h0, Wx, Wh, b):
    """Return the states `(N, T, H)` over the T steps of x `(N, T, D)`."""
    h, states, cache = h0, [], []
    for step in x.swapaxes(0, 1):
        h, kept = rnn_step_forward(step, h, Wx, Wh, b)
        states.append(h)
        cache.append(kept)
    return np.stack(states, axis=1), cache


def rnn_backward(dh, cache):
    dx, dweights, dprev = [], [0, 0, 0], 0
    for t in reversed(range(len(cache))):
        dstep, dprev, *shares = rnn_step_backward(dh[:, t] + dprev, cache[t])
        dx.insert(0, dstep)
        dweights = [total + share for total, share in zip(dweights, shares, strict=True)]
    return np.stack(dx, axis=1), dprev, *dweights


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """Return the next state and cell `(N, H)`; Wx is `(D, 4H)`, its gates are i, f, o, g."""
    i, f, o, g = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    next_c = f * prev_c + i * g
    return o * np.tanh(next_c), next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    squashed = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - squashed**2)
    di, df, do, dg = dc * g, dc * prev_c, dnext_h * squashed, dc * i
    gates = (di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2))
    dz = np.hstack(gates)  # (N, 4H)
    return dz @ Wx.T, dz @ Wh.T, dc * f, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


def attention_forward(q, k, v):
    """Return `softmax(q k^T / sqrt(d)) v` for q `(N, T, d)`, k `(N, S, d)` and v `(N, S, e)`."""
    scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])  # (N, T, S)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = powers / powers.sum(axis=-1, keepdims=True)
    return weights @ v, (q, k, v, weights)


def attention_backward(dout, cache):
    q, k, v, weights = cache
    dv = weights.swapaxes(1, 2) @ dout
    dweights = dout @ v.swapaxes(1, 2)  # (N, T, S)
    inner = (dweights * weights).sum(axis=-1, keepdims=True)
    dscores = weights * (dweights - inner) / np.sqrt(q.shape[-1])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, dv
