"""Images to be learnt of images: pairs of files by name, their splits, sizes, depths and faults."""

from __future__ import annotations

import numpy as np
import pytest
from experiments import tiny
from PIL import Image

from cnnrun.data import DataOptions, prepare
from cnnrun.data.sources import ImagePairs
from cnnrun.errors import DataError
from cnnrun.runs import train

RNG = np.random.default_rng(0)
NAMES = [f"scan{number}" for number in range(1, 13)]
CLEAN = {name: RNG.integers(0, 256, (6, 4), np.uint8) for name in NAMES}


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def pairs(root, change=lambda pixels: 255 - pixels, names=NAMES, sides=("inputs", "targets")):
    """Write pairs of files: the inputs are PNG, the targets TIFF."""
    for name in names:
        save(root / sides[0] / f"{name}.png", CLEAN[name])
        save(root / sides[1] / f"{name}.tif", change(CLEAN[name]))


def load(root, **options):
    source = ImagePairs(".", **options)
    data = source.load(root)
    assert source.info(root) == data.info
    return data


@pytest.mark.parametrize("splits", [(), ("train", "test"), ("train", "valid", "test"), ("train",)])
def test_pairs_are_found_by_name(tmp_path, splits):
    if splits:
        for number, split in enumerate(splits):
            pairs(tmp_path / split, names=NAMES[4 * number : 4 * number + 4])
    else:
        pairs(tmp_path)
    data = load(tmp_path, test_fraction=0.25)
    assert (data.info.task, data.info.class_names) == ("image", ())
    assert data.info.image_shape == data.info.target_shape == (6, 4, 1)
    assert data.info.test_fraction == (None if "test" in splits else 0.25)
    for split in filter(None, (data.train, data.val, data.test)):
        assert split.labels.dtype == split.images.dtype == np.uint8
        np.testing.assert_array_equal(split.labels, 255 - split.images)
        for image, file in zip(split.images, split.files, strict=True):
            np.testing.assert_array_equal(image[..., 0], CLEAN[file.split("/")[-1][:-4]])
    assert (data.val is not None) == ("valid" in splits)
    if "test" in splits:
        assert data.train.files[0] == "train/inputs/scan1.png"
        assert len(data.test) == 4
    else:
        assert not set(data.train.files) & set(data.test.files)


def test_folders_may_have_other_names_and_folders_inside(tmp_path):
    for patient in ("p2", "p10"):
        for side in ("noisy", "clean"):
            save(tmp_path / side / patient / "1.png", CLEAN["scan1"])
    (tmp_path / "noisy" / ".hidden.png").write_text("none")
    (tmp_path / "noisy" / "notes.txt").write_text("none")
    data = load(tmp_path, inputs="noisy", targets="clean", test_fraction=0.5)
    assert {*data.train.files, *data.test.files} == {"noisy/p2/1.png", "noisy/p10/1.png"}
    with pytest.raises(DataError, match="expected inputs/ and targets/, or train/"):
        load(tmp_path)


def test_batches_hold_targets_from_0_to_1(tmp_path):
    pairs(tmp_path)
    samples = prepare(DataOptions(ImagePairs("."), validation=0.2), 0, tmp_path).train
    indices = np.arange(len(samples))
    _, targets = samples.batch(indices)
    np.testing.assert_array_equal(targets, samples.labels / np.float32(255))


