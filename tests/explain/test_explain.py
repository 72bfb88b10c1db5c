"""The lecture's equations are generated for any geometry, and right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from cnnrun.engine import Network
from cnnrun.engine.layers import Conv2D, Dense, Flatten, ReLU
from cnnrun.engine.losses import (
    LOSSES,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from cnnrun.errors import ConfigError, GradientError, ShapeError
from cnnrun.explain import FORMATS, explain
from cnnrun.explain.formulas import loss_formula
from cnnrun.explain.numbers import add_numbers, array_shapes, draw
from cnnrun.explain.takeaways import WIDEST_MATRIX
from cnnrun.explain.windows import window_positions

LECTURE = Path(__file__).parents[3] / "shared/reference/lecture_cnn_backprop.md"

CASES = {
    "lecture": ("conv2d", {"input": (3, 3, 1), "filter": (2, 2)}),
    "stride": ("conv2d", {"input": 5, "filter": 3, "stride": (2, 2)}),
    "left over": ("conv2d", {"input": (4, 6), "filter": (3, 2), "stride": (2, 3)}),
    "padding": ("conv2d", {"padding": 1}),
    "same": ("conv2d", {"input": (4, 3), "padding": "same", "stride": (2, 1)}),
    "dilation": ("conv2d", {"input": (5, 4), "dilation": 2}),
    "all at once": (
        "conv2d", {"input": (6, 5), "stride": (2, 1), "padding": (1, 2), "dilation": (2, 1)}
    ),
    "channels": ("conv2d", {"input": (3, 3, 2), "filters": 2}),
    "groups": ("conv2d", {"input": (3, 3, 4), "filters": 2, "groups": 2}),
    "wide": ("conv2d", {"input": (1, 12), "filter": (1, 11)}),
    "max": ("max_pool2d", {}),
    "overlapping max": ("max_pool2d", {"input": (4, 4, 2), "pool_size": 3, "stride": 1}),
    "padded max": ("max_pool2d", {"input": (4, 5), "pool_size": 3, "stride": 2, "padding": 1}),
    "average": ("avg_pool2d", {"input": (4, 4), "pool_size": (2, 2)}),
    "overlapping average": ("avg_pool2d", {"input": 5, "pool_size": 3, "stride": 2}),
    "edge average": (
        "avg_pool2d", {"pool_size": 3, "stride": 2, "padding": 1, "count_padding": False}
    ),
    "gaps": ("avg_pool2d", {"input": 5, "stride": 3}),
    "dense": ("dense", {}),
    "wide dense": ("dense", {"input": 12, "units": 2}),
}  # fmt: skip
each_case = pytest.mark.parametrize("name", CASES)


def make(name, **options):
    kind, geometry = CASES[name]
    return explain(kind, **geometry, **options)


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
    explanation = make("lecture")
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


def test_gradients_begin_with_the_chain_rule_of_the_lecture():
    explanation = make("lecture")
    first = explanation.section("filter_gradient").equations[0]
    assert first.chain == tuple(
        (f"dL/dO_{place}", f"dO_{place}/dF_11") for place in ("11", "12", "21", "22")
    )
    for section in explanation.sections[1:]:
        for equation in section.equations:
            assert [pair[0] for pair in equation.chain] == [term[0] for term in equation.terms]
    lines = str(explanation).splitlines()
    place = lines.index("dL/dX_12 = dL/dO_11 * dO_11/dX_12 + dL/dO_12 * dO_12/dX_12")
    assert lines[place + 1] == "         = dL/dO_11 * F_12 + dL/dO_12 * F_11"
    latex = r"\frac{\partial L}{\partial O_{11}} \cdot \frac{\partial O_{11}}{\partial F_{11}}"
    assert latex in explanation.render("latex")
    large = explain("conv2d", input=28, filter=5, element=(2, 3))
    assert large.section("filter_gradient").equations[0].chain == ()


@each_case
def test_numbers_are_not_zero_and_no_line_repeats_itself(name):
    numbered = make(name, numbers=True)
    for array in draw(numbered.layer, 0).values():
        assert np.all(array)
    for form in ("text", "latex", "markdown", "html"):
        plain = re.sub(r"<[^>]*>|&", "", numbered.render(form))
        assert not re.search(r"= *0 *= *0\b", plain)
        assert not re.search(r"= *(\S+) = \1$", plain, re.M)


def test_a_page_has_fractions_and_colours_for_factors():
    page = make("lecture").render("html")
    fraction = '<span class="fraction of-dO"><span>∂<i class="of-L">L</i></span>'
    assert fraction in page
    assert '<i class="of-X">X</i><sub>11</sub> · <i class="of-F">F</i><sub>11</sub>' in page
    shown = re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.S)
    assert "dL/d" not in shown
    assert " * " not in shown


@each_case
def test_the_window_is_shown_where_the_output_is_computed(name):
    explanation = make(name)
    equations = {e.left: e for e in explanation.section("output").equations}
    for position in window_positions(explanation):
        seen = {cell for row in position.rows for cell, is_seen in row if is_seen and cell}
        equation = equations.get(position.output) or equations[f"{position.output},1"]
        inputs = {symbol for term in equation.terms for symbol in term if symbol[0] == "X"}
        named = any(size > 9 for size in explanation.layer.input_shape[:2])
        places = {symbol if named else symbol.split(",")[0] for symbol in inputs}
        assert seen == places


def test_the_first_windows_of_the_lecture():
    first, second, *others = window_positions(make("lecture"))
    assert (first.output, second.output, len(others)) == ("O_11", "O_12", 2)
    assert first.rows[0] == (("X_11", True), ("X_12", True), ("X_13", False))
    assert second.rows[2] == (("X_31", False), ("X_32", False), ("X_33", False))
    assert window_positions(make("dense")) == []
    assert window_positions(explain("conv2d", input=28, element=(1, 1))) == []
    assert make("lecture").render("html").count('<table class="window"') == 4
    corner = window_positions(make("padding"))[0].rows
    assert (corner[0][0], corner[1][1]) == (("", True), ("X_11", True))


def test_both_takeaways():
    explanation = make("lecture")
    of_filter, of_input = explanation.takeaways
    assert of_filter.operation == "Convolution"
    assert of_input.operation == "Full Convolution"
    assert of_input.arguments[0].rows == (("F_22", "F_21"), ("F_12", "F_11"))
    assert of_input.arguments[1].rows == (("dL/dO_11", "dL/dO_12"), ("dL/dO_21", "dL/dO_22"))
    assert of_filter.arguments[0].rows[0] == ("X_11", "X_12", "X_13")


@each_case
@pytest.mark.parametrize("seed", [0, 1])
def test_every_line_agrees_with_engine_and_finite_difference(name, seed):
    numbered = make(name, numbers=True, seed=seed)
    layer = numbered.layer
    count = sum(len(section.equations) for section in numbered.sections)
    assert numbered.verified.startswith(f"all {count} lines agree")
    arrays = {"O": layer.output_shape, "X": layer.input_shape, **array_shapes(layer)}
    for section in numbered.sections:
        assert len(section.equations) == np.prod(arrays[section.array])


@each_case
def test_a_wrong_engine_is_noticed(name):
    explanation = make(name)
    layer = explanation.layer

    def backward(self, dy, ctx):
        return 1.001 * np.array(type(self).__mro__[1].backward(self, dy, ctx))

    wrong = type("Wrong", (type(layer),), {"backward": backward})
    layer.__class__ = wrong
    wrong.type_name = wrong.__mro__[1].type_name
    with pytest.raises(GradientError, match="by its line, but"):
        add_numbers(explanation)


@each_case
def test_text_fits_80_columns(name):
    for explanation in (make(name), make(name, numbers=True)):
        assert max(map(len, str(explanation).splitlines())) < 80


@each_case
def test_matrices_are_the_gradients(name):
    """The matrix forms, computed by sliding windows, give the engine's gradients."""
    explanation = make(name)
    layer = explanation.layer
    if not isinstance(layer, Conv2D) or not explanation.takeaways:
        assert explanation.takeaways == [] or explanation.title.startswith("Dense")
        return
    values = draw(layer, 3)
    numbered = add_numbers(explanation, values)
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
    of_lines = [equation.value for equation in numbered.section("input_gradient").equations]
    np.testing.assert_allclose(dx.reshape(-1), of_lines, atol=1e-12)


