"""Chooses the samples a network is inspected on, and of what the gradients are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrun.data import (
    DatasetInfo,
    Indices,
    PreparedData,
    Samples,
    Task,
    load_images,
    read_indices,
)
from cnnrun.engine import Context, Network
from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.inspection.capture import estimate_bytes, walk
from cnnrun.inspection.target import InspectionTarget
from cnnrun.runs import NetworkWithData
from cnnrun.runs.weighing import weighed

__all__ = ["MOST_BYTES", "SampleChoice", "choose_samples"]

MOST_BYTES = 200 << 20
REFERENCE = 64
"""Samples on which the flow of gradients is measured."""

FEWEST_FOR_LOSS = 16
"""Of those, for a loss that can be held against a guess."""


@dataclass(frozen=True)
class SampleChoice:
    """Which samples, and of what the gradients are taken.

    Attributes:
        index: samples of the split, from 0: a number, several, or words such as `3,7` or `0-9`; by
            default the first.
        images: image files instead.
        split: `train`, `val` or `test`.
        class_name: the class whose score is differentiated; by default the loss is.
    """

    index: Indices | None = None
    images: Sequence[Path] = ()
    split: str = "test"
    class_name: str | None = None


def choose_samples(model: NetworkWithData, choice: SampleChoice) -> tuple[InspectionTarget, str]:
    """Return the samples, ready to be inspected, and what to call them in a path.

    Raises:
        ConfigError: the choice contradicts itself, or names what there is not.
        DataError: the data or an image cannot be used, or have no such sample.
    """
    if choice.images and choice.index is not None:
        raise ConfigError("give --index or --image, not both")
    network, data = model.network, model.data()
    loss = weighed(model.experiment.loss, data)
    mean, std = np.array(data.statistics.mean), np.array(data.statistics.std)
    targets: Array | None = None
    own = model.experiment.data.targets == "inputs"
    task = model.experiment.data.task(model.info)
    if choice.images:
        deep = model.experiment.data.dataset.deep_range()
        pixels = load_images(list(choice.images), model.info.image_shape, deep=deep)
        x = pixels.copy()
        data.statistics.normalize(x)
        targets = x if own else None
        labels = tuple(path.name for path in choice.images)
        what = "-".join(path.stem for path in choice.images[:4])
    else:
        samples = data.samples(choice.split)
        indices = read_indices(0 if choice.index is None else choice.index, len(samples))
        x, targets = samples.batch(indices)
        pixels = x * std + mean
        labels = tuple(f"{choice.split} {i}{_true(samples, i, model.info)}" for i in indices)
        what = f"{choice.split}-{_short(indices)}"
    classes = _classes(choice.class_name, network, model.info, x, targets is None, task)
    if choice.class_name is not None:
        what += f"-class-{choice.class_name}"
    reference = _reference(data, network)
    target = InspectionTarget(
        model.title,
        network,
        loss,
        x,
        targets,
        labels,
        classes,
        pixels,
        -mean / std,
        reference,
        () if own else model.info.class_names,
        _chance(model, data, len(reference[0])),
        task,
        data.statistics if own else None,
    )
    return target, what


def _reference(data: PreparedData, network: Network) -> tuple[Array, Array]:
    """Return the samples of the flow of gradients, as many as fit into memory.

    They are spread over the training set, which may lie there class by class.
    """
    one = estimate_bytes(walk(network), 1)
    count = min(REFERENCE, len(data.train), max(4, MOST_BYTES // one))
    return data.train.batch(np.linspace(0, len(data.train) - 1, count).astype(int))


def _chance(model: NetworkWithData, data: PreparedData, count: int) -> float | None:
    """Return the entropy of the classes: the loss of who knows nothing but how frequent each is.

    None where `count` samples say little of the loss, or where a sample has not just one class.
    """
    labels = data.train.labels
    one_class_each = model.experiment.loss.activation == "softmax" and labels.ndim == 1
    if model.checkpoint == "initial" or not one_class_each or count < FEWEST_FOR_LOSS:
        return None
    shares = np.bincount(labels) / len(labels)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _classes(
    name: str | None,
    network: Network,
    info: DatasetInfo,
    x: Array,
    unlabelled: bool,
    task: Task,
) -> Array | None:
    """Return the class of each sample whose score is differentiated; None for the loss."""
    if name is None and not unlabelled:
        return None
    if len(network.output_shape) != 1:
        why = "; --index takes samples, whose loss has a gradient" if name is None else ""
        raise ConfigError(f"the network has no class scores to differentiate{why}")
    if name is None and task == "regression" and info.classes > 1:
        raise ConfigError(
            "of an image file without its true numbers, one number can be differentiated: "
            f"--class {' or '.join(info.class_names[:20])}"
        )
    if name is None:  # an image without a label: what the network takes it for
        return np.array(network.forward(x, Context()).argmax(axis=1))
    names = list(info.class_names)
    if name in names:
        return np.full(len(x), names.index(name))
    if name.isdecimal() and int(name) < network.output_shape[0]:
        return np.full(len(x), int(name))
    raise ConfigError(f"--class {name}: no such class; there are {', '.join(names[:20])}")


def _true(samples: Samples, index: int, info: DatasetInfo) -> str:
    """Return the class of a sample for its label; nothing where it has no single one."""
    label = samples.labels[index]
    return f" ({info.class_names[int(label)]})" if label.ndim == 0 else ""


def _short(indices: Array) -> str:
    text = "-".join(map(str, indices[:6]))
    return text if len(indices) <= 6 else f"{text}-and-{len(indices) - 6}-more"
