"""The page of a gradient check: what is wrong, drawn, and the worst entry added up term by term."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import run as cnnrun_verb
from experiments import tiny
from html_page import Page

import cnnrun
from cnnrun.config import dump_yaml
from cnnrun.engine import Build
from cnnrun.engine.layers import Conv2D
from cnnrun.errors import ConfigError
from cnnrun.gradcheck.check import Check
from cnnrun.gradcheck.mutants import MUTANTS
from cnnrun.gradcheck.points.planning import plan_layer
from cnnrun.gradcheck.points.point import Point
from cnnrun.gradcheck.points.probes import Outcome, Probe
from cnnrun.gradcheck.report.report import Report
from cnnrun.gradcheck.report.rows import MutantResult
from cnnrun.gradcheck.stages.elements import Element, Tensor
from cnnrun.report.gradients.account import account_of
from cnnrun.report.gradients.contributions import Contribution, measured
from cnnrun.report.gradients.entries import telling_point
from cnnrun.report.gradients.maps import gradient_maps
from cnnrun.report.gradients.subsets import subset_that_explains

HOSTILE = "<script>alert(1)</script>\"'\x1b[31m"


@cache
def report_of(mistake):
    """Return the check of a layer with a planted mistake."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == mistake)
    name = mutant.case.layer_name
    plan = plan_layer(mutant.build(0), name, np.random.default_rng(0), samples=3)
    return report(Check(name, plan.points, seed=0, findings=plan.findings, budget=2500))


def report(check):
    for _ in check.run():
        pass
    return check.report()


def wrong_row(mistake):
    return next(row for row in report_of(mistake).rows if row.count("wrong"))


def page_text(subject, folder):
    return cnnrun.write_gradcheck_page(subject, folder / "page.html").read_text("utf-8")


def words_of(text):
    return " ".join(Page(text).texts)


class Convolution(Probe):
    """A convolution as courses have it, channels first, padding 1; the filter is never turned.

    Its dw is of the first sample alone.
    """

    def __init__(self, like=None):
        rng = np.random.default_rng(3)
        self.name = "conv"
        shapes = {"x": (2, 3, 5, 4), "w": (2, 3, 3, 3), "b": (2,)}
        self.values = {key: rng.standard_normal(shape) for key, shape in shapes.items()}
        if like is not None:
            self.like, self.layout = like, "NCHW"

    def forward(self):
        x, w, b = self.values.values()
        y = sum(
            np.einsum("nchw,fc->nfhw", padded(x)[:, :, i : i + 5, j : j + 4], w[:, :, i, j])
            for i, j in np.ndindex(3, 3)
        )
        return Outcome(y + b[None, :, None, None], b"")

    def backward(self, dy):
        x, w, _ = self.values.values()
        dx, dw = np.zeros_like(padded(x)), np.zeros_like(w)
        for i, j in np.ndindex(3, 3):
            dx[:, :, i : i + 5, j : j + 4] += np.einsum("nfhw,fc->nchw", dy, w[:, :, 2 - i, 2 - j])
            seen = padded(x)[:1, :, i : i + 5, j : j + 4]
            dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dy[:1], seen)
        return {"x": dx[:, :, 1:-1, 1:-1], "w": dw, "b": dy.sum((0, 2, 3))}


def padded(x):
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))