def full_convolution(turned, error):
    """Slide a matrix over another from the first overlap to the last."""
    (a, b), (c, d) = turned.shape, error.shape
    padded = np.pad(error, ((a - 1, a - 1), (b - 1, b - 1)))
    out = np.zeros((a + c - 1, b + d - 1))
    for i, j in np.ndindex(*out.shape):
        out[i, j] = np.sum(turned * padded[i : i + a, j : j + b])
    return out


def test_stride_dilates_the_error_and_padding_crops():
    explanation = make("all at once")
    of_filter, of_input = explanation.takeaways
    assert of_filter.arguments[1].rows[1] == ("0",) * len(of_filter.arguments[1].rows[0])
    assert "dilated by the stride 2x1" in of_filter.arguments[1].caption
    assert of_filter.arguments[0].rows[0] == ("0",) * 9
    assert any("cropped by the padding: 1 row above" in remark for remark in of_input.remarks)
    assert any("dilation" in remark for remark in of_filter.remarks)


def test_json():
    explanation = make("lecture")
    document = json.loads(explanation.render("json"))
    assert document["schema_version"] == 1
    assert document["output"]["O_11"]["terms"][0] == ["X_11", "F_11"]
    assert document["filter_gradient"]["dL/dF_22"]["terms"][3] == ["dL/dO_22", "X_33"]
    assert document["input_gradient"]["dL/dX_12"]["terms"] == [
        ["dL/dO_11", "F_12"], ["dL/dO_12", "F_11"],
    ]  # fmt: skip
    assert "value" not in document["output"]["O_11"]
    values = draw(explanation.layer, 0)
    numbered = json.loads(make("lecture", values=values).render("json"))
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
def test_all_formats(name):
    explanation, numbered = make(name), make(name, numbers=True)
    for one in (explanation, numbered):
        texts = {form: one.render(form) for form in FORMATS}
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
    numbered = make("max", values={"X": np.zeros((4, 4)), "dL/dO": [[1, 2], [3, 4]]})
    value = {e.left: e.value for e in numbered.section("input_gradient").equations}
    assert (value["dL/dX_11"], value["dL/dX_12"], value["dL/dX_33"]) == (1, 0, 4)
    assert "16 of them, at ties, with the engine alone" in numbered.verified


