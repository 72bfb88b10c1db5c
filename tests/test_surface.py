"""The Python surface: what a user imports, what a type checker sees, what a notebook shows."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from experiments import tiny

import cnnrun
from cnnrun.engine.layers import Dense, ReLU
from cnnrun.errors import ConfigError, GradientError, RunError
from cnnrun.gradcheck import selftest
from cnnrun.notebook import cell, html_table
from cnnrun.runs import Evaluation, gradient_check
from cnnrun.runs.measures import ClassFigures

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "python.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the guide's blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.S)


def python(code: str, cwd: Path = ROOT) -> str:
    """Return what a program prints in an interpreter of its own, which finds the package."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the configurations, where relative paths start."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the tiny configuration, and a run of it."""
    folder = tmp_path_factory.mktemp("surface")
    run = cnnrun.train(tiny(folder, "train.epochs=1"), folder / "runs", workers=1)
    return folder, run


# ---- the guide


def test_the_first_example_of_the_guide_is_short_and_runs(workplace, capsys):
    code = blocks("python")[0]
    assert len(code.splitlines()) <= 30
    statements = [line for line in code.splitlines() if line and not line.startswith("#")]
    assert len(statements) <= 25
    exec(code, {})
    printed = capsys.readouterr().out
    assert re.search(r"accuracy \d\d\.\d\d%", printed)
    assert "all gradients are right" in printed
    assert "all 17 lines agree" in printed
    for name in ("train", "load_run", "predict", "evaluate", "gradcheck", "inspect", "explain"):
        assert f".{name}(" in code


def test_the_examples_of_the_guide_say_the_truth(workplace):
    text = "\n".join(blocks("pycon"))
    examples = doctest.DocTestParser().get_doctest(text, {}, "python.md", "docs/python.md", 0)
    assert len(examples.examples) > 30
    report: list[str] = []
    doctest.DocTestRunner().run(examples, out=report.append)
    assert not report, "".join(report)


def test_the_guide_shows_every_function():
    functions = {name for name in cnnrun.__all__ if name[0].islower()}
    assert not [name for name in functions if not re.search(rf"\b{name}\b", GUIDE)]


def test_a_layer_of_ones_own_is_tested_as_the_guide_says(tmp_path):
    cnnrun.init_layer(tmp_path / "my_layer.py")
    code = f"sys.path.insert(0, '.')\n{blocks('python')[1]}\ntest_my_layer()"
    assert python(code, tmp_path) == ""


# ---- what is imported, and when


def test_importing_the_package_imports_nothing_else():
    code = """
