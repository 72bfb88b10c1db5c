"""Damaged and odd IDX, CIFAR and CSV files are read or refused, and init says what they are."""

from __future__ import annotations

import gzip
import random
import shutil
import struct

import numpy as np
from mutations import mutate_bytes, mutate_text
from PIL import Image
from trials import Trials

from cnnrun.config import init_data
from cnnrun.data import DataOptions, prepare
from cnnrun.data.recognition import recognise
from cnnrun.data.sources import Cifar, Csv, Idx

IMAGES = np.arange(12 * 16).reshape(12, 4, 4).astype(np.uint8)
LABELS = (np.arange(12) % 3).astype(np.uint8)
SIZES = (0, 1, 3, 4, 12, 255, 2**16, 2**31, 2**32 - 1)
COLUMNS = (None, None, None, 1, 2, -1, 99, "label", ("a", "b"), (1, 2), ())
HEADERS = ("label,a", "file,label", "0,1,2", "", "a;b", "split,file,label", ",label")
KINDS = (("0", "1"), ("0", "1", "255"), ("3", "77"), ("cat", "dog"), ("x.png",), ("2.5", ".5"),
         ("a|b", "a", ""), ("train", "test"))  # fmt: skip
CELLS = ("0", "1", "2.5", "255", "cat", "x.png", "a|b", "", "nan", "-1", "1e400", "train", "test",
         '"', '"a,b"', "\ufeff", "\x00", "../x.png", "/dev/zero", " 7 ", "1_0")  # fmt: skip


def test_mutated_idx_files(tmp_path):
    trials = Trials("IDX files")
    options = DataOptions(Idx("."), validation=0)
    for rng in trials.seeds(200):
        for name, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            content = _idx(array, rng)
            if rng.random() < 0.3:
                content = mutate_bytes(content, rng)
            if rng.random() < 0.3:
                content = gzip.compress(content)
                content = mutate_bytes(content, rng) if rng.random() < 0.3 else content
            (tmp_path / f"train-{name}-ubyte").write_bytes(content)
        trials.attempt(lambda: prepare(options, 0, tmp_path), content[:200])
        trials.attempt(lambda: recognise(tmp_path), content[:200])
    trials.judge()


def _idx(array, rng: random.Random) -> bytes:
    code, sizes = 8, [*array.shape]
    if rng.random() < 0.1:
        code = rng.choice((8, 9, 11, 12, 13, 14, 0, 255))
    if rng.random() < 0.1:
        sizes[rng.randrange(len(sizes))] = rng.choice(SIZES)
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, code, len(sizes), *sizes) + array.tobytes()


def test_mutated_cifar_folders(tmp_path):
    trials = Trials("CIFAR folders")
    record = bytes([1]) + bytes(3072) + bytes([2]) + bytes(range(256)) * 12
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    for rng in trials.seeds(40):
        for name in names:
            content = mutate_bytes(record, rng) if rng.random() < 0.1 else record
            (tmp_path / name).write_bytes(content)
        meta = "\n".join("abcdefghij")
        meta = mutate_text(meta, rng) if rng.random() < 0.3 else meta
        (tmp_path / "batches.meta.txt").write_text(meta, "utf-8", "replace")
        for labels in ("fine", "coarse"):
            source = Cifar(".", labels)
            trials.attempt(
                lambda source=source: prepare(DataOptions(source, validation=0), 0, tmp_path), meta
            )
    trials.judge()


def test_mutated_csv_files(tmp_path):
    trials, file = Trials("CSV files"), tmp_path / "x.csv"
    Image.fromarray(IMAGES[0]).save(tmp_path / "x.png")
    for rng in trials.seeds(400):
        columns = [rng.choice(KINDS) for _ in range(rng.choice((2, 2, 3, 5)))]
        rows = [rng.choice(HEADERS)] if rng.random() < 0.5 else []
        for _ in range(rng.choice((1, 10, 30))):
            odd = rng.random() < 0.02
            rows.append(",".join(rng.choice(CELLS if odd else column) for column in columns))
        text = "\n".join(rows)
        if rng.random() < 0.2:
            text = mutate_text(text, rng)
        content = text.encode("utf-8", "replace")
        file.write_bytes(gzip.compress(content) if rng.random() < 0.2 else content)
        source = Csv(
            "x.csv",
            header=rng.choice((None, None, None, True)),
            label=rng.choice(COLUMNS),
            task=rng.choice((None, None, "multi_label", "regression")),
            class_names=rng.choice(((), (), (), ("cat", "dog"))),
            images=rng.choice((None, None, None, None, "file")),
            shape=rng.choice((None, None, None, (1, 1), (2, 1))),
            maximum=rng.choice((None, 1.0, 255.0)),
        )
        options = DataOptions(source, validation=0)
        trials.attempt(lambda options=options: prepare(options, 0, tmp_path), text[:300])
        shutil.rmtree(tmp_path / "configs", ignore_errors=True)
        (tmp_path / "configs").mkdir()
        trials.attempt(lambda: init_data(file, tmp_path / "configs" / "x.yaml"), text[:300])
    trials.judge()
