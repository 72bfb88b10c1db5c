"""Mistakes in the backwards of recurrent networks and of attention."""

from __future__ import annotations

import numpy as np

from homework.pairs import ATTENTION, LSTM_STEP, RNN, RNN_STEP
from homework.sequences import (
    attention_backward,
    lstm_step_backward,
    rnn_backward,
    rnn_step_backward,
)

EQUAL = {"x": (5, 4), "prev_h": (5, 4), "Wx": (4, 4), "Wh": (4, 4), "b": (4,)}
ALL = ("x", "prev_h", "Wx", "Wh", "b")


@RNN_STEP.wrong("prev_h", kind="zero")
def rnn_step_dprev_h_zero(dnext_h, cache):
    dx, dprev_h, *rest = rnn_step_backward(dnext_h, cache)
    return dx, np.zeros_like(dprev_h), *rest


@RNN_STEP.wrong(*ALL, kind="tanh|1 - |derivative|slope")
def rnn_step_slope_before_tanh(dnext_h, cache):
    *rest, next_h = cache
    return rnn_step_backward(dnext_h, (*rest, np.arctanh(next_h)))


@RNN_STEP.wrong(*ALL, kind="tanh|1 - |derivative|slope")
def rnn_step_slope_forgotten(dnext_h, cache):
    *rest, next_h = cache
    return rnn_step_backward(dnext_h, (*rest, np.zeros_like(next_h)))


@RNN_STEP.wrong("Wh", kind="next_h|of the output|prev_h")
def rnn_step_dwh_of_next_h(dnext_h, cache):
    x, _, *rest = cache
    dx, dprev_h, dWx, _, db = rnn_step_backward(dnext_h, cache)
    return dx, dprev_h, dWx, rnn_step_backward(dnext_h, (x, cache[-1], *rest))[3], db


