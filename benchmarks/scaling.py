"""Measures how a step's time grows with the batch and shrinks with the workers, all in turn.

    python benchmarks/scaling.py [CONFIG] [SECONDS]

By default of `configs/bench/cifar_small.yaml`, with medians over 8 seconds for each figure.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from cnnrun.bench.timing import in_turn
from cnnrun.bench.training_step import TrainingStep, draw
from cnnrun.config import load_experiment

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "bench" / "cifar_small.yaml"
BATCHES = (64, 128, 256, 512, 1024)


def times(experiment, cells, seconds):
    """Return the median milliseconds of a step for each (batch, workers)."""
    info = experiment.data.dataset.info(experiment.base)
    with ExitStack() as stack:
        steps = {}
        for batch, workers in cells:
            training = stack.enter_context(TrainingStep(experiment, info, workers))
            steps[batch, workers] = partial(training.step, draw(experiment, info, batch))
        return in_turn(steps, seconds)


def main():
    """Print both as Markdown."""
    experiment = load_experiment(Path(sys.argv[1]) if len(sys.argv) > 1 else CONFIG)
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 8.0
    found = times(experiment, [(batch, 2) for batch in BATCHES], seconds)
    each = {batch: found[batch, 2] / batch for batch in BATCHES}
    print("| batch | step, ms | a sample, ms |\n|--:|--:|--:|")
    for batch in BATCHES:
        print(f"| {batch} | {found[batch, 2]:.1f} | {each[batch]:.3f} |")
    spread = max(each.values()) / min(each.values()) - 1
    print(f"\nFrom the least to the most time for a sample: {spread:.0%}.\n")
    found = times(
        experiment, [(batch, workers) for batch in (64, 256) for workers in (1, 2)], seconds
    )
    for batch in (64, 256):
        one, two = found[batch, 1], found[batch, 2]
        print(
            f"Batch {batch}: {one:.1f} ms on one worker, {two:.1f} on two: {one / two:.2f} times."
        )


if __name__ == "__main__":
    main()
