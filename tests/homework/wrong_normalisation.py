"""Mistakes in the backwards of normalisation."""

from __future__ import annotations

import numpy as np

from homework import normalisation
from homework.normalisation import (
    batchnorm_backward,
    batchnorm_backward_alt,
    layernorm_backward,
    spatial_batchnorm_backward,
    spatial_groupnorm_backward,
)
from homework.pairs import (
    BATCHNORM,
    BATCHNORM_ALT,
    BATCHNORM_TEST,
    GROUPNORM,
    LAYERNORM,
    SPATIAL_BATCHNORM,
)

AXES = "axis|axes|over"


def batchnorm_dx(dout, cache, *, mean=1.0, variance=1.0, count=None, power=3):
    """Return dx with the terms of the mean and the variance multiplied, or with another count."""
    centred, inverse = cache["centred"], cache["inverse"]
    dhat = dout * cache["gamma"]
    dvar = -0.5 * (dhat * centred).sum(axis=0) * inverse**power
    dcentred = dhat * inverse + variance * 2 / (count or len(dout)) * centred * dvar
    return dcentred - mean * dcentred.mean(axis=0)


@BATCHNORM.wrong("x", kind="mean is missing")
def batchnorm_without_dmean(dout, cache):
    return batchnorm_dx(dout, cache, mean=0), *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", kind="variance is missing")
def batchnorm_without_dvar(dout, cache):
    return batchnorm_dx(dout, cache, variance=0), *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", kind="constants")
def batchnorm_statistics_detached(dout, cache):
    dx = batchnorm_dx(dout, cache, mean=0, variance=0)
    return dx, *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", kind="N - 1")
def batchnorm_variance_over_n_minus_1(dout, cache):
    dx = batchnorm_dx(dout, cache, count=len(dout) - 1)
    return dx, *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", kind="variance|power|deviation")
def batchnorm_wrong_power_of_the_variance(dout, cache):
    return batchnorm_dx(dout, cache, power=2), *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", kind="variance .*wrong sign|sign")
def batchnorm_dvar_sign(dout, cache):
    return batchnorm_dx(dout, cache, variance=-1), *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", kind="variance|factor 2")
def batchnorm_dvar_without_its_2(dout, cache):
    return batchnorm_dx(dout, cache, variance=0.5), *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", kind="gamma is missing|gamma")
def batchnorm_gamma_forgotten(dout, cache):
    ones = cache | {"gamma": np.ones_like(cache["gamma"])}
    return batchnorm_backward(dout, ones)[0], *batchnorm_backward(dout, cache)[1:]


@BATCHNORM.wrong("x", "gamma", kind="epsilon|eps")
def batchnorm_eps_forgotten(dout, cache):
    return batchnorm_backward(dout, cache | {"inverse": 1 / np.sqrt(cache["var"])})


@BATCHNORM.wrong(
    "x", "gamma", kind="epsilon|eps", constants={"bn_param": {"mode": "train", "eps": 0.01}}
)
def batchnorm_eps_added_to_the_deviation(dout, cache):
    return batchnorm_backward(dout, cache | {"inverse": 1 / (np.sqrt(cache["var"]) + 0.01)})


@BATCHNORM.wrong("x", "gamma", kind="running|another|deviation|variance")
def batchnorm_running_variance(dout, cache):
    running = 1 / np.sqrt(cache["running_var"] + cache["eps"])
    return batchnorm_backward(dout, cache | {"inverse": running})