def check_of(probe, name="conv", label="a point"):
    return report(Check(name, [Point(probe, name, label, tuple(probe.values))], seed=0))


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("filter not rotated by 180 degrees", ["w is taken turned by 180 degrees"]),
        (
            "padding not cropped from dx",
            ["entry of w that lies [-1, -1, 0, 0] from", "added that should not be there"],
        ),
        ("stride ignored in dx", ["terms are added that should not be there"]),
        ("one border pixel of dx set to zero", ["every term is missing"]),
        ("only the last sample in the filter gradient", ["but those of sample 2 are missing"]),
        ("one filter tap 1% off", ["every term is 1.01 times as large as it should be"]),
        ("mean instead of sum in the bias", ["every term is too small by a factor 90"]),
        ("weights not transposed in dx", ["w is taken with its first two axes swapped"]),
        ("weight gradient scaled by the batch size", ["every term is too small by a factor 3"]),
        ("average pooling without its 1/(N*N)", ["the only term is 4 times too large"]),
        ("max pooling sends the error to the first cell", ["without the second factor"]),
        ("overlapping maxima assigned instead of accumulated", [" is missing"]),
        ("ReLU passes the error where the unit was off", ["the only term is missing"]),
        ("batch norm: the mean taken as a constant", ["too large by ", "in all alike"]),
        ("softmax without the coupling of its outputs", ["every term but number"]),
    ],
)
def test_the_page_says_which_terms_of_the_worst_entry_are_wrong(mistake, said, tmp_path):
    account = account_of(wrong_row(mistake))
    text = words_of(page_text(report_of(mistake), tmp_path))
    for words in said:
        assert words in " ".join(account.words)
        assert words in text
    for number in (account.claimed, account.right):
        assert f"{number:.6g}" in text
    assert "What to do: " in text
    assert "what backward gives" in text


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_terms_of_an_entry_add_up_to_the_right_gradient_and_lead_to_the_wrong_one(mutant):
    if mutant.stage not in ("exact", "elements"):
        pytest.skip("found without any element")
    row = next((row for row in report_of(mutant.name).rows if row.count("wrong")), None)
    account = account_of(row) if row else None
    if account is None:
        pytest.skip("seen by a law alone")
    assert account.terms is not None
    right = sum(term.value for term in account.terms)
    assert right == pytest.approx(account.right, rel=1e-4, abs=1e-7)
    if account.passed is not None and account.is_apart:
        by_output = {term.output: term.value for term in account.terms}
        total = right
        for passed in account.passed:
            due = by_output.get(passed.output, 0.0)
            total += (passed.factor * due if passed.value is None else passed.value) - due
        scale = sum(abs(term.value) for term in account.terms) + abs(account.claimed)
        assert total == pytest.approx(account.claimed, abs=1e-6 * scale)


def test_the_equation_is_the_lectures_with_the_numbers_of_the_point():
    account = account_of(wrong_row("filter not rotated by 180 degrees"))
    _, tensor = telling_point(wrong_row("filter not rotated by 180 degrees"))
    probe = tensor.probe
    term = account.terms[0]
    name, place = term.source
    assert term.numbers == (tensor.upstream[term.output], probe.values[name][place])
    error, tap = account.equation.terms[0]
    own = "".join(str(i + 1) for i in term.output[1:3])
    assert error == f"dL/dO_{own},{term.output[3] + 1}"
    assert tap == f"F_{place[0] + 1}{place[1] + 1},{place[2] + 1},{place[3] + 1}"
    assert account.rule.formula.startswith("dL/dX = Full Convolution(180-degree rotated F")


@pytest.mark.parametrize(
    ("mistake", "factors"),
    [
        ("guided ReLU: masked by a positive error too", ["[X_{place} > 0]"]),
        ("sigmoid's derivative taken of its output", ["O_{place} (1 - O_{place})"]),
        ("softmax without the coupling of its outputs", ["O_{place} (1 - O_{place})", "-O_"]),
    ],
)
def test_an_activation_has_its_equation_too(mistake, factors):
    account = account_of(wrong_row(mistake))
    place = account.equation.left.removeprefix("dL/dX_")
    slopes = " + ".join(term.symbols[1] for term in account.terms)
    for factor in factors:
        assert factor.format(place=place) in slopes
    assert sum(t.value for t in account.terms) == pytest.approx(account.right, rel=1e-5)


@pytest.mark.parametrize("is_like", [False, True])
def test_a_function_with_channels_first_is_added_up_with_and_without_a_layer_it_is_like(
    is_like, tmp_path
):
    layer = Conv2D(Conv2D.Config(2, 3, padding=1), (5, 4, 3), Build(np.dtype(float)))
    checked = check_of(Convolution(layer if is_like else None))
    accounts = {row.tensor: account_of(row) for row in checked.rows if row.count("wrong")}
    assert list(accounts) == ["x", "w"]
    assert "w is taken turned by 180 degrees" in accounts["x"].words[0]
    assert accounts["w"].words == ["all terms but those of sample 0 are missing"]
    assert all((account.equation is not None) == is_like for account in accounts.values())
    text = words_of(page_text(checked, tmp_path))
    assert ("Full Convolution(180-degree rotated" in text) == is_like
    assert ("dL/dy[" in text) != is_like


def test_an_equation_that_does_not_give_what_forward_shows_is_left_out():
    probe = Convolution(Conv2D(Conv2D.Config(2, 3, padding=1), (5, 4, 3), Build(np.dtype(float))))
    right = probe.forward
    probe.forward = lambda: Outcome(2 * right().y, b"")
    row = next(row for row in check_of(probe).rows if row.tensor == "x")
    account = account_of(row)
    assert account.equation is None
    assert sum(term.value for term in account.terms) == pytest.approx(account.right)


