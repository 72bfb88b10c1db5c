"""What a training will take: time for an epoch, and memory."""

from __future__ import annotations

import time

from cnnrun.engine import summarize
from cnnrun.preflight.case import Case
from cnnrun.preflight.result import Row

__all__ = ["measure_costs"]

STEPS = 3


def measure_costs(case: Case) -> Row:
    """Time some steps of training on one worker, and count the bytes of the arrays.

    These are the weights with their gradients and optimizer, and what flows through the layers for
    a batch, forward and back; the images are not counted.
    """
    network, train = case.network(), case.data.train
    size = min(case.experiment.train.batch_size, len(train))
    batch = case.training(0, size)
    steps = case.descend(network, [batch] * (STEPS + 1), [0.0] * (STEPS + 1))
    times = [time.perf_counter() for _ in steps]
    seconds = (times[-1] - times[0]) / max(1, len(times) - 1) * len(train) / size
    slots = len(case.experiment.optimizer.active_slots())
    weights = sum(array.nbytes for array in network.parameters.values()) * (2 + slots)
    flowing = 2 * size * summarize(network).activation_bytes
    epochs, total = case.experiment.train.epochs, (weights + flowing) / (1 << 20)
    return Row(
        "cost",
        "note",
        f"an epoch about {seconds:.2g} s, {epochs} epochs {epochs * seconds:.3g} s, on one worker, "
        f"not augmented; {total:.3g} MiB besides the images",
    )
