"""The page of an inspection shows what it is given, as text and never as HTML."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import numpy as np
import pytest

from cnnrun.inspection.page import EmbeddedPicture, render_page, sample_picture

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='f()'>",
    "{{ 7 * 7 }}{% raw %}",
    "a&b",
]


def sample(text):
    return {"label": text, "true": text, "predicted": text, "probability": 0.5, "objective": 2.0}


def report(text):
    """Return a report in which every text is `text`."""
    layer = dict.fromkeys(["error_norm", "relative_error", "output_rms", "zeros"], 0.25)
    empty = dict.fromkeys(["weight_norm", "gradient_norm", "gradient_to_weight", "dead"])
    figures = dict.fromkeys(["norm", "mean", "std", "min", "max", "gradient_to_weight"], 1.5)
    return {
        "objective": text,
        "network": text,
        "task": "classification",
        "compared": None,
        "samples": [sample(text)],
        "flow": {
            "samples": 4,
            "healthy": False,
            "verdict": [text],
            "layers": [{"layer": text, "type": text, **layer, **empty, "words": text}],
        },
        "attribution": {
            "maps": ["saliency"],
            "completeness_error": [0.001, 0.25],
            "integrated_gradients_steps": 64,
            "grad_cam_layer": text,
            "occlusion_patch": 3,
        },
        "layers": [{"layer": text, "tensor": text, "shape": (2, 3), "zeros": 0.5, "nan": 7,
                    **figures}],
        "notes": [text],
    }  # fmt: skip


class Page(HTMLParser):
    """Collects tags, texts and attributes' values."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.values, self.texts = [], [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.values += [value for _, value in attributes]

    def handle_data(self, data):
        self.texts.append(" ".join(data.split()))


def written(tmp_path, text):
    picture = EmbeddedPicture(text, "filters", text, b"png", (4, 3))
    image = sample_picture(np.zeros((4, 5, 1)))
    (tmp_path / "index.html").write_text(render_page(report(text), [picture], [image]), "utf-8")
    return Page(tmp_path / "index.html")


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_is_escaped(tmp_path, text):
    plain, page = written(tmp_path, "plain"), written(tmp_path, text)
    assert page.tags == plain.tags
    assert page.texts == [words.replace("plain", text) for words in plain.texts]
    assert page.values == [value.replace("plain", text) for value in plain.values]


def test_what_it_shows(tmp_path):
    page = written(tmp_path, "plain")
    texts = " ".join(page.texts)
    assert "plain: what flows backward" in page.texts
    assert "Measured on 4 samples." in page.texts
    assert "misses the change of the objective by 25.00% at most" in texts
    assert "2 x 3" in page.texts
    assert "50%" in page.texts
    assert "7" in page.texts
    assert f"data:image/png;base64,{base64.b64encode(b'png').decode()}" in page.values


def test_many_samples_are_not_all_named(tmp_path):
    many = report("plain")
    many["samples"] = [sample(f"test {i}") for i in range(14)]
    (tmp_path / "index.html").write_text(render_page(many, []), "utf-8")
    texts = Page(tmp_path / "index.html").texts
    assert "test 11" in texts
    assert "test 12" not in texts
    assert "And 2 more samples." in texts


def test_it_begins_with_the_image_and_what_it_is_taken_for(tmp_path):
    document = report("layer")
    document["samples"] = [{**sample("test 3"), "true": "seven", "predicted": "nine"}]
    image = sample_picture(np.ones((8, 8, 3)))
    picture = EmbeddedPicture("layer", "filters", "filters", b"png", (4, 3))
    again = EmbeddedPicture("layer", "input_gradients", "the same as above", b"", (0, 0))
    (tmp_path / "index.html").write_text(render_page(document, [picture, again], [image]), "utf-8")
    page = Page(tmp_path / "index.html")
    first = page.texts.index("predicted nine (50.0%)")
    assert page.texts.index("true class seven") < page.texts.index("The flow of gradients")
    assert first < page.texts.index("Contents")
    assert "Not drawn again: the same as above." in page.texts
    assert page.tags.count("img") == 2
    assert image.size == (168, 168)


def test_a_comparison_names_both_and_shows_both_flows(tmp_path):
    document = report("plain")
    document["compared"] = {
        "names": ["one", "two"],
        "flow": {**document["flow"], "verdict": ["the second is ill"]},
        "samples": [{"predicted": "six", "probability": 0.25}],
    }
    (tmp_path / "index.html").write_text(render_page(document, []), "utf-8")
    texts = Page(tmp_path / "index.html").texts
    assert "one and two: what flows backward" in texts
    assert "predicted one: plain (50.0%)" in texts
    assert "predicted two: six (25.0%)" in texts
    assert "the second is ill" in texts
