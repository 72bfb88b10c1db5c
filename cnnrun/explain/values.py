"""The numbers beside the symbols: random ones, or a reader's own, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnnrun.engine.names import format_size
from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError

__all__ = ["checked", "draw", "row_of"]

Shapes = Mapping[str, tuple[int, ...]]


Inputs = Literal["even", "uneven", "uneven and positive"]


def draw(shapes: Shapes, seed: int, inputs: Inputs = "even") -> dict[str, Array]:
    """Return random values with one digit after the point, none 0; no two inputs are equal.

    Args:
        shapes: of the arrays, by name.
        seed: of the values.
        inputs: whether X and z are `even`, 0.1 apart on both sides of 0, or of sizes whose
            distances grow, 0.5, 1, 2, 3.5, ..., with both signs or positive: none is the mean then.
    """
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        if name in ("X", "z"):  # distinct, so that no maximum is tied
            numbers = np.arange(size) - size // 2
            numbers = numbers + (numbers >= 0)
            if inputs != "even":
                numbers = 5 * (1 + np.arange(size) * np.arange(1, size + 1) // 2)
                numbers[1::2] *= 1 if inputs == "uneven and positive" else -1
            values = rng.permutation(numbers) / 10
        elif name == "t":  # one class is right
            values = np.eye(size)[rng.integers(size)]
        else:
            signs = [1] if name == "gamma" else [-1, 1]
            values = rng.integers(1, 21, size) * rng.choice(signs, size) / 10
        arrays[name] = values.reshape(shape).astype(np.float64)
    return arrays


def checked(shapes: Shapes, values: Mapping[str, npt.ArrayLike]) -> dict[str, Array]:
    """Return given arrays in float64 and in their full shapes.

    Raises:
        ConfigError: an array is missing, unknown, of another shape or not of finite numbers.
    """
    values = {"dL/dO" if name == "dO" else name: value for name, value in values.items()}
    if unknown := sorted(values.keys() - shapes.keys()):
        raise ConfigError(
            f"values: {', '.join(unknown)} is none of the arrays here: {', '.join(shapes)}"
        )
    arrays = {}
    for name, shape in shapes.items():
        if name not in values:
            raise ConfigError(f"values: {name} is missing; it has the shape {_shape(shape)}")
        try:
            array = np.array(values[name], np.float64)
        except (TypeError, ValueError):
            raise ConfigError(f"values: {name} is not an array of numbers") from None
        squeezed = tuple(size for size in shape if size > 1)
        if array.shape != shape and tuple(s for s in array.shape if s > 1) != squeezed:
            raise ConfigError(
                f"values: {name} has the shape {_shape(array.shape)}, expected {_shape(shape)}"
            )
        if not np.isfinite(array).all():
            raise ConfigError(f"values: {name} has a value that is not finite")
        arrays[name] = array.reshape(shape)
    return arrays


def row_of(array: Array) -> str:
    """Return an array as nested lists, with short numbers; axes of length 1 at the end left out."""
    while array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]

    def write(part: Any) -> str:
        if isinstance(part, list):
            return f"[{', '.join(map(write, part))}]"
        return f"{part:g}"

    return write(array.tolist())


def _shape(shape: tuple[int, ...]) -> str:
    return format_size(shape) or "one number"
