"""The layers that `init --data` begins with: few, and as many as the images' size asks for."""

from __future__ import annotations

from cnnrun.data import DatasetInfo, Task
from cnnrun.errors import DataError

__all__ = ["first_network"]

POOLED = 7
"""Pixels; the shorter side is halved while it has more."""
FILTERS = (16, 32, 64, 64, 64)
OUTPUTS = {
    "classification": "one score for each class",
    "multi_label": "one score for each label",
    "regression": "one output for each number",
}


def first_network(info: DatasetInfo, task: Task) -> list[str]:
    """Return the layers, as lines of YAML.

    Raises:
        DataError: images are to be learnt that are not a whole number of times the inputs.
    """
    height, width, _ = info.image_shape
    if task == "image":
        return _image_network(info)
    lines = []
    for filters in FILTERS:
        lines += [f"conv2d: {{filters: {filters}, kernel_size: 3, padding: same}}", "relu"]
        if min(height, width) <= POOLED:
            break
        lines.append(f"{'max_pool2d: {pool_size: 2}':<50}# {height // 2}x{width // 2}")
        height, width = height // 2, width // 2
    outputs = f"{'dense: {units: classes}':<50}# {OUTPUTS[task]}"
    return [*lines, "flatten", "dense: {units: 64}", "relu", outputs]


def _image_network(info: DatasetInfo) -> list[str]:
    """Return layers from images to images, which may be a whole number of times larger or smaller.

    Raises:
        DataError: they are another number of times so.
    """
    (height, width, _), target = info.image_shape, info.target_shape or info.image_shape
    lines = []
    for filters in (16, 16):
        lines += [f"conv2d: {{filters: {filters}, kernel_size: 3, padding: same}}", "relu"]
    up, down = target[0] // height, height // target[0]
    if (height * up, width * up) == target[:2]:
        kind, factor = "conv2d_transpose", up
    elif (target[0] * down, target[1] * down) == (height, width):
        kind, factor = "conv2d", down
    else:
        raise DataError(
            f"images of {height}x{width} and targets of {target[0]}x{target[1]}: init has no "
            "network for that; scale one of them to a whole number of times the other"
        )
    if factor > 1:
        step = f"kernel_size: {factor}, stride: {factor}"
        lines += [f"{kind}: {{filters: 16, {step}}}  # {target[0]}x{target[1]}", "relu"]
    last = f"conv2d: {{filters: {target[2]}, kernel_size: 3, padding: same}}"
    return [*lines, f"{last}  # the channels of the images to be learnt"]
