"""The training loop: batches in, optimizer updates, events out. It knows no file and no screen."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import islice

from cnnrun.config import Experiment, metrics_named, require_metric
from cnnrun.data import Feed, PreparedData, feed, has_labels
from cnnrun.engine import Clock, Executor, Network, Pace, find_nonfinite, usual_size
from cnnrun.engine.optimizers.base import State
from cnnrun.engine.types import Array
from cnnrun.errors import DivergedError
from cnnrun.runs.batches import batches_of, steps_of
from cnnrun.runs.charter import Charter
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
from cnnrun.runs.layer_watch import SAMPLES, LayerWatch
from cnnrun.runs.measures.metrics import count_right
from cnnrun.runs.progress import Progress
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.stopping import has_stopped, reason_to_stop, watch
from cnnrun.runs.team import Team

__all__ = ["Trainer"]


class Trainer:
    """Trains one experiment; `progress`, the network and the optimizer's state are its state."""

    def __init__(
        self,
        experiment: Experiment,
        data: PreparedData,
        network: Network,
        workers: int,
        team: Team | None = None,
    ) -> None:
        """Prepare a training from the start, by this process or by a team of several.

        Raises:
            ConfigError: a metric that an epoch is chosen by is not measured, or there are more
                ranks than shards.
        """
        for option, name in metrics_named(experiment.train).items():
            require_metric(option, name, data.task, has_validation=data.val is not None)
        self.experiment = experiment
        self.data = data
        self.network = network
        self.workers = workers
        self.team = team or Team()
        self.optimizer = experiment.optimizer
        self.optimizer_state: State = self.optimizer.initial_state(network.parameters)
        self.progress = Progress()
        options = experiment.train
        self.steps = steps_of(len(data.train), options.batch_size, options.accumulate)
        self.shard_size = options.samples_per_shard
        if self.shard_size is None and options.accumulate > 1:  # as of a single one of the batches
            self.shard_size = usual_size(options.batch_size, network.multiply_adds())
        first = self.steps[0][0]
        self.team.require_shards(first.stop - first.start, self.shard_size, network.multiply_adds())
        self._watch = LayerWatch(network, options.log_every)
        self._measured: LayersMeasured | None = None

    def train(self, stop: StopRequest) -> Iterator[Event]:
        """Train until all epochs are done or `stop` asks to stop, and tell what happens.

        Raises:
            DivergedError: a loss or gradient is not finite, and the step was not done; or weights,
                the optimizer's state or the validation loss, and the epoch was not finished.
        """
        progress, options = self.progress, self.experiment.train
        if joined := self.team.assemble(self._charter):
            yield joined
        yield TrainingStarted(
            progress.step, options.epochs, len(self.steps), at_best=progress.at_best
        )
        # Where layers sum over the whole batch, no shard can be computed without the others.
        pace = None if self.workers == 1 or self.network.uses_whole_batch else Pace()
        with (
            self._feed() as batches,
            self.team.executor(
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
                    if self.team.is_to_stop(stop):
                        self.team.gather(executor)
                        yield Stopped(progress.step)
                        return
                    try:
                        done = self._step(executor, batches, upcoming, stop)
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

    def _charter(self) -> Charter:
        """Return what other ranks need to train along from here on."""
        state = self.network.state(), self.optimizer_state
        return Charter.of(self.experiment, self.data, self.progress, *state)

    def _feed(self) -> Feed:
        """Return what gives the batches: prepared ahead where there are workers beside this one."""
        sizes = {part.stop - part.start for step in self.steps for part in step}
        most = max(len(range(size)[self._own(size)]) for size in sizes)
        seed = self.experiment.seed

        def own() -> Iterator[tuple[int, Array]]:
            for epoch, indices in self._upcoming():
                yield epoch, indices[self._own(len(indices))]

        return feed(self.data.train, seed, own, most, int(self.workers > 1))

    def _own(self, samples: int) -> slice:
        """Return which samples of a batch are computed in this process."""
        return self.team.own(samples, self.shard_size, self.network.multiply_adds())

    def _whole(self, epoch: int, indices: Array, x: Array, targets: Array) -> tuple[Array, Array]:
        """Return samples of a batch of which x and targets may be this process's part alone."""
        if self.team.size == 1:
            return x, targets
        return self.data.train.batch(indices, seed=self.experiment.seed, epoch=epoch)

    def _step(
        self,
        executor: Executor,
        batches: Feed,
        upcoming: Iterator[tuple[int, Array]],
        stop: StopRequest,
    ) -> StepFinished:
        """Do one optimizer update with the next batch that is upcoming, or batches."""
        started, waited = time.perf_counter(), 0.0
        progress, parts = self.progress, self.steps[self.progress.batch]
        samples, right, told = parts[-1].stop - parts[0].start, 0, 0
        for number, (epoch, indices) in enumerate(islice(upcoming, len(parts))):
            asked = time.perf_counter()
            x, targets = batches.batch(epoch, indices[self._own(len(indices))])
            waited += time.perf_counter() - asked
            result = executor.step(
                x,
                targets,
                seed=self.experiment.seed,
                step=progress.step,
                batch=samples,
                is_first=number == 0,
                samples=len(indices),
            )
            norm = executor.gradient_norm()
            if not (math.isfinite(result.loss) and math.isfinite(norm)):
                self._explain_divergence(*self._whole(epoch, indices, x, targets))
            if result.counts and has_labels(self.data.task):
                scores = self.experiment.loss.predictions(result.outputs)
                right, told = right + count_right(scores, targets), told + targets.size
        total = len(self.steps) * self.experiment.train.epochs
        clock = Clock(progress.step, len(self.steps), total)
        factor = self.experiment.schedule.factor(clock, progress.schedule)
        progress.learning_rate = self.optimizer.learning_rate * factor
        is_last = progress.batch + 1 == len(self.steps)
        is_watched = self._watch.is_due(progress.step + 1, is_last=is_last)
        if is_watched:
            self._watch.before(executor.gather_gradients())
        executor.update(learning_rate=progress.learning_rate, step=progress.step + 1, norm=norm)
        self._measured = None
        if is_watched:
            first, _ = self._whole(epoch, indices[:SAMPLES], x, targets)
            layers = self._watch.after(first)
            self._measured = LayersMeasured(epoch + 1, progress.step + 1, layers)
        self._count(result.loss, norm, samples, *self.team.after_step(right, told, stop))
        if self.team.is_due:
            self.team.gather(executor)
        seconds = time.perf_counter() - started
        progress.seconds += seconds
        return StepFinished(
            progress.step, epoch, progress.batch, result.loss, waited / seconds, self.team.is_due
        )

    def _count(self, loss: float, norm: float, samples: int, right: int, told: int) -> None:
        """Add a step's figures to the epoch's; of the answers `told`, so many are `right`."""
        progress = self.progress
        progress.step += 1
        progress.batch += 1
        progress.samples += samples
        progress.loss += loss * samples
        progress.grad_norm += norm
        if told:
            progress.right += right / told * samples

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
        self.team.gather(executor)
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
