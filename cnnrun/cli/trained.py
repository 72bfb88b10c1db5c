"""A trained run as verbs need it: its experiment, and its network with the weights loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnrun.cli.options import load_plugins
from cnnrun.errors import CheckpointError

if TYPE_CHECKING:
    from cnnrun.config import Experiment
    from cnnrun.data import DatasetInfo, Statistics
    from cnnrun.engine import Network
    from cnnrun.runs import Run

__all__ = ["Trained", "load_trained"]


@dataclass(frozen=True)
class Trained:
    """A run's network, and what is needed to feed it."""

    run: Run
    experiment: Experiment
    network: Network
    info: DatasetInfo
    statistics: Statistics


def load_trained(name: str, runs_dir: Path, checkpoint: str, plugins: list[Path] | None) -> Trained:
    """Return the run called `name` with the weights of a checkpoint.

    The data set is not needed: what the run knew of it is in the checkpoint.

    Raises:
        RunError, CheckpointError: there is no such run, or it cannot be read.
    """
    from cnnrun.config.loading import build_network, load_experiment
    from cnnrun.data import DatasetInfo, Statistics
    from cnnrun.runs import find_run
    from cnnrun.runs.checkpoints import read_checkpoint

    load_plugins(plugins)
    run = find_run(name, runs_dir)
    found = read_checkpoint(run.checkpoint(checkpoint))
    experiment = load_experiment(run.config, check_network=False)
    try:
        height, width, channels = found.state["image_shape"]
        names = tuple(found.state["class_names"])
        statistics = Statistics.from_json(found.state["statistics"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{run.folder}: state.json is incomplete ({error})") from None
    info = DatasetInfo(experiment.data.dataset.type_name, (height, width, channels), names)
    network = build_network(experiment, info)
    network.load_state(found.weights)
    return Trained(run, experiment, network, info, statistics)
