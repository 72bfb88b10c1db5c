"""The trials of a sweep, and which of several trials of one point counts.

A point of the search is tried once. Where the process that tries it is lost, it is tried again, as
another attempt: a trial of its own in the storage, with the point's number and the attempt's. Two
processes may queue the same attempt at once; of such twins the lowest trial number counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["ATTEMPT", "BEAT", "ERROR", "MISTAKE", "POINT", "RUNS", "STOPPED", "SUPERSEDED",
           "Status", "TrialView", "by_point", "counting", "is_given_up", "views"]  # fmt: skip

# The attributes of a trial.
POINT, ATTEMPT, BEAT, RUNS = "point", "attempt", "beat", "runs"
ERROR, MISTAKE = "error", "mistake"
STOPPED, SUPERSEDED = "interrupted", "superseded"

Status = Literal["waiting", "running", "finished", "pruned", "failed", "interrupted", "superseded"]
_STATUS: dict[str, Status] = {
    "WAITING": "waiting", "RUNNING": "running", "COMPLETE": "finished", "PRUNED": "pruned",
    "FAIL": "failed",
}  # fmt: skip


@dataclass(frozen=True)
class TrialView:
    """A trial as the storage has it.

    Attributes:
        number: in the storage.
        point, attempt: what it tries; None for a trial that nobody queued.
        status: how it stands; `superseded` if another trial of its point took its place.
        value: its objective; of one that is not finished, that of its last epoch.
        settings: by key, what is tried; of a point that is not chosen yet, none.
        runs: the folders of its runs, each with `seed`, `folder`, `host`.
        epochs: by epoch, the objective.
        beat: what its process last wrote as a sign of life.
        seconds: that it took, or takes so far.
        error: why it failed.
        is_mistake: whether the configuration is to blame, so that trying again is of no use.
        is_stopped: whether its process was asked to stop, so that it does not count as a failure.
    """

    number: int
    point: int | None
    attempt: int
    status: Status
    value: float | None
    settings: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]
    epochs: Mapping[int, float]
    beat: str | None
    seconds: float | None
    error: str | None
    is_mistake: bool
    is_stopped: bool

    @property
    def is_settled(self) -> bool:
        """Whether its point needs no other trial."""
        return self.status in ("finished", "pruned")

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("waiting", "running")


def views(trials: Iterable[FrozenTrial], decode: Any) -> list[TrialView]:
    """Return the trials that a storage holds, in their order.

    Args:
        trials: as Optuna has them.
        decode: takes a trial's parameters and returns its settings.
    """
    return [_view(trial, decode) for trial in trials]


def _view(trial: FrozenTrial, decode: Any) -> TrialView:
    attributes, epochs = trial.user_attrs, trial.intermediate_values
    status = _STATUS[trial.state.name]
    if status == "failed" and attributes.get(SUPERSEDED):
        status = "superseded"
    elif status == "failed" and attributes.get(STOPPED):
        status = "interrupted"
    value = trial.value if status == "finished" else None
    if value is None and epochs:
        value = epochs[max(epochs)]
    duration = trial.duration
    params = trial.params or trial.system_attrs.get("fixed_params", {})
    return TrialView(
        trial.number,
        attributes.get(POINT),
        int(attributes.get(ATTEMPT, 0)),
        status,
        value,
        decode(params),
        attributes.get(RUNS, []),
        epochs,
        attributes.get(BEAT),
        duration.total_seconds() if duration else None,
        attributes.get(ERROR),
        bool(attributes.get(MISTAKE)),
        bool(attributes.get(STOPPED)),
    )


def by_point(trials: Iterable[TrialView]) -> dict[int, list[TrialView]]:
    """Return the trials of each point."""
    points: dict[int, list[TrialView]] = {}
    for trial in trials:
        if trial.point is not None:
            points.setdefault(trial.point, []).append(trial)
    return points


def counting(trials: Sequence[TrialView]) -> TrialView:
    """Return which of a point's trials counts: what is settled, else what is open, else the latest.

    Twins are told by their numbers: the lowest counts.
    """

    def standing(trial: TrialView) -> tuple[bool, bool, bool, int, int]:
        is_other = trial.status == "superseded"
        return trial.is_settled, trial.is_open, not is_other, trial.attempt, -trial.number

    return max(trials, key=standing)


def is_given_up(trials: Sequence[TrialView], retries: int) -> bool:
    """Return whether a point, whose trials have all ended without a result, is tried no more."""
    if any(trial.is_mistake for trial in trials):
        return True
    lost = {trial.attempt for trial in trials if trial.status == "failed"}
    return len(lost) > retries
