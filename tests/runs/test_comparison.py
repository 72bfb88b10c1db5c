"""Runs side by side: layers matched by what they are, and the curves of all in one picture."""

from __future__ import annotations

import json

import pytest
from experiments import tiny
from PIL import Image
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.errors import ConfigError, RunError
from cnnrun.runs.curves import plot_runs
from cnnrun.runs.differences import differences


def conv(filters, **options):
    return {"conv2d": {"filters": filters, "kernel_size": 3, **options}}


def networks(*layers):
    return differences([{"network": row} for row in layers])


def test_layers_of_one_kind_and_order_are_named_by_their_place():
    assert networks([conv(4), "relu"], [conv(8), "relu"]) == {"network[0].conv2d.filters": [4, 8]}


def test_a_layer_that_was_put_in_changes_nothing_else():
    assert networks(
        [conv(4), "relu", conv(8), "relu", {"dense": {"units": 3}}],
        [conv(4), "batch_norm", "relu", conv(8), "relu", {"dense": {"units": 3}}],
    ) == {"network.batch_norm#1": [None, {}]}


def test_layers_are_matched_to_the_most_alike():
    assert networks([conv(4), "relu", conv(16)], [conv(16)]) == {
        "network.conv2d#1": [{"filters": 4, "kernel_size": 3}, None],
        "network.relu#1": [{}, None],
    }
    assert networks([conv(4), "relu", conv(8)], [conv(4), "tanh", conv(9)]) == {
        "network.relu#1": [{}, None],
        "network.tanh#1": [None, {}],
        "network.conv2d#2.filters": [8, 9],
    }


def test_three_networks_have_a_column_each():
    first, third = conv(1)["conv2d"], conv(2)["conv2d"]
    assert networks([conv(1)], ["flatten"], [conv(2), "flatten"]) == {
        "network.conv2d#1": [first, None, third],
        "network.flatten#1": [None, {}, {}],
    }
    shift = {"shift": {"pixels": 1}}
    augmented = differences([{"augment": []}, {"augment": []}, {"augment": [shift]}])
    assert augmented == {"augment.shift#1": [None, None, {"pixels": 1}]}


def test_blocks_are_compared_inside():
    one, other = ({"residual": {"body": [*rows]}} for rows in ([conv(1)], [conv(1), "relu"]))
    assert networks([one], [other]) == {"network[0].residual.body.relu#1": [None, {}]}


def test_an_optimizer_of_another_kind_is_compared_option_by_option():
    sgd = {"optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}}}
    adam = {"optimizer": {"adam": {"learning_rate": 0.1, "beta1": 0.8}}}
    assert differences([sgd, adam]) == {
        "optimizer": ["sgd", "adam"],
        "optimizer.momentum": [0.9, None],
        "optimizer.beta1": [None, 0.8],
    }


def test_plain_values_and_lists_are_compared_whole():
    one = {"size": [3, 4], "padding": "same", "stride": None, "names": ["a", "b"], "shard": "auto"}
    other = {"size": [3, 5], "padding": "valid", "stride": 2, "names": ["a", "c"], "shard": 5}
    assert differences([one, other]) == {key: [one[key], other[key]] for key in one}
    assert differences([one, dict(one)]) == {}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with two runs of different networks."""
    folder = tmp_path_factory.mktemp("home")
    cnnrun.train(tiny(folder, "train.epochs=2"), runs_dir=folder / "runs")
    (folder / "tiny.yaml").write_text(
        (folder / "tiny.yaml").read_text().replace("  - batch_norm\n", "")
    )
    without = cnnrun.load_experiment(folder / "tiny.yaml", ["train.epochs=2"])
    cnnrun.train(without, runs_dir=folder / "runs")
    return folder


def compare(home, *options):
    arguments = ["runs", "compare", "tiny-0001", "tiny-0002", "--runs-dir", str(home / "runs")]
    return CliRunner().invoke(app, [*arguments, *map(str, options)])


def test_two_networks_are_compared_with_their_parameters(home):
    result = compare(home, "--json")
    document = json.loads(result.stdout)
    assert list(document["settings"]) == ["network.batch_norm#1"]
    more, fewer = document["results"]["parameters"]
    assert more - fewer == 8
    table = compare(home).stdout
    assert "network.batch_norm#1" in table
    assert "momentum: " in table
    assert str(more) in table


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_curves_of_all_runs_are_in_one_picture(home, ending):
    path = home / f"curves.{ending}"
    result = compare(home, "--picture", path)
    assert result.exit_code == 0, result.output
    assert f"wrote {path}" in result.stderr
    if ending == "png":
        with Image.open(path) as picture:
            assert picture.width > 600
    elif ending == "svg":
        assert path.read_text().count("stroke-dasharray") >= 2
    else:
        assert path.read_bytes().startswith(b"%PDF")


def test_a_picture_that_cannot_be_drawn_is_said(home):
    runs = cnnrun.list_runs(home / "runs")
    with pytest.raises(ConfigError, match=r"ends in \.png, \.svg, \.pdf"):
        plot_runs(runs, home / "curves.gif")
    with pytest.raises(RunError, match="cannot be written"):
        plot_runs(runs, home / "missing/curves.png")
