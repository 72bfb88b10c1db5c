"""What happens in a training, told to whoever listens: the log, checkpoints, a progress bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cnnrun.runs.layer_watch import LayerFigures

__all__ = [
    "Diverged",
    "EpochFinished",
    "EpochMetrics",
    "Event",
    "FinalTest",
    "LayersMeasured",
    "RanksJoined",
    "StepFinished",
    "Stopped",
    "StoppedEarly",
    "TrainingFinished",
    "TrainingStarted",
    "WorkersSlow",
]


@dataclass(frozen=True)
class EpochMetrics:
    """The figures of one epoch; a `val_` figure is None without a validation split.

    Attributes:
        epoch, step: how many have been done.
        train_loss, train_accuracy: means over the epoch's batches, while the weights change.
        val_loss, val_accuracy: of the validation split, after the epoch.
        learning_rate: of the epoch's last step.
        grad_norm: global L2 norm of the gradients before clipping, mean over the epoch's steps.
        seconds: spent on the epoch, its validation included.
        samples_per_second: of training alone.
        val_auc: the mean of every class's AUC on the validation split; None where there is none.
        further: what else `cnnrun.config.METRICS` has of the task, of the validation split.
    """

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    grad_norm: float
    seconds: float
    samples_per_second: float
    val_auc: float | None = None
    further: Mapping[str, float | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name: those of validation as `val_f1`, null if not finite."""
        figures = asdict(self)
        further: dict[str, float | None] = figures.pop("further")
        for name, value in further.items():
            is_known = value is not None and math.isfinite(value)
            figures[f"val_{name}"] = value if is_known else None
        return figures


@dataclass(frozen=True)
class RanksJoined:
    """Several ranks train together; each entry of `hosts` and `workers` is of one of them.

    `differences` are what may round other bits on one than on the first: processor, libraries.
    """

    hosts: tuple[str, ...]
    workers: tuple[int, ...]
    differences: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {"size": len(self.hosts), **asdict(self)}


@dataclass(frozen=True)
class TrainingStarted:
    """Training begins, or goes on after `step` steps.

    `at_best` says whether the weights are still those of the best epoch.
    """

    step: int
    epochs: int
    steps_per_epoch: int
    at_best: bool = False


@dataclass(frozen=True)
class StepFinished:
    """One optimizer update was done.

    Attributes:
        step: how many are done.
        epoch: which it belongs to, from 0.
        batch: how many are done of the epoch.
        loss: of the batch.
        waited: the share of the step's time in which it waited for its batch.
        is_due: whether a checkpoint is to be written; None leaves that to who writes it.
    """

    step: int
    epoch: int
    batch: int
    loss: float
    waited: float = 0.0
    is_due: bool | None = None


@dataclass(frozen=True)
class LayersMeasured:
    """What the update that is told of next did to every layer, in natural order.

    `epoch` is the number of the epoch that the step belongs to, from 1.
    """

    epoch: int
    step: int
    layers: tuple[LayerFigures, ...]


@dataclass(frozen=True)
class WorkersSlow:
    """After the first steps: on this machine, as it is now, one worker would be faster.

    Attributes:
        workers: how many there are.
        together: seconds that they took for a step, its update left out.
        alone: seconds that one took.
    """

    workers: int
    together: float
    alone: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


@dataclass(frozen=True)
class EpochFinished:
    """One pass over the training split was done; `improved` if it is the best so far."""

    metrics: EpochMetrics
    improved: bool


@dataclass(frozen=True)
class Stopped:
    """Training stopped on request; it can be resumed."""

    step: int


@dataclass(frozen=True)
class Diverged:
    """A loss or gradient was not finite; the step was not done."""

    step: int
    message: str


@dataclass(frozen=True)
class StoppedEarly:
    """Training stops before all epochs are done: a metric no longer improves.

    Attributes:
        epoch: how many are done.
        monitor: the metric.
        patience: epochs without an improvement that were waited for.
        best, best_epoch: its best value and when that was; None where it was never measured.
        kept_epoch: the epoch whose weights are tested.
    """

    epoch: int
    monitor: str
    patience: int
    best: float | None
    best_epoch: int | None
    kept_epoch: int

    @property
    def reason(self) -> str:
        """Why, in words, and which weights are kept."""
        since = f" since epoch {self.best_epoch} ({self.best:.4g})" if self.best_epoch else ""
        waited = f"{self.patience} epoch{'s' * (self.patience != 1)}"
        return (
            f"after epoch {self.epoch}: {self.monitor} has not improved for {waited}{since}; "
            f"the weights of epoch {self.kept_epoch} are kept"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name, and the reason."""
        return {**asdict(self), "reason": self.reason}


@dataclass(frozen=True)
class TrainingFinished:
    """All epochs are done, or it has stopped early."""

    step: int


@dataclass(frozen=True)
class FinalTest:
    """After the last epoch, a checkpoint was measured on the test split; then the run is finished.

    `accuracy` is None when the targets are not labels; `summary` then says in words how good the
    network is.
    """

    checkpoint: str
    loss: float
    accuracy: float | None
    summary: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name; a summary only where there is one."""
        figures = asdict(self)
        if self.summary is None:
            del figures["summary"]
        return figures


Event = (
    RanksJoined
    | TrainingStarted
    | LayersMeasured
    | StepFinished
    | WorkersSlow
    | EpochFinished
    | Stopped
    | StoppedEarly
    | Diverged
    | TrainingFinished
    | FinalTest
)