@RNN_STEP.wrong("Wx", "Wh", kind="swap|order|exchang", inputs=EQUAL)
def rnn_step_dwh_before_dwx(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = rnn_step_backward(dnext_h, cache)
    return dx, dprev_h, dWh, dWx, db


@RNN_STEP.wrong("prev_h", kind="transpos")
def rnn_step_wh_not_transposed(dnext_h, cache):
    dx, _, *rest = rnn_step_backward(dnext_h, cache)
    x, prev_h, Wx, Wh, next_h = cache
    return dx, rnn_step_backward(dnext_h, (x, prev_h, Wx, Wh.T, next_h))[1], *rest


@RNN.wrong(*RNN.inputs, kind="step|time|earlier|carried|state")
def rnn_state_not_carried_back(dh, cache):
    steps = [rnn_step_backward(dh[:, t], kept) for t, kept in enumerate(cache)]
    dx = np.stack([step[0] for step in steps], axis=1)
    return dx, steps[0][1], *(sum(step[k] for step in steps) for k in (2, 3, 4))


@RNN.wrong("Wx", "Wh", "b", kind="assigned|step|last|overwrit")
def rnn_weights_assigned(dh, cache):
    dx, dh0, *_ = rnn_backward(dh, cache)
    dprev = 0
    for t in reversed(range(len(cache))):
        _, dprev, dWx, dWh, db = rnn_step_backward(dh[:, t] + dprev, cache[t])
    return dx, dh0, dWx, dWh, db


@RNN.wrong("x", kind="revers|order|flip|step")
def rnn_dx_in_reverse(dh, cache):
    dx, *rest = rnn_backward(dh, cache)
    return dx[:, ::-1], *rest


@RNN.wrong("h0", kind="last|step")
def rnn_dh0_of_the_last_step(dh, cache):
    dx, _, *rest = rnn_backward(dh, cache)
    return dx, rnn_step_backward(dh[:, -1], cache[-1])[1], *rest


def changed_cell(cache, **changes):
    """Return the cache of an LSTM's step with some of its gates replaced."""
    names = ("x", "prev_h", "prev_c", "Wx", "Wh", "i", "f", "o", "g", "next_c")
    return tuple((dict(zip(names, cache, strict=True)) | changes).values())


@LSTM_STEP.wrong(*LSTM_STEP.inputs, kind="dnext_c|second upstream|ignored")
def lstm_step_dnext_c_ignored(dnext_h, dnext_c, cache):
    return lstm_step_backward(dnext_h, np.zeros_like(dnext_c), cache)


@LSTM_STEP.wrong(*LSTM_STEP.inputs, kind="dnext_h|path|through|term|cell")
def lstm_step_cell_not_reached_through_h(dnext_h, dnext_c, cache):
    *rest, o, g, next_c = cache
    through_c = lstm_step_backward(np.zeros_like(dnext_h), dnext_c, cache)
    saturated = np.full_like(next_c, 50)  # tanh' is zero there
    dx, dh, dc, dWx, dWh, db = lstm_step_backward(dnext_h, 0 * dnext_c, (*rest, o, g, saturated))
    shares = (dx, dh, dc, dWx, dWh, db)
    return tuple(a + b for a, b in zip(through_c, shares, strict=True))


@LSTM_STEP.wrong("prev_c", kind="gate|i/f|i / f")
def lstm_step_dprev_c_of_the_input_gate(dnext_h, dnext_c, cache):
    dx, dprev_h, dprev_c, *rest = lstm_step_backward(dnext_h, dnext_c, cache)
    *_, i, f, _, _, _ = cache
    return dx, dprev_h, dprev_c / f * i, *rest


@LSTM_STEP.wrong("x", "prev_h", "Wx", "Wh", "b", kind="gate|slope|tanh|derivative|block|columns")
def lstm_step_sigmoid_slope_for_g(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    squashed = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - squashed**2)
    gates = ((dc * g, i), (dc * prev_c, f), (dnext_h * squashed, o), (dc * i, g))
    dz = np.hstack([dy * gate * (1 - gate) for dy, gate in gates])
    dprev_c = lstm_step_backward(dnext_h, dnext_c, cache)[2]
    return dz @ Wx.T, dz @ Wh.T, dprev_c, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


@LSTM_STEP.wrong("x", "prev_h", "Wx", "Wh", "b", kind="gate|order|swap|block|columns")
def lstm_step_gates_in_another_order(dnext_h, dnext_c, cache):
    x, prev_h, _, Wx, Wh, *_ = cache
    _, _, dprev_c, _, _, _ = lstm_step_backward(dnext_h, dnext_c, cache)
    identity = changed_cell(cache, Wx=np.eye(Wx.shape[1]))
    i, f, o, g = np.split(lstm_step_backward(dnext_h, dnext_c, identity)[0], 4, axis=1)
    dz = np.hstack([i, f, g, o])
    return dz @ Wx.T, dz @ Wh.T, dprev_c, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


@ATTENTION.wrong("q", "k", kind="Jacobian|term|softmax|sum|inner|missing")
def attention_softmax_without_its_sum(dout, cache):
    q, k, v, weights = cache
    dscores = weights * (dout @ v.swapaxes(1, 2)) / np.sqrt(q.shape[-1])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, attention_backward(dout, cache)[2]


@ATTENTION.wrong("q", "k", kind="ratio 2|sqrt|scale|factor 2")
def attention_scale_forgotten(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return 2 * dq, 2 * dk, dv


@ATTENTION.wrong("k", kind=r"ratio 0\.5|sqrt|scale|factor 2")
def attention_scale_of_dk_twice(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq, dk / 2, dv


@ATTENTION.wrong("q", "k", kind="axis|softmax|sum|over")
def attention_softmax_over_the_wrong_axis(dout, cache):
    q, k, v, weights = cache
    dweights = dout @ v.swapaxes(1, 2)
    inner = (dweights * weights).sum(axis=1, keepdims=True)
    dscores = weights * (dweights - inner) / np.sqrt(q.shape[-1])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, attention_backward(dout, cache)[2]


@ATTENTION.wrong("v", kind="transpos", inputs={"q": (2, 4, 3), "k": (2, 4, 3), "v": (2, 4, 5)})
def attention_weights_not_transposed(dout, cache):
    return *attention_backward(dout, cache)[:2], cache[3] @ dout


@ATTENTION.wrong(
    "q", "k", kind="swap|order|exchang", inputs={"q": (2, 4, 3), "k": (2, 4, 3), "v": (2, 4, 5)}
)
def attention_dk_before_dq(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dk, dq, dv
