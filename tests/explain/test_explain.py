"""The lecture's equations are generated for any geometry, and right."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from cnnrun.engine.layers import Conv2D
from cnnrun.errors import ConfigError, GradientError, ShapeError
from cnnrun.explain import (
    FORMATS,
    add_numbers,
    array_shapes,
    draw,
    explain_conv2d,
    explain_dense,
    explain_pooling,
    render,
    to_document,
)
from cnnrun.explain.takeaways import WIDEST_MATRIX
from cnnrun.explain.values import read_values

LECTURE = Path(__file__).parents[3] / "shared/reference/lecture_cnn_backprop.md"

CASES = {
    "lecture": lambda **o: explain_conv2d((3, 3, 1), (2, 2), **o),
    "stride": lambda **o: explain_conv2d((5, 5, 1), (3, 3), stride=(2, 2), **o),
    "left over": lambda **o: explain_conv2d((4, 6, 1), (3, 2), stride=(2, 3), **o),
    "padding": lambda **o: explain_conv2d((3, 3, 1), (2, 2), padding=1, **o),
    "same": lambda **o: explain_conv2d((4, 3, 1), (2, 2), padding="same", stride=(2, 1), **o),
    "dilation": lambda **o: explain_conv2d((5, 4, 1), (2, 2), dilation=(2, 2), **o),
    "all at once": lambda **o: explain_conv2d(
        (6, 5, 1), (2, 2), stride=(2, 1), padding=(1, 2), dilation=(2, 1), **o
    ),
    "channels": lambda **o: explain_conv2d((3, 3, 2), (2, 2), filters=2, **o),
    "groups": lambda **o: explain_conv2d((3, 3, 4), (2, 2), filters=2, groups=2, **o),
    "wide": lambda **o: explain_conv2d((1, 12, 1), (1, 11), **o),
    "max": lambda **o: explain_pooling("max_pool2d", (4, 4, 1), (2, 2), **o),
    "overlapping max": lambda **o: explain_pooling(
        "max_pool2d", (4, 4, 2), (3, 3), stride=(1, 1), **o
    ),
    "padded max": lambda **o: explain_pooling(
        "max_pool2d", (4, 5, 1), (3, 3), stride=(2, 2), padding=1, **o
    ),
    "average": lambda **o: explain_pooling("avg_pool2d", (4, 4, 1), (2, 2), **o),
    "overlapping average": lambda **o: explain_pooling(
        "avg_pool2d", (5, 5, 1), (3, 3), stride=(2, 2), **o
    ),
    "edge average": lambda **o: explain_pooling(
        "avg_pool2d", (4, 4, 1), (3, 3), stride=(2, 2), padding=1, count_padding=False, **o
    ),
    "gaps": lambda **o: explain_pooling("avg_pool2d", (5, 5, 1), (2, 2), stride=(3, 3), **o),
    "dense": lambda **o: explain_dense(3, 2, **o),
    "wide dense": lambda **o: explain_dense(12, 2, **o),
}
each_case = pytest.mark.parametrize("make", CASES.values(), ids=CASES)


def lecture_lines():
    """Return the lecture's right-hand sides by left-hand side, as terms of symbols."""
    if not LECTURE.exists():
        pytest.skip("the lecture's text is not here")
    text = LECTURE.read_text("utf-8").replace(r"\theta", "O").replace(r"\mathbf{O}", "O")
    text = re.sub(r"\\frac\{\\partial L\}\{\\partial (\w)_\{(\d+)\}\}", r"dL/d\1_\2", text)
    text = re.sub(r"(?<!d)([XFO])_\{(\d+)\}", r"\1_\2", text)
    found = {}
    for left, right in re.findall(r"\$\$(\S+) = ([^$=]+)\$\$", text):
        if re.fullmatch(r"O_\d\d|dL/d[FX]_\d\d", left) and "partial" not in right:
            terms = [re.findall(r"(?:dL/d)?[XFO]_\d\d", term) for term in right.split("+")]
            found[left] = [tuple(term) for term in terms]
    return found


