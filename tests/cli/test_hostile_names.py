"""Names are shown, and never obeyed: by a terminal, a page or a spreadsheet."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from command_line import run as cnnrun
from PIL import Image

from cnnrun.untrusted import csv_text, spreadsheet_cell, visible

CLASSES = (
    "=1+1",
    "\x1b]0;owned\x07\x1b[31mred",
    "<script>alert(1)<",
    "[red]bold[",
    "new\nline",
    "@SUM(A1)",
    "\u202egnp",
    "猫",
)
CONFIG = """
name: hostile
data: {dataset: {image_folder: {path: pictures}}, validation: 0.2}
network: [flatten, {dense: {units: classes}}]
optimizer: {sgd: {learning_rate: 0.1}}
train: {epochs: 1, batch_size: 16}
"""
SPEAKING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a run on images whose names were chosen with malice."""
    folder, rng = tmp_path_factory.mktemp("hostile"), np.random.default_rng(0)
    for split in ("train", "test"):
        for name in CLASSES:
            (folder / "pictures" / split / name).mkdir(parents=True)
            for number in range(5):
                image = Image.fromarray(rng.integers(0, 255, (5, 5), np.uint8))
                image.save(folder / "pictures" / split / name / f"=cmd{number}\x1b[2J<b>.png")
    (folder / "hostile.yaml").write_text(CONFIG)
    cnnrun("train", "hostile.yaml", cwd=folder)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "last"),
        ("data", "info", "hostile.yaml"),
        ("report", "last"),
        ("predict", "last", "pictures/test"),
        ("predict", "last", "pictures/\x1b[2Jmissing.png"),
        ("inspect", "last", "--class", "\x1b[31mnone", "--no-png"),
        ("runs", "show", "\x1b[31mnone"),
        ("train", "\x1b[31mnone.yaml"),
        ("train", "hostile.yaml", "network[0]=\x1b[31mflatten"),
        ("data", "export", "hostile.yaml", "--index", "0-39", "--by-class", "--output", "out"),
        ("train", "hostile.yaml", "--name", "../../outside"),
    ],
    ids=" ".join,
)
def test_what_is_printed_commands_no_terminal(folder, words):
    done = cnnrun(*words, cwd=folder, check=False)
    assert done.returncode in (0, 2), done.stderr
    assert not SPEAKING.findall(done.stdout + done.stderr)
    assert "Warning" not in done.stderr
    assert sorted(path.name for path in folder.iterdir() if path.name != "out") == [
        "hostile.yaml", "pictures", "runs",
    ]  # fmt: skip
    assert not (folder.parent / "outside").exists()


def test_names_are_shown_as_they_are_where_that_does_no_harm(folder):
    shown = cnnrun("predict", "last", "pictures/test", cwd=folder).stdout
    assert "[red]bold[" in shown
    assert "猫" in shown
    assert r"\x1b]0;owned\x07\x1b[31mred" in shown
    assert r"new\nline" in shown


def test_a_page_has_no_tags_of_a_name(folder):
    one_a_class = ",".join(str(5 * number) for number in range(len(CLASSES)))
    words = ["--index", one_a_class, "--no-png", "--output", "runs/page"]
    cnnrun("inspect", "last", *words, cwd=folder)
    for file in ("page/index.html", "hostile-0001/report.html"):
        page = (folder / "runs" / file).read_text("utf-8")
        assert "&lt;script&gt;alert(1)&lt;" in page
        assert "<script>alert" not in page
        assert not SPEAKING.findall(page)


def test_a_spreadsheet_computes_nothing(folder):
    cnnrun("evaluate", "last", cwd=folder)
    cnnrun("predict", "last", "pictures/test", "--csv", "runs/table.csv", cwd=folder)
    for file in ("hostile-0001/predictions.csv", "table.csv"):
        with (folder / "runs" / file).open(newline="", encoding="utf-8") as table:
            cells = [cell for row in csv.reader(table) for cell in row]
        assert "'=1+1" in cells or "p_=1+1" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


def test_numbers_of_a_table_stay_numbers():
    for number in ("-1", "+1", "-.5", "-1e-7", -1.5, None, 3):
        assert spreadsheet_cell(number) == number
    for text in ("-1+2", "=1", "+A1", "@x", "\t=1", "-", "-a"):
        assert spreadsheet_cell(text) == f"'{text}"
    assert csv_text(["a", "-b"], [["=c", -1]], "\n") == "a,'-b\n'=c,-1\n"


def test_visible_text():
    assert visible("a\nb") == "a\nb"
    assert visible("\x1b[31m\r\x9b\u202e é 猫") == r"\x1b[31m\r\x9b\u202e é 猫"
