"""A function written elsewhere as a probe, which the stages of the check move and differentiate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnrun.engine import Layer, Loss
from cnnrun.engine.types import Array
from cnnrun.foreign.function import ForeignFunction
from cnnrun.gradcheck.points.probes import Outcome, Probe

__all__ = ["ForeignProbe"]


class ForeignProbe(Probe):
    """A foreign function at a point; several outputs are seen as one, laid end to end.

    Attributes:
        function: under test.
        inputs: all of them, as they were handed in.
        translate: shows a comparison as one of our layer's that the function is like; None without.
        like, layout: that layer or loss, and how the function's images lie.
    """

    is_linear = True

    def __init__(self, function: ForeignFunction, inputs: Mapping[str, Array]) -> None:
        """Take the function and all its inputs by name, those without a gradient too."""
        self.function = function
        self.name = function.name
        self.precision = function.precision
        self.inputs = dict(inputs)
        self.values = {name: np.array(self.inputs[name], np.float64) for name in function.checked}
        self.main = function.checked[0]
        self.translate: Callable[[Any], Any] | None = None
        self.like: Layer | Loss | None = None
        self.layout: str | None = None
        self._asked: list[dict[str, Array]] | None = None
        self._known: dict[bytes, Outcome] = {}
        self._base: Outcome | None = None

    def point(self) -> dict[str, Array]:
        """Return copies of all inputs, the moved ones where they stand now."""
        return {name: self.values.get(name, array).copy() for name, array in self.inputs.items()}

    def forward(self) -> Outcome:
        if self._asked is not None and self._base is not None:
            self._asked.append(self.point())
            return self._base
        if self._known:
            known = self._known.get(self._key(self.values))
            if known is not None:
                return known
        return self._outcome(self.function.call(self.point()).outputs)

    def backward(self, upstream: Array) -> dict[str, Array]:
        call = self.function.call(self.point())
        gradients = call.backward(split(upstream, call.outputs))
        return {name: np.array(gradients[name], np.float64) for name in self.values}

    def prepare(self, run: Callable[[], object]) -> None:
        """Run all points that `run` would ask for in one call, where calls are dear."""
        self._known = {}
        if not self.function.pays_by_call:
            return
        self._base = self.forward()
        self._asked = []
        try:
            run()
            asked = self._asked
        finally:
            self._asked = None
        outputs = self.function.call_many(asked)
        self._known = {
            self._key(point): self._outcome(own) for point, own in zip(asked, outputs, strict=True)
        }

    def familiar(self, tensor: Any) -> Any:
        return tensor if self.translate is None else self.translate(tensor)

    def with_samples(self, samples: int) -> ForeignProbe | None:
        """Return the function on so many samples: whatever has the first size of the main input."""
        main = self.values[self.main]
        outputs = self.function.call(self.point()).outputs
        if main.ndim < 1 or not (outputs[0].ndim == 0 or len(outputs[0]) == len(main)):
            return None
        inputs = {**self.inputs, **self.values}
        more = {
            name: np.resize(array, (samples, *array.shape[1:]))
            if array.ndim and len(array) == len(main)
            else array
            for name, array in inputs.items()
        }
        return ForeignProbe(self.function, more)

    def _key(self, point: Mapping[str, Array]) -> bytes:
        return b"".join(point[name].tobytes() for name in self.values)

    def _outcome(self, outputs: list[Array]) -> Outcome:
        y = outputs[0] if len(outputs) == 1 else np.concatenate([o.reshape(-1) for o in outputs])
        return Outcome(np.array(y, np.float64), b"")


def split(upstream: Array, outputs: list[Array]) -> list[Array]:
    """Return the upstream gradient of each output, of the one that they are seen as."""
    if len(outputs) == 1:
        return [upstream.reshape(outputs[0].shape).copy()]
    ends = np.cumsum([output.size for output in outputs])[:-1]
    parts = np.split(upstream, ends)
    return [part.reshape(o.shape).copy() for part, o in zip(parts, outputs, strict=True)]
