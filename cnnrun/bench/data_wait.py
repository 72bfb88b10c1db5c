"""Measures how long training steps wait for their batches, with the experiment's own data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

import numpy as np

from cnnrun.bench.training_step import Samples, TrainingStep
from cnnrun.config import Experiment
from cnnrun.data import PreparedData, feed, prepare
from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.runs.batches import batch_slices, batches_of

__all__ = ["data_at_hand", "data_wait_share"]

FEWEST, MOST = 6, 200
"""Steps that are measured; the first two are not."""


def data_at_hand(experiment: Experiment) -> PreparedData | None:
    """Return the experiment's data; None where they are not there, or cannot be used."""
    try:
        return prepare(experiment.data, experiment.seed, experiment.base)
    except DataError:  # steps can be measured without
        return None


def data_wait_share(
    experiment: Experiment, data: PreparedData | None, batch: int, workers: int, seconds: float
) -> float | None:
    """Return the share of a step's time in which it waits for its batch, the median of many.

    None is returned without data.

    Args:
        experiment: whose steps, and whose augmentation.
        data: what it trains on.
        batch: samples of a step.
        workers: computing them; with more than one, batches are prepared ahead.
        seconds: to spend.
    """
    if data is None:
        return None
    batches = batch_slices(len(data.train), batch)
    seed, most = experiment.seed, max(part.stop - part.start for part in batches)

    def upcoming() -> Iterator[tuple[int, Array]]:
        return batches_of(data.train, batches, seed, range(MOST), 0)

    shares: list[float] = []
    end = time.perf_counter() + seconds
    with (
        feed(data.train, seed, upcoming, most, int(workers > 1)) as source,
        TrainingStep(experiment, data.info, workers) as training,
        np.errstate(all="ignore"),  # it trains at full speed, perhaps out of range
    ):
        for epoch, indices in upcoming():
            started = time.perf_counter()
            x, targets = source.batch(epoch, indices)
            waited = time.perf_counter() - started
            training.step(Samples(x, targets))
            shares.append(waited / (time.perf_counter() - started))
            enough = len(shares) >= FEWEST and time.perf_counter() > end
            if enough or len(shares) == MOST:
                break
    return median(shares[2:] or shares)
