"""Kernels that do in one pass what takes NumPy several; compiled by numba, of the extra `[fast]`.

Every function gives the bits of its NumPy counterpart, to which the tests hold it, so that whether
numba is there changes no result. It is compiled when this module is first imported, and kept on
disk. Reached through `accelerated.kernels()`.
"""

from __future__ import annotations

from numba import njit

from cnnrun.engine.types import Array

__all__ = ["largest_of_pairs", "max_pool_2x2_backward", "momentum_step", "relu_gradient"]


def _compiled(*signatures: str):  # type: ignore[no-untyped-def]
    """Compile for float32 and float64, which stand for T in the signatures; no lock is held."""
    types = [each.replace("T", real) for each in signatures for real in ("float32", "float64")]
    return njit(types, nogil=True, cache=True)


IMAGES = "T[:, :, :, ::1]"


@_compiled(f"void({IMAGES}, {IMAGES}, uint8[:, :, :, ::1])")
def largest_of_pairs(x: Array, y: Array, winner: Array) -> None:
    """Write the largest of every 2x2 cells to y, and which of the four it was to winner.

    On a tie the first wins. Where one is NaN, y is NaN and the winner any.

    Args:
        x: `(N, H, W, C)`; an odd last row or column is left out.
        y: `(N, H // 2, W // 2, C)`.
        winner: like y.
    """
    samples, high, wide, channels = y.shape
    for n in range(samples):
        for i in range(high):
            for j in range(wide):
                for c in range(channels):
                    best, tap = x[n, 2 * i, 2 * j, c], 0
                    one = x[n, 2 * i, 2 * j + 1, c]
                    two = x[n, 2 * i + 1, 2 * j, c]
                    three = x[n, 2 * i + 1, 2 * j + 1, c]
                    if one > best or one != one:
                        best, tap = one, 1
                    if two > best or two != two:
                        best, tap = two, 2
                    if three > best or three != three:
                        best, tap = three, 3
                    y[n, i, j, c] = best
                    winner[n, i, j, c] = tap


@_compiled(f"void({IMAGES}, uint8[:, :, :, ::1], {IMAGES})")
def max_pool_2x2_backward(dy: Array, winner: Array, dx: Array) -> None:
    """Write every error to the cell of its 2x2 that won, and 0 to the others.

    Args:
        dy: `(N, H // 2, W // 2, C)`.
        winner: like dy.
        dx: `(N, H, W, C)`.
    """
    samples, high, wide, channels = dy.shape
    zero = dy.dtype.type(0)
    for n in range(samples):
        for i in range(high):
            for j in range(wide):
                for tap in range(4):  # a loop for each: compilers make vectors of single stores
                    into = dx[n, 2 * i + tap // 2, 2 * j + tap % 2]
                    for c in range(channels):
                        into[c] = dy[n, i, j, c] if winner[n, i, j, c] == tap else zero
        dx[n, 2 * high :] = 0
        dx[n, :, 2 * wide :] = 0


@_compiled("void(T[::1], T[::1], T[::1])")
def relu_gradient(y: Array, dy: Array, dx: Array) -> None:
    """Write dx: dy where y > 0, and dy times 0 elsewhere, which is NaN for an infinite error.

    Args:
        y: `(n,)`, what ReLU returned.
        dy: `(n,)`.
        dx: `(n,)`.
    """
    one, zero = dy.dtype.type(1), dy.dtype.type(0)
    for i in range(y.size):
        dx[i] = dy[i] * (one if y[i] > 0 else zero)


@_compiled("void(T[::1], T[::1], T[::1], T, T, T)")
def momentum_step(
    p: Array, g: Array, velocity: Array, learning_rate: float, momentum: float, decay: float
) -> None:
    """Change parameters and velocity in place: v = m v + (g + decay p); p = p - lr v.

    Args:
        p: `(n,)`, the parameters.
        g: `(n,)`, their gradient.
        velocity: `(n,)`.
        learning_rate: lr.
        momentum: m.
        decay: 0 leaves the gradient as it is.
    """
    for i in range(p.size):
        change = g[i]
        if decay != 0:
            change = change + decay * p[i]
        change = velocity[i] * momentum + change
        velocity[i] = change
        p[i] -= change * learning_rate
