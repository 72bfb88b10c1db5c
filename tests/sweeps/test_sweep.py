"""A sweep by one process: its points, its runs, what is said of them, and how it ends."""

from __future__ import annotations

import json

import pytest
from experiments import weights_of
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.errors import ConfigError, RunError
from cnnrun.runs import Run, StopRequest
from cnnrun.sweeps import find_sweep, importance_of, status_of

RATES = "optimizer.adam.learning_rate=0.01,0.1"
SIZES = "train.batch_size=16,32"


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def document(*arguments):
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_point_of_a_grid_is_an_ordinary_run(home):
    status = cnnrun.sweep("tiny.yaml", [RATES, SIZES, "train.epochs=1"], workers=1)
    assert (status.state, status.counts) == ("finished", {"finished": 4})
    settings = [tuple(trial.settings.values()) for trial in status.trials.values()]
    assert settings == [(0.01, 16), (0.01, 32), (0.1, 16), (0.1, 32)]
    for point, trial in status.trials.items():
        run = Run(home / "runs" / f"tiny-sweep-{point}-0001")
        assert [noted["folder"] for noted in trial.runs] == [str(run.folder)]
        assert (run.record["status"], run.record["sweep"]["point"]) == ("finished", point)
        assert trial.value == run.record["best"]["val_accuracy"]
    # What a trial trained is what `train` trains with its settings.
    alone = cnnrun.train(
        cnnrun.load_experiment("tiny.yaml", ["optimizer.adam.learning_rate=0.1",
                                             "train.batch_size=32", "train.epochs=1"]),
        workers=1,
    )  # fmt: skip
    assert weights_of(alone.folder) == weights_of(home / "runs/tiny-sweep-3-0001")


def test_the_verbs(home):
    words = ("tiny.yaml", RATES, "train.epochs=1", "--workers", 1, "--name", "rates")
    first = invoke("sweep", *words)
    assert first.exit_code == 0, first.output
    assert "rates: 2 points, 2 finished" in first.stdout
    assert "best: point" in first.stdout
    again = document("sweep", *words)
    assert (again["status"], again["attempts"], again["schema_version"]) == ("finished", 2, 1)
    best = document("sweep", "best", "rates")
    assert best["value"] == max(trial["value"] for trial in again["trials"])
    assert "optimizer.adam.learning_rate=" in invoke("sweep", "best", "rates").stdout
    assert document("sweep", "status", "rates") == again
    listed = document("runs", "list")["runs"]
    assert [row["group"] for row in listed] == ["rates", "rates"]


def test_a_sweeps_file_and_what_is_given_beside_it(home):
    (home / "sweep.yaml").write_text(
        "base: tiny.yaml\nname: lr\ntrials: 3\nsampler: random\nobjective: {minimize: val_loss}\n"
        "search:\n  optimizer.adam.learning_rate: {log: [1e-3, 0.5]}\n"
        "  'network[0].conv2d.filters': {integer: [2, 6], step: 2}\n"
    )
    status = cnnrun.sweep("sweep.yaml", ["train.epochs=1"], workers=1)
    assert status.counts == {"finished": 3}
    chosen = [dict(trial.settings) for trial in status.trials.values()]
    for settings in chosen:
        assert 1e-3 <= settings["optimizer.adam.learning_rate"] <= 0.5
        assert settings["network[0].conv2d.filters"] in (2, 4, 6)
    values = [trial.value for trial in status.trials.values()]
    assert status.best.value == min(values)
    again = cnnrun.sweep("sweep.yaml", ["train.epochs=1"], name="other", workers=1)
    assert [dict(trial.settings) for trial in again.trials.values()] == chosen
    with pytest.raises(RunError, match="with another trials"):
        cnnrun.sweep("sweep.yaml", ["train.epochs=1"], trials=4)
    with pytest.raises(RunError, match="with another the base"):
        cnnrun.sweep("sweep.yaml", ["train.epochs=2"])


