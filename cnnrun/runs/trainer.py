"""The training loop: batches in, optimizer updates, events out. It knows no file and no screen."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import islice

import numpy as np

from cnnrun.config import Experiment, metrics_named, require_metric
from cnnrun.data import Feed, PreparedData, feed, has_labels
from cnnrun.engine import Clock, Executor, Network, Pace, find_nonfinite, usual_size
from cnnrun.engine.optimizers.base import State, global_norm
from cnnrun.engine.types import Array
from cnnrun.errors import DivergedError
from cnnrun.runs.batches import batches_of, steps_of
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
from cnnrun.runs.progress import Progress
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.stopping import has_stopped, reason_to_stop, watch

__all__ = ["Trainer"]


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
        options = experiment.train
        self.steps = steps_of(len(data.train), options.batch_size, options.accumulate)
        self.shard_size = options.samples_per_shard
        if self.shard_size is None and options.accumulate > 1:  # as of a single one of the batches
            self.shard_size = usual_size(options.batch_size, network.multiply_adds())
        self._watch = LayerWatch(network, options.log_every)
        self._measured: LayersMeasured | None = None

    def train(self, stop: StopRequest) -> Iterator[Event]:
        """Train until all epochs are done or `stop` asks to stop, and tell what happens.

        Raises:
            DivergedError: a loss or gradient is not finite, and the step was not done; or weights,
                the optimizer's state or the validation loss, and the epoch was not finished.
        """
        progress, options = self.progress, self.experiment.train
        yield TrainingStarted(
            progress.step, options.epochs, len(self.steps), at_best=progress.at_best
        )
        # Where layers sum over the whole batch, no shard can be computed without the others.
        pace = None if self.workers == 1 or self.network.uses_whole_batch else Pace()
        with (
            self._feed() as batches,
            Executor(
                self.network,
                self.experiment.loss,
                workers=self.workers,
                shard_size=self.shard_size,
                optimizer=self.optimizer,
                optimizer_state=self.optimizer_state,
                pace=pace,
            ) as executor,
        ):
            upcoming = self._upcoming()
            while progress.epoch < options.epochs and not has_stopped(progress.stopping):
                while progress.batch < len(self.steps):
                    if stop:
                        yield Stopped(progress.step)
                        return
                    try:
                        done = self._step(executor, batches, upcoming)
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
        left = range(self.progress.epoch, self.experiment.train.epochs)
        batches = [part for step in self.steps for part in step]
        first = sum(map(len, self.steps[: self.progress.batch]))
        return batches_of(self.data.train, batches, self.experiment.seed, left, first)

    def _feed(self) -> Feed:
        """Return what gives the batches: prepared ahead where there are workers beside this one."""
        most = max(part.stop - part.start for step in self.steps for part in step)
        seed = self.experiment.seed
        return feed(self.data.train, seed, self._upcoming, most, int(self.workers > 1))

    def _step(
        self, executor: Executor, batches: Feed, upcoming: Iterator[tuple[int, Array]]
    ) -> StepFinished:
        """Do one optimizer update with the next batch that is upcoming, or batches."""
        started, waited = time.perf_counter(), 0.0
        progress, parts = self.progress, self.steps[self.progress.batch]
        samples, answers = parts[-1].stop - parts[0].start, []
        for number, (epoch, indices) in enumerate(islice(upcoming, len(parts))):
            asked = time.perf_counter()
            x, targets = batches.batch(epoch, indices)
            waited += time.perf_counter() - asked
            result = executor.step(
                x,
                targets,
                seed=self.experiment.seed,
                step=progress.step,
                batch=samples,
                is_first=number == 0,
            )
            norm = global_norm(result.gradients)
            if not (math.isfinite(result.loss) and math.isfinite(norm)):
                self._explain_divergence(x, targets)
            answers.append((result.outputs, targets))
            if len(parts) > 1:  # the next batch is written over this one
                answers[-1] = np.array(result.outputs), np.array(targets)
        total = len(self.steps) * self.experiment.train.epochs
        clock = Clock(progress.step, len(self.steps), total)
        factor = self.experiment.schedule.factor(clock, progress.schedule)
        progress.learning_rate = self.optimizer.learning_rate * factor
        is_last = progress.batch + 1 == len(self.steps)
        is_watched = self._watch.is_due(progress.step + 1, is_last=is_last)
        if is_watched:
            self._watch.before(result.gradients)
        executor.update(learning_rate=progress.learning_rate, step=progress.step + 1, norm=norm)
        self._measured = None
        if is_watched:
            layers = self._watch.after(x)
            self._measured = LayersMeasured(epoch + 1, progress.step + 1, layers)
        self._count(result.loss, answers, norm, samples)
        seconds = time.perf_counter() - started
        progress.seconds += seconds
        return StepFinished(progress.step, epoch, progress.batch, result.loss, waited / seconds)

    def _count(
        self, loss: float, answers: list[tuple[Array, Array]], norm: float, samples: int
    ) -> None:
        """Add a step's figures to the epoch's; `answers` are outputs and targets of its batches."""
        progress = self.progress
        progress.step += 1
        progress.batch += 1
        progress.samples += samples
        progress.loss += loss * samples
        progress.grad_norm += norm
        if has_labels(self.data.task):
            outputs, targets = answers[0]
            if len(answers) > 1:
                outputs, targets = map(np.concatenate, zip(*answers, strict=True))
            scores = self.experiment.loss.predictions(outputs)
            progress.right += accuracy(scores, targets) * samples

    def _explain_divergence(self, x: Array, targets: Array) -> None:
        """Raise DivergedError with the step, and the layer where it began."""
        progress = self.progress
        first = find_nonfinite(
            self.network,
            self.experiment.loss,
            x,
            targets,
            seed=self.experiment.seed,
            step=progress.step,
            shard_size=self.shard_size,
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
            grad_norm=progress.grad_norm / len(self.steps),
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