def test_16_bits_of_either_are_kept_of_both(tmp_path):
    pairs(tmp_path, lambda pixels: pixels.astype(np.uint16) * 256 + 3)
    data = load(tmp_path)
    assert data.train.labels.dtype == data.train.images.dtype == np.uint16
    assert data.train.maximum == 65_535
    np.testing.assert_array_equal(data.train.images // 257 * 256 + 3, data.train.labels)


def test_a_range_is_that_of_inputs_and_targets(tmp_path):
    for name in NAMES:
        for side in ("inputs", "targets"):
            save(tmp_path / side / f"{name}.png", CLEAN[name].astype(np.uint16) * 100)
    samples = prepare(DataOptions(ImagePairs(".", range=(1000, 20_000))), 0, tmp_path).train
    _, targets = samples.batch(np.arange(3))
    stored = np.stack([CLEAN[file[7:-4]] for file in samples.split.files[:3]])[..., None]
    np.testing.assert_allclose(targets, ((stored * 100.0 - 1000) / 19_000).clip(0, 1), atol=1e-6)


@pytest.mark.parametrize(("size", "target"), [(None, (12, 8, 1)), ((3, 2), (6, 4, 1))])
def test_targets_may_be_larger_than_all_inputs(tmp_path, size, target):
    pairs(tmp_path, lambda pixels: pixels.repeat(2, 0).repeat(2, 1))
    data = load(tmp_path, size=size)
    assert data.info.target_shape == data.train.labels.shape[1:] == target
    assert data.train.images.shape[1:] == (*(size or (6, 4)), 1)


def test_a_size_scales_pairs_of_several_sizes(tmp_path):
    for number in range(6):
        image = np.full((4 + number, 9 - number), 40 * number, np.uint8)
        save(tmp_path / "inputs" / f"{number}.png", image)
        save(tmp_path / "targets" / f"{number}.png", np.dstack([image] * 3))
    with pytest.raises(DataError, match=r"inputs/: images of 6 sizes"):
        load(tmp_path)
    data = load(tmp_path, size=4, fit="crop")
    assert (data.info.image_shape, data.info.target_shape) == ((4, 4, 1), (4, 4, 3))
    np.testing.assert_array_equal(data.train.images.repeat(3, axis=3), data.train.labels)
    assert load(tmp_path, size=4, target_channels=1).info.target_shape == (4, 4, 1)
    save(tmp_path / "targets" / "3.png", np.zeros((5, 5), np.uint8))
    with pytest.raises(DataError, match=r": inputs.\d\.png is \dx\d and .*targets.3\.png 5x5"):
        load(tmp_path, size=4)


def test_files_without_a_partner_are_all_named(tmp_path):
    pairs(tmp_path)
    (tmp_path / "targets" / "scan2.tif").unlink()
    (tmp_path / "targets" / "scan10.tif").rename(tmp_path / "targets" / "scan99.tif")
    message = (
        r"3 of 23 .* no partner .*: inputs.scan2\.png, inputs.scan10\.png, targets.scan99\.tif$"
    )
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_files_that_cannot_be_read_are_named_of_both_sides(tmp_path):
    pairs(tmp_path)
    (tmp_path / "targets" / "scan2.tif").write_bytes(b"no")
    (tmp_path / "inputs" / "scan11.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 of 24 image files cannot be used") as refusal:
        load(tmp_path)
    assert {"scan2.tif:", "scan11.png:"} <= {
        line.split("/")[-1].split(" ")[0] for line in str(refusal.value).split("\n")
    }


def test_what_else_is_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        ImagePairs("nowhere").info(tmp_path)
    pairs(tmp_path, lambda pixels: pixels % 2)
    with pytest.raises(DataError, match=r"targets/ holds nothing but 0 and 1.* masks as 0 and 255"):
        load(tmp_path)
    save(tmp_path / "inputs" / "scan1.bmp", CLEAN["scan1"])
    with pytest.raises(DataError, match=r"scan1\.png: scan1\.bmp has the same name"):
        load(tmp_path)
    (tmp_path / "train" / "inputs").mkdir(parents=True)
    with pytest.raises(DataError, match="no such folder"):
        load(tmp_path, inputs="input", targets="target")


def test_a_network_learns_images_and_is_measured_on_others(tmp_path):
    sides = "noisy", "clean"
    pairs(tmp_path / "set", sides=sides)
    pairs(tmp_path / "others" / "train", names=NAMES[:5], sides=sides)
    experiment = tiny(
        tmp_path,
        f"data.dataset={{image_pairs: {{path: {tmp_path}/set, inputs: noisy, targets: clean}}}}",
        "data.validation=0.2",
        "network=[{conv2d: {filters: 1, kernel_size: 1}}, sigmoid]",
        "loss={mse: {reduction: mean}}",
        "train.epochs=40",
        "data.augment=[]",
        "optimizer.adam.learning_rate=0.5",
    )
    run = train(experiment, tmp_path / "runs", workers=1)
    losses = [entry["val_loss"] for entry in run.metrics]
    assert losses[-1] < losses[0] / 4
    other = run.model().evaluate(data=tmp_path / "others", workers=1)
    assert other.samples == 5
    assert other.loss < losses[0] / 4
