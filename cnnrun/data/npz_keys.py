"""Which arrays of an .npz file are images and which their labels, by names in use."""

from __future__ import annotations

from typing import Literal

from cnnrun.data.npz_file import Header, NpzFile
from cnnrun.errors import DataError, shortened

__all__ = ["Keys", "Learnt", "recognised"]

SPLIT_KEYS = (  # {} stands for train, val or test
    ("{}_images", "{}_labels"),
    ("x_{}", "y_{}"),
    ("X_{}", "Y_{}"),
    ("X_{}", "y_{}"),
    ("{}_x", "{}_y"),
)
WHOLE_KEYS = (("images", "labels"), ("x", "y"), ("X", "y"), ("X", "Y"), ("data", "target"))

Keys = tuple[str, str]  # of the images, of the labels
Learnt = Literal["classification", "regression", "image"]

RULES = {
    "classification": "integers (N,) or (N, 1), or zeros and ones (N, K); task: regression takes "
    "other numbers, and task: image takes images",
    "regression": "numbers (N,) or (N, K), as task says regression",
    "image": "images (N, H, W) or (N, H, W, C), as task says",
}


def recognised(file: NpzFile, learnt: Learnt) -> dict[str, Keys]:
    """Return the keys of images and labels by split, headers checked: `train`, `val`, `test`.

    There is always `train`, which stands first; a file without splits has nothing else.

    Raises:
        DataError: there are no such arrays, or they do not fit each other or what is learnt.
    """

    def first(pairs: tuple[Keys, ...], split: str = "") -> Keys | None:
        named = ((images.format(split), labels.format(split)) for images, labels in pairs)
        return next((keys for keys in named if all(key in file.headers for key in keys)), None)

    splits = {split: first(SPLIT_KEYS, split) for split in ("train", "val", "test")}
    keys_by_split = {split: keys for split, keys in splits.items() if keys}
    if "train" not in keys_by_split:
        whole = first(WHOLE_KEYS)
        if whole is None:
            there = shortened(", ".join(sorted(file.headers))) or "no arrays"
            raise DataError(
                f"{file.path}: found {there}; needs train_images and train_labels (val_ and test_ "
                "too, if it has these splits), or images and labels"
            )
        keys_by_split = {"train": whole}
    for images, labels in keys_by_split.values():
        _check_headers(file, images, labels, learnt)
    for role, rule in ((0, "images"), (1, "labels")):
        shapes = {keys[role]: file.headers[keys[role]].shape[1:] for keys in keys_by_split.values()}
        if len(set(shapes.values())) > 1:
            listed = ", ".join(f"{key} {shape}" for key, shape in shapes.items())
            raise DataError(f"{file.path}: the splits' {rule} differ in shape: {listed}")
    return keys_by_split


def _check_headers(file: NpzFile, images_key: str, labels_key: str, learnt: Learnt) -> None:
    images, labels = file.headers[images_key], file.headers[labels_key]
    if not _are_images(images):
        raise DataError(
            f"{file.path}: {images_key} is {images.dtype} of shape {images.shape}; images are "
            "numbers (N, H, W) or (N, H, W, C), none of them 0"
        )
    if not _fit(labels, learnt):
        raise DataError(
            f"{file.path}: {labels_key} is {labels.dtype} of shape {labels.shape}; labels are "
            f"{RULES[learnt]}"
        )
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"{file.path}: {images.shape[0]} images in {images_key}, {labels.shape[0]} labels in "
            f"{labels_key}"
        )


def _are_images(header: Header) -> bool:
    return len(header.shape) in (3, 4) and 0 not in header.shape and header.dtype.kind in "uifb"


def _fit(labels: Header, learnt: Learnt) -> bool:
    """Return whether labels may be what is learnt, by their shape and type."""
    if learnt == "image":
        return _are_images(labels)
    kind = labels.dtype.kind
    single = labels.shape[1:] in ((), (1,)) and len(labels.shape) > 0
    several = len(labels.shape) == 2 and labels.shape[1] > 1
    if learnt == "regression":
        return (single or several) and kind in "uif"
    return (single and kind in "uib") or (several and kind in "uibf")
