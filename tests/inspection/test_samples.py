"""The samples of an inspection: what the network sees, and what people see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from experiments import tiny
from PIL import Image

from cnnrun.config import load_experiment
from cnnrun.errors import ConfigError
from cnnrun.inspection.samples import SampleChoice, choose_samples
from cnnrun.runs import NetworkWithData

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    return NetworkWithData.untrained(tiny(folder), folder / "runs")


def test_pictures_show_the_pixels_that_the_data_set_has(model):
    target, what = choose_samples(model, SampleChoice("4,1"))
    split = model.experiment.data.dataset.load(model.experiment.base).test
    np.testing.assert_allclose(target.images, split.images[[4, 1]] / split.maximum, atol=1e-6)
    assert not np.allclose(target.x, target.images), "the network sees them normalised"
    assert what == "test-4-1"
    names = model.info.class_names
    assert target.labels == tuple(f"test {i} ({names[split.labels[i]]})" for i in (4, 1))


def test_the_baseline_is_black_as_the_network_sees_it(model, tmp_path):
    Image.new("L", (6, 6), 0).save(tmp_path / "black.png")
    target, what = choose_samples(model, SampleChoice(images=[tmp_path / "black.png"]))
    assert what == "black"
    assert not target.images.any()
    assert abs(target.baseline).min() > 0.1, "or the sign would not matter"
    np.testing.assert_allclose(
        target.x, np.broadcast_to(target.baseline, target.x.shape), rtol=1e-5
    )


def test_the_flow_is_measured_on_all_classes_though_they_lie_in_order(tmp_path):
    experiment = load_experiment(ROOT / "configs/lenet_mnist5k.yaml")
    model = replace(NetworkWithData.untrained(experiment, tmp_path), checkpoint="best")
    labels = model.data().train.labels
    assert len(set(labels[:64])) == 1
    target, _ = choose_samples(model, SampleChoice("0"))
    assert set(target.reference[1]) == set(range(10))
    assert target.chance == pytest.approx(np.log(10), rel=1e-3)


def test_samples_and_images_exclude_each_other(model, tmp_path):
    with pytest.raises(ConfigError, match="not both"):
        choose_samples(model, SampleChoice("0", images=[tmp_path / "a.png"]))
