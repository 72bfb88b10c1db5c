"""Loads a configuration file, and builds the network it describes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from cnnrun.config.experiment import Experiment
from cnnrun.config.fitting import require_fitting_loss
from cnnrun.config.named_plugins import load_named_plugins
from cnnrun.config.overrides import apply_overrides
from cnnrun.config.plugin_faults import describe_fault
from cnnrun.config.plugins import load_plugins
from cnnrun.config.reading import Reader
from cnnrun.config.sense import require_sense
from cnnrun.config.source import KeyPath, Source, parse_source, read_source
from cnnrun.data import DATASETS, DatasetInfo, DatasetSource
from cnnrun.engine import Build, LayerConfig, Network
from cnnrun.engine.losses import Classes
from cnnrun.errors import (
    CnnrunError,
    ConfigError,
    DataError,
    PluginError,
    ShapeError,
    excerpt,
    noted_place,
    placing,
)

__all__ = ["build_network", "load_experiment", "named_dataset", "read_dataset", "read_layer"]


def load_experiment(
    path: Path | str,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path | str] = (),
    *,
    check_network: bool = True,
    may_name_plugins: bool = True,
    text: str | None = None,
) -> Experiment:
    """Return the experiment that a configuration file describes.

    The network is built once, to see that every layer fits; of the data only headers are read.

    Args:
        path: the file.
        overrides: of its settings, such as `train.epochs=3`.
        plugins: Python files that register layers and other parts that it names; plug-ins of
            installed packages are imported too.
        check_network: leaves building the network to the caller if it is False.
        may_name_plugins: import the files that its `plugins:` lists; a file of a run may not.
        text: what the file says, if it is known; then `path` is only what messages call it.

    Raises:
        ConfigError: something is wrong. The message lists every problem with file, line, column.
        DataError: the data set does not exist, or is not what its headers say.
        PluginError: a plug-in is missing, or fails.
    """
    load_plugins(plugins)
    path = Path(path)
    source = read_source(path) if text is None else parse_source(text, str(path))
    if not isinstance(source.tree, dict):
        near = "; a colon needs a space behind it" if ":" in str(source.tree) else ""
        raise ConfigError(f"{source.where(())}: a configuration is a mapping of sections{near}")
    load_named_plugins(source, path, allowed=may_name_plugins)
    problems = apply_overrides(source, overrides)
    source.tree.setdefault("name", re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._"))
    experiment: Experiment = Reader(source, problems).read(
        Experiment, source.tree, base=path.parent.absolute()
    )
    if not check_network:
        return experiment
    try:
        info = _info(experiment)
        build_network(experiment, info)
    except ShapeError as error:
        raise ConfigError(f"{_where(error.path, source)}: {error}") from None
    except DataError as error:
        place = source.where(("data", "dataset"))
        raise DataError(f"{place}: data.dataset: {error}") from None
    except Exception as error:
        _raise_placed(error, source)
    require_sense(experiment, info, source)
    return replace(experiment, loss=experiment.loss.for_classes(Classes(info.class_names)))


def read_layer(text: str, origin: str) -> LayerConfig:
    """Return the options of a layer written as in a configuration, `conv2d: {filters: 3}`.

    Args:
        text: YAML.
        origin: what messages call the place it comes from.

    Raises:
        ConfigError: something is wrong.
    """
    source = parse_source(text, origin)
    layer: LayerConfig = Reader(source).read_part(LayerConfig, source.tree)
    return layer


def read_dataset(text: str, origin: str) -> DatasetSource:
    """Return a data set written as in a configuration, `npz: {path: x.npz, axes: NCHW}`.

    Args:
        text: YAML.
        origin: what messages call the place it comes from.

    Raises:
        ConfigError: something is wrong.
    """
    source = parse_source(text, origin)
    dataset: DatasetSource = Reader(source).read_part(DatasetSource, source.tree)
    return dataset


def named_dataset(text: str, origin: str) -> DatasetSource | None:
    """Return a data set by its name or as a configuration writes it; None for anything else.

    Args:
        text: `digits`, or `{npz: {path: x.npz, axes: NCHW}}`. A file called so comes first.
        origin: what messages call the place it comes from.

    Raises:
        ConfigError: something is wrong.
    """
    is_written_out = text.lstrip().startswith("{")
    if is_written_out or (text in DATASETS and not Path(text).exists()):
        return read_dataset(text, origin)
    return None


def build_network(
    experiment: Experiment, info: DatasetInfo | None = None, dtype: npt.DTypeLike = np.float32
) -> Network:
    """Return the experiment's network with its initial weights.

    Args:
        experiment: what to build.
        info: of the data set; by default its headers are read.
        dtype: float32 to train, float64 to check gradients.

    Raises:
        ShapeError: a layer, or the loss, does not fit.
        DataError: the data set cannot be found.
    """
    info = info or experiment.data.dataset.info(experiment.base)
    build = Build(
        np.dtype(dtype),
        experiment.seed,
        info.classes or None,
        convolution=experiment.train.convolution,
    )
    network = Network(experiment.network, info.image_shape, build)
    try:
        with placing("loss"):
            require_fitting_loss(experiment, network, info, build)
    except ShapeError as error:
        raise ShapeError(error.message, path="loss") from None
    return network


def _info(experiment: Experiment) -> DatasetInfo:
    """Return what is known of the data set, noting on an error that it came from there."""
    dataset = experiment.data.dataset
    with placing("data.dataset"):
        info = dataset.info(experiment.base)
        if not isinstance(info, DatasetInfo):
            raise DataError(f"{dataset.type_name}.info returns {excerpt(info)}, no DatasetInfo")
        return info


def _raise_placed(error: Exception, source: Source) -> NoReturn:
    """Raise an error of a part with its place, if a plug-in's code is to blame, or else as it is.

    Raises:
        PluginError: instead of an exception that a plug-in raised.
        ConfigError: instead of one of ours, which has no place in the configuration.
    """
    path = noted_place(error)
    place = f"{_where(path, source)}: {path}"
    if isinstance(error, CnnrunError):
        raise ConfigError(f"{place}: {error}" if path else str(error)) from error
    if fault := describe_fault(error):
        raise PluginError(f"{place}: {fault}" if path else fault) from error
    raise error


def _where(path: str, source: Source) -> str:
    """Return the place of a part that an error names as `network[3].conv2d`."""
    keys: KeyPath = tuple(
        int(part[1:-1]) if part[0] == "[" else part for part in re.findall(r"\[\d+\]|\w+", path)
    )
    return source.where(keys, key=True)
