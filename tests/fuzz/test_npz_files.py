"""Damaged and odd .npz files are read or refused, before and after their headers are believed."""

from __future__ import annotations

import io
import random
import zipfile

import numpy as np
from mutations import mutate_bytes
from trials import Trials

from cnnrun.config import read_arrays
from cnnrun.data import DataOptions, prepare
from cnnrun.data.sources import Npz

DTYPES = ("uint8", "int8", "int64", "uint64", "float16", "float32", "float64", "bool", "complex64",
          "S3", "U2", "M8[s]", "V4", "i4,f4", "longdouble")  # fmt: skip
SHAPES = ((12, 4, 4), (12, 4, 4, 1), (12, 4, 4, 3), (12, 16), (0, 4, 4), (12, 0, 4), (12,), (),
          (1,), (12, 1), (12, 3), (11,), (12, 4, 4, 1, 1))  # fmt: skip


def test_mutated_files_are_read_or_refused(tmp_path):
    trials, file = Trials("npz files"), tmp_path / "d.npz"
    options = DataOptions(Npz("d.npz"))
    for rng in trials.seeds(300):
        content = _file(rng)
        if rng.random() < 0.6:
            content = mutate_bytes(content, rng)
        file.write_bytes(content)
        trials.attempt(lambda: prepare(options, 0, tmp_path), content[:2000])
        trials.attempt(lambda: read_arrays(file), content[:2000])
    trials.judge()


def _file(rng: random.Random) -> bytes:
    """Return a file with good arrays, some of another shape, dtype, range or name."""
    arrays = {
        "images": np.arange(12 * 16).reshape(12, 4, 4).astype(np.uint8),
        "labels": np.arange(12) % 3,
    }
    if rng.random() < 0.5:
        arrays = {
            f"{split}_{key}": array for split in ("train", "test") for key, array in arrays.items()
        }
    for key in list(arrays):
        if rng.random() < 0.4:
            shape, dtype = rng.choice(SHAPES), rng.choice(DTYPES)
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            arrays[key] = np.frombuffer(rng.randbytes(size) or b"", dtype).reshape(shape)
        elif rng.random() < 0.2:
            arrays[rng.choice(("x", "../x", "", "val_images", "a" * 300))] = arrays.pop(key)
    out = io.BytesIO()
    if rng.random() < 0.5:
        np.savez(out, **{str(key): array for key, array in arrays.items()})
        return out.getvalue()
    method = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(out, "w", method) as archive:
        for key, array in arrays.items():
            one = io.BytesIO()
            np.save(one, array)
            content = one.getvalue()
            archive.writestr(
                f"{key}.npy", mutate_bytes(content, rng) if rng.random() < 0.3 else content
            )
    return out.getvalue()
