"""What can be wrong with what PyTorch hands back, in words that say what to change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnrun.engine.types import Array, Shape
from cnnrun.foreign.function import FaultError
from cnnrun.foreign.torch_callee import import_torch

__all__ = ["array_of", "flowing_outputs", "narrow_words", "refused"]

WRONG_SHAPE = re.compile(
    r"Function (\w+?)(?:Backward)? returned an invalid gradient at index (\d+) - got \[([\d, ]*)\] "
    r"but expected shape compatible with \[([\d, ]*)\]"
)
WRONG_NUMBER = re.compile(
    r"function (\w+?)(?:Backward)? returned an incorrect number of gradients "
    r"\(expected (\d+), got (\d+)\)"
)


def flowing_outputs(function: str, result: Any, expected: Any) -> list[Any]:
    """Return the outputs through which gradients flow.

    Args:
        function: its name.
        result: what it returns.
        expected: the dtype of its inputs.

    Raises:
        FaultError: there are none, or something else is returned.
    """
    torch = import_torch()
    several = list(result) if isinstance(result, list | tuple) else [result]
    if result is None:
        raise FaultError(f"{function} returns nothing: is its return statement missing?")
    for output in several:
        if output is not None and not isinstance(output, torch.Tensor):
            raise FaultError(
                f"{function} returns a {type(output).__name__} where a tensor is expected"
            )
    tensors = [t for t in several if t is not None and t.is_floating_point()]
    flowing = [tensor for tensor in tensors if tensor.requires_grad]
    if not flowing:
        raise FaultError(
            f"{function} returns no tensor with a grad_fn: the output is cut off from the "
            "inputs (detach, .data, .numpy(), torch.no_grad, or a Function's forward called "
            "without apply)"
        )
    for tensor in flowing:
        dtype = str(tensor.dtype).removeprefix("torch.")
        wanted = str(expected).removeprefix("torch.")
        if tensor.dtype.itemsize < expected.itemsize:
            raise FaultError(
                f"{function} returns {dtype} though its inputs are {wanted}: something in it "
                "makes it so (.float(), dtype=)"
                + ("; if it has to, check it by --dtype float32" * (dtype == "float32"))
            )
    return flowing


def refused(error: RuntimeError, shapes: Mapping[str, Shape]) -> FaultError | None:
    """Return what autograd says about wrong shapes or numbers of gradients, in our words.

    Args:
        error: what it raised.
        shapes: of the inputs that have a gradient.
    """
    match = WRONG_NUMBER.search(str(error))
    if match:
        return FaultError(
            f"backward of {match[1]} returns {match[3]} gradients where its forward has "
            f"{match[2]} arguments: return one for each, None for what has none"
        )
    match = WRONG_SHAPE.search(str(error))
    if match is None:
        return None
    own, wanted = (tuple(map(int, match[i].split(","))) if match[i] else () for i in (3, 4))
    names = [name for name, shape in shapes.items() if shape == wanted]
    return FaultError(
        f"backward of {match[1]} returns a gradient of shape {own} for its argument "
        f"{int(match[2]) + 1}, which has shape {wanted}",
        names[0] if len(names) == 1 else None,
    )


def array_of(tensor: Any) -> Array:
    """Return a copy of a tensor's numbers in float64."""
    dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    return np.array(dense.cpu().double().numpy())


def narrow_words(what: str, source: str) -> str:
    """Return the sentence about float32 where float64 is expected."""
    return (
        f"{what} in float32, though {source} float64: every number is one of float32; leave out "
        ".float(), or check it by --dtype float32"
    )
