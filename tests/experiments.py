"""Small experiments that the tests of training and of the command line share."""

from __future__ import annotations

import json
from pathlib import Path

from cnnrun.config import load_experiment

__all__ = ["TINY", "log_of", "tiny", "weights_of"]

TINY = """\
name: tiny
seed: 3
data:
  dataset: {synthetic: {image_shape: [6, 6, 1], classes: 3, train_samples: 90, test_samples: 30}}
  augment: [{shift: {pixels: 1}}]
network:
  - conv2d: {filters: 4, kernel_size: 3}
  - batch_norm
  - relu
  - flatten
  - dropout: {rate: 0.2}
  - dense: {units: classes}
optimizer:
  adam: {learning_rate: 0.01}
schedule:
  cosine: {warmup_epochs: 1}
train: {epochs: 4, batch_size: 16, shard_size: 5}
"""


def tiny(folder: Path, *overrides: str):
    """Return the tiny experiment."""
    path = folder / "tiny.yaml"
    path.write_text(TINY)
    return load_experiment(path, overrides)


def weights_of(folder: Path, which: str = "last") -> bytes:
    """Return the bytes of a checkpoint's weights."""
    return (folder / "checkpoints" / which / "weights.safetensors").read_bytes()


def log_of(folder: Path) -> list[dict]:
    """Return a run's log without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    clock = ("seconds", "samples_per_second")
    return [{k: v for k, v in line.items() if k not in clock} for line in lines]
