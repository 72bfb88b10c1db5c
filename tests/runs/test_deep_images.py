"""Image files of 16 bits are scaled as in training: their predictions are those of the samples."""

from __future__ import annotations

import numpy as np
import pytest
from experiments import tiny
from PIL import Image

from cnnrun.errors import DataError
from cnnrun.inspection.samples import SampleChoice, choose_samples
from cnnrun.runs import NetworkWithData, train

PIXELS = np.random.default_rng(0).integers(0, 4096, (24, 6, 6), np.uint16)
LABELS = np.arange(24) % 2


def files(folder, kind="png"):
    """Write all images, in a folder for each class."""
    paths = []
    for number, (pixels, label) in enumerate(zip(PIXELS, LABELS, strict=True)):
        path = folder / f"{label}" / f"{number:02}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        paths.append(path)
    return paths


KINDS = "npz of 12 bits", "npz with a range", "folder of 12 bits", "folder with a range", "16 bits"


@pytest.fixture(params=KINDS)
def model(request, tmp_path):
    files(tmp_path / "pictures")
    np.savez(tmp_path / "x.npz", images=PIXELS, labels=LABELS)
    dataset = {
        "npz of 12 bits": f"{{npz: {{path: {tmp_path}/x.npz, maximum: 4095}}}}",
        "npz with a range": f"{{npz: {{path: {tmp_path}/x.npz, range: [500, 3000]}}}}",
        "folder of 12 bits": f"{{image_folder: {{path: {tmp_path}/pictures, maximum: 4095}}}}",
        "folder with a range": f"{{image_folder: {{path: {tmp_path}/pictures, range: [9, 3000]}}}}",
        "16 bits": f"{{image_folder: {{path: {tmp_path}/pictures}}}}",
    }[request.param]
    changes = f"data.dataset={dataset}", "train.epochs=1"
    return train(tiny(tmp_path, *changes), tmp_path / "runs", workers=1).model("last")


def test_files_predict_what_the_samples_do(model, tmp_path):
    split = model.experiment.data.dataset.load(tmp_path).test
    paths = []
    for number, image in enumerate(split.images):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(image[..., 0].astype(np.uint16)).save(paths[-1])
    scores = model.evaluate("test", workers=1).scores
    np.testing.assert_allclose(model.predict(paths), scores, atol=1e-6)
    np.testing.assert_allclose(model.predict(split.images.astype(np.uint16)), scores, atol=1e-6)
    own = model.prepare(paths)
    with_data = NetworkWithData.trained(model)
    of_files, _ = choose_samples(with_data, SampleChoice(images=paths[:2]))
    of_samples, _ = choose_samples(with_data, SampleChoice("0-1"))
    np.testing.assert_array_equal(of_files.x, own[:2])
    np.testing.assert_allclose(of_files.x, of_samples.x, atol=1e-6)


def test_a_folder_of_files_is_measured_as_the_samples(model, tmp_path):
    paths = files(tmp_path / "others", "tiff")
    measured = model.evaluate(data=tmp_path / "others", workers=1).scores
    expected = model.predict(paths)  # in another order
    np.testing.assert_allclose(np.sort(measured, axis=0), np.sort(expected, axis=0), atol=1e-6)


def test_pixels_above_the_maximum_are_refused(model, tmp_path):
    path = tmp_path / "bright.png"
    Image.fromarray(np.full((6, 6), 40_000, np.uint16)).save(path)
    if model.experiment.data.dataset.maximum == 4095:
        with pytest.raises(DataError, match=r"pixels reach 40000; .* between 0 and 4095"):
            model.predict(path)
    else:
        assert model.predict(path).shape == (1, 2)


def test_pixels_out_of_the_range_are_the_nearest_that_mean_something(tmp_path):
    """As in training: CT has negative pixels, which no image file holds, so these are spread."""
    pixels = PIXELS.astype(np.int16) - 1500
    np.savez(tmp_path / "x.npz", images=pixels, labels=LABELS)
    dataset = f"{{npz: {{path: {tmp_path}/x.npz, range: [-1000, 400]}}}}"
    changes = f"data.dataset={dataset}", "train.epochs=1"
    model = train(tiny(tmp_path, *changes), tmp_path / "runs", workers=1).model("last")
    data = model.experiment.data.dataset.load(tmp_path)
    assert (data.train.images.min(), data.train.images.max()) == (-1000, 400)
    scores = model.evaluate("test", workers=1).scores
    raw = pixels[[np.flatnonzero((np.clip(pixels, -1000, 400) == image[..., 0]).all((1, 2)))[0]
                  for image in data.test.images]][..., None]  # fmt: skip
    for images in (raw, raw.astype(np.float64), data.test.images):
        np.testing.assert_allclose(model.predict(images), scores, rtol=1e-5)
    paths = []
    for number, image in enumerate(data.test.images):
        paths.append(tmp_path / f"{number}.png")
        spread = np.rint((image[..., 0] + 1000) / 1400 * 65_535)
        Image.fromarray(spread.astype(np.uint16)).save(paths[-1])
    np.testing.assert_allclose(model.predict(paths), scores, atol=1e-4)
    np.savez(tmp_path / "y.npz", images=pixels, labels=LABELS)
    assert model.evaluate(data=tmp_path / "y.npz", workers=1).samples == 24
    with pytest.raises(DataError, match="are finite"):
        model.predict(np.full((6, 6, 1), np.nan))
