"""The report of a run: one page that needs nothing else, whatever the run is."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml
from command_line import run as cnnrun_verb
from experiments import tiny
from html_page import Page
from tasks import TASKS, experiment_of

import cnnrun
from cnnrun.errors import RunError
from cnnrun.report import report_training
from cnnrun.report.blocks import Card, Cards, Code, Section, Table, Text
from cnnrun.report.images import Embedded
from cnnrun.report.page import render
from cnnrun.report.verdict import Line
from cnnrun.runs import Run, start_run


def page_of(run, **options):
    return Page(cnnrun.write_report(run, workers=1, **options).read_text("utf-8"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return cnnrun.train(tiny(folder, "train.epochs=2"), folder / "runs", workers=1)


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of the run that a test may change."""
    return Run(shutil.copytree(trained.folder, tmp_path / "runs" / trained.name))


def test_it_has_all_of_a_classification(trained):
    page = page_of(trained)
    text = " ".join(page.texts)
    for heading in ("Summary", "Training", "Results", "Data", "Network", "Environment", "Commands"):
        assert heading in page.texts
    assert f"accuracy {trained.record['test']['accuracy']:.2%} (" in text
    assert "most confident mistakes" in text
    assert "Samples as training sees them, in its first epochs." in page.texts
    assert trained.record["dataset"]["sha256"] in page.texts
    assert "conv2d: filters 4, kernel_size 3" in page.texts
    titles = [chart["aria-label"].partition(":")[0] for chart in page.charts]
    assert titles[:2] == ["loss over the epochs", "accuracy over the epochs"]
    assert {"confusion matrix", "ROC curves", "precision over recall", "reliability"} < {*titles}


def test_it_needs_no_network_and_every_chart_has_a_text(trained):
    page = page_of(trained)
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert "link" in page.tags
    assert len(page.charts) > 8
    for chart in page.charts:
        assert chart["tabindex"] == "0"
        assert chart["role"] == "img"
        assert len(chart["aria-label"]) > 20


def test_all_numbers_are_in_it(trained):
    numbers = page_of(trained).numbers
    assert numbers["metrics"] == trained.metrics
    assert numbers["record"] == trained.record
    assert numbers["evaluation"] == trained.model().evaluate(workers=1).to_dict()
    assert numbers["settings"]["optimizer.adam.learning_rate"] == 0.01
    assert "train.epochs" in numbers["settings"]
    assert sum(numbers["data"]["class_counts"]["test"]) == 30
    assert 0 <= numbers["calibration"]["error"] <= 1
    assert numbers["roc"].keys() == numbers["precision_recall"].keys() == {"0", "1", "2"}
    assert [line["step"] for line in numbers["layers"]] == [5, 10]
    probabilities = [mistake["probability"] for mistake in numbers["mistakes"]]
    assert probabilities == sorted(probabilities, reverse=True)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_charts(tmp_path, task):
    run = cnnrun.train(experiment_of(tmp_path, task, "train.epochs=1"), tmp_path / "runs")
    page = page_of(run)
    titles = " ".join(chart["aria-label"] for chart in page.charts)
    shown = {
        "regression": ("predicted over true", "errors of"),
        "multi_label": ("ROC curves", "reliability", "samples of each label"),
    }
    for words in shown.get(task, ("PSNR of the outputs",)):
        assert words in titles
    assert ("The worst images" in page.texts) == (task not in shown)


def test_what_was_checked_is_said(copied, tmp_path):
    words = " ".join(page_of(copied).texts)
    assert f"Gradients: not checked (cnnrun gradcheck {copied.name})" in words
    assert f"Not reproduced yet (cnnrun reproduce {copied.name})" in words
    gradcheck = {"verdict": "pass", "summary": "9 tensors checked, all gradients are right"}
    (copied.folder / "gradcheck.json").write_text(json.dumps(gradcheck))
    again = Run(shutil.copytree(copied.folder, tmp_path / "runs" / "tiny-again-0001"))
    note = {"run": copied.name, "verdict": "same"}
    again.record_file.write_text(json.dumps({**again.record, "reproduces": note}))
    words = " ".join(page_of(copied).texts)
    assert "Gradients: 9 tensors checked, all gradients are right" in words
    assert "Trained again: same (tiny-again-0001)" in words


def test_what_is_missing_is_left_out_and_said(copied, tmp_path):
    configuration = yaml.safe_load(copied.config.read_text())
    configuration["data"]["dataset"] = {"npz": {"path": "gone.npz"}}
    copied.config.write_text(yaml.safe_dump(configuration))
    page = page_of(copied)
    assert "gone.npz" in " ".join(page.texts)
    assert "Results" not in page.texts
    shutil.rmtree(copied.folder / "checkpoints")
    page = page_of(copied, file=tmp_path / "other.html")
    assert "Training" in page.texts
    assert any(words.startswith("Left out: ") for words in page.texts)


