"""What folders of CIFAR's binary version are read, and what is said of those that are not."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnrun.data.sources import Cifar
from cnnrun.errors import DataError

RNG = np.random.default_rng(0)
NAMES = ("airplane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TEN = {f"data_batch_{n}.bin": 2 for n in range(1, 6)} | {"test_batch.bin": 3}
HUNDRED = {"train.bin": 4, "test.bin": 3}


def record(labels, image):
    """Return a record: labels, then all reds, all greens, all blues, row by row."""
    planes = (image[:, :, channel].tobytes() for channel in range(3))
    return bytes(labels) + b"".join(planes)


def write(folder, files, labels):
    """Write records of random images to files, and return them by file."""
    images = {name: RNG.integers(0, 256, (n, 32, 32, 3), np.uint8) for name, n in files.items()}
    for name, content in images.items():
        (folder / name).write_bytes(
            b"".join(record(labels(index), image) for index, image in enumerate(content))
        )
    return images


def ten(folder):
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return write(folder, TEN, lambda index: [9 - index])


def hundred(folder):
    (folder / "fine_label_names.txt").write_text("\n".join(f"fine{n}" for n in range(100)) + "\n")
    (folder / "coarse_label_names.txt").write_text("\n".join(f"c{n}" for n in range(20)) + "\n")
    return write(folder, HUNDRED, lambda index: [index, 90 + index])


def load(folder, **options):
    source = Cifar(".", **options)
    data = source.load(folder)
    assert source.info(folder) == data.info
    return data


def message(folder, **options):
    with pytest.raises(DataError) as caught:
        Cifar(".", **options).load(folder)
    return str(caught.value)


def test_cifar10(tmp_path):
    images = ten(tmp_path)
    data = load(tmp_path)
    assert (data.info.name, data.info.image_shape) == ("cifar10", (32, 32, 3))
    assert data.info.class_names == NAMES
    assert (data.info.train_samples, data.info.test_samples) == (10, 3)
    np.testing.assert_array_equal(data.train.images, np.concatenate([*images.values()][:5]))
    np.testing.assert_array_equal(data.train.labels, [9, 8] * 5)
    np.testing.assert_array_equal(data.test.images, images["test_batch.bin"])
    np.testing.assert_array_equal(data.test.labels, [9, 8, 7])
    assert "CIFAR-10 has no coarse labels" in message(tmp_path, labels="coarse")


def test_cifar100_has_two_kinds_of_labels(tmp_path):
    images = hundred(tmp_path)
    fine, coarse = load(tmp_path), load(tmp_path, labels="coarse")
    np.testing.assert_array_equal(fine.train.images, images["train.bin"])
    assert (fine.info.classes, fine.info.class_names[93]) == (100, "fine93")
    assert (coarse.info.classes, coarse.info.class_names[3]) == (20, "c3")
    np.testing.assert_array_equal(fine.train.labels, [90, 91, 92, 93])
    np.testing.assert_array_equal(coarse.train.labels, [0, 1, 2, 3])


def test_without_names_classes_are_numbers(tmp_path):
    ten(tmp_path)
    (tmp_path / "batches.meta.txt").unlink()
    assert load(tmp_path).info.class_names == tuple("0123456789")
    (tmp_path / "batches.meta.txt").write_text("cat\ndog\n")
    assert "has 2 different names of classes, not 10 (it begins with 'cat" in message(tmp_path)
    (tmp_path / "batches.meta.txt").write_bytes(b"\xff\xfe")
    assert "batches.meta.txt: cannot be read" in message(tmp_path)


def test_the_pickled_version_is_never_read(tmp_path):
    for name in ("data_batch_1", "batches.meta"):
        (tmp_path / name).write_bytes(pickle.dumps({b"data": [1]}))
    assert "never loaded; take the 'binary version' (cifar-10-binary" in message(tmp_path)


def test_missing_files_are_named(tmp_path):
    assert "no data_batch_1.bin and no train.bin" in message(tmp_path)
    ten(tmp_path)
    (tmp_path / "data_batch_3.bin").unlink()
    (tmp_path / "test_batch.bin").unlink()
    assert "but no data_batch_3.bin, test_batch.bin" in message(tmp_path)
    ten(tmp_path)
    hundred(tmp_path)
    assert "has both CIFAR-10 and CIFAR-100" in message(tmp_path)
    assert "no such folder" in message(tmp_path / "none")
    assert "not a folder" in message(tmp_path / "test.bin")


def test_a_label_of_no_class_is_refused_by_its_byte(tmp_path):
    ten(tmp_path)
    file = tmp_path / "data_batch_4.bin"
    content = bytearray(file.read_bytes())
    content[3073] = 10
    file.write_bytes(content)
    assert f"{file}: the label at byte 3,073 is 10; those of cifar10 are 0 to 9" in message(
        tmp_path
    )


@given(length=st.integers(0, 3 * 3073 + 9).filter(lambda length: length % 3073 or not length))
def test_a_file_that_ends_within_a_record_is_refused(tmp_path_factory, length):
    folder = tmp_path_factory.mktemp("cifar")
    ten(folder)
    (folder / "test_batch.bin").write_bytes(bytes(length))
    assert f"ends at byte {length:,}, within record {length // 3073}; records" in message(folder)
