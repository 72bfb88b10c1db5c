"""What only training makes: a backward must give the same in every situation that it meets there.

A fresh backward in float64 is what all other stages check. Training calls a layer again and again
on one context, on batches of other sizes, on several shards, in float32, and the first layer
without need for its dx. Each of these is held against the fresh one, or, where the outputs depend
on it too (dropout draws another mask on another shard), against a derivative along a direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from math import prod

import numpy as np

from cnnrun.engine import Context, Layer
from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.gradcheck.points.probes import LayerProbe
from cnnrun.gradcheck.report.findings import Finding, describe_crash
from cnnrun.gradcheck.stages.coverage import cover
from cnnrun.gradcheck.stages.elements import largest

__all__ = ["check_conditions"]

EXACT, SINGLE = 1e-9, 3e-3
"""What two results may differ by, relative to the largest value: in float64, and in float32."""

FLOOR = 1e-3
"""A gradient counts as at least so large, beside the layer's largest: small ones are rounding."""

MANY_SAMPLES, FEWER_SAMPLES = 9, 5
"""More than the other stages look at; fewer where a sample is large."""

LARGE_SAMPLE = 100_000
"""Numbers in a sample and its output, from which on that is so."""

Gradients = dict[str, Array]


class _Conditions:
    """A layer at a point: its fresh gradients there, and what other situations make of them."""

    def __init__(self, pristine: Layer, probe: LayerProbe, rng: np.random.Generator) -> None:
        self.pristine, self.probe, self.rng = pristine, probe, rng
        self.x = probe.values["x"]
        fresh = self.copy()
        self.y = fresh.forward().y
        self.dy = rng.standard_normal(self.y.shape)
        self.gradients = fresh.backward(self.dy)

    def copy(self, x: Array | None = None, shard: int = 0, seed: int | None = None) -> LayerProbe:
        """Return the layer as if it had never run, with the point's parameters, at any input."""
        layer = self.pristine.astype(np.float64)
        old = self.probe.layer
        for new, values in (
            (layer.named_parameters(), old.named_parameters()),
            (layer.named_buffers(), old.named_buffers()),
        ):
            for name, array in new.items():
                array[...] = values[name]
        return LayerProbe(
            layer,
            (self.x if x is None else x).copy(),
            name=self.probe.name,
            seed=self.probe.seed if seed is None else seed,
            shard=shard,
        )

    def other_batch(self, samples: int) -> Array:
        """Return inputs like the point's in sign and size, which the layer takes; no ties."""
        shuffled = self.rng.permutation(self.x.reshape(-1))
        other = np.resize(shuffled, (samples, *self.x.shape[1:]))
        return np.asarray(other * self.rng.uniform(0.9, 1.1, other.shape))

    # situations

    def after_another_batch(self) -> Iterator[Finding]:
        """The layer and its context have seen batches of other sizes, and had other parameters."""
        used = self.copy()
        context = used.context()
        parameters = used.layer.named_parameters()
        kept = {name: array.copy() for name, array in parameters.items()}
        for samples in (len(self.x) + 1, max(2, len(self.x) - 1), len(self.x)):
            for array in parameters.values():
                array *= self.rng.uniform(0.9, 1.1, array.shape)
            y = used.layer.forward(self.other_batch(samples), context)
            used.layer.backward(self.rng.standard_normal(y.shape), context)
        for name, array in parameters.items():
            array[...] = kept[name]
        y = np.array(used.layer.forward(self.x, context))
        gradients = _collect(used.layer.backward(self.dy, context), context)
        yield from self.differing("after another batch on the same context", gradients, y)

    def on_another_shard(self) -> Iterator[Finding]:
        """The same samples are those of the second shard."""
        yield from self.held_to_a_derivative(self.x, "on shard 1", shard=1)

    def without_input_gradient(self) -> Iterator[Finding]:
        """Nobody reads dx, as in the first layer of a network."""
        probe = self.copy()
        context = probe.context()
        context.needs_input_gradient = False
        probe.layer.forward(probe.values["x"], context)
        probe.layer.backward(self.dy, context)
        gradients = _collect(self.gradients["x"], context)
        yield from self.differing("where nobody needs dx (ctx.needs_input_gradient)", gradients)

    def on_strided_arrays(self) -> Iterator[Finding]:
        """dy, then x as well, are parts of larger arrays, or stored column by column."""
        layouts: list[tuple[str, Callable[[Array], Array]]] = [
            ("not contiguous (every second value of a larger array)", _strided),
            ("not contiguous (stored column by column)", np.asfortranarray),
        ]
        for of, also_x in (("dy", False), ("x", True)):
            for layout, arrange in layouts:
                probe = self.copy()
                context = probe.context()
                y = probe.layer.forward(arrange(self.x) if also_x else self.x, context)
                y = np.array(y)
                gradients = _collect(probe.layer.backward(arrange(self.dy), context), context)
                findings = list(self.differing(f"where {of} is {layout}", gradients, y))
                yield from findings
                if findings:
                    return

    def in_float32(self) -> Iterator[Finding]:
        """All is float32, as in training."""
        if self.is_random():
            return  # it may draw other numbers in another dtype
        probe = self.copy()
        layer, context = probe.layer.astype(np.float32), probe.context()
        y = layer.forward(self.x.astype(np.float32), context).astype(np.float64)
        dx = layer.backward(self.dy.astype(np.float32), context)
        yield from self.differing("in float32", _collect(dx, context), y, SINGLE)

    def sample_by_sample(self) -> Iterator[Finding]:
        """A batch of many samples, and a batch of one."""
        size = prod(self.x.shape[1:]) + prod(self.y.shape[1:])
        many = self.other_batch(MANY_SAMPLES if size < LARGE_SAMPLE else FEWER_SAMPLES)
        yield from self.held_to_a_derivative(many, f"for a batch of {len(many)} samples")
        yield from self.held_to_a_derivative(self.x[:1], "for a batch of one sample")

    # comparison

    def is_random(self) -> bool:
        """Return whether the outputs depend on the seed."""
        other = self.copy(seed=self.probe.seed + 1)
        return not np.array_equal(other.forward().y, self.y, equal_nan=True)

    def differing(
        self, where: str, gradients: Gradients, y: Array | None = None, tolerance: float = EXACT
    ) -> Iterator[Finding]:
        """Yield the tensors that differ from the fresh ones, beyond rounding."""
        if y is not None and _differs(y, self.y, largest([self.y]), tolerance) is not None:
            yield self.finding(None, f"{where} forward gives another y than a fresh one in float64")
            return
        floor = FLOOR * largest(self.gradients.values())
        for name, fresh in self.gradients.items():
            claimed = gradients.get(name)
            if claimed is None or claimed.shape != fresh.shape:
                yield self.finding(name, f"{where} backward gives no d{name}")
                continue
            index = _differs(claimed, fresh, max(largest([fresh]), floor), tolerance)
            if index is not None:
                yield self.finding(
                    name,
                    f"{where} d{name} is {claimed[index]:.6g}, a fresh backward in float64 gives "
                    f"{fresh[index]:.6g}",
                    index,
                )

    def held_to_a_derivative(self, x: Array, where: str, shard: int = 0) -> Iterator[Finding]:
        """Yield the tensors whose gradient there is not the derivative along a direction."""
        for name, measured, claimed in self.wrong_derivatives(self.copy(x, shard)):
            if name not in self.wrong_here:
                yield self.finding(
                    name,
                    f"{where} the derivative along a direction is {measured:.8g}, "
                    f"d{name} says {claimed:.8g}",
                )

    @cached_property
    def wrong_here(self) -> set[str]:
        """The tensors that are wrong in no special situation: other stages say so."""
        return {name for name, _, _ in self.wrong_derivatives(self.copy())}

    def wrong_derivatives(self, probe: LayerProbe) -> Iterator[tuple[str, float, float]]:
        """Yield the tensors whose derivative along a random direction is another than claimed."""
        try:
            base = probe.forward()
        except DataError:
            return  # the layer is not defined for so few
        dy = self.rng.standard_normal(base.y.shape)
        gradients = probe.backward(dy)
        for name in gradients:
            coverage = cover(probe, name, dy, gradients, base, self.rng)
            if coverage.index is not None:
                yield name, coverage.measured, coverage.claimed

    def finding(
        self, tensor: str | None, message: str, index: tuple[int, ...] | None = None
    ) -> Finding:
        """Return a mistake."""
        return Finding(self.probe.name, tensor, "conditions", message, index)


