"""Charts: round ticks, text that is text, and marks that say what they stand for."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from cnnrun.report.calibration import calibration, precision_recall_curve
from cnnrun.report.class_charts import balance_chart, confusion_chart, curve_pair, reliability_chart
from cnnrun.report.curves import curve_charts, thinned
from cnnrun.report.number_charts import heat_maps, histogram, scatter_chart
from cnnrun.report.scales import Scale, evenly, number, scale_for
from cnnrun.runs.measures.metrics import per_class

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror='f()'>", "a\x1b[31mb\x00")


def parsed(picture):
    return ElementTree.fromstring(picture.__html__())


def tips(picture):
    return [element.text for element in parsed(picture).iter(f"{SVG}title")]


def texts(picture):
    return [element.text for element in parsed(picture).iter(f"{SVG}text") if element.text]


def line(epoch, loss=1.0, **more):
    return {"kind": "epoch", "epoch": epoch, "train_loss": loss, "val_loss": loss / 2, **more}


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (Scale(0.5, 1.5, integer=True), [1]),
        (Scale(1, 500, integer=True), [100, 200, 300, 400, 500]),
        (Scale(1e-6, 1e3, log=True), [1e-6, 1e-4, 1e-2, 1, 100]),
        (Scale(2, 9, log=True), [2, 5]),
    ],
)
def test_ticks_are_round(scale, ticks):
    assert scale.ticks() == pytest.approx(ticks)


def test_an_axis_is_logarithmic_where_values_span_decades():
    assert scale_for([1e-3, 1]).log
    assert not scale_for([0.1, 1]).log
    assert not scale_for([0, 1000]).log
    assert scale_for([3]).low < 3 < scale_for([3]).high
    assert scale_for([float("nan")]).high > 0
    assert Scale(1, 100, log=True).part(10) == pytest.approx(0.5)
    assert [number(value) for value in (3.0, 0.12345, 1234)] == ["3", "0.1235", "1,234"]


def test_a_confusion_matrix_is_blank_where_nothing_is():
    matrix = np.array([[8, 1, 0], [0, 5, 0], [2, 0, 7]])
    picture = confusion_chart(matrix, ["a", "b", "c"])
    counts = [words for words in texts(picture) if words.isdecimal()]
    assert sorted(counts) == ["1", "2", "5", "7", "8"]
    assert "2 of c (22.2%) taken for a" in tips(picture)
    assert picture.description.startswith("20 of 23 samples are right; most often c is taken for a")
    strengths = {
        box.get("fill-opacity") for box in parsed(picture).iter(f"{SVG}rect") if box.get("class")
    }
    assert min(float(value) for value in strengths) > 0.2, "a single sample is seen"


def test_a_hundred_classes_have_no_counts_but_tooltips():
    names = [f"class {number}" for number in range(100)]
    matrix = np.eye(100, dtype=int) * 3
    matrix[4, 7] = 1
    picture = confusion_chart(matrix, names)
    assert "1 of class 4 (25.0%) taken for class 7" in tips(picture)
    assert "3" not in texts(picture)
    assert picture.width < 800


def test_long_names_keep_what_tells_them_apart():
    names = [f"adenocarcinoma of type {number}" for number in range(24)]
    matrix = np.diag(np.full(24, 1200))
    matrix[0, 1] = 999
    written = texts(confusion_chart(matrix, names))
    assert {"999", "1.2k"} <= {*written}
    short = [words for words in written if words.startswith("adeno")]
    assert len({*short}) == 24
    assert max(map(len, short)) == 16


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name):
    labels = np.array([0, 1, 1, 0])
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    names = [name, "plain"]
    figures = per_class(scores, labels, names)
    true = labels[:, None] == np.arange(2)
    pictures = [
        confusion_chart(np.array([[2, 0], [1, 1]]), names),
        balance_chart({name: np.array([1, 2])}, names, "class"),
        *curve_pair(scores, true, figures, {}),
        scatter_chart(labels, labels, name),
        *heat_maps([{"epoch": 1, "step": 1, "layers": [{"layer": name, "dead": 0.5}]}]),
    ]
    assert len(pictures) == 6
    for picture in pictures:
        tags = {element.tag.removeprefix(SVG) for element in parsed(picture).iter()}
        assert tags <= {"svg", "g", "text", "title", "line", "polyline", "circle", "rect"}
        assert "<script" not in picture.__html__()
        assert "<img" not in picture.__html__()


@pytest.mark.parametrize("epochs", [1, 10, 500])
def test_curves_mark_the_best_epoch_and_tell_every_one(epochs):
    lines = [line(epoch, 1 / epoch, grad_norm=float(epoch)) for epoch in range(1, epochs + 1)]
    loss, norm = curve_charts(lines, best=1)
    assert "best: epoch 1" in texts(loss)
    assert len(tips(loss)) == epochs
    assert tips(loss)[-1].startswith(f"epoch {epochs}: training {number(1 / epochs)}, validation")
    assert "norm of the gradient" in texts(norm)
    assert ("loss, logarithmic" in texts(loss)) == (epochs == 500)
    assert bool(list(parsed(loss).iter(f"{SVG}circle"))) == (epochs < 500)


def test_of_very_many_epochs_some_are_drawn():
    lines = [line(epoch) for epoch in range(1, 5001)]
    drawn = [each["epoch"] for each in thinned(lines, best=2)]
    assert len(drawn) <= 601
    assert {1, 2, 5000} <= {*drawn}
    assert thinned(lines[:500], best=2) == lines[:500]
    assert evenly(3, 5) == [0, 1, 2]
    assert evenly(9, 5) == [0, 2, 4, 6, 8]


def test_what_is_not_finite_is_left_out():
    lines = [line(1, val_auc=None), line(2, float("nan"), val_auc=0.5)]
    loss, area = curve_charts(lines, best=None)
    assert tips(loss) == ["epoch 1: training 1, validation 0.5"]
    assert tips(area) == ["epoch 2: validation 0.5"]
    assert curve_charts([], best=None) == []
    assert "2 values" in histogram(np.array([1.0, np.inf, 2.0]), "a", "b").description


def test_calibration_by_hand():
    probabilities = np.array([0.95, 0.95, 0.95, 0.55])
    measured = calibration(probabilities, np.array([True, True, False, True]))
    assert [(each.count, each.right) for each in measured.bins] == [(1, 1), (3, 2)]
    assert measured.error == pytest.approx((1 * 0.45 + 3 * (0.95 - 2 / 3)) / 4)
    assert calibration(np.ones(2), np.array([True, True])).error == 0
    picture = reliability_chart(measured, "predictions")
    assert "0.9 to 1.0: 3 predictions, 66.7% right, mean probability 95.0%" in tips(picture)


def test_the_points_of_the_curves_are_handed_over():
    labels = np.array([0, 1, 1, 0])
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    figures, numbers = per_class(scores, labels, ["a", "b"]), {}
    charts = curve_pair(scores, labels[:, None] == np.arange(2), figures, numbers)
    assert [chart.title for chart in charts] == ["ROC curves", "precision over recall"]
    assert numbers["roc"]["b"] == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert numbers["precision_recall"]["b"][0] == (0.5, 1)


def test_precision_over_recall_by_hand():
    scores, positive = np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, False, True, False])
    recall, precision = precision_recall_curve(scores, positive)
    assert recall.tolist() == pytest.approx([0.5, 1, 1])
    assert precision.tolist() == pytest.approx([1, 2 / 3, 0.5])


def test_a_heat_map_has_a_cell_for_each_layer_and_measurement():
    lines = [
        {"epoch": epoch, "step": 10 * epoch, "layers": [
            {"layer": "00_conv2d", "gradient_norm": 10.0**-epoch, "dead": None},
            {"layer": "01_relu", "gradient_norm": None, "dead": 0.25},
        ]}
        for epoch in range(1, 4)
    ]  # fmt: skip
    norm, dead = heat_maps(lines)
    assert norm.title == "norm of the gradient of every layer"
    assert "00_conv2d, epoch 3, step 30: 0.001" in tips(norm)
    assert len(tips(dead)) == 3
