"""Checks what trains: one real step as the executor runs it, layer by layer, against float64.

All other stages check the layers as they are written, in float64. Training runs them in another
order, by other methods, compiled, in float32, in shards on several workers. Here one such step is
recorded. Then every layer is run again in float64, directly and as written, on just the input and
the upstream gradient that it had in the recording. So no error of one layer blurs the next, no unit
falls to the other side of a kink, and a difference beyond rounding is this layer's own. The
batch's gradients are compared with the sum over its shards. Last, worker processes must give the
same bits as the recorded threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from cnnrun.engine import Context, Executor, Layer, Loss, Network, Pass
from cnnrun.engine.context import Order
from cnnrun.engine.execution.shared_memory import can_fork
from cnnrun.engine.kernels import accelerated
from cnnrun.engine.network import Sequential
from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import STEP
from cnnrun.gradcheck.report.findings import Finding, describe_crash
from cnnrun.gradcheck.stages.recording import Recording
from cnnrun.gradcheck.stages.rounding import count_terms, term_sizes, tolerance

__all__ = ["ExecutedResult", "ExecutedStep", "ExecutedTensor"]

WORKERS = 2


@dataclass(frozen=True)
class ExecutedTensor:
    """One tensor of the step, compared.

    Attributes:
        layer, tensor: names; `y`, `dx`, or a parameter, whose gradient is meant.
        method: of a convolution; None for other layers.
        terms: in the sum behind an element.
        error, tolerance: the largest difference from float64, and the largest allowed.
        largest: absolute value in float64.
    """

    layer: str
    tensor: str
    method: str | None
    terms: float
    error: float
    tolerance: float
    largest: float

    @property
    def is_right(self) -> bool:
        """Whether the difference can be rounding."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class ExecutedResult:
    """What the step showed.

    Attributes:
        dtype: of the network.
        samples, shards, workers: how the batch was computed.
        kind: of the workers whose bits were compared with the recorded ones.
        compiled: numba's version where its kernels ran; else None.
        moved: names of the layers that run elsewhere than where they are written.
        tensors: what was compared.
        findings: what is wrong.
        notes: what could not be compared.
    """

    dtype: str
    samples: int
    shards: int
    workers: int
    kind: str
    compiled: str | None
    moved: tuple[str, ...]
    tensors: tuple[ExecutedTensor, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return what was run, and how near it came, in a sentence."""
        winograd = sum(t.method == "winograd" and t.tensor == "y" for t in self.tensors)
        worst = max((t.error / t.tolerance for t in self.tensors if t.tolerance), default=0.0)
        parts = [
            f"{self.samples} samples in {self.dtype}, {self.shards} shards on {self.workers} "
            f"{self.kind}",
            f"{winograd} convolutions by Winograd" if winograd else "",
            f"{len(self.moved)} layers moved" if self.moved else "",
            f"kernels compiled by numba {self.compiled}" if self.compiled else "",
        ]
        how = ", ".join(part for part in parts if part)
        if self.findings:
            return f"one training step ({how}) differs from float64"
        return f"one training step ({how}): at most {worst:.2g} of the rounding allowed"

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        document = asdict(self)
        document.pop("findings")
        return {**document, "summary": self.summary()}


class ExecutedStep:
    """One step to be checked: a network in its own dtype, a loss and a batch."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        x: Array,
        targets: Array,
        *,
        shard_size: int | None = None,
        seed: int = 0,
    ) -> None:
        """Take a network, which stays as it is, and a batch of at least two samples.

        Args:
            network: in the dtype in which it trains.
            loss: behind it.
            x: `(N, *input_shape)`.
            targets: as the loss takes them.
            shard_size: by default what training would take, but small enough for two shards.
            seed: of dropout masks.
        """
        self.network = network.astype(network.dtype)
        self.loss, self.seed = loss, seed
        self.x, self.targets = np.array(x, network.dtype), np.array(targets)
        if np.issubdtype(self.targets.dtype, np.floating):
            self.targets = self.targets.astype(network.dtype)
        half = -(-len(x) // 2)
        self.shard_size = min(shard_size or half, half)
        self._tensors: list[ExecutedTensor] = []
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._rng = np.random.default_rng([seed, 3])

    def run(self) -> ExecutedResult:
        """Run the step and compare it."""
        moved: list[str] = []
        shards = -(-len(self.x) // self.shard_size)
        try:
            with np.errstate(all="ignore"):  # what is not finite is told by other stages
                moved = self._compare()
        except Exception as error:
            message = f"a training step crashes: {describe_crash(error)}"
            self._findings.append(Finding("network", None, "executed", message))
        return ExecutedResult(
            dtype=str(self.network.dtype),
            samples=len(self.x),
            shards=shards,
            workers=WORKERS,
            kind="processes" if can_fork() else "threads",
            compiled=accelerated.version(),
            moved=tuple(moved),
            tensors=tuple(self._tensors),
            findings=tuple(self._findings),
            notes=tuple(self._notes),
        )

    def _compare(self) -> list[str]:
        """Record the step, compare all layers, then the workers; return which layers moved."""
        recording = Recording.of(
            self.network, self.loss, self.x, self.targets, self.shard_size, self.seed
        )
        self._recording, self._program = recording, recording.program
        self._double = self.network.astype(np.float64)
        self._layers = dict(self._double.walk())
        self._compare_loss()
        root = Context()
        self._compare_sequence(self._double, root, "")
        self._compare_workers()
        return [
            name if not sequence else f"{sequence}/{name}"
            for sequence, order in self._program.orders.items()
            for place, (index, name) in enumerate(order)
            if place != index
        ]

    def _compare_sequence(self, sequence: Sequential, ctx: Context, prefix: str) -> None:
        """Compare the layers of a sequence, from the loss on, and those inside them first."""
        written = list(enumerate(sequence.layers))
        order = list(self._program.orders.get(prefix, written))
        if sorted(order) != written:
            message = f"what runs is no order of the layers that are written: {order}"
            self._findings.append(Finding(prefix or "network", None, "executed", message))
            return
        for index, name in reversed(order):
            full = f"{prefix}/{name}" if prefix else name
            layer, inner = sequence.layers[name], ctx.child(index, name)
            for place, (side, below) in enumerate(layer.sequences().items()):
                self._compare_sequence(below, inner.child(place, side), f"{full}/{side}")
            self._compare_layer(full, layer, inner)
        for group in _groups(order):
            if len(group) > 1:
                self._compare_order(group, sequence, ctx, prefix)

    def _compare_layer(self, name: str, layer: Layer, ctx: Context) -> None:
        """Compare one layer at what it was given: output, input gradient, parameter gradients."""
        recording = self._recording
        for (
            side,
            sequence,
        ) in layer.sequences().items():  # compared already: they give what they gave
            for key, child in sequence.layers.items():
                recording.replay(child, f"{name}/{side}/{key}")
        shards = [(number,) for number in range(recording.shards)]
        if layer.whole_batch:
            shards = [tuple(range(recording.shards))]
        parts = [
            _Reference(layer, ctx, self._pass(numbers[0]), recording.arrays(name, numbers))
            for numbers in shards
        ]
        results = [part.run() for part in parts]
        method = self._program.method(name, layer)
        for tensor in ("y", "dx"):
            if all(tensor in result for result in results):
                claimed = [recording.arrays(name, numbers)[tensor] for numbers in shards]
                self._compare_tensor(name, layer, tensor, method, claimed, parts, results)
        for tensor in parts[0].parameters:
            claimed = [recording.gradients[f"{name}/{tensor}"]]
            self._compare_tensor(name, layer, tensor, method, claimed, parts, results)

    def _compare_tensor(
        self,
        name: str,
        layer: Layer,
        tensor: str,
        method: str | None,
        claimed: Sequence[Array],
        parts: Sequence[_Reference],
        results: Sequence[Mapping[str, Array]],
    ) -> None:
        right = [result[tensor] for result in results]
        sizes = [part.term_sizes(self._rng)[tensor] for part in parts]
        if tensor not in ("y", "dx"):  # summed over the shards
            right, sizes = [sum(right[1:], right[0])], [sum(sizes)]
        largest = max(float(np.max(np.abs(array), initial=0.0)) for array in right)
        error, place = _largest_difference(claimed, right)
        terms = count_terms(layer, tensor, len(self.x), right[0].size)
        allowed = tolerance(terms, largest, max(sizes), self.network.dtype, method or "columns")
        if not np.isfinite([error, allowed]).all():
            self._notes.append(f"{name}: {tensor} is not finite; it was not compared")
            return
        if error > allowed and _is_random(parts[0]):
            self._notes.append(
                f"{name} draws random numbers in its own dtype, so that float64 draws others; use "
                "ctx.uniform to have its executed step checked"
            )
            return
        compared = ExecutedTensor(name, tensor, method, terms, error, allowed, largest)
        self._tensors.append(compared)
        if not compared.is_right:
            shares = [result[tensor] for result in results]
            message = self._describe(compared, claimed, right, shares, place)
            about = None if tensor == "y" else "x" if tensor == "dx" else tensor
            self._findings.append(Finding(name, about, "executed", message, place[1]))

    def _describe(
        self,
        compared: ExecutedTensor,
        claimed: Sequence[Array],
        right: Sequence[Array],
        shares: Sequence[Array],
        place: tuple[int, tuple[int, ...]],
    ) -> str:
        """Return what is wrong with a tensor of the step, in a sentence."""
        part, index = place
        what = compared.tensor if compared.tensor in ("y", "dx") else f"d{compared.tensor}"
        how = f" ({compared.method})" if compared.method else ""
        sentence = (
            f"in a training step in {self.network.dtype}{how} {what} is {claimed[part][index]:.8g} "
            f"at {list(map(int, index))} where float64 gives {right[part][index]:.8g}; off by "
            f"{compared.error:.2g}, rounding of {compared.terms:.0f} terms allows "
            f"{compared.tolerance:.2g}"
        )
        one, other = claimed[0].astype(np.float64).ravel(), right[0].ravel()
        ratio = float(one @ other / (other @ other)) if other.any() else 1.0
        if len(shares) > 1 and len(right) == 1:
            counts = np.linalg.lstsq(np.stack([s.ravel() for s in shares], 1), one, rcond=None)[0]
            if not np.allclose(counts, ratio, rtol=1e-2) and np.allclose(
                sum(c * s.ravel() for c, s in zip(counts, shares, strict=True)), one,
                atol=4 * compared.tolerance,
            ):  # fmt: skip
                said = ", ".join(f"shard {n} {count:.3g} times" for n, count in enumerate(counts))
                return f"{sentence}; it holds {said}"
        if np.allclose(one, ratio * other, atol=4 * compared.tolerance):
            return f"{sentence}; it is {ratio:.6g} times what it should be"
        return sentence

    def _compare_order(
        self, group: Sequence[tuple[int, str]], sequence: Sequential, ctx: Context, prefix: str
    ) -> None:
        """Compare layers that run in another order with the order in which they are written."""
        full = [f"{prefix}/{name}" if prefix else name for _, name in group]
        if any(finding.layer in full for finding in self._findings):
            return  # one of them is wrong by itself
        recording = self._recording
        written = sorted(group)
        for number in range(recording.shards):
            first = recording.arrays(full[0], (number,))
            last = recording.arrays(full[-1], (number,))
            root = Context(self._pass(number), ctx.path, ctx.name)
            y = first["x"].astype(np.float64)
            for index, name in written:
                y = sequence.layers[name].forward(y, root.child(index, name))
            dx = last["dy"].astype(np.float64)
            for index, name in reversed(written):
                inner = root.child(index, name)
                inner.needs_input_gradient = index != written[0][0] or "dx" in first
                dx = sequence.layers[name].backward(dx, inner)
            pairs = [(last["y"], y), *([(first["dx"], dx)] if "dx" in first else [])]
            for claimed, right in pairs:
                largest = float(np.max(np.abs(right), initial=0.0))
                bound = tolerance(len(group), largest, largest, self.network.dtype, "columns")
                if claimed.shape != right.shape or np.abs(claimed - right).max(initial=0) > bound:
                    places = {name: place for place, (_, name) in enumerate(group)}
                    moves = [abs(places[name] - n) for n, (_, name) in enumerate(written)]
                    blamed = written[int(np.argmax(moves))][1]
                    message = (
                        f"what trains runs {', '.join(full)} in this order, which gives another "
                        "result than the written order"
                    )
                    name = f"{prefix}/{blamed}" if prefix else blamed
                    self._findings.append(Finding(name, None, "executed", message))
                    return

    def _compare_loss(self) -> None:
        """Compare the loss's gradient with float64's at the outputs that the step gave."""
        recording = self._recording
        outputs = recording.outputs.astype(np.float64)
        targets = (
            self.targets.astype(np.float64) if self.targets.dtype.kind == "f" else self.targets
        )
        value, dy = self.loss(outputs, targets, len(outputs))
        last = list(self._program.orders.get("", list(enumerate(self.network.layers))))[-1][1]
        claimed = recording.arrays(last, tuple(range(recording.shards)))["dy"]
        shaken = outputs * (1 + 1e-6 * self._rng.standard_normal(outputs.shape))
        size = float(np.max(np.abs(self.loss(shaken, targets, len(outputs))[1] - dy))) / 1e-6
        largest = float(np.max(np.abs(dy), initial=0.0))
        bound = tolerance(dy[0].size, largest, size, self.network.dtype, "columns")
        error, (_, index) = _largest_difference([claimed], [dy])
        if np.isfinite([error, bound]).all():
            self._tensors.append(
                ExecutedTensor("loss", "outputs", None, dy[0].size, error, bound, largest)
            )
            if error > bound:
                message = (
                    f"in a training step in {self.network.dtype} the loss's gradient is off by "
                    f"{error:.2g}, where rounding allows {bound:.2g}"
                )
                self._findings.append(Finding("loss", "outputs", "executed", message, index))
        rounding = 64 * float(np.finfo(self.network.dtype).eps) * (abs(value) + 1)
        if np.isfinite(value) and not abs(recording.loss - value) <= rounding:
            message = f"a training step gives the loss {recording.loss:.8g}, float64 {value:.8g}"
            self._findings.append(Finding("loss", None, "executed", message))

    def _compare_workers(self) -> None:
        """Compare the bits of worker processes with those recorded."""
        with Executor(
            self.network, self.loss, workers=WORKERS, shard_size=self.shard_size
        ) as executor:
            step = executor.step(self.x, self.targets, seed=self.seed, step=STEP)
            recorded = self._recording.gradients
            wrong = [
                name
                for name, gradient in step.gradients.items()
                if not np.array_equal(gradient, recorded[name], equal_nan=True)
            ]
            if not np.array_equal(step.outputs, self._recording.outputs, equal_nan=True):
                wrong.insert(0, f"{next(reversed(self.network.layers))}/y")
            for name in wrong[-1:]:  # the last layer's: backward comes by it first
                layer, _, tensor = name.rpartition("/")
                message = (
                    f"workers give other bits than one thread for {len(wrong)} tensors, such as "
                    f"{name}: a shard is computed or added in another way"
                )
                self._findings.append(Finding(layer, tensor, "executed", message))

    def _pass(self, shard: int) -> Pass:
        orders = self._program.orders  # in which a block gives what its layers gave
        return Pass(training=True, seed=self.seed, step=STEP, shard=shard, orders=orders)


class _Reference:
    """One layer in float64 at what it was given in the step, for one shard or several at once."""

    def __init__(self, layer: Layer, ctx: Context, run: Pass, arrays: Mapping[str, Array]) -> None:
        self.layer, self.path, self.name, self.shared = layer, ctx.path, ctx.name, run
        self.needs_dx = "dx" in arrays
        inside = layer.children() and not layer.sequences()  # layers that nothing else compares
        self.parameters = layer.named_parameters() if inside else layer.params
        self._has_kinks = bool(inside)
        self.x, self.dy = (arrays[key].astype(np.float64) for key in ("x", "dy"))
        self._results: dict[str, Array] = {}
        self._sizes: dict[str, float] = {}

    def run(self) -> dict[str, Array]:
        """Return y, dx if it was wanted, and the parameters' gradients."""
        self._results = self.at(self.x, self.dy)
        return self._results

    def at(self, x: Array, dy: Array, shard: int | None = None) -> dict[str, Array]:
        """Return the same for another input and upstream gradient."""
        run = self.shared if shard is None else Pass(**{**vars(self.shared), "shard": shard})
        ctx = Context(run, self.path, self.name, needs_input_gradient=self.needs_dx)
        y = np.array(self.layer.forward(x, ctx))
        dx = self.layer.backward(dy, ctx)
        self._has_kinks |= bool(self.layer.branches(ctx))
        results = {"y": y, **({"dx": np.array(dx)} if self.needs_dx else {})}
        gradients = ctx.collect("gradients")
        results.update({key: np.array(gradients[f"{self.name}/{key}"]) for key in self.parameters})
        return results

    def term_sizes(self, rng: np.random.Generator) -> dict[str, float]:
        """Return how large the terms behind each result are."""
        if not self._sizes:
            self._sizes = term_sizes(
                partial(self.at), self.x, self.dy, self.parameters, self._results, rng,
                move_x=not self._has_kinks,
            )  # fmt: skip
        return self._sizes


def _is_random(reference: _Reference) -> bool:
    """Return whether a layer draws random numbers: another shard gets others."""
    one, other = (reference.at(reference.x, reference.dy, shard)["y"] for shard in (0, 1))
    return not np.array_equal(one, other, equal_nan=True) and not reference.layer.children()


def _largest_difference(
    claimed: Sequence[Array], right: Sequence[Array]
) -> tuple[float, tuple[int, tuple[int, ...]]]:
    """Return the largest difference, and in which part and where in it."""
    worst, place = 0.0, (0, ())
    for part, (one, other) in enumerate(zip(claimed, right, strict=True)):
        if one.shape != other.shape:
            return np.inf, (part, (0,) * other.ndim)
        difference = np.abs(one - other)
        if difference.size and not difference.max() <= worst:
            index = np.unravel_index(int(np.nanargmax(difference)), difference.shape)
            worst, place = float(difference.max()), (part, tuple(map(int, index)))
    return worst, place


def _groups(order: Order) -> list[list[tuple[int, str]]]:
    """Return the smallest runs of layers that hold what is written at their places."""
    groups: list[list[tuple[int, str]]] = [[]]
    largest = -1
    for place, (index, name) in enumerate(order):
        groups[-1].append((index, name))
        largest = max(largest, index)
        if largest == place:
            groups.append([])
    return groups[:-1]
