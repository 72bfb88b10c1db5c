"""An explanation can be read in every format."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from explained import Page, each_case, make, network_with_loss

from cnnrun.errors import ConfigError
from cnnrun.explain import FORMATS, explain
from cnnrun.explain.subjects import LayerSubject


@each_case
def test_text_fits_80_columns(name):
    for explanation in (make(name), make(name, numbers=True)):
        assert max(map(len, str(explanation).splitlines())) < 80


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
    values = LayerSubject(explanation.layer).draw(0)
    numbered = json.loads(make("lecture", values=values).render("json"))
    x, f = values["X"][:, :, 0], values["F"][:, :, 0, 0]
    assert numbered["output"]["O_11"]["value"] == pytest.approx(np.sum(x[:2, :2] * f))


def test_json_says_where_a_maximum_is_taken():
    maximum, average = (json.loads(make(name).render("json")) for name in ("max", "average"))
    assert maximum["output"]["O_11"]["operation"] == "max"
    assert "operation" not in average["output"]["O_11"]


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
        for text in (" ".join(text.split()) for text in texts.values()):
            assert ("all " in text and "agree with the engine" in text) == (one is numbered)


def test_formats_are_named():
    with pytest.raises(ConfigError, match="no format is called 'latx'; did you mean latex"):
        make("lecture").render("latx")


def test_a_page_has_fractions_and_colours_for_factors():
    page = make("lecture").render("html")
    fraction = '<span class="fraction of-dO"><span>∂<i class="of-L">L</i></span>'
    assert fraction in page
    assert '<i class="of-X">X</i><sub>11</sub> · <i class="of-F">F</i><sub>11</sub>' in page
    shown = re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.S)
    assert "dL/d" not in shown
    assert " * " not in shown


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


def test_templates_are_loaded_only_for_a_page():
    lines = (
        "import sys, cnnrun.explain as e",
        "print(e.explain('conv2d').render('latex') and 'jinja2' in sys.modules)",
        "print(e.explain('conv2d').render('html') and 'jinja2' in sys.modules)",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr
