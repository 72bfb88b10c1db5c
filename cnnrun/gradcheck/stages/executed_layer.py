"""One layer of a recorded step against float64: its output and its gradients, each to rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from cnnrun.engine import Layer, Pass
from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.step import describe_difference, largest_difference
from cnnrun.gradcheck.report.executed import ExecutedTensor
from cnnrun.gradcheck.report.findings import Finding
from cnnrun.gradcheck.stages.recording import Recording
from cnnrun.gradcheck.stages.reference import Reference
from cnnrun.gradcheck.stages.rounding import UNLUCKY, count_terms, tolerance

__all__ = ["LayerComparison", "compare_tensor"]


def compare_tensor(
    tensor: ExecutedTensor,
    claimed: Sequence[Array],
    right: Sequence[Array],
    term_size: float,
    scale: float = 0.0,
) -> ExecutedTensor | None:
    """Return how far a tensor, in parts, is from what is right; None if that is not finite.

    Args:
        tensor: with its names, its method and its terms.
        claimed: what the step gave.
        right: what float64 gives.
        term_size: how large the terms are, as `rounding` measures them.
        scale: of the numbers it is made of, where a difference of them may be left.
    """
    largest = max(float(np.max(np.abs(array), initial=0.0)) for array in right)
    dtype, method = claimed[0].dtype, tensor.method or "columns"
    allowed = tolerance(tensor.terms, max(largest, scale), term_size, dtype, method)
    if not np.isfinite([largest, allowed]).all():
        return None
    error = largest_difference(claimed, right).value
    return replace(tensor, error=error, tolerance=allowed, largest=largest)


class LayerComparison:
    """Runs one layer in float64 where the step ran it, and says where they differ.

    Attributes:
        tensors: what was compared.
        findings: what is wrong.
        notes: what could not be compared.
    """

    def __init__(
        self,
        name: str,
        layer: Layer,
        path: tuple[int, ...],
        recording: Recording,
        passes: Sequence[Pass],
        rng: np.random.Generator,
    ) -> None:
        """Compare the layer called `name`.

        Args:
            name: its full name.
            layer: in float64; what stands inside it gives what it gave in the recording.
            path: the indices that lead to it.
            recording: of the step.
            passes: one for each shard.
            rng: for the changes by which rounding is measured.
        """
        self._name, self._path, self._recording = name, path, recording
        self.tensors: list[ExecutedTensor] = []
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self._method = recording.program.method(name, layer)
        numbers = range(len(passes))
        self._parts = [tuple(numbers)] if layer.whole_batch else [(n,) for n in numbers]
        self._flows = [recording.flow_through(name, part) for part in self._parts]
        self._passes = [passes[part[0]] for part in self._parts]
        references = self._references(layer, np.dtype(np.float64))
        sizes = [reference.term_sizes(rng) for reference in references]
        samples = sum(len(flow["x"]) for flow in self._flows)
        for tensor in references[0].results:
            shares = [reference.results[tensor] for reference in references]
            right = self._whole(tensor, shares)
            of_parts = [part[tensor] for part in sizes]
            size = max(of_parts) if tensor in ("y", "dx") else sum(of_parts)
            terms = count_terms(layer, tensor, samples, right[0].shape)
            self._compare(layer, tensor, terms, right, shares, size)
        if self.findings and any(reference.is_random() for reference in references):
            self.tensors, self.findings = [], []
            self.notes = [
                f"{name} draws random numbers in its own dtype, so that float64 draws others; with "
                "ctx.uniform its executed step could be checked"
            ]

    def _compare(
        self,
        layer: Layer,
        tensor: str,
        terms: float,
        right: Sequence[Array],
        shares: Sequence[Array],
        size: float,
    ) -> None:
        """Note one tensor, and whether it is wrong."""
        claimed = self._claimed(tensor)
        names = ExecutedTensor(self._name, tensor, self._method, terms)
        scale = 0.0
        if tensor == "dx" and not layer.multiply_adds():  # dy times 1 - y^2, or less a mean
            scale = max(float(np.max(np.abs(flow["dy"]), initial=0.0)) for flow in self._flows)
        compared = compare_tensor(names, claimed, right, size, scale)
        if compared is None:
            self.notes.append(f"{self._name}: {tensor} is not finite in float64; not compared")
            return
        if not compared.is_right:
            compared = self._allow_for_luck(layer, compared, right)
        self.tensors.append(compared)
        if compared.is_right:
            return
        message = describe_difference(compared, claimed, right, shares)
        about = {"y": None, "dx": "x"}.get(tensor, tensor)
        index = largest_difference(claimed, right).index
        self.findings.append(Finding(self._name, about, "executed", message, index))

    def _allow_for_luck(
        self, layer: Layer, compared: ExecutedTensor, right: Sequence[Array]
    ) -> ExecutedTensor:
        """Return the tensor with some more tolerance, where direct sums need it as well.

        Partial sums can grow far beyond the sum, as over an image's even background. Then the same
        sums, done directly in the step's dtype, are off as well; but more than `UNLUCKY` times
        what is expected is not put down to that.
        """
        if layer.children():
            return compared
        single = layer.astype(self._recording.outputs.dtype)
        with threadpool_limits(1, user_api="blas"):  # as it was held to in the step
            references = self._references(single, single.dtype)
        direct = [reference.results[compared.tensor] for reference in references]
        error = largest_difference(self._whole(compared.tensor, direct), right).value
        most = min(UNLUCKY * compared.tolerance, UNLUCKY * error)
        return replace(compared, tolerance=max(compared.tolerance, most))

    def _references(self, layer: Layer, dtype: np.dtype[np.floating]) -> list[Reference]:
        parts = zip(self._passes, self._flows, strict=True)
        return [Reference(layer, self._path, self._name, run, flow, dtype) for run, flow in parts]

    def _whole(self, tensor: str, shares: Sequence[Array]) -> Sequence[Array]:
        """Return a tensor as it is compared: a parameter's gradient is a sum over the shards."""
        return shares if tensor in ("y", "dx") else [sum(shares[1:], shares[0])]

    def _claimed(self, tensor: str) -> list[Array]:
        if tensor in ("y", "dx"):
            return [flow[tensor] for flow in self._flows]
        gradients: Mapping[str, Array] = self._recording.gradients
        return [gradients[f"{self._name}/{tensor}"]]
