"""The plug-ins of a run: a copy and a digest are kept, and nothing imports them unasked."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from command_line import run as program
from experiments import TINY, tiny, weights_of

from cnnrun.config import Plugin, load_plugin, loaded_plugins
from cnnrun.engine import LAYERS
from cnnrun.errors import ConfigError, PluginError
from cnnrun.runs import load_run, resume_run, run_segments, start_run
from cnnrun.runs.progress import Progress
from cnnrun.runs.segments import list_segments

LAYER = """
from dataclasses import dataclass
from pathlib import Path
from cnnrun.engine import LAYERS, Layer, LayerConfig

with Path("imported.txt").open("a") as file:
    file.write("x")

@LAYERS.register("times_for_test")
class Times(Layer):
    @dataclass(frozen=True)
    class Config(LayerConfig):
        factor: int = 2
    def forward(self, x, ctx):
        return self.config.factor * x
    def backward(self, dy, ctx):
        return self.config.factor * dy
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run of a network that has a plug-in's layer."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "tiny.yaml").write_text(TINY.replace("  - relu", "  - times_for_test\n  - relu"))
    (folder / "times.py").write_text(LAYER)
    program("train", "tiny.yaml", "--epochs", 1, "-q", "--plugin", "times.py", cwd=folder)
    (folder / "imported.txt").unlink()
    return folder


