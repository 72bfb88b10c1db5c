"""What the inputs of a function are drawn from: sizes, and a kind where they are not any numbers.

4x3x7x7             float64, about unit size, of either sign, all different
10                  a vector; 1 one number in an array; `()` a number
8x5:positive        above zero, as a logarithm, a root or a variance needs
10:0..9             integers from 0 to 9, such as labels or token numbers; they have no gradient
x.npy, x.npz:key    the numbers of a file, besides drawn ones of the same shape
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.engine.types import Array, Shape
from cnnrun.errors import ConfigError
from cnnrun.gradcheck.points.point import distinct

__all__ = ["Input", "read_input", "read_inputs"]

EXAMPLES = "sizes such as 4x3x7x7, 5x4:positive, labels 10:0..9, or a file x.npy"


@dataclass(frozen=True)
class Input:
    """One argument of a function.

    Attributes:
        shape: of the array.
        kind: `float`, `positive`, or `integer`.
        low, high: of integers, both included.
        given: numbers to check at, besides drawn ones.
    """

    shape: Shape
    kind: str = "float"
    low: int = 0
    high: int = 0
    given: Array | None = None

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient with respect to it makes sense."""
        return self.kind != "integer"

    def draw(self, rng: np.random.Generator, scale: float = 1.0) -> Array:
        """Return random values: no tie, no zero, no symmetry that could hide a mistake."""
        if self.kind == "integer":
            return rng.integers(self.low, self.high + 1, self.shape)
        values = scale * distinct(self.shape, rng)
        return np.abs(values) + 0.05 * scale if self.kind == "positive" else values


def read_inputs(specs: Mapping[str, Any]) -> dict[str, Input]:
    """Return the inputs that a mapping from names describes.

    Raises:
        ConfigError: one cannot be read; the message says what would be right.
    """
    if not specs:
        raise ConfigError(f"a function needs inputs: name each with its sizes, {EXAMPLES}")
    return {name: read_input(name, spec) for name, spec in specs.items()}


def read_input(name: str, spec: Any) -> Input:
    """Return one input: from text, sizes, or an array, whose own numbers are then checked at too.

    Raises:
        ConfigError: it cannot be read.
    """
    if isinstance(spec, Input):
        return spec
    if isinstance(spec, np.ndarray | float | np.floating):
        return _given(name, np.asarray(spec))
    if isinstance(spec, bool) or not isinstance(spec, int | str | list | tuple):
        raise ConfigError(f"input {name}: {spec!r}: expected {EXAMPLES}")
    if isinstance(spec, int):
        spec = (spec,)
    if isinstance(spec, list | tuple):
        if not all(isinstance(size, int) and not isinstance(size, bool) for size in spec):
            raise ConfigError(f"input {name}: {spec!r}: sizes are whole numbers, as in [4, 3, 7]")
        return _sized(name, tuple(spec))
    text = spec.strip()
    if re.search(r"\.np[yz](:|$)", text):
        return _given(name, _load(name, text))
    sizes, _, kind = text.partition(":")
    sizes = sizes.replace(" ", "").removeprefix("(").removesuffix(")").replace(",", "x")
    sizes = sizes.strip("x").lower()
    if not re.fullmatch(r"(\d+(x\d+)*)?", sizes):
        raise ConfigError(f"input {name}={text}: expected {EXAMPLES}")
    shape = tuple(int(size) for size in sizes.split("x") if size)
    bounds = re.fullmatch(r"\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*", kind)
    if bounds:
        low, high = map(int, bounds.groups())
        if low > high:
            raise ConfigError(f"input {name}={text}: {low} is above {high}")
        return Input(_sized(name, shape).shape, "integer", low, high)
    if kind.strip() not in ("", "float", "positive"):
        raise ConfigError(
            f"input {name}={text}: '{kind}' is no kind; it is 'positive', or a range of integers "
            "such as 0..9"
        )
    return Input(_sized(name, shape).shape, kind.strip() or "float")


def _sized(name: str, shape: Shape) -> Input:
    if any(size < 1 for size in shape):
        raise ConfigError(f"input {name}: sizes are at least 1, not {shape}")
    return Input(shape)


def _given(name: str, array: Array) -> Input:
    if not array.size:
        raise ConfigError(f"input {name}: the array of shape {array.shape} is empty")
    if array.dtype.kind in "iu":
        return Input(array.shape, "integer", int(array.min()), int(array.max()), array)
    if array.dtype.kind == "b":
        return Input(array.shape, "integer", 0, 1, array)
    if array.dtype.kind != "f":
        raise ConfigError(f"input {name}: an array of {array.dtype}; numbers are expected")
    if not np.isfinite(array).all():
        raise ConfigError(f"input {name}: the array has values that are not finite")
    kind = "positive" if (array > 0).all() else "float"
    return Input(array.shape, kind, given=array.astype(np.float64))


def _load(name: str, text: str) -> Array:
    """Return an array of a .npy or .npz file, never unpickling anything."""
    path, key = re.split(r"(?<=\.np[yz])(?::|$)", text, maxsplit=1)
    if not Path(path).is_file():
        raise ConfigError(f"input {name}: there is no file {path}")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if not key and len(loaded.files) == 1:
                key = loaded.files[0]
            if key not in loaded.files:
                raise ConfigError(
                    f"input {name}: {path} has {', '.join(loaded.files)}; name one, as in "
                    f"{path}:{loaded.files[0] if loaded.files else 'x'}"
                )
            return np.asarray(loaded[key])
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"input {name}: {path} cannot be read: {error}") from None
