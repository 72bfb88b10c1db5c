"""Batches prepared ahead are the batches that would be prepared when they are needed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cnnrun.data import DataOptions, ahead, epoch_order, feed, prepare
from cnnrun.data.sources import Synthetic
from cnnrun.data.transforms import GaussianNoise, Shift, Transform
from cnnrun.engine.execution.shared_memory import SWITCH, can_fork
from cnnrun.errors import DataError, WorkerError

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes cannot be forked here")

SOURCE = Synthetic((6, 5, 2), classes=4, train_samples=40, test_samples=12)
SEED, SIZE, EPOCHS = 3, 7, 3


@dataclass(frozen=True)
class Failing(Transform):
    """Fails, or ends its process, at the image whose first pixel is largest."""

    ends: bool = False

    def apply(self, image, rng):
        if rng.random() < 0.05:
            if self.ends:
                os._exit(9)
            raise DataError("this image cannot be changed")
        return image


def samples_of(*augment, **options):
    return prepare(DataOptions(SOURCE, augment=augment, **options), 0, Path()).train


def upcoming(samples):
    def batches():
        for epoch in range(EPOCHS):
            order = epoch_order(len(samples), SEED, epoch)
            for start in range(0, len(samples), SIZE):
                yield epoch, order[start : start + SIZE]

    return batches


def fed(samples, processes):
    return feed(samples, SEED, upcoming(samples), SIZE, processes)


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("targets", ["labels", "inputs"])
def test_the_same_batches_in_the_same_order(processes, targets):
    samples = samples_of(Shift(2), GaussianNoise(), targets=targets)
    with fed(samples, processes) as batches:
        assert type(batches).__name__ == "_Ahead"
        for epoch, indices in upcoming(samples)():
            x, y = batches.batch(epoch, indices)
            expected = samples.batch(indices, seed=SEED, epoch=epoch)
            np.testing.assert_array_equal(x, expected[0])
            np.testing.assert_array_equal(y, expected[1])
            assert (x.dtype, y.dtype) == (expected[0].dtype, expected[1].dtype)


def test_a_batch_holds_until_the_next_is_asked_for():
    samples = samples_of(Shift(2))
    with fed(samples, 1) as batches:
        for epoch, indices in list(upcoming(samples)())[:6]:
            x, _ = batches.batch(epoch, indices)
            time.sleep(0.02)  # enough to fill everything that may be filled
            np.testing.assert_array_equal(x, samples.batch(indices, seed=SEED, epoch=epoch)[0])


def test_processes_are_not_used_where_they_would_not_help(monkeypatch):
    assert type(fed(samples_of(), 2)) is ahead.Feed  # nothing to do but to divide
    assert type(fed(samples_of(Shift(2)), 0)) is ahead.Feed
    monkeypatch.setattr(ahead, "MOST_BYTES", 1000)
    assert type(fed(samples_of(Shift(2)), 2)) is ahead.Feed
    monkeypatch.undo()
    monkeypatch.setenv(SWITCH, "threads")
    assert type(fed(samples_of(Shift(2)), 2)) is ahead.Feed


def test_leaving_early_ends_the_processes():
    samples = samples_of(Shift(2))
    with fed(samples, 2) as batches:
        batches.batch(*next(upcoming(samples)()))
        processes = [preparer._process for preparer in batches._preparers]
        assert all(process.is_alive() for process in processes)
    assert [process.exitcode for process in processes] == [0, 0]


def test_an_error_comes_where_its_batch_would():
    samples = samples_of(Failing())

    def right(batches):
        """Return how many batches came before the one that fails."""
        count = 0
        with suppress(DataError):
            for epoch, indices in upcoming(samples)():
                batches.batch(epoch, indices)
                count += 1
        return count

    with fed(samples, 2) as batches:
        assert right(batches) == right(ahead.Feed(samples, SEED)) > 0


@pytest.mark.parametrize("how", ["itself", "killed"])
def test_a_process_that_ends_is_told_of(how):
    samples = samples_of(Failing(ends=True) if how == "itself" else Shift(2))

    def take_all(batches):
        for epoch, indices in upcoming(samples)():
            batches.batch(epoch, indices)
            if how == "killed":
                os.kill(batches._preparers[0]._process.pid, signal.SIGKILL)

    code = 9 if how == "itself" else -9
    message = f"prepares batches ended, with exit code {code}"
    with fed(samples, 1) as batches, pytest.raises(WorkerError, match=message):
        take_all(batches)


def test_a_batch_out_of_order_is_refused():
    samples = samples_of(Shift(2))
    order = list(upcoming(samples)())
    with fed(samples, 1) as batches, pytest.raises(WorkerError, match=r"batch of \(0, 7\)"):
        batches.batch(1, order[0][1])
