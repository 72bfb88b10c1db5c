"""Which samples make which batch."""

from __future__ import annotations

from collections.abc import Iterator

from cnnrun.data import Samples
from cnnrun.engine.types import Array

__all__ = ["batch_slices", "batches_of", "steps_of"]


def batch_slices(samples: int, size: int) -> list[slice]:
    """Return the batches of an epoch as slices of its order.

    The last one may be smaller; a single sample joins the batch before, since batch normalisation
    cannot take statistics of one.
    """
    starts = list(range(0, samples, size))
    if len(starts) > 1 and samples - starts[-1] == 1:
        starts.pop()
    ends = [*starts[1:], samples]
    return [slice(start, end) for start, end in zip(starts, ends, strict=True)]


def steps_of(samples: int, size: int, accumulate: int) -> list[list[slice]]:
    """Return the batches of each step of an epoch: `accumulate` of `size`, of the last fewer.

    Together those of a step are one batch of `accumulate` times the size.
    """
    return [
        [
            slice(step.start + part.start, step.start + part.stop)
            for part in batch_slices(step.stop - step.start, size)
        ]
        for step in batch_slices(samples, size * accumulate)
    ]


def batches_of(
    samples: Samples, batches: list[slice], seed: int, epochs: range, first: int
) -> Iterator[tuple[int, Array]]:
    """Yield the epoch and the samples of each batch, of the first epoch from batch `first` on."""
    for epoch in epochs:
        order = samples.order(seed, epoch)
        for part in batches[first:]:
            yield epoch, order[part]
        first = 0
