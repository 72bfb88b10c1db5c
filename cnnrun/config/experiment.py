"""An experiment: everything a configuration file says, as validated objects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal

from cnnrun.config.metrics import MetricName
from cnnrun.data import DataOptions, Dataset
from cnnrun.engine import LayerConfig, Loss, Optimizer, Schedule
from cnnrun.engine.kernels.convolution import MethodName
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.engine.schedules import Constant
from cnnrun.engine.types import NonNegative, NonNegativeInt, PositiveInt
from cnnrun.errors import OptionError

__all__ = ["EarlyStopping", "Experiment", "TrainOptions", "metrics_named"]


@dataclass(frozen=True)
class EarlyStopping:
    """The `train.early_stopping:` section: training stops when a metric no longer improves.

    Attributes:
        monitor: the metric, as `train.best` takes it; `auto` is the one that `train.best` names.
        patience: epochs without an improvement after which training stops.
        min_delta: by how much more than this an epoch has to be better to count as an improvement.
        restore_best: test the best weights, those of `checkpoints/best`; else those of the last
            epoch.
    """

    monitor: MetricName = "auto"
    patience: PositiveInt = 10
    min_delta: NonNegative = 0.0
    restore_best: bool = True


@dataclass(frozen=True)
class TrainOptions:
    """The `train:` section.

    Attributes:
        epochs: passes over the training split.
        batch_size: samples that are computed together.
        accumulate: batches whose gradients are added up for one optimizer step.
        shard_size: samples that one worker takes at a time; part of the experiment, because it
            fixes the order in which gradients are added. `auto` cuts a batch into four, two or one,
            the more the more there is to compute.
        best: the metric that the best checkpoint is chosen by, such as `val_auc`, `val_f1`,
            `val_mse`: one that the task has, with its own direction. `auto` is accuracy where there
            are labels, else loss. Without a validation split there are loss and accuracy, those of
            training. With early stopping `auto` is what that monitors.
        early_stopping: when to stop before all epochs are done; by default never.
        convolution: how convolutions are computed: `auto` is the fastest for each geometry,
            `columns` the direct sum. `winograd` saves multiplications where a window stands at
            every pixel, and rounds a little more: some 1e-6 of the largest value.
        log_every: steps between two lines of `layers.jsonl`, which say what an update did to every
            layer; there is one for the last step of each epoch in any case.
    """

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 64
    accumulate: PositiveInt = 1
    shard_size: PositiveInt | Literal["auto"] = "auto"
    best: MetricName = "auto"
    early_stopping: EarlyStopping | None = None
    convolution: MethodName = "auto"
    log_every: PositiveInt | None = None

    @property
    def samples_per_shard(self) -> int | None:
        """The shard size as an executor takes it: None for `auto`."""
        return None if self.shard_size == "auto" else self.shard_size

    @property
    def chosen_by(self) -> MetricName:
        """The metric that the best epoch is chosen by."""
        monitor = self.early_stopping.monitor if self.early_stopping else "auto"
        return monitor if self.best == "auto" else self.best

    @property
    def monitored(self) -> MetricName:
        """The metric that early stopping looks at."""
        monitor = self.early_stopping.monitor if self.early_stopping else "auto"
        return self.best if monitor == "auto" else monitor

    @property
    def tested(self) -> Literal["best", "last"]:
        """The checkpoint that is measured on the test split."""
        stopping = self.early_stopping
        return "last" if stopping is not None and not stopping.restore_best else "best"


def metrics_named(options: TrainOptions) -> dict[str, MetricName]:
    """Return the metrics that a `train:` section names, by the full keys of the options."""
    stopping = options.early_stopping
    watched = {"train.early_stopping.monitor": stopping.monitor} if stopping else {}
    return {"train.best": options.best, **watched}


@dataclass(frozen=True)
class Experiment:
    """A configuration file.

    Attributes:
        name: what its runs are called.
        seed: of initial weights, data order, augmentation, dropout and the validation split.
        plugins: Python files that were imported before the rest was read, relative to `base`.
        base: the folder that relative paths in the file are relative to; not an option.
    """

    name: str
    data: DataOptions
    network: tuple[LayerConfig, ...]
    optimizer: Optimizer
    loss: Loss = field(default_factory=SoftmaxCrossEntropy)
    schedule: Schedule = field(default_factory=Constant)
    seed: NonNegativeInt = 0
    train: TrainOptions = field(default_factory=TrainOptions)
    plugins: tuple[str, ...] = ()
    base: Path = field(default=Path(), metadata={"option": False})

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", self.name):
            raise OptionError(
                "name", f"is {self.name!r}; use letters, digits, '.', '_' and '-', 80 at most"
            )
        if not self.network:
            raise OptionError("network", "is empty; list at least one layer")

    def load_data(self) -> Dataset:
        """Load its data set as it is on the disk: `train`, `test` and perhaps `val`.

        Each has `images` `(N, H, W, C)`, which are not normalised, and `labels`.

        Raises:
            DataError: it does not exist or is damaged.
        """
        return self.data.dataset.load(self.base)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the configuration with every default."""
        from cnnrun.config.resolved import dump_yaml  # which needs this class

        return f"<pre>{escape(dump_yaml(self))}</pre>"
