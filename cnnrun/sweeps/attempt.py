"""Carries out one trial of a sweep: trains its runs, reports every epoch, and ends bad ones."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cnnrun.errors import CheckpointError, ConfigError, DivergedError, RunError
from cnnrun.runs import Run, Session, StopRequest, resume_run, start_run
from cnnrun.runs.choosing import metric_of
from cnnrun.runs.events import EpochFinished
from cnnrun.runs.succession import succeed
from cnnrun.sweeps.liveness import Heart
from cnnrun.sweeps.points import overrides_of
from cnnrun.sweeps.study import Sweep
from cnnrun.sweeps.trials import RUNS, TrialView

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["Attempt", "Outcome"]

Outcome = Literal["finished", "pruned", "interrupted", "lost"]


@dataclass
class _TrialStop(StopRequest):
    """A request to stop one trial: by a signal, by the sweep, or because the trial is not worth it.

    Attributes:
        outer: the request to stop the process.
        heart: knows of the sweep.
        is_pruned: whether the trial is ended as a bad one.
    """

    outer: StopRequest = field(default_factory=StopRequest)
    heart: Heart | None = None
    is_pruned: bool = False

    @property
    def is_lost(self) -> bool:
        """Whether another process took the trial over."""
        return self.heart is not None and self.heart.is_lost

    def __bool__(self) -> bool:
        is_asked = self.heart is not None and bool(self.heart.stop_reason)
        return self.is_pruned or self.is_lost or is_asked or bool(self.outer)


@dataclass
class Attempt:
    """One trial that this process carries out.

    Attributes:
        sweep, trial: what is carried out; the trial has its settings.
        view: the trial as it stood when it was taken.
        before: the earlier trials of its point, whose runs it goes on with.
        runs_dir: where the folders of runs are created.
        workers: of each training.
        value: the objective, once it is known.
    """

    sweep: Sweep
    trial: Trial
    view: TrialView
    before: Sequence[TrialView]
    runs_dir: Path
    workers: int | None
    value: float | None = None
    _runs: list[dict[str, Any]] = field(default_factory=list)

    def carry_out(self, heart: Heart, stop: StopRequest, tell: Callable[[], None]) -> Outcome:
        """Train the runs of the point, one for each seed.

        Args:
            heart: that beats for it.
            stop: the request to stop the process.
            tell: called after every epoch.

        Raises:
            CnnrunError: the configuration is wrong, or a run cannot be written.
        """
        values = []
        for seed in self.sweep.plan.seeds:
            request = _TrialStop(outer=stop, heart=heart)
            opened = self._open(seed)
            if isinstance(opened, Run):
                status, record = str(opened.record["status"]), opened.record
                self._note(seed, opened)
                if seed == self.sweep.plan.seeds[0]:
                    self._report_past(opened)
            else:
                with opened as session:
                    self._note(seed, session.run)
                    status = self._train(session, request, seed, tell)
                    record = session.record.document
            if status in ("pruned", "diverged"):
                return "pruned"
            if status != "finished":
                return "lost" if heart.is_lost else "interrupted"
            values.append(self._objective(record))
        self.value = sum(values) / len(values)
        return "finished"

    def _train(
        self, session: Session, request: _TrialStop, seed: int | None, tell: Callable[[], None]
    ) -> str:
        """Train a run to its end, or until it is stopped; return its status."""
        is_first = seed == self.sweep.plan.seeds[0]
        if is_first:
            self._report_past(session.run)
        with suppress(DivergedError):  # its status says so
            for event in session.events(request):
                if isinstance(event, EpochFinished):
                    is_last = event.metrics.epoch >= session.experiment.train.epochs
                    if is_first:
                        self._report(event.metrics.to_json())
                        request.is_pruned = not is_last and self._should_prune()
                    tell()
        if session.status == "interrupted" and request.is_pruned:
            session.record.note(status="pruned")
        elif session.status == "interrupted" and request.is_lost:
            session.record.note(status="superseded")
        return session.status

    def _report_past(self, run: Run) -> None:
        for line in run.epochs():
            self._report(line)

    def _report(self, figures: Mapping[str, Any]) -> None:
        from optuna.exceptions import UpdateFinishedTrialError

        value, epoch = self._figure(figures), int(figures["epoch"])
        with suppress(UpdateFinishedTrialError):  # the heart will say so
            self.sweep.call(lambda: self.trial.report(value, epoch))

    def _should_prune(self) -> bool:
        if self.sweep.plan.options.pruner is None:
            return False
        return bool(self.sweep.call(self.trial.should_prune))

    def _objective(self, record: Mapping[str, Any]) -> float:
        """Return the objective of a finished run: of the epoch whose weights are tested."""
        tested = (record.get("test") or {}).get("checkpoint", "best")
        return self._figure(record["best" if tested == "best" else "final"])

    def _figure(self, figures: Mapping[str, Any]) -> float:
        value = figures.get(metric_of(figures, self.sweep.plan.metric))
        if value is None:
            raise ConfigError(
                f"objective: {self.sweep.plan.metric} is not measured of this data set; there are "
                + ", ".join(key for key, each in figures.items() if key.startswith("val_")
                            and each is not None)
            )  # fmt: skip
        return float(value)

    def _open(self, seed: int | None) -> Session | Run:
        """Return a training of a seed that goes on with what was done, or a run that is over."""
        for earlier in sorted(self.before, key=lambda one: one.attempt, reverse=True):
            for noted in earlier.runs:
                run = Run(Path(str(noted.get("folder"))))
                if noted.get("seed") == seed and self._is_ours(run, noted):
                    with suppress(RunError, CheckpointError):  # the one before, or anew
                        return self._go_on(run, earlier)
        name = f"{self.sweep.name}-{self.view.point}" + ("" if seed is None else f"-seed{seed}")
        overrides = overrides_of(self.view.settings)
        overrides += [] if seed is None else [f"seed={seed}"]
        experiment = self.sweep.plan.experiment(overrides, name)
        return start_run(
            experiment, self.runs_dir, workers=self.workers, command=sys.argv, notes=self._notes()
        )

    def _go_on(self, run: Run, earlier: TrialView) -> Session | Run:
        status = run.record["status"]
        if status in ("pruned", "diverged") or (status == "finished" and run.record.get("test")):
            return run
        if earlier.is_stopped:  # whoever trained it has let go
            return resume_run(run, workers=self.workers, command=sys.argv)
        return succeed(run, notes=self._notes(), workers=self.workers, command=sys.argv)

    def _is_ours(self, run: Run, noted: Mapping[str, Any]) -> bool:
        """Return whether a folder is what a trial noted; another machine may have one of its name.

        On a shared disk another machine's run may be gone on with.
        """
        try:
            sweep = run.record.get("sweep") or {}
        except RunError:
            return False
        own = self._notes()["sweep"]
        return all(sweep.get(key) == own[key] for key in ("name", "digest", "point"))

    def _notes(self) -> dict[str, Any]:
        return {
            "sweep": {
                "name": self.sweep.name,
                "digest": self.sweep.plan.digest,
                "point": self.view.point,
                "attempt": self.view.attempt,
                "trial": self.view.number,
            }
        }

    def _note(self, seed: int | None, run: Run) -> None:
        """Write down in the trial which run is its."""
        folder = str(run.folder.absolute())
        self._runs.append({"seed": seed, "folder": folder, "host": socket.gethostname()})
        self.sweep.note(self.trial, **{RUNS: self._runs})
