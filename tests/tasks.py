"""Small experiments of each task, which tests of several verbs share."""

from __future__ import annotations

from pathlib import Path

from cnnrun.config import load_experiment

__all__ = ["SETS", "TASKS", "experiment_of", "write_config"]

SETS = Path(__file__).parent / "task_sets.py"

IMAGES = "[{conv2d: {filters: 4, kernel_size: 3, padding: same}}, relu, "
CONV = "{conv2d: {filters: %d, kernel_size: 3, padding: same}}]"
NUMBERS = IMAGES + "flatten, {dense: {units: classes}}]"
PARTS = {
    "regression": ("{toy_places: {}}", NUMBERS, "mse", ""),
    "multi_label": ("{toy_corners: {}}", NUMBERS, "binary_cross_entropy", ""),
    "image": ("{toy_pairs: {}}", IMAGES + CONV % 1, "mse", ""),
    "colour": ("{toy_pairs: {channels: 3}}", IMAGES + CONV % 3, "mse", ""),
    "denoising": (
        "{toy_places: {}}",
        IMAGES + CONV % 1,
        "mse",
        "targets: inputs, corrupt: [{gaussian_noise: {std: 0.2}}], ",
    ),
}
TASKS = tuple(PARTS)


def write_config(folder: Path, task: str) -> Path:
    """Write the configuration of a task, called after it; return the file."""
    dataset, network, loss, data = PARTS[task]
    path = folder / f"{task}.yaml"
    path.write_text(
        f"name: {task.replace('_', '-')}\n"
        f"data: {{{data}dataset: {dataset}}}\n"
        f"network: {network}\n"
        f"loss: {loss}\n"
        "optimizer: {adam: {learning_rate: 0.01}}\n"
        "train: {epochs: 2, batch_size: 8}\n"
    )
    return path


def experiment_of(folder: Path, task: str, *overrides: str):
    """Return the experiment of a task."""
    return load_experiment(write_config(folder, task), overrides, [SETS])