def test_a_run_that_ended_early_says_so(copied):
    record = {**copied.record, "status": "diverged", "error": "loss is not finite", "best": None}
    copied.record_file.write_text(json.dumps(record))
    copied.log.write_text("")
    page = page_of(copied)
    assert "The run is diverged: loss is not finite" in page.texts
    assert "No epoch has been finished." in page.texts


def test_the_flow_of_gradients_is_drawn_if_it_was_measured(copied):
    entry = {"layer": "00_conv2d", "type": "conv2d", "weight_norm": 1.5, "gradient_norm": 0.5}
    measured = [{"epoch": e, "step": e, "layers": [{**entry, "dead": None}]} for e in (1, 2)]
    text = "".join(f"{json.dumps(each)}\n" for each in measured)
    (copied.folder / "layers.jsonl").write_text(text + '{"epoch": 3, "st')
    labels = [chart["aria-label"] for chart in page_of(copied).charts]
    assert sum("of every layer" in label for label in labels) == 2
    (copied.folder / "layers.jsonl").write_text("[1]\n")
    with pytest.raises(RunError, match=r"layers.jsonl:1: not a line of layers"):
        cnnrun.write_report(copied, workers=1)


@pytest.mark.parametrize(
    "text",
    ["</script><script>alert(1)</script>", "\"><img src=x onerror='f()'>", "{{ 7 * 7 }}", "a&b"],
)
def test_every_text_is_escaped(text):
    def written(words):
        image = Embedded("data:,", 3, 4, words)
        blocks = [
            Text(words), Code(words), Table(words, [words], [[words, words]]),
            Cards([Card([image], [words])]),
        ]  # fmt: skip
        return render(words, words, [Line(words)], [Section(words, blocks)], text=words)

    plain, page = Page(written("plain")), Page(written(text))
    assert page.tags == plain.tags
    assert page.texts == [words.replace("plain", text) for words in plain.texts]
    assert page.numbers == {"text": text}


def test_a_training_ends_with_it(tmp_path, trained):
    tiny(tmp_path)
    words = ["train", "tiny.yaml", "train.epochs=2", "--workers", "1"]
    done = cnnrun_verb(*words, cwd=tmp_path)
    assert done.stdout.endswith("report runs/tiny-0001/report.html\n")
    page = Page((tmp_path / "runs/tiny-0001/report.html").read_text("utf-8"))
    later = page_of(trained)
    assert page.numbers["evaluation"] == later.numbers["evaluation"]
    assert [chart["aria-label"] for chart in page.charts] == [c["aria-label"] for c in later.charts]
    done = cnnrun_verb(*words, "--no-report", cwd=tmp_path)
    assert "report" not in done.stdout
    assert not (tmp_path / "runs/tiny-0002/report.html").exists()


PICKY = """
from cnnrun.engine import LAYERS
from cnnrun.engine.layers import ReLU

@LAYERS.register("picky")
class Picky(ReLU):
    def forward(self, x, ctx):
        if x.dtype == "float64":
            raise ValueError("float32 alone")
        return super().forward(x, ctx)
"""


def test_a_plug_in_that_fails_in_it_does_not_fail_the_training(tmp_path):
    tiny(tmp_path)
    (tmp_path / "picky.py").write_text(PICKY)
    words = ["train", "tiny.yaml", "train.epochs=1", "network[2]=picky", "--plugin", "picky.py"]
    done = cnnrun_verb(*words, "--workers", "1", cwd=tmp_path)
    assert "warning: no report: " in done.stderr
    assert "float32 alone" in done.stderr
    assert "test accuracy" in done.stdout
    failed = cnnrun_verb("report", "last", "--plugin", "picky.py", cwd=tmp_path, check=False)
    assert failed.returncode == 2
    assert "float32 alone" in failed.stderr


def test_a_training_that_has_not_ended_has_no_measures(tmp_path):
    with start_run(tiny(tmp_path), tmp_path / "runs", workers=1) as session:
        with pytest.raises(RunError, match="not trained to its end"):
            report_training(session)
        next(session.events())
    run = Run(session.run.folder)
    assert "No epoch has been finished." in page_of(run).texts


def test_the_verb_writes_it(trained):
    folder = trained.folder.parents[1]
    done = cnnrun_verb("report", trained.name, "--workers", "1", "-o", "out.html", cwd=folder)
    assert done.stderr == "wrote out.html\n"
    assert (folder / "out.html").stat().st_size < 2_000_000
    failed = cnnrun_verb("report", "last", "-o", "none/out.html", cwd=folder, check=False)
    assert failed.returncode == 2
    assert failed.stderr == "error: none/out.html: cannot be written (No such file or directory)\n"
