"""Normalisation over a batch, a sample or groups of channels, with its backwards."""

from __future__ import annotations

import numpy as np

__all__ = [
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "layernorm_backward",
    "layernorm_forward",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_backward",
    "spatial_groupnorm_forward",
]


def batchnorm_forward(x, gamma, beta, bn_param):
    """Return x `(N, D)` normalised over N, and the running averages in `bn_param`."""
    mode, eps = bn_param["mode"], bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    mean = bn_param.setdefault("running_mean", np.zeros(x.shape[1]))
    var = bn_param.setdefault("running_var", np.zeros(x.shape[1]))
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        for name, value in (("running_mean", mean), ("running_var", var)):
            bn_param[name] = momentum * bn_param[name] + (1 - momentum) * value
    centred = x - mean
    inverse = 1 / np.sqrt(var + eps)
    cache = {"mode": mode, "x": x, "centred": centred, "inverse": inverse, "gamma": gamma,
             "var": var, "eps": eps, "running_var": bn_param["running_var"]}  # fmt: skip
    return gamma * centred * inverse + beta, cache


def batchnorm_backward(dout, cache):
    """Go back through the graph of forward, one operation after the other."""
    centred, inverse, gamma = cache["centred"], cache["inverse"], cache["gamma"]
    dgamma = (dout * centred * inverse).sum(axis=0)
    dhat = dout * gamma
    if cache["mode"] == "test":
        return dhat * inverse, dgamma, dout.sum(axis=0)
    count = len(dout)
    dinverse = (dhat * centred).sum(axis=0)
    dvar = -0.5 * dinverse * inverse**3
    dcentred = dhat * inverse + 2 / count * centred * dvar
    dmean = -dcentred.sum(axis=0)
    return dcentred + dmean / count, dgamma, dout.sum(axis=0)


def batchnorm_backward_alt(dout, cache):
    """The same on one line of algebra; in training mode."""
    hat = cache["centred"] * cache["inverse"]
    dbeta, dgamma = dout.sum(axis=0), (dout * hat).sum(axis=0)
    count = len(dout)
    dx = cache["gamma"] * cache["inverse"] / count * (count * dout - dbeta - hat * dgamma)
    return dx, dgamma, dbeta


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    """Return x `(N, C, H, W)` normalised over all but the channels."""
    rows = x.transpose(0, 2, 3, 1)  # (N, H, W, C)
    out, cache = batchnorm_forward(rows.reshape(-1, x.shape[1]), gamma, beta, bn_param)
    return out.reshape(rows.shape).transpose(0, 3, 1, 2), cache


def spatial_batchnorm_backward(dout, cache):
    rows = dout.transpose(0, 2, 3, 1)  # (N, H, W, C)
    dx, dgamma, dbeta = batchnorm_backward(rows.reshape(-1, dout.shape[1]), cache)
    return dx.reshape(rows.shape).transpose(0, 3, 1, 2), dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    """Return x `(N, D)` normalised over D."""
    centred = x - x.mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    hat = centred * inverse
    return gamma * hat + beta, (hat, inverse, gamma)


def layernorm_backward(dout, cache):
    hat, inverse, gamma = cache
    dhat = dout * gamma
    along_hat = (dhat * hat).mean(axis=1, keepdims=True)
    dx = inverse * (dhat - dhat.mean(axis=1, keepdims=True) - hat * along_hat)
    return dx, (dout * hat).sum(axis=0), dout.sum(axis=0)


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    """Return x `(N, C, H, W)` normalised over each of G groups of channels of each sample.

    gamma and beta are `(1, C, 1, 1)`.
    """
    groups = x.reshape(len(x), G, -1)
    centred = groups - groups.mean(axis=2, keepdims=True)
    variance = (centred**2).mean(axis=2, keepdims=True)
    inverse = 1 / np.sqrt(variance + gn_param.get("eps", 1e-5))  # (N, G, 1)
    hat = (centred * inverse).reshape(x.shape)
    return gamma * hat + beta, (hat, inverse, gamma, G)


def spatial_groupnorm_backward(dout, cache):
    hat, inverse, gamma, G = cache
    dgamma = (dout * hat).sum(axis=(0, 2, 3), keepdims=True)
    dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
    dhat, h = (values.reshape(len(dout), G, -1) for values in (dout * gamma, hat))
    along_hat = (dhat * h).mean(axis=2, keepdims=True)
    dx = inverse * (dhat - dhat.mean(axis=2, keepdims=True) - h * along_hat)
    return dx.reshape(dout.shape), dgamma, dbeta
