"""`plugins:` in a configuration: files beside it are imported, and never from a run's folder."""

from __future__ import annotations

import shutil

import jsonschema
import pytest
import yaml
from experiments import TINY
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.config import dump_yaml, json_schema, load_experiment
from cnnrun.engine import LAYERS
from cnnrun.errors import ConfigError, PluginError

LAYER = """
from pathlib import Path
from cnnrun.engine import LAYERS, Layer

with (Path(__file__).parent / "imported.txt").open("a") as file:
    file.write("x")

@LAYERS.register("same_for_test")
class Same(Layer):
    def forward(self, x, ctx):
        return x.copy()
    def backward(self, dy, ctx):
        return dy.copy()
"""
NAMED = "plugins: [parts/same.py]\n" + TINY.replace("- relu", "- same_for_test")


@pytest.fixture
def named(tmp_path, monkeypatch):
    """A configuration with a plug-in, read from another folder; no trace of it is left."""
    monkeypatch.setattr("cnnrun.config.plugins._loaded", {})
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "same.py").write_text(LAYER)
    path = tmp_path / "named.yaml"
    path.write_text(NAMED)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield path
    LAYERS._classes.pop("same_for_test", None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("train", "--epochs 1 -q"),
        ("summary", ""),
        ("config show", ""),
        ("data info", ""),
        ("data export", "--index 0 -o one.png"),
        ("gradcheck", "--budget 50"),
        ("inspect", "--no-png"),
        ("bench", "--batch 2 --workers 1 --seconds 0.1"),
    ],
)
def test_every_verb_imports_them(named, before, after):
    done = CliRunner().invoke(app, [*before.split(), str(named), *after.split()])
    assert done.exit_code == 0, done.output
    assert (named.parent / "parts/imported.txt").exists()


def test_they_are_shown_resolved_and_fit_the_schema(named, tmp_path):
    text = dump_yaml(load_experiment(named))
    assert yaml.safe_load(text)["plugins"] == [str(tmp_path / "parts/same.py")]
    jsonschema.validate(yaml.safe_load(text), json_schema())
    again = tmp_path / "elsewhere" / "again.yaml"
    again.write_text(text)
    assert dump_yaml(load_experiment(again)) == text


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("[gone.py]", r"named\.yaml:1:11: plugins\[0\]: .*gone\.py: no such Python file"),
        ("[parts]", r"named\.yaml:1:11: plugins\[0\]: .*parts: no such Python file"),
        ("[~nobody-at-all/a.py]", r"named\.yaml:1:11: plugins\[0\]: .*no such Python file"),
        (f"[{'a' * 300}.py]", r"named\.yaml:1:11: plugins\[0\]: .*no such Python file"),
        ("[a.py, parts/same.py, b.py]", r"1:11: plugins\[0\].*\n.*1:32: plugins\[2\]"),
        ("parts/same.py", r"named\.yaml:1:10: plugins: 'parts/same.py' is not a list, each item"),
        ("[1]", r"named\.yaml:1:10: plugins: .* is not a list, each item text"),
        ("[parts/bad.py]", r"named\.yaml:1:11: plugins\[0\]: .*bad\.py:2: ZeroDivisionError"),
    ],
)
def test_a_wrong_one_is_told_of_with_its_place(named, names, says):
    (named.parent / "parts/bad.py").write_text("\n1/0\n")
    named.write_text(NAMED.replace("[parts/same.py]", names))
    with pytest.raises((ConfigError, PluginError), match=says):
        load_experiment(named)


def test_an_override_does_not_name_them(named):
    with pytest.raises(ConfigError, match=r"override .plugins=.*--plugin FILE"):
        load_experiment(named, ["plugins=[parts/same.py]"])


def test_a_run_never_names_them_and_keeps_a_copy(named, monkeypatch):
    run = cnnrun.train(load_experiment(named, ["train.epochs=1"]))
    assert "plugins" not in yaml.safe_load(run.config.read_text())
    assert [path.name[:5] for path in (run.folder / "plugins").iterdir()] == ["same-"]


@pytest.mark.parametrize("verb", ["evaluate RUN", "inspect RUN", "train --resume RUN --epochs 2"])
def test_a_run_that_names_one_is_refused_and_nothing_is_imported(named, verb, tmp_path):
    run = _strangers(named)
    done = CliRunner().invoke(app, verb.replace("RUN", str(run.folder)).split())
    assert done.exit_code == 2
    assert "config.yaml:1:1: plugins: a run's configuration names none" in done.output
    assert not (tmp_path / "parts/imported.txt").exists()


def test_nor_is_it_imported_where_its_configuration_is_given(named, tmp_path):
    run = _strangers(named)
    (run.folder / "configs").mkdir()
    shutil.copy(run.config, run.folder / "configs/old.yaml")
    for file in (run.config, run.folder / "configs/old.yaml"):
        with pytest.raises(ConfigError, match="a run's configuration names none"):
            load_experiment(file)
    assert not (tmp_path / "parts/imported.txt").exists()


def _strangers(named):
    """Return a run whose configuration somebody made name a plug-in."""
    plain = named.parent / "plain.yaml"
    plain.write_text(TINY.replace("epochs: 4", "epochs: 1"))
    run = cnnrun.train(plain)
    text = run.config.read_text()
    run.config.write_text(f"plugins: [{named.parent}/parts/same.py]\n{text}")
    return run
