"""How a sweep stands: the trial that counts of every point, the best one, what mattered."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cnnrun.notebook import cell, html_table
from cnnrun.sweeps.reconcile import is_done
from cnnrun.sweeps.storage import require_optuna
from cnnrun.sweeps.study import Sweep
from cnnrun.sweeps.trials import TrialView, by_point, counting

__all__ = ["SweepStatus", "importance_of", "status_of"]

State = Literal["finished", "running", "stopped", "unfinished"]
FEWEST = 4
"""Finished trials that are needed before their importance says anything."""


@dataclass(frozen=True)
class SweepStatus:
    """How a sweep stands at a moment.

    Attributes:
        name, url: of the sweep and its storage.
        state: `running` where a trial runs; `unfinished` where none does and some are left.
        metric: what counts, such as `val_accuracy`; `is_maximized` says whether more is better.
        points: how many there are.
        seeds: runs of each point.
        sampler: how points are chosen.
        keys: what is varied.
        trials: by point, the trial that counts.
        attempts: how many trials there were in all, those that were lost or superseded too.
        stop_reason: why it was stopped.
    """

    name: str
    url: str
    state: State
    metric: str
    is_maximized: bool
    points: int
    seeds: int
    sampler: str
    keys: tuple[str, ...]
    trials: Mapping[int, TrialView]
    attempts: int
    stop_reason: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many points stand how; those that nobody has queued yet wait."""
        counts = Counter[str](trial.status for trial in self.trials.values())
        counts["waiting"] += self.points - len(self.trials)
        order = ("finished", "pruned", "running", "waiting", "interrupted", "failed")
        return {status: counts[status] for status in order if counts[status]}

    @property
    def ranked(self) -> list[TrialView]:
        """The finished trials, the best first."""
        finished = [one for one in self.trials.values()
                    if one.status == "finished" and one.value is not None]  # fmt: skip
        sign = -1 if self.is_maximized else 1
        return sorted(finished, key=lambda one: (sign * (one.value or 0.0), one.number))

    @property
    def best(self) -> TrialView | None:
        """The best finished trial; None before there is one."""
        return next(iter(self.ranked), None)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        best = self.best
        return {
            "sweep": self.name,
            "storage": self.url,
            "status": self.state,
            "objective": self.metric,
            "direction": "maximize" if self.is_maximized else "minimize",
            "sampler": self.sampler,
            "points": self.points,
            "seeds": self.seeds,
            "counts": self.counts,
            "attempts": self.attempts,
            "stopped": self.stop_reason,
            "best": trial_document(best) if best else None,
            "trials": [trial_document(self.trials[point]) for point in sorted(self.trials)],
        }

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the best trials with their settings."""
        rows = [
            (str(one.point), *(cell(one.settings.get(key)) for key in self.keys), cell(one.value))
            for one in self.ranked[:10]
        ]
        said = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return html_table(self.name, said, ("point", *self.keys, self.metric), rows)


def trial_document(trial: TrialView) -> dict[str, Any]:
    """Return a trial as JSON."""
    return {
        "point": trial.point,
        "attempt": trial.attempt,
        "trial": trial.number,
        "status": trial.status,
        "value": trial.value,
        "settings": dict(trial.settings),
        "runs": [str(run.get("folder")) for run in trial.runs],
        "epochs": max(trial.epochs, default=0),
        "seconds": trial.seconds,
        "error": trial.error,
    }


def status_of(sweep: Sweep) -> SweepStatus:
    """Return how a sweep stands now.

    Raises:
        RunError: its storage stays away.
    """
    trials, plan = sweep.trials(), sweep.plan
    points = {point: counting(own) for point, own in by_point(trials).items()}
    reason = sweep.stop_reason
    return SweepStatus(
        sweep.name, sweep.url, _state(sweep, trials, reason), plan.metric, plan.is_maximized,
        plan.options.points, plan.options.seeds, plan.options.chosen_sampler, tuple(plan.search),
        points, len(trials), reason,
    )  # fmt: skip


def _state(sweep: Sweep, trials: Sequence[TrialView], reason: str | None) -> State:
    if is_done(sweep, trials):
        return "finished"
    if any(trial.status == "running" for trial in trials):
        return "running"
    return "stopped" if reason else "unfinished"


def importance_of(sweep: Sweep) -> dict[str, float]:
    """Return how much each setting mattered for being among the best, in shares of 1 (PED-ANOVA).

    It is empty where too few trials are finished, or only one setting takes several values.
    Source: Watanabe, Bansal, Hutter, "PED-ANOVA", IJCAI 2023.
    """
    optuna = require_optuna()
    study = sweep.study
    values = [trial for trial in sweep.trials() if trial.status == "finished"]
    if len(values) < FEWEST:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna 4.9 calls it experimental
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = sweep.call(
            lambda: optuna.importance.get_param_importances(study, evaluator=evaluator)
        )
    return {key: float(share) for key, share in shares.items()}
