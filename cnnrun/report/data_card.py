"""The data of a run: how many samples, of which classes, and what they look like."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrun.data import PreparedData, has_labels
from cnnrun.data.contact_sheet import sheet_rows
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Array
from cnnrun.report.blocks import Charts, Section, Strips, Table, Text
from cnnrun.report.class_charts import balance_chart
from cnnrun.report.images import Embedded, strip
from cnnrun.report.number_charts import histogram

__all__ = ["data_card"]

MOST_AUGMENTED = 4
"""Classes whose augmented samples are shown."""
MOST_NUMBERS = 4


def data_card(data: PreparedData, trained_on: str) -> Section:
    """Return the section about a data set.

    Args:
        data: as the run uses it.
        trained_on: the digest of the data that it was trained on.
    """
    section, info = Section("Data"), data.info
    splits = {
        name: samples
        for name in ("train", "val", "test")
        if (samples := getattr(data, name)) is not None
    }
    if data.sha256 != trained_on:
        section.blocks.append(Text("The data are not those that the run was trained on."))
    sizes = ", ".join(f"{name} {len(samples):,}" for name, samples in splits.items())
    rows = [
        ["name", info.name],
        ["samples", sizes],
        ["images", format_size(info.image_shape)],
        ["what is learnt", data.task.replace("_", "-")],
        ["SHA-256", data.sha256],
        *(["note", note] for note in info.notes),
    ]
    section.blocks.append(Table("", (), rows, words=True))
    numbers: dict[str, Any] = {
        "name": info.name,
        "sha256": data.sha256,
        "as_trained": data.sha256 == trained_on,
        "samples": {name: len(samples) for name, samples in splits.items()},
        "image_shape": list(info.image_shape),
        "task": data.task,
    }
    if has_labels(info.task):
        word = "class" if data.train.labels.ndim == 1 else "label"
        counts = {name: _counts(s.labels, info.classes) for name, s in splits.items()}
        section.blocks.append(Charts([balance_chart(counts, info.class_names, word)]))
        numbers["classes"] = list(info.class_names)
        numbers["class_counts"] = {name: c.tolist() for name, c in counts.items()}
    elif data.task == "regression":
        columns = list(zip(info.class_names, data.train.labels.T, strict=True))[:MOST_NUMBERS]
        charts = [histogram(values, f"{name} in train", name) for name, values in columns]
        section.blocks.append(Charts(charts))
    section.numbers = {"data": numbers}
    section.blocks += _samples(data)
    return section


def _counts(labels: Array, classes: int) -> Array:
    """Return how many samples have each class or label, `(K,)`."""
    if labels.ndim == 1:
        return np.bincount(labels, minlength=classes)
    return np.asarray((labels > 0.5).sum(axis=0))


def _samples(data: PreparedData) -> list[Text | Strips]:
    """Return the rows of samples, and those of augmented ones."""
    blocks: list[Text | Strips] = []
    changed = bool(data.train.augment or data.train.corrupt)
    for augmented in (False, True) if changed else (False,):
        most = MOST_AUGMENTED if augmented else None
        rows, note = sheet_rows(data, augmented=augmented, most_classes=most)
        words = "Samples as training sees them, in its first epochs" if augmented else "Samples"
        blocks.append(Text(f"{words} ({note})." if note else f"{words}."))
        groups: list[list[tuple[str, str, Embedded | None]]] = []
        for row in rows:
            if row.label and row.label != "targets":
                groups.append([])
            words = f"samples: {row.label or row.note}"
            images = strip(row.images, words) if len(row.images) else None
            groups[-1].append((row.label, row.note, images))
        blocks.append(Strips(groups))
    return blocks