def test_a_mistake_of_the_configuration_stops_the_sweep(home):
    words = ("sweep", "tiny.yaml", "network[0].conv2d.kernel_size=3,9,5", "train.epochs=1")
    result = invoke(*words, "--workers", 1)
    assert result.exit_code == 2
    assert "trial 1 (network[0].conv2d.kernel_size=9): " in result.stderr
    assert "does not fit" in result.stderr
    status = status_of(find_sweep("tiny-sweep"))
    assert (status.state, status.counts) == ("stopped", {"finished": 1, "waiting": 1, "failed": 1})
    joined = invoke("sweep", "join", status.url, "tiny-sweep")
    assert joined.exit_code == 2
    assert "was stopped (trial 1" in joined.stderr
    again = invoke(*words, "--workers", 1)  # goes on without that point
    assert again.exit_code == 0
    assert status_of(find_sweep("tiny-sweep")).counts == {"finished": 2, "failed": 1}


def test_nothing_varied_and_no_such_sweep(home):
    with pytest.raises(ConfigError, match="nothing is varied"):
        cnnrun.sweep("tiny.yaml", ["train.epochs=1"])
    with pytest.raises(ConfigError, match="mae is not measured of the task classification"):
        cnnrun.sweep("tiny.yaml", [RATES], objective="val_mae")
    with pytest.raises(ConfigError, match=r"--name: the sweep's name is 'x{79}-2-seed1'"):
        cnnrun.sweep("tiny.yaml", [RATES], name="x" * 79)
    (home / "sweep.yaml").write_text("base: tiny.yaml\nsearch: 3\n")
    with pytest.raises(ConfigError, match=r"sweep.yaml:2:9: search: needs 'key: values'"):
        cnnrun.sweep("sweep.yaml", [RATES])
    with pytest.raises(RunError, match="no such file"):
        find_sweep("nothing")
    with pytest.raises(ConfigError, match="write sqlite:///FILE"):
        find_sweep("nothing", storage="mysql://x")
    cnnrun.sweep("tiny.yaml", [RATES, "train.epochs=1"], workers=1)
    with pytest.raises(RunError, match="no sweep is called 'x'; there: tiny-sweep"):
        find_sweep("x", storage="sqlite:///runs/sweeps/tiny-sweep.db")


def test_divergence_counts_as_pruned(home):
    rates = "optimizer.adam.learning_rate=0.01,1e+20"
    status = cnnrun.sweep("tiny.yaml", [rates, "train.epochs=1"], workers=1)
    assert [trial.status for trial in status.trials.values()] == ["finished", "pruned"]
    result = invoke("sweep", "tiny.yaml", "optimizer.adam.learning_rate=1e20,1e21", "--name", "bad")
    assert result.exit_code == 3
    assert "no trial of the sweep was finished" in result.stderr


def test_the_median_prunes_and_the_run_says_so(home):
    rates = "optimizer.adam.learning_rate=0.01,1e-9"
    (home / "sweep.yaml").write_text(
        "base: tiny.yaml\nobjective: {minimize: val_loss}\n"
        "pruner: {median: {startup_trials: 1, warmup_epochs: 0}}\n"
    )
    status = cnnrun.sweep("sweep.yaml", [rates, "train.epochs=3"], workers=1)
    first, second = status.trials.values()
    assert (first.status, second.status, list(second.epochs)) == ("finished", "pruned", [1])
    assert Run(home / "runs/sweep-1-0001").record["status"] == "pruned"


def test_several_seeds_of_a_point(home):
    status = cnnrun.sweep("tiny.yaml", [RATES, "train.epochs=1"], seeds=2, workers=1)
    for point, trial in status.trials.items():
        names = [f"tiny-sweep-{point}-seed{seed}-0001" for seed in (0, 1)]
        assert [run["folder"].rpartition("/")[2] for run in trial.runs] == names
        figures = [Run(home / "runs" / name).record["best"]["val_accuracy"] for name in names]
        assert trial.value == sum(figures) / 2


@pytest.mark.parametrize("options", [{"sampler": "tpe", "trials": 5}, {"pruner": "hyperband"}])
def test_other_samplers_and_pruners(home, options):
    status = cnnrun.sweep("tiny.yaml", [RATES, SIZES], workers=1, **options)
    assert sum(status.counts.values()) == options.get("trials", 4)
    assert status.state == "finished"


