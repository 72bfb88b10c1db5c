"""Names and words of a plug-in are shown like those of a file: they command nothing."""

from __future__ import annotations

import pytest
from command_line import run as cnnrun
from experiments import TINY

from cnnrun.untrusted import CONTROL

FILE = "=1+1;\x1b[31m<script>.py"
LAYER = "../../<script>odd"
PLUGIN = f'''
import numpy as np

from cnnrun.engine.layer import LAYERS
from cnnrun.engine.layers.elementwise import Elementwise


@LAYERS.register("{LAYER}")
class Odd(Elementwise):
    """\\x1b[31mred <script>alert(1)</script>."""

    def function(self, x, y):
        y[...] = x

    def derivative(self, x, y, slope):
        slope.fill(1)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a run of a network of that plug-in's layer."""
    folder = tmp_path_factory.mktemp("outside") / "inside"
    folder.mkdir()
    (folder / FILE).write_text(PLUGIN)
    (folder / "odd.yaml").write_text(TINY.replace("- relu", f'- "{LAYER}"'))
    cnnrun("train", "odd.yaml", "train.epochs=1", "--plugin", FILE, cwd=folder)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("runs", "show", "last"),
        ("evaluate", "last", "--plugin", "run"),
        ("evaluate", "last"),
        ("inspect", "last", "--plugin", "run", "--index", "0", "--output", "runs/page"),
        ("gradcheck", "--layer", LAYER, "--plugin", FILE, "--input", "3x3x1"),
        ("explain", "backprop", "odd.yaml", "--plugin", FILE),
        ("explain", "backprop", "odd.yaml", "--plugin", FILE, "--format", "html"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_plug_in_commands_neither_terminal_nor_page_nor_folder(folder, words):
    done = cnnrun(*words, cwd=folder, check=False)
    assert done.returncode == (2 if words == ("evaluate", "last") else 0), done.stderr
    assert not CONTROL.findall(done.stdout + done.stderr)
    assert [path.name for path in folder.parent.iterdir()] == ["inside"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([FILE, "odd.yaml", "runs"])
    pages = [path.read_text() for path in folder.rglob("*.html")]
    shown = [*pages, *([done.stdout] if "html" in words else [])]
    assert not [page for page in shown if "<script>alert" in page or "<script>odd" in page]