def test_one_element_of_a_large_geometry():
    with pytest.raises(ConfigError, match=r"the bound is 300 equations.*--element 2,3"):
        explain("conv2d", input=(224, 224, 3), filter=7, filters=64)
    one = explain("conv2d", input=28, filter=5, filters=20, element=(2, 3), numbers=True)
    assert [e.left for s in one.sections for e in s.equations] == [
        "O_2,3,1", "dL/dF_23,1,1", "dL/dX_2,3",
    ]  # fmt: skip
    assert len(one.section("filter_gradient").equations[0].terms) == 24 * 24
    assert one.verified.startswith("all 3 lines")
    outside = explain("conv2d", input=12, element=(12, 12))
    assert [len(section.equations) for section in outside.sections] == [0, 0, 1]
    assert "no such entry" in str(outside)
    for kind in ("max_pool2d", "avg_pool2d"):
        one = explain(
            kind, input=(100, 100, 3), pool_size=3, stride=2, element=(5, 5, 2), numbers=True
        )
        assert [e.left for s in one.sections for e in s.equations] == ["O_5,5,2", "dL/dX_5,5,2"]
        assert len(one.section("input_gradient").equations[0].terms) == 4
    one = explain("dense", input=800, units=500, element=(3, 4), numbers=True)
    assert one.verified.startswith("all 4 lines")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="does not fit an input of 3x3"):
        explain("conv2d", filter=4)
    with pytest.raises(ShapeError, match="groups"):
        explain("conv2d", input=(3, 3, 3), groups=2)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("conv3d", {}, "no explanation is called 'conv3d'; did you mean conv2d?"),
        ("dense", {"stride": 2}, "stride is no option of dense; known: element, input, units"),
        ("max_pool2d", {"count_padding": True}, "count_padding is no option of max_pool2d"),
        ("conv2d", {"input": (3, 0)}, "input (3, 0) is no size from 1 up, such as (3, 3)"),
        ("conv2d", {"input": "3x3"}, "input '3x3' is no size"),
        ("conv2d", {"filter": 2.5}, "filter 2.5 is no size from 1 up, such as 2, or (2, 3)"),
        ("conv2d", {"stride": (1, 2, 3)}, "stride (1, 2, 3) is no size"),
        ("conv2d", {"filters": True}, "filters True is no size"),
        ("conv2d", {"groups": 0}, "groups 0 is no size"),
        ("conv2d", {"padding": -1}, "padding -1 is no size from 0 up, such as 'valid'"),
        ("conv2d", {"element": (0, 1)}, "element (0, 1) is no size from 1 up"),
        ("avg_pool2d", {"pool_size": 0}, "pool_size 0 is no size"),
        ("dense", {"input": (3, 3)}, "input (3, 3) is no size"),
        ("backprop", {}, "give network and loss"),
        ("backprop", {"values": {}}, "values is no option of backprop"),
    ],
    ids=str,
)
def test_wrong_options(kind, options, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        explain(kind, **options)


def test_formats_are_named():
    with pytest.raises(ConfigError, match="no format is called 'latx'; did you mean latex"):
        make("lecture").render("latx")


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
    values = {"X": np.ones((3, 3)), "F": [[1, 2], [3, 4]], "dO": np.ones((2, 2)), **change}
    values = {name: value for name, value in values.items() if value is not None}
    with pytest.raises(ConfigError, match=re.escape(words)):
        make("lecture", values=values)


def test_given_numbers_leave_the_explanation_and_the_arrays_alone():
    values = {"X": np.ones((3, 3)), "F": np.eye(2), "dO": np.ones((2, 2))}
    explanation = make("lecture")
    before = explanation.layer.params["w"].copy()
    add_numbers(explanation, values)
    np.testing.assert_array_equal(explanation.layer.params["w"], before)
    assert values.keys() == {"X", "F", "dO"}
    np.testing.assert_array_equal(values["X"], 1)


def network_with_loss():
    layers = [Conv2D.Config(2, 2), ReLU.Config(), Flatten.Config(), Dense.Config(3)]
    return {"network": Network(layers, (4, 4, 1)), "loss": SoftmaxCrossEntropy()}


def test_a_network_forward_and_backward():
    explanation = explain("backprop", **network_with_loss(), title="a tiny one", numbers=True)
    assert str(explanation).startswith("Backpropagation through a tiny one\n=====")
    assert "agree with finite differences" in explanation.verified
    steps = [[s.name.split(",")[0] for s in part.statements] for part in explanation.sections]
    forward, loss, backward, gradients = steps
    assert forward == ["00_conv2d", "01_relu", "02_flatten", "03_dense"]
    assert loss == ["the loss", "its gradient"]
    assert backward == forward[::-1]
    assert gradients == ["00_conv2d/w", "00_conv2d/b", "03_dense/w", "03_dense/b"]
    first = explanation.section("backward").statements[0]
    assert first.name.endswith("3 to 18")
    assert first.remark.startswith("|dy| = ")


HOSTILE = "<script>alert('{{ 1 }}')</script> \"&\" $x$"


def test_a_title_is_text_in_every_page():
    explanation = explain("backprop", **network_with_loss(), title=HOSTILE)
    for page in (explanation.render("html"), explanation._repr_html_()):
        assert "<script" not in page
        assert "&lt;script&gt;alert(&#39;{{ 1 }}&#39;)&lt;/script&gt; &#34;&amp;&#34; $x$" in page


def test_a_notebook_gets_a_part_of_a_page():
    explanation = make("channels", numbers=True)
    part, page = Page(), Page()
    part.feed(explanation._repr_html_())
    page.feed(explanation.render("html"))
    assert part.tags[0] == "div"
    assert not {"html", "head", "body", "main", "title"} & set(part.tags)
    assert part.tags[part.tags.index("h1") :] == page.tags[page.tags.index("h1") :]
    (style,) = re.findall("<style>(.*?)</style>", explanation._repr_html_(), re.S)
    selectors = re.findall(r"([^{};]+)\{", re.sub(r"@media[^{]*\{", "", style))
    assert all(part.strip().startswith(".explanation") for s in selectors for part in s.split(","))


def test_what_no_window_reaches_is_said_where_it_is_so():
    words = "no window reaches"
    for name, expected in (("left over", 2), ("lecture", 0), ("stride", 0), ("padding", 0)):
        remarks = [r for takeaway in make(name).takeaways for r in takeaway.remarks]
        assert sum(words in remark for remark in remarks) == expected, name


def test_the_bound_on_terms():
    explain("conv2d", input=10, filter=5)  # 3 x 36 x 25 = 2,700 terms
    with pytest.raises(ConfigError, match=r"233 equations with 4,800 terms"):
        explain("conv2d", input=12, filter=5)


@pytest.mark.parametrize(
    ("form", "product"),
    [
        ("text", "(-2) * (-0.5)"),
        ("latex", r"(-2) \cdot (-0.5)"),
        ("markdown", r"(-2) \cdot (-0.5)"),
        ("html", "(\N{MINUS SIGN}2) · (\N{MINUS SIGN}0.5)"),
    ],
)
def test_negative_factors_stand_in_parentheses(form, product):
    values = {"X": [[-2]], "F": [[-0.5]], "dO": [[1]]}
    explanation = explain("conv2d", input=1, filter=1, values=values)
    assert product in explanation.render(form)


def test_templates_are_loaded_only_for_a_page():
    lines = (
        "import sys, cnnrun.explain as e",
        "print(e.explain('conv2d').render('latex') and 'jinja2' in sys.modules)",
        "print(e.explain('conv2d').render('html') and 'jinja2' in sys.modules)",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr


@pytest.mark.parametrize(
    ("name", "overlap", "between", "padding"),
    [
        ("max", False, False, ""),
        ("overlapping max", True, False, ""),
        ("padded max", True, False, "Padding never wins."),
        ("gaps", False, True, ""),
        ("edge average", True, False, "Padding gets no error."),
    ],
)
def test_what_is_noted_of_pooling(name, overlap, between, padding):
    notes = make(name).notes
    assert any("Windows overlap" in note for note in notes) == overlap
    assert any("Cells between the windows" in note for note in notes) == between
    assert [note for note in notes if note.startswith("Padding")] == [padding] * bool(padding)


def test_what_the_error_of_an_average_is_multiplied_with():
    intro = {name: make(name).section("input_gradient").intro for name in CASES}
    assert "by 1/(N*N), here 1/4," in intro["average"]
    assert "by 1/n, n being the cells of the window inside the image" in intro["edge average"]


def test_json_says_where_a_maximum_is_taken():
    maximum, average = (json.loads(make(name).render("json")) for name in ("max", "average"))
    assert maximum["output"]["O_11"]["operation"] == "max"
    assert "operation" not in average["output"]["O_11"]


def test_formulas_of_a_loss_follow_its_reduction():
    by_sample, by_value = loss_formula(MeanSquaredError()), loss_formula(MeanSquaredError("mean"))
    assert by_sample[1].startswith("delta = -(t - a) / N")
    assert by_value[1] == "delta = -2 (t - a) / (K N)"
    for loss in (MeanAbsoluteError, Huber):
        mean, total = loss_formula(loss()), loss_formula(loss(reduction="sum"))
        assert mean[1].endswith("/ (K N)")
        assert total[1] == mean[1].replace("(K N)", "N")


def test_every_loss_has_its_formulas():
    for name in LOSSES:
        assert loss_formula(LOSSES.get(name)())[1].startswith("delta = ")


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "html"])
def test_numbers_of_a_maximum_need_no_parentheses(form):
    values = {"X": [[-1, -2], [-3, -4]], "dO": [[1]]}
    page = explain("max_pool2d", input=2, values=values).render(form)
    plain = re.sub(r"<[^>]*>", "", page).replace("\N{MINUS SIGN}", "-")
    assert "max(-1, -2, -3, -4)" in plain
