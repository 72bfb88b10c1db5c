"""Measures an experiment's training steps at one batch size after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.bench.data_wait import data_at_hand, data_wait_share
from cnnrun.bench.layers import LayerTime, time_layers
from cnnrun.bench.limit import limit_ms
from cnnrun.bench.memory import peak_memory
from cnnrun.bench.stable_samples import draw_stable
from cnnrun.bench.timing import in_turn
from cnnrun.bench.training_step import Samples, TrainingStep, draw, without_dropout
from cnnrun.config import Experiment

__all__ = ["ExperimentFile", "LayerResult", "Result", "TorchResult", "measure_batches"]

FLOOR = 1e-2
"""A tensor's differences are divided by its largest value, but at least by this part of the
network's largest gradient."""


@dataclass(frozen=True)
class ExperimentFile:
    """The file of an experiment: the process that measures memory reads it again."""

    config: Path
    overrides: Sequence[str] = ()
    plugins: Sequence[Path] = ()


@dataclass(frozen=True)
class LayerResult:
    """A layer's part of a step.

    Attributes:
        multiply_adds: of one sample's forward pass.
        gflops: 1e9 operations a second, counting two for each multiply-add of the direct products
            forward and backward; None where there are none.
        limit_share: the time that bare matrix products take over the layer's.
        method: how its convolutions are computed; None for other layers.
    """

    name: str
    type: str
    forward_ms: float
    backward_ms: float
    multiply_adds: int
    gflops: float | None
    limit_share: float | None
    method: str | None


@dataclass(frozen=True)
class TorchResult:
    """What PyTorch took for the same step.

    Attributes:
        step_ms: by memory layout.
        ratio: the better one's time over ours; above 1 we are faster.
        max_relative_difference: of the loss and of every gradient, to the largest value of it.
        worst: the tensor that differs most, or `loss`.
    """

    version: str
    step_ms: dict[str, float]
    ratio: float
    max_relative_difference: float
    worst: str


@dataclass(frozen=True)
class Result:
    """One batch size.

    Attributes:
        step_ms: the median of a whole step: forward, backward, optimizer.
        other_ms: what is not in a layer: the optimizer, and handing shards over and adding up.
        gemm_limit_share: the time of a step's matrix products alone, over the step's.
        memory_bytes: of a process that does such steps, its workers included.
        data_wait_share: the part of a training step that waits for its batch, with the data and
            augmentation of the experiment; None where the data are not there.
    """

    batch: int
    step_ms: float
    samples_per_second: float
    gemm_limit_share: float
    gemm_limit_gflops: float
    other_ms: float
    memory_bytes: int
    layers: tuple[LayerResult, ...]
    torch: TorchResult | None
    data_wait_share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a JSON document, with PyTorch's figures beside ours."""
        document = asdict(self)
        torch = document.pop("torch")
        if torch:
            document |= {
                "torch_version": torch["version"],
                "torch_ms": torch["step_ms"],
                "ratio": torch["ratio"],
                "max_relative_difference": torch["max_relative_difference"],
                "worst_tensor": torch["worst"],
            }
        return document


