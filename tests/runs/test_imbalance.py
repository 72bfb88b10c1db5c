"""Classes of different sizes: weights in the loss, and the same share of every epoch."""

from __future__ import annotations

import numpy as np
import pytest
from experiments import TINY, log_of, weights_of
from tasks import experiment_of

import cnnrun
from cnnrun.config import load_experiment
from cnnrun.data import epoch_order, prepare
from cnnrun.data.ordering import balanced_order
from cnnrun.errors import ConfigError, DataError
from cnnrun.runs import StopRequest, resume_run, start_run, train
from cnnrun.runs.events import StepFinished

COUNTS = (54, 27, 9)
LABELS = np.repeat([0, 1, 2], COUNTS)


@pytest.fixture
def uneven(tmp_path):
    """The tiny experiment on a set of classes of 54, 27 and 9 training samples."""
    rng = np.random.default_rng(0)
    arrays = {
        "train_images": rng.random((90, 6, 6)), "train_labels": LABELS,
        "val_images": rng.random((12, 6, 6)), "val_labels": np.arange(12) % 3,
        "test_images": rng.random((12, 6, 6)), "test_labels": np.arange(12) % 3,
    }  # fmt: skip
    np.savez(tmp_path / "uneven.npz", **arrays)
    path = tmp_path / "uneven.yaml"
    start, end = TINY.index("synthetic"), TINY.index("}}\n") + 1
    path.write_text(TINY[:start] + "npz: {path: uneven.npz" + TINY[end - 1 :])

    def load(*overrides):
        return load_experiment(path, overrides)

    return load


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "focal"])
def test_balanced_weights_are_kept_in_the_run(uneven, tmp_path, loss):
    experiment = uneven(f"loss={{{loss}: {{class_weight: balanced}}}}", "train.epochs=1")
    run = train(experiment, tmp_path / "runs", workers=1)
    expected = tuple(90 / (3 * count) for count in COUNTS)
    (tmp_path / "uneven.npz").unlink()  # nobody needs the data for them any more
    assert run.model("last").experiment.loss.class_weight == expected
    assert f"class_weight: [{expected[0]}, " in run.config.read_text()


def test_weighted_runs_are_resumed_to_the_bit(uneven, tmp_path):
    options = ("loss={softmax_cross_entropy: {class_weight: balanced}}", "data.sampling=balanced")
    whole = train(uneven(*options), tmp_path / "whole", workers=1)
    session = start_run(uneven(*options), tmp_path / "runs", workers=2)
    for step in (2, 9, 15):
        stop = StopRequest()
        for event in session.events(stop):
            if isinstance(event, StepFinished) and event.step == step:
                stop.signal = 2
        session = resume_run(session.run, workers=1)
    list(session)
    assert weights_of(session.run.folder) == weights_of(whole.folder)
    assert log_of(session.run.folder) == log_of(whole.folder)


def test_the_weights_change_what_is_learnt(uneven, tmp_path):
    losses = ("softmax_cross_entropy", "{softmax_cross_entropy: {class_weight: balanced}}")
    runs = [train(uneven(f"loss={loss}"), tmp_path / "runs", workers=1) for loss in losses]
    assert weights_of(runs[0].folder) != weights_of(runs[1].folder)
    equal = "{softmax_cross_entropy: {class_weight: [1, 1, 1]}}"
    same = train(uneven(f"loss={equal}"), tmp_path / "runs", workers=1)
    np.testing.assert_allclose(
        [line["train_loss"] for line in log_of(same.folder)],
        [line["train_loss"] for line in log_of(runs[0].folder)],
        rtol=1e-6,
    )


def test_classes_are_weighed_by_name(uneven):
    loss = uneven("loss={softmax_cross_entropy: {class_weight: {2: 3.5, 0: 0.5}}}").loss
    assert loss.class_weight == (0.5, 1.0, 3.5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("class_weight: {cat: 2}", "class_weight: names 'cat', which is no class; these are 0, 1"),
        ("class_weight: [1, 2]", "class_weight: has 2 weights for 3 classes"),
        ("class_weight: {1: 2, 0: 0}", "class_weight: 0: 0 is not a number > 0"),
        ("class_weight: {0: a}", "class_weight: 0: 'a' is not a number > 0"),
        ("class_weight: {0: 1e39}", "class_weight: 0: 1e+39 is too large"),
        ("class_weight: [1, 0, 2]", "[1, 0, 2] is not balanced or a mapping, each value a number"),
        ("class_weight: balance", "did you mean balanced?"),
    ],
)
def test_mistakes_in_the_weights_are_said(uneven, options, says):
    with pytest.raises(ConfigError) as refused:
        uneven(f"loss={{softmax_cross_entropy: {{{options}}}}}")
    assert says in str(refused.value)


