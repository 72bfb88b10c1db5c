"""A rank that does not lead: it opens no run and writes nothing, and makes the leader's steps.

Of its machine nothing is asked but the package and the data; all else is in the leader's charter.
"""

from __future__ import annotations

import time

from cnnrun.config import build_network
from cnnrun.runs.charter import Charter
from cnnrun.runs.evaluation import evaluate
from cnnrun.runs.events import TrainingFinished
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.team import RankedTeam
from cnnrun.runs.trainer import Trainer

__all__ = ["follow"]

GRACE = 3.0
"""Seconds for which a follower that fails waits: the leader may have failed by the same, and then
tells it in the place of all."""


def follow(team: RankedTeam, stop: StopRequest, *, workers: int | None = None) -> int:
    """Train along with the leader to the end; return the exit code of this process.

    Raises:
        CnnrunError: the data are others than the leader's, or whatever ended the training.
    """
    try:
        _train_along(team, stop, workers)
    except Exception:
        time.sleep(GRACE)
        raise
    return stop.exit_code if stop else 0


def _train_along(team: RankedTeam, stop: StopRequest, workers: int | None) -> None:
    charter: Charter = team.receive()
    experiment = charter.experiment()
    data = charter.data(experiment)
    network = build_network(experiment, data.info)
    trainer = Trainer(experiment, data, network, team.workers(workers), team)
    network.load_state(charter.weights)
    for name, array in trainer.optimizer_state.items():
        array[...] = charter.optimizer[name]
    trainer.progress = charter.progress
    *_, last = trainer.train(stop)
    if isinstance(last, TrainingFinished):
        team.share(network)
        with team.executor(network, experiment.loss, workers=trainer.workers) as executor:
            evaluate(executor, data.test, data.info.class_names)
