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

import numpy as np

from cnnrun.engine import Context, Executor, Loss, Network, Pass
from cnnrun.engine.execution.shared_memory import can_fork
from cnnrun.engine.kernels import accelerated
from cnnrun.engine.network import Sequential
from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.step import describe_difference
from cnnrun.gradcheck.points.probes import STEP
from cnnrun.gradcheck.report.executed import ExecutedResult, ExecutedTensor
from cnnrun.gradcheck.report.findings import Finding, describe_crash
from cnnrun.gradcheck.stages.executed_layer import LayerComparison, compare_tensor
from cnnrun.gradcheck.stages.executed_order import compare_order, join, moved_groups
from cnnrun.gradcheck.stages.recording import Recording
from cnnrun.gradcheck.stages.rounding import loss_terms

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
        self._passes = [
            Pass(
                training=True, seed=self.seed, step=STEP, shard=number, orders=self._program.orders
            )
            for number in range(self.shards)
        ]
        self._compare_loss()
        self._compare_sequence(self.network.astype(np.float64), Context(), "")
        self._compare_workers()
        return [
            join(sequence, name)
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
            compared = LayerComparison(
                inner.name, layer, inner.path, self._recording, self._passes, self._rng
            )
            self._tensors += compared.tensors
            self._findings += compared.findings
            self._notes += compared.notes
        for group in moved_groups(order):
            names = {join(prefix, name) for _, name in group}
            if not any(finding.layer in names for finding in self._findings):
                wrong = compare_order(group, sequence, ctx, self._recording, self._passes)
                self._findings += [wrong] if wrong else []

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
        names = ExecutedTensor("loss", "outputs", None, dy[0].size)
        compared = compare_tensor(names, [claimed], [dy], size)
        self._tensors += [compared] if compared else []
        if compared and not compared.is_right:
            message = describe_difference(compared, [claimed], [dy], [dy])
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
