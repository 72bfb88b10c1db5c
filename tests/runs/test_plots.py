"""What the pictures of a run show: whole epochs, small counts, and the worst mistakes first."""

from __future__ import annotations

import numpy as np
import pytest
from experiments import tiny
from PIL import Image

from cnnrun.runs import plots, train
from cnnrun.runs.measures import Mistake
from cnnrun.runs.predictions import write_evaluation


@pytest.fixture
def drawn(monkeypatch):
    """Collect the figures instead of writing them."""
    figures = []
    monkeypatch.setattr(plots, "save_picture", lambda figure, path: figures.append(figure))
    return figures


def epochs(losses):
    keys = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return [
        dict(zip(keys, (loss, 2 * loss, 0.5, 0.4), strict=True)) | {"epoch": number}
        for number, loss in enumerate(losses, 1)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 37, 200])
def test_epochs_on_the_axis_are_whole(drawn, tmp_path, count):
    plots.plot_curves(epochs(np.linspace(2, 1, count)), "run", tmp_path / "c.png", best=1)
    figure = drawn[0]
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == round(tick) for tick in ticks)
        assert "best: epoch 1" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_loss_has_a_logarithmic_axis_where_it_spans_decades(drawn, tmp_path):
    for losses in ([2, 0.01], [2, 1], [2, 0.0]):
        plots.plot_curves(epochs(losses), "run", tmp_path / "c.png")
    assert [figure.axes[0].get_yscale() for figure in drawn] == ["log", "linear", "linear"]
    assert {figure.axes[1].get_yscale() for figure in drawn} == {"linear"}


def test_a_confusion_matrix_shows_single_images_and_no_zeros(drawn, tmp_path):
    matrix = np.array([[5000, 1], [0, 40]])
    plots.plot_confusion(matrix, ["a$b", "c"], "run $x", tmp_path / "c.png")
    axes = drawn[0].axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "40", "5000"]
    (image,) = axes.images
    colours = image.to_rgba(image.get_array())[..., :3] * image.to_rgba(image.get_array())[..., 3:]
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[False, False], [True, False]]
    assert abs(1 - colours[0, 1]).max() > 0.1, "one of five thousand is not white"


def test_images_of_mistakes_are_drawn(tmp_path):
    pixels = np.zeros((4, 4, 1), np.float32)
    pixels[1] = 1
    for count in (1, 7):
        mistakes = [Mistake(number, pixels, 0, 1, 0.9) for number in range(count)]
        plots.plot_mistakes(mistakes, ["a", "b" * 100], "run", tmp_path / "m.png")
        with Image.open(tmp_path / "m.png") as picture:
            grey = np.asarray(picture.convert("L"))
        black = (grey == 0).mean(axis=1)
        assert black.max() > 0.1, "rows through the images are black"


def test_an_evaluation_knows_its_worst_mistakes(tmp_path):
    experiment = tiny(tmp_path, "train.epochs=1")
    model = train(experiment, tmp_path / "runs", workers=1).model("last")
    evaluation = model.evaluate(workers=1)
    wrong = np.flatnonzero(evaluation.scores.argmax(axis=1) != evaluation.labels)
    assert {mistake.index for mistake in evaluation.mistakes} == set(wrong[:24])
    confidence = [mistake.probability for mistake in evaluation.mistakes]
    assert confidence == sorted(confidence, reverse=True)
    worst = evaluation.mistakes[0]
    assert worst.probability == evaluation.scores[wrong].max()
    assert (worst.true, worst.predicted) == (
        evaluation.labels[worst.index],
        evaluation.scores[worst.index].argmax(),
    )
    split = experiment.data.dataset.load(tmp_path).test
    np.testing.assert_allclose(worst.pixels * split.maximum, split.images[worst.index], rtol=1e-6)
    *_, gallery = write_evaluation(model, evaluation)
    assert gallery.name == "mistakes-test-last.png"
    assert gallery.exists()
