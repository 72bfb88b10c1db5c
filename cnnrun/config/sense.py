"""Refuses what would run, but learn little or something else than was meant."""

from __future__ import annotations

from cnnrun.config.experiment import Experiment, metrics_named
from cnnrun.config.metrics import require_metric
from cnnrun.config.source import Source
from cnnrun.data import DatasetInfo, has_labels
from cnnrun.engine.losses import Classes
from cnnrun.errors import ConfigError, OptionError

__all__ = ["require_sense"]


def require_sense(experiment: Experiment, info: DatasetInfo, source: Source) -> None:
    """Refuse an activation applied twice, targets the loss does not mean, other tasks' metrics.

    Raises:
        ConfigError: such a mistake; the message has the place.
    """
    problems = []
    loss = experiment.loss
    number = len(experiment.network) - 1
    last = experiment.network[-1].layer.type_name
    if loss.activation and last == loss.activation:
        place = source.where(("network", number), key=True)
        problems.append(
            f"{place}: network[{number}].{last}: {loss.type_name} applies {last} itself, and twice "
            "a network learns little; leave this layer out, probabilities are shown all the same"
        )
    labelled = experiment.data.targets == "labels"
    if info.several_labels and labelled and loss.activation == "softmax":
        problems.append(
            f"{source.where(('loss',))}: loss: {loss.type_name} is for one class an image, but "
            f"images of {info.name} have several labels, or none; binary_cross_entropy is for those"
        )
    normalize = experiment.data.normalize
    if not labelled and loss.activation == "sigmoid" and normalize != "none":
        problems.append(
            f"{source.where(('loss',))}: loss: {loss.type_name} takes targets from 0 to 1, but "
            f"data.normalize {normalize} moves the inputs, which are the targets, out of that; "
            "normalize: none leaves them, and mse takes any"
        )
    kind = ("loss", loss.type_name)
    if loss.is_by_class and not has_labels(experiment.data.task(info)):
        problems.append(
            f"{source.where(kind)}: {'.'.join(kind)}: weights by class are for classes and labels, "
            f"but {'the inputs' if not labelled else 'numbers or images'} are learnt here"
        )
    else:
        try:
            loss.for_classes(Classes(info.class_names))
        except OptionError as error:
            option = (*kind, error.option)
            problems.append(f"{source.where(option)}: {'.'.join(option)}: {error.message}")
    for path, name in metrics_named(experiment.train).items():
        try:
            require_metric(path, name, experiment.data.task(info))
        except ConfigError as error:
            problems.append(f"{source.where(tuple(path.split('.')))}: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