def test_the_lecture_term_by_term():
    explanation, _ = CASES["lecture"]()
    lines = lecture_lines()
    generated = {e.left: list(e.terms) for s in explanation.sections for e in s.equations}
    assert len(lines) == len(generated) == 4 + 4 + 9
    for left, terms in lines.items():
        if left == "dL/dX_11":  # given twice, the second time with its factors swapped
            terms = [tuple(sorted(term)[::-1]) for term in terms]
            assert generated[left] == terms
            continue
        assert generated[left] == terms, left
    order = [equation.left for equation in explanation.section("input_gradient").equations]
    assert order == [f"dL/dX_{i}{j}" for i in (1, 2, 3) for j in (1, 2, 3)]


def test_both_takeaways():
    explanation, _ = CASES["lecture"]()
    of_filter, of_input = explanation.takeaways
    assert of_filter.operation == "Convolution"
    assert of_input.operation == "Full Convolution"
    assert of_input.arguments[0].rows == (("F_22", "F_21"), ("F_12", "F_11"))
    assert of_input.arguments[1].rows == (("dL/dO_11", "dL/dO_12"), ("dL/dO_21", "dL/dO_22"))
    assert of_filter.arguments[0].rows[0] == ("X_11", "X_12", "X_13")


@each_case
@pytest.mark.parametrize("seed", [0, 1])
def test_every_line_agrees_with_engine_and_finite_difference(make, seed):
    explanation, layer = make()
    numbered = add_numbers(explanation, layer, draw(layer, seed))
    count = sum(len(section.equations) for section in numbered.sections)
    assert numbered.verified.startswith(f"all {count} lines agree")
    arrays = {"O": layer.output_shape, "X": layer.input_shape, **array_shapes(layer)}
    for section in numbered.sections:
        assert len(section.equations) == np.prod(arrays[section.array])


@each_case
def test_a_wrong_engine_is_noticed(make, monkeypatch):
    explanation, layer = make()

    def backward(self, dy, ctx):
        return 1.001 * np.array(type(self).__mro__[1].backward(self, dy, ctx))

    wrong = type("Wrong", (type(layer),), {"backward": backward})
    layer.__class__ = wrong
    wrong.type_name = wrong.__mro__[1].type_name
    with pytest.raises(GradientError, match="by its line, but"):
        add_numbers(explanation, layer, draw(layer, 0))


@each_case
def test_text_fits_80_columns(make):
    explanation, layer = make()
    for one in (explanation, add_numbers(explanation, layer, draw(layer, 0))):
        assert max(map(len, render(one).splitlines())) < 80


