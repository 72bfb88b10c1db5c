"""Looks at how many samples there are of each class, in each split."""

from __future__ import annotations

import numpy as np

from cnnrun.data.checks.findings import Finding
from cnnrun.data.checks.pool import Pool
from cnnrun.data.dataset import Split
from cnnrun.engine.types import Array

__all__ = ["check_classes"]

FEW = 5
IMBALANCE = 10


def check_classes(pool: Pool) -> list[Finding]:
    """Return which classes are missing from a split or rare in it, and how uneven training is."""
    if pool.task not in ("classification", "multi_label"):
        return []
    names = pool.class_names
    findings = []
    for split, samples in pool.splits.items():
        counts = _counts(samples, len(names))
        if missing := [names[place] for place in np.flatnonzero(counts == 0)]:
            message = f"{_classes(len(missing))} of {len(names)} without a sample in {split}"
            findings.append(
                Finding("warning", "missing_classes", message, len(missing), tuple(missing))
            )
        if len(few := np.flatnonzero((counts > 0) & (counts < FEW))):
            message = f"{_classes(len(few))} with fewer than {FEW} samples in {split}"
            details = tuple(f"{names[place]}: {counts[place]}" for place in few)
            findings.append(Finding("note", "rare_classes", message, len(few), details))
        largest, smallest = int(counts.argmax()), int(np.where(counts, counts, np.inf).argmin())
        if split == "train" and counts[largest] >= IMBALANCE * counts[smallest] > 0:
            message = (
                f"the largest class of train has {counts[largest] / counts[smallest]:.0f} times "
                f"the samples of the smallest"
            )
            details = tuple(f"{names[place]}: {counts[place]:,}" for place in (largest, smallest))
            findings.append(Finding("note", "imbalance", message, 1, details))
    return findings


def _counts(split: Split, classes: int) -> Array:
    if split.labels.ndim == 1:
        return np.bincount(split.labels, minlength=classes)
    counts: Array = split.labels.sum(axis=0).astype(np.int64)
    return counts


def _classes(count: int) -> str:
    return f"{count} class{'es' if count != 1 else ''}"