def check_conditions(pristine: Layer, probe: LayerProbe, rng: np.random.Generator) -> list[Finding]:
    """Return how a layer's gradients depend on the situation, one line for each tensor.

    Args:
        pristine: the layer, which has not run yet.
        probe: it at a point, with the parameters to check it with.
        rng: draws the batches and upstream gradients.
    """
    conditions = _Conditions(pristine, probe, rng)
    findings: dict[str | None, Finding] = {}
    for situation in (
        conditions.without_input_gradient,
        conditions.on_strided_arrays,
        conditions.after_another_batch,
        conditions.on_another_shard,
        conditions.sample_by_sample,
        conditions.in_float32,
    ):
        try:
            for finding in situation():
                findings.setdefault(finding.tensor, finding)
        except Exception as error:
            what = situation.__name__.replace("_", " ")
            message = f"{what} it crashes: {describe_crash(error)}"
            findings.setdefault(None, conditions.finding(None, message))
    return list(findings.values())


def _collect(dx: Array, context: Context) -> Gradients:
    """Return copies of all gradients of a backward pass, by tensor name, in float64."""
    arrays = {"x": dx, **context.collect("gradients")}
    return {name: np.array(array, np.float64) for name, array in arrays.items()}


def _strided(array: Array) -> Array:
    """Return the same values as every second one of a larger array full of others."""
    larger = np.full([2 * length for length in array.shape], 7.25, array.dtype)
    part = larger[tuple(slice(None, None, 2) for _ in array.shape)]
    part[...] = array
    return part


def _differs(one: Array, other: Array, size: float, tolerance: float) -> tuple[int, ...] | None:
    """Return where two arrays differ most, if by more than rounding may."""
    difference = np.abs(one - other)
    if not difference.size or float(np.max(difference)) <= tolerance * size:
        return None
    return tuple(map(int, np.unravel_index(int(difference.argmax()), difference.shape)))
