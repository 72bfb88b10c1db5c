"""What the corpus is made of: a forward and its backward, and where to check them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

__all__ = ["Mistake", "Pair"]


@dataclass(frozen=True)
class Pair:
    """A forward and its backward, and numbers to check them at.

    Attributes:
        name: of what is computed.
        family: of layers that it belongs to.
        forward: called with the inputs and then the constants, all by position.
        backward: called as `shape` says; None where forward itself returns the gradient.
        inputs: by name, in forward's order: a shape is filled with random numbers, an array is
            taken as it is. Integers have no gradient.
        constants: by name, in forward's order, after the inputs.
        shape: what the functions hand each other. `cache`: `forward -> (out, cache)` and
            `backward(dout, cache)`; `inputs`: `forward -> out` and
            `backward(dout, *inputs, *constants)`; `loss`: `forward -> (loss, gradient of the first
            input)`.
        outputs: how many arrays forward returns before the cache, and backward takes.
    """

    name: str
    family: str
    forward: Callable[..., Any]
    backward: Callable[..., Any] | None
    inputs: dict[str, Any]
    constants: dict[str, Any] = field(default_factory=dict)
    shape: Literal["cache", "inputs", "loss"] = "cache"
    outputs: int = 1

    def draw(self, seed):
        """Return the inputs, by name, as float64 or integer arrays of the caller's own."""
        rng = np.random.default_rng(seed)
        return {
            name: rng.normal(size=given) if isinstance(given, tuple) else np.array(given)
            for name, given in self.inputs.items()
        }

    @property
    def with_gradient(self):
        """The names of the inputs that have a gradient, in the order in which backward has them."""
        return [name for name, array in self.draw(0).items() if array.dtype.kind == "f"]

    def run(self, inputs):
        """Return forward's outputs as a tuple, and its cache (a loss's gradient, or the inputs)."""
        constants = copy.deepcopy(self.constants)
        returned = self.forward(*inputs.values(), *constants.values())
        if self.shape == "inputs":
            return (returned,), [*inputs.values(), *constants.values()]
        return returned[: self.outputs], returned[self.outputs]

    def gradients(self, upstream, cache):
        """Return the gradients by name, None for one that is missing.

        `upstream` has an array for each output.
        """
        if self.shape == "loss":
            return {self.with_gradient[0]: cache * upstream[0]}
        more = cache if self.shape == "inputs" else [cache]
        returned = self.backward(*upstream, *more)
        if not isinstance(returned, tuple):
            returned = (returned,)
        named = zip(self.with_gradient, returned, strict=False)
        return dict.fromkeys(self.with_gradient) | dict(named)

    def wrong(self, *guilty, kind, part=None, **changes):
        """Return a decorator that makes a Mistake of a wrong function.

        Args:
            guilty: the tensors whose gradient it gets wrong.
            kind: see `Mistake`.
            part: which function it is, `forward` or `backward`; a loss has only the first.
            changes: of this pair's other attributes, such as `inputs` or `forward`.
        """

        def decorate(function):
            own = {name: getattr(self, name) for name in self.__dataclass_fields__}
            own[part or ("forward" if self.shape == "loss" else "backward")] = function
            own["name"] = function.__name__
            return Mistake(**own | changes, guilty=guilty, kind=kind)

        return decorate


@dataclass(frozen=True)
class Mistake(Pair):
    """A pair with a mistake in it.

    Attributes:
        guilty: the tensors that are answered wrongly, the first of forward's order first. A
            backward that writes into its upstream gradient has `dout` there, a forward that writes
            into an input that input.
        kind: a regular expression for the words of a diagnosis that names the mistake.
    """

    guilty: tuple[str, ...] = ()
    kind: str = ""
