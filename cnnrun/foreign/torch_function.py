"""What is written for PyTorch: a Function, a Module with its parameters, a function of tensors.

Forward and backward run through autograd, as in training: hooks, nodes around a Function and
gradients that are added up count. Arrays go in and come out in float64; where a kernel computes in
float32 alone, differences are taken of a float64 reference, or with steps that suit float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.foreign.function import Call, FaultError, ForeignFunction, guarded
from cnnrun.foreign.inputs import Input
from cnnrun.foreign.narrowing import is_narrowed
from cnnrun.foreign.reference import TorchReference
from cnnrun.foreign.torch_callee import Callee, import_torch
from cnnrun.foreign.torch_faults import array_of, flowing_outputs, narrow_words, refused
from cnnrun.gradcheck.precision import SINGLE, SINGLE_CLAIM

__all__ = ["TorchFunction"]

SINGLE_NOTE = (
    "in float32 numerical derivatives are good to about 1e-4: an element that is wrong by less "
    f"than {SINGLE.tolerance:g} of its size is not seen; with a forward in float64 "
    f"(--reference NAME), {SINGLE_CLAIM.tolerance:g}"
)


class TorchFunction(ForeignFunction):
    """Something of PyTorch's, called with arrays."""

    def __init__(
        self,
        thing: Callee,
        checked: Sequence[str],
        *,
        device: str = "cpu",
        dtype: str = "float64",
        reference: TorchReference | None = None,
        where: str = "",
    ) -> None:
        """Take what is called.

        Args:
            thing: what is called, with all inputs by name.
            checked: the inputs that have a gradient.
            device: where it runs.
            dtype: what it computes in, `float64` or `float32`.
            reference: a forward in float64 of which differences are taken instead.
            where: the file that it comes from, for the report's heading.
        """
        title = thing.name + (f" of {where}" if where else "")
        super().__init__(thing.name, title, tuple(checked))
        if dtype == "float32":
            self.precision = SINGLE_CLAIM if reference else SINGLE
            self.notes = () if reference else (SINGLE_NOTE,)
        self._torch = import_torch()
        self._callee, self._reference = thing, reference
        self._device, self._dtype = device, getattr(self._torch, dtype)
        self.is_repeatable = device == "cpu"
        self._is_held = reference is None
        self._ignored: dict[str, bool] = {}

    def call(self, inputs: dict[str, Array]) -> Call:
        torch = self._torch
        leaves = {name: self._leaf(name, array) for name, array in inputs.items()}
        handed = {name: leaf.clone() for name, leaf in leaves.items()}
        nodes = {name: tensor.grad_fn for name, tensor in handed.items()}
        devices: list[str] = [] if self._device == "cpu" else [self._device]
        with (
            guarded(self.name, self.printed, is_frozen=self.is_frozen),
            torch.random.fork_rng(devices=devices, enabled=self.is_frozen),
            torch.enable_grad(),
        ):
            if self.is_frozen:
                torch.manual_seed(0)
            result = self._callee.run(handed)
        for name, leaf in leaves.items():
            if handed[name].grad_fn is nodes[name] and not torch.equal(handed[name], leaf):
                raise FaultError(
                    f"forward writes into its input {name}, which autograd does not see: work on "
                    f"a copy, as in {name}.clone(), or call ctx.mark_dirty({name})"
                )
        tensors = flowing_outputs(self.name, result, self._dtype)
        outputs = [array_of(tensor) for tensor in tensors]
        floats = [array for array in inputs.values() if array.dtype == np.float64]
        if self._dtype == torch.float64 and is_narrowed(outputs, floats):
            raise FaultError(narrow_words(f"{self.name} computes", "its inputs are"))
        if self._reference is not None:
            outputs = self._referred(inputs, outputs)
        kept = {name: tensor.detach().clone() for name, tensor in handed.items()}

        def backward(upstream: list[Array]) -> dict[str, Any]:
            gradients = self._derived(tensors, leaves, upstream)
            for name, tensor in handed.items():
                if not torch.equal(tensor, kept[name]):
                    raise FaultError(
                        f"backward writes into {name}: work on a copy, as in {name}.clone()"
                    )
            for name, gradient in gradients.items():
                if gradient is None and self._ignores(name, inputs, outputs):
                    gradients[name] = np.zeros(inputs[name].shape)
            return gradients

        return Call(outputs, backward)

    def unused(self, inputs: Mapping[str, Input], names: Sequence[str]) -> list[str]:
        """Return which of these inputs no output depends on; none where forward fails."""
        rng = np.random.default_rng(0)
        point = {name: one.draw(rng) for name, one in inputs.items()}
        try:
            outputs = self.call(point).outputs
            return [name for name in names if self._ignores(name, point, outputs)]
        except FaultError:  # which the check will tell
            return []

    def _leaf(self, name: str, array: Array) -> Any:
        """Return an input as a tensor, to which gradients flow if it is checked."""
        kind = self._dtype if array.dtype.kind == "f" else self._torch.int64
        leaf = self._torch.tensor(array, dtype=kind, device=self._device)
        return leaf.requires_grad_(name in self.checked)

    def _derived(
        self, tensors: list[Any], leaves: dict[str, Any], upstream: list[Array]
    ) -> dict[str, Any]:
        """Return the gradients of what is checked, None where none arrives."""
        torch = self._torch
        douts = [self._dout(array) for array in upstream]
        kept = [dout.clone() for dout in douts]
        wanted = [leaves[name] for name in self.checked]
        shapes = {name: tuple(leaves[name].shape) for name in self.checked}
        with guarded(f"backward of {self.name}", self.printed):
            try:
                gradients = torch.autograd.grad(
                    tensors, wanted, douts, retain_graph=True, allow_unused=True
                )
            except RuntimeError as error:
                raise refused(error, shapes) or error from error
        if not all(torch.equal(one, other) for one, other in zip(douts, kept, strict=True)):
            raise FaultError(
                "backward writes into grad_output: work on a copy, as in grad_output.clone()"
            )
        own = {
            name: None if gradient is None else array_of(gradient)
            for name, gradient in zip(self.checked, gradients, strict=True)
        }
        # with zeros upstream, as in the patterns of some stages, a gradient may be a stored number
        is_telling = self._dtype == torch.float64 and all(map(np.all, upstream))
        for name, array in own.items():
            if array is not None and is_telling and is_narrowed([array], upstream):
                raise FaultError(narrow_words(f"backward computes d{name}", "grad_output is"), name)
        return own

    def _dout(self, array: Array) -> Any:
        """Return an upstream gradient, as contiguous in memory as the array is."""
        dout = self._torch.tensor(array, dtype=self._dtype, device=self._device)
        if array.flags.c_contiguous:
            return dout
        return self._torch.stack((dout, self._torch.zeros_like(dout)), -1)[..., 0]

    def _ignores(self, name: str, inputs: dict[str, Array], outputs: list[Array]) -> bool:
        """Return whether outputs do not depend on an input, so that None is a right gradient."""
        if name not in self._ignored:
            moved = {**inputs, name: 1.375 * inputs[name] + 0.11}
            again = self.call(moved).outputs
            self._ignored[name] = all(map(np.array_equal, outputs, again))
        return self._ignored[name]

    def _referred(self, inputs: dict[str, Array], own: list[Array]) -> list[Array]:
        """Return the reference's outputs; held against the kernel's own the first time."""
        assert self._reference is not None
        if not self._is_held:
            rounded = {
                name: array.astype(np.float32).astype(np.float64)
                if array.dtype.kind == "f"
                else array
                for name, array in inputs.items()
            }
            self._reference.hold(self.name, own, self._reference.outputs(rounded))
            self._is_held = True
        return self._reference.outputs(inputs)