@pytest.fixture
def alone(home, tmp_path):
    """Return a folder that holds the run and nothing else."""
    shutil.copytree(home / "runs", tmp_path / "runs")
    return tmp_path


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Leave no trace of plug-ins in this process."""
    monkeypatch.setattr("cnnrun.config.plugins._loaded", {})
    yield
    LAYERS._classes.pop("times_for_test", None)


def test_a_copy_and_its_digest_are_kept(home):
    (segment,) = run_segments(load_run("last", home / "runs"))
    (copy,) = segment.plugins
    assert copy.read_text() == LAYER
    assert copy.parent == home / "runs/tiny-0001/plugins"
    record = json.loads((home / "runs/tiny-0001/run.json").read_text())
    digest = hashlib.sha256(LAYER.encode()).hexdigest()
    assert record["segments"][0]["plugins"] == [{"name": "times.py", "sha256": digest}]
    shown = program("runs", "show", "last", cwd=home).stdout
    assert f"times.py {digest[:12]}" in shown


VERBS = (
    ("evaluate", "last"),
    ("inspect", "last", "--no-png"),
    ("gradcheck", "last", "--budget", "200"),
    ("train", "--resume", "last", "--epochs", "2"),
    ("runs", "compare", "last", "last"),
)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_verb_says_which_plug_in_it_misses_and_imports_the_copy_only_if_told_to(alone, verb):
    refused = program(*verb, cwd=alone, check=False)
    assert refused.returncode == 2
    assert "no layer is called 'times_for_test'" in refused.stderr
    assert "tiny-0001 was trained with times.py" in refused.stderr
    assert "--plugin run" in refused.stderr
    assert not (alone / "imported.txt").exists(), "nothing of the folder was run"
    program(*verb, "--plugin", "run", cwd=alone)
    assert (alone / "imported.txt").read_text() == "x", "once"
    assert not list(alone.rglob("__pycache__"))


def test_a_plug_in_that_differs_is_said(home, alone):
    (alone / "times.py").write_text(LAYER.replace("= 2", "= 3"))
    done = program("evaluate", "last", "--plugin", "times.py", cwd=alone)
    assert "warning: the plug-in times.py is not the one that tiny-0001 was trained" in done.stderr
    (alone / "times.py").write_text(LAYER)
    assert "warning" not in program("evaluate", "last", "--plugin", "times.py", cwd=alone).stderr


def test_python_warns_too(alone, monkeypatch):
    monkeypatch.chdir(alone)
    load_plugin(_write(alone / "times.py", LAYER + "\n# edited\n"))
    with pytest.warns(UserWarning, match=r"times\.py is not the one"):
        load_run("last")


def test_a_run_that_goes_on_with_another_plug_in_has_a_segment_for_it(alone):
    (alone / "times.py").write_text(LAYER.replace("= 2", "= 3"))
    resume = ("train", "--resume", "--epochs", 2, "-q", "--plugin", "times.py")
    assert "warning" in program(*resume, cwd=alone).stderr
    first, second = run_segments(load_run("last", alone / "runs"))
    assert [segment.plugins[0].read_text() for segment in (first, second)] == [
        LAYER,
        LAYER.replace("= 2", "= 3"),
    ]


def test_a_run_that_goes_on_with_its_copy_goes_on_with_the_same_plug_in(alone):
    program("train", "--resume", "--epochs", 2, "-q", "--plugin", "run", cwd=alone)
    (alone / "renamed.py").write_text(LAYER)
    resume = ("train", "--resume", "--epochs", 3, "-q", "--plugin", "renamed.py")
    program(*resume, cwd=alone)
    run = load_run("last", alone / "runs")
    first, second, third = run.record["segments"]
    assert first["plugins"] == second["plugins"]
    assert third["plugins"][0]["sha256"] == first["plugins"][0]["sha256"]
    assert [each.name for each in run_segments(run)[1].plugins] == [
        path.name for path in (run.folder / "plugins").iterdir() if path.name.startswith("times-")
    ]
    progress = Progress(step=second["from_step"] + 1)
    renamed = [Plugin("renamed.py", LAYER.encode())]
    configuration = run.kept_config(second["configuration"]).read_bytes()
    listed = list_segments([first, second], progress, configuration, renamed, [])
    assert listed == [first, second], "another name is not another plug-in"


def test_training_with_the_copy_gives_the_same_weights(home, alone, monkeypatch):
    monkeypatch.chdir(alone)
    run = load_run("last", plugins=["run"])
    (segment,) = run_segments(run)
    again = start_run(segment.experiment(), alone / "again", workers=1)
    list(again.events())
    assert weights_of(again.run.folder) == weights_of(run.folder)
    assert run_segments(again.run)[0].plugins[0].read_text() == LAYER, "and is kept again"


def test_a_changed_or_missing_copy_is_not_imported(alone):
    run = load_run("last", alone / "runs")
    (copy,) = run_segments(run)[0].plugins
    copy.write_text(LAYER + "1/0\n")
    with pytest.raises(PluginError, match="changed since the run was trained"):
        load_run("last", alone / "runs", ["run"])
    copy.unlink()
    with pytest.raises(PluginError, match="cannot be read"):
        load_run("last", alone / "runs", ["run"])


def test_run_means_nothing_without_a_run_or_plug_ins(home, tmp_path):
    with pytest.raises(PluginError, match="goes with the name of a run"):
        load_plugin("run")
    start_run(tiny(tmp_path), tmp_path / "runs", workers=1).close()
    with pytest.raises(PluginError, match="trained without plug-ins"):
        load_run("last", tmp_path / "runs", ["run"])


@pytest.mark.parametrize("name", ["../x.py", "a\\b.py", "C:x.py", "x", "a\n.py"])
def test_a_record_cannot_lead_out_of_the_folder(alone, name):
    file = alone / "runs/tiny-0001/run.json"
    record = json.loads(file.read_text())
    record["segments"][0]["plugins"][0]["name"] = name
    file.write_text(json.dumps(record))
    with pytest.raises(ConfigError, match="no layer is called"):
        load_run("last", alone / "runs").model()


def test_what_is_noted_is_what_was_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = _write(tmp_path / "times.py", LAYER)
    load_plugin(file)
    file.write_text("1/0")
    copy = _write(tmp_path / "copy.py", LAYER)
    load_plugin(copy)  # the same content again is no error
    assert loaded_plugins() == (Plugin("times.py", LAYER.encode()),)
    assert not (tmp_path / "__pycache__").exists()


def test_a_name_that_other_systems_refuse_is_kept_readably(tmp_path):
    load_plugin(_write(tmp_path / "a:b\\c.py", "x = 1"))
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    session.close()
    (copy,) = run_segments(session.run)[0].plugins
    assert copy.name.startswith("a_b_c-")
    resume_run(session.run).close()


def _write(file, text):
    file.write_text(text)
    return file


def test_a_group_takes_the_copies_of_its_runs(home, tmp_path):
    for name in ("tiny.yaml", "times.py"):
        shutil.copy(home / name, tmp_path)
    training = ("train", "tiny.yaml", "--epochs", 1, "-q", "--seeds", 1)
    program(*training, "--plugin", "times.py", cwd=tmp_path)
    (tmp_path / "times.py").unlink()
    more = ("train", "--resume", "tiny-seeds", "--seeds", 2, "-q")
    refused = program(*more, cwd=tmp_path, check=False)
    assert refused.returncode == 2
    assert "--plugin run" in refused.stderr
    done = program(*more, "--json", "--plugin", "run", cwd=tmp_path)
    assert json.loads(done.stdout)["status"] == "finished"
