"""A network with what feeds it, from whatever a user names: a configuration, a run, or a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnnrun.config import Experiment, build_network, load_experiment
from cnnrun.data import DatasetInfo, PreparedData, Statistics
from cnnrun.engine import Network, NetworkSummary, summarize
from cnnrun.runs.folder import Run, find_run
from cnnrun.runs.model import Model
from cnnrun.runs.moved import prepare_data

__all__ = ["NetworkSource", "NetworkWithData", "is_config_file", "open_network", "summary"]

NetworkSource = Experiment | Run | Model | Path | str
"""What names a network: an experiment, a run, a model; a configuration file, or a run's name."""


@dataclass(frozen=True)
class NetworkWithData:
    """A network, trained or not, and what feeds it.

    Attributes:
        title: what to call it.
        home: the folder for what is made of it, such as its inspections.
        experiment, network, info: what it is.
        statistics: how pixels are normalised; None for those of its data's training split.
        checkpoint: which weights these are: `best`, `last` or `initial`.
    """

    title: str
    home: Path
    experiment: Experiment
    network: Network
    info: DatasetInfo
    statistics: Statistics | None
    checkpoint: str

    @classmethod
    def trained(cls, model: Model) -> NetworkWithData:
        """Return a run's network with the weights of a checkpoint."""
        title = f"{model.run.name}, {model.checkpoint} weights"
        return cls(
            title, model.run.folder, model.experiment, model.network, model.info, model.statistics,
            model.checkpoint,
        )  # fmt: skip

    @classmethod
    def untrained(cls, experiment: Experiment, runs_dir: Path = Path("runs")) -> NetworkWithData:
        """Return a configuration's network with its first weights."""
        info = experiment.data.dataset.info(experiment.base)
        home = runs_dir / "untrained" / experiment.name
        network = build_network(experiment, info)
        title = f"{experiment.name}, untrained"
        return cls(title, home, experiment, network, info, None, "initial")

    def data(self) -> PreparedData:
        """Load its data set, normalised as in training."""
        return prepare_data(self.experiment, self.statistics)


def open_network(
    source: NetworkSource, checkpoint: str = "best", runs_dir: Path | str = Path("runs")
) -> NetworkWithData:
    """Return the network that a user names.

    Args:
        source: an experiment, a configuration file, a run, its name or folder, or a model.
        checkpoint: which weights of a run: `best` or `last`.
        runs_dir: where a run of that name is looked for.

    Raises:
        ConfigError, DataError: the configuration or its data set is wrong.
        RunError, CheckpointError: there is no such run, or no such weights.
    """
    if isinstance(source, Path | str):
        is_file = is_config_file(source)
        source = load_experiment(source) if is_file else find_run(str(source), Path(runs_dir))
    if isinstance(source, Experiment):
        return NetworkWithData.untrained(source, Path(runs_dir))
    return NetworkWithData.trained(source.model(checkpoint) if isinstance(source, Run) else source)


def is_config_file(name: Path | str) -> bool:
    """Return whether a name means a configuration file, rather than a run."""
    return Path(name).suffix in (".yaml", ".yml") or Path(name).is_file()


def summary(source: NetworkSource | Network, *, runs_dir: Path | str = "runs") -> NetworkSummary:
    """Return a network's layers: output shapes, parameters, multiply-adds, activation memory.

    Args:
        source: an experiment, a configuration file, a run, its name or folder, a model, or the
            network itself.
        runs_dir: where a run of that name is looked for.

    Raises:
        CnnrunError: there is no such network.
    """
    if not isinstance(source, Network):
        source = open_network(source, runs_dir=runs_dir).network
    return summarize(source)
