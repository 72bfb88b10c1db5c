"""Checks what trains: one real step as the executor runs it, layer by layer, against float64.

All other stages check the layers as they are written, in float64. Training runs them in another
order, by other methods, compiled, in float32, in shards on several workers. Here one such step is
recorded. Then every layer is run again in float64, directly and as written, on just the input and
the upstream gradient that it had in the recording. So no error of one layer blurs the next, no unit
falls to the other side of a kink, and a difference beyond rounding is this layer's own. The
batch's gradients are compared with the sum over its shards. Last, worker processes must give the
same bits as the recorded step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from cnnrun.engine import Context, Executor, Layer, Loss, Network, Pass
from cnnrun.engine.context import Order
from cnnrun.engine.execution.shared_memory import can_fork
from cnnrun.engine.kernels import accelerated
from cnnrun.engine.network import Sequential
from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.step import describe_difference, largest_difference
from cnnrun.gradcheck.points.probes import STEP
from cnnrun.gradcheck.report.executed import ExecutedResult, ExecutedTensor
from cnnrun.gradcheck.report.findings import Finding, describe_crash
from cnnrun.gradcheck.stages.recording import Recording
from cnnrun.gradcheck.stages.reference import Reference
from cnnrun.gradcheck.stages.rounding import count_terms, loss_terms, tolerance

__all__ = ["ExecutedStep"]

WORKERS = 2


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
            shard_size: of the training; made smaller where it would leave a single shard.
            seed: of dropout masks.
        """
        self.network = network.astype(network.dtype)
        self.loss, self.seed = loss, seed
        self.x, self.targets = np.array(x, network.dtype), np.array(targets)
        if self.targets.dtype.kind == "f":
            self.targets = self.targets.astype(network.dtype)
        half = -(-len(x) // 2)
        self.shard_size = min(shard_size or half, half)
        self.shards = -(-len(x) // self.shard_size)

    def run(self) -> ExecutedResult:
        """Run the step and compare it."""
        start = time.perf_counter()
        moved: list[str] = []
        self._tensors: list[ExecutedTensor] = []
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._rng = np.random.default_rng([self.seed, 3])
        try:
            with np.errstate(all="ignore"):  # what is not finite is noted in words
                moved = self._compare()
        except Exception as error:
            message = f"a training step crashes: {describe_crash(error)}"
            self._findings.append(Finding("network", None, "executed", message))
        return ExecutedResult(
            dtype=str(self.network.dtype),
            samples=len(self.x),
            shards=self.shards,
            workers=WORKERS,
            kind="processes" if can_fork() else "threads",
            compiled=accelerated.version(),
            moved=tuple(moved),
            seconds=time.perf_counter() - start,
            tensors=tuple(self._tensors),
            findings=tuple(self._findings),
            notes=tuple(self._notes),
        )

    def _compare(self) -> list[str]:
        """Record the step, compare all layers, then the workers; return which layers moved."""
        self._recording = Recording.of(
            self.network, self.loss, self.x, self.targets, self.shard_size, self.seed
        )
        self._program = self._recording.program
        self._compare_loss()
        self._compare_sequence(self.network.astype(np.float64), Context(), "")
        self._compare_workers()
        return [
            _join(sequence, name)
            for sequence, order in self._program.orders.items()
            for place, (index, name) in enumerate(order)
            if place != index
        ]

    def _compare_sequence(self, sequence: Sequential, ctx: Context, prefix: str) -> None:
        """Compare the layers of a sequence, the last first, and before each those inside it."""
        written = list(enumerate(sequence.layers))
        order = list(self._program.orders.get(prefix, written))
        if sorted(order) != written:
            message = f"what runs is no order of the layers that are written: {order}"
            self._findings.append(Finding(prefix or "network", None, "executed", message))
            return
        for index, name in reversed(order):
            layer, inner = sequence.layers[name], ctx.child(index, name)
            for place, (side, below) in enumerate(layer.sequences().items()):
                self._compare_sequence(below, inner.child(place, side), f"{inner.name}/{side}")
                for key, child in below.layers.items():  # compared, so they give what they gave
                    self._recording.replay(child, f"{inner.name}/{side}/{key}")
            self._compare_layer(inner.name, layer, inner.path)
        for group in _groups(order):
            if len(group) > 1:
                self._compare_order(group, sequence, ctx)

    def _compare_layer(self, name: str, layer: Layer, path: tuple[int, ...]) -> None:
        """Compare one layer at what it was given: output, input gradient, parameter gradients."""
        numbers = range(self.shards)
        parts = [tuple(numbers)] if layer.whole_batch else [(number,) for number in numbers]
        flows = [self._recording.flow_through(name, part) for part in parts]
        references = [
            Reference(layer, path, name, self._pass(part[0]), flow)
            for part, flow in zip(parts, flows, strict=True)
        ]
        sizes = [reference.term_sizes(self._rng) for reference in references]
        for tensor in references[0].results:
            shares = [reference.results[tensor] for reference in references]
            if tensor in ("y", "dx"):
                claimed, right = [flow[tensor] for flow in flows], shares
                size = max(part[tensor] for part in sizes)
            else:  # the gradient of a parameter is a sum over the shards
                claimed = [self._recording.gradients[f"{name}/{tensor}"]]
                right, size = [sum(shares[1:], shares[0])], sum(part[tensor] for part in sizes)
            method = self._program.method(name, layer)
            terms = count_terms(layer, tensor, len(self.x), right[0].size)
            compared = self._compare_tensor(name, tensor, method, terms, claimed, right, size)
            if compared is None or compared.is_right:
                continue
            if any(reference.is_random() for reference in references):
                self._tensors.remove(compared)
                self._notes.append(
                    f"{name} draws random numbers in its own dtype, so that float64 draws others; "
                    "with ctx.uniform its executed step could be checked"
                )
                return
            message = describe_difference(compared, str(self.network.dtype), claimed, right, shares)
            tensor = {"dx": "x"}.get(tensor, tensor)
            place = largest_difference(claimed, right).index
            about = None if tensor == "y" else tensor
            self._findings.append(Finding(name, about, "executed", message, place))

    def _compare_tensor(
        self,
        name: str,
        tensor: str,
        method: str | None,
        terms: float,
        claimed: Sequence[Array],
        right: Sequence[Array],
        term_size: float,
    ) -> ExecutedTensor | None:
        """Note how far a tensor, in parts, is from what is right; None if it is not finite."""
        largest = max(float(np.max(np.abs(array), initial=0.0)) for array in right)
        error = largest_difference(claimed, right).value
        dtype = self.network.dtype
        allowed = tolerance(terms, largest, term_size, dtype, method or "columns")
        if not np.isfinite([largest, allowed]).all():
            self._notes.append(f"{name}: {tensor} is not finite in float64; it was not compared")
            return None
        compared = ExecutedTensor(name, tensor, method, terms, error, allowed, largest)
        self._tensors.append(compared)
        return compared

    def _compare_order(
        self, group: Sequence[tuple[int, str]], sequence: Sequential, ctx: Context
    ) -> None:
        """Compare layers that run in another order with the order in which they are written."""
        names = [_join(ctx.name, name) for _, name in group]
        if any(finding.layer in names for finding in self._findings):
            return  # one of them is wrong by itself
        written = sorted(group)
        for number in range(self.shards):
            first = self._recording.flow_through(names[0], (number,))
            last = self._recording.flow_through(names[-1], (number,))
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
                allowed = tolerance(len(group), largest, largest, self.network.dtype, "columns")
                if not largest_difference([claimed], [right]).value <= allowed:
                    self._blame_order(group, written, ctx.name)
                    return

    def _blame_order(
        self, group: Sequence[tuple[int, str]], written: Sequence[tuple[int, str]], prefix: str
    ) -> None:
        """Note that an order gives another result; the layer that moved farthest is blamed."""
        moves = [abs(group.index(layer) - place) for place, layer in enumerate(written)]
        blamed = written[int(np.argmax(moves))][1]
        message = (
            f"what trains runs {', '.join(name for _, name in group)} in this order, which gives "
            "another result than the order that is written"
        )
        self._findings.append(Finding(_join(prefix, blamed), None, "executed", message))

    def _compare_loss(self) -> None:
        """Compare the loss, and its gradient, with float64's at the outputs that the step gave."""
        recording, targets = self._recording, self.targets
        outputs = recording.outputs.astype(np.float64)
        if targets.dtype.kind == "f":
            targets = targets.astype(np.float64)
        value, dy = self.loss(outputs, targets, len(outputs))
        order = self._program.orders.get("", list(enumerate(self.network.layers)))
        claimed = recording.flow_through(order[-1][1], tuple(range(self.shards)))["dy"]
        size = loss_terms(self.loss, outputs, targets, dy, self._rng)
        compared = self._compare_tensor(
            "loss", "outputs", None, dy[0].size, [claimed], [dy], size
        )  # fmt: skip
        if compared and not compared.is_right:
            message = describe_difference(compared, str(self.network.dtype), [claimed], [dy], [dy])
            self._findings.append(Finding("loss", "outputs", "executed", message))
        rounding = 64 * float(np.finfo(self.network.dtype).eps) * (abs(value) + 1)
        if np.isfinite(value) and not abs(recording.loss - value) <= rounding:
            message = f"a training step gives the loss {recording.loss:.8g}, float64 {value:.8g}"
            self._findings.append(Finding("loss", None, "executed", message))

    def _compare_workers(self) -> None:
        """Compare the bits that workers give with those recorded."""
        recorded = self._recording
        with Executor(
            self.network, self.loss, workers=WORKERS, shard_size=self.shard_size
        ) as executor:
            step = executor.step(self.x, self.targets, seed=self.seed, step=STEP)
            pairs = {f"{name}": (g, recorded.gradients[name]) for name, g in step.gradients.items()}
            pairs[f"{next(reversed(self.network.layers))}/y"] = step.outputs, recorded.outputs
            wrong = [
                name
                for name, (one, other) in pairs.items()
                if not np.array_equal(one, other, equal_nan=True)
            ]
        for name in wrong[-1:]:  # the last layer's: backward comes by it first
            layer, _, tensor = name.rpartition("/")
            message = (
                f"{WORKERS} workers give other bits than one for {len(wrong)} tensors, such as "
                f"{name}: a shard is computed, or its gradients are added, in another way"
            )
            about = None if tensor == "y" else tensor
            self._findings.append(Finding(layer, about, "executed", message))

    def _pass(self, shard: int) -> Pass:
        orders = self._program.orders  # so that a block ends with the layer that ran last
        return Pass(training=True, seed=self.seed, step=STEP, shard=shard, orders=orders)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name


def _groups(order: Order) -> list[list[tuple[int, str]]]:
    """Return the smallest runs of layers that hold just what is written at their places."""
    groups: list[list[tuple[int, str]]] = [[]]
    farthest = -1
    for place, (index, name) in enumerate(order):
        groups[-1].append((index, name))
        farthest = max(farthest, index)
        if farthest == place:
            groups.append([])
    return groups[:-1]
