"""A plug-in with what `cnnrun check` must find: shuffled labels, blank images, wrong layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnrun.data import DATASETS, Dataset, DatasetInfo, DatasetSource
from cnnrun.data.sources import Digits
from cnnrun.engine import LAYERS, Context
from cnnrun.engine.layer import Layer
from cnnrun.engine.types import Array


@dataclass(frozen=True)
class _Digits(DatasetSource):
    """The bundled digits, changed."""

    def info(self, base: Path | None) -> DatasetInfo:
        """Return what is known of them."""
        return Digits().info(base)

    def load(self, base: Path | None) -> Dataset:
        """Load them, and change the training split."""
        data = Digits().load(base)
        return replace(data, train=self.change(data.train))

    def change(self, split):
        """Return a split, changed."""
        raise NotImplementedError


@DATASETS.register("shuffled_digits")
@dataclass(frozen=True)
class Shuffled(_Digits):
    """Digits whose labels were shuffled."""

    def change(self, split):
        """Return a split with its labels in another order."""
        return replace(split, labels=np.random.default_rng(1).permutation(split.labels))


@DATASETS.register("blank_digits")
@dataclass(frozen=True)
class Blank(_Digits):
    """Digits whose pixels are all zero."""

    def change(self, split):
        """Return a split without anything to see."""
        return replace(split, images=np.zeros_like(split.images))


@LAYERS.register("centred_batch")
class CentredBatch(Layer):
    """Subtracts the mean of axis 0, which is that of the samples: it mixes them."""

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return x without its mean."""
        return x - x.mean(axis=0)

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx, which is right."""
        return dy - dy.mean(axis=0)


@LAYERS.register("wrong_tanh")
class WrongTanh(Layer):
    """A tanh whose slope lacks a square."""

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return tanh x."""
        ctx.saved["y"] = y = np.tanh(x)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx, which is wrong."""
        return dy * (1 - ctx.saved["y"])
