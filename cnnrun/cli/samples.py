"""Which samples a network is inspected on, and of what the gradients are taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cnnrun.errors import ConfigError, DataError

if TYPE_CHECKING:
    from cnnrun.config import Experiment
    from cnnrun.data import DatasetInfo, Statistics
    from cnnrun.engine import Network
    from cnnrun.engine.types import Array
    from cnnrun.inspection.inspect import Subject

__all__ = ["MOST_BYTES", "Source", "choose_samples"]

MOST_SAMPLES = 200
MOST_BYTES = 200 << 20
REFERENCE = 64
"""Samples on which the flow of gradients is measured."""


@dataclass(frozen=True)
class Source:
    """Where a network comes from, and what feeds it."""

    title: str
    home: Path
    experiment: Experiment
    network: Network
    info: DatasetInfo
    statistics: Statistics | None


def choose_samples(
    source: Source,
    index: str | None,
    images: list[Path] | None,
    split: str,
    class_name: str | None,
) -> tuple[Subject, str]:
    """Return the samples, ready to be inspected, and what to call them in a path."""
    import numpy as np

    from cnnrun.data import load_images, prepare
    from cnnrun.inspection.capture import estimate_bytes, walk
    from cnnrun.inspection.inspect import Subject

    experiment, info = source.experiment, source.info
    data = prepare(experiment.data, experiment.seed, experiment.base, statistics=source.statistics)
    one = estimate_bytes(walk(source.network), 1)  # of the flow's samples, as many as fit
    count = min(REFERENCE, len(data.train), max(4, MOST_BYTES // one))
    reference = data.train.batch(np.arange(count))
    targets: Array | None
    if images:
        if index is not None:
            raise typer.BadParameter("give --index or --image, not both")
        pixels = load_images(images, info.image_shape)
        x = pixels.copy()
        data.statistics.normalize(x)
        targets, labels = None, tuple(path.name for path in images)
        what = "-".join(path.stem for path in images[:4])
    else:
        samples = data.samples(split)
        indices = _indices(index or "0", len(samples))
        x, targets = samples.batch(indices)
        std = np.array(data.statistics.std)
        pixels = x * std + np.array(data.statistics.mean)
        labels = tuple(f"{split} {i}" + _true(samples, i, info) for i in indices)
        what = f"{split}-{_short(indices)}"
    if targets is not None and experiment.data.targets == "inputs":
        targets = x
    classes = _classes(class_name, source.network, info, x, targets is None)
    if class_name is not None:
        what += f"-class-{class_name}"
    mean, std = (np.array(v) for v in (data.statistics.mean, data.statistics.std))
    subject = Subject(
        source.title, source.network, experiment.loss, x, targets, labels, classes, pixels,
        -mean / std, reference,
    )  # fmt: skip
    return subject, what


def _classes(
    name: str | None, network: Network, info: DatasetInfo, x: Array, unlabelled: bool
) -> Array | None:
    """Return the class of each sample whose score is differentiated; None for the loss."""
    import numpy as np

    from cnnrun.engine import Context

    if name is None and not unlabelled:
        return None
    if len(network.output_shape) != 1:
        raise ConfigError("the network has no class scores to differentiate")
    if name is None:  # an image without a label: what the network takes it for
        return np.array(network.forward(x, Context()).argmax(axis=1))
    names = list(info.class_names)
    if name in names:
        return np.full(len(x), names.index(name))
    if name.isdecimal() and int(name) < network.output_shape[0]:
        return np.full(len(x), int(name))
    raise ConfigError(f"--class {name}: no such class; there are {', '.join(names[:20])}")


def _indices(text: str, count: int) -> Any:
    """Return the samples that `3,7` or `0-9` names."""
    import numpy as np

    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(f"--index {text}: write it as 3,7 or 0-9")
        found += range(int(first), int(last or first) + 1)
        if len(found) > MOST_SAMPLES:
            raise ConfigError(f"--index {text}: the bound is {MOST_SAMPLES} samples")
    if not found or max(found) >= count:
        raise DataError(f"--index {text}: the split has samples 0 to {count - 1}")
    return np.array(found)


def _true(samples: Any, index: int, info: DatasetInfo) -> str:
    label = samples.labels[index]
    return f" ({info.class_names[int(label)]})" if getattr(label, "ndim", 0) == 0 else ""


def _short(indices: Any) -> str:
    text = "-".join(map(str, indices[:6]))
    return text if len(indices) <= 6 else f"{text}-and-{len(indices) - 6}-more"
