"""Scalars, overrides, round trips, the schema and plug-ins."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from broken_configs import GOOD

from cnnrun.config import build_network, dump_yaml, json_schema, load_experiment, load_plugin
from cnnrun.config.source import parse_scalar, parse_source
from cnnrun.engine import LAYERS, Executor
from cnnrun.errors import ConfigError, PluginError

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("5e-4", 5e-4),
        ("1.", 1.0),
        (".5", 0.5),
        ("-2", -2),
        ("+3", 3),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("off", "off"),
        ("no", "no"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
        ("1e5x", "1e5x"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = parse_scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_quoted_scalars_are_text():
    assert parse_source("a: '1'\nb: \"true\"", "f").tree == {"a": "1", "b": "true"}


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("optimizer.sgd.learning_rate=0.01", lambda e: e.optimizer.learning_rate == 0.01),
        ("network[0].conv2d.filters=7", lambda e: e.network[0].filters == 7),
        ("network[0].conv2d.kernel_size=[1, 3]", lambda e: e.network[0].kernel_size == (1, 3)),
        ("network[1]=tanh", lambda e: e.network[1].layer.type_name == "tanh"),
        ("network[1].relu={}", lambda e: e.network[1].layer.type_name == "relu"),
        ("optimizer=adam", lambda e: e.optimizer.type_name == "adam"),
        ("schedule.constant.warmup_epochs=1", lambda e: e.schedule.warmup_epochs == 1),
        ("train.best=loss", lambda e: e.train.best == "loss"),
        ("data.augment=[{shift: {pixels: 1}}]", lambda e: len(e.data.augment) == 1),
        ("seed=9", lambda e: e.seed == 9),
        (
            "optimizer.adam.learning_rate=0.01",
            lambda e: (e.optimizer.type_name, e.optimizer.learning_rate) == ("adam", 0.01),
        ),
        ("loss.mse.reduction=mean", lambda e: e.loss.reduction == "mean"),
        ("schedule.step.gamma=0.5", lambda e: e.schedule.gamma == 0.5),
    ],
)
def test_overrides_change_what_they_name(good, override, read):
    assert read(load_experiment(good, [override]))


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("train.epochs", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("network[9]=relu", "5 items"),
        ("network[5]=relu", "5 items"),
        ("optimizer={sgd: {learning_rate: -1}}", "-1 is not a number > 0"),
        ("network[1].conv2d.filters=2", "is relu, not conv2d"),
        ("network[0].dense.units=2", "holds conv2d, not dense"),
        ("optimizer.adm.beta1=0.5", "did you mean optimizer.adam.beta1=0.5"),
        ("train.epoch=3", "did you mean train.epochs=3?"),
        ("epochs=3", "did you mean train.epochs=3?"),
        ("lr=0.1", "did you mean optimizer.sgd.learning_rate=0.1?"),
        ("optimizer.lr=0.1", "did you mean optimizer.sgd.learning_rate=0.1?"),
        ("filters=3", "did you mean network[0].conv2d.filters=3?"),
        ("batch-size=8", "did you mean train.batch_size=8?"),
        ("train.epochs=three", "'three' is not a whole number"),
        ("seed[0]=1", "not a list"),
        ("seed.x=1", "no options"),
        ("data=[", "override"),
    ],
)
def test_wrong_overrides_name_themselves(good, override, says):
    with pytest.raises(ConfigError) as caught:
        load_experiment(good, [override])
    assert f"override {override!r}: " in str(caught.value)
    assert says in str(caught.value)


def test_mistakes_of_overrides_are_reported_with_those_of_the_file(good):
    good.write_text(GOOD.replace("seed: 1", "seed: -1"))
    with pytest.raises(ConfigError) as caught:
        load_experiment(good, ["epoch=3", "train.batch_size=0", "x"])
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "override 'epoch=3'", "override 'x'", str(good), "override 'train.batch_size=0'",
    ]  # fmt: skip


def test_two_overrides_do_not_name_two_optimizers(good):
    both = ["optimizer.adam.beta1=0.5", "optimizer.adam.beta2=0.5"]
    assert load_experiment(good, both).optimizer.beta2 == 0.5
    with pytest.raises(ConfigError, match="optimizer is adam by another override"):
        load_experiment(good, ["optimizer.adam.beta1=0.5", "optimizer.rmsprop.momentum=0.5"])


@pytest.mark.parametrize(
    "override",
    [
        "data.dataset.npz.path=here.npz",
        "data.dataset={npz: {path: here.npz}}",
        "data={dataset: {npz: {path: here.npz}}}",
    ],
)
def test_a_path_in_an_override_is_relative_to_where_one_stands(
    good, tmp_path, monkeypatch, override
):
    here = tmp_path / "elsewhere"
    here.mkdir()
    images = np.zeros((100, 8, 8), np.uint8)
    np.savez(here / "here.npz", images=images, labels=np.arange(100) % 10)
    monkeypatch.chdir(here)
    assert load_experiment(good, [override]).data.dataset.path == str(here / "here.npz")


@pytest.mark.parametrize(
    ("loss", "layer"), [("softmax_cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")]
)
def test_an_activation_that_the_loss_applies_itself_is_refused(good, loss, layer):
    text = GOOD.replace("classes}", "classes}\n  - " + layer).replace("softmax_cross_entropy", loss)
    good.write_text(text)
    with pytest.raises(ConfigError, match=rf":12:5: network\[5\].{layer}: {loss} applies"):
        load_experiment(good)
    assert load_experiment(good, ["loss=mse"])


@pytest.mark.parametrize(("several", "refused"), [(False, False), (True, True)])
def test_several_labels_are_nothing_for_softmax(good, tmp_path, several, refused):
    labels = np.eye(10)[np.arange(100) % 10]
    labels[0, 5] = several
    np.savez(tmp_path / "d.npz", images=np.zeros((100, 8, 8), np.uint8), labels=labels)
    good.write_text(GOOD.replace("dataset: digits", "dataset: {npz: {path: d.npz}}"))
    assert load_experiment(good, ["loss=binary_cross_entropy"])
    if not refused:
        assert load_experiment(good)
        return
    with pytest.raises(ConfigError, match=r"12:7: loss: .* one class an image"):
        load_experiment(good)


def test_an_autoencoder_must_end_with_images_like_its_inputs(good):
    smaller = [
        "data.targets=inputs",
        "loss=mse",
        "network=[{conv2d: {filters: 1, kernel_size: 3}}]",
    ]
    with pytest.raises(ConfigError, match=r"inputs \(8, 8, 1\), .* ends with \(6, 6, 1\)"):
        load_experiment(good, smaller)


def test_the_method_of_convolutions_is_the_one_asked_for(good):
    x = np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32)
    convolution = "{conv2d: {filters: 4, kernel_size: 3}}"
    layers = f"[{convolution}, {convolution}, flatten, {{dense: {{units: 10}}}}]"

    def predict(method):
        overrides = [f"network={layers}", f"train.convolution={method}"]
        experiment = load_experiment(good, overrides)
        with Executor(build_network(experiment), experiment.loss, workers=1) as executor:
            return executor.predict(x).copy()

    direct, fast = predict("columns"), predict("winograd")
    np.testing.assert_allclose(fast, direct, atol=1e-5)
    assert (fast != direct).any()  # by its rounding


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_shipped_configurations_round_trip_and_fit_the_schema(path, tmp_path):
    experiment = load_experiment(path)
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(experiment))
    loaded = load_experiment(again)
    assert dump_yaml(loaded) == dump_yaml(experiment)
    assert loaded.network == experiment.network
    assert (loaded.optimizer, loaded.schedule) == (experiment.optimizer, experiment.schedule)
    for text in (path.read_text(), again.read_text()):
        jsonschema.validate(parse_source(text, "f").tree, json_schema())
    assert build_network(experiment).parameter_count > 0


def test_text_that_looks_like_something_else_is_quoted(good, tmp_path):
    experiment = load_experiment(good, ["name='1e5'"])
    assert parse_source(dump_yaml(experiment), "f").tree["name"] == "1e5"


def test_the_schema_is_valid():
    jsonschema.Draft7Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    "change", [("filters: 4", "filters: 0"), ("- relu", "- rellu"), ("seed: 1", "sede: 1")]
)
def test_the_schema_refuses_what_loading_refuses(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(GOOD.replace(*change)), json_schema())


def test_relative_paths_become_absolute(tmp_path):
    images = np.zeros((100, 8, 8), np.uint8)
    np.savez(tmp_path / "d.npz", images=images, labels=np.arange(100) % 10)
    path = tmp_path / "c.yaml"
    path.write_text(GOOD.replace("dataset: digits", "dataset: {npz: {path: d.npz}}"))
    assert str(tmp_path / "d.npz") in dump_yaml(load_experiment(path))


PLUGIN = """
from cnnrun.engine import LAYERS, Layer

@LAYERS.register("twice_for_test")
class Twice(Layer):
    def forward(self, x, ctx):
        return 2 * x
    def backward(self, dy, ctx):
        return 2 * dy
"""


def test_a_plugin_registers_a_layer_that_configurations_can_name(good, tmp_path):
    plugin = tmp_path / "twice.py"
    plugin.write_text(PLUGIN)
    try:
        load_plugin(plugin)
        load_plugin(plugin)  # a second time is no error
        assert load_experiment(good, ["network[1]=twice_for_test"])
    finally:
        LAYERS._classes.pop("twice_for_test", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [("x = 1\n1/0\n", "p.py:2: ZeroDivisionError"), ("def f(:\n", "p.py:1: SyntaxError")],
)
def test_a_failing_plugin_is_named_with_its_line(tmp_path, text, says):
    plugin = tmp_path / "p.py"
    plugin.write_text(text)
    with pytest.raises(PluginError, match=says):
        load_plugin(plugin)


def test_a_missing_plugin(tmp_path):
    with pytest.raises(PluginError, match="no such Python file"):
        load_plugin(tmp_path / "p.py")
