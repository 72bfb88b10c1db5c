"""Which samples an epoch takes, in which order; both derive from (seed, epoch)."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["balanced_order", "epoch_order"]

ORDER, BALANCED = 0x0DE2, 0xBA1A
"""What random numbers are for."""


def epoch_order(samples: int, seed: int, epoch: int) -> Array:
    """Return the order of an epoch that takes every sample once: a permutation."""
    return _random(seed, ORDER, epoch).permutation(samples)


def balanced_order(labels: Array, seed: int, epoch: int) -> Array:
    """Return the order of an epoch in which all classes have the same share.

    It takes as many samples as there are. Those of a class are drawn without replacement; where
    they do not suffice, all of them are taken, and drawn from anew. What remains of a division of
    the epoch by the classes goes to some of them by chance, to others in other epochs.

    Args:
        labels: `(N,)` class numbers.
        seed: of the experiment.
        epoch: from 0.

    Returns:
        `(N,)` numbers, each a sample's index plus N times how often it has been drawn before, so
        that what a sample's augmentation derives from is never the same twice.
    """
    rng, samples = _random(seed, BALANCED, epoch), len(labels)
    classes = np.unique(labels)
    shares = samples // len(classes) + (rng.permutation(len(classes)) < samples % len(classes))
    drawn = []
    for number, share in zip(classes, shares, strict=True):
        members = np.flatnonzero(labels == number)
        rounds = -(-int(share) // len(members))
        orders = [rng.permutation(members) + samples * before for before in range(rounds)]
        drawn.append(np.concatenate(orders)[:share])
    return rng.permutation(np.concatenate(drawn))


def _random(seed: int, purpose: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, epoch)))