def test_a_random_forward_has_no_terms():
    probe = Convolution()
    row = next(row for row in check_of(probe).rows if row.tensor == "x")
    right, rng = probe.forward, np.random.default_rng(0)
    probe.forward = lambda: Outcome(right().y + rng.standard_normal((2, 2, 5, 4)), b"")
    assert account_of(row) is None


def test_measuring_leaves_the_values_as_they_were():
    probe = Convolution()
    kept = {name: array.copy() for name, array in probe.values.items()}
    measured(probe, "x", (0, 0, 1, 1), probe.forward().y)
    for name, array in kept.items():
        np.testing.assert_array_equal(array, probe.values[name])


class Loss(Probe):
    """The sum of squares, one number, and a gradient without its 2."""

    def __init__(self):
        self.name, self.values = (
            "loss",
            {"scores": np.random.default_rng(0).standard_normal((3, 2))},
        )

    def forward(self):
        return Outcome(np.sum(self.values["scores"] ** 2), b"")

    def backward(self, dy):
        return {"scores": dy * self.values["scores"]}


def test_a_function_with_one_number_is_added_up(tmp_path):
    checked = check_of(Loss())
    assert account_of(checked.rows[0]).words == ["the only term is too small by a factor 2"]
    assert "dL/dy" in words_of(page_text(checked, tmp_path))


def test_what_is_not_finite_is_counted(tmp_path):
    probe = Convolution()
    right = probe.backward
    probe.backward = lambda dy: {name: array * np.nan for name, array in right(dy).items()}
    text = words_of(page_text(check_of(probe), tmp_path))
    assert "120 not finite: grey" in text
    assert "backward gives nan" in text


def test_a_backward_that_crashes_on_single_errors_leaves_the_table_without_marks(tmp_path):
    probe = Convolution()
    whole = probe.backward

    def backward(dy):
        if not dy.all():
            raise ValueError("an error is zero")
        return whole(dy)

    probe.backward = backward
    row = next(row for row in check_of(probe).rows if row.tensor == "x")
    account = account_of(row)
    assert account.terms
    assert not account.is_apart


def test_a_set_of_terms_explains_a_sum_only_if_it_is_the_only_one_of_its_size():
    def terms(*values):
        return [Contribution((n,), ("a", "b"), (value, 1.0)) for n, value in enumerate(values)]

    def explained(values, claimed):
        passed = subset_that_explains(terms(*values), claimed)
        return passed and [(p.output[0], p.factor) for p in passed]

    assert explained((1.3, 2.1, 5.7), 7.8) == [(0, 0.0)]
    assert explained((1.3, 2.1, 5.7), 1.3 + 2.1 + 2 * 5.7) == [(2, 2.0)]
    assert explained((1.3, 2.1, 5.7), 0) == [(0, 0.0), (1, 0.0), (2, 0.0)]
    assert explained((1.3, 1.3, 5.7), 7.0) is None
    assert explained((1.3, 2.1, 5.7), 9.0) is None
    assert explained((1.3, 2.1, 5.7), 9.1) is None, "it is right"


@pytest.mark.parametrize(
    "mistake", ["padding not cropped from dx", "mean instead of sum in the bias"]
)
def test_both_gradients_have_one_scale_and_the_worst_entry_a_frame(mistake):
    _, tensor = telling_point(wrong_row(mistake))
    for claimed, right, error in gradient_maps(tensor):
        trees = [ElementTree.fromstring(each.__html__()) for each in (claimed, right, error)]
        ends = [
            [each.text for each in tree.iter() if each.get("class") in ("tick start", "tick end")]
            for tree in trees
        ]
        assert ends[0][-2:] == ends[1][-2:] != ends[2][-2:]
        largest = max(np.max(np.abs(tensor.gradient)), np.nanmax(np.abs(tensor.numeric)))
        assert float(ends[0][-1]) == pytest.approx(largest, rel=1e-3)
        for tree in trees:
            assert [e.get("class") for e in tree.iter()].count("worst") == 1