def test_a_stopped_sweep_is_gone_on_with(home):
    stop, epochs = StopRequest(), []

    def in_the_second_trial(sweep):
        epochs.append(1)
        if len(epochs) == 4:  # two epochs and the end of the first; one epoch
            stop.signal = 2

    words = ([RATES, "train.epochs=2"],)
    status = cnnrun.sweep("tiny.yaml", *words, workers=1, stop=stop, on_change=in_the_second_trial)
    assert status.counts == {"finished": 1, "interrupted": 1}
    assert Run(home / "runs/tiny-sweep-1-0001").record["status"] == "interrupted"
    status = cnnrun.sweep("tiny.yaml", *words, workers=1)
    assert (status.state, status.counts, status.attempts) == ("finished", {"finished": 2}, 3)
    assert list(status.trials[1].epochs) == [1, 2]
    folders = sorted(run.name for run in (home / "runs").glob("tiny-*"))
    assert folders == ["tiny-sweep-0-0001", "tiny-sweep-1-0001"]
    settings = ["optimizer.adam.learning_rate=0.1", "train.epochs=2"]
    alone = cnnrun.train(cnnrun.load_experiment("tiny.yaml", settings), workers=1)
    assert weights_of(alone.folder) == weights_of(home / "runs/tiny-sweep-1-0001")


def test_stop_reaches_a_sweep_that_runs(home):
    (home / "sweep.yaml").write_text("base: tiny.yaml\ngrace: 0.3\n")

    def after_the_first(sweep):
        assert invoke("sweep", "stop", "sweep").exit_code == 0

    status = cnnrun.sweep("sweep.yaml", [RATES, SIZES], workers=1, on_change=after_the_first)
    assert status.state == "stopped"
    assert sum(status.counts.values()) == 4
    assert cnnrun.sweep("sweep.yaml", [RATES, SIZES], workers=1).counts == {"finished": 4}


def test_several_processes(home):
    result = document("sweep", "tiny.yaml", RATES, SIZES, "train.epochs=1", "--jobs", 2)
    assert (result["status"], result["counts"]) == ("finished", {"finished": 4})
    result = invoke("sweep", "tiny.yaml", "network[0].conv2d.kernel_size=3,9", "train.epochs=1",
                    "--jobs", 2, "--name", "bad")  # fmt: skip
    assert result.exit_code == 2
    assert result.stderr.count("(network[0].conv2d.kernel_size=9): ") == 1


def test_the_page_and_the_tables_know_the_sweep(home):
    words = [RATES, "train.batch_size=16,32,48", "train.epochs=1"]
    cnnrun.sweep("tiny.yaml", words, workers=1, pruner="median")
    assert invoke("sweep", "report", "tiny-sweep").stdout == "runs/sweeps/tiny-sweep.html\n"
    page = (home / "runs/sweeps/tiny-sweep.html").read_text()
    for title in ("val accuracy over the trials", "settings and objective", "importance"):
        assert f"<b>{title}</b>" in page
    assert page.count("tiny-sweep-3-0001") >= 2
    assert "src=" not in page, "it needs nothing else"
    numbers = json.loads(page.split('id="numbers">')[1].split("</script>")[0])
    assert (numbers["sweep"], len(numbers["trials"])) == ("tiny-sweep", 6)
    cnnrun.train("tiny.yaml", workers=1)
    listed = document("runs", "list", "--group", "tiny-sweep")["runs"]
    assert [row["name"] for row in listed] == [f"tiny-sweep-{point}-0001" for point in range(6)]
    compared = document("runs", "compare", "tiny-sweep")
    assert {*compared["settings"]} >= {"train.batch_size", "optimizer.adam.learning_rate"}
    accuracies = compared["results"]["val_accuracy"]
    assert accuracies == sorted(accuracies, reverse=True)


def test_what_mattered(home):
    assert invoke("sweep", "importance", "tiny-sweep").exit_code == 2
    cnnrun.sweep("tiny.yaml", [RATES, "train.epochs=1"], workers=1, name="small")
    assert "too few trials" in invoke("sweep", "importance", "small").stdout
    cnnrun.sweep("tiny.yaml", [RATES, SIZES, "train.epochs=1"], workers=1)
    assert "learning_rate" in invoke("sweep", "importance", "tiny-sweep").stdout
    shares = importance_of(find_sweep("tiny-sweep"))
    assert shares.keys() == {"optimizer.adam.learning_rate", "train.batch_size"}
    assert sum(shares.values()) == pytest.approx(1)
