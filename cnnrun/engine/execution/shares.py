"""Who does what of a step that several ranks share: runs of shards, and slices of the parameters.

Every rank works this out for all of them, so that nothing has to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import prod

import numpy as np

from cnnrun.engine.execution.sums import are_siblings
from cnnrun.engine.kernels.reductions import DOT
from cnnrun.engine.types import Array

__all__ = ["Slices", "own_samples", "runs_of", "spans_of"]


@cache
def spans_of(start: int, end: int, shards: int | None) -> tuple[tuple[int, int], ...]:
    """Return what a run of shards is added up to: the start and end of each node of the tree.

    `shards` is their number in the whole batch, if it is known.
    """
    spans: list[tuple[int, int]] = []

    def join(shards: int | None) -> None:
        while len(spans) > 1 and are_siblings(spans[-2], spans[-1], shards):
            spans[-2:] = [(spans[-2][0], spans[-1][1])]

    for shard in range(start, end):
        spans.append((shard, shard + 1))
        join(None)
    join(shards)
    return tuple(spans)


@cache
def runs_of(shards: int, ranks: int) -> tuple[tuple[int, int], ...]:
    """Return the run of shards that each rank computes, as its start and end.

    None has more than it must, or, if there are enough, none at all. Of these cuts it is the one
    with the fewest nodes to be sent.
    """
    most, least = -(-shards // ranks), int(shards >= ranks)
    best: dict[int, tuple[int, tuple[tuple[int, int], ...]]] = {0: (0, ())}
    for left in reversed(range(ranks)):
        longer: dict[int, tuple[int, tuple[tuple[int, int], ...]]] = {}
        for start, (sent, runs) in best.items():
            for end in range(start + least, min(start + most, shards) + 1):
                total = sent + len(spans_of(start, end, shards))
                fits = left * least <= shards - end <= left * most
                if fits and (end not in longer or total < longer[end][0]):
                    longer[end] = total, (*runs, (start, end))
        best = longer
    return best[shards][1]


def own_samples(cuts: Sequence[slice], rank: int, ranks: int) -> slice:
    """Return which samples of a batch a rank computes; `cuts` are those of its shards.

    A rank for which there is no shard takes the last one, for nothing: layers that sum over the
    batch wait for every rank.
    """
    start, end = runs_of(len(cuts), ranks)[rank]
    return slice(cuts[start].start, cuts[end - 1].stop) if start < end else cuts[-1]


class Slices:
    """Which values of which parameters each rank owns: a run of them, in their order.

    A slice ends where a piece does that the norm of a gradient is added up by, so that the norm
    has the same bits for any number of ranks.
    """

    def __init__(self, parameters: Mapping[str, Array], ranks: int) -> None:
        """Divide parameters, by name, as evenly as their pieces allow."""
        self._sizes = {name: prod(array.shape) for name, array in parameters.items()}
        ends, total = [0], 0
        for size in self._sizes.values():
            ends += [total + min(end, size) for end in range(DOT, size + DOT, DOT)]
            total += size
        nearest = [min(ends, key=lambda end: abs(end - total * n / ranks)) for n in range(ranks)]
        bounds = [*nearest, total]
        self.counts = [end - start for start, end in pairwise(bounds)]
        """The number of values that each rank owns."""
        self.parts = [dict(self._parts(*span)) for span in pairwise(bounds)]
        """By rank: the slice of every parameter, as one row of numbers, that it owns a part of."""
        self.pieces = [
            sum(-(-(part.stop - part.start) // DOT) for part in parts.values())
            for parts in self.parts
        ]
        """The number of pieces that each rank owns."""

    def _parts(self, start: int, end: int) -> Iterator[tuple[str, slice]]:
        for name, size in self._sizes.items():
            part = slice(max(start, 0), min(end, size))
            if part.start < part.stop:
                yield name, part
            start, end = start - size, end - size

    def of(self, rank: int, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return what a rank owns of contiguous arrays, by parameter name, as views."""
        return {name: arrays[name].reshape(-1)[part] for name, part in self.parts[rank].items()}

    def of_state(self, rank: int, state: Mapping[str, Array]) -> dict[str, Array]:
        """Return the same of an optimizer's arrays, by slot and parameter."""
        slots = dict.fromkeys(key.partition("/")[0] for key in state)
        return {
            f"{slot}/{name}": state[f"{slot}/{name}"].reshape(-1)[part]
            for slot in slots
            for name, part in self.parts[rank].items()
        }

    def join(self, rank: int, arrays: Mapping[str, Array], out: Array) -> None:
        """Write what a rank owns of arrays one behind the other into `out`, `(counts[rank],)`."""
        place = 0
        for values in self.of(rank, arrays).values():
            out[place : place + values.size] = values
            place += values.size

    def split(self, rank: int, row: Array) -> dict[str, Array]:
        """Return views of such a row, by parameter name."""
        views, place = {}, 0
        for name, part in self.parts[rank].items():
            size = part.stop - part.start
            views[name] = row[place : place + size]
            place += size
        return views

    def put(self, rows: Array, arrays: Mapping[str, Array]) -> None:
        """Write the rows of all ranks, one behind the other, to where they belong in arrays."""
        place = 0
        for rank, count in enumerate(self.counts):
            mine = self.of(rank, arrays)
            for name, values in self.split(rank, rows[place : place + count]).items():
                np.copyto(mine[name], values)
            place += count

    def sums_of_squares(self, squares: Sequence[float]) -> list[float]:
        """Return the sum of squares of each parameter, from those of all pieces in their order."""
        sums, place = [], 0
        for size in self._sizes.values():
            pieces = -(-size // DOT)
            total = 0.0
            for square in squares[place : place + pieces]:
                total += square
            sums.append(total)
            place += pieces
        return sums