@each_case
def test_matrices_are_the_gradients(make):
    """The matrix forms, computed by sliding windows, give the engine's gradients."""
    explanation, layer = make()
    if not isinstance(layer, Conv2D) or not explanation.takeaways:
        assert explanation.takeaways == [] or explanation.title.startswith("Dense")
        return
    values = draw(layer, 3)
    numbered = add_numbers(explanation, layer, values)
    value = {e.left: e.value for s in numbered.sections for e in s.equations}
    groups = layer.config.groups
    channels, filters = layer.input_shape[2], layer.config.filters
    assert max(len(m.rows) for t in explanation.takeaways for m in t.arguments) <= WIDEST_MATRIX

    def numbers(matrix, c, f):
        own = c % (channels // groups)

        def one(symbol):
            if symbol == "0":
                return 0.0
            letter, _, place = symbol.rpartition("_")
            axes = {"c": str((own if letter == "F" else c) + 1), "f": str(f + 1)}
            place = ",".join(axes.get(part, part) for part in place.split(","))
            array = values[letter]
            spatial = place.split(",")[0]
            index = [int(digit) - 1 for digit in spatial]
            index += [int(part) - 1 for part in place.split(",")[1:]]
            return float(array[(*index, *[0] * (array.ndim - len(index)))])

        return np.array([[one(cell) for cell in row] for row in matrix.rows])

    of_filter, of_input = explanation.takeaways
    window = layer.window
    dx = np.zeros(layer.input_shape)
    for f in range(filters):
        for c in range(channels):
            if f // (filters // groups) != c // (channels // groups):
                continue
            x, error = (numbers(m, c, f) for m in of_filter.arguments)
            kernel = window.kernel
            for i, j in np.ndindex(*kernel):
                top, left = i * window.dilation[0], j * window.dilation[1]
                seen = x[top : top + error.shape[0], left : left + error.shape[1]]
                symbol = of_filter.result.rows[i][j]
                own = c % (channels // groups)
                symbol = symbol.replace(",c", f",{own + 1}").replace(",f", f",{f + 1}")
                assert np.sum(seen * error) == pytest.approx(value[symbol])
            turned, error = (numbers(m, c, f) for m in of_input.arguments)
            full = full_convolution(turned, error)
            whole = np.zeros(window.padded_size)
            whole[: full.shape[0], : full.shape[1]] = full
            (top, left), (height, width) = window.before, window.input_size
            dx[:, :, c] += whole[top : top + height, left : left + width]
    found = [equation.value for equation in numbered.section("input_gradient").equations]
    np.testing.assert_allclose(dx.reshape(-1), found, atol=1e-12)


def full_convolution(turned, error):
    """Slide a matrix over another from the first overlap to the last."""
    (a, b), (c, d) = turned.shape, error.shape
    padded = np.pad(error, ((a - 1, a - 1), (b - 1, b - 1)))
    out = np.zeros((a + c - 1, b + d - 1))
    for i, j in np.ndindex(*out.shape):
        out[i, j] = np.sum(turned * padded[i : i + a, j : j + b])
    return out


def test_stride_dilates_the_error_and_padding_crops():
    explanation, _ = CASES["all at once"]()
    of_filter, of_input = explanation.takeaways
    assert of_filter.arguments[1].rows[1] == ("0",) * len(of_filter.arguments[1].rows[0])
    assert "dilated by the stride 2x1" in of_filter.arguments[1].caption
    assert of_filter.arguments[0].rows[0] == ("0",) * 9
    assert any("cropped by the padding: 1 row above" in remark for remark in of_input.remarks)
    assert any("dilation" in remark for remark in of_filter.remarks)


def test_json():
    explanation, layer = CASES["lecture"]()
    document = json.loads(render(explanation, "json"))
    assert document["schema_version"] == 1
    assert document["output"]["O_11"]["terms"][0] == ["X_11", "F_11"]
    assert document["filter_gradient"]["dL/dF_22"]["terms"][3] == ["dL/dO_22", "X_33"]
    assert document["input_gradient"]["dL/dX_12"]["terms"] == [
        ["dL/dO_11", "F_12"], ["dL/dO_12", "F_11"],
    ]  # fmt: skip
    assert "value" not in document["output"]["O_11"]
    values = draw(layer, 0)
    numbered = to_document(add_numbers(explanation, layer, values))
    x, f = values["X"][:, :, 0], values["F"][:, :, 0, 0]
    assert numbered["output"]["O_11"]["value"] == pytest.approx(np.sum(x[:2, :2] * f))


class Page(HTMLParser):
    """Collects tags, and what would be fetched."""

    def __init__(self):
        super().__init__()
        self.tags, self.fetched = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        given = dict(attributes)
        self.fetched += [v for k, v in given.items() if k in ("src", "href") and v != "data:,"]


@each_case
def test_all_formats(make):
    explanation, layer = make()
    numbered = add_numbers(explanation, layer, draw(layer, 0))
    for one in (explanation, numbered):
        texts = {form: render(one, form) for form in FORMATS}
        json.loads(texts["json"])
        page = Page()
        page.feed(texts["html"])
        assert not page.fetched
        assert page.tags.count("h1") == 1
        latex = texts["latex"]
        assert latex.count(r"\begin{") == latex.count(r"\end{")
        assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
        assert texts["markdown"].count("$$") % 2 == 0
        for text in texts.values():
            assert ("all " in text and "agree with the engine" in text) == (one is numbered)


def test_ties_go_to_the_first():
    explanation, layer = CASES["max"]()
    values = {"X": np.zeros((4, 4)), "dL/dO": [[1, 2], [3, 4]]}
    numbered = add_numbers(explanation, layer, values)
    value = {e.left: e.value for e in numbered.section("input_gradient").equations}
    assert (value["dL/dX_11"], value["dL/dX_12"], value["dL/dX_33"]) == (1, 0, 4)
    assert "16 of them, at ties, with the engine alone" in numbered.verified


def test_one_element_of_a_large_geometry():
    with pytest.raises(ConfigError, match=r"the bound is 300 equations.*--element 2,3"):
        explain_conv2d((224, 224, 3), (7, 7), filters=64)
    explanation, layer = explain_conv2d((28, 28, 1), (5, 5), filters=20, element=(2, 3))
    assert [e.left for s in explanation.sections for e in s.equations] == [
        "O_2,3,1", "dL/dF_23,1,1", "dL/dX_2,3",
    ]  # fmt: skip
    assert len(explanation.section("filter_gradient").equations[0].terms) == 24 * 24
    assert add_numbers(explanation, layer, draw(layer, 0)).verified.startswith("all 3 lines")
    outside, _ = explain_conv2d((12, 12, 1), (2, 2), element=(12, 12))
    assert [len(section.equations) for section in outside.sections] == [0, 0, 1]
    assert "no such entry" in render(outside)
    for kind in ("max_pool2d", "avg_pool2d"):
        one, layer = explain_pooling(kind, (100, 100, 3), (3, 3), stride=(2, 2), element=(5, 5, 2))
        assert [e.left for s in one.sections for e in s.equations] == ["O_5,5,2", "dL/dX_5,5,2"]
        assert len(one.section("input_gradient").equations[0].terms) == 4
        add_numbers(one, layer, draw(layer, 0))
    one, layer = explain_dense(800, 500, element=(3, 4))
    assert add_numbers(one, layer, draw(layer, 0)).verified.startswith("all 4 lines")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="does not fit an input of 3x3"):
        explain_conv2d((3, 3, 1), (4, 4))
    with pytest.raises(ShapeError, match="groups"):
        explain_conv2d((3, 3, 3), (2, 2), groups=2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X": [[1, 2], [3, 4]]}, "X has the shape 2x2, expected 3x3x1"),
        ({"X": "abc"}, "X is not an array of numbers"),
        ({"X": np.full((3, 3), np.nan)}, "X has a value that is not finite"),
        ({"G": [1]}, "G is none of the arrays here: X, F, dL/dO"),
        ({"F": None}, "F is missing; it has the shape 2x2x1x1"),
    ],
)
def test_wrong_values(change, words):
    explanation, layer = CASES["lecture"]()
    values = {"X": np.ones((3, 3)), "F": [[1, 2], [3, 4]], "dL/dO": np.ones((2, 2)), **change}
    values = {name: value for name, value in values.items() if value is not None}
    with pytest.raises(ConfigError, match=re.escape(words)):
        add_numbers(explanation, layer, values)


def test_values_from_files(tmp_path):
    (tmp_path / "v.yaml").write_text("X: [[1, 2], [3, 4]]\ndL/dO: [[1]]\nF: [[0, 1], [1, 0]]\n")
    np.savez(tmp_path / "v.npz", X=np.eye(2), F=np.eye(2), dO=[[1.0]])
    (tmp_path / "v.json").write_text('{"X": [[1, 2], [3, 4]], "F": [[1, 0], [0, 1]], "dO": [[2]]}')
    explanation, layer = explain_conv2d((2, 2, 1), (2, 2))
    found = []
    for name in ("v.yaml", "v.npz", "v.json"):
        numbered = add_numbers(explanation, layer, read_values(tmp_path / name))
        found.append(numbered.section("output").equations[0].value)
    assert found == [5, 2, 5]
    (tmp_path / "bad.npz").write_bytes(b"PK no")
    (tmp_path / "list.yaml").write_text("[1, 2]")
    for name in ("bad.npz", "list.yaml", "missing.yaml"):
        with pytest.raises(ConfigError, match=name):
            read_values(tmp_path / name)
