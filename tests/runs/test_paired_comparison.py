"""Whether a difference is shown: of two groups by seed, of two runs by sample."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from experiments import tiny
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.errors import ConfigError
from cnnrun.runs.group_comparison import SeedDifference
from cnnrun.runs.sample_comparison import Disagreement, SampleComparison
from cnnrun.statistics import mcnemar, paired_difference, unpaired_difference

SHORT = "train.epochs=1"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with three groups: of two seeds, of the same, of others; and a run of other data."""
    folder = tmp_path_factory.mktemp("compared")
    runs = folder / "runs"
    wide = ["network[0].conv2d.filters=6", "name=wide"]
    cnnrun.train_seeds(tiny(folder, SHORT), 2, runs, workers=1)
    cnnrun.train_seeds(tiny(folder, SHORT, *wide), 2, runs, workers=1)
    cnnrun.train_seeds(tiny(folder, SHORT, "name=other"), [1, 2, 3], runs, workers=1)
    more = "data.dataset.synthetic.test_samples=33"
    cnnrun.train(tiny(folder, SHORT, more, "name=larger"), runs, workers=1)
    return folder


def invoke(home, *words):
    arguments = ["runs", "compare", *map(str, words), "--runs-dir", str(home / "runs")]
    return CliRunner().invoke(app, arguments)


def test_groups_of_the_same_seeds_are_compared_in_pairs(home):
    comparison = cnnrun.compare(["tiny-seeds", "wide-seeds"], home / "runs")
    assert comparison.settings.keys() == {"name", "network[0].conv2d.filters"}
    assert comparison.notes == ()
    assert comparison.results["seeds"] == [[0, 1], [0, 1]]
    groups = [cnnrun.load_group(name, home / "runs") for name in comparison.runs]
    one, other = ([*group.figures["accuracy"].values.values()] for group in groups)
    difference = comparison.differences["accuracy"]
    assert difference.difference == paired_difference(one, other)
    assert comparison.results["test_accuracy"] == [g.figures["accuracy"].mean for g in groups]
    table = invoke(home, "tiny-seeds", "wide-seeds").stdout
    assert difference.verdict in " ".join(table.split())
    document = json.loads(invoke(home, "tiny-seeds", "wide-seeds", "--json").stdout)
    assert document["differences"]["accuracy"]["test"] == "paired t"
    assert (
        document["differences"]["loss"]["interval"][0]
        < document["differences"]["loss"]["difference"]
    )
    assert document["samples"] is None
    assert difference.verdict in comparison._repr_html_()


def test_groups_of_other_seeds_are_not_paired_and_that_is_said(home):
    comparison = cnnrun.compare(["tiny-seeds", "other-seeds"], home / "runs")
    difference = comparison.differences["loss"]
    assert difference.seeds == ((0, 1), (1, 2, 3))
    assert difference.difference.test == "Welch t"
    assert "their seeds are not the same" in difference.verdict


def test_a_group_against_itself_and_three_groups(home):
    same = cnnrun.compare(["tiny-seeds", "tiny-seeds"], home / "runs")
    assert same.verdicts[0].startswith("test accuracy: no difference, interval 0.00 to 0.00: not")
    three = cnnrun.compare(["tiny-seeds", "wide-seeds", "other-seeds"], home / "runs")
    assert three.verdicts == []
    assert len(three.results["test_loss"]) == 3


def test_what_groups_cannot_be_compared_by_is_said(home, tmp_path):
    loss = "loss={softmax_cross_entropy: {label_smoothing: 0.1}}"
    data = "data.dataset.synthetic.test_samples=33"
    group = cnnrun.train_seeds(tiny(tmp_path, SHORT, loss, data), 1, tmp_path / "runs", workers=1)
    comparison = cnnrun.compare([cnnrun.load_group("tiny-seeds", home / "runs"), group])
    assert comparison.differences.keys() == {"accuracy"}
    words = " ".join(comparison.verdicts)
    for reason in ("two seeds of each at least", "different losses", "the same data"):
        assert reason in words


def test_a_run_that_was_trained_otherwise_than_its_group_is_named(tmp_path):
    groups = [
        cnnrun.train_seeds(tiny(tmp_path, SHORT), seeds, tmp_path / "runs", workers=1)
        for seeds in ([0], [1])
    ]
    cnnrun.resume(groups[1].runs[1], epochs=2, workers=1)
    notes = cnnrun.compare(groups).notes
    assert notes == ("tiny-seed1-0001 was trained otherwise than its group: train.epochs",)


def test_a_group_of_which_nothing_came_is_said(home, tmp_path):
    diverging = tiny(tmp_path, SHORT, "optimizer={sgd: {learning_rate: 1.0e+38}}", "name=far")
    far = cnnrun.train_seeds(diverging, 1, tmp_path / "runs", workers=1)
    comparison = cnnrun.compare([cnnrun.load_group("tiny-seeds", home / "runs"), far])
    assert comparison.notes == ("not compared: no run of far-seeds-0001 is finished, nor tested",)
    shown = CliRunner().invoke(app, ["runs", "show", str(far.folder)]).stdout
    assert "far-seeds-0001: 1 seed\n" in shown
    assert "mean" not in shown


