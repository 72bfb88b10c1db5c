"""Runs a network over a batch together with other ranks: processes on this and other machines.

Every rank computes a run of the batch's shards and adds up what the tree of sums has there. Each
owns a slice of the parameters: it is sent that slice of all sums, adds them in the tree's order,
lets the optimizer change its slice of the weights, and all ranks gather these. So the bits are
those of one process, and a rank sends twice the parameters a step, however many ranks there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from cnnrun.engine.context import Context, Observer
from cnnrun.engine.execution.executor import Executor, StepResult
from cnnrun.engine.execution.messages import ShardOrder, UpdateOrder
from cnnrun.engine.execution.protocol import Ranks
from cnnrun.engine.execution.shards import cut
from cnnrun.engine.execution.shares import Slices, runs_of, spans_of
from cnnrun.engine.execution.sums import Node, ShardGradients, sum_in_order
from cnnrun.engine.execution.work import Work
from cnnrun.engine.kernels.reductions import squares_of_pieces
from cnnrun.engine.losses.base import Loss
from cnnrun.engine.network import Network
from cnnrun.engine.optimizers.base import State
from cnnrun.engine.types import Array

__all__ = ["RankedExecutor"]


@dataclass(frozen=True)
class _OwnWork(Work):
    """The work of a rank, whose updates change what it owns."""

    slices: Slices
    rank: int

    def update(self, order: UpdateOrder) -> float:
        """Change a part of what this rank owns; return what the optimizer does."""
        mine = self.slices.of(self.rank, self.network.parameters)
        gradients = self.slices.of(self.rank, self.program.gradients)
        return self.change(order, mine, gradients, self.slices.of_state(self.rank, self.state))


class RankedExecutor(Executor):
    """An executor that does its part of every pass; all ranks make the same calls in turn.

    Results are the same on each, but for a step's outputs, which are those of the rank's samples,
    its gradients, and the optimizer's state, of which the rank has its slice alone: `gather_*`
    brings the whole.
    """

    def __init__(self, network: Network, loss: Loss, *, ranks: Ranks, **options: Any) -> None:
        """Prepare to run `network` together with other ranks; `options` are an executor's."""
        self._ranks = ranks
        network.bind({name: np.ascontiguousarray(a) for name, a in network.state().items()})
        self._slices = Slices(network.parameters, ranks.size)
        super().__init__(network, loss, **options)
        self._size = self.shard_size  # of the shards of the batch at hand
        self._runs = runs_of(1, ranks.size)
        self._done = 0  # shards of the batch's parts so far
        self._norm = 0.0
        self._sums = ShardGradients(self._slices.of(ranks.rank, self.program.gradients))
        self._buffers = Context()

    def step(
        self,
        x: Array,
        targets: Array,
        *,
        seed: int,
        step: int,
        observers: Callable[[int], Observer] | None = None,
        batch: int | None = None,
        is_first: bool = True,
        samples: int | None = None,
    ) -> StepResult:
        """Run a training pass over the samples of a batch that are this rank's.

        Arguments are those of `Executor.step`; x and targets are what `own_samples` takes of
        `samples`.
        """
        self._check(x)
        samples = samples or len(x)
        if is_first:
            self._losses, self._done = [], 0
            self._sums.begin(is_whole=False)
        else:
            self._put_updates()
        count = self._divide(samples)
        start, end = self._runs[self._ranks.rank]
        first = self._done + (start if start < end else count - 1)
        self._gradients.begin(first)
        order = ShardOrder(batch or samples, seed, step, shard=first)
        outputs = self._output_buffer(len(x))
        with self._pace.step(self.workers) as at_once:
            losses = self._run(order, x, targets, outputs, observers, at_once)
        shards = count if is_first and batch in (None, samples) else None
        if start == end:  # this rank had nothing to do, and has done it for nothing
            losses = []
        self._exchange(self._gradients.nodes(shards) if losses else [], shards)
        self._gather_figures(losses)
        self._done += count
        loss = float(sum_in_order([np.array(part) for part in self._losses]))
        updates = self._contexts[0].collect("updates")
        return StepResult(loss, outputs, dict(self.program.gradients), updates, start < end)

    def update(self, *, learning_rate: float, step: int, norm: float | None = None) -> float:
        """Apply the last step: every rank changes what it owns, and all get the whole."""
        norm = super().update(learning_rate=learning_rate, step=step, norm=norm)
        self._gather(self.network.parameters)
        return norm

    def gradient_norm(self) -> float:
        """Return the global norm of the last step's gradients."""
        return self._norm

    def gather_gradients(self) -> Mapping[str, Array]:
        """Return the whole gradients of the last step, by parameter name."""
        self._gather(self.program.gradients)
        return self.program.gradients

    def gather_state(self) -> None:
        """Bring the whole of the optimizer's state to every rank."""
        state = self._work.state
        for slot in dict.fromkeys(key.partition("/")[0] for key in state):
            names = self.network.parameters
            self._gather({name: state[f"{slot}/{name}"] for name in names})

    def predict(self, x: Array) -> Array:
        """Return the network's outputs `(N, *output_shape)` for samples that every rank has."""
        self._check(x)
        outputs = self._output_buffer(len(x))
        cuts = cut(len(x), self.shard_size, self._multiply_adds)
        self._divide(len(x))
        bounds = [part.start for part in cuts] + [len(x)]
        start, end = (bounds[shard] for shard in self._runs[self._ranks.rank])
        if start < end:
            self._run(ShardOrder(), x[start:end], None, outputs[start:end], None, self.workers)
        one = outputs[0].size
        sizes = [(bounds[last] - bounds[first]) * one for first, last in self._runs]
        gathered = self._ranks.gather(outputs[start:end].reshape(-1).copy(), sizes)
        outputs[...] = gathered.reshape(outputs.shape)
        return outputs

    def _make_work(self, state: State) -> Work:
        return _OwnWork(
            self.network, self.loss, self.program, self._optimizer, state, self._slices,
            self._ranks.rank,
        )  # fmt: skip

    def _cut(self, samples: int) -> list[slice]:
        return cut(samples, self._size, self._multiply_adds)

    def _divide(self, samples: int) -> int:
        """Divide the shards of a batch among the ranks; return their number."""
        cuts = cut(samples, self.shard_size, self._multiply_adds)
        self._size, self._runs = cuts[0].stop, runs_of(len(cuts), self._ranks.size)
        return len(cuts)

    def _sum(self, parts: Sequence[Array]) -> Array:
        """Return the sum over all shards of all ranks, of which these are computed here."""
        like, rank = parts[0], self._ranks.rank
        start, end = self._runs[rank]
        mine = np.stack(parts[: end - start]) if start < end else np.empty((0,), like.dtype)
        sizes = [(end - start) * like.size for start, end in self._runs]
        rows = self._ranks.gather(mine.reshape(-1), sizes)
        return sum_in_order(list(rows.reshape(-1, *like.shape)))

    def _exchange(self, nodes: Sequence[Node], shards: int | None) -> None:
        """Send every rank its slice of what was added up here; add up the slices of this one."""
        slices, rank = self._slices, self._ranks.rank
        counts, own = slices.counts, slices.counts[rank]
        spans = [
            spans_of(self._done + start, self._done + end, shards) for start, end in self._runs
        ]
        send = self._buffers.buffer("send", (len(nodes) * sum(counts),), self.network.dtype)
        place = 0
        for other, count in enumerate(counts):
            for node in nodes:
                slices.join(other, node.arrays, send[place : place + count])
                place += count
        sent = [len(nodes) * count for count in counts]
        sizes = [len(of_rank) * own for of_rank in spans]
        self._sums.keep()  # of a part before, in the memory that is written to now
        got = self._buffers.buffer("received", (sum(sizes),), self.network.dtype)
        self._ranks.exchange(send, sent, got, sizes)
        rows = got.reshape(-1, own) if own else [got] * sum(map(len, spans))
        every = [span for of_rank in spans for span in of_rank]
        for (start, end), row in zip(every, rows, strict=True):
            self._sums.add_node(Node(start, end, slices.split(rank, row)))
        self._sums.total()

    def _gather_figures(self, losses: list[float]) -> None:
        """Tell all ranks the shards' losses, and the squares that make the gradients' norm."""
        mine = self._slices.of(self._ranks.rank, self.program.gradients)
        squares = [square for values in mine.values() for square in squares_of_pieces(values)]
        sizes = [end - start for start, end in self._runs]
        pieces = self._slices.pieces
        row = self._ranks.gather(
            np.array([*losses, *squares], np.float64),
            [shards + count for shards, count in zip(sizes, pieces, strict=True)],
        ).tolist()
        every: list[float] = []
        for shards, count in zip(sizes, pieces, strict=True):
            self._losses += row[:shards]
            every += row[shards : shards + count]
            row = row[shards + count :]
        self._norm = sqrt(sum(self._slices.sums_of_squares(every)))

    def _gather(self, arrays: Mapping[str, Array]) -> None:
        """Bring what each rank owns of arrays to all of them."""
        slices, rank, dtype = self._slices, self._ranks.rank, self.network.dtype
        mine = self._buffers.buffer("own", (slices.counts[rank],), dtype)
        slices.join(rank, arrays, mine)
        slices.put(self._ranks.gather(mine, slices.counts), arrays)
