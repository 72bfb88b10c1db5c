"""A trained network in Python: it predicts, is measured, and gives gradients."""

from __future__ import annotations

import numpy as np
import pytest
from experiments import tiny
from PIL import Image

from cnnrun.engine import Context
from cnnrun.errors import CheckpointError, DataError
from cnnrun.runs import train
from cnnrun.runs.predictions import write_evaluation


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return train(tiny(folder, "train.epochs=2"), folder / "runs", workers=1).model("best")


@pytest.fixture(scope="module")
def split(model):
    """The test split in the data set's own units."""
    return model.experiment.data.dataset.load(model.experiment.base).test


def test_it_predicts_what_evaluate_measures(model, split):
    scores = model.predict(split.images)
    evaluation = model.evaluate("test", workers=1)
    np.testing.assert_allclose(scores, evaluation.scores, atol=1e-6)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(model.predict(split.images[3]), scores[3:4], atol=1e-6)
    assert evaluation.accuracy == np.mean(scores.argmax(axis=1) == split.labels)
    assert evaluation.title == "test split"


def test_bytes_floats_and_files_are_the_same_pixels(model, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 1), np.uint8)
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    scores = model.predict(pixels)
    np.testing.assert_allclose(model.predict(pixels / 255), scores, atol=1e-6)
    np.testing.assert_allclose(model.predict(paths), scores, atol=1e-6)
    np.testing.assert_allclose(model.predict(str(paths[1])), scores[1:], atol=1e-6)


def test_pixels_are_taken_in_the_units_of_the_data_set(tmp_path):
    model = train(
        tiny(tmp_path, "data.dataset=digits", "train.epochs=1", "train.batch_size=500"),
        tmp_path / "runs",
        workers=1,
    ).model()
    images = model.experiment.data.dataset.load(tmp_path).test.images  # 0 to 16
    np.testing.assert_allclose(model.predict(images), model.evaluate().scores, atol=1e-6)
    with pytest.raises(DataError, match=r"lie between 0 and 16; these reach from 17"):
        model.predict(np.full((1, 8, 8, 1), 17, np.uint8))


def test_gradients_are_those_of_the_mean_loss(model, split):
    images, labels = split.images[:4], split.labels[:4]
    gradients = model.gradients(images, labels)
    assert gradients.keys() == {*model.network.parameters, "x"}
    x, loss = model.prepare(images), model.experiment.loss

    def loss_of(inputs):
        return loss(model.network.forward(inputs, Context()), labels, len(inputs))[0]

    for array, gradient in [
        (x, gradients["x"]),
        (model.network.parameters["00_conv2d/w"], gradients["00_conv2d/w"]),
    ]:
        direction = np.sign(gradient).astype(array.dtype)
        array += np.float32(1e-3) * direction
        above = loss_of(x)
        array -= np.float32(2e-3) * direction
        below = loss_of(x)
        array += np.float32(1e-3) * direction
        assert (above - below) / 2e-3 == pytest.approx(np.abs(gradient).sum(), rel=0.02)


def test_arrays_are_the_callers_own(model, split):
    images, labels = split.images[:4], split.labels[:4]
    before = images.copy()
    first, scores = model.gradients(images, labels), model.predict(images)
    kept = {name: array.copy() for name, array in first.items()}, scores.copy()
    model.gradients(images[::-1], labels)
    model.predict(images[::-1])
    for name, array in first.items():
        np.testing.assert_array_equal(array, kept[0][name])
        array[...] = 0
    np.testing.assert_array_equal(scores, kept[1])
    np.testing.assert_array_equal(images, before)
    again = model.gradients(images, labels)
    for name, array in kept[0].items():
        np.testing.assert_array_equal(again[name], array)


def test_a_single_image_and_a_single_label(model, split):
    gradients = model.gradients(split.images[0], int(split.labels[0]))
    assert gradients["x"].shape == (1, 6, 6, 1)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((2, 5, 6, 1)), r"images of shape \(2, 5, 6, 1\).* takes \(N, 6, 6, 1\)"),
        (np.zeros((0, 6, 6, 1)), "images of shape"),
        (np.full((1, 6, 6, 1), 200.0), "float64 lie between 0 and 1"),
        (np.full((1, 6, 6, 1), np.nan), "lie between 0 and 1"),
        (np.full((1, 6, 6, 1), -1), "lie between 0 and 255"),
        (np.full((1, 6, 6, 1), "a"), "pixels are integers or floats"),
        ([], "images of shape"),
    ],
    ids=str,
)
def test_images_that_do_not_fit_are_refused(model, images, says):
    with pytest.raises(DataError, match=says):
        model.predict(images)


def test_labels_that_do_not_fit_are_refused(model, split):
    for labels, says in (([0], "1 labels for 2 images"), (None, "need the labels"), ([0, 9], "9")):
        with pytest.raises(DataError, match=says):
            model.gradients(split.images[:2], labels)


def test_a_checkpoint_that_is_not_there(model):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        model.run.model("middle")


def test_an_autoencoder_is_measured_and_predicts_images(tmp_path):
    model = train(
        tiny(
            tmp_path,
            "data.targets=inputs",
            "network=[{conv2d: {filters: 1, kernel_size: 3, padding: same}}]",
            "loss=mse",
            "train.epochs=1",
        ),
        tmp_path / "runs",
        workers=1,
    ).model()
    evaluation = model.evaluate()
    assert evaluation.scores is evaluation.accuracy is evaluation.confusion_matrix is None
    assert evaluation.per_class == []
    assert [path.name for path in write_evaluation(model, evaluation)] == [
        "predictions.csv",
        "worst_images.png",
    ]
    x = np.random.default_rng(0).random((2, 6, 6, 1), np.float32)
    outputs = model.network.forward(model.prepare(x), Context())
    seen = outputs * model.statistics.std[0] + model.statistics.mean[0]
    np.testing.assert_allclose(model.predict(x), seen, rtol=1e-5)
    assert model.gradients(np.ones((1, 6, 6, 1)))["00_conv2d/w"].any()
