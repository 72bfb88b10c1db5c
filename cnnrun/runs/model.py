"""A trained network that takes images as they are: it predicts, evaluates, and gives gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnrun.config import Experiment, build_network
from cnnrun.data import DatasetInfo, Samples, Statistics, load_images
from cnnrun.engine import Context, Executor, Network, Pass
from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.runs.environment import default_workers
from cnnrun.runs.evaluation import Evaluation, evaluate, predict
from cnnrun.runs.folder import Run
from cnnrun.runs.foreign import foreign_samples
from cnnrun.runs.moved import experiment_of, prepare_data
from cnnrun.runs.state import read_training

__all__ = ["Images", "Model", "load_model"]

Images = Array | Path | str | Sequence[Path | str]
"""Pixels `(N, H, W, C)` or `(H, W, C)`, or the paths of image files."""


@dataclass(frozen=True, repr=False)
class Model:
    """A trained network that normalises its inputs. All arrays it returns are the caller's.

    Pixels are taken as the data set has them, before normalisation: integers from 0 to 255 (to 16
    for `digits`, to `maximum` for an `npz` that sets it), or floats from 0 to 1. In image files 255
    means 1, and in those of 16 bits the data set's `maximum`, or 65535 where it has none above 255.

    Attributes:
        run: where it was trained.
        experiment: its configuration.
        network: with the weights of the checkpoint.
        info: of the data set: the images' shape, and the names of the classes.
        statistics: how pixels are normalised.
        checkpoint: which weights these are, `best` or `last`.
        dataset_sha256: the digest of the data that it was trained on.
    """

    run: Run
    experiment: Experiment
    network: Network
    info: DatasetInfo
    statistics: Statistics
    checkpoint: str
    dataset_sha256: str

    def __repr__(self) -> str:
        return f"<{self.run.name}, {self.checkpoint} weights: {self.network!r}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the layers."""
        return self.network._repr_html_()

    @property
    def is_autoencoder(self) -> bool:
        """Whether the network learnt its own inputs, so that there are no classes."""
        return self.experiment.data.targets == "inputs"

    def predict(self, images: Images, *, resize: bool = False, workers: int = 1) -> Array:
        """Return the probabilities of the classes, `(N, K)`.

        Args:
            images: pixels as the class says, or paths of image files.
            resize: scale image files of another size, as in training, instead of refusing them.
            workers: parts of the images computed at once.

        Raises:
            DataError: the images do not fit, or the network has no classes.
        """
        if self.is_autoencoder:
            raise DataError(f"{self.run.name} is an autoencoder; it has no classes to predict")
        x = self.prepare(images, resize=resize)
        with Executor(self.network, self.experiment.loss, workers=workers) as executor:
            return predict(executor, x)

    def evaluate(
        self, split: str = "test", *, data: Path | str | None = None, workers: int | None = None
    ) -> Evaluation:
        """Measure the network on a split of its own data, or on other data.

        Args:
            split: `train`, `val` or `test`.
            data: an `.npz` file or a folder of images; all of it is taken if it has no splits.
            workers: parts of a batch computed at once; by default as many as there are processors.

        Raises:
            DataError: the data cannot be used, or have no such split.
        """
        if data is None:
            experiment, statistics = self.experiment, self.statistics
            own = prepare_data(experiment, statistics)
            measured = self.measure(own.samples(split), workers=workers)
            changed = own.sha256 != self.dataset_sha256
            return replace(measured, split=split, data_changed=changed)
        path = Path(data)
        source = self.experiment.data.dataset
        samples, part = foreign_samples(
            path, split, self.info, self.statistics, self.is_autoencoder, source
        )
        return replace(self.measure(samples, workers=workers), split=part, data=path)

    def measure(self, samples: Samples, *, workers: int | None = None) -> Evaluation:
        """Measure the network on samples that are normalised already, as in training."""
        workers = workers or default_workers()
        with Executor(self.network, self.experiment.loss, workers=workers) as executor:
            return evaluate(executor, samples, self.info.class_names)

    def gradients(
        self, images: Images, labels: Array | Sequence[int] | int | None = None
    ) -> dict[str, Array]:
        """Return the gradients of the mean loss, outside training.

        Dropout is off and batch normalisation uses its running statistics, as in `predict`, so that
        the result is the same every time and a sample does not act on another's gradient.

        Args:
            images: pixels as the class says, or paths of image files.
            labels: the class number of each image, or zeros and ones `(N, K)` for several labels an
                image; none for an autoencoder.

        Returns:
            By name: that of each parameter, such as `00_conv2d/w`; and `x`, the gradient with
            respect to the normalised input, `(N, H, W, C)`.

        Raises:
            DataError, ShapeError: the images or labels do not fit.
        """
        x = self.prepare(images)
        targets = x if self.is_autoencoder else self._targets(labels, len(x))
        ctx = Context(Pass(training=False))
        with np.errstate(all="ignore"):  # what is not finite is in the result
            outputs = self.network.forward(x, ctx)
            _, dy = self.experiment.loss(outputs, targets, len(x))
            dx = self.network.backward(dy, ctx)
        gradients = ctx.collect("gradients")
        return {**{name: np.array(array) for name, array in gradients.items()}, "x": np.array(dx)}

    def prepare(self, images: Images, *, resize: bool = False) -> Array:
        """Return images as the network takes them: `(N, H, W, C)` in its dtype, normalised.

        Raises:
            DataError: they have another shape, or pixels out of range.
        """
        x = self._pixels(images, resize)
        self.statistics.normalize(x)
        return x

    def _pixels(self, images: Images, resize: bool) -> Array:
        """Return new float32 pixels `(N, H, W, C)` in [0, 1]."""
        shape = self.info.image_shape
        if isinstance(images, str | Path):
            images = [images]
        if not isinstance(images, np.ndarray) and any(isinstance(i, str | Path) for i in images):
            source = self.experiment.data.dataset
            fit = source.image_fit() if resize else None
            paths = [Path(str(path)) for path in images]
            return load_images(paths, shape, maximum=source.deep_maximum(), fit=fit)
        pixels = np.asarray(images)
        if pixels.shape == shape:
            pixels = pixels[None]
        if pixels.shape[1:] != shape or not len(pixels):
            expected = ", ".join(map(str, shape))
            raise DataError(
                f"images of shape {pixels.shape}; {self.run.name} takes (N, {expected}), or "
                f"({expected}) for a single one"
            )
        if pixels.dtype.kind not in "uifb":
            raise DataError(f"images of {pixels.dtype}; pixels are integers or floats")
        maximum = self.experiment.data.dataset.pixel_maximum(pixels.dtype)
        if not ((pixels >= 0) & (pixels <= maximum)).all():  # not a number is neither
            raise DataError(
                f"pixels of {pixels.dtype} lie between 0 and {maximum:g}; these reach from "
                f"{pixels.min():g} to {pixels.max():g}"
            )
        scaled = np.empty(pixels.shape, np.float32)
        np.divide(pixels, maximum, out=scaled, dtype=np.float32, casting="unsafe")
        return scaled

    def _targets(self, labels: Array | Sequence[int] | int | None, count: int) -> Array:
        if labels is None:
            raise DataError("the gradients of the loss need the labels of the images")
        targets = np.atleast_1d(np.asarray(labels))
        if len(targets) != count:
            raise DataError(f"{len(targets)} labels for {count} images")
        return targets if targets.dtype.kind in "ui" else targets.astype(self.network.dtype)


def load_model(run: Run, checkpoint: str = "best") -> Model:
    """Return a run's network with the weights of the checkpoint `best` or `last`.

    The data set is not needed: what the run knew of it is in the checkpoint.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        ConfigError: the run's configuration is damaged, or a plug-in that it needs is missing.
    """
    stored = read_training(run.checkpoint(checkpoint))
    experiment = experiment_of(run)
    height, width, channels = stored.state["image_shape"]
    names = tuple(stored.state["class_names"])
    statistics = Statistics.from_json(stored.state["statistics"])
    info = DatasetInfo(experiment.data.dataset.type_name, (height, width, channels), names)
    network = build_network(experiment, info)
    network.load_state(stored.weights)
    digest = stored.state["dataset_sha256"]
    return Model(run, experiment, network, info, statistics, checkpoint, digest)
