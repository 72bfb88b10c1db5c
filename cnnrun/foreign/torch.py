"""From a file and a name, or a thing of PyTorch's, to a function that can be checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cnnrun.errors import ConfigError
from cnnrun.foreign.function import ForeignFunction
from cnnrun.foreign.inputs import Input
from cnnrun.foreign.loading import attribute, load_file, split_place
from cnnrun.foreign.reference import TorchReference
from cnnrun.foreign.torch_callee import callee, import_torch
from cnnrun.foreign.torch_function import TorchFunction

__all__ = ["TorchFunction", "open_torch", "torch_function"]


def open_torch(
    place: str,
    inputs: Mapping[str, Input],
    constants: Mapping[str, Any],
    *,
    no_gradient: Sequence[str] = (),
    device: str = "cpu",
    dtype: str = "float64",
    reference: str | None = None,
) -> tuple[ForeignFunction, dict[str, Input]]:
    """Return what `FILE:NAME` names, and its inputs, a Module's parameters among them.

    Args:
        place: the file and the name in it.
        inputs: by name, in the order of its parameters.
        constants: further arguments, of the constructor for a class of Modules.
        no_gradient: inputs that have none.
        device: `cpu` or `cuda`.
        dtype: `float64`, or `float32` for kernels that compute in nothing else.
        reference: the name of a forward in float64, of torch or NumPy, in the same file.

    Raises:
        ConfigError: PyTorch, the file, the name or the device is missing; arguments do not fit.
    """
    import_torch()
    path, names = split_place(place)
    if len(names) != 1:
        raise ConfigError(f"--torch {place}: name one thing, as in {path}:MyFunction")
    module = load_file(path)
    return torch_function(
        attribute(module, names[0], path),
        inputs,
        constants,
        no_gradient=no_gradient,
        device=device,
        dtype=dtype,
        reference=attribute(module, reference, path) if reference else None,
        name=names[0].removesuffix(".apply"),
        where=path.name,
    )


def torch_function(
    thing: Any,
    inputs: Mapping[str, Input],
    constants: Mapping[str, Any] | None = None,
    *,
    no_gradient: Sequence[str] = (),
    device: str = "cpu",
    dtype: str = "float64",
    reference: Any = None,
    name: str = "",
    where: str = "",
) -> tuple[TorchFunction, dict[str, Input]]:
    """Return a thing of PyTorch's as a function to check, and its inputs; see `open_torch`.

    Raises:
        ConfigError: PyTorch is missing, or arguments do not fit.
    """
    if reference is not None and dtype != "float32":
        raise ConfigError("a reference is for kernels that compute in float32: add --dtype float32")
    _require(device, dtype)
    constants = constants or {}
    own = callee(thing, tuple(inputs), constants, device=device, dtype=dtype, name=name)
    parameters = {word: Input(value.shape, given=value) for word, value in own.parameters.items()}
    everything = {**inputs, **parameters}
    unknown = [name for name in no_gradient if name not in everything]
    if unknown:
        raise ConfigError(
            f"--no-gradient {unknown[0]}: there is no such input; there are {', '.join(everything)}"
        )
    checked = [n for n, i in everything.items() if i.has_gradient and n not in no_gradient]
    other = None
    if reference is not None:
        other = TorchReference(reference, tuple(inputs), own, constants)
    function = TorchFunction(own, checked, device=device, dtype=dtype, reference=other, where=where)
    idle = function.unused(everything, [word for word in checked if word in parameters])
    if idle:
        function.checked = tuple(word for word in checked if word not in idle)
        function.notes += (f"forward does not use {', '.join(idle)}, which is left out",)
    return function, everything


def _require(device: str, dtype: str) -> None:
    """Raise an error where there is no such device or dtype."""
    if dtype not in ("float64", "float32"):
        raise ConfigError(f"--dtype {dtype}: it is float64 or float32")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise ConfigError(f"--device {device}: it is cpu or cuda")
    if device != "cpu" and not import_torch().cuda.is_available():
        raise ConfigError(f"--device {device}: PyTorch sees no CUDA device here; use --device cpu")
