"""What .npz files are read, and what is said of those that are not."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from cnnrun.data import DataOptions, prepare
from cnnrun.data.sources import Npz
from cnnrun.errors import DataError, OptionError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 5, 4), np.uint8)
LABELS = np.arange(20) % 4


def splits(
    images=IMAGES, labels=LABELS, pattern=("{}_images", "{}_labels"), names=("train", "test")
):
    """Return the arrays of a good file, a split after the other."""
    arrays = {}
    for name in names:
        arrays[pattern[0].format(name)] = images
        arrays[pattern[1].format(name)] = labels
    return arrays


def load(tmp_path, arrays, **options):
    np.savez(tmp_path / "x.npz", **arrays)
    source = Npz("x.npz", **options)
    data = source.load(tmp_path)
    assert source.info(tmp_path) == data.info
    return data


@pytest.mark.parametrize(
    "pattern", [("{}_images", "{}_labels"), ("x_{}", "y_{}"), ("X_{}", "y_{}"), ("{}_x", "{}_y")]
)
def test_two_splits_under_their_usual_names(tmp_path, pattern):
    data = load(tmp_path, splits(pattern=pattern))
    assert data.info.image_shape == (5, 4, 1)
    assert data.info.class_names == ("0", "1", "2", "3")
    assert (data.info.train_samples, data.info.test_samples) == (20, 20)
    np.testing.assert_array_equal(data.train.images, IMAGES[..., None])
    np.testing.assert_array_equal(data.test.labels, LABELS)
    assert data.test.labels.dtype == np.int64
    assert data.val is None


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first_is_asked_about(tmp_path, channels):
    images = RNG.integers(0, 256, (20, channels, 6, 5), np.uint8)
    with pytest.raises(DataError, match=f"channels first, .* 6x5 with {channels} channels, or"):
        load(tmp_path, splits(images))
    first = load(tmp_path, splits(images), axes="NCHW")
    assert first.info.image_shape == (6, 5, channels)
    np.testing.assert_array_equal(first.train.images, images.transpose(0, 2, 3, 1))
    assert load(tmp_path, splits(images), axes="NHWC").info.image_shape == (channels, 6, 5)


@pytest.mark.parametrize("shape", [(20, 3, 5, 3), (20, 8, 6, 16), (20, 3, 5)])
def test_other_shapes_are_not_asked_about(tmp_path, shape):
    data = load(tmp_path, splits(RNG.integers(0, 256, shape, np.uint8)))
    assert data.info.image_shape == (*shape[1:], 1)[:3]


def test_medmnist_has_columns_of_labels_and_its_own_validation_split(tmp_path):
    images = RNG.integers(0, 256, (20, 5, 4, 3), np.uint8)
    arrays = splits(images, LABELS[:, None].astype(np.uint8), names=("train", "val", "test"))
    data = load(tmp_path, arrays, class_names=("a", "b", "c", "d"))
    assert data.info.image_shape == (5, 4, 3)
    assert data.info.class_names == ("a", "b", "c", "d")
    assert data.val is not None
    assert data.val.labels.shape == (20,)


def test_several_labels_an_image(tmp_path):
    labels = RNG.integers(0, 2, (20, 3))
    data = load(tmp_path, splits(labels=labels))
    assert data.info.classes == 3
    assert data.train.labels.dtype == np.float32
    np.testing.assert_array_equal(data.train.labels, labels)


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y"), ("X", "y"), ("data", "target")])
def test_one_set_is_split_by_fraction_and_class(tmp_path, keys):
    data = load(tmp_path, {keys[0]: IMAGES, keys[1]: LABELS}, test_fraction=0.4)
    assert np.bincount(data.train.labels).tolist() == [3] * 4
    assert np.bincount(data.test.labels).tolist() == [2] * 4
    again = Npz("x.npz", test_fraction=0.4).load(tmp_path)
    other = Npz("x.npz", test_fraction=0.4, split_seed=1).load(tmp_path)
    assert again.sha256() == data.sha256() != other.sha256()


@pytest.mark.parametrize(
    ("images", "maximum", "dtype", "means_one"),
    [
        (IMAGES / np.float32(255), None, np.float32, 1.0),
        (IMAGES / 255.0, None, np.float32, 1.0),
        (IMAGES.astype(np.int64), None, np.uint8, 255.0),
        (IMAGES % 17, 16, np.uint8, 16.0),
        (IMAGES.astype(np.uint16) * 100, 65535, np.float32, 65535.0),
        (IMAGES * 1.0, 255, np.float32, 255.0),
        (IMAGES > 100, None, np.uint8, 1.0),
        (np.asfortranarray(IMAGES), None, np.uint8, 255.0),
        ((IMAGES / 255).astype(">f4"), None, np.float32, 1.0),
    ],
)
def test_kinds_of_pixels(tmp_path, images, maximum, dtype, means_one):
    train = load(tmp_path, splits(images), maximum=maximum).train
    assert train.images.dtype == dtype
    assert train.maximum == means_one
    np.testing.assert_allclose(train.images[..., 0], images, rtol=1e-6)


@pytest.mark.parametrize("validation", [False, True])
def test_without_a_test_split_a_part_of_the_training_split_is_held_out(tmp_path, validation):
    arrays = splits(names=("train", "val") if validation else ("train",), pattern=("x_{}", "y_{}"))
    data = load(tmp_path, arrays, test_fraction=0.4)
    assert np.bincount(data.train.labels).tolist() == [3] * 4
    assert np.bincount(data.test.labels).tolist() == [2] * 4
    assert data.info.test_fraction == 0.4
    assert (data.info.train_samples, data.info.test_samples) == (12, 8)
    assert (data.val is not None, data.divided) == (validation, not validation)
    assert len(data.split("train")) == 20
    assert load(tmp_path, splits()).info.test_fraction is None


HOUNSFIELD = np.array([-2000, -1000, -300, 400, 3000])


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_a_range_says_what_is_0_and_what_is_1(tmp_path, dtype):
    images = np.broadcast_to(HOUNSFIELD.astype(dtype)[:, None], (20, 5, 4))
    options = DataOptions(Npz("x.npz", range=(-1000.0, 400.0)), 0.0, "none")
    train = load(tmp_path, splits(images), range=(-1000.0, 400.0)).train
    assert (train.minimum, train.maximum, train.images.dtype) == (-1000, 400, np.float32)
    samples = prepare(options, 0, tmp_path).train
    scaled = samples.batch(np.arange(3))[0][0, :, 0, 0]
    np.testing.assert_allclose(scaled, [0, 0, 0.5, 1, 1])
    statistics = prepare(replace(options, normalize="standard"), 0, tmp_path).statistics
    np.testing.assert_allclose(statistics.mean, [0.5], rtol=1e-6)
    np.testing.assert_allclose(statistics.std, scaled.std(), rtol=1e-6)


def test_a_range_must_be_one():
    with pytest.raises(OptionError, match="low being less than high"):
        Npz("x.npz", range=(1.0, 1.0))
    with pytest.raises(OptionError, match="maximum and range say the same"):
        Npz("x.npz", range=(0.0, 1.0), maximum=1.0)
    with pytest.raises(OptionError, match="class_names are for labels"):
        Npz("x.npz", class_names=("a", "b"), task="image")


@pytest.mark.parametrize("columns", [None, 1, 3])
def test_numbers_are_learnt_where_the_task_says_so(tmp_path, columns):
    labels = RNG.normal(size=(20, columns) if columns else 20)
    data = load(tmp_path, splits(labels=labels), task="regression")
    assert (data.info.task, data.train.labels.dtype) == ("regression", np.float32)
    assert data.info.class_names == ("target 1", "target 2", "target 3")[: columns or 1]
    np.testing.assert_array_equal(data.test.labels, labels.reshape(20, -1).astype(np.float32))
    integers = splits(labels=LABELS)
    named = load(tmp_path, integers, task="regression", class_names=("age",))
    assert named.info.class_names == ("age",)
    whole = {"images": IMAGES, "labels": labels}
    assert len(load(tmp_path, whole, task="regression", test_fraction=0.25).test) == 5


@pytest.mark.parametrize("target", [(5, 4), (10, 8, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.int16, bool])
def test_images_are_learnt_where_the_task_says_so(tmp_path, target, kind):
    learnt = RNG.integers(0, 2, (20, *target)) * (255 if kind in (np.uint8, np.int16) else 1)
    images = IMAGES / np.float32(255) if kind == np.float32 else IMAGES
    source = Npz("x.npz", task="image")
    data = load(tmp_path, splits(images, learnt.astype(kind)), task="image")
    assert (data.info.task, data.info.class_names) == ("image", ())
    assert data.info.target_shape == data.train.labels.shape[1:] == (*target, 1)[:3]
    assert data.train.labels.dtype == data.train.images.dtype
    samples = prepare(DataOptions(source), 0, tmp_path).test
    _, targets = samples.batch(np.arange(20))
    np.testing.assert_array_equal(targets, (learnt.reshape(targets.shape) > 0).astype(np.float32))


def test_labels_may_begin_anywhere(tmp_path):
    data = load(tmp_path, splits(labels=LABELS + 1), first_label=1)
    assert data.info.class_names == ("1", "2", "3", "4")
    np.testing.assert_array_equal(data.train.labels, LABELS)


def changed(key, index, value, **kinds):
    arrays = splits(**kinds)
    arrays[key] = arrays[key].copy()
    arrays[key][index] = value
    return arrays


FLOATS = {"images": IMAGES / np.float32(255)}
BAD = {
    "nan": (
        changed("test_images", (3, 2, 1), np.nan, **FLOATS),
        {},
        r"test_images\[3, 2, 1, 0\] is nan",
    ),
    "infinite": (changed("train_images", 0, np.inf, **FLOATS), {}, r"is inf; pixels"),
    "bytes as floats": (splits(IMAGES * 1.0), {}, r"train_images\[0, 0, 0, 0\].*set maximum"),
    "negative pixel": (splits(IMAGES.astype(int) - 1), {}, r"is -1; pixels of int64"),
    "test label unknown": (changed("test_labels", 7, 4), {}, r"test_labels\[7\] is 4; .* 0 to 3"),
    "negative label": (changed("train_labels", 2, -1), {}, r"train_labels\[2\] is -1"),
    "gap in labels": (
        changed("train_labels", 2, 200),
        {},
        r"train_labels\[2\] is 200; .*without a gap",
    ),
    "more labels than names": (splits(), {"class_names": ("a", "b")}, r"\[2\] is 2; .*class_names"),
    "huge label": (splits(labels=LABELS.astype(np.uint64) + np.uint64(2**63)), {}, "out of range"),
    "float labels": (splits(labels=LABELS * 0.5), {}, "labels are integers.* task: regression"),
    "soft labels": (splits(labels=np.full((20, 2), 0.5)), {}, r"train_labels\[0, 0\] is 0.5"),
    "names of columns": (
        splits(labels=np.zeros((20, 2))),
        {"class_names": ("a",)},
        "2 columns, class_names has 1",
    ),
    "fewer labels": (
        splits() | {"train_labels": LABELS[:19]},
        {},
        "20 images in train_images, 19 labels in train_labels",
    ),
    "no images": (splits(IMAGES[:0], LABELS[:0]), {}, r"\(0, 5, 4\)"),
    "flat images": (splits(IMAGES.reshape(20, 20)), {}, r"\(20, 20\); images are numbers"),
    "complex": (splits(IMAGES * 1j), {}, "complex128"),
    "text": (splits(labels=np.array(["cat"] * 20)), {}, "labels are"),
    "shapes differ": (
        splits() | {"test_images": IMAGES[:, :4]},
        {},
        r"train_images \(5, 4\), test_images \(4, 4\)",
    ),
    "other keys": ({"a": IMAGES}, {}, "found a; needs train_images"),
    "test only": (splits(names=("test",)), {}, "needs train_images"),
    "negative floats": (splits(IMAGES - 1000.0), {}, r"is -\d+.0; .* range: \[low, high\]"),
    "nan in a range": (
        changed("test_images", (3, 2, 1), np.nan, **FLOATS),
        {"range": (-1000.0, 400.0)},
        r"test_images\[3, 2, 1, 0\] is nan; pixels of float32 are finite",
    ),
    "target not finite": (
        changed("train_labels", 3, np.inf, labels=LABELS * 0.5),
        {"task": "regression"},
        r"train_labels\[3, 0\] is inf; targets are finite",
    ),
    "names of targets": (
        splits(labels=np.zeros((20, 2))),
        {"task": "regression", "class_names": ("age",)},
        "2 columns, class_names has 1",
    ),
    "text as targets": (splits(labels=np.array(["a"] * 20)), {"task": "regression"}, "numbers"),
    "labels as images": (splits(), {"task": "image"}, r"labels are images \(N, H, W\)"),
    "targets of another range": (
        splits(labels=IMAGES / 255),
        {"task": "image"},
        "1 means 1 in train_labels, .* 255 in train_images; save both in one range",
    ),
    "masks of 0 and 1": (
        splits(labels=IMAGES % 2),
        {"task": "image"},
        "train_labels holds nothing but 0 and 1, .* write masks as 0 and 255, or as booleans",
    ),
    "labels from 1": (splits(labels=LABELS + 1), {}, "say first_label: 1"),
    "fraction too small": (
        {"x": IMAGES, "y": LABELS},
        {"test_fraction": 0.01},
        "test split would be empty",
    ),
    "pickle": (splits(labels=np.array([{}] * 20, object)), {}, "pickled objects"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_are_named(tmp_path, case):
    arrays, options, message = BAD[case]
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=rf"x\.npz: .*{message}"):
        Npz("x.npz", **options).load(tmp_path)


def npy(array, shape=None):
    """Return the bytes of a .npy file, with another shape in its header if one is given."""
    file = io.BytesIO()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((10**9, 28, 28), "takes 784,000,000,000 bytes"),
        ((-1, 5, 4), r"-1"),
        ((2, 5, 4), "holds 400"),
    ],
)
def test_a_header_that_lies_is_refused_before_anything_is_allocated(tmp_path, shape, said):
    write_zip(tmp_path / "x.npz", {"images.npy": npy(IMAGES, shape), "labels.npy": npy(LABELS)})
    with pytest.raises(DataError, match=rf"images \(at byte 0\) declares shape .*{said}"):
        Npz("x.npz").info(tmp_path)


def test_a_decompression_bomb_is_refused(tmp_path):
    bomb = np.zeros((100, 1000, 1000), np.uint8)
    write_zip(tmp_path / "x.npz", {"images.npy": npy(bomb), "labels.npy": npy(LABELS)})
    with pytest.raises(DataError, match="decompression bomb"):
        Npz("x.npz").load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no array",
        b"\x93NUMPY\x01\x00\xff\xff{",
        b"\x93NUMPY\x09\x00\x10\x00",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"(" * 30_000,
        b"\x93NUMPY\x01\x00\x00\x10" + b"(" * 4096,
        b"\x93NUMPY\x01\x00\x10\x00__import__('os')",
    ],
)
def test_a_header_that_is_none_is_refused(tmp_path, content):
    write_zip(tmp_path / "x.npz", {"images.npy": content, "labels.npy": npy(LABELS)})
    with pytest.raises(DataError, match=r"x\.npz: images \(at byte 0\) is not a NumPy array"):
        Npz("x.npz").load(tmp_path)


def test_two_arrays_of_one_name_are_refused(tmp_path):
    write_zip(tmp_path / "x.npz", {"images.npy": npy(IMAGES), "images": npy(IMAGES)})
    with pytest.raises(DataError, match="two arrays are called images"):
        Npz("x.npz").load(tmp_path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, **splits())
    whole = path.read_bytes()
    for end in range(0, len(whole), 41):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"x\.npz"):
            Npz("x.npz").load(tmp_path)


def test_a_changed_byte_gives_a_data_error_or_the_same_data(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, **splits())
    whole = path.read_bytes()
    right = Npz("x.npz").load(tmp_path).sha256()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = Npz("x.npz").load(tmp_path).sha256()
        except DataError:
            continue
        assert found == right, f"the change at byte {at} went unnoticed"


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        Npz("x.npz").load(tmp_path)
    with pytest.raises(DataError, match=r"not a readable \.npz file"):
        Npz(".").load(tmp_path)


def test_one_class_is_nothing_to_learn(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((20, 4, 4), np.uint8), labels=np.full(20, 3))
    with pytest.raises(DataError, match=r"x\.npz: labels: one class only \(3\); there must be two"):
        Npz("x.npz").info(tmp_path)
    np.savez(tmp_path / "x.npz", images=np.zeros((20, 4, 4), np.uint8), labels=np.zeros(20, int))
    assert Npz("x.npz", class_names=("all",)).load(tmp_path).info.classes == 1
