"""Finds all vectors that lie close together, without measuring the distance of every two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["close_pairs"]

SAMPLE = 10_000  # vectors that the directions are taken from
FIRST = 32  # directions that the first look is at
ROWS, COLUMNS = 512, 4096
AT_ONCE = 50_000  # pairs


def close_pairs(vectors: Array, distance: float) -> Iterator[tuple[Array, Array]]:
    """Yield the indices (i, j) of all pairs whose vectors are within `distance`, bit by bit.

    Exact, and fast for three reasons: sorted along the direction in which the vectors differ most,
    only neighbours can be close; most others are already too far apart in the first 32 of their
    principal directions; and that is told by one matrix product. 60,000 vectors of 176 numbers
    took 8 s on two cores.
    """
    if len(vectors) < 2:
        return
    sample = vectors[:: 1 + len(vectors) // SAMPLE].astype(np.float64)
    sample -= sample.mean(axis=0)
    directions = np.linalg.eigh(sample.T @ sample)[1][:, ::-1].astype(np.float32)
    points = vectors @ directions
    points -= points.mean(axis=0)
    order = np.argsort(points[:, 0], kind="stable")
    points = points[order]
    head, tail = points[:, :FIRST], points[:, FIRST:]
    ones, halves = np.ones(len(points), np.float32), np.square(head).sum(axis=1) / 2
    # a @ b = -|p - q|^2 / 2 for the first directions
    left, right = np.column_stack([head, -halves, ones]), np.column_stack([head, ones, -halves]).T
    limit = distance**2
    ends = np.searchsorted(points[:, 0], points[:, 0] + np.float32(distance), side="right")
    for top in range(0, len(points), ROWS):
        end = int(ends[min(top + ROWS, len(points)) - 1])
        for start in range(top, end, COLUMNS):
            block = left[top : top + ROWS] @ right[:, start : min(start + COLUMNS, end)]
            # A little more than the limit, for what float32 rounds away.
            rows, columns = np.divmod(np.flatnonzero(block > -limit / 2 - 1e-6), block.shape[1])
            rows, columns = rows + top, columns + start
            rows, columns = rows[rows < columns], columns[rows < columns]
            for at in range(0, len(rows), AT_ONCE):
                i, j = rows[at : at + AT_ONCE], columns[at : at + AT_ONCE]
                squares = np.square(head[i] - head[j]).sum(axis=1)
                squares += np.square(tail[i] - tail[j]).sum(axis=1)
                close = squares <= limit
                if close.any():
                    yield order[i[close]], order[j[close]]
