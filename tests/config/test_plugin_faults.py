"""A mistake in a plug-in's code is told with its file and line, and the part it is in."""

from __future__ import annotations

import re

import pytest
from experiments import TINY
from typer.testing import CliRunner

from cnnrun.cli.app import app
from cnnrun.config import describe_fault
from cnnrun.config.hints import NAMED
from cnnrun.config.plugins import load_plugin
from cnnrun.engine.execution.worker import portable
from cnnrun.errors import PluginError, note_place, noted_place

HEAD = """\
from dataclasses import dataclass
import numpy as np
from cnnrun.data import *
from cnnrun.engine import *

"""
LAYER = """
@LAYERS.register("mine")
class Mine(Layer):
    @dataclass(frozen=True)
    class Config(LayerConfig):
        size: int = 1
        RULE
    def build(self, build):
        BUILD
        return self.input_shape
    def forward(self, x, ctx):
        FORWARD
        return 2 * x
    def backward(self, dy, ctx):
        BACKWARD
        return 2 * dy
"""
LOSS = """
@LOSSES.register("mine")
@dataclass(frozen=True)
class Mine(Loss):
    def check(self, output_shape, classes):
        CHECK
    def __call__(self, outputs, targets, batch_size, dy=None):
        CALL
"""
OPTIMIZER = """
@OPTIMIZERS.register("mine")
@dataclass(frozen=True)
class Mine(Optimizer):
    def update_chunk(self, p, g, slots, learning_rate, decay, step):
        UPDATE
"""
TRANSFORM = """
@TRANSFORMS.register("mine")
@dataclass(frozen=True)
class Mine(Transform):
    def apply(self, image, rng):
        APPLY
"""
DATASET = """
@DATASETS.register("mine")
@dataclass(frozen=True)
class Mine(DatasetSource):
    def info(self, base):
        INFO
        return DatasetInfo("mine", (6, 6, 1), ("a", "b", "c"))
    def load(self, base):
        images, labels = np.zeros((90, 6, 6, 1), np.uint8), np.arange(90) % 3
        LOAD
        return Dataset(self.info(base), Split(images, labels), Split(images, labels))
"""
CONFIGS = {
    LAYER: TINY.replace("- relu", "- mine"),
    LOSS: TINY + "loss: mine\n",
    OPTIMIZER: TINY.replace("adam: {", "mine: {"),
    TRANSFORM: TINY.replace("{shift: {pixels: 1}}", "mine"),
    DATASET: re.sub(r"dataset: \{.*\n", "dataset: mine\n", TINY),
}


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Return a function that trains with a plug-in; its names are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cnnrun.config.plugins._loaded", {})
    monkeypatch.setattr("cnnrun.config.plugin_faults.PLUGIN_FILES", files := set())
    monkeypatch.setattr("cnnrun.config.plugins.PLUGIN_FILES", files)

    def train(kind, word, code, *, config=None, verb="train", more=()):
        code = re.sub(rf"\b{word}\b", code, kind) if word else kind
        text = HEAD + re.sub(r"^( +)[A-Z]+$", r"\1pass", code, flags=re.M)
        (tmp_path / "p.py").write_text(text)
        (tmp_path / "c.yaml").write_text(config or CONFIGS[kind])
        return CliRunner().invoke(app, [verb, "c.yaml", "--plugin", "p.py", *more])

    yield train
    for registry in NAMED.values():
        registry._classes.pop("mine", None)


@pytest.mark.parametrize(
    ("kind", "word", "place"),
    [
        (LAYER, "RULE", ""),
        (LAYER, "BUILD", r"c\.yaml:9:5: network\[2\]\.mine: "),
        (LAYER, "FORWARD", ""),
        (LAYER, "BACKWARD", ""),
        (LOSS, "CHECK", r"c\.yaml:18:1: loss: "),
        (LOSS, "CALL", ""),
        (OPTIMIZER, "UPDATE", ""),
        (TRANSFORM, "APPLY", ""),
        (DATASET, "INFO", r"c\.yaml:4:\d+: data\.dataset: "),
        (DATASET, "LOAD", ""),
    ],
    ids=lambda word: word.strip().splitlines()[-1].strip() if "\n" in word else word,
)
@pytest.mark.parametrize("raised", ["1/0", "open('gone')"])
def test_an_exception_is_told_with_file_line_and_part(trained, kind, word, place, raised):
    code = raised
    if word == "RULE":
        code, place = f"__post_init__ = lambda self: {raised}", r"c\.yaml:9:5: network\[2\]: "
    done = trained(kind, word, code)
    assert done.exit_code == 2, done.output
    lines = (HEAD + kind).splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.strip() == word)
    kinds = "ZeroDivisionError|FileNotFoundError"
    says = rf"error: {place}\S*p\.py:{number}, in Mine\.[\w.<>]+: ({kinds})"
    assert re.search(says, done.stderr), done.stderr