def test_a_cell_tells_its_index_and_both_numbers():
    _, tensor = telling_point(wrong_row("filter not rotated by 180 degrees"))
    element = tensor.of("wrong")[0]
    tree = ElementTree.fromstring(gradient_maps(tensor)[0][0].__html__())
    tips = [each.text for each in tree.iter() if each.tag.endswith("title")]
    place = ", ".join(map(str, element.index))
    assert f"[{place}]: {element.analytic:.4g}, should be {element.numeric:.4g}" in tips


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (400,), (2, 3, 90, 80)])
def test_maps_of_any_shape_can_be_drawn(shape):
    probe = Convolution()
    probe.layout = "NHWC"
    gradient = np.ones(shape)
    tensor = Tensor(probe, "x", gradient, np.ones(1))
    if gradient.size:
        first = tuple([0] * len(shape))
        tensor.elements = [Element(first, 1.0, 2.0, 1e-9, "wrong", 0.5)]
        assert len(gradient_maps(tensor)[0]) == 3


def test_names_are_text_and_nothing_is_loaded(tmp_path):
    checked = check_of(Convolution(), name=HOSTILE, label=HOSTILE)
    checked.notes.append(HOSTILE)
    text = page_text(checked, tmp_path)
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\\x1b[31m" in text
    page = Page(text)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert page.numbers["gradcheck"]["verdict"] == "fail"


def test_a_check_that_passes_says_what_was_checked_and_what_would_be_seen(tmp_path):
    checked = cnnrun.gradcheck("dense", budget=300)
    text = words_of(page_text(checked, tmp_path))
    for words in ("Pass: ", "all gradients are right", "Would find relative errors from",
                  "relative errors", "What was checked", "exact laws", "seed 0"):  # fmt: skip
        assert words in text
    assert "term by term" not in text


def test_a_network_shows_its_training_step_and_the_guilty_layer_first(tmp_path, monkeypatch):
    right = Conv2D.backward

    def wrong(self, dy, ctx):
        dx = right(self, dy, ctx)
        ctx.gradients["w"] = ctx.gradients["w"] / 2
        return dx

    monkeypatch.setattr(Conv2D, "backward", wrong)
    config = tmp_path / "tiny.yaml"
    config.write_text(dump_yaml(tiny(tmp_path)), "utf-8")
    checked = cnnrun.gradcheck(config, budget=300, samples=2)
    page = Page(page_text(checked, tmp_path))
    text = " ".join(page.texts)
    assert "A training step as it runs" in text
    assert "The loss's gradient through the network" in text
    assert f"the gradient dw of {checked.guilty.layer} is wrong" in text
    first = text.index("What to do")
    assert text.index(f"{checked.guilty.layer}, dw") < first


def test_a_self_test_shows_survivors_first(tmp_path):
    results = [
        MutantResult("found one", "relu", "exact", True, "exact", ["exact"], "dx", "a name"),
        MutantResult(HOSTILE, "relu", "exact", False, None, [], None, None),
    ]
    cost = cnnrun.gradcheck("relu", budget=50).spent
    checked = Report("self-test", [], [], 0, None, None, cost, cost, mutants=results)
    text = words_of(page_text(checked, tmp_path))
    assert "1 of 2 planted mistakes found" in text
    assert text.index("survived") < text.index("found one")


def test_the_verb_writes_the_page_and_says_so(tmp_path):
    file = tmp_path / "new" / "page.html"
    done = cnnrun_verb("gradcheck", "--layer", "relu", "--html", str(file), cwd=tmp_path)
    assert f"wrote {file}" in done.stderr
    assert "all gradients are right" in file.read_text("utf-8")


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be written"):
        cnnrun.write_gradcheck_page(cnnrun.gradcheck("relu", budget=50), tmp_path / "file" / "p")


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium")
def test_a_browser_shows_it_on_a_narrow_screen_without_scrolling_sideways(tmp_path):
    text = page_text(report_of("filter not rotated by 180 degrees"), tmp_path)
    said = "parent.postMessage(document.documentElement.scrollWidth, '*')"
    heard = "onmessage = (event) => { document.body.dataset.wide = event.data }"
    file, frame = tmp_path / "narrow.html", tmp_path / "frame.html"
    file.write_text(text.replace("</body>", f"<script>{said}</script></body>"), "utf-8")
    inner = f'<iframe src="{file.name}" width="400" height="800" style="border: 0"></iframe>'
    frame.write_text(f"<body><script>{heard}</script>{inner}</body>", "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command = ["chromium", *options, "--dump-dom", f"--user-data-dir={tmp_path}/profile"]
    done = subprocess.run(
        [*command, frame.as_uri()], capture_output=True, text=True, timeout=60, check=False
    )
    wide = re.search(r'data-wide="(\d+)"', done.stdout)
    assert wide, done.stderr
    assert int(wide[1]) <= 400
