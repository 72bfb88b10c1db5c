"""A function written elsewhere, with its backward pass, seen as arrays in and arrays out.

Its kinds (a pair of Python functions, PyTorch, JAX, a program) differ in how they are called alone.
User code runs inside `guarded`, so that what it prints is caught and `sys.exit` ends nothing.
"""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import GradientError
from cnnrun.gradcheck.precision import DOUBLE, Precision
from cnnrun.gradcheck.report.findings import describe_crash

__all__ = ["Call", "FaultError", "ForeignFunction", "guarded", "is_float"]


class FaultError(GradientError):
    """What a function written elsewhere does wrong, in a sentence that says what to change.

    Attributes:
        tensor: whose gradient it is about; None where that is not the question.
    """

    def __init__(self, message: str, tensor: str | None = None) -> None:
        super().__init__(message)
        self.tensor = tensor


@dataclass(frozen=True)
class Call:
    """One forward pass and the backward passes that may follow it.

    Attributes:
        outputs: float arrays.
        backward: from an upstream gradient for each output to a gradient by the input's name.
    """

    outputs: list[Array]
    backward: Callable[[list[Array]], dict[str, Any]]


@dataclass
class ForeignFunction:
    """A forward and a backward pass under test.

    Attributes:
        name: under which results are reported, that of the backward pass where it has one.
        title: what is checked, for the report's heading.
        checked: the inputs that have a gradient, in order.
        precision: how exactly both compute.
        is_frozen: whether the global random generators are set to a seed before each forward.
        is_repeatable: whether the same call gives the same bits; a GPU may add up in any order.
        notes: what a reader of the report should know.
        printed: what the user's code has printed since this was emptied.
        forward_name: what messages call the forward pass; by default the name.
    """

    name: str
    title: str
    checked: tuple[str, ...]
    precision: Precision = DOUBLE
    is_frozen: bool = False
    is_repeatable: bool = True
    notes: tuple[str, ...] = ()
    printed: list[str] = field(default_factory=list)
    forward_name: str = ""

    def call(self, inputs: dict[str, Array]) -> Call:
        """Run forward on these arrays, which it may keep.

        Raises:
            FaultError: it crashes, or returns what cannot be checked.
        """
        raise NotImplementedError

    def call_many(self, points: Sequence[dict[str, Array]]) -> list[list[Array]]:
        """Return the outputs at several points, one after the other or at once."""
        return [self.call(point).outputs for point in points]

    def backward_many(
        self, points: Sequence[dict[str, Array]], upstreams: Sequence[list[Array]]
    ) -> list[dict[str, Any]]:
        """Return the gradients at several points, each for upstream gradients of its own."""
        pairs = zip(points, upstreams, strict=True)
        return [self.call(point).backward(upstream) for point, upstream in pairs]

    @property
    def pays_by_call(self) -> bool:
        """Whether one call with many points is far cheaper than many calls."""
        return False

    def constants(self) -> dict[str, Any]:
        """Return what is handed in besides the inputs; they often tell a layer's options."""
        return {}


@contextlib.contextmanager
def guarded(
    what: str, printed: list[str] | None = None, *, is_frozen: bool = False
) -> Iterator[None]:
    """Run user code: its prints are caught, any way of failing becomes a `FaultError`.

    Args:
        what: the function's name, for the message.
        printed: receives what it prints.
        is_frozen: set the global random generators to a seed first.
    """
    states = (random.getstate(), np.random.get_state()) if is_frozen else None
    out = io.StringIO()
    try:
        if is_frozen:
            random.seed(0)
            np.random.seed(0)
        with contextlib.redirect_stdout(out), np.errstate(all="ignore"):
            yield
    except FaultError:
        raise
    except SystemExit as error:
        raise FaultError(f"{what} calls sys.exit({error.code}): return or raise instead") from None
    except Exception as error:
        raise FaultError(f"{what} crashes: {describe_crash(error)}") from error
    finally:
        if states is not None:
            random.setstate(states[0])
            np.random.set_state(states[1])
        if printed is not None and out.tell():
            printed.append(out.getvalue())


def is_float(array: Array) -> bool:
    """Return whether an array can have a gradient at all."""
    return bool(array.dtype.kind == "f")
