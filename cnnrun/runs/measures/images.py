"""Figures of networks that make images: of others, such as masks, or of their own inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine.types import Array
from cnnrun.runs.measures.base import Figures, Table
from cnnrun.runs.measures.intervals import Intervals, mean_intervals, with_ends
from cnnrun.runs.measures.pictures import plot_images

__all__ = ["ImageCollector", "ImageFigures", "Restored", "psnr"]

MOST_WORST = 8


@dataclass(frozen=True)
class Restored:
    """An image that a network made; all pixels in [0, 1], of shape `(H, W, C)`.

    Attributes:
        index: of the sample in its split.
        input, target, output: what the network got, what it should make of it, and what it made.
        psnr: of the output.
    """

    index: int
    input: Array
    target: Array
    output: Array
    psnr: float


@dataclass(frozen=True, repr=False)
class ImageFigures(Figures):
    """What came of images, of pixels in [0, 1]: what lies outside counts as 0 or 1.

    Attributes:
        mae: `(N,)`, the mean absolute error of the pixels of each image.
        mean_squares: `(N,)`, of the same errors.
        input_squares: `(N,)`, of the inputs themselves, taken as outputs; None where they have
            another shape than the targets, or are the targets.
        worst: the images of the lowest PSNR, the worst first.
    """

    mae: Array
    mean_squares: Array
    input_squares: Array | None
    worst: tuple[Restored, ...]

    @property
    def psnr(self) -> float:
        """The mean of the images' PSNR, in dB."""
        return float(np.mean(psnr(self.mean_squares)))

    @property
    def input_psnr(self) -> float | None:
        """The same of the inputs, taken as outputs: what the network began with."""
        return None if self.input_squares is None else float(np.mean(psnr(self.input_squares)))

    @property
    def metrics(self) -> dict[str, float | None]:
        """What an epoch is chosen by."""
        means = (float(values.mean()) for values in (self.mae, self.mean_squares))
        return dict(zip(("mae", "mse", "psnr"), (*means, self.psnr), strict=True))

    @property
    def samples(self) -> int:
        """How many were measured."""
        return len(self.mae)

    @property
    def summary(self) -> str:
        """The mean error, and the PSNR of outputs and inputs."""
        began = "" if self.input_psnr is None else f" (inputs: {self.input_psnr:.2f} dB)"
        return f"MAE {self.mae.mean():.4f}, PSNR {self.psnr:.2f} dB{began}"

    @cached_property
    def intervals(self) -> Intervals:
        """Of both means."""
        return mean_intervals({"mae": self.mae, "psnr": psnr(self.mean_squares)})

    @property
    def summary_with_intervals(self) -> str:
        """The same; the inputs, which no network made, without."""
        began = "" if self.input_psnr is None else f", inputs {self.input_psnr:.2f} dB"
        ends = self.intervals.overall
        error = with_ends(f"{self.mae.mean():.4f}", ends["mae"])
        ratio = with_ends(f"{self.psnr:.2f}", ends["psnr"], "{:.2f}".format)
        return f"MAE {error}, PSNR {ratio} dB{began}"

    @property
    def table(self) -> Table:
        """The spread of the figures over the images."""
        shares = (0, 0.25, 0.5, 0.75, 1)
        rows = [
            [name, *np.quantile(values, shares, method="nearest").tolist(), float(values.mean())]
            for name, values in (("MAE", self.mae), ("PSNR (dB)", psnr(self.mean_squares)))
        ]
        columns = ["over images", "least", "25%", "median", "75%", "most", "mean"]
        return Table("pixels from 0 to 1", columns, rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the means over the images, and which images are the worst."""
        worst = [
            {"index": image.index, "mae": float(self.mae[image.index]), "psnr": image.psnr}
            for image in self.worst
        ]
        means = self.metrics
        return {**means, "input_psnr": self.input_psnr, "worst": worst}

    def heading(self) -> list[str]:
        """Return the columns: the error and the PSNR."""
        return ["mae", "psnr"]

    def rows(self) -> Iterator[list[Any]]:
        """Yield a row for every image."""
        for error, ratio in zip(self.mae, psnr(self.mean_squares), strict=True):
            yield [f"{error:.6g}", f"{ratio:.6g}"]

    def draw(self, path: Callable[[str], Path], title: str) -> list[Path]:
        """Draw the worst images: input, target, output and the error of each."""
        picture = path("worst_images")
        title = f"{title}: the worst {len(self.worst)} of {self.samples:,} images"
        plot_images(self.worst, title, picture)
        return [picture]


def psnr(mean_squares: Array) -> Array:
    """Return the peak signal-to-noise ratio in dB, of mean squared errors of pixels in [0, 1].

    10 log10(1 / mean square), infinite where there is no error. Source: Hore & Ziou, "Image
    quality metrics: PSNR vs. SSIM", ICPR 2010.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(-10 * np.log10(mean_squares))


class ImageCollector:
    """Measures images batch by batch, since all outputs would take as much memory as the data."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._figures: list[Array] = []  # (3, N) of each batch: mae, mean squares, of the inputs
        self._worst: list[Restored] = []
        self._count = 0

    def add(self, x: Array, targets: Array, predictions: Array) -> None:
        """Measure a batch, and keep its worst images."""
        inputs, outputs = self._pixels(x), np.array(predictions)
        if self._samples.inputs_are_targets:  # these are normalised, and so is what learns them
            targets, outputs = self._pixels(targets), self._pixels(outputs)
        outputs = np.clip(outputs, 0, 1)
        errors = _flat(outputs - targets)
        began = _flat(inputs - targets) if inputs.shape == targets.shape else np.zeros_like(errors)
        batch = [np.abs(errors).mean(axis=1), *(np.square(e).mean(axis=1) for e in (errors, began))]
        self._figures.append(np.array(batch))
        ratios = psnr(batch[1])
        self._worst += [
            Restored(self._count + i, inputs[i], np.array(targets[i]), outputs[i], float(ratios[i]))
            for i in np.argsort(ratios, kind="stable")[:MOST_WORST].tolist()
        ]
        self._worst = sorted(self._worst, key=lambda image: image.psnr)[:MOST_WORST]
        self._count += len(x)

    def figures(self) -> ImageFigures:
        """Return the figures of all images."""
        mae, squares, began = np.concatenate(self._figures, axis=1)
        is_start = bool(began.any())
        return ImageFigures(mae, squares, began if is_start else None, tuple(self._worst))

    def _pixels(self, images: Array) -> Array:
        """Return normalised images as pixels in [0, 1]."""
        pixels = np.array(images)
        self._samples.statistics.restore(pixels)
        return np.clip(pixels, 0, 1, out=pixels)


def _flat(errors: Array) -> Array:
    """Return errors as one row an image, in float64."""
    flat: Array = errors.reshape(len(errors), -1).astype(np.float64)
    return flat
