"""Whether a data set, which a plug-in may have made, is what the rest takes it for."""

from __future__ import annotations

from typing import Any

from cnnrun.data.dataset import Dataset, DatasetInfo, Split
from cnnrun.errors import DataError, excerpt

__all__ = ["require_usable"]

PIXELS = ("uint8", "uint16", "float32")


def require_usable(data: Any, name: str) -> None:
    """Refuse what is no data set, has an empty split, or has arrays that do not fit.

    Args:
        data: what a data set's `load` has returned.
        name: what the data set is called in a configuration.

    Raises:
        DataError: it cannot be used; the message says why.
    """
    if not isinstance(data, Dataset):
        raise DataError(f"{name}: load returns {excerpt(data)}, no Dataset")
    for split_name, split in (("train", data.train), ("val", data.val), ("test", data.test)):
        if split is None and split_name == "val":
            continue
        problem = "is no Split" if not isinstance(split, Split) else _problem(split, data.info)
        if problem:
            raise DataError(f"{data.info.name}: the {split_name} split {problem}")


def _problem(split: Split, info: DatasetInfo) -> str:
    """Return what is wrong with a split; empty if nothing."""
    images, labels = split.images, split.labels
    shape = " x ".join(map(str, ("N", *info.image_shape)))
    if not _is_array(images) or images.shape[1:] != tuple(info.image_shape):
        return f"has {_described(images)} for images; must be an array of {shape}"
    if images.dtype.name not in PIXELS:
        return f"has images of {images.dtype}; must be one of {', '.join(PIXELS)}"
    if not len(images):
        return "is empty"
    if not _is_array(labels) or labels.shape[:1] != images.shape[:1]:
        return f"has {_described(labels)} for labels of {len(images)} images"
    if info.task in ("regression", "image"):
        axes = 2 if info.task == "regression" else 4
        right = labels.ndim == axes and (axes == 4 or labels.dtype.kind == "f")
        what = "N x K numbers (float32)" if axes == 2 else "images N x H x W x C"
        return "" if right else f"has {_described(labels)} to be learnt; must be {what}"
    if labels.ndim == 1 and labels.dtype.kind in "iu":
        if not 0 <= labels.min() <= labels.max() < info.classes:
            return (
                f"has labels from {labels.min()} to {labels.max()}; those of {info.classes} "
                f"classes are 0 to {info.classes - 1}"
            )
    elif labels.shape[1:] != (info.classes,) or labels.dtype.kind != "f":
        return (
            f"has {_described(labels)} for labels; must be N class numbers (int64), or N x "
            f"{info.classes} zeros and ones (float32)"
        )
    return ""


def _is_array(value: Any) -> bool:
    """Return whether it is an array, or what reads the rows of one when they are needed."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _described(value: Any) -> str:
    if _is_array(value):
        return f"an array of {' x '.join(map(str, value.shape))} ({value.dtype})"
    return f"a {type(value).__name__}"