def measure_batches(
    experiment: Experiment,
    file: ExperimentFile,
    batches: Sequence[int],
    *,
    workers: int,
    against_torch: bool = False,
    seconds: float = 3.0,
) -> Iterator[Result]:
    """Measure steps of the configuration's network and yield a result for each batch size.

    Args:
        experiment: what to measure, with samples of its data's shape.
        file: where it was read from.
        batches: samples of a step.
        workers: of ours, and threads of PyTorch.
        against_torch: measure PyTorch too, in turn with ours.
        seconds: to spend on each median.

    Raises:
        OptionError, ShapeError: PyTorch is wanted and missing, or has no counterpart.
    """
    info = experiment.data.dataset.info(experiment.base)
    data = data_at_hand(experiment)
    for batch in batches:
        difference, worst = 0.0, ""
        if against_torch:
            plain = without_dropout(experiment)
            with TrainingStep(plain, info, workers) as training:
                stable = draw_stable(plain, info, batch)
                difference, worst = _difference(plain, training, stable, workers)
        with TrainingStep(experiment, info, workers) as training:
            samples = draw(experiment, info, batch)
            steps: dict[str, Callable[[], object]] = {"ours": partial(training.step, samples)}
            if against_torch:
                steps |= _torch_steps(experiment, training, samples, workers)
            times = in_turn(steps, seconds)
            layers = time_layers(training, samples, seconds / 2)
            limits = limit_ms(training.network, batch, workers)
            rows = _rows(training, layers, limits, batch)
        step_ms = times.pop("ours")
        limit = sum(limits.values())
        yield Result(
            batch=batch,
            step_ms=step_ms,
            samples_per_second=1e3 * batch / step_ms,
            gemm_limit_share=limit / step_ms,
            gemm_limit_gflops=_operations(training, batch) / limit / 1e6 if limit else 0.0,
            other_ms=max(0.0, step_ms - sum(row.forward_ms + row.backward_ms for row in rows)),
            memory_bytes=peak_memory(file.config, file.overrides, file.plugins, batch, workers),
            layers=rows,
            torch=_torch_result(times, step_ms, difference, worst) if against_torch else None,
            data_wait_share=data_wait_share(experiment, data, batch, workers, seconds / 4),
        )


def _rows(
    training: TrainingStep, layers: dict[str, LayerTime], limits: dict[str, float], batch: int
) -> tuple[LayerResult, ...]:
    rows = []
    for index, (name, layer) in enumerate(training.network.layers.items()):
        times, work = layers[name], layer.multiply_adds()
        spent = times.forward_ms + times.backward_ms
        products = 3 if index else 2
        rows.append(
            LayerResult(
                name=name,
                type=layer.type_name,
                forward_ms=times.forward_ms,
                backward_ms=times.backward_ms,
                multiply_adds=work,
                gflops=2e-6 * products * work * batch / spent if work else None,
                limit_share=limits[name] / spent if work else None,
                method=training.executor.program.method(name, layer),
            )
        )
    return tuple(rows)


def _operations(training: TrainingStep, batch: int) -> float:
    """Return the operations of a step's direct products."""
    layers = training.network.layers.values()
    return sum(
        2.0 * (3 if index else 2) * layer.multiply_adds() * batch
        for index, layer in enumerate(layers)
    )


def _torch_steps(
    experiment: Experiment, training: TrainingStep, samples: Samples, workers: int
) -> dict[str, Callable[[], object]]:
    from cnnrun.bench.torch_side import LAYOUTS, TorchSide

    return {
        layout: TorchSide(experiment, training.network, samples, layout, workers).step
        for layout in LAYOUTS
    }


def _difference(
    experiment: Experiment, training: TrainingStep, samples: Samples, workers: int
) -> tuple[float, str]:
    """Return the largest relative difference of loss and gradients, and where it is."""
    from cnnrun.bench.torch_side import LAYOUTS, TorchSide

    differences: list[tuple[float, str]] = []
    ours = training.forward_backward(samples)
    for layout in LAYOUTS:
        side = TorchSide(experiment, training.network, samples, layout, workers)
        loss, gradients = side.forward_backward()
        differences.append((abs(ours.loss - loss) / max(abs(loss), 1e-30), "loss"))
        largest = max(float(np.max(np.abs(g))) for g in gradients.values()) if gradients else 0.0
        for name, gradient in gradients.items():
            # A bias before batch normalisation has no gradient but rounding: hence the floor.
            scale = max(float(np.max(np.abs(gradient))), FLOOR * largest, 1e-30)
            difference = np.max(np.abs(ours.gradients[name].astype(np.float64) - gradient))
            differences.append((float(difference) / scale, name))
    return max(differences)


def _torch_result(
    times: dict[str, float], step_ms: float, difference: float, worst: str
) -> TorchResult:
    from cnnrun.bench.torch_side import require_torch

    return TorchResult(
        version=str(require_torch().__version__),
        step_ms=times,
        ratio=min(times.values()) / step_ms,
        max_relative_difference=difference,
        worst=worst,
    )
