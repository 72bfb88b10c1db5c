"""Counts how many planted copies `cnnrun data check` finds, by what was done to them.

    python tools/planted_copies.py DATASET [COPIES]

So many training images of the data set, drawn at random, are changed and put into a test split of
their own beside the training split; a copy counts as found when the check pairs it with its
original. The data set is a name or as a configuration writes it. It takes a minute for mnist5k.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cnnrun.config import read_dataset
from cnnrun.data.checks import Pool, check_copies
from cnnrun.data.dataset import Split
from cnnrun.engine.types import Array


def jpeg(image: Array, quality: int) -> Array:
    """Return a grey or colour image after it was compressed."""
    flat = image[..., 0] if image.shape[2] == 1 else image
    file = io.BytesIO()
    Image.fromarray(flat).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).reshape(image.shape)


def moved(image: Array, down: int, right: int) -> Array:
    """Return an image moved by a pixel, its border repeated."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width, _ = image.shape
    return padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]


def noisy(image: Array, levels: float) -> Array:
    """Return an image with Gaussian noise, seeded by the image."""
    random = np.random.default_rng(image.reshape(-1))
    return image + random.normal(0, levels, image.shape)


CHANGES: dict[str, Callable[[Array], Array]] = {
    "brighter by 20 of 255": lambda image: image * (235 / 255) + 20,
    "brighter by 20%, clipped at white": lambda image: image * 1.2,
    "contrast 0.7": lambda image: image * 0.7 + 0.15 * 255,
    "JPEG, quality 75": lambda image: jpeg(image, 75),
    "JPEG, quality 50": lambda image: jpeg(image, 50),
    "moved by a pixel down": lambda image: moved(image, 1, 0),
    "moved by a pixel, diagonally": lambda image: moved(image, 1, 1),
    "noise of 2 levels": lambda image: noisy(image, 2),
    "noise of 5 levels": lambda image: noisy(image, 5),
    "mirrored": lambda image: image[:, ::-1],
    "turned by 90 degrees": lambda image: image.swapaxes(0, 1)[::-1],
    "turned by 180 degrees": lambda image: image[::-1, ::-1],
}


def main(name: str, copies: int = 300) -> None:
    """Print a line for every change."""
    source = read_dataset(name, "DATASET")
    dataset = source.load(Path())
    pixels = dataset.train.pixel_range.scaled(np.asarray(dataset.train.images))
    train = Split(np.rint(255 * pixels).astype(np.uint8), dataset.train.labels)
    random = np.random.default_rng(0)
    drawn = np.sort(random.choice(len(train), min(copies, len(train)), replace=False))
    for what, change in CHANGES.items():
        changed = np.stack([change(image) for image in train.images[drawn]])
        planted = Split(np.clip(np.rint(changed), 0, 255).astype(np.uint8), train.labels[drawn])
        splits = {"train": train, "test": planted}
        pool = Pool(splits, dataset.info.task, dataset.info.class_names)
        found = {
            pair.second.index
            for finding in check_copies(pool)
            for pair in finding.pairs
            if pair.second.split == "test" and pair.first.index == drawn[pair.second.index]
        }
        print(f"{what:36} {100 * len(found) / len(drawn):6.1f}%", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