def test_labels_are_weighed_by_how_rare_they_are(tmp_path):
    experiment = experiment_of(
        tmp_path, "multi_label", "loss={binary_cross_entropy: {pos_weight: balanced}}"
    )
    labels = prepare(experiment.data, experiment.seed, experiment.base).train.labels
    run = train(experiment, tmp_path / "runs", workers=1)
    there = labels.sum(axis=0)
    weights = run.model("last").experiment.loss.pos_weight
    np.testing.assert_allclose(weights, (len(labels) - there) / there)


def test_numbers_have_no_weights_by_class(tmp_path):
    with pytest.raises(ConfigError, match="weights by class are for classes and labels"):
        experiment_of(tmp_path, "regression", "loss={binary_cross_entropy: {pos_weight: balanced}}")


def test_gradients_of_a_weighted_configuration_are_checked(uneven):
    experiment = uneven(
        "loss={focal: {class_weight: balanced}}", "network=[flatten, {dense: {units: classes}}]"
    )
    assert cnnrun.gradcheck(experiment, samples=2, budget=300).verdict == "pass"


def test_an_epoch_has_the_same_share_of_every_class():
    order = balanced_order(LABELS, 7, 3)
    assert len(order) == len(set(order.tolist())) == 90  # no random numbers are used twice
    samples = order % 90
    assert np.bincount(LABELS[samples]).tolist() == [30, 30, 30]
    drawn = np.bincount(samples, minlength=90)
    assert drawn[:54].max() == 1  # of a large class none twice
    assert set(drawn[54:81]) <= {1, 2}
    assert set(drawn[81:]) <= {3, 4}


def test_what_is_left_over_goes_to_other_classes_in_other_epochs():
    labels = np.array([0, 0, 0, 0, 1])
    shares = {tuple(np.bincount(labels[balanced_order(labels, 0, e) % 5])) for e in range(20)}
    assert shares == {(2, 3), (3, 2)}


def test_balanced_orders_derive_from_seed_and_epoch():
    orders = [tuple(balanced_order(LABELS, *given)) for given in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert orders[0] == orders[1]
    assert len(set(orders)) == 3


def test_a_class_without_samples_has_no_share():
    labels = np.array([0, 0, 0, 2])
    assert np.bincount(labels[balanced_order(labels, 0, 0) % 4]).tolist() == [2, 0, 2]


def test_a_sample_drawn_again_is_augmented_anew(uneven):
    options = uneven("data.sampling=balanced")
    train_samples = prepare(options.data, options.seed, options.base).train
    order = train_samples.order(options.seed, 0)
    (again,) = order[order % 90 == 85][order[order % 90 == 85] >= 90][:1]
    (once,), _ = train_samples.batch(np.array([85]), seed=3, epoch=0)
    variants = [
        train_samples.batch(np.array([85 + 90 * n]), seed=3, epoch=0)[0][0] for n in range(1, 9)
    ]
    assert again % 90 == 85
    assert any((variant != once).any() for variant in variants)
    pixels, targets = train_samples.batch(np.array([85 + 90]))
    np.testing.assert_array_equal(pixels, train_samples.batch(np.array([85]))[0])
    assert targets == 2


def test_every_sample_once_is_the_default(uneven):
    experiment = uneven()
    samples = prepare(experiment.data, experiment.seed, experiment.base).train
    np.testing.assert_array_equal(samples.order(5, 2), epoch_order(90, 5, 2))


def test_images_with_several_labels_are_not_balanced(tmp_path):
    experiment = experiment_of(tmp_path, "multi_label", "data.sampling=balanced")
    with pytest.raises(DataError, match=r"balanced needs one class an image, which .* has not"):
        start_run(experiment, tmp_path / "runs", workers=1)