before = set(sys.modules)
import cnnrun
new = {name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
print(*new, *(name for name in sys.modules if name.startswith("cnnrun.")))
"""
    assert python(code).split() == ["cnnrun"]


def test_the_surface_is_what_it_says():
    assert cnnrun.__all__ == sorted(cnnrun.__all__)
    assert set(cnnrun.__all__) <= set(dir(cnnrun))
    for name in cnnrun.__all__:
        assert getattr(cnnrun, name) is not None
    assert set(cnnrun._HOME_OF) == {*cnnrun.__all__} - {"__version__", "testing"}
    with pytest.raises(AttributeError, match="trian"):
        _ = cnnrun.trian


@pytest.mark.parametrize("name", ["bench", "explain", "gradcheck"])
def test_a_function_stays_one_beside_the_folder_of_its_name(name):
    assert (
        python(f"""
import inspect
import cnnrun
before = cnnrun.{name}
import cnnrun.{name}
import cnnrun.{name}.api as api
from cnnrun import {name} as imported
import cnnrun.{name} as bound
from cnnrun.{name} import __all__ as names
assert inspect.isfunction(before) and before is cnnrun.{name} is imported is bound
assert inspect.ismodule(api) and api is sys.modules["cnnrun.{name}.api"]
assert all(getattr(cnnrun.{name}, part) is not None for part in names)
""")
        == ""
    )
    assert (
        python(f"""
import cnnrun.{name}
import inspect
assert inspect.isfunction(cnnrun.{name})
assert cnnrun.{name}.__doc__ and inspect.signature(cnnrun.{name}).parameters
""")
        == ""
    )


def test_the_functions_have_the_signatures_that_their_documentation_describes():
    for name in cnnrun.__all__:
        if inspect.isfunction(function := getattr(cnnrun, name)):
            for parameter in inspect.signature(function).parameters:
                assert (function.__doc__ and parameter in function.__doc__) or name in (
                    "dump_yaml", "list_runs", "train_events",
                )  # fmt: skip


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="needs mypy")
def test_a_type_checker_sees_signatures(tmp_path):
    path = tmp_path / "user.py"
    path.write_text("""
import cnnrun
import cnnrun.explain
import cnnrun.gradcheck
from cnnrun.gradcheck import Report

reveal_type(cnnrun.train("a.yaml"))
reveal_type(cnnrun.load_run().model().predict)
reveal_type(cnnrun.gradcheck("relu").passed)
reveal_type(cnnrun.explain("conv2d").verified)
reveal_type(cnnrun.inspect("last").folder)
reveal_type(cnnrun.testing.check_layer)
report: Report = cnnrun.gradcheck("relu")
cnnrun.gradcheck("relu", sede=1)
cnnrun.bench("a.yaml", batches="32")
""")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(path)], capture_output=True, text=True, cwd=ROOT
    )
    types = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert len(types) == 6, done.stdout + done.stderr
    assert types[0] == "cnnrun.runs.folder.Run"
    assert types[1].startswith("def (images: numpy.ndarray")
    assert types[2:5] == ["bool", "str | None", "pathlib.Path"]
    assert types[5].endswith("-> cnnrun.gradcheck.report.report.Report")
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [re.sub(r".*\[(.*)\]", r"\1", line) for line in errors] == ["call-arg", "arg-type"]


# ---- what comes back belongs to the caller


def test_changing_what_was_returned_changes_nothing(trained):
    _, run = trained
    model = run.model("best")
    split = model.experiment.load_data().test
    weights = {name: array.copy() for name, array in model.network.parameters.items()}

    def everything():
        inspection = cnnrun.inspect(model, pictures=False)
        return {
            "scores": model.predict(split.images),
            "evaluated": model.evaluate("test", workers=1).scores,
            "labels": model.evaluate("test", workers=1).labels,
            **model.gradients(split.images[:4], split.labels[:4]),
            "map": inspection.attribution.maps["saliency"],
            "array": inspection.arrays()["00_conv2d/y"],
        }

    first = everything()
    kept = {name: array.copy() for name, array in first.items()}
    for array in first.values():
        array[...] = 7
    for name, array in everything().items():
        np.testing.assert_array_equal(array, kept[name], err_msg=name)
    for name, array in model.network.parameters.items():
        np.testing.assert_array_equal(array, weights[name], err_msg=name)


def test_images_that_are_handed_in_stay_as_they_are(trained):
    model = trained[1].model()
    images = model.experiment.load_data().test.images[:2].astype(np.float32) / 255
    before = images.copy()
    model.predict(images)
    model.gradients(images, [0, 1])
    np.testing.assert_array_equal(images, before)


# ---- one function takes a file, an experiment, a run, a model


def test_a_check_takes_all_that_has_a_network(trained):
    folder, run = trained
    options = {"layers": ["dense"], "budget": 100}
    for subject in (folder / "tiny.yaml", str(folder / "tiny.yaml"), run, run.model("last")):
        report = cnnrun.gradcheck(subject, **options)
        assert report.passed
        assert {row.layer for row in report.rows} >= {"05_dense"}
    seen = []
    cnnrun.gradcheck("relu", budget=50, on_progress=lambda check, passes: seen.append(passes))
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("subject", "options", "says"),
    [
        ("rellu", {}, "did you mean relu"),
        ("relu", {"samples": 3}, "samples"),
        (None, {"input_shape": (3,)}, "input_shape"),
        (Path("tiny.yaml"), {"targets": np.zeros(1)}, "targets"),
        ("relu", {"self_test": True}, "subject"),
        (3, {}, "int"),
    ],
)
def test_options_of_a_check_that_do_not_fit_are_refused(subject, options, says):
    with pytest.raises(ConfigError, match=says):
        cnnrun.gradcheck(subject, **options)


def test_the_checker_is_checked(monkeypatch):
    result = selftest.check_mutant(selftest.MUTANTS[0])
    monkeypatch.setattr(gradient_check, "run_mutants", lambda seed: iter([result]))
    report = cnnrun.gradcheck(self_test=True)
    assert report.passed
    assert report.mutants == [result]


def test_summary_takes_all_that_has_a_network(trained):
    folder, run = trained
    expected = cnnrun.summary(folder / "tiny.yaml")
    model = run.model()
    for source in (cnnrun.load_experiment(folder / "tiny.yaml"), run, model, model.network):
        assert cnnrun.summary(source) == expected
    assert cnnrun.summary("last", runs_dir=folder / "runs") == expected
    assert expected.parameters == model.network.parameter_count
    with pytest.raises(RunError, match="no runs yet"):
        cnnrun.summary("last", runs_dir=folder / "none")


def test_training_takes_a_file_and_a_plug_in(workplace):
    plugin = cnnrun.init_layer("slope_for_test.py")
    experiment = cnnrun.load_experiment(
        "configs/digits.yaml",
        ["network=[flatten, slope_for_test, {dense: {units: classes}}]", "train.epochs=1"],
        [plugin],
    )
    Path("small.yaml").write_text(cnnrun.dump_yaml(experiment))
    run = cnnrun.train("small.yaml", workers=1)
    assert cnnrun.load_run("last", plugins=[plugin]) == run
    assert "01_slope_for_test/a" in run.model().network.parameters


def test_comparing_needs_two_runs(trained):
    folder, run = trained
    for runs in ([run], run, "last"):
        with pytest.raises(ConfigError, match="two runs"):
            cnnrun.compare(runs, folder / "runs")
    same = cnnrun.compare([run, run.name], folder / "runs")
    assert same.settings == {}
    assert same.runs == [run.name] * 2


# ---- for authors of layers


class Guided(ReLU):
    """A mistake that a check with ones for its upstream gradient does not see."""

    def backward(self, dy, ctx):
        return np.maximum(super().backward(dy, ctx), 0)


def test_a_layer_that_is_right_passes():
    report = cnnrun.testing.check_layer(Dense.Config(units=3), (4,), budget=200)
    assert report.passed


def test_a_wrong_layer_fails_with_the_words_of_the_report():
    layer = Guided(ReLU.Config(), (4,))
    with pytest.raises(GradientError) as caught:
        cnnrun.testing.check_layer(layer, budget=200)
    assert str(caught.value).startswith("gradient check of relu: fail\n")
    assert "look first at: relu, dx" in str(caught.value)


# ---- what a notebook shows


def test_a_table_is_escaped():
    html = html_table("<a>", "<b>", ["<c>"], [["<d>"]])
    assert re.findall(r"&lt;(\w)&gt;", html) == ["a", "b", "c", "d"]
    assert not re.search("<[acd]>|<b>", html)
    assert html_table("a", "b", (), ()).count("<") == 5, "no table without columns"
    cells = [cell(value) for value in (None, 0.123456, 12345, True, "text")]
    assert cells == ["-", "0.1235", "12,345", "True", "text"]


def test_a_run_shows_its_figures(trained, tmp_path):
    _, run = trained
    html = run._repr_html_()
    record = run.record
    assert run.name in html
    assert "finished" in html
    assert cell(record["test"]["accuracy"]) in html
    assert cell(record["best"]["val_loss"]) in html
    assert "missing" in cnnrun.Run(tmp_path / "empty")._repr_html_()
    odd = cnnrun.Run(tmp_path / "<i>")
    assert "<i>" not in odd._repr_html_()


def test_a_network_shows_its_layers(trained):
    network = trained[1].model().network
    html = network._repr_html_()
    for name, layer in network.layers.items():
        assert f"<td>{name}</td><td>{layer.type_name}</td>" in html
    assert "<td>4x4x4</td>" in html
    assert f"{network.parameter_count:,} parameters" in html
    assert repr(network) == "<network of 6 layers, 6x6x1 to 3, 243 parameters>"


def test_everything_that_comes_back_has_a_short_repr(trained):
    folder, run = trained
    model = run.model()
    results = [
        run, model, model.network, model.evaluate(), cnnrun.summary(run),
        cnnrun.compare([run, run]), cnnrun.inspect(run, pictures=False),
        cnnrun.gradcheck("relu", budget=20), model.experiment, cnnrun.explain("dense"),
    ]  # fmt: skip
    for result in results:
        assert re.search("<(table|pre|div)", result._repr_html_())
        assert result is model.experiment or len(repr(result)) < 1000
    scores = np.zeros((1, 2))
    figures = ClassFigures(scores, np.zeros(1, int), ("<x>", "y"))
    odd = Evaluation(1.0, figures, data=folder / "<z>.npz")
    assert "<x>" not in odd._repr_html_()
    assert "<z>" not in odd._repr_html_()
    assert repr(odd) == "<<z>.npz, 1 sample: accuracy 100.00%, loss 1.0000>"
