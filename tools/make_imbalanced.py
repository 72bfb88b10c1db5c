"""Writes a subset of mnist5k whose classes differ in size by 1:9, for docs/experiments.md.

    python tools/make_imbalanced.py imbalanced.npz

Of the digits 0 to 4 every ninth training image is kept, of 5 to 9 all; the test split stays whole.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cnnrun.data import DATASETS

RARE, KEPT = range(5), 9


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    data = DATASETS.get("mnist5k")().load(Path())
    images, labels = np.asarray(data.train.images), np.asarray(data.train.labels)
    is_kept = ~np.isin(labels, RARE)
    for digit in RARE:
        is_kept[np.flatnonzero(labels == digit)[::KEPT]] = True
    np.savez(
        sys.argv[1],
        train_images=images[is_kept],
        train_labels=labels[is_kept],
        test_images=np.asarray(data.test.images),
        test_labels=np.asarray(data.test.labels),
    )
    counts = np.bincount(labels[is_kept])
    print(f"{sys.argv[1]}: training images of each digit {' '.join(map(str, counts))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
