"""A trained network that takes images as they are: it predicts, evaluates, and gives gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnrun.config import Experiment, build_network
from cnnrun.data import DatasetInfo, Samples, Statistics, Task, has_labels, load_images
from cnnrun.engine import Context, Executor, Network, Pass
from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.runs.environment import default_workers
from cnnrun.runs.evaluation import Evaluation, evaluate, predict
from cnnrun.runs.folder import Run
from cnnrun.runs.foreign import ForeignData, foreign_samples
from cnnrun.runs.moved import experiment_of, prepare_data
from cnnrun.runs.state import read_training
from cnnrun.runs.team import Team

__all__ = ["Images", "Model", "load_model"]

Images = Array | Path | str | Sequence[Path | str]
"""Pixels `(N, H, W, C)` or `(H, W, C)`, or the paths of image files."""


@dataclass(frozen=True, repr=False)
class Model:
    """A trained network that normalises its inputs. All arrays it returns are the caller's.

    Pixels are taken as the data set has them, before normalisation: integers from 0 to 255 (to 16
    for `digits`, to `maximum` for a set that says so, in the `range` of an `npz` that has one), or
    floats from 0 to 1. In image files 255 means 1, and in those of 16 bits the data set's `maximum`
    or `range`, or 65535 where it has none that needs 16 bits.

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
    def task(self) -> Task:
        """What the network has learnt of an image: its class, labels, numbers, another image."""
        return self.experiment.data.task(self.info)

    def predict(self, images: Images, *, resize: bool = False, workers: int = 1) -> Array:
        """Return what the network says of images.

        Args:
            images: pixels as the class says, or paths of image files.
            resize: scale image files of another size, as in training, instead of refusing them.
            workers: parts of the images computed at once.

        Returns:
            The probabilities of the classes or labels, `(N, K)`; the numbers of a regression,
            `(N, K)`; or images `(N, H, W, C)`, whose pixels from 0 to 1 may be left a little.

        Raises:
            DataError: the images do not fit.
        """
        x = self.prepare(images, resize=resize)
        with Executor(self.network, self.experiment.loss, workers=workers) as executor:
            return self.in_pixels(predict(executor, x))

    def in_pixels(self, outputs: Array) -> Array:
        """Undo the normalisation of outputs that stand for inputs, in place; return them."""
        if self.experiment.data.targets == "inputs":
            self.statistics.restore(outputs)
        return outputs

    def evaluate(
        self, split: str = "test", *, data: ForeignData | None = None, workers: int | None = None
    ) -> Evaluation:
        """Measure the network on a split of its own data, or on other data.

        Args:
            split: `train`, `val` or `test`.
            data: an `.npz` file, a folder of images, or a data set as a configuration writes it,
                `{npz: {path: x.npz, axes: NCHW}}`; all of it is taken if it has no splits.
            workers: parts of a batch computed at once; by default as many as there are processors.

        Raises:
            DataError: the data cannot be used, or have no such split.
        """
        if data is None:
            experiment, statistics = self.experiment, self.statistics
            own = prepare_data(experiment, statistics)
            measured = self.measure(own.samples(split), workers=workers)
            changed = own.sha256 != self.dataset_sha256
            notes = own.info.notes
            return replace(measured, split=split, data_changed=changed, notes=notes)
        other = foreign_samples(data, split, self.experiment, self.info, self.statistics)
        measured = self.measure(other.samples, workers=workers)
        return replace(measured, split=other.split, data=other.path, data_identity=other.identity)

    def measure(
        self, samples: Samples, *, workers: int | None = None, team: Team | None = None
    ) -> Evaluation:
        """Measure the network on samples that are normalised already, as in training.

        A team whose other ranks measure them too does it together with these.
        """
        team = team or Team()
        team.share(self.network)
        workers = workers or default_workers()
        with team.executor(self.network, self.experiment.loss, workers=workers) as executor:
            return evaluate(executor, samples, self.info.class_names)

    def gradients(
        self, images: Images, labels: Array | Sequence[int] | int | None = None
    ) -> dict[str, Array]:
        """Return the gradients of the mean loss, outside training.

        Dropout is off and batch normalisation uses its running statistics, as in `predict`, so that
        the result is the same every time and a sample does not act on another's gradient.

        Args:
            images: pixels as the class says, or paths of image files.
            labels: the class number of each image; zeros and ones `(N, K)` for several labels an
                image; the numbers of a regression `(N, K)`; the images to be learnt, as the loss
                takes them; none where these are the inputs.

        Returns:
            By name: that of each parameter, such as `00_conv2d/w`; and `x`, the gradient with
            respect to the normalised input, `(N, H, W, C)`.

        Raises:
            DataError, ShapeError: the images or labels do not fit.
        """
        x = self.prepare(images)
        own = self.experiment.data.targets == "inputs"
        targets = x if own else self._targets(labels, len(x))
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
            return load_images(paths, shape, deep=source.deep_range(), fit=fit)
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
        taken = self.experiment.data.dataset.pixel_range(pixels.dtype)
        if taken.outside(pixels).any():
            raise DataError(
                f"pixels of {pixels.dtype} {taken.rule}; these reach from {pixels.min():g} to "
                f"{pixels.max():g}"
            )
        return taken.scaled(pixels)

    def _targets(self, labels: Array | Sequence[int] | int | None, count: int) -> Array:
        if labels is None:
            raise DataError("the gradients of the loss need the labels of the images")
        targets = np.atleast_1d(np.asarray(labels))
        if len(targets) != count:
            raise DataError(f"{len(targets)} labels for {count} images")
        are_classes = has_labels(self.task) and targets.dtype.kind in "ui"
        return targets if are_classes else targets.astype(self.network.dtype)


def load_model(run: Run, checkpoint: str = "best") -> Model:
    """Return a run's network with the weights of the checkpoint `best` or `last`.

    The data set is not needed: what the run knew of it is in the checkpoint.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        ConfigError: the run's configuration is damaged, or a plug-in that it needs is missing.
    """
    stored = read_training(run.checkpoint(checkpoint))
    experiment = experiment_of(run)
    statistics = Statistics.from_json(stored.state["statistics"])
    target = stored.state.get("target_shape")
    info = DatasetInfo(
        experiment.data.dataset.type_name,
        tuple(stored.state["image_shape"]),
        tuple(stored.state["class_names"]),
        task=stored.state.get("task", "classification"),
        target_shape=tuple(target) if target else None,
    )
    network = build_network(experiment, info)
    network.load_state(stored.weights)
    digest = stored.state["dataset_sha256"]
    return Model(run, experiment, network, info, statistics, checkpoint, digest)