@BATCHNORM.wrong("gamma", "beta", kind="swap|order|exchang|gradient of a")
def batchnorm_dbeta_before_dgamma(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx, dbeta, dgamma


@BATCHNORM.wrong("gamma", kind="of x, not|not of the normalised|of x")
def batchnorm_dgamma_of_x(dout, cache):
    dx, _, dbeta = batchnorm_backward(dout, cache)
    return dx, (dout * cache["x"]).sum(axis=0), dbeta


@BATCHNORM.wrong("gamma", kind="deviation")
def batchnorm_dgamma_of_x_minus_mean(dout, cache):
    dx, _, dbeta = batchnorm_backward(dout, cache)
    return dx, (dout * cache["centred"]).sum(axis=0), dbeta


@BATCHNORM.wrong("gamma", kind=AXES, inputs={"x": (4, 4), "gamma": (4,), "beta": (4,)})
def batchnorm_dgamma_over_the_wrong_axis(dout, cache):
    dx, _, dbeta = batchnorm_backward(dout, cache)
    return dx, (dout * cache["centred"] * cache["inverse"]).sum(axis=1), dbeta


@BATCHNORM.wrong("beta", kind="mean over|ratio")
def batchnorm_dbeta_averaged(dout, cache):
    return *batchnorm_backward(dout, cache)[:2], dout.mean(axis=0)


@BATCHNORM.wrong("gamma", "dout", kind="writes|written|in place|mutat|gamma")
def batchnorm_dout_times_gamma_in_place(dout, cache):
    dx, _, dbeta = batchnorm_backward(dout, cache)
    dout *= cache["gamma"]
    return dx, (dout * cache["centred"] * cache["inverse"]).sum(axis=0), dbeta


@BATCHNORM_ALT.wrong("x", kind="ratio|1/N|mean over|sum")
def batchnorm_alt_not_divided_by_n(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward_alt(dout, cache)
    return len(dout) * dx, dgamma, dbeta


@BATCHNORM_ALT.wrong("x", kind="sums over|where means|not divided")
def batchnorm_alt_sums_for_means(dout, cache):
    _, dgamma, dbeta = batchnorm_backward_alt(dout, cache)
    hat = cache["centred"] * cache["inverse"]
    return cache["gamma"] * cache["inverse"] * (dout - dbeta - hat * dgamma), dgamma, dbeta


@BATCHNORM_ALT.wrong("x", kind="variance|normalised|centred|deviation")
def batchnorm_alt_hat_forgotten(dout, cache):
    _, dgamma, dbeta = batchnorm_backward_alt(dout, cache)
    along = cache["centred"] * dgamma
    dx = cache["gamma"] * cache["inverse"] / len(dout) * (len(dout) * dout - dbeta - along)
    return dx, dgamma, dbeta


@BATCHNORM_TEST.wrong("x", kind="constant|batch|mean|running")
def batchnorm_test_as_in_training(dout, cache):
    return batchnorm_backward(dout, cache | {"mode": "train"})


@SPATIAL_BATCHNORM.wrong("x", "gamma", "beta", kind="transpos|axis|reshape|channel")
def spatial_batchnorm_reshaped_not_transposed(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout.reshape(-1, dout.shape[1]), cache)
    return dx.reshape(dout.shape), dgamma, dbeta


@SPATIAL_BATCHNORM.wrong("beta", kind="first sample|sample|sum|axis")
def spatial_batchnorm_dbeta_of_one_sample(dout, cache):
    return *spatial_batchnorm_backward(dout, cache)[:2], dout[0].sum(axis=(1, 2))


@LAYERNORM.wrong("x", kind=AXES)
def layernorm_dx_over_the_batch(dout, cache):
    hat, inverse, gamma = cache
    dhat = dout * gamma
    dx = inverse * (dhat - dhat.mean(axis=0) - hat * (dhat * hat).mean(axis=0))
    return dx, *layernorm_backward(dout, cache)[1:]


@LAYERNORM.wrong("gamma", "beta", kind=AXES, inputs={"x": (5, 5), "gamma": (5,), "beta": (5,)})
def layernorm_parameters_over_the_features(dout, cache):
    dx, *_ = layernorm_backward(dout, cache)
    return dx, (dout * cache[0]).sum(axis=1), dout.sum(axis=1)


@LAYERNORM.wrong("x", kind="mean is missing")
def layernorm_without_dmean(dout, cache):
    hat, inverse, gamma = cache
    dhat = dout * gamma
    dx = inverse * (dhat - hat * (dhat * hat).mean(axis=1, keepdims=True))
    return dx, *layernorm_backward(dout, cache)[1:]


@LAYERNORM.wrong("x", kind="sums over|not divided|divided by|count|means")
def layernorm_divided_by_the_batch(dout, cache):
    hat, inverse, gamma = cache
    dhat = dout * gamma
    total, along = (v.sum(axis=1, keepdims=True) / len(dout) for v in (dhat, dhat * hat))
    return inverse * (dhat - total - hat * along), *layernorm_backward(dout, cache)[1:]


@LAYERNORM.wrong("x", kind="gamma.*outside|outside the means|gamma")
def layernorm_gamma_outside_the_means(dout, cache):
    hat, inverse, gamma = cache
    dx = layernorm_backward(dout, (hat, inverse, np.ones_like(gamma)))[0]
    return dx * gamma, *layernorm_backward(dout, cache)[1:]


@GROUPNORM.wrong("x", kind="group|channel|" + AXES)
def groupnorm_means_of_each_channel(dout, cache):
    hat, inverse, gamma, G = cache
    per_channel = np.repeat(inverse, gamma.size // G, axis=1)
    dx = spatial_groupnorm_backward(dout, (hat, per_channel, gamma, gamma.size))[0]
    return dx, *spatial_groupnorm_backward(dout, cache)[1:]


@GROUPNORM.wrong("x", kind="sums over|not divided|count|group|means")
def groupnorm_divided_by_pixels(dout, cache):
    hat, inverse, gamma, G = cache
    dhat, h = (v.reshape(len(dout), G, -1) for v in (dout * gamma, hat))
    pixels = hat[0, 0].size
    total, along = (v.sum(axis=2, keepdims=True) / pixels for v in (dhat, dhat * h))
    dx = inverse * (dhat - total - h * along)
    return dx.reshape(dout.shape), *spatial_groupnorm_backward(dout, cache)[1:]


@GROUPNORM.wrong("gamma", "beta", kind="shape")
def groupnorm_parameters_lost_their_axes(dout, cache):
    dx, dgamma, dbeta = spatial_groupnorm_backward(dout, cache)
    return dx, dgamma.ravel(), dbeta.ravel()


def over_the_batch(x, gamma, beta, ln_param):
    """Return batch normalisation, with the cache of layer normalisation."""
    out, _ = normalisation.batchnorm_forward(x, gamma, beta, {"mode": "train"})
    return out, normalisation.layernorm_forward(x, gamma, beta, ln_param)[1]


@LAYERNORM.wrong("x", "gamma", kind=AXES + "|forward", forward=over_the_batch)
def layernorm_forward_over_the_batch(dout, cache):
    return layernorm_backward(dout, cache)