def test_a_layer_within_a_layer_is_named_by_its_whole_path(trained):
    config = TINY.replace("- relu", "- residual: {branch: [tanh, mine]}")
    done = trained(LAYER, "BUILD", "1/0", config=config, verb="summary")
    assert "c.yaml:9:31: network[2].residual.branch[1].mine: " in done.stderr


@pytest.mark.parametrize(
    ("kind", "word", "code", "says"),
    [
        (LAYER, "BUILD", "return None", r"c.yaml:9:5: .*build must return the shape of .*got None"),
        (LAYER, "BUILD", "return 4", "build must return the shape .*got 4"),
        (TRANSFORM, "APPLY", "return None", "transform mine returns None, not an image"),
        (DATASET, "INFO", "return None", "data.dataset: mine.info returns None, no DatasetInfo"),
        (DATASET, "LOAD", "return None", "mine: load returns None, no Dataset"),
        (DATASET, "LOAD", "images = images[..., 0]", "train split has an array of 90 x 6 x 6 "),
        (DATASET, "LOAD", "images = images.tolist()", "has a list for images"),
        (DATASET, "LOAD", "images = images.astype(int)", "has images of int64; must be one of"),
        (DATASET, "LOAD", "labels = labels[:5]", "has an array of 5 .* for labels of 90 images"),
        (DATASET, "LOAD", "labels = labels + 1", "has labels from 1 to 3; those of 3 classes"),
        (DATASET, "LOAD", "labels = labels * 1.0", "must be N class numbers"),
        (LAYER, "RULE", "a: np.ndarray = None", "option a of the layer mine is a ndarray, which"),
        (LAYER, "RULE", "a: 'Gone' = None", "options of the layer mine: name 'Gone' is not"),
        (LAYER, r"forward\(self, x, ctx\)", "forwards(self, x, ctx)", "layer mine has no forward"),
        (OPTIMIZER, "update_chunk", "update_chunks", "the optimizer mine has no update_chunk"),
        (LAYER, r"@dataclass\(frozen=True\)", "", "put @dataclass.* above the class Mine.Config"),
    ],
)
def test_a_protocol_that_is_not_kept_is_told(trained, kind, word, code, says):
    if word[0] in "@f":
        kind, word = re.sub(word, code, kind), ""
        CONFIGS[kind] = CONFIGS[LAYER]
    done = trained(kind, word, code)
    assert done.exit_code == 2, done.output
    assert re.search(says, done.stderr), done.stderr


def test_what_no_line_of_it_raised_names_the_plug_in(trained):
    done = trained(LOSS, "CALL", "return None")
    assert done.exit_code == 70
    assert "if p.py is to blame, gradcheck may tell" in done.stderr


def test_debug_shows_the_calls(trained):
    done = trained(LAYER, "BUILD", "1/0", more=["--debug"])
    assert "Traceback" in done.stderr
    assert ", in build\n    1/0" in done.stderr


def test_where_it_was_raised_comes_with_it_from_a_worker(tmp_path):
    (tmp_path / "p.py").write_text("def fail(kind):\n    raise kind('no')\n")
    load_plugin(tmp_path / "p.py")
    code = compile((tmp_path / "p.py").read_text(), str((tmp_path / "p.py").absolute()), "exec")
    exec(code, names := {})

    class UnportableError(Exception):
        """Cannot be pickled, since it is local."""

    for kind in (ValueError, UnportableError):
        try:
            names["fail"](kind)
        except Exception as error:
            sent = portable(error).with_traceback(None)
        assert "p.py:2, in fail: " in describe_fault(sent)
    assert describe_fault(ValueError("ours")) == ""


def test_places_are_joined_from_the_outside():
    error = ValueError("no")
    error.add_note("of somebody else")
    note_place(error, "branch[0].mine")
    note_place(error, "network[1].residual")
    assert noted_place(error) == "network[1].residual.branch[0].mine"
    assert error.__notes__[0] == "of somebody else"


def test_a_failed_import_in_python_is_the_same(tmp_path):
    (tmp_path / "p.py").write_text(HEAD + OPTIMIZER.replace("update_chunk", "chunk"))
    try:
        with pytest.raises(PluginError, match="has no update_chunk"):
            load_plugin(tmp_path / "p.py")
    finally:
        for registry in NAMED.values():
            registry._classes.pop("mine", None)
