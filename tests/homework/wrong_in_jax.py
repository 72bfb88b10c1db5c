"""Two mistakes in the backward of each JAX function, and the tables of right and wrong ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from homework.jax_functions import (
    affine,
    affine_backward,
    attention,
    attention_backward,
    conv,
    conv_backward,
    cross_entropy,
    cross_entropy_backward,
    layer_norm,
    layer_norm_backward,
    max_pool,
    relu,
    relu_backward,
    rms_norm,
    rms_norm_backward,
    silu,
    unit_vectors,
    unit_vectors_backward,
)
from homework.jax_rules import RIGHT, WRONG, wrong

__all__ = ["RIGHT", "WRONG"]


@wrong(affine, "x", kind="transpos", x=(4, 5), w=(5, 5), b=(5,))
def jax_affine_weight_not_transposed(arguments, dy):
    return dy @ arguments[1], *affine_backward(arguments, dy)[1:]


@wrong(affine, "b", kind="mean over|ratio")
def jax_affine_db_averaged(arguments, dy):
    return *affine_backward(arguments, dy)[:2], dy.mean(0)


@wrong(relu, "x", kind="mask|active|upstream|sign|linear")
def jax_relu_mask_of_dy(arguments, dy):
    return (jnp.where(dy > 0, dy, 0),)


@wrong(relu, "x", kind="clip|linear|upstream|large")
def jax_relu_clipped(arguments, dy):
    return (jnp.clip(relu_backward(arguments, dy)[0], -1, 1),)


@wrong(silu, "x", kind="term|derivative|missing")
def jax_silu_without_a_term(arguments, dy):
    return (dy * jax.nn.sigmoid(arguments[0]),)


@wrong(silu, "x", kind="1 - |term|derivative")
def jax_silu_half_a_slope(arguments, dy):
    (x,) = arguments
    return (dy * (jax.nn.sigmoid(x) + x * jax.nn.sigmoid(x)),)


@wrong(cross_entropy, "x", kind="sum over|ratio 4|mean")
def jax_cross_entropy_not_divided(arguments, dy):
    return (cross_entropy_backward(arguments, dy)[0] * len(arguments[0]),)


@wrong(cross_entropy, "x", kind="upstream|dy|ignored")
def jax_cross_entropy_upstream_ignored(arguments, dy):
    return cross_entropy_backward(arguments, jnp.ones_like(dy))


@wrong(layer_norm, "x", kind="mean is missing")
def jax_layer_norm_without_dmean(arguments, dy):
    return layer_norm_backward(arguments, dy, mean=0)


@wrong(layer_norm, "gamma", "beta", kind="swap|order|exchang|shift|scale")
def jax_layer_norm_dbeta_before_dgamma(arguments, dy):
    dx, dgamma, dbeta = layer_norm_backward(arguments, dy)
    return dx, dbeta, dgamma


@wrong(rms_norm, "x", kind="constant|term|missing|depends")
def jax_rms_norm_root_detached(arguments, dy):
    return rms_norm_backward(arguments, dy, along=0)


@wrong(rms_norm, "x", "gamma", kind="epsilon|eps")
def jax_rms_norm_eps_forgotten(arguments, dy):
    return rms_norm_backward(arguments, dy, epsilon=0)


@wrong(unit_vectors, "x", kind="constant|term|projection|missing|depends")
def jax_unit_vectors_without_projection(arguments, dy):
    return unit_vectors_backward(arguments, dy, along=0)


@wrong(unit_vectors, "x", kind="sign|term|projection")
def jax_unit_vectors_projection_added(arguments, dy):
    return unit_vectors_backward(arguments, dy, along=-1)


@wrong(conv, "x", kind="rotat|180|flip|turned")
def jax_conv_filters_not_rotated(arguments, dy):
    return conv_backward(arguments, dy, turn=lambda w: w)


@wrong(conv, "w", kind="rotat|180|flip|turned")
def jax_conv_dw_rotated(arguments, dy):
    dx, dw = conv_backward(arguments, dy)
    return dx, dw[:, :, ::-1, ::-1]


@wrong(max_pool, "x", kind="cell|won|winner|maxim|largest")
def jax_max_pool_to_all_cells(arguments, dy):
    return (dy.repeat(2, 2).repeat(2, 3),)


@wrong(max_pool, "x", kind="first cell")
def jax_max_pool_to_the_first_cell(arguments, dy):
    return (jnp.zeros_like(arguments[0]).at[:, :, ::2, ::2].set(dy),)


@wrong(attention, "q", "k", kind="Jacobian|term|softmax|sum|inner|missing")
def jax_attention_softmax_without_its_sum(arguments, dy):
    return attention_backward(arguments, dy, inner=0)


@wrong(attention, "k", kind="ratio 2|sqrt|scale|factor 2")
def jax_attention_dk_not_scaled(arguments, dy):
    dq, dk, dv = attention_backward(arguments, dy)
    return dq, 2 * dk, dv
