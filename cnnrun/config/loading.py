"""Loads a configuration file, and builds the network it describes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnnrun.config.experiment import Experiment
from cnnrun.config.overrides import apply_overrides
from cnnrun.config.plugins import load_plugins
from cnnrun.config.reading import Reader
from cnnrun.config.sense import require_sense
from cnnrun.config.source import KeyPath, Source, parse_source, read_source
from cnnrun.data import DatasetInfo, has_labels
from cnnrun.engine import Build, LayerConfig, Network
from cnnrun.engine.names import format_size
from cnnrun.errors import ConfigError, DataError, ShapeError, shortened

__all__ = ["build_network", "load_experiment", "read_layer"]


def load_experiment(
    path: Path | str,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path | str] = (),
    *,
    check_network: bool = True,
) -> Experiment:
    """Return the experiment that a configuration file describes.

    The network is built once, to see that every layer fits; of the data only headers are read.

    Args:
        path: the file.
        overrides: of its settings, such as `train.epochs=3`.
        plugins: Python files that register layers and other parts that it names; plug-ins of
            installed packages are imported too.
        check_network: leaves building the network to the caller if it is False.

    Raises:
        ConfigError: something is wrong. The message lists every problem with file, line, column.
        DataError: the data set does not exist, or is not what its headers say.
        PluginError: a plug-in is missing, or fails.
    """
    load_plugins(plugins)
    path = Path(path)
    source = read_source(path)
    if not isinstance(source.tree, dict):
        near = "; a colon needs a space behind it" if ":" in str(source.tree) else ""
        raise ConfigError(f"{source.where(())}: a configuration is a mapping of sections{near}")
    problems = apply_overrides(source, overrides)
    source.tree.setdefault("name", re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._"))
    experiment: Experiment = Reader(source, problems).read(
        Experiment, source.tree, base=path.parent.absolute()
    )
    if not check_network:
        return experiment
    try:
        info = experiment.data.dataset.info(experiment.base)
        build_network(experiment, info)
    except ShapeError as error:
        raise ConfigError(_placed(error, source)) from None
    except DataError as error:
        place = source.where(("data", "dataset"))
        raise DataError(f"{place}: data.dataset: {error}") from None
    require_sense(experiment, info, source)
    return experiment


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
        _require_fitting_loss(experiment, network, info)
    except ShapeError as error:
        raise ShapeError(error.message, path="loss") from None
    return network


def _require_fitting_loss(experiment: Experiment, network: Network, info: DatasetInfo) -> None:
    """Refuse a loss that does not take what is to be learnt, or a network that ends otherwise."""
    loss, inputs = experiment.loss, experiment.data.targets == "inputs"
    task, target = experiment.data.task(info), experiment.data.target_shape(info)
    if not loss.takes_arrays and not has_labels(task):
        what = "images the targets" if task == "image" else "numbers the targets"
        why = "data: {targets: inputs}" if inputs else f"the data set {info.name}"
        raise ShapeError(f"{loss.type_name} takes labels, but {why} makes {what}; mse takes them")
    if has_labels(task):
        loss.check(network.output_shape, info.classes)
    elif task == "regression":
        if network.output_shape != (info.classes,):
            names, ends = shortened(", ".join(info.class_names)), format_size(network.output_shape)
            numbers = f"{info.classes} number{'s' * (info.classes != 1)}"
            raise ShapeError(
                f"targets are {numbers} an image ({names}), but the network ends with {ends} "
                "values; end it with dense: {units: classes}, which stands for as many"
            )
    elif network.output_shape != target:
        whose = "the inputs" if inputs else "images of shape"
        raise ShapeError(
            f"targets are {whose} {target}, but the network ends with {network.output_shape}"
        )


def _placed(error: ShapeError, source: Source) -> str:
    """Return the error's message with the place of the layer it names."""
    path: KeyPath = tuple(
        int(part[1:-1]) if part[0] == "[" else part
        for part in re.findall(r"\[\d+\]|\w+", error.path)
    )
    return f"{source.where(path, key=True)}: {error}"
