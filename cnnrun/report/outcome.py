"""What a network came to on a split, in the charts, tables and images that fit its task."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.report.blocks import Card, Cards, Charts, Section, Table, Text, shown
from cnnrun.report.calibration import Calibration, calibration
from cnnrun.report.class_charts import MOST_NAMED, confusion_chart, curve_pair, reliability_chart
from cnnrun.report.images import attributions, embedded, overlaid
from cnnrun.report.number_charts import histogram, scatter_chart
from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.measures import ClassFigures, ImageFigures, LabelFigures, NumberFigures
from cnnrun.runs.measures.images import psnr
from cnnrun.runs.model import Model

__all__ = ["mistake_section", "outcome_sections"]

MOST_MISTAKES = 12
MOST_NUMBERS = 8
"""Of a regression that are drawn."""
MOST_CONFUSED = 12
"""Pairs of classes that are listed, where the matrix is drawn without names."""


def outcome_sections(evaluation: Evaluation) -> list[Section]:
    """Return the sections about an evaluation, without its mistakes."""
    figures, numbers = evaluation.figures, evaluation.to_dict()
    results = Section("Results", numbers={"evaluation": numbers})
    if isinstance(figures, ClassFigures | LabelFigures):
        results.blocks.append(Charts(_of_classes(figures, results.numbers)))
        if isinstance(figures, ClassFigures) and len(figures.class_names) > MOST_NAMED:
            results.blocks += _confused(figures)
    elif isinstance(figures, NumberFigures):
        results.blocks.append(Charts(_of_numbers(figures)))
    elif isinstance(figures, ImageFigures):
        ratios = psnr(figures.mean_squares)
        charts = [
            histogram(ratios, "PSNR of the outputs", "PSNR in dB"),
            histogram(figures.mae, "mean absolute error of the outputs", "MAE"),
        ]
        results.blocks.append(Charts(charts))
    table = figures.table
    rows = [[shown(cell) for cell in row] for row in table.rows]
    results.blocks.append(Table(table.title, table.columns, rows))
    return [results]


def mistake_section(evaluation: Evaluation, model: Model, x: Array | None) -> Section:
    """Return the images that went wrong most.

    Args:
        evaluation: of the test split.
        model: what was measured.
        x: the inputs of the first of the evaluation's mistakes, normalised; None where there are
            no mistakes to say something of.
    """
    figures = evaluation.figures
    if isinstance(figures, ImageFigures):
        return Section("The worst images", [Cards([_restored(each) for each in figures.worst])])
    section = Section("The most confident mistakes")
    if not isinstance(figures, ClassFigures) or x is None:
        return section
    mistakes = figures.mistakes[: len(x)]
    classes = np.array([mistake.predicted for mistake in mistakes])
    black = -np.array(model.statistics.mean) / np.array(model.statistics.std)
    maps = attributions(model.network, x, classes, black)
    names = figures.class_names
    cards = []
    for number, mistake in enumerate(mistakes):
        words = f"test sample {mistake.index}"
        images = [embedded(mistake.pixels, words)]
        if number < len(maps):
            heard = f"{words}: pixels that speak for the prediction"
            images.append(overlaid(mistake.pixels, maps[number], heard))
        lines = [
            f"{words}: {names[mistake.true]}",
            f"taken for {names[mistake.predicted]}, {mistake.probability:.1%}",
        ]
        cards.append(Card(images, lines))
    section.blocks.append(
        Text(
            "Beside each image stand the pixels that speak for the class it was taken for "
            "(integrated gradients; violet little, yellow much)."
        )
    )
    section.blocks.append(Cards(cards))
    section.numbers["mistakes"] = [
        {
            "index": mistake.index,
            "true": names[mistake.true],
            "predicted": names[mistake.predicted],
            "probability": mistake.probability,
        }
        for mistake in figures.mistakes
    ]
    return section


def _of_classes(figures: ClassFigures | LabelFigures, numbers: dict[str, Any]) -> list[Any]:
    scores = figures.scores
    if isinstance(figures, ClassFigures):
        names = figures.class_names
        true = figures.labels[:, None] == np.arange(len(names))
        charts = [confusion_chart(figures.confusion_matrix, names)]
        measured = calibration(scores.max(axis=1), scores.argmax(axis=1) == figures.labels)
        drawn = slice(1, 2) if len(names) == 2 else slice(None)  # of a pair one says all
    else:
        true, charts, drawn = figures.labels > 0.5, [], slice(None)
        measured = calibration(scores.ravel(), true.ravel())
    of = "predictions" if isinstance(figures, ClassFigures) else "labels"
    charts += curve_pair(scores[:, drawn], true[:, drawn], figures.per_class[drawn], numbers)
    charts.append(reliability_chart(measured, of))
    numbers["calibration"] = _plain(measured)
    return charts


def _plain(measured: Calibration) -> dict[str, Any]:
    return {"error": measured.error, "bins": [vars(each) for each in measured.bins]}


def _confused(figures: ClassFigures) -> list[Table]:
    """Return the most frequent confusions as a table; none where there are none."""
    wrong = figures.confusion_matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
    names = figures.class_names
    rows = [
        [names[row], names[column], f"{wrong[row, column]:,}"]
        for row, column in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[row, column]
    ]
    if not rows:
        return []
    return [Table("most frequent confusions", ("true class", "taken for", "samples"), rows)]


def _of_numbers(figures: NumberFigures) -> list[Any]:
    charts = []
    for number, name in enumerate(figures.class_names[:MOST_NUMBERS]):
        true, predicted = figures.labels[:, number], figures.predictions[:, number]
        charts.append(scatter_chart(true, predicted, name))
        errors = (predicted - true).astype(np.float64)
        charts.append(histogram(errors, f"errors of {name}", "predicted - true"))
    return charts


def _restored(image: Any) -> Card:
    pairs = {"input": image.input, "target": image.target, "output": image.output}
    words = f"test sample {image.index}"
    images = [embedded(pixels, f"{words}: {word}") for word, pixels in pairs.items()]
    return Card(images, [f"{words}: {', '.join(pairs)}", f"PSNR {image.psnr:.1f} dB"])
