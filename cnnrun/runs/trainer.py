"""The training loop: batches in, optimizer updates, events out. It knows no file and no screen."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cnnrun.config import Experiment, metrics_named, require_metric
from cnnrun.data import Feed, PreparedData, feed, has_labels
from cnnrun.engine import Clock, Executor, Network, Pace, StepResult, find_nonfinite
from cnnrun.engine.optimizers.base import State, global_norm
from cnnrun.engine.types import Array
from cnnrun.errors import DivergedError
from cnnrun.runs.batches import batch_slices, batches_of
from cnnrun.runs.choosing import rank
from cnnrun.runs.divergence import require_finite_evaluation, require_finite_state
from cnnrun.runs.evaluation import Evaluation, evaluate
from cnnrun.runs.events import (
    Diverged,
    EpochFinished,
    EpochMetrics,
    Event,
    LayersMeasured,
    StepFinished,
    Stopped,
    TrainingFinished,
    TrainingStarted,
    WorkersSlow,
)
from cnnrun.runs.layer_watch import LayerWatch
from cnnrun.runs.measures.metrics import accuracy
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.stopping import has_stopped, reason_to_stop, watch

__all__ = ["Progress", "Trainer"]


@dataclass
class Progress:
    """Where a training stands, as plain values that a checkpoint keeps exactly.

    Attributes:
        step, epoch: how many are done.
        batch: batches done of the epoch at hand, with the sums of its figures so far.
        schedule: what the schedule remembers.
        best: the best epoch's metrics.
        stopping: what early stopping remembers.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    right: float = 0.0
    samples: int = 0
    grad_norm: float = 0.0
    seconds: float = 0.0
    learning_rate: float = 0.0
    schedule: dict[str, float] = field(default_factory=dict)
    best: dict[str, Any] | None = None
    stopping: dict[str, float] = field(default_factory=dict)

    @property
    def at_best(self) -> bool:
        """Whether no step has been done since the best epoch."""
        return self.best is not None and self.best["step"] == self.step

    def start_epoch(self) -> None:
        """Forget the sums of the epoch before."""
        self.batch, self.samples = 0, 0
        self.loss = self.right = self.grad_norm = self.seconds = 0.0


