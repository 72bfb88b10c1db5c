"""The function behind `cnnrun bench`: measures a configuration, and holds PyTorch beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnrun.bench.machine import describe_machine
from cnnrun.bench.measure import ExperimentFile, Result, measure_batches
from cnnrun.bench.memory import bytes_per_sample
from cnnrun.config import load_experiment
from cnnrun.errors import GradientError
from cnnrun.notebook import cell, html_table
from cnnrun.runs import default_workers

__all__ = ["AGREEMENT", "Benchmark", "bench"]

AGREEMENT = 1e-4
"""How far loss and gradients may differ from PyTorch's, relative to their largest value."""


@dataclass(frozen=True)
class Benchmark:
    """What was measured of a configuration.

    Attributes:
        config: its file.
        name: of the experiment.
        machine: processor, workers and libraries.
        results: one for each batch size.
    """

    config: Path
    name: str
    machine: dict[str, Any]
    results: tuple[Result, ...]

    @property
    def memory_bytes_per_sample(self) -> float | None:
        """What each further sample of a batch needs; None for a single batch size."""
        return bytes_per_sample({result.batch: result.memory_bytes for result in self.results})

    def raise_if_different(self) -> None:
        """Raise if loss or gradients differ from PyTorch's.

        Raises:
            GradientError: they do, by more than `AGREEMENT`, or are not finite.
        """
        for result in self.results:
            if result.torch and not result.torch.max_relative_difference <= AGREEMENT:
                raise GradientError(
                    f"batch {result.batch}: {result.torch.worst} differs from PyTorch by "
                    f"{result.torch.max_relative_difference:.1e}, more than {AGREEMENT:.0e}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as a JSON document."""
        return {
            "config": str(self.config),
            "machine": self.machine,
            "results": [result.to_dict() for result in self.results],
            "memory_bytes_per_sample": self.memory_bytes_per_sample,
        }

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a line for each batch size."""
        columns = ("batch", "step ms", "samples/s", "memory MiB", "ratio to PyTorch")
        rows = [
            (
                result.batch,
                result.step_ms,
                round(result.samples_per_second),
                result.memory_bytes / (1 << 20),
                result.torch.ratio if result.torch else None,
            )
            for result in self.results
        ]
        summary = f"{self.machine['processor']}, {self.machine['workers']} workers"
        heading = f"{self.name}: median training steps"
        return html_table(heading, summary, columns, [tuple(map(cell, row)) for row in rows])


def bench(
    config: Path | str,
    overrides: Sequence[str] = (),
    *,
    plugins: Sequence[Path | str] = (),
    batches: Sequence[int] = (),
    against_torch: bool = False,
    workers: int | None = None,
    seconds: float = 3.0,
    on_result: Callable[[Result], None] | None = None,
) -> Benchmark:
    """Measure training steps: time, layer by layer, and how near they come to the machine's limit.

    Args:
        config: the configuration file; the process that measures memory reads it again.
        overrides: of its settings, such as `train.batch_size=32`.
        plugins: Python files that register what it names.
        batches: samples of a step; by default the configuration's.
        against_torch: measure PyTorch too, in turn with ours.
        workers: parts of a batch computed at once, and threads of PyTorch; by default as many as
            there are processors.
        seconds: to spend on each median.
        on_result: called with each batch size's result when it is there.

    Raises:
        CnnrunError: the configuration is wrong; PyTorch is wanted and missing, or has no
            counterpart to a layer.
    """
    experiment = load_experiment(config, overrides, plugins)
    workers = workers or default_workers()
    if against_torch:
        from cnnrun.bench.torch_side import require_torch

        require_torch()
    file = ExperimentFile(Path(config), overrides, [Path(plugin) for plugin in plugins])
    results: list[Result] = []
    for result in measure_batches(
        experiment,
        file,
        batches or [experiment.train.batch_size],
        workers=workers,
        against_torch=against_torch,
        seconds=seconds,
    ):
        results.append(result)
        if on_result is not None:
            on_result(result)
    return Benchmark(Path(config), experiment.name, describe_machine(workers), tuple(results))
