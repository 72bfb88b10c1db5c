"""The plug-ins that `init` writes work as they stand, whatever they are called."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from command_line import run as program
from experiments import TINY

import cnnrun
from cnnrun.config import load_plugin
from cnnrun.config.plugin_templates import PLUGIN_TEMPLATES
from cnnrun.data import TRANSFORMS
from cnnrun.engine import LAYERS, LOSSES
from cnnrun.errors import ConfigError, ShapeError


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a plug-in and imports it; forget all of them afterwards."""
    monkeypatch.setattr("cnnrun.config.plugins._loaded", {})
    for registry, _ in PLUGIN_TEMPLATES.values():
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))

    def written(kind, stem=None):
        file = cnnrun.init_plugin(kind, tmp_path / f"{stem or f'my_{kind}'}.py")
        load_plugin(file)
        return file

    return written


def train(folder, *overrides):
    """Train the tiny network; return what each epoch logged."""
    (folder / "tiny.yaml").write_text(TINY)
    experiment = cnnrun.load_experiment(folder / "tiny.yaml", overrides)
    return cnnrun.train(experiment, folder / "runs", workers=1).metrics


@pytest.mark.parametrize("kind", PLUGIN_TEMPLATES)
def test_the_command_that_init_names_works(kind, tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    said = program("init", f"--{kind}", f"my_{kind}.py", cwd=tmp_path).stderr.replace("\n", " ")
    command = said.partition("cnnrun ")[2].replace("CONFIG", "tiny.yaml")
    program(*shlex.split(command), cwd=tmp_path)


def test_the_loss_has_the_gradient_of_its_value(write):
    write("loss")
    report = cnnrun.gradcheck("my_loss", budget=2000)
    assert report.passed
    loss = LOSSES.get("my_loss")()
    outputs = np.array([[3.0, 0.0], [0.0, 1.0]])
    whole, dy = loss(outputs, np.array([0, 1]), 2)
    assert whole == pytest.approx((np.sqrt(5) - 1) / 2)  # (3 - 1, 0) and (0, 0)
    room = np.empty_like(outputs)
    halves = [loss(outputs[i : i + 1], np.array([i]), 2, room[i : i + 1])[0] for i in (0, 1)]
    assert sum(halves) == pytest.approx(whole)
    np.testing.assert_allclose(room, dy)
    with pytest.raises(ShapeError, match="one a class"):
        loss.check((4, 4, 2), 2)


def test_the_optimizer_trains_with_the_options_of_every_optimizer(write, tmp_path):
    write("optimizer")
    options = "{my_optimizer: {learning_rate: 0.01, weight_decay: 0.01, clip_norm: 5}}"
    plain = ("network=[flatten, {dense: {units: classes}}]", "data.augment=[]")
    first, *_, last = train(tmp_path, f"optimizer={options}", *plain)
    assert last["train_loss"] < first["train_loss"] / 2


def test_the_transform_changes_images_and_leaves_the_given_one_alone(write, tmp_path):
    write("transform")
    transform = TRANSFORMS.get("my_transform")()
    image = np.random.default_rng(1).random((4, 5, 3), dtype=np.float32)
    image.flags.writeable = False
    changed = transform(image, np.random.default_rng(2))
    assert (changed.shape, changed.dtype) == (image.shape, image.dtype)
    assert 0 <= changed.min() < changed.max() <= 1
    assert not np.array_equal(changed, image)
    np.testing.assert_array_equal(changed, transform(image, np.random.default_rng(2)))
    train(tmp_path, "data.augment=[my_transform]", "train.epochs=1")


def test_the_data_set_can_be_learnt(write, tmp_path):
    write("dataset")
    description = cnnrun.describe_data("my_dataset")
    assert (description.image_shape, description.class_names) == ((8, 8, 1), ("lying", "standing"))
    *_, last = train(tmp_path, "data.dataset={my_dataset: {size: 9, samples: 120}}")
    assert last["val_accuracy"] > 0.9


@pytest.mark.parametrize("kind", PLUGIN_TEMPLATES)
def test_a_plug_in_may_have_the_name_of_its_kind(kind, write):
    """The class that it defines then has the name of the one that it inherits from."""
    write(kind, kind)
    if kind == "dataset":
        assert cnnrun.describe_data("dataset").samples["test"] == 400


@pytest.mark.parametrize("name", ["my-loss.py", "my_loss.txt", "_.py", "_1.py", "None.py", "if.py"])
def test_a_name_that_python_does_not_take_is_refused(name, tmp_path):
    with pytest.raises(ConfigError, match=r"letters, digits and underscores: my_loss\.py"):
        cnnrun.init_plugin("loss", tmp_path / name)
    assert not any(tmp_path.iterdir())


def test_a_kind_that_there_is_not_and_a_name_that_is_taken_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="did you mean loss"):
        cnnrun.init_plugin("los", tmp_path / "my_loss.py")
    with pytest.raises(ConfigError, match="the optimizer 'sgd' is registered already"):
        cnnrun.init_plugin("optimizer", tmp_path / "sgd.py")
    done = program("init", "--loss", "a.py", "--dataset", "b.py", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "give one of FILE" in done.stderr
    assert not any(tmp_path.iterdir())


def test_the_layer_of_the_guide_refuses_what_it_does_not_fit_with_its_place(write, tmp_path):
    guide = (Path(__file__).parents[2] / "docs/plugins.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.S)
    (tmp_path / "mean.py").write_text(code)
    load_plugin(tmp_path / "mean.py")
    layer = LAYERS.get("group_mean")
    assert cnnrun.gradcheck(layer(layer.Config(size=2), (6,)), budget=1000).passed
    (tmp_path / "tiny.yaml").write_text(TINY)
    for network, said in (
        ("group_mean", r"a vector for each sample, got 6x6x1; put flatten before it"),
        ("flatten, group_mean: {size: 5}", r"size 5 must divide the 36 inputs"),
    ):
        with pytest.raises((ConfigError, ShapeError), match=said):
            cnnrun.load_experiment(
                tmp_path / "tiny.yaml", [f"network=[{network}, {{dense: {{units: classes}}}}]"]
            )
