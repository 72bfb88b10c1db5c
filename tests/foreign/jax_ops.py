"""Derivatives written for JAX: right ones, and wrong ones that the tests name."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

TWO = jnp.array([2.0])  # float32 unless the file is read with 64-bit numbers


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def pick(table, rows, power):
    """Rows of a table by number, times a power; and their sums."""
    return table[rows] ** power, table[rows].sum(1)


def pick_forward(table, rows, power):
    return pick(table, rows, power), (table, rows)


def pick_backward(power, kept, upstream):
    table, rows = kept
    dy, dsum = upstream
    each = dy * power * table[rows] ** (power - 1) + dsum[:, None]
    return jnp.zeros_like(table).at[rows].add(each), None


pick.defvjp(pick_forward, pick_backward)


@jax.custom_jvp
def softplus(x, w):
    return TWO * jnp.logaddexp(0, x * w)


@softplus.defjvp
def softplus_tangent(primals, tangents):
    x, w = primals
    dx, dw = tangents
    return softplus(x, w), TWO * jax.nn.sigmoid(x * w) * (dx * w + dw * x)


@jax.custom_jvp
def softplus_wrong(x, w):
    return jnp.logaddexp(0, x * w)


@softplus_wrong.defjvp
def softplus_wrong_tangent(primals, tangents):
    x, w = primals
    dx, dw = tangents
    return softplus_wrong(x, w), jax.nn.sigmoid(x * w) * (dx * w + 2 * dw * x)


def with_rule(name, forward, rule, backward):
    function = jax.custom_vjp(forward)
    function.defvjp(rule, backward)
    function.__name__ = name
    return function


def double(x):
    return 2 * x + x**2


def kept(x):
    return double(x), x


other_rule = with_rule("other_rule", double, lambda x: (3 * x, x), lambda x, dy: (3 * dy,))
wrong_shape = with_rule("wrong_shape", double, kept, lambda x, dy: (dy.sum(0),))
crash = with_rule("crash", double, kept, lambda x, dy: (x @ dy,))
no_gradient = with_rule("no_gradient", double, kept, lambda x, dy: (None,))


def narrow(x):
    return x.astype(jnp.float32) ** 2


def narrow_hidden(x):
    return (x.astype(jnp.float32) ** 2).astype(x.dtype)


def nothing(x):
    print("here")
