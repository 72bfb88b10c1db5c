"""Holds the end of a network against what is to be learnt."""

from __future__ import annotations

from dataclasses import replace

from cnnrun.config.experiment import Experiment
from cnnrun.data import DatasetInfo, has_labels
from cnnrun.engine import Build, Network
from cnnrun.engine.fitting import describe_fitting_sizes
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Shape
from cnnrun.errors import ShapeError, shortened

__all__ = ["require_fitting_loss"]


def require_fitting_loss(
    experiment: Experiment, network: Network, info: DatasetInfo, build: Build
) -> None:
    """Refuse a loss that does not take what is to be learnt, or a network that ends otherwise.

    Raises:
        ShapeError: one of both.
    """
    loss, inputs = experiment.loss, experiment.data.targets == "inputs"
    task, target = experiment.data.task(info), experiment.data.target_shape(info)
    if not loss.takes_arrays and not has_labels(task):
        what = "images the targets" if task == "image" else "numbers the targets"
        why = "data: {targets: inputs}" if inputs else f"the data set {info.name}"
        raise ShapeError(
            f"{loss.type_name} takes labels, but {why} makes {what}; mse, mae and huber take them"
        )
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
            + (_sizes_given_back(experiment, info, build) if inputs else "")
        )


def _sizes_given_back(experiment: Experiment, info: DatasetInfo, build: Build) -> str:
    """Return words on the image sizes that the network gives back, if there are any near."""

    def gives_back(shape: Shape) -> bool:
        try:
            network = Network(experiment.network, shape, replace(build, blank=True))
        except ShapeError:
            return False
        return network.output_shape == shape

    return describe_fitting_sizes(info.image_shape, gives_back)
