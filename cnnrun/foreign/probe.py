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

ROUNDS = 6
"""Of calls that get ready for a comparison: one for each step that a kink may ask for."""


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
        self._is_asking = False
        self._asked: list[dict[str, Array]] = []
        self._asked_back: list[tuple[dict[str, Array], Array]] = []
        self._known: dict[bytes, Outcome] = {}
        self._known_back: dict[bytes, dict[str, Array]] = {}
        self._base: list[Array] = []

    def point(self) -> dict[str, Array]:
        """Return copies of all inputs, the moved ones where they stand now."""
        return {name: self.values.get(name, array).copy() for name, array in self.inputs.items()}

    def forward(self) -> Outcome:
        if self._known:
            known = self._known.get(self._key(self.values))
            if known is not None:
                return known
        if self._is_asking:
            self._asked.append(self.point())
            return self._outcome(self._base)
        return self._outcome(self.function.call(self.point()).outputs)

    def backward(self, upstream: Array) -> dict[str, Array]:
        if self._known_back:
            known = self._known_back.get(self._key(self.values) + upstream.tobytes())
            if known is not None:
                return {name: gradient.copy() for name, gradient in known.items()}
        if self._is_asking:
            self._asked_back.append((self.point(), upstream.copy()))
            return {name: np.zeros_like(array) for name, array in self.values.items()}
        call = self.function.call(self.point())
        return self._gradients(call.backward(split(upstream, call.outputs)))

    def prepare(self, run: Callable[[], object]) -> None:
        """Run all points that `run` would ask for in one call, where calls are dear.

        Where it asks for others once it knows these, as for a smaller step at a kink, those of
        each round are run in one call.
        """
        self._known, self._known_back = {}, {}
        if not self.function.pays_by_call:
            return
        self._base = self.function.call(self.point()).outputs
        for _ in range(ROUNDS):
            self._asked, self._asked_back = [], []
            self._is_asking = True
            try:
                run()
            finally:
                self._is_asking = False
            if not self._asked and not self._asked_back:
                break
            self._answer()

    def _answer(self) -> None:
        """Run what was asked for, forward and backward passes in one call each."""
        outputs = self.function.call_many(self._asked)
        for point, own in zip(self._asked, outputs, strict=True):
            self._known[self._key(point)] = self._outcome(own)
        points = [point for point, _ in self._asked_back]
        upstreams = [split(upstream, self._base) for _, upstream in self._asked_back]
        gradients = self.function.backward_many(points, upstreams)
        for (point, upstream), own_gradients in zip(self._asked_back, gradients, strict=True):
            key = self._key(point) + upstream.tobytes()
            self._known_back[key] = self._gradients(own_gradients)

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

    def _gradients(self, gradients: Mapping[str, Array]) -> dict[str, Array]:
        return {name: np.array(gradients[name], np.float64) for name in self.values}

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
