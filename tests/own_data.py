"""Makes the files that docs/data.md shows, out of the bundled digits."""

from __future__ import annotations

import gzip
import struct

import numpy as np
from PIL import Image

from cnnrun.data.sources import Digits

KINDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def digits(count):
    """Return images of 8x8 bytes and their labels."""
    split = Digits().load(None).train
    return (split.images[:count, ..., 0] * 15).astype(np.uint8), split.labels[:count]


def make(folder):
    """Write an example for every source into a folder."""
    images, labels = digits(400)
    for index, (image, label) in enumerate(zip(images[:200], labels, strict=False)):
        save(folder / "pictures" / KINDS[label] / f"{index}.png", image)
        save(folder / "scans" / f"{index}.png", image)
        save(folder / "pairs" / "inputs" / f"{index}.png", image // 2)
        save(folder / "pairs" / "targets" / f"{index}.png", image)
    rows = list(enumerate(labels[:200]))
    table(folder / "kinds.csv", ["file", "kind"], [(scan(i), KINDS[n]) for i, n in rows])
    flags = [(scan(i), int(n % 2 == 0), int(n > 4)) for i, n in rows]
    table(folder / "flags.csv", ["file", "even", "large"], flags)
    table(folder / "ages.csv", ["file", "age"], [(scan(i), n * 7.5) for i, n in rows])
    names = [f"p{index}" for index in range(64)]
    flat = np.column_stack([labels, images.reshape(-1, 64)])
    table(folder / "pixels.csv", ["label", *names], flat.tolist())
    (folder / "mnist").mkdir()
    for split, part in (("train", slice(300)), ("t10k", slice(300, 400))):
        for name, array in (("images-idx3", images[part]), ("labels-idx1", labels[part])):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            content = gzip.compress(header + array.astype(np.uint8).tobytes())
            (folder / "mnist" / f"{split}-{name}-ubyte.gz").write_bytes(content)
    cifar = folder / "cifar-10-batches-bin"
    cifar.mkdir()
    (cifar / "batches.meta.txt").write_text("\n".join(KINDS) + "\n")
    for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
        records = [bytes([n]) + bytes(image.repeat(48)) for image, n in
                   zip(images[:40], labels, strict=False)]  # fmt: skip
        (cifar / name).write_bytes(b"".join(records))
    np.savez(folder / "digits.npz", images=images, labels=labels)


def scan(index):
    """Return the name of a picture in its folder."""
    return f"scans/{index}.png"


def save(file, image):
    """Write a picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file)


def table(file, header, rows):
    """Write a CSV file."""
    lines = [",".join(map(str, row)) for row in (header, *rows)]
    file.write_text("\n".join(lines) + "\n")