def test_another_source_of_a_plugin_is_said_of_runs_and_of_groups(home, tmp_path):
    shutil.copytree(home / "runs", tmp_path / "runs")
    for name, source in {
        "tiny-seed0-0001": "a",
        "tiny-seed1-0001": "a",
        "wide-seed1-0001": "b",
    }.items():
        file = tmp_path / "runs" / name / "run.json"
        record = json.loads(file.read_text())
        record["segments"][-1]["plugins"] = [{"name": "mine.py", "sha256": source * 64}]
        file.write_text(json.dumps(record))
    said = "not all of these runs have the same source of the plug-in mine.py"

    def notes(*names):
        return cnnrun.compare(names, tmp_path / "runs", samples=False).notes

    assert notes("tiny-seeds", "other-seeds") == notes("tiny-seed0-0001", "tiny-seed1-0001") == ()
    assert (
        notes("tiny-seeds", "wide-seeds") == notes("tiny-seed0-0001", "wide-seed1-0001") == (said,)
    )


def test_a_group_and_a_run_are_not_compared(home):
    with pytest.raises(ConfigError, match="groups with groups"):
        cnnrun.compare(["tiny-seeds", "larger-0001"], home / "runs")
    assert invoke(home, "tiny-seeds", "larger-0001").exit_code == 2


def test_the_words_are_about_the_better_one():
    def words(figure, first, second, test=paired_difference):
        seeds = tuple(range(len(first))), tuple(range(len(second)))
        return SeedDifference(figure, ("a", "b"), seeds, test(first, second)).verdict

    low, high = [0.90, 0.91, 0.92, 0.93, 0.94], [0.91, 0.93, 0.93, 0.95, 0.95]
    shown = "b is better by 1.40 points, interval 0.72 to 2.08: shown (paired t-test over 5 seeds, "
    assert words("accuracy", low, high) == f"{shown}p 0.0046)"
    assert words("accuracy", high, low).startswith(f"a{shown[1:]}")
    assert words("loss", low, high).startswith("a is better by 0.0140, interval 0.0072 to 0.0208")
    welch = words("accuracy", high, low[:4], unpaired_difference)
    assert welch.startswith("a is better by 1.90 points, interval -0.")
    assert ": not shown (their seeds are not the same: Welch" in welch


def test_two_runs_are_compared_by_sample(home, tmp_path):
    names = ["tiny-seed0-0001", "wide-seed1-0001"]
    comparison = cnnrun.compare(names, home / "runs", workers=1)
    samples = comparison.samples
    first, second = (cnnrun.load_run(name, home / "runs").model().evaluate() for name in names)
    right = [of.scores.argmax(axis=1) == of.labels for of in (first, second)]
    assert samples.only_first == (right[0] & ~right[1]).sum()
    assert samples.only_second == (~right[0] & right[1]).sum()
    assert samples.neither == (~right[0] & ~right[1]).sum()
    assert samples.p_value == mcnemar(samples.only_first, samples.only_second)
    said = [of.scores.argmax(axis=1) for of in (first, second)]
    different = (said[0] != said[1]).nonzero()[0].tolist()
    assert [sample.index for sample in samples.disagreements] == different
    assert different
    file = tmp_path / "disagreements.csv"
    result = invoke(home, *names, "--disagreements", file)
    assert result.exit_code == 0, result.output
    assert samples.verdict in " ".join(result.stdout.split())
    rows = list(csv.reader(file.read_text().splitlines()))
    assert rows[0] == ["index", "true", *names, "right"]
    assert [int(row[0]) for row in rows[1:]] == different
    document = json.loads(invoke(home, *names, "--json").stdout)["samples"]
    assert [sample["index"] for sample in document["disagreements"]] == different


def test_runs_of_other_data_are_not_compared_by_sample(home, tmp_path):
    names = ["tiny-seed0-0001", "larger-0001"]
    comparison = cnnrun.compare(names, home / "runs")
    assert comparison.samples is None
    assert "different data, of SHA-256" in comparison.notes[0]
    result = invoke(home, *names, "--disagreements", tmp_path / "x.csv")
    assert result.exit_code == 2
    assert "different data" in str(result.exception) + result.output
    skipped = invoke(home, *names, "--no-samples", "--json")
    assert json.loads(skipped.stdout)["notes"] == []


def test_what_has_no_right_and_wrong_is_not_compared_by_sample(tmp_path):
    experiment = tiny(
        tmp_path, SHORT, "data.targets=inputs", "network=[{conv2d: {filters: 1, kernel_size: 3, "
        "padding: same}}]", "loss=mse",
    )  # fmt: skip
    runs = [cnnrun.train(experiment, tmp_path / "runs", workers=1) for _ in range(2)]
    assert "right or wrong" in cnnrun.compare(runs).notes[0]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (1, 8, "b is better by 7.00 points: of 100 test samples a alone has 1 right, b alone 8: "
               "shown (McNemar's exact test, p 0.039)"),
        (4, 2, "a is better by 2.00 points: of 100 test samples a alone has 4 right, b alone 2: "
               "not shown (McNemar's exact test, p 0.69)"),
        (3, 3, "equally good: of 100 test samples a alone has 3 right, b alone 3: not shown "
               "(McNemar's exact test, p 1)"),
    ],
)  # fmt: skip
def test_the_words_about_two_runs(first, second, words):
    assert SampleComparison(("a", "b"), 100, 80, first, second, ()).verdict == words


def test_the_samples_have_the_names_of_their_files():
    unlike = (Disagreement(3, "cat/=1.png", "cat", "dog", "cat", "second"),
              Disagreement(9, "dog/2.png", "dog", "cat", "bird", None))  # fmt: skip
    compared = SampleComparison(("a", "b"), 100, 80, 0, 1, unlike)
    assert [*compared.table()] == [
        ["index", "file", "true", "a", "b", "right"],
        [3, "cat/=1.png", "cat", "dog", "cat", "b"],
        [9, "dog/2.png", "dog", "cat", "bird", "neither"],
    ]
    assert compared.to_dict()["disagreements"][0]["file"] == "cat/=1.png"