class Trainer:
    """Trains one experiment; `progress`, the network and the optimizer's state are its state."""

    def __init__(
        self, experiment: Experiment, data: PreparedData, network: Network, workers: int
    ) -> None:
        """Prepare a training from the start.

        Raises:
            ConfigError: a metric that an epoch is chosen by is not measured.
        """
        for option, name in metrics_named(experiment.train).items():
            require_metric(option, name, data.task, has_validation=data.val is not None)
        self.experiment = experiment
        self.data = data
        self.network = network
        self.workers = workers
        self.optimizer = experiment.optimizer
        self.optimizer_state: State = self.optimizer.initial_state(network.parameters)
        self.progress = Progress()
        self._watch = LayerWatch(network)
        self._measured: LayersMeasured | None = None
        self.batches = batch_slices(len(data.train), experiment.train.batch_size)

    def train(self, stop: StopRequest) -> Iterator[Event]:
        """Train until all epochs are done or `stop` asks to stop, and tell what happens.

        Raises:
            DivergedError: a loss or gradient is not finite, and the step was not done; or weights,
                the optimizer's state or the validation loss, and the epoch was not finished.
        """
        progress, options = self.progress, self.experiment.train
        yield TrainingStarted(
            progress.step, options.epochs, len(self.batches), at_best=progress.at_best
        )
        # Where layers sum over the whole batch, no shard can be computed without the others.
        pace = None if self.workers == 1 or self.network.uses_whole_batch else Pace()
        with (
            self._feed() as batches,
            Executor(
                self.network,
                self.experiment.loss,
                workers=self.workers,
                shard_size=options.samples_per_shard,
                optimizer=self.optimizer,
                optimizer_state=self.optimizer_state,
                pace=pace,
            ) as executor,
        ):
            upcoming = self._upcoming()
            while progress.epoch < options.epochs and not has_stopped(progress.stopping):
                while progress.batch < len(self.batches):
                    if stop:
                        yield Stopped(progress.step)
                        return
                    try:
                        done = self._step(executor, batches, next(upcoming))
                    except DivergedError as error:
                        yield Diverged(progress.step + 1, str(error))
                        raise
                    if self._measured:
                        yield self._measured
                    yield done
                    if pace and pace.is_known:
                        if slow := pace.slowdown():
                            yield WorkersSlow(self.workers, slow.together, slow.alone)
                        pace = None
                try:
                    finished = self._finish_epoch(executor)
                except DivergedError as error:
                    yield Diverged(progress.step, str(error))
                    raise
                yield finished
        if has_stopped(progress.stopping) and progress.best:
            yield reason_to_stop(options, progress.best, progress.stopping, progress.epoch)
        yield TrainingFinished(progress.step)

    def _upcoming(self) -> Iterator[tuple[int, Array]]:
        """Yield the epoch and the samples of every batch that is left."""
        samples, options = len(self.data.train), self.experiment.train
        left = range(self.progress.epoch, options.epochs)
        return batches_of(samples, self.batches, self.experiment.seed, left, self.progress.batch)

    def _feed(self) -> Feed:
        """Return what gives the batches: prepared ahead where there are workers beside this one."""
        most = max(part.stop - part.start for part in self.batches)
        seed = self.experiment.seed
        return feed(self.data.train, seed, self._upcoming, most, int(self.workers > 1))

    def _step(self, executor: Executor, batches: Feed, which: tuple[int, Array]) -> StepFinished:
        """Do one optimizer update with the samples of an epoch that `which` says."""
        started = time.perf_counter()
        progress, seed, (epoch, indices) = self.progress, self.experiment.seed, which
        x, targets = batches.batch(epoch, indices)
        waited = time.perf_counter() - started
        result = executor.step(x, targets, seed=seed, step=progress.step)
        norm = global_norm(result.gradients)
        if not (math.isfinite(result.loss) and math.isfinite(norm)):
            self._explain_divergence(x, targets)
        clock = Clock(
            progress.step, len(self.batches), len(self.batches) * self.experiment.train.epochs
        )
        factor = self.experiment.schedule.factor(clock, progress.schedule)
        progress.learning_rate = self.optimizer.learning_rate * factor
        is_watched = self._is_watched()
        if is_watched:
            self._watch.before(result.gradients)
        executor.update(learning_rate=progress.learning_rate, step=progress.step + 1, norm=norm)
        self._measured = None
        if is_watched:
            layers = self._watch.after(x)
            self._measured = LayersMeasured(epoch + 1, progress.step + 1, layers)
        self._count(result, targets, norm, len(indices))
        seconds = time.perf_counter() - started
        progress.seconds += seconds
        return StepFinished(progress.step, epoch, progress.batch, result.loss, waited / seconds)

    def _is_watched(self) -> bool:
        """Return whether the step at hand is measured layer by layer: an epoch's last, at least."""
        every, done = self.experiment.train.log_every, self.progress.step + 1
        is_last = self.progress.batch + 1 == len(self.batches)
        return is_last or (every is not None and done % every == 0)

    def _count(self, result: StepResult, targets: Array, norm: float, samples: int) -> None:
        progress = self.progress
        progress.step += 1
        progress.batch += 1
        progress.samples += samples
        progress.loss += result.loss * samples
        progress.grad_norm += norm
        if has_labels(self.data.task):
            scores = self.experiment.loss.predictions(result.outputs)
            progress.right += accuracy(scores, targets) * samples

    def _explain_divergence(self, x: Array, targets: Array) -> None:
        """Raise DivergedError with the step, and the layer where it began."""
        progress, options = self.progress, self.experiment.train
        first = find_nonfinite(
            self.network,
            self.experiment.loss,
            x,
            targets,
            seed=self.experiment.seed,
            step=progress.step,
            shard_size=options.samples_per_shard,
        )
        where = str(first) if first else "in the norm of the gradients"
        raise DivergedError(
            f"training diverged at step {progress.step + 1} (epoch {progress.epoch + 1}): a value "
            f"is not finite, {where}; a smaller learning rate or clip_norm may help"
        )

    def _require_finite(self, validation: Evaluation | None) -> None:
        """Raise DivergedError unless an epoch's weights, state and validation loss are finite."""
        epoch = f"in epoch {self.progress.epoch + 1}"
        require_finite_state(self.network, self.optimizer_state, epoch)
        if validation is not None and self.data.val is not None:
            when = f"{epoch}, on the validation split"
            loss = self.experiment.loss
            require_finite_evaluation(validation, self.network, loss, self.data.val, when)

    def _finish_epoch(self, executor: Executor) -> EpochFinished:
        """Validate, close the epoch's sums, and note the best epoch."""
        progress = self.progress
        trained = progress.seconds
        started = time.perf_counter()
        validation = None
        if self.data.val is not None:
            validation = evaluate(executor, self.data.val, self.data.info.class_names)
        self._require_finite(validation)
        progress.epoch += 1
        right = progress.right if has_labels(self.data.task) else None
        further = validation.figures.metrics if validation else {}
        metrics = EpochMetrics(
            epoch=progress.epoch,
            step=progress.step,
            train_loss=progress.loss / progress.samples,
            train_accuracy=right / progress.samples if right is not None else None,
            val_loss=validation.loss if validation else None,
            val_accuracy=further.pop("accuracy", None),
            learning_rate=progress.learning_rate,
            grad_norm=progress.grad_norm / len(self.batches),
            seconds=trained + time.perf_counter() - started,
            samples_per_second=progress.samples / max(trained, 1e-9),
            val_auc=further.pop("auc", None),
            further=further,
        )
        monitored = metrics.val_loss if validation else metrics.train_loss
        if monitored is not None:
            self.experiment.schedule.observe(monitored, progress.schedule)
        best, figures = self.experiment.train.chosen_by, metrics.to_json()
        improved = progress.best is None or rank(figures, best) > rank(progress.best, best)
        if improved:
            progress.best = figures
        watch(self.experiment.train, figures, progress.stopping)
        progress.start_epoch()
        return EpochFinished(metrics, improved)
