"""Measures how much memory training needs at a batch size, in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["bytes_per_sample", "peak_memory"]

STEPS = 3
"""After so many steps every buffer has been allocated."""


def peak_memory(
    config: Path, overrides: Sequence[str], plugins: Sequence[Path], batch: int, workers: int
) -> int:
    """Return the bytes that a process needs, its workers included, to train with such batches."""
    arguments = {
        "config": str(config),
        "overrides": list(overrides),
        "plugins": [str(plugin) for plugin in plugins],
        "batch": batch,
        "workers": workers,
    }
    # A new process, because the memory that this one has used before would count too.
    process = subprocess.run(
        [sys.executable, "-m", "cnnrun.bench.memory", json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        lines = process.stderr.strip().splitlines()
        raise MemoryError(lines[-1] if lines else "no memory")
    return int(process.stdout)


def bytes_per_sample(memory: Mapping[int, int]) -> float | None:
    """Return how much memory each further sample of a batch needs; None for a single batch size.

    Args:
        memory: bytes by batch size.
    """
    few, many = min(memory), max(memory)
    return None if few == many else (memory[many] - memory[few]) / (many - few)


def _main(arguments: str) -> None:
    from cnnrun.bench.training_step import TrainingStep, draw
    from cnnrun.config import load_experiment

    given = json.loads(arguments)
    experiment = load_experiment(given["config"], given["overrides"], given["plugins"])
    info = experiment.data.dataset.info(experiment.base)
    with TrainingStep(experiment, info, given["workers"]) as training:
        samples = draw(experiment, info, given["batch"])
        for _ in range(STEPS):
            training.step(samples)
        print(_memory(training.executor.processes))


def _memory(processes: Sequence[int]) -> int:
    """Return the bytes of this process and others; pages that they share count once."""
    try:
        names = ["self", *map(str, processes)]
        return 1024 * sum(
            int(line.split()[1])
            for name in names
            for line in Path(f"/proc/{name}/smaps_rollup").read_text("utf-8").splitlines()
            if line.startswith("Pss:")
        )
    except OSError:  # not Linux: then there are no other processes
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _main(sys.argv[1])
